"""A process is killed before each of its writes: see `scenarios.api_keys`."""

import pytest

from tests.sweep.kills import Scenario, Sweeper
from tests.sweep.scenarios.api_keys import scenario


@pytest.mark.parametrize("one", list(scenario), ids=str)
def test_a_kill_leaves_all_as_it_was_or_all_gone_and_whoever_asks_again_finishes(
    one: Scenario, sweeper: Sweeper
) -> None:
    sweeper.require_law(one)
