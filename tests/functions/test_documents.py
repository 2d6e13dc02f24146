"""Clients that come of metadata documents: draft-ietf-oauth-client-id-metadata-document, as MCP clients use it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from authserver.aws.dynamodb.counters import DynamoCounters
from authserver.aws.items.primary_keys import document_key
from authserver.management.client_documents import FOR_A_NETWORK, IN_ALL, OF_A_HOST
from authserver.settings import Settings
from authserver.values import Scope
from tests.assertions import Signer
from tests.functions import events
from tests.functions.document_flows import editor
from tests.functions.flowing import taking_documents
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import TOKENS, change_client, sign_for, stores_of
from tests.functions.journey import App, Browser, admin, portal, web
from tests.functions.world import World
from tests.origin import Origin, an_origin

CIMD = "draft-ietf-oauth-client-id-metadata-document"
DAY = 86_400
ONE = "/admin/client-documents/{client_id}"


@pytest.fixture
def origin(world: World) -> Iterator[Origin]:
    with taking_documents(world), an_origin() as one:
        yield one


def asked(app: App, **changed: str) -> Answer:
    return app.gateway.send("GET", "/authorize", query=app.request(**changed))


def block(app: App, status: str = "disabled") -> None:
    operator = admin(app.gateway).own_token().json()["access_token"]
    answer = app.gateway.manage(f"PATCH {ONE}", operator, {"status": status}, client_id=app.client_id)
    assert answer.status == 200, answer


def code_of(app: App) -> str:
    return Browser(app.gateway).go_through(app.request())["code"]


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


# ------------------------------------------------------------------ keys elsewhere, of registered clients as well


@pytest.fixture
def keys(world: World) -> Iterator[Origin]:
    with world.using(documents=world.load("documents", LoopbackUpstreams="true")), an_origin() as one:
        yield one


def introspects(app: App, signer: Signer) -> int:
    return app.gateway.post("/introspect", {"token": "x", **signer.form()}).status


@pytest.mark.rfc("OIDC Core", "10.1.1")
def test_an_unknown_kid_is_looked_for_once_a_minute(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    newer = replace(signer, kid="two", number=1)
    assert introspects(app, signer) == 200
    keys.put("/keys", {"keys": [signer.jwk, newer.jwk]})
    assert [introspects(app, newer) for _ in range(3)] == [401] * 3
    assert len(keys.asked) == 1
    world.clock.pass_by(60)
    assert introspects(app, newer) == 200
    unknown = replace(signer, kid="three", number=2)
    assert [introspects(app, unknown) for _ in range(3)] == [401] * 3
    world.clock.pass_by(60)
    assert [introspects(app, unknown) for _ in range(3)] == [401] * 3
    assert len(keys.asked) == 3


@pytest.mark.parametrize(("document", "status"), [({}, 403), ({}, 503), ({"keys": []}, 200)])
def test_an_unknown_kid_does_not_break_a_set_that_is_fresh(
    document: Any, status: int, world: World, keys: Origin
) -> None:
    app = web(Gateway(world))
    good = {"keys": [Signer("", "", lambda: 0).jwk]}
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", good, cache="max-age=180"))
    assert introspects(app, signer) == 200
    keys.put("/keys", document, status)
    world.clock.pass_by(120)
    assert introspects(app, replace(signer, kid="forged", number=3)) == 401
    assert len(keys.asked) == 2
    assert introspects(app, signer) == 200
    world.clock.pass_by(60)
    assert introspects(app, signer) == (200 if status == 503 else 401)
    assert len(keys.asked) == 3


@pytest.mark.rfc("7521", "4.2")
@pytest.mark.parametrize("subject", ["\ud800", "https://h.example/\ud800", "x" * 3000, "é" * 600])
@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_an_assertion_of_what_can_be_no_identifier_is_refused(path: str, subject: str, world: World) -> None:
    signer = replace(Signer("demo-web", world.issuer, lambda: int(world.clock.time())), client_id=subject)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **signer.form()}
    assert Gateway(world).post(path, form).error == "invalid_client"


def test_a_client_identifier_that_is_too_long_is_an_unknown_client(world: World) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "x" * 3000}
    assert Gateway(world).post("/token", form).error == "invalid_client"


def test_two_clients_at_one_address_have_a_set_each(world: World, keys: Origin) -> None:
    uri = keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]})
    one, two = (sign_for(world, client_id, jwks_uri=uri) for client_id in ("demo-web", "demo-machine"))
    app = web(Gateway(world))
    assert (introspects(app, one), introspects(app, two)) == (200, 200)
    assert keys.asked == ["/keys", "/keys"]


def test_an_address_that_is_changed_has_no_keys_of_the_one_before(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/old", {"keys": [Signer("", "", lambda: 0).jwk]}))
    assert introspects(app, signer) == 200
    other = Signer("", "", lambda: 0, kid="two", number=1)
    sign_for(world, app.client_id, jwks_uri=keys.put("/new", {"keys": [other.jwk]}))
    assert introspects(app, signer) == 401
    assert introspects(app, replace(signer, kid="two", number=1)) == 200


@pytest.mark.parametrize(
    "document", [{"keys": []}, {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, b"<html>", b"x" * 40_000, []]
)
def test_what_is_no_key_set_authenticates_nobody(document: Any, world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", document))
    assert [introspects(app, signer) for _ in range(2)] == [401, 401]
    assert keys.asked == ["/keys"]


def test_keys_that_are_taken_away_do_not_come_back_when_their_origin_goes_down(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    good = {"keys": [Signer("", "", lambda: 0).jwk]}
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", good, cache="max-age=60"))
    assert introspects(app, signer) == 200
    answers: tuple[tuple[Any, int], ...] = (({"keys": []}, 200), ({}, 503), ({}, 503))
    for document, status in answers:
        keys.put("/keys", document, status)
        world.clock.pass_by(60)
        assert introspects(app, signer) == 401
    keys.put("/keys", good)
    world.clock.pass_by(60)
    assert introspects(app, signer) == 200


def test_a_key_set_that_cannot_be_reached_is_no_mistake_of_the_client(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {}, 502))
    assert introspects(app, signer) == 503


# ------------------------------------------------------------------ operators, and those who attack


def test_a_block_counts_at_once_whatever_is_remembered(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    tokens = app.tokens()
    code = code_of(app)
    fetched = len(origin.asked)
    block(app)
    assert "disabled" in asked(app).body
    assert app.refresh(tokens["refresh_token"]).error == "invalid_client"
    assert app.exchange(code).error == "invalid_client"
    with pytest.raises(RuntimeError, match="Unauthorized"):
        app.gateway.call("GET", "/me", f"Bearer {tokens['access_token']}")
    world.clock.pass_by(2 * DAY)
    assert "disabled" in asked(app).body
    assert len(origin.asked) == fetched
    block(app, "active")
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"
    assert asked(app).status == 303


def test_the_keys_of_a_client_that_is_blocked_are_not_fetched(world: World, origin: Origin) -> None:
    signer = Signer(origin.issuer + "/client.json", world.issuer, lambda: int(world.clock.time()))
    uri = origin.put("/keys", {"keys": [signer.jwk]}, cache="max-age=60")
    app = editor(world, origin, token_endpoint_auth_method="private_key_jwt", jwks_uri=uri)
    assert asked(app).status == 303
    block(app)
    fetched = len(origin.asked)
    world.clock.pass_by(3600)
    assert app.post("/introspect", token="x", **signer.form()).error == "invalid_client"
    assert app.post("/introspect", token="x", **replace(signer, kid="forged").form()).error == "invalid_client"
    assert len(origin.asked) == fetched


@pytest.mark.parametrize("changed", [{"status": "disabled"}, {"token_endpoint_auth_method": "none"}])
def test_the_keys_of_a_registered_client_that_may_not_use_them_are_not_fetched(
    changed: dict[str, Any], world: World, keys: Origin
) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    change_client(world, app.client_id, **changed)
    assert introspects(app, signer) == 401
    assert keys.asked == []


def test_it_is_no_registered_client_that_operators_change_or_delete(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    app.tokens()
    operator = admin(app.gateway).own_token().json()["access_token"]
    one = "/admin/clients/{client_id}"
    for route, body in ((f"GET {one}", None), (f"PATCH {one}", {"client_name": "Official"}), (f"DELETE {one}", None)):
        assert app.gateway.manage(route, operator, body, client_id=app.client_id).status == 404
    assert app.gateway.manage(f"POST {one}/secrets", operator, {}, client_id=app.client_id).status == 404
    assert asked(app).status == 303


def test_nobody_brings_a_deleted_identifier_back(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    stores_of(world).withdrawals.delete_client(app.client_id)
    operator = admin(app.gateway).own_token().json()["access_token"]
    answer = app.gateway.manage(f"PATCH {ONE}", operator, {"status": "active"}, client_id=app.client_id)
    assert answer.status == 409
    assert asked(app).status == 400
    assert origin.asked == []


def test_an_address_is_blocked_before_it_was_ever_used(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    block(app)
    assert "disabled" in asked(app).body
    assert origin.asked == []


def test_operators_see_what_became_of_it(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    tokens = app.tokens()
    app.refresh(tokens["refresh_token"])
    code_of(app)
    asked(app, code_challenge_method="plain")
    operator = admin(app.gateway).own_token().json()["access_token"]
    told = app.gateway.manage(f"GET {ONE}", operator, client_id=app.client_id).json()
    usage = {name: told["usage"][name] for name in ("authorized", "redeemed", "refreshed", "is_bounded")}
    assert usage == {"authorized": 2, "redeemed": 1, "refreshed": 1, "is_bounded": False}
    assert told["last_refusal"]["reason"] == "code_challenge_method"
    assert told["host"] == "127.0.0.1"
    origin.put("/client.json", {}, 500)
    world.clock.pass_by(3600)
    asked(app)
    operator = admin(app.gateway).own_token().json()["access_token"]
    (listed,) = app.gateway.manage("GET /admin/client-documents", operator).json()["items"]
    assert (listed["client_name"], listed["status"], listed["error"]) == ("An editor", "active", "down")


def begin_a_minute(world: World) -> None:
    world.clock.pass_by(60 - world.clock.time() % 60)


def made_up(app: App, count: int, networks: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How so many documents that nobody has were answered, asked for from each of some networks."""
    answers = []
    for network in range(networks):
        monkeypatch.setattr(events, "SOURCE", f"198.51.100.{network}")
        addresses = (f"{app.client_id}.{network}.{number}" for number in range(count))
        answers += [asked(replace(app, client_id=address)).status for address in addresses]
    monkeypatch.undo()
    return answers


def test_one_network_has_no_more_than_its_share(world: World, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    app = editor(world, origin)
    signer = sign_for(world, "demo-web", jwks_uri=origin.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    begin_a_minute(world)
    refused = made_up(app, FOR_A_NETWORK + 5, 1, monkeypatch)
    assert refused == [400] * FOR_A_NETWORK + [503] * 5
    assert asked(app).status == 303
    assert introspects(web(Gateway(world)), signer) == 200


def test_a_token_that_is_asked_of_itself_counts_for_the_network_that_asks(
    world: World, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = editor(world, origin)
    token = app.tokens()["access_token"]
    begin_a_minute(world)
    made_up(app, FOR_A_NETWORK, 1, monkeypatch)
    origin.asked.clear()
    for source, fetched in (("198.51.100.0", []), ("203.0.113.1", ["/client.json"])):
        world.aws.remove("TokensTable", document_key(app.client_id))  # as its time may have it
        monkeypatch.setattr(events, "SOURCE", source)
        app.gateway.send("GET", "/introspect", headers={"authorization": f"Bearer {token}"})
        assert origin.asked == fetched


def test_one_host_has_no_more_than_its_share(world: World, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    app = editor(world, origin)
    signer = sign_for(world, "demo-web", jwks_uri=origin.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    with an_origin() as another:  # of the same host, on another port
        elsewhere = replace(app, client_id=f"{another.issuer}/none.json")
        begin_a_minute(world)
        networks = OF_A_HOST // FOR_A_NETWORK
        assert made_up(elsewhere, FOR_A_NETWORK, networks, monkeypatch) == [400] * OF_A_HOST
        assert asked(app).status == 503
        assert introspects(web(Gateway(world)), signer) == 200  # the first keys of registered clients count apart
    world.clock.pass_by(60)
    assert asked(app).status == 303


def test_whatever_strangers_have_fetched_what_is_known_is_looked_after(world: World, origin: Origin) -> None:
    app = editor(world, origin, cache="max-age=60")
    token = app.tokens()["refresh_token"]
    origin.put("/client.json", {}, 410)
    world.clock.pass_by(60)
    for kind in ("new", "keys", "anew"):
        use_up(world, kind)
    assert asked(replace(app, client_id=f"{app.client_id}.new")).status == 503
    assert app.refresh(token).error == "invalid_client"


def test_keys_that_are_gone_are_noticed_whatever_strangers_have_fetched(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    other = replace(signer, kid="two", number=1)
    assert introspects(app, signer) == 200
    keys.put("/keys", {"keys": [other.jwk]})
    world.clock.pass_by(3600)
    for kind in ("new", "keys", "anew"):
        use_up(world, kind)
    assert (introspects(app, signer), introspects(app, other)) == (401, 200)


def test_keys_that_are_looked_for_anew_take_nothing_from_what_is_new(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    use_up(world, "anew")
    assert asked(app).status == 303


def use_up(world: World, kind: str) -> None:
    """Has as much been counted in this minute as there is for all."""
    begins = int(world.clock.time()) // 60 * 60
    counters = DynamoCounters(world.aws.service("dynamodb"), TOKENS)
    counters.count(f"documents\x00{kind}\x00all", begins, IN_ALL, begins + 120)


def test_unknown_addresses_leave_nothing_for_a_developer(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    app = replace(app, client_id=f"{origin.issuer}/none.json")
    world.aws.calls.clear()
    asked(app)
    asked(app)
    assert not [call for call in world.aws.calls if any(key.startswith("refusals#") for key in call.keys)]


def test_a_document_registers_nothing(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    app.tokens()
    assert not [item for item in stores_of(world).clients.list().items if item.client_id == app.client_id]
    assert Scope.parse("read") <= Scope.parse(app.scope)


@pytest.mark.parametrize(
    ("more", "is_reached"),
    [
        ({}, True),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, True),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, False),
    ],
)
def test_no_function_in_the_cloud_reaches_its_own_runtime(more: dict[str, str], is_reached: bool, world: World) -> None:
    (function,) = [one for one in world.stack.functions.values() if one.code.name == "documents"]
    environ = {**function.environment, "LOOPBACK_UPSTREAMS": "true"}
    environ.pop("AWS_ENDPOINT_URL", None)
    assert Settings.from_environ(environ | more).loopback_upstreams is is_reached
