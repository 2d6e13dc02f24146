"""/my: what a person sees of their account, and what the buttons there end."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from authserver.errors import InvalidGrant, InvalidRequest
from authserver.identity.activity import (
    APPLICATION_CONNECTED,
    APPLICATION_DISCONNECTED,
    APPLICATIONS_DISCONNECTED,
    DATA_EXPORTED,
    PROFILE_CHANGED,
    SESSION_ENDED,
    SESSIONS_ENDED,
    SIGNED_IN,
)
from authserver.management.account import export
from authserver.management.account.export import export_account
from authserver.messages.browser import GoTo
from authserver.messages.site import Download, View, Visit
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.site import Answer, serve
from authserver.site.account import GRANTS_A_PAGE, NOTICES, SCREENS
from authserver.storage.lists import Counted, Page
from tests.fakes import START, client, public_client, user
from tests.unit.server import App, Browser, Server
from tests.unit.tenants import Tenants

if TYPE_CHECKING:
    from authserver.messages.mail import MailOrder

SUB = "sub-of-alice"


class Person(Browser):
    """Alice, who looks at her account."""

    def open(self, route: str, query: Mapping[str, str] | None = None, **path: str) -> Answer:
        return serve(self._visit("GET", route, path, query=query or {}), SCREENS, NOTICES, self.services)

    def act(self, route: str, action: str, path: Mapping[str, str] | None = None, **form: str) -> Answer:
        """Opens the page and presses a button; with a `csrf`, only the latter."""
        page = None if "csrf" in form else self.open(route, None, **(path or {}))
        csrf = page.context["csrf"] if isinstance(page, View) else ""
        fields = {"action": action, "csrf": csrf, **form}
        visit = self._visit("POST", route, path or {}, form={name: (value,) for name, value in fields.items()})
        answer = serve(visit, SCREENS, NOTICES, self.services)
        if isinstance(answer, GoTo) and answer.session:
            self.session = answer.session
        return answer

    def _visit(self, method: str, route: str, path: Mapping[str, str], **more: Any) -> Visit:
        return Visit(method, route, route[1:], path, session=self.session, source="192.0.2.1", device="Firefox", **more)


def signed_in(server: Server, name: str = "alice", **request: str) -> Person:
    person = Person(server, name)
    person.code((), **request)
    return person


def view(answer: Answer) -> View:
    assert isinstance(answer, View), answer
    return answer


def shown(answer: Answer) -> Any:
    page = view(answer)
    assert page.status == 200
    return page.context


def gone_to(answer: Answer) -> tuple[str, str]:
    assert isinstance(answer, GoTo), answer
    return answer.page, answer.done


def kinds(server: Server) -> list[str]:
    return [one.kind for one in server.journal.activities(SUB).items]


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.route)
def test_whoever_is_not_signed_in_signs_in_first(screen: Any) -> None:
    assert gone_to(Person(Server()).open(screen.route, client_id="web")) == ("login", "")


@pytest.mark.rfc("9700", "4.7")
@pytest.mark.parametrize("screen", [one for one in SCREENS if one.acts], ids=lambda screen: screen.route)
def test_forms_of_nobody_and_of_another_session_are_refused(screen: Any) -> None:
    server = Server(api_keys=True)
    person, other = signed_in(server), signed_in(server)
    App(server).tokens()
    theirs = shown(other.open(screen.route, client_id="web"))["csrf"]
    for csrf in ("", "x", theirs):
        for action in screen.acts:
            with pytest.raises(InvalidRequest):
                person.act(screen.route, action, {"client_id": "web"}, csrf=csrf)
    assert len(server.browsers.sessions(SUB).items) == 3


def test_another_address_the_data_and_the_end_take_a_sign_in_of_the_last_quarter_of_an_hour() -> None:
    server = Server()
    person = signed_in(server)
    server.clock.advance(900)
    asking = {screen.route for screen in SCREENS if isinstance(person.open(screen.route, client_id="web"), GoTo)}
    assert asking == {"/my/profile/email", "/my/export", "/my/delete"}
    assert gone_to(person.act("/my/export", "download", csrf="any")) == ("login", "")


# ------------------------------------------------------------------ connected applications


def test_the_overview_counts_and_tells_what_happened_last() -> None:
    server = Server()
    person = signed_in(server)
    App(server).tokens()
    page = shown(person.open("/my"))
    assert (page["apps"], page["sessions"]) == (Counted(1, are_more=False), 2)
    assert len(page["recent"]) == 3
    assert {one["app"] for one in page["recent"] if one["kind"] == APPLICATION_CONNECTED} == {"A web application"}


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize(
    ("route", "action", "path"),
    [("/my/apps/{client_id}", "disconnect", {"client_id": "web"}), ("/my/apps", "disconnect-all", {})],
)
def test_a_disconnected_application_is_dead_at_once_and_has_to_ask_again(
    route: str, action: str, path: dict[str, str]
) -> None:
    """SECURITY.md row 41."""
    server = Server(client(), public_client())
    person = signed_in(server)
    web = App(server)
    tokens = web.tokens()
    assert [one["client_id"] for one in shown(person.open("/my/apps"))["apps"]] == ["web"]
    assert gone_to(person.act(route, action, path))[0] == "my/apps"
    assert web.introspect(tokens.access_token) == {"active": False}
    with pytest.raises(InvalidGrant):
        web.refresh(tokens.refresh_token)
    assert shown(person.open("/my/apps"))["apps"] == []
    assert view(person.open("/my/apps/{client_id}", client_id="web")).status == 404
    again = person.authorize()
    assert isinstance(again, GoTo)
    assert again.page == "consent"
    noted = APPLICATION_DISCONNECTED if action == "disconnect" else APPLICATIONS_DISCONNECTED
    assert noted in kinds(server)


def test_disconnecting_all_leaves_everybody_signed_in_and_others_connected() -> None:
    server = Server(client(), client(client_id="second", client_name="Second"))
    server.users.create(user(sub="sub-of-bob", username="bob"))
    person = signed_in(server)
    mine = [App(server, name).tokens() for name in ("web", "second")]
    theirs = App(server).exchange(signed_in(server, "bob").code())
    person.act("/my/apps", "disconnect-all")
    assert shown(person.open("/my/apps"))["apps"] == []
    assert [App(server).introspect(one.access_token)["active"] for one in (*mine, theirs)] == [False, False, True]


def test_an_application_is_shown_with_all_that_it_may_do_for_whom_and_since_when() -> None:
    server = Tenants()
    server.connect("mia", "a1", "a3", scope="openid read")
    person = Person(server, "mia")
    person.sign_in(gone_to_sign_in(person))
    (app,) = shown(person.open("/my/apps"))["apps"]
    assert (app["where"], app["since"]) == (["Acme"], START)
    (access,) = shown(person.open("/my/apps/{client_id}", client_id="web"))["accesses"]
    assert {one["scope"] for group in access["groups"].values() for one in group} == {"openid", "read"}
    (grant,) = access["grants"]
    assert (grant["where"], grant["companies"], grant["every_company"]) == ("Acme", ["A One", "A Three"], False)


def test_grants_of_the_same_permissions_are_shown_together() -> None:
    server = Server(client())
    person = signed_in(server)
    for scope in ("openid read", "read openid", "openid"):
        App(server).tokens(scope=scope)
    accesses = shown(person.open("/my/apps/{client_id}", client_id="web"))["accesses"]
    assert sorted(len(access["grants"]) for access in accesses) == [1, 2]


def gone_to_sign_in(person: Person) -> str:
    answer = person.authorize()
    assert isinstance(answer, GoTo)
    return answer.request_handle


@pytest.mark.parametrize("uri", ["http://shop.example", "javascript:alert(1)", "https://a@shop.example", ""])
def test_a_site_that_is_no_web_page_is_not_linked(uri: str) -> None:
    server = Server(client(client_uri=uri, policy_uri=uri, tos_uri=uri))
    person = signed_in(server)
    App(server).tokens()
    app = shown(person.open("/my/apps/{client_id}", client_id="web"))["app"]
    assert {app["host"], *app["links"].values()} == {""}


def test_a_hundred_applications_come_in_parts() -> None:
    names = [f"app-{number:03}" for number in range(int(GRANTS_A_PAGE) * 2 + 5)]
    server = Server(*(client(client_id=name, client_name=name) for name in names))
    for name in names:
        App(server, name).tokens()
    person = signed_in(server, client_id=names[0])
    seen: list[str] = []
    query: dict[str, str] = {}
    while True:
        part = shown(person.open("/my/apps", query))
        shown_now = [one["client_id"] for one in part["apps"]]
        assert shown_now == sorted(shown_now)
        assert len(shown_now) <= int(GRANTS_A_PAGE)
        assert part["is_first"] is not bool(query)
        seen += [one["client_id"] for one in part["apps"] if one["is_connected"]]
        query = {"after": part["more"]}
        if not part["more"]:
            break
    assert sorted(seen) == names


@pytest.mark.parametrize("after", ["0", "-1", "x", "²", "3.", "1.x", "2.x"])
def test_a_part_that_is_not_there_is_not_found(after: str) -> None:
    assert view(signed_in(Server()).open("/my/apps", {"after": after})).status == 404


@pytest.mark.parametrize("client_id", ["unknown", "public", "", "\x00"])
def test_an_application_that_was_not_let_in_is_not_found(client_id: str) -> None:
    assert view(signed_in(Server()).open("/my/apps/{client_id}", client_id=client_id)).status == 404


# ------------------------------------------------------------------ sessions


def test_this_browser_stands_apart_and_another_is_signed_out() -> None:
    server = Server()
    person, other = signed_in(server), signed_in(server)
    (theirs,) = shown(person.open("/my/sessions"))["others"]
    assert gone_to(person.act("/my/sessions", "end", session=theirs["id"])) == ("my/sessions", "ended")
    assert gone_to(other.open("/my")) == ("login", "")
    assert shown(person.open("/my/sessions"))["others"] == []
    assert SESSION_ENDED in kinds(server)


def test_all_other_browsers_are_signed_out_and_this_one_is_not() -> None:
    server = Server()
    person, *others = (signed_in(server) for _ in range(4))
    before = person.session
    assert gone_to(person.act("/my/sessions", "end-others")) == ("my/sessions", "others-ended")
    assert [gone_to(other.open("/my"))[0] for other in others] == ["login"] * 3
    assert shown(person.open("/my"))["sessions"] == 1
    assert person.session == before
    assert SESSIONS_ENDED in kinds(server)


def test_browsers_that_no_list_knows_yet_are_signed_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """F11: lists come from an index, which lags."""
    server = Server()
    person, other = signed_in(server), signed_in(server)
    monkeypatch.setattr(server.browsers, "sessions", lambda *_, **__: Page(()))
    person.act("/my/sessions", "end-others")
    assert gone_to(other.open("/my"))[0] == "login"
    assert isinstance(person.open("/my"), View)


@pytest.mark.parametrize("whose", ["", "x", "another's"])
def test_a_session_of_somebody_else_is_not_found_and_goes_on(whose: str) -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    person, bob = signed_in(server), signed_in(server, "bob")
    (theirs,) = server.browsers.sessions("sub-of-bob").items
    answer = person.act("/my/sessions", "end", session=theirs.id if whose == "another's" else whose)
    assert view(answer).status == 404
    assert isinstance(bob.open("/my"), View)


def test_a_hundred_sessions_come_in_parts() -> None:
    server = Server()
    person = signed_in(server)
    (own,) = server.browsers.sessions(SUB).items
    for number in range(60):
        server.browsers.put_session(replace(own, id=f"{number:022}", created_at=START + number))
    seen: list[str] = []
    after = "-"
    while after:
        part = shown(person.open("/my/sessions", {} if after == "-" else {"after": after}))
        assert len(part["others"]) <= 25
        seen += [one["id"] for one in part["others"]]
        after = part["more"]
    assert len(set(seen)) == len(seen) == 60


# ------------------------------------------------------------------ activity


def test_activity_is_told_newest_first_in_parts() -> None:
    server = Server()
    person = signed_in(server)
    for _ in range(30):
        server.clock.advance(1)
        signed_in(server)
    first = shown(person.open("/my/activity"))
    assert len(first["lines"]) == 25
    rest = shown(person.open("/my/activity", {"after": first["more"]}))
    times = [one["at"] for one in (*first["lines"], *rest["lines"])]
    assert times == sorted(times, reverse=True)
    assert {one["kind"] for one in rest["lines"]} == {SIGNED_IN, APPLICATION_CONNECTED}
    assert rest["more"] == ""


def test_activity_is_gone_after_90_days_though_it_is_still_stored() -> None:
    server = Server()
    signed_in(server)
    server.clock.advance(90 * 86_400)
    assert shown(signed_in(server).open("/my/activity"))["lines"] != []
    lines = shown(signed_in(server).open("/my/activity"))["lines"]
    assert {one["at"] for one in lines} == {START + 90 * 86_400}


@pytest.mark.parametrize("route", ["/my/sessions", "/my/activity"])
def test_a_list_that_begins_nowhere_is_not_found(route: str) -> None:
    assert view(signed_in(Server()).open(route, {"after": "x"})).status == 404


# ------------------------------------------------------------------ the profile


def test_a_name_is_changed_and_noted() -> None:
    server = Server()
    person = signed_in(server)
    assert gone_to(person.act("/my/profile", "rename", name=" Alice P ")) == ("my/profile", "renamed")
    assert stored_user(server).name == "Alice P"
    assert PROFILE_CHANGED in kinds(server)


def stored_user(server: Server) -> Any:
    return server.users.get(SUB)


@pytest.mark.parametrize("name", ["", "   ", "x" * 1000])
def test_a_name_that_is_none_is_refused_beside_its_field(name: str) -> None:
    server = Server()
    page = view(signed_in(server).act("/my/profile", "rename", name=name))
    assert (page.status, set(page.context["wrong"])) == (400, {"name"})
    assert page.context["entered"]["name"] == (name,)
    assert stored_user(server).name == user().name


def test_another_address_is_ordered_and_is_not_the_persons_yet() -> None:
    server = Server()
    orders: list[MailOrder] = []
    server.services = replace(server.services, order_mail=orders.append)
    person = signed_in(server)
    before = stored_user(server).email
    answer = person.act("/my/profile/email", "change", email=" new@example.com ")
    assert gone_to(answer) == ("my/profile", "mailed")
    assert ([one.address for one in orders], stored_user(server).email) == (["new@example.com"], before)
    page = view(person.act("/my/profile/email", "change", email="no address"))
    assert (page.status, set(page.context["wrong"])) == (400, {"email"})


def test_where_no_mail_is_sent_no_address_is_changed() -> None:
    server = Server()
    assert view(signed_in(server).act("/my/profile/email", "change", email="new@example.com")).status == 409
    assert stored_user(server).pending_email == ""


# ------------------------------------------------------------------ all that is kept


def test_the_data_has_all_of_the_person_and_nothing_secret_or_of_others() -> None:
    server = Server(client(), client(client_id="own", owner=SUB, client_name="Own"))
    server.organisations.create(Organisation("acme", "Acme"))
    server.organisations.put_membership(Membership("acme", SUB, ADMINISTRATOR))
    server.users.create(user(sub="sub-of-bob", username="bob"))
    signed_in(server, "bob")
    person = signed_in(server)
    App(server).tokens()
    file = person.act("/my/export", "download")
    assert isinstance(file, Download)
    data = json.loads(file.content)
    assert data["profile"]["sub"] == SUB
    assert data["organisations"] == [{"organisation": "acme", "role": "administrator", "groups": [], "since": 0}]
    assert {one["client_id"] for one in data["applications"]} == {"web"}
    assert [one["client_id"] for one in data["remembered_consents"]] == ["web"]
    assert [one["client_id"] for one in data["own_applications"]] == ["own"]
    assert (len(data["sessions"]), data["second_factors"]["passkeys"]) == (2, [])
    assert {one["kind"] for one in data["activity"]} == {SIGNED_IN, APPLICATION_CONNECTED}
    stored = stored_user(server)
    for secret in (stored.password_hash, "bob", "secret", "salt", "hash", "wrapped"):
        assert secret not in file.content
    assert DATA_EXPORTED in kinds(server)
    assert data["goes_on"] is False
    assert shown(person.open("/my/export"))["more"] == ""


@pytest.mark.parametrize("part", [1, 2, 7, 100])
def test_too_much_for_one_file_comes_in_several_that_together_have_all_of_it(
    monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    server = Server(client(), client(client_id="second"), client(client_id="own", owner=SUB))
    server.organisations.put_membership(Membership("acme", SUB, ADMINISTRATOR))
    for name in ("web", "second", "web"):
        App(server, name).tokens()
    person = signed_in(server)
    whole = export_account(stored_user(server), server.services).document
    monkeypatch.setattr(export, "PART", part)
    lists = [name for name, value in whole.items() if isinstance(value, list)]
    found: dict[str, list[Any]] = {name: [] for name in lists}
    cursor = None
    for _ in range(100):
        data = export_account(stored_user(server), server.services, cursor)
        assert sum(len(data.document[name]) for name in lists if name != "identities") <= part
        assert data.document["profile"] == whole["profile"]
        assert data.document["goes_on"] is bool(data.next)
        for name in lists:
            found[name] += data.document[name]
        cursor = data.next
        if cursor is None:
            break
    assert found == {name: whole[name] for name in lists}
    if part == 1:
        second = {"after": shown(person.open("/my/export"))["more"]}
        file = person.act("/my/export", "download", **second)
        assert isinstance(file, Download)
        assert json.loads(file.content)["applications"] == found["applications"][1:2]
        assert shown(person.open("/my/export", second))["after"] == second["after"]


@pytest.mark.parametrize("after", ["x", "9.", "0.x", "-1."])
def test_a_file_that_is_not_there_is_not_found(after: str) -> None:
    person = signed_in(Server())
    assert view(person.open("/my/export", {"after": after})).status == 404
    assert view(person.act("/my/export", "download", after=after)).status == 404
