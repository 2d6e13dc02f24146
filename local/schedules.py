"""EventBridge rules that invoke a function at a rate."""

import threading
import time
import uuid
from typing import Any

from local.functions import Functions
from local.intrinsics import REGION
from local.logs import Log
from local.stack import Schedule
from local.workers import FunctionError


class Schedules:
    """Runs each schedule at the start and then at its rate, each in a thread of its own."""

    def __init__(self, schedules: tuple[Schedule, ...], functions: Functions, account: str, log: Log) -> None:
        self._schedules = schedules
        self._functions = functions
        self._account = account
        self._log = log
        self._stopped = threading.Event()

    def run_once(self) -> list[tuple[Schedule, FunctionError | None]]:
        """Run each schedule now; with what went wrong, where it did."""
        return [(schedule, self._run(schedule)) for schedule in self._schedules]

    def start(self) -> None:
        for schedule in self._schedules:
            threading.Thread(target=self._repeat, args=(schedule,), name=schedule.logical_id, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _repeat(self, schedule: Schedule) -> None:
        while not self._stopped.wait(schedule.every):
            self._run(schedule)

    def _run(self, schedule: Schedule) -> FunctionError | None:
        try:
            self._functions.invoke(schedule.function, self._event(schedule))
        except FunctionError as error:
            self._log.line(schedule.function, f"failed on schedule: {error.error_type}: {error.message}")
            return error
        finally:
            self._functions.pools[
                schedule.function
            ].renew()  # by the next time, Lambda would have ended its environment
        return None

    def _event(self, schedule: Schedule) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._account,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "region": REGION,
            "resources": [f"arn:aws:events:{REGION}:{self._account}:rule/{schedule.logical_id}"],
            "detail": {},
        }
