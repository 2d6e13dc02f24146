"""PlaceOS: a smart building's applications reach its API, with users of its own and of its tenants."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from examples.walk import Application, Person, Site, answer_of, answered, hidden, require

FOLDER = Path(__file__).parent
FOURTEEN_DAYS = 1_209_600
SYSTEMS = "/control/systems"
PASSWORDS = {"sam": "sam-runs-the-building", "signage": "signage-is-a-service-account", "ada": "ada-works-at-acme"}


def walk(site: Site) -> None:
    """The story, from an empty deployment to sessions that ended."""
    operator = _operator(site)
    _store_scopes(site, operator)
    applications = _register(site, operator)
    tokens = _authorization_code(site, applications.staff)
    _deny(site, applications.staff)
    _present(site, tokens["access_token"])
    _scopes(site, applications.staff)
    _implicit(site, applications.map)
    signage = _password(site, applications.signage)
    _sign_in_at_the_tenant(site, operator, applications)
    tokens = _refresh(site, applications.staff, tokens)
    _revoke(site, applications.staff, tokens)
    _disable_application(site, operator, applications.staff)
    _disable_user(site, operator, applications.signage, signage)


@dataclass(frozen=True)
class Applications:
    """What is registered in the second step."""

    staff: Application  # with a back end: authorization code
    map: Application  # in the browser alone: implicit
    signage: Application  # a server: password


# ------------------------------------------------------------------ what is configured


def _operator(site: Site) -> str:
    """The operator's access token, by client credentials."""
    client = Application(site, "backoffice", "backoffice-secret-for-development-only")
    return str(client.token(grant_type="client_credentials")["access_token"])


def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def _store_scopes(site: Site, operator: str) -> None:
    site.step("An operator stores the scopes: control implies control.read and control.write")
    for name, definition in _read("scopes.json").items():
        site.api("PUT", f"/admin/scopes/{name}", operator, document=definition, expect=(200, 201))
    metadata = site.http.get(f"{site.issuer}/.well-known/openid-configuration").json()
    site.show(f"The metadata offers {' '.join(metadata['scopes_supported'])}")
    require({"control", "control.read", "control.write"} <= {*metadata["scopes_supported"]}, "scopes are advertised")


def _register(site: Site, operator: str) -> Applications:
    site.step("An operator registers three applications")
    found = {}
    for name, metadata in _read("applications.json").items():
        told = site.api("POST", "/admin/clients", operator, document=metadata, expect=201)
        secret, uris = told.get("client_secret", ""), told.get("redirect_uris", [])
        site.show(f"{told['client_name']}: client_id {told['client_id']}, {'a secret' if secret else 'no secret'},")
        site.show(f"  redirect_uri {uris[0] if uris else 'none'}, {' '.join(told['grant_types'])}")
        found[name] = Application(site, told["client_id"], secret, "".join(uris), told["scope"])
    require(not found["signage"].redirect_uri, "the password grant needs no redirect URI")
    return Applications(**found)


# ------------------------------------------------------------------ how an application gets a token


def _authorization_code(site: Site, staff: Application) -> dict[str, Any]:
    site.step("Authorization code: Sam signs in and allows the staff app, whose back end exchanges the code")
    sam = _person(site, "sam")
    request = staff.request(scope="openid control", nonce=secrets.token_urlsafe(8))
    page = sam.to_consent(request)
    require("See and control rooms" in page.text, "the consent page says what control means")
    answer = answer_of(sam.decide(page))
    _require_state(answer, request)
    site.show(f"{staff.redirect_uri}?code={_short(answer['code'])}&state={answer['state']}")
    tokens = staff.exchange(answer)
    site.show(f"{_told(tokens)}, scope {tokens['scope']!r}")
    require(tokens["expires_in"] == FOURTEEN_DAYS, f"an access token lives 14 days, not {tokens['expires_in']} seconds")
    claims = _claims(staff, tokens["id_token"])
    require(claims["nonce"] == request["nonce"], "the ID token has the request's nonce")
    return tokens


def _deny(site: Site, staff: Application) -> None:
    site.step("Sam does not have to: who denies sends the application away without a token")
    sam = _person(site, "sam")
    request = staff.request(scope="profile", prompt="consent")
    answer = answer_of(sam.decide(sam.to_consent(request), "deny"))
    _require_state(answer, request)
    site.show(f"error={answer['error']}&state={answer['state']}")
    require(answer["error"] == "access_denied" and "code" not in answer, f"the answer is {answer}")


def _implicit(site: Site, application: Application) -> None:
    site.step("Implicit: the map, a page without a back end, gets its token in the fragment")
    sam = _person(site, "sam")
    expected = {
        "token": {"access_token", "token_type", "expires_in", "scope", "state", "iss"},
        "id_token": {"id_token", "state", "iss"},
        "id_token token": {"access_token", "id_token", "token_type", "expires_in", "scope", "state", "iss"},
    }
    for response_type, names in expected.items():
        request = _implicit_request(application, response_type)
        response = sam.to_consent(request)
        response = response if response.is_redirect else sam.decide(response)
        location = urlsplit(response.headers["location"])
        answer = answer_of(response)
        _require_state(answer, request)
        site.show(f"{response_type}: {location.scheme}://{location.netloc}{location.path}#{', '.join(sorted(answer))}")
        require(not location.query and answer.keys() == names, f"{response_type} gives {sorted(answer)}")
        if "id_token" in answer:
            claims = _claims(application, answer["id_token"])
            require(claims["nonce"] == request["nonce"], "the ID token has the request's nonce")
            require(("at_hash" in claims) == ("access_token" in answer), "at_hash binds ID token and access token")
        if "access_token" in answer:
            require(answer["expires_in"] == str(FOURTEEN_DAYS), "an access token lives 14 days")
            site.api("GET", SYSTEMS, answer["access_token"])


def _implicit_request(application: Application, response_type: str) -> dict[str, str]:
    """An authorization request without PKCE: there is no code to protect."""
    scope = "control.read" if response_type == "token" else "openid profile control.read"
    nonce = secrets.token_urlsafe(8)
    return application.request(
        response_type=response_type, scope=scope, nonce=nonce, code_challenge="", code_challenge_method=""
    )


def _password(site: Site, signage: Application) -> dict[str, Any]:
    site.step("Password: a server that is trusted with both secrets exchanges them for a token in one request")
    form = {"grant_type": "password", "username": "signage", "password": PASSWORDS["signage"], "scope": "control"}
    tokens = signage.token(**form)
    site.show(f"{_told(tokens)}, scope {tokens['scope']!r}")
    require(tokens["expires_in"] == FOURTEEN_DAYS, "an access token lives 14 days")
    site.api("GET", SYSTEMS, tokens["access_token"])
    wrong = signage.post("/token", **{**form, "password": "guessed"})
    unknown = signage.post("/token", **{**form, "username": "nobody"})
    site.show(
        f"A wrong password and an unknown user: {wrong.status_code} {wrong.json()['error']}, word for word the same"
    )
    require((wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant"), f"the answer is {answered(wrong)}")
    require(
        (unknown.status_code, unknown.text) == (wrong.status_code, wrong.text), "the answer hides which names exist"
    )
    return tokens


# ------------------------------------------------------------------ a tenant's own identity provider


def _sign_in_at_the_tenant(site: Site, operator: str, applications: Applications) -> None:
    site.step("Ada of Acme types her work e-mail, signs in at Acme, and has an account from then on")
    before = _users(site, operator)
    ada = _person(site, "ada")
    staff = applications.staff
    consent = _through_acme(ada, staff.request(scope="openid email control.read", nonce=secrets.token_urlsafe(8)))
    tokens = staff.exchange(answer_of(ada.decide(consent)))
    subject = _claims(staff, tokens["id_token"])["sub"]
    (account,) = [user for user in _users(site, operator) if user not in before]
    site.show(f"A new account: {account['name']}, {account['email']}, without a password here")
    require((account["sub"], account["email"]) == (subject, "ada@acme.example"), f"the account is {account}")
    site.api("GET", SYSTEMS, tokens["access_token"])

    elsewhere = _person(site, "ada")
    consent = _through_acme(elsewhere, _implicit_request(applications.map, "id_token token"))
    answer = answer_of(elsewhere.decide(consent))
    site.show("In another browser, with the implicit grant: the same account, and no application saw her password")
    require(_claims(applications.map, answer["id_token"])["sub"] == subject, "the same person has the same account")
    require(len(_users(site, operator)) == len(before) + 1, "an account is made once")


def _through_acme(person: Person, request: Mapping[str, str]) -> httpx.Response:
    """Signs in at the tenant's provider; the consent page of the site."""
    page = person.opens(request)
    require('name="by" value="email"' in page.text, "the sign-in page takes the work e-mail")
    unknown = person.post("federate", {**hidden(page), "username": "eve@elsewhere.example", "by": "email"})
    require(unknown.status_code == 404, "an unknown domain leads nowhere")
    upstream = person.follow(person.post("federate", {**hidden(page), "username": "ada@acme.example", "by": "email"}))
    require(
        str(upstream.url).startswith(person.site.upstream), f"the browser is at {upstream.url.copy_with(query=None)}"
    )
    consent = person.sign_in(upstream)
    if str(consent.url).startswith(person.site.upstream):  # Acme asks once, and remembers
        consent = person.follow(person.decide(consent))
    require(str(consent.url).startswith(person.site.issuer), f"Acme says {answered(consent)}")
    return consent


def _users(site: Site, operator: str) -> list[dict[str, Any]]:
    users: list[dict[str, Any]] = site.api("GET", "/admin/users", operator)["items"]
    return users


# ------------------------------------------------------------------ how a token is used


def _present(site: Site, token: str) -> None:
    site.step("A token accompanies each call: in the Authorization header, or as bearer_token in the query, never both")
    url, header, query = f"{site.resource}{SYSTEMS}", {"Authorization": f"bearer {token}"}, {"bearer_token": token}
    answers = {
        "Authorization: bearer …": site.http.get(url, headers=header),
        "?bearer_token=…": site.http.get(url, params=query),
        "both": site.http.get(url, headers=header, params=query),
        "neither": site.http.get(url),
    }
    for name, answer in answers.items():
        error = re.search(r'error="(\w+)"', answer.headers.get("www-authenticate", ""))
        site.show(f"{name}  →  {answer.status_code}{f' {error[1]}' if error else ''}")
    statuses = [answer.status_code for answer in answers.values()]
    require(statuses == [200, 200, 403, 401], f"the answers are {statuses}")


def _scopes(site: Site, staff: Application) -> None:
    site.step("Scopes: control.read reads, control.write writes, control does both")
    for scope, reads, writes in (("control.read", 200, 403), ("control.write", 403, 201), ("control", 200, 201)):
        tokens = staff.exchange(_person(site, "sam").connects(staff.request(scope=scope)))
        site.show(f"With {tokens['scope']}:")
        require(tokens["scope"] == scope, f"granted was {tokens['scope']}")
        site.api("GET", SYSTEMS, tokens["access_token"], expect=reads)
        site.api("POST", SYSTEMS, tokens["access_token"], document={"name": "Meeting room 3.14"}, expect=writes)


# ------------------------------------------------------------------ how a session goes on, and ends


def _refresh(site: Site, staff: Application, tokens: Mapping[str, Any]) -> dict[str, Any]:
    site.step("The staff app renews its session at any time, with the refresh token")
    renewed = staff.refresh(tokens["refresh_token"])
    site.show(_told(renewed))
    require(renewed["expires_in"] == FOURTEEN_DAYS, "the session is extended by another 14 days")
    site.api("GET", SYSTEMS, renewed["access_token"])
    return renewed


def _revoke(site: Site, staff: Application, tokens: Mapping[str, Any]) -> None:
    site.step("The staff app revokes: an access token alone, then the whole session; both at once everywhere")
    _require_active(staff, tokens["access_token"], active=True)
    staff.post("/revoke", token=tokens["access_token"])
    site.show("Revoked the access token")
    _require_active(staff, tokens["access_token"], active=False)

    renewed = staff.refresh(tokens["refresh_token"])
    _require_active(staff, renewed["access_token"], active=True)
    staff.post("/revoke", token=renewed["refresh_token"])
    site.show("Revoked the refresh token")
    _require_active(staff, renewed["access_token"], active=False)
    _require_refresh_refused(staff, renewed["refresh_token"], "invalid_grant")


def _disable_application(site: Site, operator: str, staff: Application) -> None:
    site.step("An operator disables the staff app: what it holds is dead at once")
    tokens = staff.exchange(_person(site, "sam").connects(staff.request(scope="control")))
    site.api("GET", SYSTEMS, tokens["access_token"])
    _set_status(site, operator, f"/admin/clients/{staff.client_id}", "disabled")
    site.api("GET", SYSTEMS, tokens["access_token"], expect=401)
    _require_refresh_refused(staff, tokens["refresh_token"], "invalid_client")
    page = _person(site, "sam").opens(staff.request())
    site.show(f"Its link shows an error page  →  {page.status_code}")
    require(page.status_code == 400 and not page.is_redirect, "a disabled application refuses every sign-in")

    _set_status(site, operator, f"/admin/clients/{staff.client_id}", "active")
    _require_refresh_refused(staff, tokens["refresh_token"], "invalid_grant")
    time.sleep(1)  # what is issued in the very second of the change does not stand either
    tokens = staff.exchange(_person(site, "sam").connects(staff.request(scope="control")))
    site.show("Enabled again: what it held stays dead, and Sam signs in anew")
    site.api("GET", SYSTEMS, tokens["access_token"])


def _disable_user(site: Site, operator: str, signage: Application, tokens: Mapping[str, Any]) -> None:
    site.step("An operator disables a user: that user's tokens stop working at once")
    (user,) = [user for user in _users(site, operator) if user["username"] == "signage"]
    site.api("GET", SYSTEMS, tokens["access_token"])
    _set_status(site, operator, f"/admin/users/{user['sub']}", "disabled")
    _require_active(signage, tokens["access_token"], active=False)
    _require_refresh_refused(signage, tokens["refresh_token"], "invalid_grant")
    refused = signage.post("/token", grant_type="password", username="signage", password=PASSWORDS["signage"])
    site.show(f"The password grant  →  {refused.status_code} {refused.json()['error']}")
    require(refused.json()["error"] == "invalid_grant", "a disabled user does not sign in")


def _set_status(site: Site, operator: str, path: str, status: str) -> None:
    told = site.api("PATCH", path, operator, document={"status": status})
    require(told["status"] == status, f"the status is {told['status']}")


def _require_active(application: Application, token: str, *, active: bool) -> None:
    """The authorizer and introspection agree."""
    application.site.api("GET", SYSTEMS, token, expect=200 if active else 401)
    told = application.post("/introspect", token=token).json()
    application.site.show(f"POST /introspect  →  active {json.dumps(told['active'])}")
    require(told["active"] is active, f"introspection says {told}")


def _require_refresh_refused(application: Application, refresh_token: str, error: str) -> None:
    refused = application.post("/token", grant_type="refresh_token", refresh_token=refresh_token)
    application.site.show(f"POST /token, to refresh  →  {refused.status_code} {refused.json()['error']}")
    require(refused.json()["error"] == error, f"the error is {refused.json()}")


# ------------------------------------------------------------------ what steps share


def _person(site: Site, username: str) -> Person:
    """A user with a browser that was never here."""
    return Person(site, username, PASSWORDS[username])


def _require_state(answer: Mapping[str, str], request: Mapping[str, str]) -> None:
    """What an application must check before it does anything with an answer."""
    require(answer.get("state") == request["state"], "the state is the request's")


def _claims(application: Application, id_token: str) -> dict[str, Any]:
    """The claims of an ID token, verified as an application has to."""
    site = application.site
    metadata = site.http.get(f"{site.issuer}/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(site.http.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(id_token)["kid"]]
    claims: dict[str, Any] = jwt.decode(id_token, key, audience=application.client_id, issuer=site.issuer)
    return claims


def _told(tokens: Mapping[str, Any]) -> str:
    """A token response, without its secrets."""
    with_refresh = ", a refresh token" if "refresh_token" in tokens else ""
    days = tokens["expires_in"] // 86_400
    return (
        f"access token {_short(tokens['access_token'])}, expires_in {tokens['expires_in']} ({days} days){with_refresh}"
    )


def _short(token: str) -> str:
    return f"{token[:8]}…"
