"""Every file in `events/` does, with its function, what its name says."""

import json
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import pytest

from authserver.identity.begin import key_text
from tests.functions.canary_flows import canary
from tests.functions.flowing import authorizing_devices, sending_mails
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import Browser, hidden_fields, native, web
from tests.functions.mail_flows import forget
from tests.functions.organisation_flows import administered_by_alice
from tests.functions.sealing_flows import sealer
from tests.functions.world import ROOT, World

EVENTS = ROOT / "events"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
FILES = sorted(EVENTS.glob("*/*.json"))

# The status, and a piece of what is said; for the authorizer, its decision.
EXPECTED: dict[str, tuple[int, str]] = {
    "authorize/begin": (303, "login?request=rq_"),
    "authorize/begin_by_post": (303, "login?request=rq_"),
    "authorize/with_session": (303, "https://app.example.com/callback?code=ac_"),
    "authorize/prompt_none": (303, "http://127.0.0.1:8080/callback?error=login_required"),
    "authorize/client_unknown": (400, "not registered"),
    "authorize/redirect_uri_unknown": (400, "redirect_uri is not registered"),
    "login/show": (200, 'name="password"'),
    "login/sign_in": (303, "consent?request=rq_"),
    "login/another_account": (200, 'name="password"'),
    "login/cancel": (303, "http://127.0.0.1:8080/callback?error=access_denied"),
    "login/wrong_password": (401, "not correct"),
    "login/request_expired": (400, "expired"),
    "login/code_before_password": (303, "../login?request=rq_"),
    "login/passkey_refused": (401, "did not sign you in"),
    "logout/ask": (200, "Do you want to sign out?"),
    "logout/ask_for_a_client": (200, "Demo single-page and native app"),
    "logout/by_id_token": (303, "http://127.0.0.1:8080/signed-out?state=xyz"),
    "logout/nobody_signed_in": (200, "You are signed out"),
    "logout/redirect_uri_unknown": (400, "post_logout_redirect_uri is not registered"),
    "logout/form_of_a_client": (303, "logout?client_id=demo-app&state=xyz"),
    "logout/sign_out": (200, "You are signed out"),
    "logout/csrf_wrong": (400, "expired"),
    "authority/authority": (200, "/auth/login?continue={{url}}"),
    "authority/sign_in_first": (303, "../login?request=rq_"),
    "authority/continue_elsewhere": (400, "continue is not an address"),
    "authority/webfinger": (200, "http://openid.net/specs/connect/1.0/issuer"),
    "authority/token_info_without_token": (401, "An access token is required"),
    "federate/provider_unknown": (404, "no such way"),
    "federate/domain_unknown": (404, "No organisation is known"),
    "federate/csrf_missing": (400, "expired"),
    "federate/method_put": (405, "does not support"),
    "federate/callback_state_garbage": (400, "expired"),
    "federate/callback_method_post": (405, "does not support"),
    "consent/show": (200, 'name="decision"'),
    "consent/allow": (303, "http://127.0.0.1:8080/callback?code=ac_"),
    "consent/deny": (303, "http://127.0.0.1:8080/callback?error=access_denied"),
    "consent/csrf_missing": (400, "expired"),
    "developer/sign_in_first": (303, "login?request=rq_"),
    "developer/list_apps": (200, "Register an app"),
    "developer/register_app": (303, "developer/apps/"),
    "developer/app_of_another": (404, ""),
    "developer/list_endpoints": (200, "/authorize"),
    "my/sign_in_first": (303, "login?request=rq_"),
    "organisations/sign_in_first": (303, "login?request=rq_"),
    "organisations/list_organisations": (200, "Acme"),
    "organisations/list_members": (200, "Alice Liddell"),
    "organisations/invite": (303, "organisations/acme/members?done=invited"),
    "organisations/unknown": (404, ""),
    "my/security": (200, "Authenticator app"),
    "my/password_csrf_missing": (400, "expired"),
    "my/overview": (200, "Alice"),
    "my/list_apps": (200, "Demo single-page and native app"),
    "my/show_app": (200, "What it may do"),
    "my/app_unknown": (404, ""),
    "my/disconnect_app": (303, "my/apps?done=disconnected"),
    "my/disconnect_csrf_missing": (400, "expired"),
    "my/list_sessions": (200, "This browser"),
    "my/end_other_sessions": (303, "my/sessions?done=others-ended"),
    "my/list_activity": (200, "Signed in"),
    "my/show_profile": (200, "alice@example.com"),
    "my/rename": (303, "my/profile?done=renamed"),
    "my/show_email": (200, "sends no mail"),
    "my/show_delete": (200, "You are the last administrator of Acme"),
    "my/export": (200, '"username": "alice"'),
    "token/client_credentials": (200, '"access_token"'),
    "token/authorization_code": (200, '"refresh_token"'),
    "token/refresh_token": (200, '"refresh_token"'),
    "token/code_garbage": (400, '"invalid_grant"'),
    "token/secret_wrong": (401, '"invalid_client"'),
    "token/grant_type_missing": (400, '"invalid_request"'),
    "token/method_get": (405, '"invalid_request"'),
    "token/preflight": (204, ""),
    "token/json": (400, '"invalid_request"'),
    "refresh/refresh_token": (200, '"refresh_token"'),
    "refresh/token_garbage": (400, '"invalid_grant"'),
    "refresh/other_grant": (400, '"unsupported_grant_type"'),
    "revoke/refresh_token": (200, "{}"),
    "revoke/token_unknown": (200, "{}"),
    "revoke/client_missing": (401, '"invalid_client"'),
    "introspect/access_token": (200, '"active": true'),
    "introspect/token_unknown": (200, '{"active": false}'),
    "introspect/client_public": (401, '"invalid_client"'),
    "metadata/openid_configuration": (200, '"issuer"'),
    "metadata/oauth_authorization_server": (200, '"issuer"'),
    "metadata/oauth_protected_resource": (200, '"resource": "https://'),
    "metadata/oauth_protected_resource_of_another": (404, "not_found"),
    "metadata/resource_metadata": (200, '"resource": "https://'),
    "metadata/jwks": (200, '"keys"'),
    "metadata/path_of_no_issuer": (404, "not_found"),
    "metadata/method_post": (405, '"invalid_request"'),
    "userinfo/get": (200, '"preferred_username": "alice"'),
    "userinfo/post_form": (200, '"preferred_username": "alice"'),
    "userinfo/token_missing": (401, "An access token is required"),
    "userinfo/token_garbage": (401, '"invalid_token"'),
    "userinfo/token_twice": (400, '"invalid_request"'),
    "userinfo/resource_api": (200, '"preferred_username": "alice"'),
    "userinfo/resource_api_user_unknown": (401, '"invalid_token"'),
    "userinfo/resource_api_without_authorizer": (401, "An access token is required"),
    "admin/list_clients": (200, '"client_id": "demo-web"'),
    "admin/create_client": (201, '"client_secret"'),
    "admin/create_client_refused": (400, '"redirect_uris.0"'),
    "admin/get_client": (200, '"client_id": "demo-web"'),
    "admin/patch_client": (200, '"client_name": "Renamed"'),
    "admin/delete_client": (204, ""),
    "admin/create_secret": (201, '"client_secret"'),
    "admin/create_initial_access_token": (201, '"initial_access_token"'),
    "partner/list_apps": (200, '"items": []'),
    "partner/create_app": (201, '"verification": "test"'),
    "partner/create_app_refused": (400, "that only an operator gives"),
    "partner/app_of_another": (404, "no such client"),
    "partner/without_a_user": (403, "of a user"),
    "register/register": (403, '"access_denied"'),
    "register/read": (403, '"access_denied"'),
    "register/preflight": (204, ""),
    "admin/list_users": (200, '"username": "alice"'),
    "admin/list_erasures": (200, '"items": []'),
    "admin/create_user": (201, '"username": "carol"'),
    "admin/create_user_refused": (400, '"password"'),
    "admin/get_user": (200, '"username": "alice"'),
    "admin/disable_user": (200, '"status": "disabled"'),
    "admin/set_password": (204, ""),
    "admin/delete_user": (204, ""),
    "admin/create_organisation": (201, '"i1": "Initech One"'),
    "admin/put_scope": (200, '"name": "orders"'),
    "admin/put_scope_built_in": (409, "built_in"),
    "admin/put_theme": (200, '"name": "Wonderland"'),
    "admin/put_theme_refused": (400, "link text #ffd400"),
    "admin/list_authorizations": (200, '"client_id": "demo-app"'),
    "admin/revoke_authorizations": (204, ""),
    "admin/list_keys": (200, '"ring": "ES256"'),
    "admin/list_audit": (200, '"items": ['),
    "admin/rotate_keys": (200, '"rotated"'),
    "admin/create_identity_provider": (201, '"has_client_secret": true'),
    "admin/link_identity": (201, '"subject": "alice-there"'),
    "admin/openapi": (200, '"openapi": "3.1'),
    "admin/without_authorizer": (401, "invalid_token"),
    "account/get_profile": (200, '"username": "alice"'),
    "account/change_profile": (200, '"name": "Alice Pleasance"'),
    "account/change_profile_refused": (400, '"operator"'),
    "account/list_applications": (200, '"client_id": "demo-app"'),
    "account/disconnect_application": (204, ""),
    "account/list_sessions": (200, '"since"'),
    "account/end_sessions": (204, ""),
    "account/list_organisations": (200, '"name": "Acme"'),
    "account/organisation_unknown": (404, "not_found"),
    "account/token_of_a_client": (403, "no_user"),
    "account/without_authorizer": (401, "invalid_token"),
    "example_resource/me": (200, '"sub": "248289761001"'),
    "example_resource/list_items": (200, "a first item"),
    "example_resource/add_item": (200, "a third item"),
    "example_resource/add_nothing": (400, '"invalid_request"'),
    "example_resource/without_authorizer": (401, '"invalid_token"'),
}
DECISIONS = {
    "authorizer/rest_request": "Allow",
    "authorizer/rest_request_scope_missing": "Deny",
    "authorizer/rest_request_garbage": "Unauthorized",
    "authorizer/rest_request_no_token": "Unauthorized",
    "authorizer/rest_token": "Allow",
    "authorizer/rest_token_garbage": "Unauthorized",
    "authorizer/http_simple": "True",
    "authorizer/http_simple_garbage": "False",
}
# Where mails are sent.
MAILED: dict[str, tuple[int, str]] = {
    "recover/ask": (200, 'name="username"'),
    "recover/order": (303, "recover?done=sent"),
    "recover/name_missing": (400, "Enter your email address or username"),
    "recover/open": (200, 'name="password"'),
    "recover/set_password": (303, "../recover?done=password"),
    "recover/garbage": (400, "no longer works"),
    "recover/confirm_garbage": (400, "no longer works"),
}
ORDERS = {
    "mail/password_reset": ["Set a new password at Authserver"],
    "mail/password_changed": ["Your password at Authserver was changed"],
    "mail/nobody": [],
    "mail/malformed": [],
}
SCHEDULED = {"rotate_keys/daily", "rotate_keys/invoked_by_hand"}
# How many erasures are finished.
FETCHES = {"documents/key_set": "address", "documents/metadata": "not_admitted"}
LOOKS = "canary/each_minute"
PUBLISHED = "publish/user_disabled"
DELIVERED = "deliver/message"
SEALS = ("seal/batch", "seal/daily")
ERASURES = {"erase/hourly": 1, "erase/ordered": 1, "erase/nobody": 0}


# Where devices are authorized; elsewhere there is nothing at these addresses.
OF_DEVICES: dict[str, tuple[int, str]] = {
    "device/ask": (200, 'name="user_code"'),
    "device/code_wrong": (400, "This code is not correct"),
    "device_authorization/begin": (200, '"device_code": "dc_'),
    "device_authorization/grant_not_registered": (400, "unauthorized_client"),
    "device_authorization/method_get": (405, "does not support"),
}


def case(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@cache
def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def lived(shared_world: World) -> tuple[dict[str, str], dict[str, Any]]:
    """What people and clients hold in the middle of their flows, and the tables at that moment."""
    shared_world.reset()
    values = live(shared_world)
    return values, shared_world.aws.snapshot()


@pytest.fixture
def here(lived: tuple[dict[str, str], dict[str, Any]], world: World) -> tuple[World, dict[str, str]]:
    """The world at that moment."""
    values, snapshot = lived
    world.restore(snapshot)
    return world, values


def filled_in(name: str, world: World, values: dict[str, str]) -> Any:
    """The event with every placeholder replaced by something that is live now."""
    text = text_of(EVENTS / f"{name}.json")
    here = text.replace("da483cc07b.execute-api.eu-central-1.amazonaws.com", world.domain)
    here = here.replace("https://5a1b2c3d4e.execute-api.eu-central-1.amazonaws.com/v1", world.resource)
    here = here.replace("5a1b2c3d4e", world.resource.removeprefix("https://").partition(".")[0])
    filled = Template(here).safe_substitute(values)  # there is a "$default" that is none of ours
    assert "${" not in filled
    return json.loads(filled)


def live(world: World) -> dict[str, str]:
    administered_by_alice(world)
    gateway = Gateway(world)
    app, browser = native(gateway), Browser(gateway)
    app.verifier = VERIFIER
    tokens = app.tokens(browser)
    started = browser.authorize(app.request(prompt="login consent"))
    request = started.location.partition("request=")[2]
    cookie, browser_secret = started.cookies[0].partition(";")[0].split("=", 1)
    login = hidden_fields(browser.follow(started))["csrf"]
    signed_in = Browser(gateway)
    signed_in.cookies = browser.cookies
    values = {
        "REQUEST": request,
        "REQUEST_COOKIE": cookie,
        "BROWSER_SECRET": browser_secret,
        "LOGIN_CSRF": login,
        "ACCESS_TOKEN": tokens["access_token"],
        "REFRESH_TOKEN": tokens["refresh_token"],
        "ID_TOKEN": tokens["id_token"],
        "WEB_ACCESS_TOKEN": web(gateway).tokens()["access_token"],
        "CODE": browser.go_through(app.request())["code"],
        "SUBJECT": gateway.call("GET", "/me", f"Bearer {tokens['access_token']}").json()["sub"],
    }
    values["SUBJECT_KEY"] = key_text(values["SUBJECT"])
    return values | _consent_of(browser, app.request(), values)


def _consent_of(browser: Browser, parameters: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """Another pending request, one that has come as far as its consent page, for the files that are about that."""
    started = browser.authorize(parameters)
    page = browser.follow(started)
    assert 'name="decision"' in page.body
    cookie, browser_secret = started.cookies[0].partition(";")[0].split("=", 1)
    fields = hidden_fields(page)
    return {
        "CONSENT_REQUEST": fields["request"],
        "CONSENT_COOKIE": cookie,
        "CONSENT_BROWSER_SECRET": browser_secret,
        "CONSENT_CSRF": fields["csrf"],
        "CONSENT_SHOWN": fields["shown"],
        "SESSION": browser.cookies["__Host-session"],
        "MY_CSRF": hidden_fields(browser.send("GET", "/my/profile"))["csrf"],
        "LOGOUT_CSRF": hidden_fields(browser.send("GET", "/logout"))["csrf"],
    }


def test_every_file_is_expected_to_do_something() -> None:
    assert {case(file) for file in FILES} == {
        *EXPECTED,
        *MAILED,
        *OF_DEVICES,
        *ORDERS,
        *DECISIONS,
        *SCHEDULED,
        LOOKS,
        *ERASURES,
        *SEALS,
        *FETCHES,
        PUBLISHED,
        DELIVERED,
    }


def spaced(body: str) -> str:
    """JSON, which the protocol's endpoints write without blanks and the others with them, in one form."""
    return json.dumps(json.loads(body)) if body.startswith("{") else body


@pytest.mark.parametrize("name", EXPECTED)
def test_event_is_answered(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    event = filled_in(name, world, values)
    answer = Answer.of(world.invoke(name.partition("/")[0], event))
    status, said = EXPECTED[name]
    assert answer.status == status, answer
    assert said in (answer.headers.get("location") or spaced(answer.body))


@pytest.mark.parametrize("name", FETCHES)
def test_order_to_fetch_is_answered_with_what_went_wrong(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    assert world.invoke("documents", filled_in(name, world, values)) == {"error": FETCHES[name]}


@pytest.mark.parametrize("name", MAILED)
def test_event_is_answered_where_mails_are_sent(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    with sending_mails(world):
        link = forget(world).removeprefix("/recover/")
        answer = Answer.of(world.invoke(name.partition("/")[0], filled_in(name, world, values | {"LINK": link})))
    status, said = MAILED[name]
    assert answer.status == status, answer
    assert said in (answer.headers.get("location") or answer.body)


@pytest.mark.parametrize("name", OF_DEVICES)
def test_event_is_answered_where_devices_are_authorized(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    event = filled_in(name, world, values)
    with authorizing_devices(world):
        answer = Answer.of(world.invoke(name.partition("/")[0], event))
    status, said = OF_DEVICES[name]
    assert answer.status == status, answer
    assert said in spaced(answer.body)
    off = Answer.of(world.invoke(name.partition("/")[0], event))
    assert off.status == (405 if status == 405 else 404)


@pytest.mark.parametrize("name", ORDERS)
def test_order_is_carried_out(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    with sending_mails(world):
        world.invoke("mail", filled_in(name, world, values))
    assert [mail["Content"]["Simple"]["Subject"]["Data"] for mail in world.aws.mails] == ORDERS[name]


@pytest.mark.parametrize("name", DECISIONS)
def test_authorizer_event_is_decided(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    event = filled_in(name, world, values)
    with world.using(authorizer=world.load("authorizer", TokenAuthorizers="NoTenants")):
        if DECISIONS[name] == "Unauthorized":
            with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
                world.invoke("authorizer", event)
            return
        answer = world.invoke("authorizer", event)
    decision = (
        answer["isAuthorized"] if "isAuthorized" in answer else answer["policyDocument"]["Statement"][0]["Effect"]
    )
    assert str(decision) == DECISIONS[name]


@pytest.mark.parametrize("name", sorted(SCHEDULED))
def test_scheduled_event_rotates_what_is_due(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    world.clock.pass_by(91 * 86400)
    answer = world.invoke("rotate_keys", filled_in(name, world, values))
    assert sorted(answer["rotated"]) == ["ES256", "RS256", "access_token", "token"]


def test_the_canary_looks_each_minute(here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    with canary(world):
        assert world.invoke("canary", filled_in(LOOKS, world, values)) == {"seen": "ok"}


def test_a_change_is_published(here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    assert world.invoke("publish", filled_in(PUBLISHED, world, values)) == {"batchItemFailures": [], "notMade": 0}
    (entry,) = world.aws.events
    assert (entry["DetailType"], entry["EventBusName"]) == ("user.disabled", "default")


def test_a_message_to_a_webhook_that_is_no_more_is_dropped(here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    assert world.invoke("deliver", filled_in(DELIVERED, world, values)) == {"batchItemFailures": []}
    assert world.aws.sent == []


@pytest.mark.parametrize("name", SEALS)
def test_the_audit_is_sealed(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    with sealer(world):
        world.invoke("seal", filled_in("seal/batch", world, values))
        answer = world.invoke("seal", filled_in(name, world, values))
    if isinstance(answer, dict):
        assert answer == {"batchItemFailures": []}
    else:
        assert [set(one) for one in answer] == [{"day", "digest", "heads"}] * 3


@pytest.mark.parametrize("name", ERASURES)
def test_what_a_deletion_left_is_erased(name: str, here: tuple[World, dict[str, str]]) -> None:
    world, values = here
    world.invoke("admin", filled_in("admin/delete_user", world, values))
    world.clock.pass_by(1000)
    answer = world.invoke("erase", filled_in(name, world, values))
    assert answer["finished"] == ERASURES[name]


@pytest.mark.parametrize("name", sorted({*EXPECTED, *MAILED, *DECISIONS}))
def test_no_event_names_its_own_function_wrongly(name: str) -> None:
    event = json.loads(text_of(EVENTS / f"{name}.json"))
    assert "requestContext" in event or event["type"] == "TOKEN"
