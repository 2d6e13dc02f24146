"""What an answer costs has a bound, however many clients, users, members and grants there are."""

import pytest

from tests.coldstart.growth import LOOKS, QUESTIONS, cost, estate, is_within
from tests.functions.world import World


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_an_answer_costs_no_more_than_its_bound_however_much_there_is(world: World, number: int) -> None:
    there = estate(world, number)
    for question in LOOKS.values():
        cost(there, question)  # from here on its function knows what it remembers
    found = {name: cost(there, question) for name, question in QUESTIONS.items()}
    assert {name: one for name, one in found.items() if not is_within(one, QUESTIONS[name])} == {}
    assert max(one.octets for one in found.values()) < 250_000
