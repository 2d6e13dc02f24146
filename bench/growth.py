"""What lists, pages and ends cost with much of everything: calls, units, octets and the time of this process."""

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout

from tests.coldstart.growth import KEY_LOOKS, LOOKS, QUESTIONS, Estate, Question, cost, estate, is_within
from tests.functions.flowing import having_api_keys
from tests.functions.world import World

SIZES = (1_000, 10_000, 100_000)


def report_growth(sizes: tuple[int, ...] = SIZES) -> str:
    """A table; what is above its bound is marked."""
    with redirect_stdout(io.StringIO()):  # lines of the log go nowhere
        lines = [line for number in sizes for line in _lines(number)]
    head = f"{'':<40}{'of each':>9}{'calls':>7}{'read':>8}{'write':>7}{'octets':>9}{'s':>7}"
    return "\n".join((head, *lines))


def _lines(number: int) -> Iterator[str]:
    world = World()
    try:
        there = estate(world, number)
        with having_api_keys(world):
            yield from _measured(there, number, KEY_LOOKS, KEY_LOOKS)
        yield from _measured(there, number, LOOKS, QUESTIONS)
    finally:
        world.close()


def _measured(
    there: Estate, number: int, looks: Mapping[str, Question], questions: Mapping[str, Question]
) -> Iterator[str]:
    for question in looks.values():
        cost(there, question)
    for name, question in questions.items():
        began = time.perf_counter()
        found = cost(there, question)
        seconds = time.perf_counter() - began
        mark = "" if is_within(found, question) else "  above its bound"
        counts = f"{number:>9}{found.calls:>7}{found.read:>8}{found.write:>7}{found.octets:>9}"
        yield f"{name:<40}{counts}{seconds:>7.2f}{mark}"
