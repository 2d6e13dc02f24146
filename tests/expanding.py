"""AWS SAM's translator as tests run it: in their own process, and for one template once among the workers.

`local.template` starts an interpreter for each template that is not kept, which imports the translator anew: most of a
second of CPU time. `tests/local/test_template.py` and `tests/local/test_command.py` do as the development server does.
"""

import fcntl
import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from local import template

# As the development server expands a template.
elsewhere = template._expand_elsewhere


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(template, "_expand_elsewhere", _expand_here)
    config.add_cleanup(patch.undo)


def _expand_here(question: str) -> dict[str, dict[str, Any]]:
    """What the process would answer. A worker that asks the same meanwhile waits for what this one keeps."""
    digest = template._digest(question)
    kept = template._KEPT / f"{digest}.json"
    with _one_at_a_time(digest):
        with suppress(OSError, ValueError):
            resources: dict[str, dict[str, Any]] = json.loads(kept.read_bytes())
            return resources
        resources = json.loads(json.dumps(_expanded(question)))
        template._keep(kept, resources)
        return resources


def _expanded(question: str) -> dict[str, dict[str, Any]]:
    """Without the collector, which finds nothing in the translator's many copies."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return template.expand(*json.loads(question))
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _one_at_a_time(digest: str) -> Iterator[None]:
    """Files that are few are the locks: two digests may have one."""
    locks = template._KEPT.with_name("expanding")
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / digest[:2]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
