"""What an error page says: it blames no one for another's mistake, and redirects nowhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import authserver
from authserver import errors
from authserver.pages.mistakes import APPLICATION, BY_REASON, ELSEWHERE, ENDED, EXPIRED, UNKNOWN, explain

ROOT = Path(authserver.__file__).parent
# What these refuse was sent by an application, or by the author of a link in its name.
OF_APPLICATIONS = (
    "endpoints/browsers/authorize.py",
    "endpoints/browsers/logout.py",
    "endpoints/browsers/redirection.py",
    "endpoints/browsers/validation.py",
)
OF_PEOPLE = (
    *(
        "endpoints/browsers/under_way.py",
        "endpoints/browsers/choice.py",
        "endpoints/browsers/consent.py",
        "endpoints/browsers/federate.py",
    ),
    *(
        "endpoints/browsers/login.py",
        "endpoints/browsers/recover.py",
        "site/__init__.py",
    ),
)
# Those are told by redirect, to the application.
REDIRECTED = (errors.AccessDenied, errors.LoginRequired, errors.UnmetAuthenticationRequirements)


def errors_in(*files: str) -> Iterator[errors.OAuthError]:
    """Every error of the protocol that these files make, by the class and the reason that are written there."""
    for file in files:
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ("restart", "_restart"):
                (reason,) = node.args
                yield errors.InvalidRequest("", reason=ast.literal_eval(reason))
            kind = getattr(errors, node.func.id, None)
            reasons = [word.value for word in node.keywords if word.arg == "reason"]
            if kind is not None and reasons and isinstance(reasons[0], ast.Constant):
                yield kind("", reason=reasons[0].value)


def test_applications_are_blamed_for_nothing_that_people_or_we_do() -> None:
    blamed = [e.reason for e in errors_in(*OF_PEOPLE) if not isinstance(e, REDIRECTED) and explain(e) is APPLICATION]
    assert blamed == []


def test_people_are_not_told_that_their_page_expired_where_the_application_is_wrong() -> None:
    found = list(errors_in(*OF_APPLICATIONS))
    assert len(found) > 30
    theirs = {id(one) for one in (APPLICATION, ELSEWHERE, UNKNOWN, ENDED)}
    ours = (errors.ServerError, errors.TemporarilyUnavailable)
    assert [e.reason for e in found if not isinstance(e, ours) and id(explain(e)) not in theirs] == []


def test_every_reason_that_is_explained_is_one_that_there_is() -> None:
    wire = errors_in(
        "wire/http.py", "wire/forms.py", "wire/protocol.py", "wire/browser.py", "wire/logout.py", "wire/site.py"
    )
    known = {error.reason for error in (*errors_in(*OF_APPLICATIONS, *OF_PEOPLE), *wire)}
    assert BY_REASON.keys() <= known


@pytest.mark.rfc("9700", "4.11.2")
def test_the_only_ways_on_are_pages_of_ours() -> None:
    assert {mistake.page for mistake in BY_REASON.values()} == {"", "my"}
    assert explain(errors.InvalidRequest("", reason="request_over")) is EXPIRED
