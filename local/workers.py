"""One Lambda execution environment: a process that runs `awslambdaric`, and the Runtime API that it asks for events.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import contextlib
import json
import os
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.fork_server import ForkServer
from local.http_server import HttpServer, Request, Response, listen_ipv4
from local.intrinsics import REGION
from local.logs import Log
from local.stack import Function

INIT_SECONDS = 60  # Lambda gives 10; a busy laptop may need more

_API = "/2018-06-01/runtime/"
_ACCEPTED = Response(202, (("Content-Type", "application/json"),), b'{"status":"OK"}')
_NOT_FOUND = Response(404, (("Content-Type", "application/json"),), b'{"errorMessage":"Not Found"}')


class FunctionError(Exception):
    """The function raised, timed out, broke down or could not start: what Lambda calls a function error."""

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type


@dataclass
class Invocation:
    """One event on its way through a worker. `answer` is the handler's return value as JSON text."""

    event: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = 0.0  # epoch seconds
    answer: bytes | None = None
    error: FunctionError | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, answer: bytes | None = None, error: FunctionError | None = None) -> None:
        """The first end counts: an answer that comes after the process was given up changes nothing."""
        if not self.done.is_set():
            self.answer, self.error = answer, error
            self.done.set()


def access_key_id(function: Function) -> str:
    """By its key the requests of a function are known, and held to what its role allows."""
    return f"LOCAL{function.logical_id}"


def worker_environment(function: Function, endpoint_url: str, authorities: Path | None = None) -> dict[str, str]:
    """All that a worker of the function finds in its environment, save the address of its Runtime API.

    It is the function's own of the template, what Lambda itself sets, and the address of DynamoDB and KMS; nothing
    of the developer's shell comes in. `authorities` is a file of certificates that it trusts, in place of those that
    this machine does.
    """
    return {
        "PATH": os.defpath,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(str(layer.resolve()) for layer in function.layers),
        "LAMBDA_TASK_ROOT": str(function.code.resolve()),
        "_HANDLER": function.handler,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        **({"AWS_LAMBDA_LOG_LEVEL": function.log_level} if function.log_level else {}),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": access_key_id(function),
        "AWS_SECRET_ACCESS_KEY": "local",  # never the developer's
        "AWS_EC2_METADATA_DISABLED": "true",
        **function.environment,
        "AWS_ENDPOINT_URL": endpoint_url,
        **({"SSL_CERT_FILE": str(authorities.resolve())} if authorities else {}),
    }


class Worker:
    """A process that answers one event at a time."""

    def __init__(self, function: Function, environment: Mapping[str, str], fork_server: ForkServer, log: Log) -> None:
        """Starts the process; `wait_until_ready` tells when its imports are done. Errors: OSError."""
        self._function = function
        self._fork_server = fork_server
        self._log = log
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._init_error: FunctionError | None = None
        self._events: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._api = HttpServer(listen_ipv4(), self._runtime_api)
        address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.port}"}
        output, into = os.pipe()
        try:
            self._process_id = fork_server.start(function.handler, function.code, {**environment, **address}, into)
        except OSError:
            os.close(output)
            self._api.close()
            raise
        finally:
            os.close(into)
        self._reader = threading.Thread(target=self._read_output, args=(output,), daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Errors: `FunctionError` when the function cannot be imported, or takes too long."""
        if not self._ready.wait(INIT_SECONDS):
            self._init_error = FunctionError(f"Init timed out after {INIT_SECONDS} seconds", "Sandbox.Timedout")
        if self._init_error:
            self._ended.wait(1)  # for the traceback
            raise self._init_error

    def invoke(self, event: bytes) -> bytes:
        """The handler's answer to the event, both JSON. Errors: `FunctionError`; after it, ask `alive`."""
        invocation = Invocation(event, deadline=time.time() + self._function.timeout)
        self._current = invocation
        self._events.put(invocation)
        if not self.alive:
            invocation.finish(error=_exited())
        if not invocation.done.wait(self._function.timeout):
            seconds = f"{self._function.timeout:.2f}"
            invocation.finish(error=FunctionError(f"Task timed out after {seconds} seconds", "Sandbox.Timedout"))
            self.close()
        self._current = None
        if invocation.error:
            raise invocation.error
        return invocation.answer or b"null"

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def close(self) -> None:
        """Kill the process, as Lambda does: without a warning. May be called twice."""
        self._fork_server.end(self._process_id)
        self._ended.set()
        self._events.put(None)
        self._api.close()
        self._reader.join(timeout=1)

    def _read_output(self, output: int) -> None:
        """Pass on what the function writes; the end of its output is the end of the process."""
        with os.fdopen(output, "rb") as lines:
            for line in lines:
                # awslambdaric parts the lines of a traceback by carriage returns.
                text = line.decode(errors="replace").rstrip("\n").replace("\r", "\n")
                self._log.line(self._function.logical_id, text)
        self._ended.set()
        if not self._ready.is_set():
            self._init_error = self._init_error or _exited()
            self._ready.set()
        if self._current:
            self._current.finish(error=_exited())

    def _runtime_api(self, request: Request) -> Response:
        match request.method, request.path.removeprefix(_API).split("/"):
            case "GET", ["invocation", "next"]:
                return self._next()
            case "POST", ["invocation", invocation_id, "response"]:
                return self._end(invocation_id, answer=request.body)
            case "POST", ["invocation", invocation_id, "error"]:
                return self._end(invocation_id, error=_function_error(request.body))
            case "POST", ["init", "error"]:
                self._init_error = _function_error(request.body)
                self._ready.set()
                return _ACCEPTED
        return _NOT_FOUND

    def _next(self) -> Response:
        """Blocks until there is an event."""
        self._ready.set()
        invocation = self._events.get()
        if invocation is None:
            return Response(410)
        headers = (
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.id),
            ("Lambda-Runtime-Deadline-Ms", str(int(invocation.deadline * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", self._function.arn),
            ("Lambda-Runtime-Trace-Id", trace_id()),
        )
        return Response(200, headers, invocation.event)

    def _end(self, invocation_id: str, answer: bytes | None = None, error: FunctionError | None = None) -> Response:
        if self._current is None or self._current.id != invocation_id:
            return Response(400, (("Content-Type", "application/json"),), b'{"errorMessage":"Invalid request id"}')
        self._current.finish(answer, error)
        return _ACCEPTED


def trace_id() -> str:
    """An X-Ray trace header that asks for no tracing."""
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"


def _exited() -> FunctionError:
    return FunctionError("Runtime exited without an answer", "Runtime.ExitError")


def _function_error(body: bytes) -> FunctionError:
    """The error that awslambdaric reports, a JSON object."""
    report: Any = None
    with contextlib.suppress(ValueError):
        report = json.loads(body)
    if not isinstance(report, dict):
        report = {}
    return FunctionError(str(report.get("errorMessage", "")), str(report.get("errorType", "Unknown")))
