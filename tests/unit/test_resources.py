"""Resources that operators store: what is issued for them, what their routes ask for, and what is told of them."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from authserver import resources as resources_module
from authserver import values
from authserver.endpoints.machines.metadata import find_resource, resource_metadata, server_metadata
from authserver.errors import InsufficientScope, InvalidTarget, InvalidToken
from authserver.management.admin import resources, scopes
from authserver.resources import Resource, ResourceCatalogue
from authserver.values import normal_uri
from tests.fakes import OTHER_RESOURCE, RESOURCE, client, public_client
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server, all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

MCP = "https://mcp.example/mcp"
DOCUMENT = {
    "identifier": MCP,
    "name": "Tools",
    "scopes": ["read", "write"],
    "routes": {"POST /mcp": "read write", "GET /mcp/...": "read", "$default": ""},
}
ONE = "/admin/resources/mcp"


@pytest.fixture(params=["jwt", "opaque"])
def server(request: pytest.FixtureRequest) -> Server:
    return Server(client(access_token_format=request.param), public_client())


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, (*resources.OPERATIONS, *scopes.OPERATIONS), "operator")


# ------------------------------------------------------------------ the API


def test_nobody_has_to_store_any(server: Server, api: Api) -> None:
    assert api.get("/admin/resources") == {"items": []}
    assert api.call("GET", ONE).status == 404
    assert api.call("DELETE", ONE).status == 404
    server.calls.clear()
    App(server).exchange(Browser(server).code((RESOURCE,)))
    assert "configuration.resources" not in server.calls


def test_what_was_put_is_there_for_every_function_by_the_time_of_the_answer(server: Server, api: Api) -> None:
    another = server.new_instance()
    assert MCP not in another.known_resources
    answer = api.call("PUT", ONE, DOCUMENT)
    assert (answer.status, answer.document) == (200, {"id": "mcp", **DOCUMENT, "token_profile": "rfc9068"})
    assert api.get(ONE) == answer.document
    assert api.get("/admin/resources")["items"] == [answer.document]
    assert another.known_resources == (RESOURCE, OTHER_RESOURCE, MCP)


def test_a_change_is_answered_when_every_function_has_heard_of_it(server: Server, api: Api) -> None:
    heard: list[bool] = []
    server.services = replace(server.services, settle=lambda: heard.append(MCP in server.services.known_resources))
    api.call("PUT", ONE, DOCUMENT)
    api.call("DELETE", ONE)
    assert heard == [True, False]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"identifier": "mcp"}, "identifier"),
        ({"identifier": f"{MCP}#part"}, "identifier"),
        ({"scopes": ["unknown"]}, "scopes"),
        ({"scopes": ["read", "offline_access"]}, "scopes"),
        ({"routes": {"POST /mcp": "openid"}}, "routes.POST /mcp"),
        ({"routes": {"POST /mcp": "unknown"}}, "routes.POST /mcp"),
        ({"routes": {"post /mcp": "read"}}, "routes.post /mcp"),
        ({"routes": {"/mcp": "read"}}, "routes./mcp"),
        ({"routes": {"POST /mcp": "read  write"}}, "routes.POST /mcp"),
        ({"name": "Tools\n"}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_so_is_refused_by_its_field(wrong: dict[str, Any], field: str, api: Api) -> None:
    answer = api.call("PUT", ONE, DOCUMENT | wrong)
    assert answer.status == 400
    assert any(found == field or found.startswith(f"{field}.") for found in answer.fields)
    assert api.get("/admin/resources") == {"items": []}


@pytest.mark.parametrize("name", ["Mcp", "m_p", "x" * 65, "-x"])
def test_an_id_is_lower_case_letters_digits_and_hyphens(name: str, api: Api) -> None:
    assert api.call("PUT", f"/admin/resources/{name}", DOCUMENT).status == 400


@pytest.mark.rfc("3986", "6.2.2.1")
def test_no_two_have_one_identifier_in_normal_form(api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    answer = api.call("PUT", "/admin/resources/other", DOCUMENT | {"identifier": "HTTPS://MCP.example:443/mcp"})
    assert (answer.status, answer.reason) == (409, "identifier_taken")


def test_changes_at_once_are_all_there(server: Server, api: Api) -> None:
    def put(number: int) -> int:
        return api.call("PUT", f"/admin/resources/r{number}", {"identifier": f"https://r{number}.example"}).status

    answers = all_at_once(put, 8)
    done = {f"r{number}" for number, status in enumerate(answers) if status == 200}
    assert set(answers) <= {200, 409}
    assert done == {one["id"] for one in api.get("/admin/resources")["items"]}


def test_who_loses_again_and_again_is_told(server: Server, api: Api) -> None:
    server.around = lambda verb, call: False if verb == "withdrawals.change_resources" else call()
    assert api.call("PUT", ONE, DOCUMENT).status == 409


def test_all_of_them_fit_into_one_item(api: Api) -> None:
    """One has as many routes as a request can say; of these, so many that DynamoDB would take no more."""
    routes = {f"GET /{number:0500}": "read" for number in range(100)}
    answers = [
        api.call(
            "PUT",
            f"/admin/resources/r{number}",
            {**DOCUMENT, "identifier": f"https://r{number}.example", "routes": routes},
        )
        for number in range(7)
    ]
    assert [answer.status for answer in answers] == [200] * 5 + [409] * 2
    assert answers[-1].reason == "too_many"


# ------------------------------------------------------------------ tokens


@pytest.mark.rfc("8707", "2")
def test_tokens_are_issued_for_a_resource_once_it_is_there(server: Server, api: Api) -> None:
    with pytest.raises(InvalidTarget):
        App(server).token("client_credentials", (MCP,))
    api.call("PUT", ONE, DOCUMENT)
    token = App(server).token("client_credentials", ("https://MCP.example/mcp",), scope="read").access_token
    assert server.access(token, "GET /mcp", MCP).audience == (MCP,)
    for elsewhere in (RESOURCE, OTHER_RESOURCE):
        with pytest.raises(InvalidToken):
            server.access(token, audience=elsewhere)


@pytest.mark.rfc("8707", "2")
def test_a_request_asks_for_twenty_resources_at_most_however_often_it_repeats_one(server: Server, api: Api) -> None:
    identifiers = tuple(f"https://r{number}.example" for number in range(21))
    for number, identifier in enumerate(identifiers):
        api.call("PUT", f"/admin/resources/r{number}", {"identifier": identifier})
    token = App(server).token("client_credentials", identifiers[:20] * 5).access_token
    assert server.access(token, audience=identifiers[19]).audience == identifiers[:20]
    with pytest.raises(InvalidTarget) as refusal:
        App(server).token("client_credentials", identifiers)
    assert refusal.value.reason == "resources_too_many"


def test_the_stored_resources_are_put_in_normal_form_once_and_not_for_each_request(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tuple(Resource(f"r{number}", f"https://r{number}.example") for number in range(1000))
    catalogue = ResourceCatalogue(stored, 1)
    server.services = replace(server.services, resources=lambda: catalogue)
    formed: list[str] = []

    def noting(uri: str) -> str:
        formed.append(uri)
        return normal_uri(uri)

    for place in (values, resources_module):
        monkeypatch.setattr(place, "normal_uri", noting)
    token = App(server).token("client_credentials", ("HTTPS://r999.example",) * 150).access_token
    assert len(formed) < 20
    assert server.access(token, audience="https://r999.example").audience == ("https://r999.example",)


@pytest.mark.rfc("8707", "2.2")
def test_nothing_is_issued_for_a_resource_that_was_removed(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    app, browser = App(server), Browser(server)
    tokens = app.exchange(browser.code((MCP,)))
    code = Browser(server).code((MCP,))
    api.call("DELETE", ONE)
    attempts: list[Callable[[], object]] = [
        lambda: app.token("client_credentials", (MCP,)),
        lambda: app.refresh(tokens.refresh_token),
        lambda: app.refresh(tokens.refresh_token, (MCP,)),
        lambda: app.exchange(code),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidTarget):
            attempt()
    api.call("PUT", ONE, DOCUMENT)
    assert app.exchange(code), "it was not spent"
    assert app.refresh(tokens.refresh_token), "nor was this"


def test_a_removed_resource_is_told_to_no_token_and_lets_none_in_until_it_is_back(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    app = App(server)
    token = app.exchange(Browser(server).code((MCP,), scope="openid read")).access_token
    assert server.access(token, "GET /mcp", MCP)
    api.call("DELETE", ONE)
    with pytest.raises(InvalidToken) as refusal:
        server.access(token, "GET /mcp", MCP)
    assert refusal.value.reason == "resource_removed"
    assert app.introspect(token) == {"active": False}
    api.call("PUT", "/admin/resources/again", DOCUMENT)
    assert server.access(token, "GET /mcp", MCP)
    assert app.introspect(token)["active"] is True


def test_a_token_for_several_goes_on_for_those_that_are_there(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    app = App(server)
    tokens = app.exchange(Browser(server).code((MCP, RESOURCE), scope="openid read"))
    api.call("PUT", ONE, DOCUMENT | {"identifier": "https://moved.example"})
    assert server.access(tokens.access_token).audience == (RESOURCE,)
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token, "GET /mcp", MCP)
    assert server.access(app.refresh(tokens.refresh_token).access_token).audience == (RESOURCE,)


def test_what_a_parameter_names_is_described_and_never_removed(server: Server, api: Api) -> None:
    one = "/admin/resources/files"
    assert api.call("PUT", one, DOCUMENT | {"identifier": OTHER_RESOURCE}).status == 200
    assert server.services.known_resources == (RESOURCE, OTHER_RESOURCE)
    token = App(server).token("client_credentials", (OTHER_RESOURCE,), scope="read").access_token
    assert server.access(token, "GET /mcp", OTHER_RESOURCE)
    with pytest.raises(InsufficientScope):
        server.access(token, "POST /mcp", OTHER_RESOURCE)
    api.call("DELETE", one)
    assert server.access(token, "GET /items", OTHER_RESOURCE), "by the parameter's routes again"


# ------------------------------------------------------------------ routes


@pytest.mark.rfc("6750", "3.1")
def test_routes_of_a_resource_are_its_own_alone(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    api.call("PUT", "/admin/resources/bare", {"identifier": "https://bare.example"})
    app = App(server)
    for audience in (MCP, "https://bare.example"):
        token = app.token("client_credentials", (audience,), scope="read").access_token
        # MCP has a default; what has no routes of its own goes by the parameter.
        routes = {"GET /mcp/deep": audience == MCP, "GET /anything": audience == MCP, "GET /items": True}
        for route, passes in routes.items():
            if passes:
                assert server.access(token, route, audience)
            else:
                with pytest.raises(InsufficientScope):
                    server.access(token, route, audience)
    with pytest.raises(InsufficientScope) as refusal:
        server.access(app.token("client_credentials", (MCP,), scope="read").access_token, "POST /mcp", MCP)
    assert refusal.value.scope == "read write"


def test_a_route_of_any_method_is_that_very_path(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT | {"routes": {"ANY /mcp": "read", "DELETE /mcp": "write"}})
    token = App(server).token("client_credentials", (MCP,), scope="read").access_token
    assert server.access(token, "GET /mcp", MCP)
    assert server.access(token, "POST /mcp", MCP)
    for route in ("DELETE /mcp", "POST /mcp/deep"):
        with pytest.raises(InsufficientScope):
            server.access(token, route, MCP)


def test_routes_of_this_servers_own_api_are_the_templates(server: Server, api: Api) -> None:
    """Otherwise an operator who may change resources could open the admin API."""
    own = DOCUMENT | {"identifier": f"{RESOURCE}/"}
    assert api.call("PUT", ONE, own).fields == {"routes"}
    assert api.call("PUT", ONE, own | {"routes": {}}).status == 200
    token = App(server).token("client_credentials", scope="read").access_token
    with pytest.raises(InsufficientScope):
        server.access(token, "GET /mcp")


def test_routes_that_were_stored_for_another_address_of_this_servers_own_api_count_for_nothing_there(
    server: Server, api: Api
) -> None:
    """`ResourceUrl` comes and goes, and with it the address by which the API is called."""
    api.call("PUT", ONE, DOCUMENT)
    token = App(server).token("client_credentials", (MCP,), scope="read").access_token
    assert server.access(token, "GET /mcp", MCP)
    assert server.access(token, "GET /items", MCP, is_own=True)
    with pytest.raises(InsufficientScope):
        server.access(token, "GET /mcp", MCP, is_own=True)


def test_checking_a_token_reads_the_resources_once_for_each_change(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    token = App(server).token("client_credentials", (MCP,), scope="read").access_token
    server.services = server.new_instance()
    server.calls.clear()
    for _ in range(5):
        server.access(token, "GET /mcp", MCP)
    assert server.calls["configuration.resources"] == 1


# ------------------------------------------------------------------ documents


@pytest.mark.rfc("9728", "2")
def test_the_document_of_a_resource_tells_its_own_scopes(server: Server, api: Api) -> None:
    api.call("PUT", "/admin/scopes/orders", {"description": "See orders"})
    api.call("PUT", ONE, DOCUMENT | {"scopes": ["read", "write", "orders"]})
    assert find_resource("https://mcp.example", "mcp", server.services) == MCP
    document = resource_metadata(MCP, server.services).content
    assert document["resource_name"] == "Tools"
    assert document["scopes_supported"] == ["read", "write", "orders"]
    api.call("DELETE", "/admin/scopes/orders")
    assert resource_metadata(MCP, server.services).content["scopes_supported"] == ["read", "write"]
    others = resource_metadata(RESOURCE, server.services).content
    assert "resource_name" not in others
    assert others["scopes_supported"] == ["read", "write"]
    assert "offline_access" not in others["scopes_supported"]


@pytest.mark.rfc("9728", "4")
def test_the_servers_document_names_its_resources_while_they_are_there(server: Server, api: Api) -> None:
    api.call("PUT", ONE, DOCUMENT)
    assert server_metadata(server.services).content["protected_resources"] == [RESOURCE, OTHER_RESOURCE, MCP]
    api.call("DELETE", ONE)
    assert server_metadata(server.services).content["protected_resources"] == [RESOURCE, OTHER_RESOURCE]
    assert find_resource("https://mcp.example", "mcp", server.services) is None
