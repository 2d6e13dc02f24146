"""Keycloak: the realm that ``kc.sh export --users realm_file`` writes."""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from authserver_cli.former import (
    DEVICE_CODE,
    Found,
    documents,
    is_true,
    login_name,
    present,
    response_types,
    secret_hash,
    sound,
    unpadded,
)

BUILT_IN = {"account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"}
# Client scopes that only say what Keycloak writes into tokens.
OF_TOKENS = {"acr", "basic", "microprofile-jwt", "role_list", "roles", "saml_organization", "service_account"}
OF_TOKENS |= {"web-origins", "organization"}
GRANTS = {
    "standardFlowEnabled": ("authorization_code", "refresh_token"),
    "implicitFlowEnabled": ("implicit",),
    "directAccessGrantsEnabled": ("password", "refresh_token"),
    "serviceAccountsEnabled": ("client_credentials",),
}
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def users(text: str) -> Iterator[Found]:
    """The people of a realm; service accounts are none."""
    for place, user in enumerate(_realm(text).get("users", []), 1):
        if not user.get("serviceAccountClientId"):
            yield _user(place, user)


def clients(text: str) -> Iterator[Found]:
    """The clients of a realm, but for Keycloak's own."""
    for place, client in enumerate(_realm(text).get("clients", []), 1):
        if client["clientId"] not in BUILT_IN:
            yield _client(place, client)


def _realm(text: str) -> Mapping[str, Any]:
    ((_, realm),) = documents(text) or [(1, None)]
    if not isinstance(realm, dict) or "realm" not in realm:
        raise ValueError("is not the export of one Keycloak realm")
    return realm


# ------------------------------------------------------------------ people


def _user(place: int, user: Mapping[str, Any]) -> Found:
    email, verified = user.get("email", ""), user.get("emailVerified") is True
    names = [user.get("firstName", ""), user.get("lastName", "")]
    body = present(
        {
            "sub": user["id"],
            "username": login_name(user.get("username", ""), email, verified, user["id"]),
            "email": email,
            "email_verified": verified and bool(email),
            "given_name": names[0],
            "family_name": names[1],
            "name": " ".join(filter(None, names)),
            "attributes": _attributes(user.get("attributes", {})),
            "password_hash": next(filter(None, map(_hash, user.get("credentials", []))), ""),
        }
    )
    return Found(place, body, () if user.get("enabled", True) else (("enabled", "is false there"),))


def _attributes(attributes: Mapping[str, list[str]]) -> dict[str, Any]:
    named = {name: values for name, values in attributes.items() if ATTRIBUTE.fullmatch(name) and values}
    return {name: values[0] if len(values) == 1 else values for name, values in named.items()}


def _hash(credential: Mapping[str, Any]) -> str:
    """A password's hash as the systems write it that we compare with; empty for one of a kind that we do not."""
    if credential.get("type") != "password":
        return ""
    secret, about = json.loads(credential["secretData"]), json.loads(credential["credentialData"])
    salt, digest = (unpadded(b64decode(secret[name])) for name in ("salt", "value"))
    more = {name: values[0] for name, values in about.get("additionalParameters", {}).items()}
    match about["algorithm"]:
        case "pbkdf2-sha256" | "pbkdf2-sha512" as algorithm:
            return f"${algorithm}${about['hashIterations']}${salt}${digest}"
        case "argon2" if more.get("type") in ("id", "i") and more.get("version") == "1.3":
            cost = f"m={more['memory']},t={about['hashIterations']},p={more['parallelism']}"
            return f"$argon2{more['type']}$v=19${cost}${salt}${digest}"
    return ""


# ------------------------------------------------------------------ clients


def _client(place: int, client: Mapping[str, Any]) -> Found:
    attributes = client.get("attributes", {})
    grant_types = sound(_grant_types(client, attributes))
    always = _scopes(client.get("defaultClientScopes", []))
    method = _method(client)
    body = present(
        {
            "client_id": client["clientId"],
            "client_name": client.get("name") or client["clientId"],
            "status": "" if client.get("enabled", True) else "disabled",
            "token_endpoint_auth_method": method,
            "client_secret_hash": _secret(client) if method.startswith("client_secret") else "",
            "jwks_uri": attributes.get("jwks.url", "") if method == "private_key_jwt" else "",
            "redirect_uris": client.get("redirectUris", []),
            "post_logout_redirect_uris": _after_logout(client, attributes),
            "scope": " ".join(dict.fromkeys([*always, *_scopes(client.get("optionalClientScopes", []))[1:]])),
            "default_scope": " ".join(always),
        }
    )
    # What Keycloak does not ask its clients for, it is not sure that they send.
    needs_pkce = method == "none" or attributes.get("pkce.code.challenge.method") == "S256"
    told = {"grant_types": grant_types, "response_types": response_types(grant_types), "require_pkce": needs_pkce}
    return Found(place, body | told, tuple(_problems(client)))


def _problems(client: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if client.get("protocol", "openid-connect") != "openid-connect":
        yield "protocol", "is not openid-connect"
    if client.get("bearerOnly"):
        yield "bearerOnly", "is true: what takes tokens alone is a resource here, and no client"


def _grant_types(client: Mapping[str, Any], attributes: Mapping[str, str]) -> Iterator[str]:
    for flag, grant_types in GRANTS.items():
        if client.get(flag):
            yield from grant_types
    if is_true(attributes.get("oauth2.device.authorization.grant.enabled")):
        yield DEVICE_CODE


def _method(client: Mapping[str, Any]) -> str:
    if client.get("publicClient"):
        return "none"
    by_key = client.get("clientAuthenticatorType") == "client-jwt"
    return "private_key_jwt" if by_key else "client_secret_basic"


def _secret(client: Mapping[str, Any]) -> str:
    """Keycloak's console writes stars in its place."""
    secret = client.get("secret", "")
    return secret_hash(client["clientId"], secret) if secret.strip("*") else ""


def _after_logout(client: Mapping[str, Any], attributes: Mapping[str, str]) -> list[str]:
    listed = [uri for uri in attributes.get("post.logout.redirect.uris", "").split("##") if uri]
    return client.get("redirectUris", []) if listed == ["+"] else [uri for uri in listed if uri not in ("+", "-")]


def _scopes(names: Iterable[str]) -> list[str]:
    return ["openid", *(name for name in names if name not in OF_TOKENS and name != "openid")]
