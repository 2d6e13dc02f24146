"""The functions: each with its own workers, started when they are wanted, renewed when the code changes."""

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from local.logs import Log
from local.stack import Function
from local.workers import FunctionError, Household, Worker, worker_environment

MOST_WORKERS = 4  # of one function
STARTING_AT_ONCE = 2
PATIENCE = 29.0  # seconds to wait for a worker when all are busy; as long as API Gateway would wait


class ThrottledError(FunctionError):
    """All workers stayed busy. Lambda would have started more, up to the function's or account's concurrency."""

    def __init__(self) -> None:
        super().__init__("Rate Exceeded.", "TooManyRequestsException")


@dataclass(order=True)
class _Start:
    priority: int
    number: int
    run: Callable[[], None] = field(compare=False)


class Starter:
    """Runs the starts of workers, few at once so that the machine stays usable; what a caller waits for comes first."""

    WANTED, AHEAD = 0, 1

    def __init__(self) -> None:
        self._queue: queue.PriorityQueue[_Start] = queue.PriorityQueue()
        self._count = 0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name="starter", daemon=True) for _ in range(STARTING_AT_ONCE)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, priority: int, run: Callable[[], None]) -> None:
        self._count += 1
        self._queue.put(_Start(priority, self._count, run))

    def _run(self) -> None:
        while True:
            start = self._queue.get()
            if self._closed:
                return
            start.run()

    def close(self) -> None:
        """Begin no further start."""
        self._closed = True
        for _ in self._threads:
            self.submit(self.WANTED, lambda: None)

    def join(self) -> None:
        """Wait until those under way have ended."""
        for thread in self._threads:
            thread.join()


class Pool:
    """The workers of one function."""

    def __init__(
        self, function: Function, environment: Mapping[str, str], household: Household, starter: Starter, log: Log
    ) -> None:
        self.function = function
        self.environment = environment
        self._household = household
        self._starter = starter
        self._log = log
        self._most = MOST_WORKERS if function.concurrency is None else min(MOST_WORKERS, function.concurrency)
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._starting = 0
        self._waiting = 0
        self._generation = 0
        self._failures = 0
        self._last_failure: FunctionError | None = None
        self._closed = False

    def start_ahead(self, done: Callable[[FunctionError | None], None]) -> None:
        """Start one worker in the background unless there is one; then call `done` with what went wrong, if it did."""

        def run() -> None:
            with self._changed:
                needed = not (self._idle or self._busy or self._starting or self._closed)
                if needed:
                    self._starting += 1
            done(self._start() if needed else None)

        self._starter.submit(Starter.AHEAD, run)

    def invoke(self, event: bytes) -> bytes:
        """The answer of a worker to the event. Errors: `FunctionError`; `ThrottledError` when all stay busy."""
        worker = self._acquire()
        try:
            return worker.invoke(event)
        finally:
            self._release(worker)

    def _acquire(self) -> Worker:
        until = time.monotonic() + PATIENCE
        with self._changed:
            failures = self._failures
            self._waiting += 1
            try:
                while not self._idle:
                    if self._failures > failures and self._last_failure:
                        raise self._last_failure
                    if self._closed or self._most == 0:
                        raise ThrottledError
                    self._want_another()
                    if not self._changed.wait(until - time.monotonic()) and time.monotonic() >= until:
                        raise ThrottledError
                worker = self._idle.pop()
                self._busy.add(worker)
                return worker
            finally:
                self._waiting -= 1

    def _want_another(self) -> None:
        """Start a worker if more callers wait than workers start. To be called with the condition held."""
        if self._starting < self._waiting and len(self._busy) + len(self._idle) + self._starting < self._most:
            self._starting += 1
            self._starter.submit(Starter.WANTED, lambda: (self._start(), None)[1])

    def _start(self) -> FunctionError | None:
        """Start a worker, which was counted in `_starting`, and let callers have it."""
        generation = self._generation
        worker: Worker | None = None
        failure: FunctionError | None = None
        try:
            worker = Worker(self.function, self.environment, self._household, self._log)
            worker.wait_until_ready()
        except FunctionError as error:
            failure = error
        except OSError as error:
            failure = FunctionError(str(error), "Runtime.Unknown")
        with self._changed:
            self._starting -= 1
            usable = worker is not None and failure is None and generation == self._generation and not self._closed
            if usable and worker:
                self._idle.append(worker)
            if failure:
                self._failures += 1
                self._last_failure = failure
            self._changed.notify_all()
        if worker and not usable:
            worker.close()
        return failure

    def _release(self, worker: Worker) -> None:
        with self._changed:
            current = worker in self._busy
            self._busy.discard(worker)
            reusable = current and worker.alive and not self._closed
            if reusable:
                self._idle.append(worker)
            self._changed.notify_all()
        if not reusable:
            worker.close()

    def renew(self) -> None:
        """Let no further event go to the present workers; busy ones finish what they do."""
        with self._changed:
            self._generation += 1
            idle, self._idle = self._idle, []
            self._busy.clear()
            self._changed.notify_all()
        for worker in idle:
            worker.close()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            workers = [*self._idle, *self._busy]
            self._idle.clear()
            self._busy.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.close()


class Functions:
    """All functions of the stack, by logical id."""

    def __init__(self, functions: Mapping[str, Function], endpoint_url: str, log: Log) -> None:
        self._household = Household()
        self._starter = Starter()
        self._log = log
        self.pools = {
            logical_id: Pool(function, worker_environment(function, endpoint_url), self._household, self._starter, log)
            for logical_id, function in functions.items()
        }
        self._by_name = {pool.function.name: (logical_id, pool) for logical_id, pool in self.pools.items()}

    def invoke(self, logical_id: str, event: Mapping[str, Any]) -> Any:
        """The function's answer. Errors: `FunctionError`."""
        return json.loads(self.pools[logical_id].invoke(json.dumps(event).encode()))

    def invoke_later(self, name: str, event: bytes) -> None:
        """Invoke the function of this name asynchronously; who asks does not hear what comes of it.

        Errors: KeyError for a function that there is not.
        """
        logical_id, pool = self._by_name[name]

        def run() -> None:
            try:
                pool.invoke(event)
            except FunctionError as error:
                self._log.line(logical_id, f"failed asynchronously: {error.error_type}: {error.message}")

        threading.Thread(target=run, name=f"{logical_id} later", daemon=True).start()

    def start_ahead(self, first: set[str], done: Callable[[str, FunctionError | None], None]) -> None:
        """Start one worker of each function in the background, those of `first` first; `done` hears of each."""
        for logical_id in sorted(self.pools, key=lambda one: (one not in first, one)):
            self.pools[logical_id].start_ahead(partial(done, logical_id))

    def close(self) -> None:
        self._starter.close()
        # First the processes, all at once; then each pool finds its own gone.
        self._household.close()
        for pool in self.pools.values():
            pool.close()
        self._starter.join()
