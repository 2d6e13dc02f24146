"""Which operation a call beneath a path of the template is, as the functions of the management APIs find it."""

from typing import Any

import pytest

from authserver.aws.apigateway import read_request
from authserver.aws.routes import Paths

PATHS = Paths(
    (
        "GET /admin/users/{sub}",
        "DELETE /admin/users/{sub}/links/{link}",
        "POST /admin/keys/rotation",
        "GET /admin/keys/{kid}",
        "PATCH /admin/users/{sub}",
    )
)


def event(path: str, above: str = "/admin/users") -> dict[str, Any]:
    return {"resource": f"{above}/{{path+}}", "pathParameters": {"path": path}}


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("alice", "/admin/users/{sub}", {"sub": "alice"}),
        ("alice/links/1", "/admin/users/{sub}/links/{link}", {"sub": "alice", "link": "1"}),
        ("corp%2Falice/links/a%20b", "/admin/users/{sub}/links/{link}", {"sub": "corp%2Falice", "link": "a%20b"}),
        ("alice/l%69nks/1", "/admin/users/{sub}/links/{link}", {"sub": "alice", "link": "1"}),
        ("..", "/admin/users/{sub}", {"sub": ".."}),
        ("{sub}", "/admin/users/{sub}", {"sub": "{sub}"}),
    ],
)
def test_a_call_has_the_path_of_its_operation(path: str, resource: str, parameters: dict[str, str]) -> None:
    """Parameters stay percent-encoded, so that a slash within one does not end it."""
    found = PATHS.find(event(path))
    assert (found["resource"], found["pathParameters"]) == (resource, parameters)


def test_a_literal_segment_goes_before_a_parameter() -> None:
    assert PATHS.find(event("rotation", "/admin/keys"))["resource"] == "/admin/keys/rotation"
    assert PATHS.find(event("k1", "/admin/keys"))["resource"] == "/admin/keys/{kid}"


@pytest.mark.parametrize(
    "path", ["", "/", "alice/", "/links/1", "alice/links", "alice//1", "alice/links/1/2", "../keys/k1"]
)
def test_a_path_that_no_operation_has_stays_what_it_is(path: str) -> None:
    """So it is answered 404, and no path leads out of what the authorizer was asked for."""
    assert PATHS.find(event(path)) == event(path)


@pytest.mark.parametrize(
    "other",
    [
        {"resource": "/admin/users/{sub}", "pathParameters": {"sub": "alice"}},
        {"resource": "/admin/users", "pathParameters": None},
        {"resource": "/admin/users/{path+}", "pathParameters": None},
        {"resource": "/admin/users/{path+}", "pathParameters": {"path": 7}},
        {"resource": None},
        {},
    ],
)
def test_other_events_are_left_alone(other: dict[str, Any]) -> None:
    assert PATHS.find(other) == other


def test_the_address_of_the_api_is_the_same() -> None:
    called = {
        **event("alice/links/1"),
        "httpMethod": "DELETE",
        "requestContext": {
            "path": "/v1/admin/users/alice/links/1", "domainName": "api.example", "identity": {"sourceIp": "192.0.2.1"},
        },
    }  # fmt: skip
    request = read_request(PATHS.find(called))
    assert request.route == "DELETE /admin/users/{sub}/links/{link}"
    assert request.address == read_request(called).address == "https://api.example/v1"
