"""Userinfo over the wire, at the issuer: OpenID Connect Core section 5.3, RFC 6750."""

import pytest

from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import change_client, issue_opaque_tokens, stores_of
from tests.functions.journey import App, machine, native
from tests.functions.world import World

BARE = 'Bearer realm="authserver"'


def ask(gateway: Gateway, token: str, scheme: str = "Bearer") -> Answer:
    return gateway.send("GET", "/userinfo", headers={"authorization": f"{scheme} {token}"})


@pytest.mark.rfc("OIDC Core", "5.3.1")
@pytest.mark.rfc("6750", "2.2")
@pytest.mark.parametrize("opaque", [False, True])
def test_the_token_is_in_the_header_or_in_a_form(opaque: bool, world: World, gateway: Gateway) -> None:
    if opaque:
        issue_opaque_tokens(world, "demo-app")
    token = native(gateway).tokens()["access_token"]
    bearer = {"authorization": f"bearer {token}"}
    for answer in (
        ask(gateway, token),
        gateway.send("POST", "/userinfo", headers=bearer),
        gateway.post("/userinfo", {"a": "b"}, headers=bearer),
        gateway.post("/userinfo", {"access_token": token}),
    ):
        assert answer.status == 200
        assert answer.json()["email"] == "alice@example.com"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.rfc("6750", "3")
@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer  ", "Basic ZGVtbzpkZW1v", "garbage"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_token_nothing_is_called_wrong(method: str, authorization: str, gateway: Gateway) -> None:
    answer = gateway.send(method, "/userinfo", headers={"authorization": authorization})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, BARE)
    assert answer.json() == {"message": "An access token is required"}


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("kind", ["garbage", "two words", "expired", "revoked", "id_token", "refresh_token"])
def test_a_bad_token_is_invalid(kind: str, world: World, gateway: Gateway) -> None:
    app = native(gateway)
    tokens = app.tokens()
    token = tokens.get(kind, tokens["access_token"])
    match kind:
        case "expired":
            world.clock.pass_by(3600)
        case "revoked":
            app.post("/revoke", token=token)
        case "garbage" | "two words":
            token = "x y" if " " in kind else kind
    answer = ask(gateway, token)
    assert (answer.status, answer.error) == (401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith(f'{BARE}, error="invalid_token"')


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.rfc("OIDC Core", "5.3")
def test_a_token_without_openid_is_not_enough(gateway: Gateway) -> None:
    answer = ask(gateway, native(gateway).tokens(scope="read")["access_token"])
    assert (answer.status, answer.error) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="openid"' in answer.headers["www-authenticate"]


@pytest.mark.rfc("6750", "2")
def test_a_token_in_two_places_is_an_invalid_request(gateway: Gateway) -> None:
    token = native(gateway).tokens()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    twice = [("access_token", token), ("access_token", token)]
    for answer in (
        gateway.post("/userinfo", {"access_token": token}, headers=bearer),
        gateway.post("/userinfo", twice),
    ):
        assert (answer.status, answer.error) == (400, "invalid_request")
        assert answer.headers["www-authenticate"].startswith(f'{BARE}, error="invalid_request"')


@pytest.mark.rfc("6750", "2.3")
def test_a_token_in_the_query_is_none(gateway: Gateway) -> None:
    token = native(gateway).tokens()["access_token"]
    assert gateway.send("GET", "/userinfo", query={"access_token": token}).headers["www-authenticate"] == BARE


@pytest.mark.rfc("OIDC Core", "5.3")
@pytest.mark.rfc("8707", "2")
def test_a_token_for_another_resource_tells_of_its_user(world: World, native_app: App, gateway: Gateway) -> None:
    elsewhere = "https://mcp.example.com"
    there = {name: world.load(name, Resources=elsewhere) for name in ("authorize", "login", "consent", "token")}
    with world.using(**there):
        token = native_app.tokens(resource=elsewhere)["access_token"]
    assert ask(gateway, token).json()["preferred_username"] == "alice"
    with pytest.raises(RuntimeError, match="Unauthorized"):
        gateway.call("GET", "/userinfo", f"Bearer {token}")


def test_a_clients_own_token_is_no_users(world: World, gateway: Gateway) -> None:
    assert ask(gateway, machine(gateway).own_token(scope="read").json()["access_token"]).status == 403
    implying = ScopeDefinition("everything", "Everything", implies=("openid",))
    stores_of(world).withdrawals.change_scopes(ScopeCatalogue.of((*DEFAULT.definitions, implying)))
    change_client(world, "demo-machine", scope=Scope.parse("everything"))
    world.clock.pass_by(2)
    answer = ask(gateway, machine(gateway).own_token(scope="everything").json()["access_token"])
    assert (answer.status, answer.error) == (401, "invalid_token")


@pytest.mark.rfc("9700", "2.6")
def test_pages_of_any_origin_may_ask(gateway: Gateway) -> None:
    preflight = gateway.send("OPTIONS", "/userinfo", headers={"access-control-request-headers": "authorization"})
    assert preflight.status == 204
    for answer in (preflight, ask(gateway, "garbage"), gateway.send("PUT", "/userinfo")):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
