"""What a function costs before its first request, and what each request costs of DynamoDB."""

import pytest

from tests.coldstart.imports import Start, start_all
from tests.functions.conftest import aws, gateway, shared_world, world

__all__ = ["aws", "gateway", "shared_world", "starts", "world"]


@pytest.fixture(scope="session")
def starts() -> dict[str, Start]:
    return start_all()
