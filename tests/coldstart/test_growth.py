"""What an answer costs has a bound, however many clients, users, members and grants there are."""

from collections.abc import Mapping

import pytest

from tests.coldstart.growth import KEY_LOOKS, LOOKS, QUESTIONS, Cost, Estate, Question, cost, estate, is_within
from tests.functions.flowing import having_api_keys
from tests.functions.world import World


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_an_answer_costs_no_more_than_its_bound_however_much_there_is(world: World, number: int) -> None:
    there = estate(world, number)
    with having_api_keys(world):
        found = measured(there, KEY_LOOKS, KEY_LOOKS)
    found |= measured(there, LOOKS, QUESTIONS)
    bounds = KEY_LOOKS | QUESTIONS
    assert {name: one for name, one in found.items() if not is_within(one, bounds[name])} == {}
    assert max(one.octets for one in found.values()) < 250_000


def measured(there: Estate, looks: Mapping[str, Question], questions: Mapping[str, Question]) -> dict[str, Cost]:
    """What each question costs, once the functions know what they remember."""
    for question in looks.values():
        cost(there, question)
    return {name: cost(there, question) for name, question in questions.items()}
