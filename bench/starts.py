"""Cold starts: fresh interpreters, with bytecode, that import a function and build its services."""

import statistics
from collections.abc import Iterable

from bench.reference import reference_ms
from bench.table import Row
from tests.coldstart.imports import start


def measure_starts(functions: Iterable[str], times: int) -> list[Row]:
    """One at a time, so that they do not slow each other down."""
    return [_measure(name, times) for name in functions]


def _measure(name: str, times: int) -> Row:
    starts, references = [], []
    for _ in range(times):
        references.append(statistics.median(reference_ms() for _ in range(5)))
        starts.append(start(name))
    cpu_ms = statistics.median(one.cpu for one in starts) * 1000
    return Row(
        f"start of {name}",
        cpu_ms=cpu_ms,
        ratio=cpu_ms / statistics.median(references),
        modules=len(starts[0].modules),
        cold_ms=statistics.median(one.seconds for one in starts) * 1000,
    )
