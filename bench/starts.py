"""Cold starts: fresh interpreters, with bytecode, that import a function and build its services."""

import statistics
from collections.abc import Iterable

from bench.table import Row
from tests.coldstart.imports import start


def measure_starts(functions: Iterable[str], times: int) -> list[Row]:
    """One at a time, so that they do not slow each other down."""
    return [_measure(name, times) for name in functions]


def _measure(name: str, times: int) -> Row:
    starts = [start(name) for _ in range(times)]
    return Row(
        f"start of {name}",
        modules=len(starts[0].modules),
        cold_ms=statistics.median(one.seconds for one in starts) * 1000,
    )
