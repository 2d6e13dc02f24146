"""Amazon Cognito: what ``list-users`` and ``describe-user-pool-client`` answer. No export has hashes of passwords."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from authserver_cli.former import Found, documents, is_true, login_name, present, response_types, secret_hash, sound

OF_COGNITO = {"aws.cognito.signin.user.admin"}  # lets an access token call Cognito's own API
FLOWS = {
    "code": ("authorization_code", "refresh_token"),
    "implicit": ("implicit",),
    "client_credentials": ("client_credentials",),
}
CLAIMS = (
    *("name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender"),
    *("birthdate", "zoneinfo", "locale", "phone_number"),
)
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def users(text: str) -> Iterator[Found]:
    """People, of one or many answers of ``list-users``."""
    for place, user in _all_of("Users", text):
        yield _user(place, user)


def clients(text: str) -> Iterator[Found]:
    """App clients, each an answer of ``describe-user-pool-client``."""
    for place, answer in documents(text):
        if not isinstance(answer, dict) or "UserPoolClient" not in answer:
            raise ValueError("is not what `aws cognito-idp describe-user-pool-client` answers")
        yield _client(place, answer["UserPoolClient"])


def _all_of(name: str, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    place = 0
    for _, answer in documents(text):
        if not isinstance(answer, dict) or name not in answer:
            raise ValueError("is not what `aws cognito-idp list-users` answers")
        for one in answer[name]:
            place += 1
            yield place, one


def _user(place: int, user: Mapping[str, Any]) -> Found:
    own = {one["Name"]: one["Value"] for one in user["Attributes"]}
    email, verified = own.get("email", ""), is_true(own.get("email_verified"))
    customs = {name.removeprefix("custom:"): value for name, value in own.items() if name.startswith("custom:")}
    body = {
        "sub": own["sub"],
        "username": login_name(user["Username"] if user["Username"] != own["sub"] else "", email, verified, own["sub"]),
        "email": email,
        "email_verified": verified and bool(email),
        **{name: own.get(name) for name in CLAIMS},
        "phone_number_verified": is_true(own.get("phone_number_verified")) and "phone_number" in own,
        "attributes": {name: value for name, value in customs.items() if ATTRIBUTE.fullmatch(name) and value},
    }
    return Found(place, present(body), () if user.get("Enabled", True) else (("Enabled", "is false there"),))


def _client(place: int, client: Mapping[str, Any]) -> Found:
    flows = client.get("AllowedOAuthFlows", [])
    grant_types = sound(grant_type for flow in flows for grant_type in FLOWS.get(flow, ()))
    secret = client.get("ClientSecret", "")
    body = present(
        {
            "client_id": client["ClientId"],
            "client_name": client.get("ClientName"),
            "client_secret_hash": secret_hash(client["ClientId"], secret) if secret else "",
            "redirect_uris": client.get("CallbackURLs", []),
            "post_logout_redirect_uris": client.get("LogoutURLs", []),
            "scope": " ".join(one for one in client.get("AllowedOAuthScopes", []) if one not in OF_COGNITO),
        }
    )
    told = {
        "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
        "grant_types": grant_types,
        "response_types": response_types(grant_types),
        "require_pkce": not secret,
    }
    signs_in_elsewhere = ("AllowedOAuthFlows", "is empty: this client calls Cognito's own API, and no OAuth endpoint")
    return Found(place, body | told, () if grant_types else (signs_in_elsewhere,))
