"""The playground: each flow that an app may use, step by step, with every request and what it means.

This function neither signs nor redeems: the developer's browser sends each request to the endpoint that it is for, and
the app's secret goes there and nowhere else. Nothing is stored. What has to be remembered between the first step and
the second is made again from the session and what `state` carries: the PKCE verifier (RFC 7636) and the nonce.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from authserver.endpoints.metadata import server_metadata
from authserver.management import Problem, partner
from authserver.marks import N_
from authserver.messages import GoTo, View, Visit
from authserver.models import TEST, Session
from authserver.services import Services
from authserver.site import Screen, Visitor
from authserver.site.developer.claims import CLAIMS
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import base64url, from_base64url, sha256

CALLBACK = "developer/playground/callback"
MAX_TOKEN = 8192
PARAMETERS = {
    "response_type": N_("An authorization code, to be exchanged for tokens."),
    "client_id": N_("Which app asks."),
    "client_secret": N_("Proves that it is your app. Sent to this endpoint and kept nowhere."),
    "redirect_uri": N_("Where the answer goes: one of the app's, letter by letter."),
    "scope": N_("What the app asks for."),
    "state": N_("Comes back as it was sent, so that your app knows its own request again."),
    "nonce": N_("Comes back in the ID token, so that nobody can put in another one."),
    "code_challenge": N_("The hash of a secret that only the sender of this request has (PKCE)."),
    "code_challenge_method": N_("How the hash is made."),
    "grant_type": N_("What is exchanged for tokens."),
    "code": N_("The authorization code. It works once, and for a short time."),
    "code_verifier": N_("The secret whose hash was sent in the first step (PKCE)."),
    "refresh_token": N_("The newest refresh token. Each works once, and gives the next."),
    "token": N_("The token that this is about."),
    "iss": N_("Who answers. Your app compares it with the issuer that it asked."),
    "error": N_("Why there is no code."),
    "error_description": N_("The same in words, for developers."),
}
STATE_UNKNOWN = N_(
    "This answer belongs to no request of yours: its state is not one that was made in this session. Start again."
)
NOT_A_TOKEN = N_(
    "This is not a JWT. Opaque tokens, codes and refresh tokens say nothing; ask the introspection endpoint."
)
VERIFIED_APP = N_("Only test apps can be given the playground's address from here.")

type App = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the browser sends: its form, and the same as a line for a shell."""

    endpoint: str
    address: str
    form: Mapping[str, str]
    method: str  # how the app authenticates
    curl: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One walk through the code flow; all of it follows from the session, the app and a random `mark`."""

    key: bytes
    session: Session
    client_id: str
    mark: str

    @property
    def state(self) -> str:
        return f"{self.mark}.{base64url(self.client_id.encode())}.{self._derived('state')}"

    @property
    def verifier(self) -> str:
        """RFC 7636 section 4.1: 43 characters, of 256 bits."""
        return self._derived("verifier")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    def _derived(self, what: str) -> str:
        message = "\x00".join(("playground", what, self.session.id, self.mark, self.client_id))
        return base64url(hmac.digest(self.key, message.encode(), "sha256"))


# ------------------------------------------------------------------ pages


def show_playground(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The app's flows from their beginning; without an app, which there are."""
    client_id = visit.query.get("client_id", "")
    if not client_id:
        answer = partner.list_apps(visitor.call(visit, query={"limit": str(partner.MAX_APPS)}), services)
        return _view("playground_apps", apps=answer.document["items"])
    app = _app(client_id, visitor, visit, services)
    attempt = Attempt(_key(services), visitor.session, client_id, base64url(services.random(16)))
    return _view(
        "playground",
        app=app,
        callback=_callback(services),
        is_registered=_callback(services) in app.get("redirect_uris", ()),
        may_add=app["verification"] == TEST,
        sent=_authorization_request(app, attempt, services),
        own_token=_to_token(app, {"grant_type": "client_credentials", "scope": app["scope"]}, services),
        **_later(app, services),
    )


def show_answer(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What came back to the playground's redirect URI, and what can be done with it."""
    attempt = _attempt_of(visit.query.get("state", ""), visitor.session, services)
    answer = {name: visit.query[name] for name in PARAMETERS if name in visit.query}
    if attempt is None:
        return _view("playground_answer", app=None, answer={}, problem=STATE_UNKNOWN)
    app = _app(attempt.client_id, visitor, visit, services)
    form = {
        "grant_type": "authorization_code",
        "code": answer.get("code", ""),
        "redirect_uri": _callback(services),
        "code_verifier": attempt.verifier,
    }
    return _view(
        "playground_answer",
        app=app,
        answer=answer,
        exchange=_to_token(app, form, services),
        issuer=services.settings.issuer,
        nonce=attempt.nonce,
        **_later(app, services),
    )


# ------------------------------------------------------------------ acts


def add_callback(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Registers the playground's redirect URI at a test app."""
    client_id = visit.entered("client_id")
    app = _app(client_id, visitor, visit, services)
    if app["verification"] != TEST:
        raise Problem(409, VERIFIED_APP, reason="app_verified")
    uris = [*dict.fromkeys((*app.get("redirect_uris", ()), _callback(services)))]
    partner.patch_app(visitor.call(visit, body={"redirect_uris": uris}, client_id=client_id), services)
    return GoTo(f"developer/playground?{urlencode({'client_id': client_id})}")


def decode(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What a JWT says, unverified: RFC 7519 section 3. For whoever has no script that does it in the browser."""
    try:
        header, claims, _ = visit.entered("token").strip()[:MAX_TOKEN].split(".")
        decoded = [_indented(part) for part in (header, claims)]
    except (RecursionError, ValueError):
        raise Problem(400, NOT_A_TOKEN, reason="token_malformed") from None
    return _view("playground_decoded", header=decoded[0], claims=decoded[1], meanings=CLAIMS)


# ------------------------------------------------------------------ requests


def _authorization_request(app: App, attempt: Attempt, services: Services) -> dict[str, str]:
    """RFC 6749 section 4.1.1 with RFC 7636 section 4.3."""
    request = {
        "response_type": "code",
        "client_id": attempt.client_id,
        "redirect_uri": _callback(services),
        "scope": app["scope"],
        "state": attempt.state,
        "code_challenge": base64url(sha256(attempt.verifier)),
        "code_challenge_method": "S256",
    }
    return request | ({"nonce": attempt.nonce} if "openid" in app["scope"].split() else {})


def _later(app: App, services: Services) -> dict[str, Any]:
    """What can be done once there are tokens."""
    issuer = services.settings.issuer
    address = str(server_metadata(services).content["userinfo_endpoint"])
    return {
        "refresh": _to_token(app, {"grant_type": "refresh_token", "refresh_token": ""}, services),
        "introspect": _request("introspect", app, {"token": ""}, issuer),
        "revoke": _request("revoke", app, {"token": ""}, issuer),
        "userinfo": f"curl {quote(address)} -H 'Authorization: Bearer ACCESS_TOKEN'",
        "own_introspection": f"curl {quote(f'{issuer}/introspect')} -H 'Authorization: Bearer ACCESS_TOKEN'",
        "explained": PARAMETERS,
        "meanings": CLAIMS,
    }


def _to_token(app: App, form: Mapping[str, str], services: Services) -> Request:
    return _request("token", app, form, services.settings.issuer)


def _request(endpoint: str, app: App, form: Mapping[str, str], issuer: str) -> Request:
    address, method = f"{issuer}/{endpoint}", app["token_endpoint_auth_method"]
    shown = {name: value or name.upper() for name, value in form.items()}
    line = ["curl", quote(address)]
    if method == "client_secret_basic":
        line += ["-u", quote(f"{app['client_id']}:CLIENT_SECRET")]
    else:
        shown["client_id"] = app["client_id"]
        shown |= {"client_secret": "CLIENT_SECRET"} if method == "client_secret_post" else {}
    fields = [f"--data-urlencode {quote(f'{name}={value}')}" for name, value in shown.items()]
    return Request(endpoint, address, form, method, " \\\n  ".join([" ".join(line), *fields]))


# ------------------------------------------------------------------ steps


def _app(client_id: str, visitor: Visitor, visit: Visit, services: Services) -> App:
    """The visitor's app. Raises `NotFound`, for another's as for one that there is not."""
    app: App = {"scope": "", **partner.get_app(visitor.call(visit, client_id=client_id), services).document}
    return app


def _attempt_of(state: str, session: Session, services: Services) -> Attempt | None:
    """The attempt that `state` was made for in this session; None for any other."""
    mark, _, rest = state.partition(".")
    try:
        client_id = from_base64url(rest.partition(".")[0]).decode()
    except ValueError:
        return None
    attempts = (Attempt(key, session, client_id, mark) for key in services.keys.token_keys(TOKEN_RING))
    return next((one for one in attempts if hmac.compare_digest(one.state.encode(), state.encode())), None)


def _indented(part: str) -> str:
    """Raises `ValueError` on what is no JSON, or has half a character, which no page can show."""
    text = json.dumps(json.loads(from_base64url(part)), indent=2, ensure_ascii=False)
    text.encode()
    return text


def _callback(services: Services) -> str:
    return f"{services.settings.issuer}/{CALLBACK}"


def _key(services: Services) -> bytes:
    return services.keys.token_key(TOKEN_RING)


def _view(template: str, **context: Any) -> View:
    return View(f"developer/{template}", {"here": "developer/playground", **context})


SCREENS = (
    Screen("/developer/playground", show_playground, {"add_callback": add_callback, "decode": decode}),
    Screen("/developer/playground/callback", show_answer),
)
