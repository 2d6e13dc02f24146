"""Options and hooks of the whole suite."""

import gc
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.conformance", "tests.expanding", "tests.sharing"]

# httpx reads the certificates that it trusts, which takes 30 ms, whenever it makes a client. What tests call has none.
os.environ |= {"SSL_CERT_FILE": "", "SSL_CERT_DIR": os.devnull}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sam-local", action="store_true", help="run the flows against `sam local start-api` (Docker)")
    parser.addoption("--deployed", action="store_true", help="run the flows against the built template on an emulator")
    parser.addoption("--write-conformance", action="store_true", help="write docs/conformance.md anew")
    parser.addoption("--lab", action="store_true", help="collect the client laboratory, too (`make lab`)")
    parser.addoption("--screenshots", metavar="FOLDER", help="take pictures of every page into this folder")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays: sixteen thousand tests and all that they import, which no collection need look at."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How long the tests of each folder took, the longest first."""
    seconds: defaultdict[Path, float] = defaultdict(float)
    tests: Counter[Path] = Counter()
    reports: list[Any] = [one for found in terminalreporter.stats.values() for one in found]
    for report in reports:
        if isinstance(report, pytest.TestReport):
            folder = Path(report.nodeid.partition("::")[0]).parent
            seconds[folder] += report.duration
            tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds by folder")
        for folder, took in sorted(seconds.items(), key=lambda one: -one[1]):
            terminalreporter.line(f"{took:8.1f} s {tests[folder]:6} tests  {folder}")
