"""Clients in the hands of operators and of partners."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from authserver.errors import InvalidClient, InvalidToken, OAuthError, TemporarilyUnavailable
from authserver.identity import hashes
from authserver.management import Answer, Call, Problem
from authserver.management.admin import clients
from authserver.management.partner import operations as partner
from authserver.models import DISABLED
from authserver.models.clients import TEST, VERIFIED, Client
from authserver.values import RedirectUri, Scope
from tests.fakes import CLIENT_SECRET, REDIRECT_URI, START, client
from tests.unit.server import App, Browser, Server, all_at_once

DOCUMENT: dict[str, Any] = {"client_name": "An app", "redirect_uris": [REDIRECT_URI], "scope": "openid read"}
HASH = "$2b$04$" + "abcdefghijklmnopqrstuu" + "v" * 31


DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def server() -> Server:
    return Server()


def outdated(**overrides: Any) -> Server:
    """A server whose client has a grant, a scheme, a scope and a method that were turned off since."""
    given: dict[str, Any] = {
        "grant_types": ("authorization_code", "refresh_token", DEVICE_CODE),
        "redirect_uris": (RedirectUri(REDIRECT_URI), RedirectUri("gone://app/callback")),
        "scope": Scope.parse("openid read gone"),
        **overrides,
    }
    return Server(client(**given))


def call(
    server: Server,
    route: str,
    body: Any = None,
    *,
    subject: str = "",
    scope: str = "admin:clients",
    key: str = "",
    query: dict[str, str] | None = None,
    **path: str,
) -> Answer:
    """An operation of an API, after its authorizer."""
    operations = (*clients.OPERATIONS, *partner.OPERATIONS)
    (operation,) = [one for one in operations if one.route == route]
    made = Call(subject or "ops", "ops", Scope.parse(scope), route, path, query or {}, body, key)
    answer = operation.perform(made, server.services)
    assert answer.status in (operation.status, 200)
    return answer


def admin(server: Server, method: str, body: Any = None, client_id: str = "web", beneath: str = "", **more: Any) -> Any:
    route = f"{method} /admin/clients/{{client_id}}{beneath}"
    return call(server, route, body, client_id=client_id, **more).document


def create(server: Server, document: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(call(server, "POST /admin/clients", document, **more).document)


def stored(server: Server, client_id: str) -> Client:
    found = server.clients.get(client_id)
    assert found is not None
    return found


def refused(status: int, attempt: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as refusal:
        attempt()
    assert refusal.value.status == status, refusal.value.title
    return refusal.value


# ------------------------------------------------------------------ operators


def test_client_is_created_seen_listed_changed_and_deleted(server: Server) -> None:
    made = create(server, DOCUMENT | {"owner": "somebody"})
    assert App(server, made["client_id"], made["client_secret"]).tokens(scope="openid read").access_token
    seen = admin(server, "GET", client_id=made["client_id"])
    assert "client_secret" not in seen
    assert seen["secrets"] == [made["secrets"][0] | {"used_at": START}]
    assert seen | {"secrets": made["secrets"]} == {name: made[name] for name in made if name != "client_secret"}
    listed = call(server, "GET /admin/clients", query={"owner": "somebody"}).document["items"]
    assert [one["client_id"] for one in listed] == [made["client_id"]]
    changed = admin(server, "PATCH", {"client_name": "New", "owner": None}, made["client_id"])
    assert changed["client_name"] == "New"
    assert "owner" not in changed
    assert changed["redirect_uris"] == [REDIRECT_URI]
    admin(server, "DELETE", client_id=made["client_id"])
    refused(404, lambda: admin(server, "GET", client_id=made["client_id"]))


def test_document_of_a_client_is_one_of_its_model(server: Server) -> None:
    made = create(server, DOCUMENT)
    assert clients.ClientDescription.model_validate(made)
    app = call(server, "POST /partner/apps", DOCUMENT, subject="alice").document
    assert partner.AppDescription.model_validate(app)


def test_refusal_names_each_field(server: Server) -> None:
    wrong = DOCUMENT | {"redirect_uris": [], "scope": "unknown"}
    problem = refused(400, lambda: create(server, wrong))
    assert [error["field"] for error in problem.errors] == ["redirect_uris", "scope"]
    assert refused(400, lambda: create(server, DOCUMENT | {"colour": 1})).errors[0]["field"] == "colour"
    assert refused(400, lambda: create(server, {"client_id": "a\tb"})).errors[0]["field"] == "client_id"


def test_create_that_is_repeated_under_its_key_gives_the_same_client_and_a_secret_that_works(server: Server) -> None:
    first, second = (create(server, DOCUMENT, key="once") for _ in range(2))
    assert first["client_id"] == second["client_id"]
    for made in (first, second):
        assert App(server, made["client_id"], made["client_secret"]).tokens(scope="openid").access_token
    refused(409, lambda: create(server, DOCUMENT, key="once"))
    refused(409, lambda: create(server, DOCUMENT | {"client_name": "Another"}, key="once"))
    assert create(server, DOCUMENT, key="twice")["client_id"] != first["client_id"]


def test_key_of_a_client_that_has_ended_makes_no_other(server: Server) -> None:
    for api, route, subject in (("admin", "POST /admin/clients", "ops"), ("partner", "POST /partner/apps", "alice")):
        made = call(server, route, DOCUMENT, subject=subject, key="once").document["client_id"]
        beneath = {"admin": "/admin/clients", "partner": "/partner/apps"}[api] + "/{client_id}"
        call(server, f"DELETE {beneath}", subject=subject, client_id=made)
        server.clock.advance(60)
        problem = refused(409, lambda: call(server, route, DOCUMENT, subject=subject, key="once"))  # noqa: B023 - called at once
        assert problem.reason == "client_ended"
        assert server.clients.get(made) is None
        fresh = call(server, route, DOCUMENT, subject=subject, key="twice").document
        assert App(server, fresh["client_id"], fresh["client_secret"]).tokens(scope="openid").access_token


def test_client_of_another_system_brings_identifier_and_hash(server: Server) -> None:
    assert hashes.parse(HASH)
    made = create(server, DOCUMENT | {"client_id": "theirs", "client_secret_hash": HASH})
    assert "client_secret" not in made
    assert [secret.encoded for secret in stored(server, "theirs").secrets] == [HASH]
    refused(409, lambda: create(server, DOCUMENT | {"client_id": "theirs"}))
    refused(409, lambda: create(server, DOCUMENT | {"client_id": "web"}))
    public = {"client_id": "x", "client_secret_hash": HASH, "token_endpoint_auth_method": "none"}
    refused(400, lambda: create(server, DOCUMENT | public))
    refused(400, lambda: create(server, DOCUMENT | {"client_secret_hash": "md5:nonsense"}))
    for bare in ("$sha256$", "$sha256$" + "A" * 64, "$sha256$" + "a" * 63):
        refused(400, partial(create, server, DOCUMENT | {"client_secret_hash": bare}))
    assert create(server, DOCUMENT | {"client_id": "rails", "client_secret_hash": "$sha256$" + "a" * 64})


@pytest.mark.rfc("9700", "4.15")
def test_client_does_not_take_the_identifier_of_a_user(server: Server) -> None:
    (user,) = server.users.list().items
    refused(409, lambda: create(server, DOCUMENT | {"client_id": user.sub}))


def test_disabling_ends_everything_at_once_and_enabling_begins_anew(server: Server) -> None:
    app = App(server)
    tokens = app.tokens()
    admin(server, "PATCH", {"status": DISABLED})
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    with pytest.raises(InvalidClient):
        app.refresh(tokens.refresh_token)
    admin(server, "PATCH", {"status": "active"})
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    with pytest.raises(OAuthError):
        app.refresh(tokens.refresh_token)
    assert server.access(app.tokens().access_token)


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_disabling_that_is_interrupted_is_done_altogether_or_not_at_all(server: Server, is_written: bool) -> None:
    tokens = App(server).tokens()

    def failing(verb: str, perform: Callable[[], Any]) -> Any:
        if verb == "withdrawals.change_client":
            if is_written:
                perform()
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return perform()

    server.around = failing
    with pytest.raises(TemporarilyUnavailable):
        admin(server, "PATCH", {"status": DISABLED})
    server.around = lambda verb, perform: perform()
    if is_written:
        assert stored(server, "web").status == DISABLED
        with pytest.raises(InvalidToken):
            server.access(tokens.access_token)
    else:
        assert stored(server, "web").status == "active"
        assert server.access(tokens.access_token)
    admin(server, "PATCH", {"status": DISABLED})  # the caller who saw the error repeats the call, or takes it back
    admin(server, "PATCH", {"status": "active"})
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    assert server.access(App(server).tokens().access_token)


@pytest.mark.parametrize(
    "patch",
    [{"status": "disabled"}, {"verification": "test"}, {"owner": "max"}, {"status": "disabled", "client_name": "Old"}],
)
def test_client_is_disabled_and_judged_whatever_was_turned_off_since_it_was_registered(patch: dict[str, Any]) -> None:
    server = outdated()
    before = stored(server, "web")
    assert admin(server, "PATCH", patch).items() >= patch.items()
    after = stored(server, "web")
    assert replace(before, **patch, version=after.version) == after


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"redirect_uris": ["other://app/callback"]}, "redirect_uris.0"),
        ({"redirect_uris": [REDIRECT_URI, "gone://app/other"]}, "redirect_uris.1"),
        ({"grant_types": ["authorization_code", "unknown", DEVICE_CODE]}, "grant_types.1"),
        ({"scope": "openid read gone unknown"}, "scope"),
        ({"default_scope": "other"}, "default_scope"),
        ({"response_types": []}, "response_types"),
        ({"status": "gone"}, "status"),
        ({"status": "disabled", "access_token_lifetime": 10**9}, "access_token_lifetime"),
    ],
)
def test_what_is_new_of_such_a_client_is_held_to_the_rules(patch: dict[str, Any], field: str) -> None:
    server = outdated()
    problem = refused(400, lambda: admin(server, "PATCH", patch))
    assert field in {error["field"] for error in problem.errors}


@pytest.mark.parametrize("caller", ["operator", "owner"])
def test_a_client_is_renamed_whatever_may_be_registered_today(caller: str) -> None:
    server = outdated(contacts=("nobody",), policy_uri="http://web.example/policy", owner="max", verification=TEST)
    before = stored(server, "web")

    def patch(body: dict[str, Any]) -> dict[str, Any]:
        is_operators = caller == "operator"
        told: dict[str, Any] = (
            admin(server, "PATCH", body) if is_operators else app_of(server, "max", "PATCH", body, "web")
        )
        return told

    assert patch({"client_name": "New"})["client_name"] == "New"
    after = stored(server, "web")
    assert (after.contacts, after.policy_uri) == (before.contacts, before.policy_uri)
    problem = refused(400, lambda: patch({"client_name": "a\x00b"}))
    assert {error["field"] for error in problem.errors} == {"client_name"}
    problem = refused(400, lambda: patch({"contacts": ["nobody"]}))
    assert {error["field"] for error in problem.errors} == {"contacts.0"}


def test_partner_renames_an_app_whatever_was_turned_off_since_it_was_registered() -> None:
    server = outdated(owner="max", verification=TEST)
    assert app_of(server, "max", "PATCH", {"client_name": "New"}, "web")["client_name"] == "New"
    assert stored(server, "web").grant_types[-1] == DEVICE_CODE
    refused(400, lambda: app_of(server, "max", "PATCH", {"redirect_uris": ["gone://app/other"]}, "web"))


def test_identifier_of_a_deleted_client_is_nobodys_ever_after(server: Server) -> None:
    tokens = App(server).tokens()
    admin(server, "DELETE")
    problem = refused(409, lambda: create(server, DOCUMENT | {"client_id": "web"}))
    assert problem.reason == "client_ended"
    assert server.clients.get("web") is None
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    with pytest.raises(InvalidClient):
        App(server).refresh(tokens.refresh_token)


def test_a_create_that_is_refused_revives_nobody(server: Server) -> None:
    tokens = App(server).tokens()
    admin(server, "PATCH", {"status": DISABLED})
    refused(409, lambda: create(server, DOCUMENT | {"client_id": "web"}))
    assert stored(server, "web").status == DISABLED
    with pytest.raises(InvalidClient):
        App(server).refresh(tokens.refresh_token)
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)


# ------------------------------------------------------------------ secrets


def test_secret_is_replaced_without_a_gap(server: Server) -> None:
    issued = admin(server, "POST", {"overlap": 60}, beneath="/secrets")
    assert Browser(server).code()
    for secret in (CLIENT_SECRET, issued["client_secret"]):
        assert App(server, secret=secret).tokens().access_token
    refused(409, lambda: admin(server, "POST", {}, beneath="/secrets"))
    server.clock.advance(60)
    with pytest.raises(InvalidClient):
        App(server).tokens()
    assert App(server, secret=issued["client_secret"]).tokens().access_token
    assert [one["id"] for one in admin(server, "GET")["secrets"]] == [issued["id"]]


def test_stolen_secret_ends_at_once(server: Server) -> None:
    issued = admin(server, "POST", {"overlap": 0}, beneath="/secrets")
    with pytest.raises(InvalidClient):
        App(server).tokens()
    assert App(server, secret=issued["client_secret"]).tokens().access_token
    other = admin(server, "POST", {}, beneath="/secrets")
    admin(server, "DELETE", beneath="/secrets/{secret}", secret=other["id"])
    with pytest.raises(InvalidClient):
        App(server, secret=other["client_secret"]).tokens()
    refused(404, lambda: admin(server, "DELETE", beneath="/secrets/{secret}", secret="unknown"))
    refused(409, lambda: admin(server, "DELETE", beneath="/secrets/{secret}", secret=issued["id"]))


def test_public_client_has_no_secret_and_one_that_becomes_confidential_gets_one(server: Server) -> None:
    refused(409, lambda: admin(server, "POST", {}, "app", "/secrets"))
    changed = admin(server, "PATCH", {"token_endpoint_auth_method": "client_secret_basic"}, "app")
    assert App(server, "app", changed["client_secret"]).tokens().access_token
    admin(server, "PATCH", {"token_endpoint_auth_method": "none"}, "app")
    assert stored(server, "app").secrets == ()


def test_many_who_add_a_secret_at_once_add_no_more_than_two(server: Server) -> None:
    def attempt(_: int) -> bool:
        try:
            return bool(admin(server, "POST", {}, beneath="/secrets"))
        except Problem as problem:
            assert problem.status == 409  # noqa: PT017 - the other of two outcomes
            return False

    assert sum(all_at_once(attempt, 8)) == 1
    assert len(stored(server, "web").secrets) == 2


def test_change_by_somebody_else_meanwhile_is_kept(server: Server) -> None:
    once = [True]

    def meanwhile(verb: str, perform: Callable[[], Any]) -> Any:
        if verb == "withdrawals.change_client" and once.pop() if once else False:
            server.withdrawals.change_client(replace(stored(server, "web"), policy_uri="https://app.example/policy"))
        return perform()

    server.around = meanwhile
    admin(server, "PATCH", {"client_name": "New"})
    assert (stored(server, "web").client_name, stored(server, "web").policy_uri) == (
        "New",
        "https://app.example/policy",
    )


# ------------------------------------------------------------------ no more power than the token has


@pytest.mark.parametrize("scope", ["admin:users", "admin:keys.read", "openid admin:users.write"])
def test_who_may_register_clients_gives_none_what_the_token_has_not(scope: str, server: Server) -> None:
    machine = {"grant_types": ["client_credentials"], "scope": scope}
    refused(403, lambda: create(server, machine))
    refused(403, lambda: admin(server, "PATCH", {"scope": scope, "default_scope": ""}))
    powerful = create(server, machine, scope="admin:clients admin:users admin:keys")["client_id"]
    refused(403, lambda: admin(server, "POST", {}, powerful, "/secrets"))
    refused(403, lambda: admin(server, "PATCH", {"redirect_uris": []}, powerful))
    refused(403, lambda: admin(server, "PATCH", {"scope": ""}, powerful))


def test_who_has_a_scope_gives_what_it_implies(server: Server) -> None:
    machine = {"grant_types": ["client_credentials"], "scope": "admin:clients.read"}
    assert create(server, machine, scope="admin:clients")["scope"] == "admin:clients.read"


# ------------------------------------------------------------------ partners


def app_of(server: Server, subject: str, method: str, body: Any = None, client_id: str = "", beneath: str = "") -> Any:
    route = f"{method} /partner/apps" + ("/{client_id}" if client_id else "") + beneath
    path: Any = {"client_id": client_id} if client_id else {}
    return call(server, route, body, subject=subject, scope="partner", **path).document


def test_partner_sees_and_changes_own_apps_alone(server: Server) -> None:
    mine, theirs = (app_of(server, who, "POST", DOCUMENT)["client_id"] for who in ("alice", "mallory"))
    assert [one["client_id"] for one in app_of(server, "alice", "GET")["items"]] == [mine]
    for method, body, beneath in (
        ("GET", None, ""),
        ("PATCH", {"client_name": "Mine"}, ""),
        ("DELETE", None, ""),
        ("POST", {}, "/secrets"),
    ):
        said = {
            refused(404, lambda: app_of(server, "alice", method, body, one, beneath)).title  # noqa: B023 - called at once
            for one in (theirs, "web", "unknown")
        }
        assert len(said) == 1
    assert app_of(server, "alice", "GET", client_id=mine)["verification"] == TEST
    app_of(server, "alice", "DELETE", client_id=mine)
    refused(404, lambda: app_of(server, "alice", "GET", client_id=mine))


def test_app_that_is_given_to_somebody_else_meanwhile_is_not_deleted(server: Server) -> None:
    made = app_of(server, "alice", "POST", DOCUMENT)
    client_id = made["client_id"]
    server.before("withdrawals.delete_client", lambda: admin(server, "PATCH", {"owner": "bob"}, client_id))
    refused(404, lambda: app_of(server, "alice", "DELETE", client_id=client_id))
    assert stored(server, client_id).owner == "bob"


def test_token_of_a_client_itself_owns_nothing(server: Server) -> None:
    refused(403, lambda: app_of(server, "ops", "GET"))
    refused(403, lambda: app_of(server, "ops", "POST", DOCUMENT))


@pytest.mark.parametrize(
    "document",
    [
        {"scope": "admin:users"},
        {"scope": "openid account.write"},
        {"resources": ["https://api.example"]},
        {"access_token_lifetime": 3601},
        {"require_pkce": False},
        {"owner": "mallory"},
        {"verification": VERIFIED},
        {"status": "active"},
        {"client_id": "chosen"},
        {"client_secret_hash": HASH},
    ],
)
def test_partner_says_nothing_that_is_an_operators(document: dict[str, Any], server: Server) -> None:
    refused(400, lambda: app_of(server, "alice", "POST", DOCUMENT | document))
    made = app_of(server, "alice", "POST", DOCUMENT)["client_id"]
    refused(400, lambda: app_of(server, "alice", "PATCH", document, made))


@pytest.mark.parametrize(
    ("patch", "verification"),
    [
        ({"client_name": "Another"}, TEST),
        ({"logo_uri": "https://app.example/logo"}, TEST),
        ({"redirect_uris": [REDIRECT_URI, "https://b.example/"]}, TEST),
        ({"scope": "openid read write"}, TEST),
        ({"settings_uri": "https://app.example/settings"}, TEST),
        ({"post_logout_redirect_uris": ["https://b.example/"]}, TEST),
        ({"contacts": ["b@example.com"]}, VERIFIED),
        ({"client_name": "An app"}, VERIFIED),
        ({"access_token_format": "opaque"}, VERIFIED),
    ],
)
def test_verified_app_is_a_test_app_again_when_its_verification_was_about_what_changes(
    patch: dict[str, Any], verification: str, server: Server
) -> None:
    made = app_of(server, "alice", "POST", DOCUMENT)["client_id"]
    admin(server, "PATCH", {"verification": VERIFIED}, made)
    assert app_of(server, "alice", "PATCH", patch, made)["verification"] == verification


def test_app_keeps_what_an_operator_gave_it(server: Server) -> None:
    made = app_of(server, "alice", "POST", DOCUMENT)["client_id"]
    server.clients.put(replace(stored(server, made), scope=Scope.parse("openid admin:users.read"), require_pkce=False))
    app_of(server, "alice", "PATCH", {"contacts": ["a@example.com"]}, made)
    assert str(stored(server, made).scope) == "openid admin:users.read"
    refused(400, lambda: app_of(server, "alice", "PATCH", {"scope": "openid admin:users.read admin:keys"}, made))


def test_partner_has_a_quota_for_the_day_and_for_all(server: Server) -> None:
    for _ in range(partner.NEW_APPS_A_DAY):
        app_of(server, "alice", "POST", DOCUMENT)
    refused(429, lambda: app_of(server, "alice", "POST", DOCUMENT))
    assert app_of(server, "bob", "POST", DOCUMENT)
    server.clock.advance(86_400)
    for _ in range(partner.MAX_APPS - partner.NEW_APPS_A_DAY):
        app_of(server, "alice", "POST", DOCUMENT)
    server.clock.advance(86_400)
    refused(403, lambda: app_of(server, "alice", "POST", DOCUMENT))


@pytest.mark.rfc("6749", "4.4")
def test_partner_widens_no_machine_that_an_operator_made_of_an_app(server: Server) -> None:
    made = app_of(server, "alice", "POST", DOCUMENT)
    grants = ["authorization_code", "client_credentials"]
    refused(400, lambda: app_of(server, "alice", "PATCH", {"grant_types": grants}, made["client_id"]))
    admin(server, "PATCH", {"grant_types": grants}, made["client_id"])
    problem = refused(400, lambda: app_of(server, "alice", "PATCH", {"scope": "openid read write"}, made["client_id"]))
    assert [error["field"] for error in problem.errors] == ["scope"]
    machine = App(server, made["client_id"], made["client_secret"])
    with pytest.raises(OAuthError):
        machine.token("client_credentials", scope="write")
    assert str(machine.token("client_credentials").scope) == "read"
    app_of(server, "alice", "PATCH", {"contacts": ["a@example.com"], "scope": "read"}, made["client_id"])


def test_disabled_app_is_its_owners_to_see_and_not_to_enable(server: Server) -> None:
    made = app_of(server, "alice", "POST", DOCUMENT)["client_id"]
    admin(server, "PATCH", {"status": DISABLED}, made)
    assert app_of(server, "alice", "PATCH", {"contacts": ["a@example.com"]}, made)["status"] == DISABLED
