"""What functions write down: one line of JSON a request, with its metric in it.

The line has the fields that Powertools' Logger gives it elsewhere (`aws.logger`), and is written without that: its
import is a tenth of a cold start, and half of what a line costs.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from authserver.values import json_text

METRICS_NAMESPACE = "Authserver"
SERVICE = "authserver"

# What makes a line a metric, but for the instant; it is the same in each.
_METRIC = (
    f'"Requests":1,"_aws":{{"CloudWatchMetrics":[{{"Namespace":"{METRICS_NAMESPACE}",'
    '"Dimensions":[["route","reason"]],"Metrics":[{"Name":"Requests","Unit":"Count"}]}],"Timestamp":'
)


def write_request(route: str, method: str, status: int, reason: str, request_id: str, **more: str) -> None:
    """One line per request: what was asked by route, what came of it, nothing that was sent.

    The line is a metric as well (CloudWatch's embedded metric format), so that it costs one line and not two.
    """
    now = time.time()
    fields = {"route": route, "method": method, "status": status, "request_id": request_id, "reason": reason, **more}
    line = _line("INFO", reason, now, fields)
    _write(f"{line[:-1]},{_METRIC}{int(now * 1000)}}}}}")


def write_problem(problem: str, **told: str) -> None:
    """What an operator should look at; `told` shows no value of anybody's."""
    _write(_line("ERROR", problem, time.time(), told))


def write_unexpected(request_id: str) -> None:
    """The exception that is being handled, with its traceback."""
    import traceback

    error = sys.exception()
    told = {"exception": "".join(traceback.format_exception(error)), "exception_name": type(error).__name__}
    _write(_line("ERROR", "unexpected", time.time(), {"request_id": request_id, **told}))


def _line(level: str, message: str, now: float, fields: Mapping[str, Any]) -> str:
    line = {"level": level, "message": message, "timestamp": _rfc3339(now), "service": SERVICE, **fields}
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        line["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
    return json_text(line)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rfc3339(now: float) -> str:
    """An instant in UTC, with milliseconds (RFC 3339 section 5.6)."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03}+00:00"
