"""The template as written, as expanded, and at work."""

import pytest

from tests.functions.conftest import shared_world, world
from tests.template.written import Written

__all__ = ["shared_world", "world", "written"]


@pytest.fixture(scope="session")
def written() -> Written:
    return Written()
