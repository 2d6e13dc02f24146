"""Workers are forked from one process that has imported already what most functions import.

A start then takes a tenth of the time of a new interpreter's, and shares most of its memory. The process runs this file
as a script, without the rest of this package, which no function is to find. It has one thread, so that nothing is lost
in a fork, and imports nothing that reads environment variables, because every function has its own.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

# These read the environment while they are imported, or look at how Lambda's runtime has set up the logging by then.
_NOT_AHEAD = ("aws_lambda_powertools", "awslambdaric")
# Of the Lambda runtime's packages and the layers' what takes long to import.
_BOTO3 = ("boto3", "botocore.client", "botocore.endpoint_provider", "botocore.httpsession", "s3transfer.manager")
_PACKAGES = (
    "argon2",
    "bcrypt",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "encodings.idna",
    "jinja2",
    "jwt",
    "pydantic.main",
    "pydantic.root_model",
    "simplejson",
)
_OWN = "authserver"
_SERVICES = ("dynamodb", "kms")
# What hashing a password costs.
_AS_DEPLOYED, _QUICK = "as-deployed", "quick"


class ForkServer:
    """Starts and ends processes that run a Lambda handler. They cannot outlive this process, however it ends.

    They are one process group. Being another than ours also keeps the terminal's Ctrl-C from them: we stop them.
    """

    def __init__(self, *, quick_passwords: bool = False) -> None:
        """`quick_passwords`: functions hash at the least cost that argon2 has, for tests that sign in often."""
        self._lock = threading.Lock()
        self._control, other = socket.socketpair()
        self._answers = self._control.makefile("rb")
        with other:
            self._process = subprocess.Popen(
                _command(other.fileno(), _QUICK if quick_passwords else _AS_DEPLOYED, ()),
                env={
                    "PATH": os.defpath,
                    "LANG": "en_US.UTF-8",
                    "TZ": ":UTC",
                    "AWS_CONFIG_FILE": os.devnull,
                    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS ends a forked process that asks for proxies
                },
                stdin=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                process_group=0,
            )

    def start(self, handler: str, code: Path, environment: Mapping[str, str], output: int) -> int:
        """Start a process in the folder `code`, whose output goes to the file descriptor `output`; its process id.

        Errors: OSError when this server has ended.
        """
        return int(
            self._ask({"handler": handler, "code": str(code.resolve()), "environment": dict(environment)}, output)
        )

    def end(self, process_id: int) -> None:
        """Kill a process that was started, and wait for its end. May be called twice."""
        with contextlib.suppress(OSError):  # all have ended when the server has
            self._ask({"end": process_id})

    def renew(self) -> None:
        """Import all anew for what is started from now on; what was started before goes on."""
        with contextlib.suppress(OSError):
            self._ask({"renew": True})

    def close(self) -> None:
        """Kill every process that is left, and the server. May be called twice."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended already
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        with self._lock:
            self._answers.close()
            self._control.close()

    def _ask(self, request: Mapping[str, Any], *descriptors: int) -> Any:
        with self._lock:
            socket.send_fds(self._control, [json.dumps(request).encode() + b"\n"], descriptors)
            answer = self._answers.readline()
        if not answer:
            raise ConnectionResetError("the fork server has ended")
        return json.loads(answer)


def _command(control: int, passwords: str, running: Iterable[int]) -> list[str]:
    """How the server is run: `control` is its socket's file descriptor, `running` are the processes it has started.

    `passwords` says what hashing them costs.
    """
    return [sys.executable, "-P", __file__, str(control), passwords, *map(str, running)]


def _import_ahead() -> None:
    with _hidden("OpenSSL"):  # botocore would take it, and the functions do without
        for name in _BOTO3:
            import_module(name)
    _load_services()
    with _hidden(*_NOT_AHEAD):
        for name in _PACKAGES:
            import_module(name)
        # A module that fails uses what is hidden, or is broken: then the functions will say so.
        with contextlib.suppress(Exception):
            import_module(_OWN)
        for module in walk_packages(getattr(sys.modules.get(_OWN), "__path__", ()), f"{_OWN}.", lambda _: None):
            with contextlib.suppress(Exception):
                import_module(module.name)


@contextlib.contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Within it, importing these modules raises ImportError."""
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(names))
    yield
    for name in names:
        del modules[name]


def _load_services() -> None:
    """Read what boto3 knows of services, for the session that it makes clients with when it is given no other."""
    session = import_module("botocore.session").get_session()
    import_module("boto3").setup_default_session(botocore_session=session)  # asks for no region nor credentials yet
    data = session.get_component("data_loader")
    for name in ("endpoints", "partitions", "_retry", "sdk-default-configuration"):
        data.load_data(name)
    for service in _SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1"):
            data.load_service_model(service, kind)


def _make_passwords_quick() -> None:
    """What is hashed quickly is verified quickly: a hash carries its parameters."""
    password: Any = import_module(f"{_OWN}.identity.password")
    password.RFC_9106_LOW_MEMORY = import_module("argon2.profiles").CHEAPEST


def _serve(control: socket.socket, passwords: str, running: set[int]) -> dict[str, Any]:
    """Answer requests, and returns in each forked process its request. At the end of the requests kills the group."""
    while True:
        octets, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        while octets and not octets.endswith(b"\n"):
            octets += control.recv(1 << 16)
        if not octets:  # the kernel has closed the other end, maybe because that process was killed
            os.killpg(0, signal.SIGKILL)
        request: dict[str, Any] = json.loads(octets)
        answer = 0
        if "handler" in request:
            (output,) = descriptors
            answer = os.fork()
            if answer == 0:
                os.dup2(output, sys.stdout.fileno())
                os.dup2(output, sys.stderr.fileno())
                os.close(output)
                return request
            os.close(output)
            running.add(answer)
        elif request.get("end") in running:  # else another process may have its number by now
            running.remove(request["end"])
            os.kill(request["end"], signal.SIGKILL)
            os.waitpid(request["end"], 0)
        control.sendall(json.dumps(answer).encode() + b"\n")
        if "renew" in request:
            control.set_inheritable(True)
            os.execv(sys.executable, _command(control.fileno(), passwords, running))  # noqa: S606 the same once more


def _become(environment: Mapping[str, str], code: str) -> None:
    """Have this process look as an interpreter does that was started with the environment, in the folder."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(code)
    sys.path[:0] = [code, *filter(None, environment["PYTHONPATH"].split(os.pathsep))]


def main() -> None:
    descriptor, passwords, *running = sys.argv[1:]
    _import_ahead()
    if passwords == _QUICK:
        _make_passwords_quick()
    gc.collect()
    gc.freeze()  # a collection in a forked process would write to the memory that it shares
    with socket.socket(fileno=int(descriptor)) as control:
        request = _serve(control, passwords, set(map(int, running)))
    _become(request["environment"], request["code"])
    # Only now: it reads the environment.
    runtime = import_module("awslambdaric.__main__")
    try:
        runtime.main(["awslambdaric", request["handler"]])
    except SystemExit:  # it has told that the handler's module cannot be imported, but not where in it
        import_module(request["handler"].rpartition(".")[0].replace("/", "."))


if __name__ == "__main__":
    main()
