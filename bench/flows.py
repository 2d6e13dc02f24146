"""Warm requests by the lean client, as they are deployed: counts of DynamoDB calls, and CPU time.

A reference loop runs before each request, so that a ratio can be told of a machine whose speed changes.
"""

import gc
import io
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

from argon2.profiles import RFC_9106_LOW_MEMORY

from bench.reference import reference_ms
from bench.table import Row
from tests.coldstart.warm import WarmFlow, measured
from tests.functions.world import World

WARM_UP = 3


def measure_flows(flows: Mapping[str, WarmFlow], repeat: int) -> list[Row]:
    world = World("lean", hashing=RFC_9106_LOW_MEMORY)
    try:
        with redirect_stdout(io.StringIO()):  # lines of the log are made, and go nowhere
            return [_measure(world, name, flow, repeat) for name, flow in flows.items()]
    finally:
        world.close()


def _measure(world: World, name: str, flow: WarmFlow, repeat: int) -> Row:
    world.reset()
    calls = measured(world, flow)
    cpu_ms, reference = _cpu_ms(world, flow, repeat)
    return Row(
        name,
        round_trips=len(calls),
        read_units=sum(call.read for call in calls),
        write_units=sum(call.write for call in calls),
        cpu_ms=cpu_ms,
        ratio=cpu_ms / reference,
    )


def _cpu_ms(world: World, flow: WarmFlow, repeat: int) -> tuple[float, float]:
    """The medians of a request and of the reference loop.

    Each request starts from the same tables; time inside the simulated AWS is not counted.
    """
    world.reset()
    request = flow.prepare(world)
    start = world.aws.snapshot()
    spent: list[float] = []
    references: list[float] = []
    timed = _timed(world, flow.function, spent)
    world.aws.keep_time = True
    world.run, original = timed, world.run  # type: ignore[method-assign]  # put back below
    try:
        for _ in range(WARM_UP + repeat):
            world.aws.restore(start)
            gc.collect(0)
            references.append(reference_ms())
            request()
    finally:
        world.aws.keep_time = False
        world.run = original  # type: ignore[method-assign]  # as it was
    return statistics.median(spent[WARM_UP:]) * 1000, statistics.median(references)


def _timed(world: World, function: str, spent: list[float]) -> Callable[..., Any]:
    original = world.run

    def run(name: str, module: Any, event: Any) -> Any:
        simulated, began = world.aws.seconds, time.process_time()
        try:
            return original(name, module, event)
        finally:
            if name == function:
                spent.append(time.process_time() - began - (world.aws.seconds - simulated))

    return run
