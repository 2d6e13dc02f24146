"""What a function imports when it starts, as a fresh interpreter tells."""

import json
import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.functions.world import FUNCTIONS, LAMBDA_ENVIRONMENT, ROOT

# Enough to start with; nothing is asked of any network before the first request.
ENVIRONMENT = {
    **{name: value for name, value in LAMBDA_ENVIRONMENT.items() if not name.endswith("_FILE")},
    "AWS_CLIENT": "lean",
    "GRANT_TYPES": "authorization_code client_credentials refresh_token",
    "CLIENT_AUTH_METHODS": "client_secret_basic client_secret_post private_key_jwt none",
    "ACCESS_TOKEN_ALGORITHM": "ES256",
    "ACCESS_TOKEN_LIFETIME": "3600",
    "CODE_LIFETIME": "60",
    "REFRESH_TOKEN_IDLE_LIFETIME": "2592000",
    "REFRESH_TOKEN_LIFETIME": "15552000",
    "REFRESH_TOKEN_GRACE": "30",
    "SESSION_LIFETIME": "43200",
    "CONSENT_LIFETIME": "31536000",
    "KEY_ROTATION_DAYS": "90",
    "CLIENTS_TABLE": "clients",
    "USERS_TABLE": "users",
    "TOKENS_TABLE": "tokens",
    "KEYS_TABLE": "keys",
    "CONFIGURATION_TABLE": "configuration",
    "AUDIT_TABLE": "audit",
    "KMS_KEY": "key",
    "EVENT_RECEIVERS": "eventbridge",
    "EVENT_BUS": "default",
}
PROGRAM = """
import json, socket, sys, time

def refuse(*_):
    raise OSError("no network while a function starts")

socket.socket.connect = refuse
# Development has it, the Lambda runtime does not, and botocore would take it if it could.
sys.modules["awscrt"] = None
before, began, worked = set(sys.modules), time.perf_counter(), time.process_time()
import functions.{name}.app
took, cpu = time.perf_counter() - began, time.process_time() - worked
print(json.dumps({{"modules": sorted(set(sys.modules) - before), "seconds": took, "cpu": cpu}}))
"""


BARE_PROGRAM = """
import sys
sys.path[:0] = [{layers!r}, {packages!r}]
import functions.{name}.app
print(len(sys.modules))
"""


@dataclass(frozen=True)
class Start:
    """`modules` are those that the interpreter did not have; `seconds` and `cpu` are what importing them took."""

    modules: frozenset[str]
    seconds: float
    cpu: float

    @property
    def packages(self) -> set[str]:
        return {module.partition(".")[0] for module in self.modules}


def start(name: str, **variables: str) -> Start:
    """Start a function in a fresh interpreter, with `variables` of its environment changed."""
    environment = ENVIRONMENT | ({"GRANT_TYPES": "refresh_token"} if name == "refresh" else {}) | variables
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        env=environment | {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    said = json.loads(ran.stdout)
    return Start(frozenset(said["modules"]), said["seconds"], said["cpu"])


def modules_of_bare_interpreter(name: str) -> int:
    """How many modules there are once an interpreter that began with none but its own has a function loaded."""
    layers, packages = str(ROOT / "layers/core"), sysconfig.get_path("purelib")
    ran = subprocess.run(
        [sys.executable, "-S", "-c", BARE_PROGRAM.format(name=name, layers=layers, packages=packages)],
        env=ENVIRONMENT | ({"GRANT_TYPES": "refresh_token"} if name == "refresh" else {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stdout)


def start_all() -> dict[str, Start]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(FUNCTIONS, pool.map(start, FUNCTIONS), strict=True))
