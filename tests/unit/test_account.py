"""/account: users see and end their own, administrators their organisation's, and neither anything else."""

import contextlib
import itertools
import re
from typing import Any

import pytest

from authserver.documents import api_key, authorization, organisation, profile
from authserver.errors import TemporarilyUnavailable
from authserver.management.account import operations as account
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ApprovalAsked, GoTo
from authserver.models.clients import TEST
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership
from authserver.scopes import ScopeCatalogue
from tests import fakes
from tests.contract import records
from tests.fakes import filing
from tests.unit.api import Api
from tests.unit.server import Browser
from tests.unit.tenants import Tenants
from tests.unit.test_faults import Fault, direct

ACME, GLOBEX = "/account/organisations/acme", "/account/organisations/globex"


@pytest.fixture
def server() -> Tenants:
    return Tenants(api_keys=True)


@pytest.fixture
def own(server: Tenants) -> Api:
    """A member of Acme."""
    return server.account("max")


@pytest.fixture
def administrator(server: Tenants) -> Api:
    """The administrator of Acme."""
    return server.account("ada")


@pytest.fixture
def stranger(server: Tenants) -> Api:
    """The administrator of Globex."""
    return server.account("gil")


BODIES: dict[Any, dict[str, Any]] = {
    api_key.NewApiKey: {"name": "Mine", "scope": ["read"]},
    api_key.NewOrganisationApiKey: {"name": "Ours", "scope": ["read"], "entities": ["a1"]},
    authorization.Companies: {"entities": ["a1"]},
    authorization.Decision: {"decision": "allow"},
    organisation.InvitationAnswer: {"decision": "accept"},
    organisation.NewInvitation: {"name": "gus"},
    organisation.NewRole: {"role": "member"},
    profile.ProfileChanges: {"name": "N"},
}


@pytest.mark.parametrize("operation", account.OPERATIONS, ids=lambda one: one.route)
def test_a_clients_own_token_is_nobodys(server: Tenants, operation: Any) -> None:
    """Not even where a user has the client's identifier (RFC 9700 section 4.15)."""
    for name in ("web", "max"):
        api = Api(server, account.OPERATIONS, name, client_id=name)
        method, _, route = operation.route.partition(" ")
        parts = {"client_id": "web", "id": "x" * 22, "approval": "x", "sub": "max", "invitation": "x", "api_key": "x"}
        answer = api.call(method, route.format(organisation="acme", **parts), BODIES.get(operation.body))
        assert (answer.status, answer.reason) == (403, "no_user")


# ------------------------------------------------------------------ profile


def test_users_see_themselves_and_change_their_name(server: Tenants, own: Api) -> None:
    profile = own.get("/account/profile")
    assert (profile["sub"], profile["username"], profile["name"]) == ("max", "max", "Max")
    assert own.call("PATCH", "/account/profile", {"name": "Maximilian"}).document == profile | {"name": "Maximilian"}
    assert own.get("/account/profile")["name"] == "Maximilian"
    assert server.account("mia").get("/account/profile")["name"] == "Mia"


@pytest.mark.parametrize(
    "body",
    [{"email": "x@example.com"}, {"operator": True}, {"sub": "ada"}, {"name": None}, {"name": "a\nb"}, []],
    ids=str,
)
def test_users_change_nothing_else_of_themselves(server: Tenants, own: Api, body: Any) -> None:
    before = server.users.get("max")
    assert own.call("PATCH", "/account/profile", body).status == 400
    assert server.users.get("max") == before


# ------------------------------------------------------------------ sessions


def signed_in_browser(server: Tenants, name: str) -> Browser:
    browser = Browser(server, name)
    browser.code((), client_id="personal")
    return browser


def is_signed_in(browser: Browser) -> bool:
    answer = browser.authorize((), frozenset(), client_id="personal")
    return not (isinstance(answer, GoTo) and answer.page == "login")


def is_asked(browser: Browser) -> bool:
    """Whether the signed-in user has to consent."""
    answer = browser.authorize((), frozenset(), client_id="personal")
    return isinstance(answer, GoTo) and answer.page == "consent"


def test_users_sign_one_browser_out(server: Tenants, own: Api) -> None:
    first = signed_in_browser(server, "max")
    server.clock.advance(5)
    second = signed_in_browser(server, "max")
    sessions = own.get("/account/sessions")["items"]
    assert [one["since"] for one in sessions] == [fakes.START, fakes.START + 5]
    assert own.call("DELETE", f"/account/sessions/{sessions[0]['id']}").status == 204
    assert (is_signed_in(first), is_signed_in(second)) == (False, True)
    assert [one["id"] for one in own.get("/account/sessions")["items"]] == [sessions[1]["id"]]


def test_users_sign_out_everywhere_and_stay_connected(server: Tenants, own: Api) -> None:
    browsers = [signed_in_browser(server, "max") for _ in range(3)]
    others = signed_in_browser(server, "mia")
    connection = server.connect_personally("max")
    assert own.call("DELETE", "/account/sessions").status == 204
    assert not any(map(is_signed_in, browsers))
    assert is_signed_in(others)
    assert connection.is_alive
    assert own.get("/account/sessions")["items"] == []


def test_nobody_sees_or_ends_the_session_of_another(server: Tenants, own: Api, administrator: Api) -> None:
    browser = signed_in_browser(server, "max")
    (session,) = own.get("/account/sessions")["items"]
    assert administrator.get("/account/sessions")["items"] == []
    assert administrator.call("DELETE", f"/account/sessions/{session['id']}").status == 404
    assert is_signed_in(browser)


@pytest.mark.parametrize("identifier", ["x", "x" * 22, "%00", "x" * 400])
def test_a_session_that_is_none_is_not_found(own: Api, identifier: str) -> None:
    assert own.call("DELETE", f"/account/sessions/{identifier}").status == 404


def test_sessions_that_are_over_are_not_listed(server: Tenants, own: Api) -> None:
    signed_in_browser(server, "max")
    server.clock.advance(server.settings.session_lifetime)
    assert own.get("/account/sessions")["items"] == []
    signed_in_browser(server, "max")
    assert own.get("/account/sessions")["items"]
    server.withdrawals.end(subject="max")
    assert own.get("/account/sessions")["items"] == []


# ------------------------------------------------------------------ applications


@pytest.mark.rfc("ASVS 5.0", "10.7.3")
def test_users_see_what_they_granted(server: Tenants, own: Api) -> None:
    for_acme, personal = server.connect("max", "a1", "a2"), server.connect_personally("max")
    server.connect("mia", "a1")
    server.clock.advance(60)
    assert for_acme.is_alive  # by a refresh
    personal_one, of_acme = own.get("/account/applications")["items"]
    assert (personal_one["client_id"], personal_one["name"]) == ("personal", "A personal one")
    assert (of_acme["client_id"], of_acme["name"], of_acme["verification"]) == ("web", "A web application", "verified")
    (grant,) = of_acme["grants"]
    assert (grant["id"], grant["organisation"], grant["entities"]) == (for_acme.id, "acme", ["a1", "a2"])
    assert (grant["since"], grant["last_used_at"]) == (fakes.START, fakes.START + 60)
    assert grant["until"] == fakes.START + 60 + server.settings.refresh_token_idle_lifetime
    assert {one["scope"]: one["description"] for one in grant["permissions"]}["read"] == "Read your items"
    assert [one["id"] for one in personal_one["grants"]] == [personal.id]


def test_a_scope_that_was_removed_is_shown_of_nothing_that_was_granted(server: Tenants, own: Api) -> None:
    server.connect("max", "a1")
    before = server.services.scopes()
    read = [one for one in before.definitions if one.name == "read"]
    kept = [one for one in before.definitions if one.name != "read"]
    assert server.configuration.put_scopes(ScopeCatalogue.of(kept, before.version, read))
    server.clock.advance(2)
    ((grant,),) = [one["grants"] for one in own.get("/account/applications")["items"]]
    assert {one["scope"] for one in grant["permissions"]} == {"openid"}


def test_an_application_that_nobody_verified_is_marked(server: Tenants, own: Api) -> None:
    server.connect_personally("max")
    server.clients.put(fakes.client(client_id="personal", verification=TEST, logo_uri="https://logo.example/x.png"))
    (application,) = own.get("/account/applications")["items"]
    assert (application["verification"], application["logo_uri"]) == ("test", "https://logo.example/x.png")


@pytest.mark.parametrize("whose", [{"subject": "max"}, {"client_id": "personal"}])
def test_what_was_ended_is_not_listed(server: Tenants, own: Api, whose: Any) -> None:
    server.connect_personally("max")
    assert own.get("/account/applications")["items"]
    server.withdrawals.end(**whose)
    assert own.get("/account/applications")["items"] == []


def test_what_is_over_or_was_never_redeemed_is_not_listed(server: Tenants, own: Api) -> None:
    """But that the user is not asked again is: see test_remembered_consents."""

    def connected() -> list[str]:
        return [grant["id"] for one in own.get("/account/applications")["items"] for grant in one["grants"]]

    Browser(server, "max").code((), client_id="personal")
    assert connected() == []
    connection = server.connect_personally("max")
    assert connected() == [connection.id]
    server.clock.advance(server.settings.refresh_token_idle_lifetime)
    assert connected() == []


@pytest.mark.rfc("ASVS 5.0", "10.4.9")
@pytest.mark.rfc("ASVS 5.0", "10.7.3")
@pytest.mark.rfc("7009", "2.1")
def test_a_disconnected_application_is_dead_at_once_and_has_to_ask_again(server: Tenants, own: Api) -> None:
    connections = [server.connect_personally("max") for _ in range(2)]
    elsewhere, others = server.connect("max", "a1"), server.connect_personally("mia")
    browser = signed_in_browser(server, "max")
    assert isinstance(browser.authorize((), frozenset(), client_id="personal"), AuthorizationResponse)
    for _ in range(2):
        assert own.call("DELETE", "/account/applications/personal").status == 204
    assert [one.is_alive for one in (*connections, elsewhere, others)] == [False, False, True, True]
    assert [one["client_id"] for one in own.get("/account/applications")["items"]] == ["web"]
    assert is_asked(browser)


@pytest.mark.rfc("ASVS 5.0", "10.7.3")
def test_an_application_that_disconnects_all_ends_last_so_that_the_call_can_be_repeated(server: Tenants) -> None:
    """SECURITY.md section 6, F1: at whichever call to a store it fails, the caller's own token still works."""
    portal, other = server.connect_personally("max"), server.connect("max", "a1")
    browser = signed_in_browser(server, "max")
    api = Api(server, account.OPERATIONS, "max", client_id="personal")
    for failing in itertools.count(1):
        fault = server.around = Fault(failing)
        with contextlib.suppress(TemporarilyUnavailable):
            assert api.call("DELETE", "/account/applications").status == 204
        server.around = direct
        if fault.failed in ("", "journal.note_activity"):
            break
        assert [one.is_alive for one in (portal, other)] == [True, True], fault.failed  # all of it, or nothing
    assert failing >= 3  # who acts, the end, the line about it
    assert [one.is_alive for one in (portal, other)] == [False, False]
    assert is_asked(browser)


def test_an_application_that_is_none_is_not_found(own: Api) -> None:
    assert own.call("DELETE", "/account/applications/unknown").status == 404


# ------------------------------------------------------------------ organisations


def test_users_see_their_organisations_with_their_roles(server: Tenants, own: Api, administrator: Api) -> None:
    server.organisations.put_membership(Membership("globex", "ada", MEMBER, server.clock() + 1))
    assert [(one["id"], one["role"]) for one in own.get("/account/organisations")["items"]] == [("acme", "member")]
    of_ada = administrator.get("/account/organisations")["items"]
    assert [(one["id"], one["role"]) for one in of_ada] == [("acme", "administrator"), ("globex", "member")]
    assert of_ada[0]["companies"] == {"a1": "A One", "a2": "A Two", "a3": "A Three"}


def test_administrators_see_what_members_granted(server: Tenants, administrator: Api) -> None:
    connections = {name: server.connect(name, "a1") for name in ("max", "mia")}
    server.connect_personally("max")
    server.connect("gus", "g1")
    (application,) = administrator.get(f"{ACME}/applications")["items"]
    assert application["client_id"] == "web"
    granted = {one["username"]: one["id"] for one in application["grants"]}
    assert granted == {name: connection.id for name, connection in connections.items()}


def test_administrators_disconnect_an_application_from_the_organisation(server: Tenants, administrator: Api) -> None:
    of_acme = [server.connect(name, "a1") for name in ("max", "mia")]
    of_globex, personal = server.connect("gus", "g1"), server.connect_personally("max")
    assert administrator.call("DELETE", f"{ACME}/applications/web").status == 204
    assert [one.is_alive for one in (*of_acme, of_globex, personal)] == [False, False, True, True]
    assert administrator.get(f"{ACME}/applications")["items"] == []


# ------------------------------------------------------------------ companies of an authorization


def companies(api: Api, organisation: str, identifier: str, *entities: Any) -> Any:
    path = f"/account/organisations/{organisation}/authorizations/{identifier}/companies"
    return api.call("PUT", path, {"entities": list(entities)})


def test_who_granted_takes_companies_away_and_adds_none(server: Tenants, own: Api) -> None:
    connection = server.connect("max", "a1", "a2")
    assert companies(own, "acme", connection.id, "a1").document["entities"] == ["a1"]
    assert connection.entities == {"a1"}
    for wanted in (("a1", "a2"), ("a3",), ("*",)):
        assert companies(own, "acme", connection.id, *wanted).reason == "not_administrator"
    assert connection.entities == {"a1"}


def test_administrators_choose_any_companies_for_anybody(server: Tenants, administrator: Api) -> None:
    connection = server.connect("max", "a1")
    for wanted, reached in ((("a2", "a3"), {"a2", "a3"}), (("*",), {"a1", "a2", "a3"}), (("a1",), {"a1"})):
        assert companies(administrator, "acme", connection.id, *wanted).document["entities"] == sorted(wanted)
        assert connection.entities == reached


def test_of_every_company_the_user_may_keep_some(server: Tenants, own: Api, administrator: Api) -> None:
    connection = server.connect("max", "a1")
    companies(administrator, "acme", connection.id, "*")
    assert companies(own, "acme", connection.id, "*").status == 200
    assert companies(own, "acme", connection.id, "a2", "a3").status == 200
    assert connection.entities == {"a2", "a3"}


@pytest.mark.parametrize("wanted", [[], ["g1"], ["a1", "g1"], ["unknown"], ["*", "a1"], ["a b"], [1], "a1"], ids=str)
def test_only_companies_of_the_organisation_are_chosen(server: Tenants, administrator: Api, wanted: Any) -> None:
    connection = server.connect("max", "a1")
    path = f"{ACME}/authorizations/{connection.id}/companies"
    assert administrator.call("PUT", path, {"entities": wanted}).status == 400
    assert connection.entities == {"a1"}


def test_members_do_not_touch_what_colleagues_granted(server: Tenants, own: Api) -> None:
    connection = server.connect("mia", "a1", "a2")
    assert companies(own, "acme", connection.id, "a1").status == 404
    assert connection.entities == {"a1", "a2"}


def test_who_left_the_organisation_chooses_no_longer(server: Tenants, own: Api) -> None:
    connection = server.connect("max", "a1", "a2")
    server.withdrawals.delete_membership("acme", "max")
    assert companies(own, "acme", connection.id, "a1").status == 404
    assert server.tokens.authorization(connection.id).entities == {"a1", "a2"}


def test_a_user_does_not_give_back_what_an_administrator_takes_away_meanwhile(server: Tenants, own: Api) -> None:
    connection = server.connect("max", "a1", "a2")

    def meanwhile(verb: str, call: Any) -> Any:
        if verb == "withdrawals.set_entities":
            server.withdrawals.set_entities(connection.id, "acme", frozenset({"a2"}), frozenset({"a1", "a2"}))
        return call()

    server.around = meanwhile
    assert companies(own, "acme", connection.id, "a1").status == 409
    server.around = lambda _, call: call()
    assert connection.entities == {"a2"}


@pytest.mark.parametrize("end", ["removed", "demoted", "demoted and promoted"])
def test_what_an_administrator_added_falls_with_the_role(server: Tenants, administrator: Api, end: str) -> None:
    connection = server.connect("max", "a1")
    server.withdrawals.set_membership(Membership("acme", "mia", ADMINISTRATOR, server.clock(), "another epoch"))
    assert companies(administrator, "acme", connection.id, "*").status == 200
    assert connection.entities == {"a1", "a2", "a3"}
    if end == "removed":
        assert server.withdrawals.end_membership("acme", "ada", witness="mia")
    else:
        for role in (MEMBER, *((ADMINISTRATOR,) if end == "demoted and promoted" else ())):
            changed = Membership("acme", "ada", role, server.clock(), f"epoch as {role}")
            assert server.withdrawals.change_role(changed, witness="mia")
    assert not connection.is_alive


def test_another_administrators_word_does_not_bring_back_what_fell_with_the_first(
    server: Tenants, administrator: Api
) -> None:
    connection = server.connect("max", "a1")
    server.withdrawals.set_membership(Membership("acme", "mia", ADMINISTRATOR, server.clock(), "another epoch"))
    assert companies(administrator, "acme", connection.id, "a1", "a2").status == 200
    assert server.withdrawals.change_role(Membership("acme", "ada", MEMBER, server.clock(), "a member"), witness="mia")
    for wanted in (("a1", "a3"), ("a1",), ("*",)):
        assert companies(server.account("mia"), "acme", connection.id, *wanted).status == 409
    assert not connection.is_alive


def test_what_was_taken_away_by_an_administrator_stays_without_one(server: Tenants, administrator: Api) -> None:
    connection = server.connect("max", "a1", "a2")
    server.withdrawals.set_membership(Membership("acme", "mia", ADMINISTRATOR, server.clock(), "another epoch"))
    assert companies(administrator, "acme", connection.id, "a1").status == 200
    assert server.withdrawals.end_membership("acme", "ada", witness="mia")
    assert connection.is_alive
    assert connection.entities == {"a1"}


def test_who_is_no_administrator_when_it_is_written_adds_nothing(server: Tenants, administrator: Api) -> None:
    connection = server.connect("max", "a1")

    def meanwhile(verb: str, call: Any) -> Any:
        if verb == "tokens.widen":
            server.around = lambda _, call: call()
            server.withdrawals.delete_membership("acme", "ada")
        return call()

    server.around = meanwhile
    assert companies(administrator, "acme", connection.id, "*").status == 409
    assert connection.entities == {"a1"}
    assert connection.is_alive


def test_an_application_adds_no_companies_for_itself(server: Tenants) -> None:
    """Even with an administrator's token: no user consented to them."""
    connection = server.connect("ada", "a1", "a2")
    of_max = server.connect("max", "a1")
    itself = Api(server, account.OPERATIONS, "ada", "web")
    for wanted in (("a1", "a2", "a3"), ("a3",), ("*",)):
        for one in (connection, of_max):
            answer = companies(itself, "acme", one.id, *wanted)
            assert (answer.status, answer.reason) == (403, "own_application")
    assert (connection.entities, of_max.entities) == ({"a1", "a2"}, {"a1"})
    assert companies(itself, "acme", connection.id, "a2").status == 200
    assert connection.entities == {"a2"}


def test_an_application_does_not_give_itself_back_what_is_taken_away_meanwhile(server: Tenants) -> None:
    connection = server.connect("ada", "a1", "a2")

    def meanwhile(verb: str, call: Any) -> Any:
        if verb == "withdrawals.set_entities":
            server.withdrawals.set_entities(connection.id, "acme", frozenset({"a2"}), frozenset({"a1", "a2"}))
        return call()

    server.around = meanwhile
    itself = Api(server, account.OPERATIONS, "ada", "web")
    assert companies(itself, "acme", connection.id, "a1", "a2").status == 409
    server.around = lambda _, call: call()
    assert connection.entities == {"a2"}


def test_what_is_revoked_reaches_nothing_more(server: Tenants, administrator: Api) -> None:
    connection = server.connect("max", "a1")
    server.withdrawals.revoke(connection.id, server.clock())
    assert companies(administrator, "acme", connection.id, "a2").status == 409


# ------------------------------------------------------------------ approvals


def ask(server: Tenants, name: str = "max", *entities: str) -> None:
    assert isinstance(server.choose(name, *(entities or ("a1",)), scope="openid export"), ApprovalAsked)


@pytest.mark.parametrize(("decision", "issued"), [("allow", True), ("deny", False)])
def test_administrators_answer_what_members_ask(
    server: Tenants, administrator: Api, decision: str, issued: bool
) -> None:
    ask(server)
    (asked,) = administrator.get(f"{ACME}/approvals")["items"]
    assert (asked["client_name"], asked["username"], asked["entities"]) == ("A web application", "max", ["a1"])
    assert "Export everything" in [one["description"] for one in asked["permissions"]]
    assert asked["decision"] is None
    answer = administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": decision})
    assert (answer.document["decision"], answer.document["decided_by"]) == (decision, "ada")
    server.clock.advance(1)  # what is asked at another time is another question
    again = server.choose("max", "a1", scope="openid export")
    assert isinstance(again, ApprovalAsked) is not issued
    other = {"decision": "deny" if decision == "allow" else "allow"}
    assert administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", other).status in (404, 409)


def test_an_answer_may_be_repeated_by_whoever_gave_it_and_not_be_changed(server: Tenants, administrator: Api) -> None:
    ask(server)
    (asked,) = administrator.get(f"{ACME}/approvals")["items"]
    first = administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": "allow"}).document
    server.clock.advance(1)
    assert administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": "allow"}).document == first
    assert administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": "deny"}).status == 409
    assert administrator.get(f"{ACME}/approvals")["items"] == [first]


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_an_application_does_not_answer_what_was_asked_for_it(
    server: Tenants, administrator: Api, decision: str
) -> None:
    ask(server)
    itself = Api(server, account.OPERATIONS, "ada", "web")
    (asked,) = itself.get(f"{ACME}/approvals")["items"]
    answer = itself.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": decision})
    assert (answer.status, answer.reason) == (403, "own_application")
    assert administrator.get(f"{ACME}/approvals")["items"] == [asked]
    assert administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": decision}).status == 200


def test_an_answer_counts_for_what_was_seen(server: Tenants, administrator: Api) -> None:
    ask(server)
    (seen,) = administrator.get(f"{ACME}/approvals")["items"]
    ask(server, "max", "a1", "a2")
    assert administrator.call("PUT", f"{ACME}/approvals/{seen['id']}", {"decision": "allow"}).status == 404
    (now,) = administrator.get(f"{ACME}/approvals")["items"]
    assert now["decision"] is None
    assert now["id"] != seen["id"]


def test_what_an_administrator_disconnects_is_not_allowed_any_more(server: Tenants, administrator: Api) -> None:
    ask(server)
    (asked,) = administrator.get(f"{ACME}/approvals")["items"]
    administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": "allow"})
    connection = server.connect("max", "a1", scope="openid export")
    administrator.call("DELETE", f"{ACME}/applications/web")
    assert not connection.is_alive
    ask(server)


@pytest.mark.parametrize("identifier", ["x", "AAAA", "%00", "a" * 64])
def test_an_approval_that_is_none_is_not_found(administrator: Api, identifier: str) -> None:
    assert administrator.call("PUT", f"{ACME}/approvals/{identifier}", {"decision": "allow"}).status == 404


def test_an_approval_that_is_over_is_neither_listed_nor_answered(server: Tenants, administrator: Api) -> None:
    ask(server)
    (asked,) = administrator.get(f"{ACME}/approvals")["items"]
    server.clock.advance(30 * 86_400)
    assert administrator.get(f"{ACME}/approvals")["items"] == []
    assert administrator.call("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": "allow"}).status == 404


# ------------------------------------------------------------------ tenants


def attempts(server: Tenants) -> list[tuple[str, str, Any]]:
    """Everything that takes an administrator of Acme."""
    connection = server.connect("max", "a1", "a2")
    ask(server)
    (asked,) = server.account("ada").get(f"{ACME}/approvals")["items"]
    invited = server.account("ada").call("POST", f"{ACME}/invitations", {"name": "gil"}).document
    key = records.api_key(subject="ada", organisation="acme")
    server.api_keys.create(key)
    return [
        ("GET", f"{ACME}/applications", None),
        ("DELETE", f"{ACME}/applications/web", None),
        ("GET", f"{ACME}/approvals", None),
        ("PUT", f"{ACME}/approvals/{asked['id']}", {"decision": "allow"}),
        ("GET", f"{ACME}/approvals/{asked['id']}", None),
        ("DELETE", f"{ACME}/approvals/{asked['id']}", None),
        ("PUT", f"{ACME}/authorizations/{connection.id}/companies", {"entities": ["a1"]}),
        ("GET", f"{ACME}/api-keys", None),
        ("POST", f"{ACME}/api-keys", BODIES[api_key.NewOrganisationApiKey]),
        ("PUT", f"{ACME}/api-keys/{key.id}/carrier", None),
        ("DELETE", f"{ACME}/api-keys/{key.id}", None),
        ("GET", f"{ACME}/members", None),
        ("GET", f"{ACME}/members/max", None),
        ("PUT", f"{ACME}/members/max", {"role": "administrator"}),
        ("DELETE", f"{ACME}/members/max", None),
        ("GET", f"{ACME}/invitations", None),
        ("POST", f"{ACME}/invitations", {"name": "gus"}),
        ("DELETE", f"{ACME}/invitations/{invited['id']}", None),
    ]


def test_what_is_an_organisations_takes_a_scope_of_its_own() -> None:
    is_theirs = re.compile(r"/account/(organisations|invitations)")
    beneath = {one.scope for one in account.OPERATIONS if is_theirs.search(one.route)}
    own = {one.scope for one in account.OPERATIONS if not is_theirs.search(one.route)}
    assert (beneath, own) == ({"organisation.read", "organisation.write"}, {"account.read", "account.write"})


def test_every_route_of_organisations_is_among_the_attempts(server: Tenants) -> None:
    tried = {(method, path.count("/")) for method, path, _ in attempts(server)}
    routes = [one.route.partition(" ") for one in account.OPERATIONS if "{organisation}/" in one.route]
    assert {(method, path.count("/")) for method, _, path in routes} == tried
    assert len(routes) == len(attempts(server))


def test_an_administrator_of_one_can_do_nothing_to_another(server: Tenants, stranger: Api) -> None:
    tried = attempts(server)
    before = _state(server)
    for method, path, body in tried:
        assert stranger.call(method, path, body).status == 404, path
    # Nor by naming what is Acme's under the own organisation.
    _, _, _, (_, approval, _), _, _, (_, companies_path, _), *_, (_, invitation, _) = tried
    assert stranger.call("PUT", approval.replace("acme", "globex"), {"decision": "allow"}).status == 404
    assert stranger.call("DELETE", approval.replace("acme", "globex")).status == 404
    assert stranger.call("PUT", companies_path.replace("acme", "globex"), {"entities": ["g1"]}).status == 404
    assert stranger.call("PUT", f"{GLOBEX}/members/max", {"role": "member"}).status == 404
    assert stranger.call("DELETE", invitation.replace("acme", "globex")).status == 404
    assert stranger.get(f"{GLOBEX}/applications")["items"] == []
    assert stranger.get(f"{GLOBEX}/approvals")["items"] == []
    assert stranger.call("DELETE", f"{GLOBEX}/applications/web").status == 204
    assert _state(server) == before


def test_a_member_who_is_no_administrator_is_refused(server: Tenants) -> None:
    tried, before = attempts(server), _state(server)
    for method, path, body in tried:
        assert is_refused(server.account("mia"), method, path, body), path
    assert _state(server) == before


def is_refused(api: Api, method: str, path: str, body: Any) -> bool:
    """Whether a member is refused; of what was asked, members see what they asked themselves: here nothing."""
    answer = api.call(method, path, body)
    if (method, path) == ("GET", f"{ACME}/approvals"):
        return (answer.status, answer.document) == (200, {"items": []})
    return answer.status in (403, 404)


def test_who_was_an_administrator_a_moment_ago_is_refused(server: Tenants, administrator: Api) -> None:
    """The role is read at each call; a list may lag, a decision may not."""
    tried, before = attempts(server), _state(server)
    server.withdrawals.set_membership(Membership("acme", "ada", MEMBER, server.clock(), "another epoch"))
    for method, path, body in tried:
        assert is_refused(administrator, method, path, body), path
    server.withdrawals.delete_membership("acme", "ada")
    for method, path, body in tried:
        assert administrator.call(method, path, body).status == 404, path
    assert _state(server) == before


def test_a_disabled_organisation_is_not_there(server: Tenants, administrator: Api) -> None:
    tried = attempts(server)
    server.withdrawals.change_organisation("acme", status="disabled")
    for method, path, body in tried:
        assert administrator.call(method, path, body).status == 404, path


def test_an_administrator_of_both_keeps_them_apart(server: Tenants) -> None:
    """What is named under one organisation must be that organisation's."""
    server.organisations.put_membership(Membership("globex", "ada", ADMINISTRATOR, server.clock()))
    both, connection = server.account("ada"), server.connect("max", "a1")
    assert companies(both, "globex", connection.id, "g1").status == 404
    assert companies(both, "globex", connection.id, "a1").status == 404
    assert connection.entities == {"a1"}


def _state(server: Tenants) -> Any:
    """All of Acme that could be changed."""
    return (
        [server.tokens.authorization(one.id) for one in server.tokens.authorizations(organisation="acme").items],
        server.browsers.approvals("acme").items,
        [one for one in server.organisations.members_of("acme").items if one.subject != "ada"],
        server.organisations.invitations_of("acme").items,
        [
            server.tokens.standing(
                subject_key=filing.key(name), client_key=filing.key("web"), organisation_key=filing.key("acme")
            ).ends.begun()
            for name in ("max", "mia")
        ],
        server.record.subject(filing.key("ada")),
    )
