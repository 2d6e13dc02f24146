"""A refresh-token bridge: asks the system that was here before about one of its refresh tokens.

Where that system introspects refresh tokens (Keycloak, doorkeeper), its word is passed on. Where it does not (Auth0,
Cognito), the token is used there once: the answer names the user and the client that the tokens are for. Set in the
environment:

    INTROSPECTION_ENDPOINT, CLIENT_ID, CLIENT_SECRET     an address, and a client there that may introspect; or
    TOKEN_ENDPOINT, CLIENT_SECRETS                       an address, and a JSON object of the clients' secrets
"""

import base64
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode
from urllib.request import Request, urlopen

TIMEOUT = 2.5  # seconds; the authorization server waits for three
INACTIVE = {"active": False}
CLAIMS = ("client_id", "sub", "scope", "aud", "auth_time")


def lambda_handler(event: Mapping[str, str], _context: Any) -> dict[str, Any]:
    if "INTROSPECTION_ENDPOINT" in os.environ:
        return _introspected(event["refresh_token"])
    return _exchanged(event["refresh_token"], event["client_id"])


def _introspected(token: str) -> dict[str, Any]:
    """What introspection there says (RFC 7662)."""
    form = {"token": token, "token_type_hint": "refresh_token"}
    said = _post(os.environ["INTROSPECTION_ENDPOINT"], form, os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
    if not said.get("active"):
        return INACTIVE
    # Keycloak's refresh tokens are for Keycloak itself, which is no resource here.
    return {"active": True, **{name: said[name] for name in CLAIMS if name in said and name != "aud"}}


def _exchanged(token: str, client_id: str) -> dict[str, Any]:
    """Whom the tokens are for that are given for it there (RFC 6749 section 6): the ID token, over TLS, says so."""
    secret = json.loads(os.environ.get("CLIENT_SECRETS", "{}")).get(client_id)
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
    try:
        said = _post(os.environ["TOKEN_ENDPOINT"], form, client_id if secret else "", secret or "")
    except HTTPError as error:
        if error.code in (400, 403):
            return INACTIVE
        raise
    claims = _claims(said.get("id_token") or said["access_token"])
    scope = said.get("scope") or claims.get("scope") or "openid"
    told = {"active": True, "client_id": client_id, "sub": claims["sub"], "scope": scope}
    return told | ({"auth_time": claims["auth_time"]} if "auth_time" in claims else {})


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _post(address: str, form: Mapping[str, str], client_id: str, secret: str) -> dict[str, Any]:
    request = Request(address, urlencode(form).encode())
    if client_id:
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    with urlopen(request, timeout=TIMEOUT) as response:
        said: dict[str, Any] = json.load(response)
        return said
