"""The scope `offline_access`: OpenID Connect Core section 11, and what an operator may make of it."""

from typing import Any

import pytest

from authserver.endpoints.machines.metadata import resource_metadata, server_metadata
from authserver.errors import InvalidScope
from authserver.management.admin import scopes as api_of_scopes
from authserver.messages.browser import ConsentPage, GoTo
from authserver.models.clients import Client
from authserver.scopes import (
    ADMINISTRATOR,
    DEFAULT,
    OFFLINE,
    OFFLINE_ACCESS,
    ClaimDefinition,
    ScopeCatalogue,
    ScopeDefinition,
)
from authserver.values import Scope
from tests.fakes import client
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server, with_settings

ONLY_CODE = ("authorization_code",)
ASKED = "openid read offline_access"


def serving(*, refresh_tokens: str = "Always", catalogue: ScopeCatalogue | None = None, **registered: Any) -> Server:
    server = Server(client(**registered), refresh_tokens=refresh_tokens)
    if catalogue:
        assert server.withdrawals.change_scopes(catalogue)
    return server


def page_of(server: Server, **parameters: str) -> ConsentPage:
    browser = Browser(server)
    response = browser.authorize((), frozenset(), **parameters)
    assert isinstance(response, GoTo)
    browser.sign_in(response.request_handle)
    page = browser.consent_page(response.request_handle)
    assert isinstance(page, ConsentPage)
    return page


@pytest.mark.rfc("OIDC Core", "11")
def test_client_that_is_not_registered_for_it_is_granted_it_and_refreshes_with_what_it_asked_for() -> None:
    server = serving()
    assert OFFLINE_ACCESS not in client().scope
    app = App(server)
    first = app.tokens(scope=ASKED)
    assert str(first.scope) == ASKED
    second = app.refresh(first.refresh_token, scope=ASKED)
    assert str(second.scope) == ASKED
    assert str(app.refresh(second.refresh_token).scope) == ASKED
    assert app.introspect(second.access_token)["scope"] == ASKED
    assert server.access(second.access_token)


@pytest.mark.rfc("OIDC Core", "11")
@pytest.mark.parametrize("refresh_tokens", ["Always", "OfflineAccess"])
def test_client_without_refresh_tokens_asks_for_it_in_vain(refresh_tokens: str) -> None:
    server = serving(refresh_tokens=refresh_tokens, grant_types=ONLY_CODE, scope=Scope.parse(ASKED))
    response = App(server).tokens(scope=ASKED)
    assert (str(response.scope), response.refresh_token) == ("openid read", None)
    # As if it had not been there: what a request without a scope asks for.
    assert str(App(server).tokens(scope=OFFLINE_ACCESS).scope) == "read"
    assert str(App(server).tokens(scope="").scope) == "read"


@pytest.mark.rfc("6749", "4.2.2")
def test_implicit_grant_ignores_it() -> None:
    grants = ("authorization_code", "refresh_token", "implicit")
    registered = client(grant_types=grants, response_types=("code", "id_token token"))
    server = Server(registered, grant_types=(*grants, "client_credentials"))
    answer = Browser(server).go_through(response_type="id_token token", scope=ASKED)
    assert answer["scope"] == "openid read"


@pytest.mark.rfc("OIDC Core", "11")
def test_refresh_tokens_may_be_for_those_alone_who_ask_for_them() -> None:
    server = serving(refresh_tokens="OfflineAccess")
    assert App(server).tokens(scope="openid read").refresh_token is None
    response = App(server).tokens(scope=ASKED)
    assert App(server).refresh(response.refresh_token).access_token


def test_authorization_without_a_refresh_token_ends_with_its_access_token() -> None:
    server = serving(refresh_tokens="OfflineAccess")
    code = Browser(server).code(scope="openid read")
    ends = App(server).exchange(code).expires_in + server.clock()
    assert server.authorization_of(code).expires_at == ends
    with_settings(server, consent_lifetime=0)
    short, long = (page_of(server, scope=scope, prompt="consent").lifetime for scope in ("openid read", ASKED))
    assert short < long


def test_refresh_token_lives_on_when_the_operator_wants_them_asked_for() -> None:
    server = serving()
    first = App(server).tokens(scope="openid read")
    with_settings(server, refresh_tokens="OfflineAccess")
    assert App(server).refresh(first.refresh_token).refresh_token


@pytest.mark.rfc("6749", "6")
def test_refresh_that_names_it_without_having_been_granted_it_is_not_refused() -> None:
    server = serving()
    first = App(server).tokens(scope="openid read")
    second = App(server).refresh(first.refresh_token, scope=ASKED)
    assert str(second.scope) == "openid read"
    assert str(App(server).refresh(second.refresh_token, scope=OFFLINE_ACCESS).scope) == "openid read"


@pytest.mark.rfc("6749", "6")
def test_what_was_not_granted_is_noted_in_bounded_room_and_what_there_is_first() -> None:
    """Otherwise every sign-in would fill a table; a refresh may name what is noted, and that alone."""
    server = serving(scope=Scope.parse("openid read"))
    junk = [f"z{number:04}{'y' * 70}" for number in range(180)]
    code = Browser(server).code(scope=" ".join(["openid", *junk, "read", "profile", "write"]))
    noted = server.authorization_of(code).not_granted
    assert (len(str(noted)) <= 1024, "write" in noted, junk[0] in noted, junk[-1] in noted) == (True, True, True, False)
    app = App(server)
    first = app.exchange(code)
    second = app.refresh(first.refresh_token, scope=f"openid read write {junk[0]}")
    assert str(second.scope) == "openid read"
    with pytest.raises(InvalidScope):
        app.refresh(second.refresh_token, scope=f"openid {junk[-1]}")


@pytest.mark.rfc("6749", "6")
def test_other_scopes_that_were_not_granted_are_refused_as_before() -> None:
    app = App(serving())
    first = app.tokens(scope=ASKED)
    for scope in ("write", "openid unheard-of", "offline_access profile"):
        with pytest.raises(InvalidScope):
            app.refresh(first.refresh_token, scope=scope)


@pytest.mark.rfc("6749", "4.3.2")
@pytest.mark.parametrize(("grants", "scope"), [(("refresh_token",), "read offline_access"), ((), "read")])
def test_password_grant_has_it_where_it_gives_refresh_tokens(grants: tuple[str, ...], scope: str) -> None:
    every = ("authorization_code", "refresh_token", "client_credentials", "password")
    registered = client(grant_types=("password", *grants), response_types=())
    server = Server(registered, grant_types=every, refresh_tokens="OfflineAccess")
    form = {"username": "alice", "password": "wonderland"}
    response = App(server).token("password", (), scope="read offline_access", **form)
    assert (str(response.scope), bool(response.refresh_token)) == (scope, bool(grants))
    assert App(server).token("password", (), scope="read", **form).refresh_token is None


# ------------------------------------------------------------------ who is told


@pytest.mark.rfc("8414", "2")
@pytest.mark.rfc("9728", "2")
@pytest.mark.parametrize("own", [None, ScopeDefinition(OFFLINE_ACCESS, "Work at night", advertised=True)])
def test_metadata_of_the_server_tells_it_and_that_of_the_resource_does_not(own: ScopeDefinition | None) -> None:
    server = serving(catalogue=ScopeCatalogue.of((*DEFAULT.definitions[:1], own)) if own else None)
    assert OFFLINE_ACCESS in server_metadata(server.services).members()["scopes_supported"]
    of_resource = resource_metadata(server.settings.resource, server.services).members()
    assert OFFLINE_ACCESS not in of_resource.get("scopes_supported", ())


@pytest.mark.rfc("OIDC Core", "11")
def test_user_is_asked_in_a_sentence_and_only_where_the_client_asks() -> None:
    server = serving()
    said = {one.scope.name: one.scope.description for one in page_of(server, scope=ASKED).permissions}
    assert said[OFFLINE_ACCESS] == "Stay connected while you are not using it"
    page = page_of(server, scope="openid")
    assert OFFLINE_ACCESS not in [one.scope.name for one in page.permissions]
    assert OFFLINE.description not in page.beyond  # which would not be true of a client with refresh tokens


@pytest.mark.parametrize(("refresh_tokens", "offered"), [("Always", False), ("OfflineAccess", True)])
def test_user_may_leave_it_out_where_that_changes_something(refresh_tokens: str, offered: bool) -> None:
    optional = Scope.parse("read offline_access")
    server = serving(refresh_tokens=refresh_tokens, scope=Scope.parse(ASKED), optional_scope=optional)
    found = {one.scope.name for one in page_of(server, scope=ASKED).permissions if one.optional}
    assert found == ({"read", OFFLINE_ACCESS} if offered else {"read"})


def test_client_that_asks_for_it_later_asks_its_user_again() -> None:
    browser = Browser(serving())
    browser.go_through(scope="openid read")
    assert not isinstance(browser.authorize(scope="openid read"), GoTo)
    assert isinstance(browser.authorize(scope=ASKED), GoTo)


# ------------------------------------------------------------------ an operator's own


def test_catalogue_of_an_operator_that_lacks_it_has_it() -> None:
    server = serving(catalogue=ScopeCatalogue.of((ScopeDefinition("read", "Read"), ScopeDefinition("openid", "x"))))
    assert server.services.scopes().get(OFFLINE_ACCESS) == OFFLINE
    assert str(App(server).tokens(scope=ASKED).scope) == ASKED


def test_words_of_an_operator_stay() -> None:
    own = ScopeDefinition(OFFLINE_ACCESS, "Work at night", sensitive=True)
    server = serving(catalogue=ScopeCatalogue.of((*DEFAULT.definitions[:1], ScopeDefinition("read", "Read"), own)))
    said = {one.scope.name: one.scope for one in page_of(server, scope=ASKED).permissions}
    assert said[OFFLINE_ACCESS] == own
    assert str(App(server).tokens(scope=ASKED).scope) == ASKED


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(
    "own",
    [
        ScopeDefinition(OFFLINE_ACCESS, "Work at night", implies=("write",)),
        ScopeDefinition(OFFLINE_ACCESS, "Work at night", grantable_by=ADMINISTRATOR),
        ScopeDefinition(OFFLINE_ACCESS, "Work at night", claims=(ClaimDefinition("shift", "shift"),)),
    ],
)
def test_scope_of_which_an_operator_made_more_needs_a_registration(own: ScopeDefinition) -> None:
    kept = tuple(one for one in DEFAULT.definitions if one.name != OFFLINE_ACCESS)
    server = serving(catalogue=ScopeCatalogue.of((*kept, own)), scope=Scope.parse("openid read"))
    response = App(server).tokens(scope=ASKED)
    assert str(response.scope) == "openid read"


def test_operator_defines_it_and_takes_the_definition_back() -> None:
    server = serving()
    api = Api(server, api_of_scopes.OPERATIONS, "operator")
    path = f"/admin/scopes/{OFFLINE_ACCESS}"
    assert api.call("DELETE", path).reason == "built_in"
    assert api.call("PUT", path, {"description": "Work at night"}).status == 200
    assert api.get(path)["description"] == "Work at night"
    assert api.call("DELETE", path).status == 204
    assert api.get(path)["description"] == OFFLINE.description
    assert str(App(server).tokens(scope=ASKED).scope) == ASKED


def test_client_whose_refresh_tokens_were_taken_away_is_granted_it_no_more() -> None:
    server = serving(scope=Scope.parse(ASKED))
    registered = server.clients.get("web")
    assert isinstance(registered, Client)
    server.clients.put(client(grant_types=ONLY_CODE, scope=Scope.parse(ASKED), version=registered.version))
    assert str(App(server).tokens(scope=ASKED).scope) == "openid read"
