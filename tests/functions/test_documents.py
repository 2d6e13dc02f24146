"""Clients that come of metadata documents: draft-ietf-oauth-client-id-metadata-document, as MCP clients use it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.assertions import Signer
from tests.functions.document_flows import asked, code_of, editor
from tests.functions.flowing import taking_documents
from tests.functions.gateway import Gateway
from tests.functions.journey import App, Browser, portal
from tests.functions.world import World
from tests.origin import Origin

CIMD = "draft-ietf-oauth-client-id-metadata-document"
DAY = 86_400


# ------------------------------------------------------------------ what clients do


@pytest.mark.rfc(CIMD, "4")
@pytest.mark.parametrize("redirect_uri", ["http://localhost:54321/callback", "http://127.0.0.1:1/callback"])
def test_a_program_on_the_users_machine_connects_without_registration(
    redirect_uri: str, world: World, origin: Origin
) -> None:
    app = replace(editor(world, origin), redirect_uri=redirect_uri)
    tokens = app.tokens()
    assert app.refresh(tokens["refresh_token"]).status == 200
    assert app.gateway.call("GET", "/me", f"Bearer {tokens['access_token']}").status == 200
    assert origin.asked == ["/client.json"]


@pytest.mark.rfc("6749", "3.3")
def test_without_a_scope_it_gets_what_anybody_may_grant(world: World, origin: Origin) -> None:
    app = replace(editor(world, origin), scope="")
    assert app.tokens()["scope"] == "openid profile email read write"


@pytest.mark.rfc(CIMD, "5")
def test_the_page_tells_both_hosts_and_that_nobody_has_verified_it(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    browser = Browser(app.gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request())))).body
    assert "An editor is a test app that we have not verified." in page
    assert "It says this of itself at <strong>127.0.0.1</strong>" in page
    assert "<strong>http://localhost:54321</strong>" in page
    assert "Registered here" not in page


def test_it_is_asked_each_time_and_listed_and_disconnected_by_its_name(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    person = Browser(app.gateway)
    tokens = app.tokens(person)
    assert "An editor" in person.visit("/my/apps").body
    token = portal(app.gateway).tokens()["access_token"]
    one = app.gateway.manage("GET /account/applications/{client_id}", token, client_id=app.client_id)
    assert one.json()["name"] == "An editor"
    gone = app.gateway.manage("DELETE /account/applications/{client_id}", token, client_id=app.client_id)
    assert gone.status == 204
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"


def test_its_name_stays_when_its_document_is_gone(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    person = Browser(app.gateway)
    app.tokens(person)
    origin.answers.clear()
    world.clock.pass_by(3700)
    assert asked(app).status == 400
    assert "An editor" in person.visit("/my/apps").body


@pytest.mark.rfc("7662", "2.1")
def test_with_keys_it_introspects_and_revokes(world: World, origin: Origin) -> None:
    signer = Signer(origin.issuer + "/client.json", world.issuer, lambda: int(world.clock.time()), "RS256")
    keys = origin.put("/keys", {"keys": [signer.jwk]})
    app = editor(world, origin, token_endpoint_auth_method="private_key_jwt", jwks_uri=keys)
    code = code_of(app)
    assert app.exchange(code).error == "invalid_client"
    tokens = app.exchange(code, **signer.form()).json()
    token = tokens["refresh_token"]
    assert app.post("/introspect", token=token, **signer.form()).json()["active"] is True
    assert app.post("/revoke", token=token, **signer.form()).status == 200
    assert app.post("/introspect", token=token, **signer.form()).json() == {"active": False}
    assert origin.asked == ["/client.json", "/keys"]


@pytest.mark.rfc("8414", "2")
def test_the_metadata_says_so_only_where_it_is_so(world: World, origin: Origin) -> None:
    gateway = Gateway(world)
    on = gateway.send("GET", "/.well-known/oauth-authorization-server").json()
    assert on["client_id_metadata_document_supported"] is True
    assert "none" in on["token_endpoint_auth_methods_supported"]
    with world.using(metadata=world.load("metadata")):
        off = gateway.send("GET", "/.well-known/oauth-authorization-server").json()
    assert "client_id_metadata_document_supported" not in off
    assert origin.asked == []


# ------------------------------------------------------------------ what it costs


def test_what_was_fetched_comes_with_what_is_read_anyway(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    tokens = app.tokens()
    app.refresh(tokens["refresh_token"])
    world.aws.calls.clear()
    assert app.refresh(tokens["refresh_token"]).status == 200
    assert [call.operation for call in world.aws.calls if call.function == "token"] == ["BatchGetItem", "UpdateItem"]


@pytest.mark.parametrize("client_id", ["https://editor.example/client.json", "http://127.0.0.1:1/client.json"])
def test_where_it_is_off_an_address_is_an_unknown_client_at_the_usual_cost(client_id: str, world: World) -> None:
    app = App(Gateway(world), client_id, "", "http://localhost/callback")
    unknown = replace(app, client_id="nobody")
    costs = []
    for one in (unknown, app):
        asked(one)
        world.aws.calls.clear()
        answer = asked(one)
        assert (answer.status, "not registered here" in answer.body) == (400, True)
        costs.append([(call.operation, call.prefixes) for call in world.aws.calls])
    assert costs[0] == costs[1]


# ------------------------------------------------------------------ which documents


@pytest.mark.rfc(CIMD, "4.1")
@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"client_id": "https://other.example/client.json"}, "client_id"),
        ({"client_id": None}, "client_id"),
        ({"client_secret": "hunter2"}, "client_secret"),
        ({"client_secret_expires_at": 0}, "client_secret"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "client_secret"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "client_secret"),
        ({"token_endpoint_auth_method": "client_secret_of_tomorrow"}, "client_secret"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": ["private_key_jwt"]}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": "https://a.example/"}, "redirect_uris"),
        ({"redirect_uris": None}, "redirect_uris"),
        ({"grant_types": ["client_credentials"]}, "grant_types"),
    ],
)
def test_a_document_that_makes_no_client_is_told_on_a_page(
    metadata: dict[str, Any], reason: str, world: World, origin: Origin
) -> None:
    app = editor(world, origin, **metadata)
    answer = asked(app)
    assert answer.status == 400
    assert f"metadata document is not usable: {reason}" in answer.body
    refused = app.exchange("ac_x")
    assert (refused.status, refused.error) == (400, "invalid_client")
    assert origin.asked == ["/client.json"]


@pytest.mark.rfc(CIMD, "4.1")
def test_a_document_is_not_its_own_key_set(world: World, origin: Origin) -> None:
    itself = f"{origin.issuer}/client.json"
    keys = [Signer("", "", lambda: 0).jwk]
    app = editor(world, origin, token_endpoint_auth_method="private_key_jwt", jwks_uri=itself, keys=keys)
    assert "not usable: jwks_uri" in asked(app).body


@pytest.mark.rfc(CIMD, "4.1")
def test_a_document_may_ask_for_more_than_there_is(world: World, origin: Origin) -> None:
    app = editor(
        world,
        origin,
        client_name="x" * 300,
        grant_types=["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        response_types=["code", "code id_token"],
        token_endpoint_auth_method="unheard-of",
        scope="read admin:users account unheard-of",
        contacts="nobody",
        software_statement="x",
        redirect_uris=["cursor://callback", "http://localhost/callback", "http://localhost/callback"],
    )
    tokens = replace(app, scope="").tokens()
    assert tokens["scope"] == "read"
    assert "refresh_token" in tokens


@pytest.mark.rfc(CIMD, "3")
@pytest.mark.parametrize(
    "path", ["", "/", "/a/../client.json", "/a/%2e/client.json", "/client.json#x", "/client.json?x"]
)
def test_an_address_that_is_no_identifier_is_not_fetched(path: str, world: World, origin: Origin) -> None:
    app = replace(editor(world, origin), client_id=origin.issuer + path)
    assert asked(app).status == 400
    assert origin.asked == []


def test_some_hosts_alone_can_be_let_in(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    with taking_documents(world, ClientDocuments="claude.ai vscode.dev"):
        assert asked(app).status == 400
        assert origin.asked == []
    with taking_documents(world, ClientDocuments="127.0.0.1 vscode.dev"):
        assert asked(app).status == 303
        elsewhere = "http://localhost:1/keys"
        bent = editor(world, origin, path="/two.json", token_endpoint_auth_method="private_key_jwt", jwks_uri=elsewhere)
        assert "not usable: jwks_uri" in asked(bent).body


# ------------------------------------------------------------------ how long it is remembered


@pytest.mark.rfc(CIMD, "4.3")
@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("max-age=600", 600),
        ("max-age=1", 60),
        ("no-store", 60),
        ("max-age=31536000", DAY),
        ('public, Max-Age="120"', 120),
        ("max-age=soon", 3600),
        ("", 3600),
    ],
)
def test_it_is_remembered_as_its_origin_says_within_bounds(
    cache_control: str, seconds: int, world: World, origin: Origin
) -> None:
    app = editor(world, origin, cache=cache_control)
    for passed, fetched in ((0, 1), (seconds - 1, 1), (1, 2)):
        world.clock.pass_by(passed)
        assert asked(app).status == 303
        assert len(origin.asked) == fetched


@pytest.mark.rfc(CIMD, "4.3")
def test_an_error_is_remembered_for_a_minute(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    origin.put("/client.json", {}, 404)
    for passed, fetched in ((0, 1), (59, 1), (1, 2)):
        world.clock.pass_by(passed)
        assert asked(app).status == 400
        assert len(origin.asked) == fetched
    origin.client()
    world.clock.pass_by(60)
    assert asked(app).status == 303


def test_while_its_origin_is_down_it_is_what_it_was_for_a_day(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    token = app.tokens()["refresh_token"]
    origin.put("/client.json", {}, 503)
    for passed in (3600, DAY - 1):
        world.clock.pass_by(passed)
        answer = app.refresh(token)
        assert answer.status == 200
        token = answer.json()["refresh_token"]
    world.clock.pass_by(1)
    refused = app.refresh(token)
    assert (refused.status, refused.error) == (503, "temporarily_unavailable")
    origin.client()
    world.clock.pass_by(60)
    assert app.refresh(token).status == 200


def test_what_its_origin_takes_away_is_not_used_any_more(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    token = app.tokens()["refresh_token"]
    origin.put("/client.json", {}, 410)
    world.clock.pass_by(3600)
    assert app.refresh(token).error == "invalid_client"


@pytest.mark.parametrize("taken_away", [{"status": 410}, {"document": {"client_id": "https://other.example/"}}])
def test_what_is_taken_away_does_not_come_back_when_its_origin_goes_down(
    taken_away: dict[str, Any], world: World, origin: Origin
) -> None:
    app = editor(world, origin, cache="max-age=60")
    token = app.tokens()["refresh_token"]
    origin.put("/client.json", **{"document": {}, **taken_away})
    world.clock.pass_by(60)
    assert app.refresh(token).error == "invalid_client"
    origin.put("/client.json", {}, 503)
    for _ in range(2):
        world.clock.pass_by(60)
        assert app.refresh(token).error == "invalid_client"
        assert asked(app).status == 400
    origin.client()
    world.clock.pass_by(60)
    assert app.refresh(token).status == 200


def test_a_sign_in_that_takes_longer_than_the_document_is_fresh_goes_on(world: World, origin: Origin) -> None:
    app = editor(world, origin, cache="max-age=60")
    browser = Browser(app.gateway)
    page = browser.follow(browser.authorize(app.request()))
    world.clock.pass_by(300)
    consent = browser.follow(browser.sign_in(page))
    assert "code=" in browser.decide(consent).location
    assert len(origin.asked) == 1


@pytest.mark.rfc("OIDC RP-Initiated Logout", "4")
@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("status", [404, 503])
def test_people_sign_out_while_the_document_is_gone_or_its_origin_is_down(
    status: int, is_noticed: bool, world: World, origin: Origin
) -> None:
    back = "http://localhost/out"
    app = editor(world, origin, post_logout_redirect_uris=[back])
    person, other = Browser(app.gateway), Browser(app.gateway)
    token = app.tokens(person)["id_token"]
    app.tokens(other)
    origin.put("/client.json", {}, status)
    world.clock.pass_by(3600 + DAY)
    for one in (person, other):
        one.visit("/my/apps")
    if is_noticed:
        assert asked(app).status in (400, 503)
    query = {"client_id": app.client_id, "post_logout_redirect_uri": back}
    asked_first = other.send("GET", "/logout", query=query)
    assert (asked_first.status, "localhost" in asked_first.body) == (400, False)
    gone = person.send("GET", "/logout", query=query | {"id_token_hint": token})
    assert (gone.status, "You are signed out" in gone.body, "localhost" in gone.body) == (400, True, False)
    assert person.send("GET", "/my/apps").status == 303
    assert other.send("GET", "/my/apps").status == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"redirect_uris": ["http://localhost/elsewhere"]}, "invalid_grant"),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}, "invalid_client"),
        ({"client_id": "https://other.example/"}, "invalid_client"),
    ],
)
def test_a_document_that_has_changed_since_counts_at_the_token_endpoint(
    change: dict[str, Any], reason: str, world: World, origin: Origin
) -> None:
    app = editor(world, origin, cache="max-age=60")
    browser = Browser(app.gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request()))))
    world.clock.pass_by(60)
    code = browser.decide(page).location.partition("code=")[2].partition("&")[0]
    origin.client(**change)
    assert app.exchange(code).error == reason
    origin.client()
    world.clock.pass_by(59)
    assert len(origin.asked) == 2


def test_a_key_that_is_gone_stops_working_within_the_time(world: World, origin: Origin) -> None:
    signer = Signer(origin.issuer + "/client.json", world.issuer, lambda: int(world.clock.time()))
    other = replace(signer, kid="two", number=1)
    keys = origin.put("/keys", {"keys": [signer.jwk]}, cache="max-age=60")
    app = editor(world, origin, token_endpoint_auth_method="private_key_jwt", jwks_uri=keys)
    token = app.exchange(code_of(app), **signer.form()).json()["refresh_token"]
    origin.put("/keys", {"keys": [other.jwk]}, cache="max-age=60")
    assert app.post("/introspect", token=token, **signer.form()).status == 200
    world.clock.pass_by(60)
    assert app.post("/introspect", token=token, **signer.form()).error == "invalid_client"
    assert app.post("/introspect", token=token, **other.form()).status == 200
