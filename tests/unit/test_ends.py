"""Ends are counters and no times: they hold wherever clocks differ, and what they ended does not come back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from authserver.errors import InvalidClient, InvalidGrant, InvalidToken
from authserver.management.account import operations as account
from authserver.management.admin import operations as admin
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo
from authserver.values import Secret
from tests.fakes import PASSWORD
from tests.unit.api import Api
from tests.unit.server import App, Browser
from tests.unit.tenants import PEOPLE, Tenants

CLOCKS = {"behind": -300, "ahead": 300}
# A JWT says when it was issued, and is good from then on: one of the function ahead is not yet good on the other.
BEGUN = [("opaque", "behind"), ("opaque", "ahead"), ("jwt", "behind")]
EVERYTHING = frozenset({"access token", "refresh token", "browser"})
TOKENS = EVERYTHING - {"browser"}


class Deployment(Tenants):
    """Two functions whose clocks are five minutes behind and ahead of ours. At any time one of them is called."""

    def __init__(self, token_format: str = "opaque") -> None:
        super().__init__()
        for client in self.clients.list().items:
            self.clients.put(replace(client, access_token_format=token_format))
        self.instances = {name: self.new_instance(partial(self.time, by)) for name, by in CLOCKS.items()}

    def time(self, by: int) -> int:
        """What a clock shows that is so many seconds ahead."""
        return self.clock() + by

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Whatever is called is called on this one."""
        before, self.services = self.services, self.instances[name]
        yield
        self.services = before


@dataclass
class Held:
    """What somebody has: an application, with tokens of theirs, and a browser that is signed in."""

    app: App
    browser: Browser
    access_token: Secret
    refresh_token: Secret | None

    @classmethod
    def begin(cls, server: Deployment, client_id: str, name: str = "max") -> "Held":
        browser, app = Browser(server, name), App(server, client_id)
        pending: Any = browser.authorize((), frozenset(), client_id=client_id, scope="openid read")
        browser.sign_in(pending.request_handle)
        answer = browser.consent_page(pending.request_handle, PEOPLE[name][0])
        if isinstance(answer, ConsentPage):  # else it is remembered
            chosen: Any = {"organisation": PEOPLE[name][0], "entities": ("a1",)} if client_id == "web" else {}
            answer = browser.decide(pending.request_handle, **chosen)
        assert isinstance(answer, AuthorizationResponse), answer
        tokens = app.exchange(answer.parameters["code"])
        return cls(app, browser, tokens.access_token, tokens.refresh_token)

    def alive(self) -> frozenset[str]:
        """What of it works on the function that is called now."""
        found = set()
        with suppress(InvalidToken):
            self.app.server.access(self.access_token, "GET /any")
            found.add("access token")
        with suppress(InvalidGrant, InvalidClient):
            self.refresh_token = self.app.refresh(self.refresh_token).refresh_token
            found.add("refresh token")
        other = "personal" if self.app.client_id == "web" else "web"
        page = self.browser.authorize((), frozenset(), client_id=other)
        if not (isinstance(page, GoTo) and page.page == "login"):
            found.add("browser")
        return frozenset(found)


def call(server: Deployment, method: str, path: str, body: Any = None) -> None:
    """By an operator, for /account by Max, and for what is Acme's there by its administrator."""
    api = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    if path.startswith("/account"):
        api = Api(server, account.OPERATIONS, "ada" if "/organisations/" in path else "max")
    assert api.call(method, path, body).status in (200, 204)


@dataclass(frozen=True)
class End:
    """A call that ends something of Max, of an application or of an organisation; `ends` is what Max loses by it.

    With the body `undo` the same call takes it back. `client_id` is the application whose tokens are looked at.
    """

    path: str
    ends: frozenset[str]
    method: str = "DELETE"
    body: Any = None
    undo: Any = None
    client_id: str = "personal"


DISABLED, ACTIVE = {"status": "disabled"}, {"status": "active"}
ENDS = {
    "user disabled": End("/admin/users/max", EVERYTHING, "PATCH", DISABLED, ACTIVE),
    "password set": End("/admin/users/max/password", EVERYTHING, "PUT", {"password": PASSWORD}),
    "factors removed": End("/admin/users/max/factors", EVERYTHING),
    "sessions ended": End("/account/sessions", frozenset({"browser"})),
    "app disconnected": End("/account/applications/personal", TOKENS),
    "apps disconnected": End("/account/applications", TOKENS),
    "client disabled": End("/admin/clients/personal", TOKENS, "PATCH", DISABLED, ACTIVE),
    "organisation disabled": End("/admin/organisations/acme", TOKENS, "PATCH", DISABLED, ACTIVE, client_id="web"),
    "app disconnected from it": End("/account/organisations/acme/applications/web", TOKENS, client_id="web"),
    "member removed": End("/admin/organisations/acme/members/max", TOKENS, undo={"role": "member"}, client_id="web"),
    "role changed": End(
        "/admin/organisations/acme/members/max",
        TOKENS,
        "PUT",
        {"role": "administrator"},
        {"role": "member"},
        client_id="web",
    ),
}


def make(server: Deployment, end: End) -> None:
    call(server, end.method, end.path, end.body)


def undo(server: Deployment, end: End) -> None:
    """Takes it back, if that can be; a member is added as one is changed."""
    if end.undo is not None:
        call(server, "PUT" if "/members/" in end.path else end.method, end.path, end.undo)


def on_each(server: Deployment, look: Callable[[], frozenset[str]]) -> set[frozenset[str]]:
    """What is found on each function."""
    found = set()
    for name in CLOCKS:
        with server.on(name):
            found.add(look())
    return found


@pytest.mark.parametrize(("token_format", "begun"), BEGUN)
@pytest.mark.parametrize("ended", CLOCKS)
@pytest.mark.parametrize("name", ENDS)
def test_what_one_function_ends_is_over_on_all_whatever_their_clocks_say(
    name: str, ended: str, token_format: str, begun: str
) -> None:
    server, end = Deployment(token_format), ENDS[name]
    with server.on(begun):
        held = Held.begin(server, end.client_id)
        others = Held.begin(server, "personal" if end.client_id == "web" else "web")
        of_mia = Held.begin(server, end.client_id, "mia")
    assert on_each(server, held.alive) == {EVERYTHING}
    with server.on(ended):
        make(server, end)
    assert on_each(server, held.alive) == {EVERYTHING - end.ends}
    with server.on(ended):
        undo(server, end)
    assert on_each(server, held.alive) == {EVERYTHING - end.ends}  # nothing comes back
    with server.on(begun):
        again = Held.begin(server, end.client_id)
    assert on_each(server, again.alive) == {EVERYTHING}
    is_of_all = end.path.startswith("/admin/users")
    assert on_each(server, others.alive) == {frozenset() if is_of_all else EVERYTHING - end.ends | spared(end)}
    assert on_each(server, of_mia.alive) == {EVERYTHING - end.ends if is_for_all(end) else EVERYTHING}


def spared(end: End) -> frozenset[str]:
    """What another application of Max keeps: its tokens, unless every application loses them."""
    return frozenset() if end.path == "/account/applications" else TOKENS


def is_for_all(end: End) -> bool:
    """Whether others lose what Max loses: what is done to an application, or to an organisation."""
    return end.path in (
        "/admin/clients/personal",
        "/admin/organisations/acme",
        "/account/organisations/acme/applications/web",
    )


@pytest.mark.parametrize("name", [name for name, end in ENDS.items() if end.undo is not None])
def test_whatever_is_ended_and_undone_again_and_again_ends_each_time(name: str) -> None:
    """Six rounds, by functions in turn, while no clock moves."""
    server, end = Deployment(), ENDS[name]
    before: list[Held] = []
    for number in range(6):
        with server.on(("behind", "ahead")[number % 2]):
            before.append(Held.begin(server, end.client_id))
        with server.on(("ahead", "behind")[number // 2 % 2]):
            make(server, end)
            undo(server, end)
        for held in before:
            assert on_each(server, held.alive) == {EVERYTHING - end.ends}


@pytest.mark.parametrize(("token_format", "begun"), BEGUN)
def test_tokens_that_a_client_got_for_itself_end_with_it_on_all_functions(token_format: str, begun: str) -> None:
    server = Deployment(token_format)
    app = App(server, "personal")
    with server.on(begun):
        token = app.token("client_credentials", scope="read").access_token

    def look() -> frozenset[str]:
        with suppress(InvalidToken):
            return frozenset({server.access(token).client_id})
        return frozenset()

    assert on_each(server, look) == {frozenset({"personal"})}
    with server.on("ahead" if begun == "behind" else "behind"):
        call(server, "PATCH", "/admin/clients/personal", DISABLED)
        assert on_each(server, look) == {frozenset()}
        call(server, "PATCH", "/admin/clients/personal", ACTIVE)
    assert on_each(server, look) == {frozenset()}
    with server.on(begun):
        token = app.token("client_credentials", scope="read").access_token
    assert on_each(server, look) == {frozenset({"personal"})}
