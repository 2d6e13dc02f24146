"""The developer portal: one's own apps, by the rules of the partner API, in pages."""

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.machines.token import issue_token
from authserver.errors import InvalidRequest, OAuthError
from authserver.messages.browser import GoTo
from authserver.messages.site import View
from authserver.models.clients import VERIFIED
from authserver.site import FRESH
from authserver.values import Scope
from tests.fakes import START, client, user
from tests.openid_provider import public_jwk
from tests.unit.portal import Developer, copied, words
from tests.unit.server import App, Browser, Server

ONE = "/developer/apps/{client_id}"
FORM: dict[str, Any] = {
    "client_name": "Tea planner",
    "client_uri": "https://tea.example",
    "redirect_uris": "https://tea.example/callback\nhttp://127.0.0.1/callback",
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ("authorization_code", "refresh_token"),
    "scope": ("openid", "read"),
    "preferred_subject_type": "user",
    "once": "a-form",
}
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'"


@pytest.fixture
def server() -> Server:
    made = Server()
    made.users.create(user(sub="bob-sub", username="bob"))
    return made


@pytest.fixture
def alice(server: Server) -> Developer:
    return Developer(server, user())


@pytest.fixture
def bob(server: Server) -> Developer:
    found = server.users.find("bob")
    assert found
    return Developer(server, found)


def registered(developer: Developer, **changed: Any) -> tuple[str, str]:
    """A new app's identifier and secret."""
    page = developer.see(developer.post("/developer/apps/new", "register", FORM | changed), "/developer/apps/new")
    return copied(page, "client_id"), copied(page, "client_secret")


# ------------------------------------------------------------------ registering


def test_whoever_has_no_app_is_told_what_one_is(alice: Developer) -> None:
    assert "You need one before your code can ask anybody" in words(alice.see(alice.get("/developer"), "/developer"))


def test_an_app_is_registered_and_its_secret_told_once(alice: Developer) -> None:
    client_id, secret = registered(alice)
    app = App(alice.server, client_id, secret)
    assert app.introspect("none") == {"active": False}
    for route in (ONE, f"{ONE}/secrets", f"{ONE}/settings"):
        assert secret not in alice.see(alice.get(route, client_id=client_id), route)
    assert "Tea planner" in words(alice.see(alice.get("/developer"), "/developer"))


def test_an_app_without_scopes_has_its_pages(alice: Developer) -> None:
    client_id, _ = registered(alice, scope="")
    for route in (ONE, f"{ONE}/settings", f"{ONE}/activity"):
        assert "Tea planner" in words(alice.see(alice.get(route, client_id=client_id), route))


def test_an_app_on_peoples_devices_has_no_secret(alice: Developer) -> None:
    answer = alice.post("/developer/apps/new", "register", FORM | {"token_endpoint_auth_method": "none"})
    assert isinstance(answer, GoTo)
    assert answer.done == "registered"
    (made,) = alice.server.clients.list(owner=alice.user.sub).items
    assert made.is_public
    assert not made.secrets


def test_a_form_that_is_submitted_twice_makes_one_app(alice: Developer) -> None:
    first, _ = registered(alice)
    assert registered(alice)[0] == first
    assert registered(alice, once="another-form")[0] != first


@pytest.mark.parametrize(
    ("field", "entered", "said"),
    [
        ("client_name", " ", "Enter the name that people know your app by."),
        ("client_uri", "http://tea.example", "Enter a full address that begins with https://"),
        ("redirect_uris", "", "Enter at least one redirect URI."),
        ("redirect_uris", "https://a.example/ https://a.example/*", "Line 2: A redirect URI is compared as it is"),
        ("redirect_uris", "https://a.example/#x", "Line 1: A redirect URI has no fragment"),
        ("redirect_uris", "myapp:/callback", "Line 1: Begin with https://"),
        ("redirect_uris", "http://tea.example/", "Line 1: Begin with https://"),
        ("grant_types", (), "Choose at least one."),
        ("grant_types", ("authorization_code", "client_credentials"), "Line 2: Choose from what is offered here."),
        ("scope", ("openid", "admin:users"), "can be given to your app by the operator"),
        ("scope", ("nothing-of-ours",), "not defined here"),
        ("logo_uri", "data:image/svg+xml;base64,PHN2Zz4=", "or a picture of at most 6 KB"),
        ("contacts", "nobody", "Line 1: Enter email addresses, one per line."),
        ("client_name", "n" * 201, "This is too long"),
        ("post_logout_redirect_uris", "https://a.example/ nowhere", "Line 2: Begin with https://"),
        ("post_logout_redirect_uris", "https://a.example/ https://a.example/", "The same redirect URI is there twice."),
        ("optional_scope", ("write",), "People can only leave out what the app asks for"),
        ("optional_scope", ("openid",), "People cannot leave out openid."),
        ("access_token_lifetime", "an hour", "Enter a number of seconds, or nothing."),
        ("access_token_lifetime", "0", "Enter a number of seconds, or nothing."),
        ("refresh_token_lifetime", "9" * 30, "This is longer than this service allows."),
    ],
)
def test_what_cannot_be_so_is_told_beside_the_field_and_the_rest_is_kept(
    alice: Developer, field: str, entered: Any, said: str
) -> None:
    answer = alice.post(
        "/developer/apps/new", "register", FORM | {"policy_uri": "https://kept.example", field: entered}
    )
    page = alice.see(answer, "/developer/apps/new")
    assert isinstance(answer, View)
    assert answer.status == 400
    assert f'id="{field}-wrong"' in page
    assert said in words(page)
    assert 'value="https://kept.example"' in page
    assert 'name="once" value="a-form"' in page
    assert not alice.server.clients.list(owner=alice.user.sub).items


def test_the_form_offers_what_its_developer_may_choose_and_no_more(alice: Developer) -> None:
    page = alice.see(alice.get("/developer/apps/new"), "/developer/apps/new")
    assert set(re.findall(r'name="grant_types" value="([^"]*)"', page)) == {"authorization_code", "refresh_token"}
    assert set(re.findall(r'name="scope" value="([^"]*)"', page)) == {
        *("openid", "profile", "email", "address", "phone", "read", "write")
    }


# ------------------------------------------------------------------ changing


def test_what_is_changed_is_changed_and_what_is_empty_is_taken_away(alice: Developer) -> None:
    client_id, _ = registered(alice, logo_uri=PIXEL)
    form = FORM | {"client_name": "Tea", "client_uri": "", "scope": ("read", "write"), "logo_uri": PIXEL}
    answer = alice.post(f"{ONE}/settings", "save", form, client_id=client_id)
    assert isinstance(answer, GoTo)
    assert (answer.page, answer.done) == (f"developer/apps/{client_id}/settings", "saved")
    stored = alice.server.clients.get(client_id)
    assert stored
    assert (stored.client_name, stored.client_uri, str(stored.scope)) == ("Tea", "", "read write")
    assert f'<img src="{PIXEL}"' in alice.see(alice.get(ONE, client_id=client_id), ONE)


@pytest.mark.rfc("OIDC RP-Initiated Logout", "3.1")
def test_where_people_go_after_signing_out_and_what_they_may_leave_out_are_in_the_form(alice: Developer) -> None:
    form = FORM | {
        "post_logout_redirect_uris": "https://tea.example/bye\nhttps://tea.example/out",
        "optional_scope": ("read",),
        "access_token_lifetime": "300",
    }
    client_id, _ = registered(alice, **form)
    stored = alice.server.clients.get(client_id)
    assert stored
    assert [uri.text for uri in stored.post_logout_redirect_uris] == [
        "https://tea.example/bye",
        "https://tea.example/out",
    ]
    assert (str(stored.optional_scope), stored.access_token_lifetime) == ("read", 300)
    page = alice.see(alice.get(f"{ONE}/settings", client_id=client_id), f"{ONE}/settings")
    assert 'name="optional_scope" value="read" checked' in page
    assert "https://tea.example/bye\nhttps://tea.example/out</textarea>" in page
    assert isinstance(alice.post(f"{ONE}/settings", "save", FORM, client_id=client_id), GoTo)
    stored = alice.server.clients.get(client_id)
    assert stored
    assert not stored.post_logout_redirect_uris
    assert (str(stored.optional_scope), stored.access_token_lifetime) == ("", None)


def test_what_is_wrong_with_what_few_need_is_not_folded_away(alice: Developer) -> None:
    folded = re.compile(r"<details class=\"panel\"( open)?><summary>More")
    page = alice.see(alice.get("/developer/apps/new"), "/developer/apps/new")
    assert [*folded.findall(page)] == [""]
    for field in ("post_logout_redirect_uris", "refresh_token_lifetime", "contacts", "tos_uri"):
        answer = alice.post("/developer/apps/new", "register", FORM | {field: "nobody"})
        assert [*folded.findall(alice.see(answer, "/developer/apps/new"))] == [" open"], field


def test_an_app_keeps_its_implicit_grant_when_another_is_added(alice: Developer) -> None:
    server = Server(grant_types=("authorization_code", "refresh_token", "implicit"))
    held = client(client_id="held", owner=alice.user.sub, grant_types=("implicit",), response_types=("token",))
    server.clients.put(held)
    developer = Developer(server, user())
    for grants, responses in (
        (("implicit", "authorization_code"), {"code", "token"}),
        (("authorization_code",), {"code"}),
    ):
        form = FORM | {"scope": held.scope.tokens, "grant_types": grants}
        assert isinstance(developer.post(f"{ONE}/settings", "save", form, client_id="held"), GoTo)
        stored = server.clients.get("held")
        assert stored
        assert (stored.grant_types, set(stored.response_types)) == (grants, responses)


def test_a_verified_app_that_is_changed_is_a_test_app_again_and_its_developer_told(alice: Developer) -> None:
    client_id, _ = registered(alice)
    stored = alice.server.clients.get(client_id)
    assert stored
    alice.server.clients.put(replace(stored, verification=VERIFIED))
    unchanged = alice.post(f"{ONE}/settings", "save", FORM, client_id=client_id)
    assert isinstance(unchanged, GoTo)
    assert unchanged.done == "saved"
    changed = alice.post(f"{ONE}/settings", "save", FORM | {"client_name": "Bank"}, client_id=client_id)
    assert isinstance(changed, GoTo)
    assert changed.done == "test_again"
    assert "A test app" in words(alice.see(alice.get(ONE, client_id=client_id), ONE))


def test_what_an_operator_gave_stays_when_the_form_is_saved(alice: Developer) -> None:
    held = client(
        client_id="held",
        owner=alice.user.sub,
        grant_types=("authorization_code", "client_credentials"),
        resources=("https://api.example",),
        require_pkce=False,
    )
    alice.server.clients.put(held)
    page = alice.see(alice.get(f"{ONE}/settings", client_id="held"), f"{ONE}/settings")
    assert 'value="client_credentials" checked' in page
    form = FORM | {"scope": held.scope.tokens, "grant_types": ("client_credentials", "authorization_code")}
    assert isinstance(alice.post(f"{ONE}/settings", "save", form, client_id="held"), GoTo)
    stored = alice.server.clients.get("held")
    assert stored
    assert (stored.grant_types, stored.resources, stored.require_pkce) == (
        held.grant_types,
        held.resources,
        held.require_pkce,
    )


# ------------------------------------------------------------------ secrets


def secrets_page(developer: Developer, client_id: str) -> str:
    return developer.see(developer.get(f"{ONE}/secrets", client_id=client_id), f"{ONE}/secrets")


def known(page: str) -> str:
    found = re.search(r'name="known" value="([^"]*)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("overlap", [0, 3600, 86400, 30 * 86400])
def test_a_secret_goes_on_for_the_overlap_after_a_new_one(alice: Developer, overlap: int) -> None:
    client_id, old = registered(alice)
    form = {"overlap": str(overlap), "known": known(secrets_page(alice, client_id))}
    answer = alice.post(f"{ONE}/secrets", "add", form, client_id=client_id)
    new = copied(alice.see(answer, f"{ONE}/secrets"), "client_secret")
    app = App(alice.server, client_id, new)
    assert app.introspect("none") == {"active": False}
    app.secret = old
    for ahead, works in ((overlap - 1, True), (overlap, False)):
        alice.server.clock.time = START + ahead
        if works and overlap:
            assert app.introspect("none") == {"active": False}
        elif not works:
            with pytest.raises(OAuthError):
                app.introspect("none")


def test_a_form_for_a_secret_that_is_submitted_twice_makes_one(alice: Developer) -> None:
    client_id, _ = registered(alice)
    form = {"overlap": "0", "known": known(secrets_page(alice, client_id))}
    first = alice.see(alice.post(f"{ONE}/secrets", "add", form, client_id=client_id), f"{ONE}/secrets")
    again = alice.post(f"{ONE}/secrets", "add", form, client_id=client_id)
    assert isinstance(again, View)
    assert again.status == 409
    assert App(alice.server, client_id, copied(first, "client_secret")).introspect("none") == {"active": False}


def test_a_secret_is_ended_but_not_the_last(alice: Developer) -> None:
    client_id, _ = registered(alice)
    form = {"overlap": "3600", "known": known(secrets_page(alice, client_id))}
    alice.post(f"{ONE}/secrets", "add", form, client_id=client_id)
    first, second = known(secrets_page(alice, client_id)).split()
    assert isinstance(alice.post(f"{ONE}/secrets", "drop", {"secret": first}, client_id=client_id), GoTo)
    last = alice.post(f"{ONE}/secrets", "drop", {"secret": second}, client_id=client_id)
    assert isinstance(last, View)
    assert last.status == 409


def test_the_day_of_a_secrets_last_use_is_told(alice: Developer) -> None:
    client_id, secret = registered(alice)
    assert "Last used Never" in words(secrets_page(alice, client_id))
    App(alice.server, client_id, secret).introspect("none")
    assert "Last used Never" not in words(secrets_page(alice, client_id))


def test_secrets_and_the_end_of_an_app_take_a_sign_in_of_the_last_minutes(alice: Developer) -> None:
    client_id, _ = registered(alice)
    alice.server.clock.advance(FRESH)
    assert isinstance(alice.get(ONE, client_id=client_id), View)
    for route in (f"{ONE}/secrets", f"{ONE}/delete"):
        answer = alice.get(route, client_id=client_id)
        assert isinstance(answer, GoTo)
        assert answer.page == "login"


@pytest.mark.rfc("ASVS 5.0", "7.5.3")
def test_another_way_of_authenticating_is_no_way_around_that_sign_in(alice: Developer) -> None:
    """An app that had no secret gets one from its settings, which take no new sign-in for anything else."""
    settings = f"{ONE}/settings"
    client_id, secret = registered(alice)
    alice.server.clock.advance(FRESH)
    to_none = FORM | {"token_endpoint_auth_method": "none"}
    assert isinstance(alice.post(settings, "save", to_none, client_id=client_id), GoTo)
    answer = alice.post(settings, "save", FORM, client_id=client_id)
    assert isinstance(answer, GoTo), answer
    assert answer.page == "login"
    stored = alice.server.clients.get(client_id)
    assert stored
    assert not stored.secrets
    alice.sign_in()
    told = copied(alice.see(alice.post(settings, "save", FORM, client_id=client_id), settings), "client_secret")
    assert told != secret


# ------------------------------------------------------------------ ending


def test_an_app_is_deleted_by_its_name(alice: Developer) -> None:
    client_id, _ = registered(alice)
    wrong = alice.post(f"{ONE}/delete", "delete", {"name": "tea"}, client_id=client_id)
    assert isinstance(wrong, View)
    assert wrong.status == 400
    assert isinstance(alice.post(f"{ONE}/delete", "delete", {"name": "Tea planner"}, client_id=client_id), GoTo)
    assert alice.server.clients.get(client_id) is None


# ------------------------------------------------------------------ activity


def activity(developer: Developer, client_id: str) -> str:
    return words(developer.see(developer.get(f"{ONE}/activity", client_id=client_id), f"{ONE}/activity"))


def test_an_app_without_any_scope_is_shown_and_changed(alice: Developer) -> None:
    grants = ("authorization_code", "refresh_token")
    bare = client(
        client_id="bare",
        owner=user().sub,
        verification="test",
        scope=Scope(),
        default_scope=Scope(),
        grant_types=grants,
    )
    alice.server.clients.put(bare)
    assert "Nothing" in alice.see(alice.get(ONE, client_id="bare"), ONE)
    changed = alice.post(f"{ONE}/settings", "save", FORM | {"client_name": "Bare", "scope": ()}, client_id="bare")
    assert isinstance(changed, GoTo)
    assert changed.done == "saved"


def test_refusals_are_told_in_words_with_how_often_and_where_to_look(alice: Developer) -> None:
    client_id, _ = registered(alice)
    wrong = App(alice.server, client_id, "wrong")
    for reference in ("req-1", "req-2"):
        request = replace(wrong.request("authorization_code"), reference=reference)
        with pytest.raises(OAuthError):
            issue_token(request, wrong.services)
    told = activity(alice, client_id)
    assert "The client secret is wrong, or has ended." in told
    assert "2 times" in told
    assert "req-2" in told
    assert "req-1" not in told


def test_connections_are_counted_by_day(alice: Developer) -> None:
    server = alice.server
    server.clients.put(client(owner=alice.user.sub))
    app, browser = App(server), Browser(server)
    app.tokens()
    app.tokens()
    browser.code()  # never exchanged
    assert " 2 " in activity(alice, "web")


def test_nobody_is_noted_who_is_not_registered(alice: Developer) -> None:
    """All of them are one item together, so that they cost what a client does that there is, and nothing grows."""
    today = alice.server.clock() // 86_400 * 86_400
    for client_id in ("nobody", "nothing"):
        with pytest.raises(OAuthError):
            App(alice.server, client_id, "secret").introspect("none")
        with pytest.raises(OAuthError):
            Browser(alice.server).authorize(client_id=client_id)
        assert alice.server.journal.refusals(client_id, [today]) == ()
    assert sum(refusal.count for refusal in alice.server.journal.refusals("", [today])) == 4


def test_a_client_that_there_is_not_costs_the_calls_of_one_whose_secret_is_wrong(alice: Developer) -> None:
    def calls_of(client_id: str) -> Counter[str]:
        alice.server.calls.clear()
        with pytest.raises(OAuthError):
            App(alice.server, client_id, "not its secret").token("client_credentials")
        return Counter(alice.server.calls)

    client_id, _ = registered(alice)
    assert calls_of("nobody") == calls_of(client_id)


# ------------------------------------------------------------------ others, and what is hostile


def test_another_developers_app_is_not_there(alice: Developer, bob: Developer) -> None:
    """SECURITY.md row 77."""
    client_id, _ = registered(alice)
    before = alice.server.clients.get(client_id)
    for path, action, form in (
        ("", "", {}),
        ("/settings", "save", FORM | {"client_name": "Bob's now"}),
        ("/secrets", "add", {"overlap": "0", "known": ""}),
        ("/secrets", "drop", {"secret": "x"}),
        ("/activity", "", {}),
        ("/delete", "delete", {"name": "Tea planner"}),
    ):
        seen = bob.get(f"{ONE}{path}", client_id=client_id)
        assert isinstance(seen, View)
        assert (seen.status, seen.template) == (404, "missing")
        if action:
            answer = bob.post(f"{ONE}{path}", action, form, client_id=client_id)
            assert isinstance(answer, View)
            assert answer.status == 404
    assert alice.server.clients.get(client_id) == before
    assert "Tea planner" not in bob.see(bob.get("/developer"), "/developer")


@pytest.mark.parametrize(
    ("path", "action", "form"),
    [
        ("/developer/apps/new", "register", FORM),
        (f"{ONE}/settings", "save", FORM),
        (f"{ONE}/secrets", "add", {"overlap": "0"}),
        (f"{ONE}/secrets", "drop", {"secret": "x"}),
        (f"{ONE}/delete", "delete", {"name": "Tea planner"}),
    ],
)
def test_no_form_works_from_elsewhere(
    alice: Developer, bob: Developer, path: str, action: str, form: dict[str, Any]
) -> None:
    """Without its token, with one of another user, or with one of no session."""
    client_id, _ = registered(alice)
    before = alice.server.clients.get(client_id)
    for token in ("", "x", bob.csrf()):
        with pytest.raises(InvalidRequest):
            alice.post(path, action, form, csrf=token, **({"client_id": client_id} if "{" in path else {}))
    assert alice.server.clients.get(client_id) == before


def page_of(developer: Developer, route: str, client_id: str) -> str:
    answer = developer.get(route, client_id=client_id) if "{" in route else developer.get(route)
    return developer.see(answer, route)


def test_a_hostile_name_is_text_wherever_it_is_shown(alice: Developer) -> None:
    client_id, _ = registered(alice, client_name=HOSTILE)
    for route in ("/developer", ONE, *(f"{ONE}/{page}" for page in ("settings", "secrets", "activity", "delete"))):
        page = page_of(alice, route, client_id)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    "field", ["client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "redirect_uris", "contacts", "once"]
)
def test_whatever_is_entered_comes_back_as_text(alice: Developer, field: str) -> None:
    form = FORM | {"tos_uri": "wrong", field: HOSTILE}
    page = alice.see(alice.post("/developer/apps/new", "register", form), "/developer/apps/new")
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_page_is_light(alice: Developer) -> None:
    client_id, _ = registered(alice)
    for route in ("/developer", "/developer/scopes", "/developer/endpoints", ONE, f"{ONE}/settings", f"{ONE}/secrets"):
        page = page_of(alice, route, client_id)
        assert len(page.encode()) < 30_000, route


def test_an_app_that_signs_is_given_its_keys_and_has_no_secret(alice: Developer) -> None:
    alice.server.clients.put(client(client_id="held", owner=alice.user.sub))
    kept = {**FORM, "client_name": "Signs", "token_endpoint_auth_method": "private_key_jwt"}
    keys = json.dumps({"keys": [public_jwk("ES256", x5u="https://x.example")]})
    going = alice.post(f"{ONE}/settings", "save", {**kept, "jwks": keys}, client_id="held")
    assert isinstance(going, GoTo), alice.see(going, f"{ONE}/settings")
    stored = alice.server.clients.get("held")
    assert stored
    assert (stored.token_endpoint_auth_method, stored.secrets) == ("private_key_jwt", ())
    assert json.loads(stored.jwks) == {"keys": [public_jwk("ES256")]}
    page = alice.see(alice.get(f"{ONE}/settings", client_id="held"), f"{ONE}/settings")
    assert 'value="private_key_jwt" checked' in page
    assert public_jwk("ES256")["x"] in page
    assert f"{ONE}/secrets" not in alice.see(alice.get(ONE, client_id="held"), ONE)
    moved = {**kept, "jwks": "", "jwks_uri": "https://app.example/keys"}
    assert isinstance(alice.post(f"{ONE}/settings", "save", moved, client_id="held"), GoTo)
    stored = alice.server.clients.get("held")
    assert stored
    assert (stored.jwks, stored.jwks_uri) == ("", "https://app.example/keys")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "An app that signs needs its keys here"),
        ({"jwks": "{"}, "Enter a JWK set"),
        ({"jwks": "[]"}, "Enter a JWK set"),
        ({"jwks": '{"keys": 7}'}, "Enter a JWK set"),
        ({"jwks": '{"keys": [{"kty": "oct", "k": "AA"}]}'}, "There is a private key among these"),
        ({"jwks": '{"keys": [{"kty": "EC"}]}'}, "There is no key among these that we can use"),
        ({"jwks_uri": "http://app.example/keys"}, "Enter a full address that begins with https://"),
        ({"jwks_uri": "http://127.0.0.1/keys"}, "Enter a full address that begins with https://"),
    ],
)
def test_keys_that_cannot_be_used_are_told_in_words(keys: dict[str, str], said: str, alice: Developer) -> None:
    alice.server.clients.put(client(client_id="held", owner=alice.user.sub))
    form = {**FORM, "client_name": "Signs", "token_endpoint_auth_method": "private_key_jwt", **keys}
    page = alice.see(alice.post(f"{ONE}/settings", "save", form, client_id="held"), f"{ONE}/settings")
    assert said in page
    stored = alice.server.clients.get("held")
    assert stored
    assert stored.token_endpoint_auth_method == "client_secret_basic"


def test_other_keys_need_a_sign_in_that_is_fresh(alice: Developer) -> None:
    alice.server.clients.put(client(client_id="held", owner=alice.user.sub))
    alice.server.clock.advance(FRESH + 1)
    form = {**FORM, "client_name": "Signs", "jwks_uri": "https://app.example/keys"}
    going = alice.post(f"{ONE}/settings", "save", form, client_id="held")
    assert isinstance(going, GoTo)
    assert going.page == "login"
    stored = alice.server.clients.get("held")
    assert stored
    assert stored.jwks_uri == ""
