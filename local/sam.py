"""`sam local start-api` on the development server's tables and keys: the functions in Lambda's own container image.

    python -m local.sam --port 3000

The containers must reach the local DynamoDB, which listens on loopback alone. So they get a private Docker network, in
it a relay, and the relay a socket in a folder that it shares with this machine; nothing listens anywhere else.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from local import relay
from local.server import DevelopmentServer

ROOT = Path(__file__).parent.parent
IMAGE = "public.ecr.aws/lambda/python:3.13"
RELAY_PORT = 8000
GIVEN = (
    *("CLIENTS_TABLE", "USERS_TABLE", "TOKENS_TABLE", "KEYS_TABLE", "CONFIGURATION_TABLE", "AUDIT_TABLE"),
    "KMS_KEY",
    *("DOCUMENTS_FUNCTION", "MAIL_FUNCTION", "ERASE_FUNCTION"),
    "GRANT_TYPES",
)
CREDENTIALS = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
START_TIMEOUT = 240
READY = "Ready. Ctrl-C stops it."
DOCKER = shutil.which("docker") or "docker"


def why_not() -> str | None:
    """What keeps `sam local` from running here, or None."""
    if shutil.which(DOCKER) is None or subprocess.run([DOCKER, "info"], capture_output=True, check=False).returncode:
        return "no Docker engine answers"
    if not (ROOT / ".aws-sam" / "build" / "template.yaml").exists():
        return "nothing is built: run `make build` first"
    return None


@contextmanager
def sam_local(server: DevelopmentServer, port: int, log: Path) -> Iterator[str]:
    """Runs `sam local start-api`; yields the address of both APIs, which share one port there."""
    address = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        network, endpoint = stack.enter_context(_relayed(server.endpoint_url, folder))
        variables = folder / "variables.json"
        # `sam local` does not evaluate the template's conditions: what depends on one is given here, for each function.
        given = {
            function: {name: environment[name] for name in GIVEN if name in environment}
            | {"AWS_ENDPOINT_URL": endpoint}
            for function, environment in server.environments().items()
        }
        variables.write_text(json.dumps(given))
        parameters = {"Issuer": address, "ResourceUrl": address, "LocalEndpoint": endpoint}
        output = stack.enter_context(log.open("w"))
        process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("sam")),
                *("local", "start-api", "--skip-pull-image", "--warm-containers=LAZY"),
                *(
                    f"--template={_unaliased_copy()}",
                    f"--docker-network={network}",
                    f"--port={port}",
                    f"--env-vars={variables}",
                ),
                *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
            ],
            cwd=ROOT,
            env={**os.environ, **CREDENTIALS, "SAM_CLI_TELEMETRY": "0"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C is for this process, which stops the other once
        )
        stack.callback(_stop, process)
        _wait_for(f"{address}/.well-known/openid-configuration", process, log)
        yield address


def unaliased(template: str) -> str:
    """A template in which authorizers are functions: `sam local` finds none by an alias, and lets every call pass.

    A variable that a function does not have is left out: `sam local` would have it be empty.
    """
    alias = r"FunctionArn:(\s+)(?:!Ref |Ref: )(\w+)\.Alias"
    functions = re.sub(alias, r"FunctionArn:\1{Fn::GetAtt: [\2, Arn]}", template)
    return re.sub(r"^ +[A-Z_]+:\s+(?:!Ref |Ref: )AWS::NoValue\n", "", functions, flags=re.MULTILINE)


def _unaliased_copy() -> Path:
    """Beside what was built, whose folders the template names."""
    built = ROOT / ".aws-sam" / "build" / "template.yaml"
    copy = built.with_name("local.yaml")
    copy.write_text(unaliased(built.read_text()))
    return copy


@contextmanager
def _relayed(endpoint_url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """A private network in which the local DynamoDB can be reached: its name, and the address there."""
    name = f"authserver-{os.getpid()}"
    path = folder / "socket"
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(64)
        port = urlsplit(endpoint_url).port or 80
        threading.Thread(target=relay.carry, args=(listener, relay.to_port(port)), daemon=True).start()
        _docker("network", "create", name)
        stack.callback(_docker, "network", "rm", name)
        container = _docker(
            *(
                "run",
                "--detach",
                "--rm",
                f"--network={name}",
                f"--name={name}",
                "--entrypoint=/var/lang/bin/python3.13",
            ),
            *(f"--volume={folder}:/relay", f"--volume={Path(relay.__file__)}:/relay.py:ro", IMAGE),
            *("/relay.py", str(RELAY_PORT), "/relay/socket"),
        )
        stack.callback(_docker, "rm", "--force", container)
        yield name, f"http://{name}:{RELAY_PORT}"


def _docker(*arguments: str) -> str:
    return subprocess.run([DOCKER, *arguments], capture_output=True, check=True, text=True).stdout.strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Lets sam remove its containers, one after the other. It heeds SIGTERM also where it inherited that SIGINT is
    ignored, as what a shell started in the background does."""
    process.terminate()
    process.wait(timeout=300)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=120):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"sam local did not come up: {log.read_text()[-3000:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local.sam", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=3000, help="of both APIs (default 3000)")
    parser.add_argument(
        "--seed", type=Path, default=ROOT / "local" / "seed.json", help="clients and users to begin with"
    )
    options = parser.parse_args(arguments)
    if reason := why_not():
        print(f"sam local cannot run here: {reason}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started it in the background
    with suppress(KeyboardInterrupt):
        _serve(options.port, options.seed)
    return 0


def _serve(port: int, seed: Path) -> None:
    """Until it is interrupted, also while it starts."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        log = Path(folder) / "sam.log"
        print("starting DynamoDB, KMS and `sam local start-api`; the first call builds the image", flush=True)
        server = stack.enter_context(
            DevelopmentServer(port=0, resource_port=0, seed=seed, log=Path(folder) / "server.log")
        )
        address = stack.enter_context(sam_local(server, port, log))
        print(f"Issuer and ResourceApi  {address}\nLog                     {log}\n{READY}", flush=True)
        stack.callback(print, "stopping")
        while True:
            time.sleep(0.5)  # not forever: a signal that comes just before a sleep does not end it


if __name__ == "__main__":
    sys.exit(main())
