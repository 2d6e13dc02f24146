"""docs/errors.md has every error that the server returns, with its status."""

import ast
import re
from collections.abc import Iterator

from authserver import errors
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
PROTOCOL, PROBLEMS = PAGE.partition("## Problems")[0], PAGE.partition("## Problems")[2]
CODE = ROOT / "layers" / "core" / "authserver"
# Subclasses of `Problem`, with the status and the reason that they have by default.
KINDS = {
    "Problem": (None, None),
    "Conflict": (409, "conflict"),
    "NotFound": (404, "not_found"),
    "Invalid": (400, "invalid"),
}


def rows(text: str) -> dict[str, str]:
    """The second column of a table by each name in backticks of the first."""
    found = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", text, re.MULTILINE)
    return {name: second for first, second in found for name in re.findall(r"`(\w+)`", first)}


def test_every_error_of_the_protocol_is_there() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.OAuthError)]
    status = {(kind.error, str(kind.status)) for kind in kinds if hasattr(kind, "error")}
    assert set(rows(PROTOCOL)) - {"error"} == {error for error, _ in status}
    for error, number in status:
        told = rows(PROTOCOL)[error]
        assert number in told or "redirect" in told, (error, number, told)


def problems() -> Iterator[tuple[str, int]]:
    """The reasons of problems that the code raises, with their statuses."""
    for module in CODE.rglob("*.py"):
        if "site" in module.parts:
            continue  # pages, which show them as sentences
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                status, reason = KINDS[node.func.id]
                given = [one.value for one in node.keywords if one.arg == "reason"]
                if given and not isinstance(given[0], ast.Constant):
                    continue  # of an error of the protocol
                if status is None:
                    assert isinstance(node.args[0], ast.Constant)
                    status = int(str(node.args[0].value))
                yield str(given[0].value) if given and isinstance(given[0], ast.Constant) else str(reason), status


def test_every_problem_of_the_management_apis_is_there() -> None:
    raised = set(problems())
    assert set(rows(PROBLEMS)) == {reason for reason, _ in raised}
    for reason, status in raised:
        assert str(status) in rows(PROBLEMS)[reason], reason
