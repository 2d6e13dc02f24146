"""A slow store becomes a refusal while the function still lives: SECURITY.md section 4."""

import pytest

from authserver.aws.boto import CONFIG
from tests.functions.world import FUNCTIONS
from tests.template.written import Written

API_GATEWAY = 29
# botocore's standard mode waits up to 2 ** (n - 1) seconds before attempt n + 1.
ATTEMPTS: int = CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]  # botocore sets it
READ_TIMEOUT: int = CONFIG.read_timeout  # type: ignore[attr-defined]  # botocore sets it
LONGEST_CALL = ATTEMPTS * READ_TIMEOUT + sum(2 ** (attempt - 1) for attempt in range(1, ATTEMPTS))
TALKING = [name for name in FUNCTIONS if name != "example_resource"]


def timeout(function: str, written: Written) -> int:
    own = written.of_type("AWS::Serverless::Function")[written.functions[function]]
    return int(own.get("Timeout", written.template["Globals"]["Function"]["Timeout"]))


@pytest.mark.parametrize("function", TALKING)
def test_one_call_that_hangs_ends_before_the_function_does(function: str, written: Written) -> None:
    assert timeout(function, written) > LONGEST_CALL


SCHEDULED = ("erase", "rotate_keys", "canary", "publish", "deliver", "seal")  # no request waits for them


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in SCHEDULED])
def test_a_function_ends_before_api_gateway_gives_up(function: str, written: Written) -> None:
    assert timeout(function, written) < API_GATEWAY
