"""The examples, walked through."""

import re
from pathlib import Path

import pytest

from examples.walk import run

CREDENTIAL = re.compile(r"eyJ[\w-]{20}|\b(ac|at|rt)_[\w-]{20}")


@pytest.mark.parametrize(("name", "steps"), [("placeos", 13), ("pleo", 10)])
def test_example_happens_as_it_is_told(name: str, steps: int, tmp_path: Path) -> None:
    told: list[str] = []
    assert run(name, log=tmp_path / "server.log", say=told.append) == steps
    assert not any(CREDENTIAL.search(line) for line in told)
