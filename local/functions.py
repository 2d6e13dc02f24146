"""The functions: each with its own workers, started when they are wanted, renewed when the code changes."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.fork_server import ForkServer
from local.logs import Log
from local.stack import Function
from local.workers import FunctionError, Worker, worker_environment

MOST_WORKERS = 4  # of one function
STARTING_AT_ONCE = 8  # of all functions; one that never comes to an end takes up to 4
PATIENCE = 29.0  # seconds to wait for a worker when all are busy; as long as API Gateway would wait


class ThrottledError(FunctionError):
    """All workers stayed busy. Lambda would have started more, up to the function's or account's concurrency."""

    def __init__(self) -> None:
        super().__init__("Rate Exceeded.", "TooManyRequestsException")


class Pool:
    """The workers of one function."""

    def __init__(
        self, function: Function, environment: Mapping[str, str], fork_server: ForkServer, starter: Executor, log: Log
    ) -> None:
        """`starter` runs the starts of workers."""
        self.function = function
        self.environment = environment
        self.generation = 0  # of the code
        self._fork_server = fork_server
        self._starter = starter
        self._log = log
        self._most = MOST_WORKERS if function.concurrency is None else min(MOST_WORKERS, function.concurrency)
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._starting = 0
        self._waiting = 0
        self._failures = 0
        self._last_failure: FunctionError | None = None
        self._closed = False

    def check(self) -> FunctionError | None:
        """What keeps the function from starting, unless it has: tried in a process that ends with the trial, unless the
        function is provisioned."""
        with self._changed:
            if self._idle or self._busy or self._starting or self._closed:
                return None
        try:
            worker = self._new_worker()
        except FunctionError as error:
            return error
        if self.function.provisioned:
            with self._changed:
                self._busy.add(worker)
            self._release(worker)
        else:
            worker.close()
        return None

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
            self._starter.submit(self._start)

    def _start(self) -> None:
        """Start a worker, which was counted in `_starting`, and let callers have it."""
        generation = self.generation
        worker: Worker | None = None
        failure: FunctionError | None = None
        try:
            worker = self._new_worker()
        except FunctionError as error:
            failure = error
        with self._changed:
            self._starting -= 1
            usable = generation == self.generation and not self._closed
            if worker and usable:
                self._idle.append(worker)
            if failure:
                self._failures += 1
                self._last_failure = failure
            self._changed.notify_all()
        if worker and not usable:
            worker.close()

    def _new_worker(self) -> Worker:
        """A worker that waits for an event. Errors: `FunctionError`."""
        try:
            worker = Worker(self.function, self.environment, self._fork_server, self._log)
        except OSError as error:
            raise FunctionError(str(error), "Runtime.Unknown") from None
        try:
            worker.wait_until_ready()
        except FunctionError:
            worker.close()
            raise
        return worker

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
            self.generation += 1
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

    def __init__(
        self,
        functions: Mapping[str, Function],
        endpoint_url: str,
        fork_server: ForkServer,
        log: Log,
        authorities: Path | None = None,
    ) -> None:
        self._fork_server = fork_server
        self._starter = ThreadPoolExecutor(STARTING_AT_ONCE, "starter")
        self._checker = ThreadPoolExecutor(1, "checker")
        self._log = log
        self._closed = False
        self.pools = {
            logical_id: Pool(
                function, worker_environment(function, endpoint_url, authorities), fork_server, self._starter, log
            )
            for logical_id, function in functions.items()
        }
        self._by_name = {pool.function.name: (logical_id, pool) for logical_id, pool in self.pools.items()}

    def invoke(self, logical_id: str, event: Mapping[str, Any]) -> Any:
        """The function's answer. Errors: `FunctionError`."""
        return json.loads(self.pools[logical_id].invoke(json.dumps(event).encode()))

    def invoke_now(self, name: str, event: bytes) -> bytes:
        """The answer of the function of this name. Errors: `FunctionError`; KeyError for one that there is not."""
        _, pool = self._by_name[name]
        return pool.invoke(event)

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

    def renew(self, folders: set[Path]) -> list[str]:
        """Let no further event go to workers that have code of these folders; whose workers those are."""
        functions = {logical_id: pool.function for logical_id, pool in self.pools.items()}
        if any(folders & set(function.layers) for function in functions.values()):
            self._fork_server.renew()
        renewed = [name for name, function in functions.items() if folders & {function.code, *function.layers}]
        for logical_id in renewed:
            self.pools[logical_id].renew()
        return renewed

    def check(self, logical_ids: Iterable[str], tell: Callable[[str], None]) -> None:
        """Find those that cannot start, in the background, before a client calls them; `tell` gets a line for each."""
        for logical_id in logical_ids:
            self._checker.submit(self._check, logical_id, self.pools[logical_id].generation, tell)

    def _check(self, logical_id: str, generation: int, tell: Callable[[str], None]) -> None:
        pool = self.pools[logical_id]
        if pool.generation == generation and (failure := pool.check()) and not self._closed:
            tell(f"{logical_id} does not start: {failure.error_type}: {failure.message}")

    def close(self) -> None:
        self._closed = True
        # First the processes, all at once; then each pool finds its own gone.
        self._fork_server.close()
        for pool in self.pools.values():
            pool.close()
        self._starter.shutdown(cancel_futures=True)
        self._checker.shutdown(cancel_futures=True)
