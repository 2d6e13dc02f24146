"""The playground: each flow that an app may use, step by step, with every request and what it means.

This function neither signs nor redeems: the developer's browser sends each request to the endpoint that it is for, and
the app's secret goes there and nowhere else. Nothing is stored. What has to be remembered between the first step and
the second is made again from the session and what `state` carries: the PKCE verifier (RFC 7636) and the nonce.

The tokens of the implicit grant come back in a fragment, which no server sees; a script takes them out of the address.
For the password grant there is a line for a shell and no form: RFC 9700 section 2.4 is about forms that ask people for
a password which is not theirs to ask for, and a page that teaches the flow must not be one.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from authserver.grants.client_credentials import OF_USERS
from authserver.management import Problem
from authserver.management.partner import operations as partner
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.site import View, Visit
from authserver.models.browsers import Session
from authserver.models.clients import TEST
from authserver.records import dataclass
from authserver.services import Services
from authserver.site import Screen, Visitor
from authserver.site.developer.claims import CLAIMS, decoded
from authserver.site.developer.requests import PARAMETERS, App, Request, with_credentials, with_password, with_token
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Scope, base64url, from_base64url, sha256

CALLBACK = "developer/playground/callback"
MAX_PASTED = 8192
MAX_TOKENS = 2
STATE_UNKNOWN = N_(
    "This answer belongs to no request of yours: its state is not one that was made in this session. Start again."
)
NOT_A_TOKEN = N_(
    "This is not a JWT. Opaque tokens, codes and refresh tokens say nothing; ask the introspection endpoint."
)
VERIFIED_APP = N_("Only test apps can be given the playground's address from here.")
# The flows, by their grant type, in the words of their tabs.
FLOWS = {
    "authorization_code": N_("Authorization code"),
    "client_credentials": N_("Client credentials"),
    "implicit": N_("Implicit"),
    "password": N_("Password"),
}
# What a fragment brings: RFC 6749 section 4.2.2, OpenID Connect Core section 3.2.2.5, RFC 9207.
IN_FRAGMENTS = (
    *("access_token", "token_type", "expires_in", "scope", "id_token"),
    *("state", "iss", "error", "error_description"),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One walk through a flow by the browser; all of it follows from the session, the app and a random `mark`."""

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
    """One of the app's flows from its beginning; without an app, which there are."""
    client_id = visit.query.get("client_id", "")
    if not client_id:
        answer = partner.list_apps(visitor.call(visit, query={"limit": str(partner.MAX_APPS)}), services)
        return _view("playground_apps", apps=answer.document["items"])
    app = _app(client_id, visitor, visit, services)
    attempt = Attempt(_key(services), visitor.session, client_id, base64url(services.random(16)))
    flows = {grant: FLOWS[grant] for grant in FLOWS if grant in app["grant_types"] and grant in services.grants}
    asked = visit.query.get("flow", "")
    flow = asked if asked in flows else next(iter(flows), "")
    return _view(
        "playground",
        app=app,
        flows=flows,
        flow=flow,
        callback=_callback(services),
        is_registered=_callback(services) in app.get("redirect_uris", ()),
        may_add=app["verification"] == TEST,
        sent=_authorization_request(flow, app, attempt, services),
        response_types=_response_types(flow, app, services),
        authorization_endpoint=f"{services.settings.issuer}/authorize",
        own_token=_own_token(app, services),
        by_password=with_password(f"{services.settings.issuer}/token", app),
        **_later(app, services),
    )


def show_answer(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What came back to the playground's redirect URI, and what can be done with it.

    Where nothing did, it is in the fragment: the page's script comes back with the `state` that it found there.
    """
    if not visit.query:
        return _view("playground_fragment")
    attempt = _attempt_of(visit.query.get("state", ""), visitor.session, services)
    if attempt is None:
        return _view("playground_answer", app=None, problem=STATE_UNKNOWN)
    answer = {name: visit.query[name] for name in PARAMETERS if name in visit.query}
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
        in_fragment=IN_FRAGMENTS if {"code", "error"}.isdisjoint(answer) else (),
        exchange=_to_token("exchange", app, form, services),
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
    asked = {"client_id": client_id, "flow": visit.entered("flow")}
    return GoTo(f"developer/playground?{urlencode({name: value for name, value in asked.items() if value})}")


def decode(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What JWTs say, unverified: RFC 7519 section 3. For browsers without scripts."""
    words = re.split(r"[^\w.-]+", visit.entered("token")[:MAX_PASTED])
    tokens = [token for word in words if (token := decoded(word, services.settings.issuer))]
    if not tokens:
        raise Problem(400, NOT_A_TOKEN, reason="token_malformed")
    return _view("playground_decoded", tokens=tokens[:MAX_TOKENS])


# ------------------------------------------------------------------ requests


def _authorization_request(flow: str, app: App, attempt: Attempt, services: Services) -> dict[str, str]:
    """RFC 6749 section 4.1.1 with RFC 7636 section 4.3, or section 4.2.1; nothing for flows without a browser."""
    types = _response_types(flow, app, services)
    if not types:
        return {}
    request = {
        "response_type": types[0],
        "client_id": attempt.client_id,
        "redirect_uri": _callback(services),
        "scope": app["scope"],
        "state": attempt.state,
    }
    if "openid" in app["scope"].split():
        request["nonce"] = attempt.nonce
    if flow == "authorization_code":
        request |= {"code_challenge": base64url(sha256(attempt.verifier)), "code_challenge_method": "S256"}
    return request


def _response_types(flow: str, app: App, services: Services) -> list[str]:
    """What the app may ask for in this flow: RFC 6749 section 3.1.1. ID tokens take the scope openid."""
    return [
        name
        for name, grant in services.response_types.items()
        if flow == grant.GRANT_TYPE
        and name in app["response_types"]
        and ("id_token" not in name.split() or "openid" in app["scope"].split())
    ]


def _later(app: App, services: Services) -> dict[str, Any]:
    """What can be done once there are tokens."""
    issuer = services.settings.issuer
    return {
        "introspect": _introspection(f"{issuer}/introspect", app),
        "userinfo": with_token("userinfo", f"{issuer}/userinfo"),
        "refresh": _to_token("refresh", app, {"grant_type": "refresh_token", "refresh_token": ""}, services),
        "revoke": with_credentials("revoke", f"{issuer}/revoke", app, {"token": ""}),
        "explained": PARAMETERS,
        "meanings": CLAIMS,
    }


def _introspection(address: str, app: App) -> Request:
    """RFC 7662 section 2.1. An app without a secret asks with the token itself."""
    if app["token_endpoint_auth_method"] in ("none", "private_key_jwt"):
        return with_token("introspect", address)
    return with_credentials("introspect", address, app, {"token": ""})


def _own_token(app: App, services: Services) -> Request:
    """RFC 6749 section 4.4.2, without what is about a user."""
    scope = str(Scope.parse(app["scope"]) - OF_USERS)
    return _to_token("own", app, {"grant_type": "client_credentials", "scope": scope}, services)


def _to_token(name: str, app: App, form: Mapping[str, str], services: Services) -> Request:
    return with_credentials(name, f"{services.settings.issuer}/token", app, form)


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
