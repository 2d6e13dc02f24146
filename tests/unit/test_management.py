"""What every operation of the management APIs asks of a request before it looks at it."""

from typing import Any

import pytest

from authserver.errors import MethodNotAllowed
from authserver.management import DEFAULT_PAGE, MAX_DEPTH, Call, serve
from authserver.management.partner import operations as partner
from authserver.values import Scope
from authserver.wire.http import HttpRequest
from tests.fakes import client
from tests.unit.api import Api
from tests.unit.server import Server


@pytest.fixture
def api() -> Api:
    return Api(Server(client(owner="alice")), partner.OPERATIONS, "alice")


@pytest.mark.parametrize(
    "limit",
    ["0", "00", "101", "1000", "-1", "1.0", " 1", "01", "\u0661", "0000000011111", "000000001" + "9" * 5000],
)
def test_limit_that_is_no_number_from_1_to_100_is_refused(api: Api, limit: str) -> None:
    assert api.call("GET", "/partner/apps", limit=limit).fields == {"limit"}


@pytest.mark.parametrize(("query", "limit"), [({}, DEFAULT_PAGE), ({"limit": "1"}, 1), ({"limit": "100"}, 100)])
def test_limit_is_the_number_that_was_asked_for(query: dict[str, str], limit: int) -> None:
    assert Call("", "", Scope(), "", query=query).limit == limit


def patched(api: Api, body: bytes) -> int:
    request = HttpRequest(
        "PATCH",
        "PATCH /partner/apps/{client_id}",
        headers={"content-type": "application/merge-patch+json"},
        body=body,
        path_parameters={"client_id": "web"},
        authorizer=api.authorizer,
    )
    return serve(request, partner.OPERATIONS, api.server.services).status


@pytest.mark.rfc("7396", "2")
@pytest.mark.parametrize("depth", [MAX_DEPTH, 500, 1500, 5000, 10_000])
@pytest.mark.parametrize(("opening", "closing"), [(b'{"contacts":', b"}"), (b'{"contacts":[', b"]}")])
def test_patch_however_deep_is_refused(api: Api, depth: int, opening: bytes, closing: bytes) -> None:
    assert patched(api, opening * depth + b"1" + closing * depth) in (400, 413)


@pytest.mark.rfc("7396", "2")
def test_patch_that_is_shallow_is_taken(api: Api) -> None:
    assert patched(api, b'{"contacts": ["a@example.com"]}') == 200


@pytest.mark.rfc("8259", "8.2")
@pytest.mark.parametrize(
    "document",
    [
        b'{"client_name": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"contacts": ["\\ud800"]}',
        b'{"client_name": "\xed\xa0\x80"}',
    ],
)
def test_text_with_half_a_character_is_refused(api: Api, document: Any) -> None:
    assert patched(api, document) == 400


@pytest.mark.rfc("9110", "15.5.6")
@pytest.mark.parametrize("method", ["PUT", "HEAD", "BREW"])
def test_method_that_a_path_does_not_have_is_told_those_that_it_has(api: Api, method: str) -> None:
    request = HttpRequest(method, f"{method} /partner/apps/{{client_id}}", authorizer=api.authorizer)
    with pytest.raises(MethodNotAllowed) as refused:
        serve(request, partner.OPERATIONS, api.server.services)
    assert set(refused.value.allow.split(", ")) == {"GET", "PATCH", "DELETE"}
