"""What is remembered of a consent, so that users are not asked again: users and operators see it and end it."""

from typing import Any

import pytest

from authserver.management.account import operations as operations
from authserver.management.admin import consents
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo
from authserver.site import account as pages
from tests import fakes
from tests.fakes import START, filing
from tests.unit.api import Api
from tests.unit.pages import Reader
from tests.unit.server import App, Browser, Server
from tests.unit.tenants import Tenants

ALICE = "sub-of-alice"
CONSENTS = f"/admin/users/{ALICE}/consents"
EVERYTHING = "openid read write"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def alice(server: Server) -> Reader[Server]:
    return Reader(server, pages, "alice")


@pytest.fixture
def operator(server: Server) -> Api:
    return Api(server, consents.OPERATIONS, "operator")


def account(server: Server, subject: str = ALICE) -> Api:
    return Api(server, operations.OPERATIONS, subject)


def allow(server: Server, **request: str) -> None:
    """Alice allows what "web" asks for, which then makes nothing of it."""
    Browser(server).code((), **request)


def is_asked(server: Server, **request: str) -> bool:
    """Whether Alice is asked when "web" comes again."""
    browser = Browser(server)
    going = browser.authorize((), frozenset(), **request)
    assert isinstance(going, GoTo)
    signed_in = browser.sign_in(going.request_handle)
    assert isinstance(signed_in, GoTo)
    page = browser.consent_page(signed_in.request_handle)
    assert isinstance(page, ConsentPage | AuthorizationResponse)
    return isinstance(page, ConsentPage)


# ------------------------------------------------------------------ the user's own


def test_what_is_remembered_is_listed_though_nothing_is_connected(server: Server) -> None:
    allow(server)
    assert not is_asked(server)
    (application,) = account(server).get("/account/applications")["items"]
    assert (application["client_id"], application["name"], application["grants"]) == ("web", "A web application", [])
    remembered = application["remembered"]
    assert {one["scope"] for one in remembered["permissions"]} == set(EVERYTHING.split())
    assert remembered["resource"] == [fakes.RESOURCE]
    assert (remembered["since"], remembered["until"]) == (START, START + server.settings.consent_lifetime)
    assert account(server).get("/account/applications/web") == {**application, "next": None}


def test_what_is_connected_is_listed_once_with_both(server: Server) -> None:
    App(server).tokens()
    (application,) = account(server).get("/account/applications")["items"]
    assert len(application["grants"]) == 1
    assert application["remembered"]["since"] == START


def test_what_was_left_out_is_not_told_as_allowed() -> None:
    scope = fakes.client().scope
    server = Server(fakes.client(optional_scope=scope - (scope - type(scope).parse("write"))))
    browser = Browser(server)
    going: Any = browser.authorize()
    signed_in: Any = browser.sign_in(going.request_handle)
    browser.decide(signed_in.request_handle, scope=())
    (application,) = account(server).get("/account/applications")["items"]
    assert {one["scope"] for one in application["remembered"]["permissions"]} == {"openid", "read"}


def test_disconnecting_has_the_application_ask_again(server: Server) -> None:
    allow(server)
    assert account(server).call("DELETE", "/account/applications/web").status == 204
    assert account(server).get("/account/applications")["items"] == []
    assert account(server).call("GET", "/account/applications/web").status == 404
    assert is_asked(server)


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.end(subject=ALICE, client_id="web"),
        lambda server: server.withdrawals.end(client_id="web"),
        lambda server: server.withdrawals.delete_client("web"),
        lambda server: server.withdrawals.end_everything("another era"),
        lambda server: server.clock.advance(server.settings.consent_lifetime),
        lambda server: server.withdrawals.forget_consent(ALICE, "web"),
    ],
    ids=["disconnected", "client ended", "client deleted", "everything ended", "expired", "forgotten"],
)
def test_what_has_ended_is_not_listed(server: Server, end: Any) -> None:
    allow(server)
    end(server)
    assert account(server).get("/account/applications")["items"] == []
    assert account(server).call("GET", "/account/applications/web").status == 404


def test_nobody_sees_what_another_allowed(server: Server) -> None:
    server.users.create(fakes.user(sub="sub-of-bob", username="bob"))
    allow(server)
    bob = account(server, "sub-of-bob")
    assert bob.get("/account/applications")["items"] == []
    assert bob.call("GET", "/account/applications/web").status == 404
    assert bob.call("DELETE", "/account/applications/web").status == 204
    assert not is_asked(server)


def test_what_is_granted_for_an_organisation_is_never_remembered() -> None:
    server = Tenants()
    server.connect("max", "a1")
    (application,) = server.account("max").get("/account/applications")["items"]
    assert (len(application["grants"]), application["remembered"]) == (1, None)


# ------------------------------------------------------------------ on the account pages


def test_the_page_tells_what_connects_again_without_asking(server: Server, alice: Reader[Server]) -> None:
    allow(server)
    page = alice.get("/my/apps")
    assert "A web application" in page.text
    assert "Not connected" in page.text
    assert "the app can connect again without asking you" in page.text
    assert "You let these apps use your account" not in page.text
    assert "last used" not in page.text


def test_an_application_of_each_kind_is_told_apart(server: Server, alice: Reader[Server]) -> None:
    server.clients.put(fakes.client(client_id="second", client_name="Second"))
    allow(server)
    App(server, "second").tokens()
    page = alice.get("/my/apps").text
    assert page.count("Not connected") == 1
    assert page.count("last used") == 1
    assert "You let these apps use your account" in page


def test_what_is_remembered_is_shown_in_words_and_forgotten_by_a_button(server: Server, alice: Reader[Server]) -> None:
    allow(server)
    page = alice.get("/my/apps/web")
    assert "What you allowed before" in page.text
    assert "Read your items" in page.text
    assert "The app loses access to your account at once." not in page.text
    gone = alice.act("/my/apps/web", "forget")
    assert (gone.status, gone.location) == (303, "../../my/apps?done=forgotten")
    assert alice.get("/my/apps/web").status == 404
    assert "A web application" not in alice.get("/my/apps").text
    assert is_asked(server)


def test_all_that_is_remembered_ends_when_everything_is_disconnected(server: Server, alice: Reader[Server]) -> None:
    allow(server)
    assert "Every app has to ask you again, whatever you allowed it before." in alice.get("/my/apps").text
    assert alice.act("/my/apps", "disconnect-all").done == "all-disconnected"
    assert is_asked(server)


def test_the_overview_counts_what_is_connected(server: Server, alice: Reader[Server]) -> None:
    allow(server)
    assert "No app can use your account." in alice.get("/my").text


# ------------------------------------------------------------------ for operators


def test_operators_see_what_a_user_allowed(server: Server, operator: Api) -> None:
    allow(server)
    (consent,) = operator.get(CONSENTS)["items"]
    assert consent == {
        "client_id": "web",
        "client_name": "A web application",
        "scope": EVERYTHING,
        "declined": "",
        "resource": [fakes.RESOURCE],
        "created_at": START,
        "expires_at": START + server.settings.consent_lifetime,
        "stands": True,
    }


def test_operators_see_what_stands_no_more(server: Server, operator: Api) -> None:
    allow(server)
    server.withdrawals.end(subject=ALICE, client_id="web")
    assert [one["stands"] for one in operator.get(CONSENTS)["items"]] == [False]


def test_operators_see_it_in_parts(server: Server, operator: Api) -> None:
    names = {"web", *(f"app-{number}" for number in range(4))}
    for name in names:
        server.clients.put(fakes.client(client_id=name))
        allow(server, client_id=name)
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        part = operator.get(CONSENTS, **query)
        assert len(part["items"]) <= 2
        seen += [one["client_id"] for one in part["items"]]
        if "next" not in part:
            break
        query["cursor"] = part["next"]
    assert (len(seen), set(seen)) == (5, names)
    assert operator.call("GET", CONSENTS, cursor="x").fields == {"cursor"}


def test_an_operator_has_a_client_ask_again_and_disconnects_nothing(server: Server, operator: Api) -> None:
    tokens = App(server).tokens()
    assert operator.call("DELETE", f"{CONSENTS}/web").status == 204
    assert server.access(tokens.access_token)
    assert operator.get(CONSENTS)["items"] == []
    assert is_asked(server)


def test_a_consent_that_is_none_is_not_found(server: Server, operator: Api) -> None:
    assert operator.call("DELETE", f"{CONSENTS}/web").status == 404
    allow(server)
    for path in (f"{CONSENTS}/unknown", "/admin/users/nobody/consents/web"):
        assert operator.call("DELETE", path).status == 404
    assert operator.call("GET", "/admin/users/nobody/consents").status == 404
    assert server.browsers.browser_state(subject_key=filing.key(ALICE), client_key=filing.key("web")).consent
