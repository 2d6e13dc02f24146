"""Options and hooks of the whole suite."""

import pytest

pytest_plugins = ["tests.conformance"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sam-local", action="store_true", help="run the flows against `sam local start-api` (Docker)")
    parser.addoption("--write-conformance", action="store_true", help="write docs/conformance.md anew")
    parser.addoption("--screenshots", metavar="FOLDER", help="take pictures of every page into this folder")
