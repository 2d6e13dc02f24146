"""What the client costs a cold start: the modules that it brings into a bare interpreter, all of them Python's own."""

import json
import subprocess
import sys

import pytest

from tests.functions.world import ROOT

# Measured, and at most a twentieth more. What grows beyond it should have to say why.
BUDGET = 61
WITH_TLS = 66
HEAVY = {"boto3", "botocore", "dataclasses", "datetime", "email", "http", "inspect", "ipaddress", "logging", "pathlib"}
HEAVY |= {"random", "ssl", "tempfile", "urllib", "urllib3", "uuid", "xml"}
PROGRAM = """
import json, sys
sys.path.insert(0, {path!r})
before = set(sys.modules)
from authserver.aws.lean.client import DYNAMODB, KMS, LeanService
from authserver.aws.lean.credentials import credential_source
environ = dict(AWS_DEFAULT_REGION="eu-central-1", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y")
source = credential_source(environ)
for protocol in (DYNAMODB, KMS):
    LeanService.from_environ(protocol, environ, source)
made = set(sys.modules) - before
from authserver.aws.lean.tls import AMAZON_ROOTS, context
context(AMAZON_ROOTS)
print(json.dumps([sorted(made), sorted(set(sys.modules) - before)]))
"""


@pytest.fixture(scope="module")
def imported() -> tuple[set[str], set[str]]:
    """The modules that are there once services are made, and once a connection was opened with TLS."""
    program = PROGRAM.format(path=str(ROOT / "layers" / "core"))
    command = [sys.executable, "-I", "-S", "-c", program]  # without what an environment's packages import by themselves
    made, connected = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return set(made), set(connected)


def test_the_client_imports_no_more_than_its_budget(imported: tuple[set[str], set[str]]) -> None:
    made, connected = imported
    assert len(made) <= BUDGET, sorted(made)
    assert len(connected) <= WITH_TLS, sorted(connected)


def test_the_client_imports_nothing_heavy(imported: tuple[set[str], set[str]]) -> None:
    made, connected = imported
    assert made & HEAVY == set()
    assert connected & HEAVY <= {"ssl"}


def test_the_client_imports_the_standard_library_and_the_port_alone(imported: tuple[set[str], set[str]]) -> None:
    _, connected = imported
    others = {name for name in connected if name.partition(".")[0] not in sys.stdlib_module_names}
    packages = {"authserver", "authserver.aws", "authserver.aws.service", "authserver.aws.lean"}
    assert {name for name in others if not name.startswith("authserver.aws.lean.")} == packages
