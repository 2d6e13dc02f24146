"""Auth0: users as an export job writes them and their password hashes as support does, and the list of applications."""

from collections.abc import Iterator, Mapping
from typing import Any

from authserver_cli.former import (
    DEVICE_CODE,
    Found,
    documents,
    login_name,
    present,
    response_types,
    secret_hash,
    sound,
)

KNOWN_GRANTS = {"authorization_code", "client_credentials", DEVICE_CODE, "implicit", "password", "refresh_token"}


def users(text: str) -> Iterator[Found]:
    """People. What is said of one in several lines, as when both exports are put one after the other, is one person."""
    people: dict[str, dict[str, Any]] = {}
    places: dict[str, int] = {}
    for place, line in documents(text):
        person = _with_identifier(line)
        people.setdefault(person["user_id"], {}).update(person)
        places.setdefault(person["user_id"], place)
    for sub, person in people.items():
        yield _user(places[sub], person)


def clients(text: str) -> Iterator[Found]:
    """Applications, but for the one that stands for all of them."""
    for place, client in documents(text):
        if not client.get("global"):
            yield _client(place, client)


def _with_identifier(line: Any) -> dict[str, Any]:
    """A line of either export; that with the hashes calls an identifier by what is behind its ``auth0|``."""
    if not isinstance(line, dict) or not {"user_id", "_id"} & line.keys():
        raise ValueError("is no export of Auth0's users")
    if "user_id" in line:
        return line
    by_email = [one for one in line.get("identifiers", []) if one.get("type") == "email"]
    found = {"email": by_email[0]["value"], "email_verified": by_email[0].get("verified", False)} if by_email else {}
    return found | line | {"user_id": f"auth0|{line.get('alt_id') or line['_id']['$oid']}"}


def _user(place: int, user: Mapping[str, Any]) -> Found:
    email, verified = user.get("email") or "", user.get("email_verified") is True
    body = {
        "sub": user["user_id"],
        "username": login_name(user.get("username") or "", email, verified, user["user_id"]),
        "email": email,
        "email_verified": verified and bool(email),
        # Auth0 puts the address in `name` for a user without a name.
        "name": user.get("name") if user.get("name") != email else "",
        "given_name": user.get("given_name"),
        "family_name": user.get("family_name"),
        "nickname": user.get("nickname"),
        "phone_number": user.get("phone_number"),
        "phone_number_verified": user.get("phone_verified", False),
        "password_hash": user.get("passwordHash"),
    }
    return Found(place, present(body), (("blocked", "is true there"),) if user.get("blocked") else ())


def _client(place: int, client: Mapping[str, Any]) -> Found:
    grant_types = sound(one for one in client.get("grant_types", ["authorization_code"]) if one in KNOWN_GRANTS)
    method = client.get("token_endpoint_auth_method") or "client_secret_post"
    has_secret = method.startswith("client_secret") and client.get("client_secret")
    refreshes = ["offline_access"] if "refresh_token" in grant_types else []
    body = present(
        {
            "client_id": client["client_id"],
            "client_name": client.get("name"),
            "token_endpoint_auth_method": method,
            "client_secret_hash": secret_hash(client["client_id"], client["client_secret"]) if has_secret else "",
            "redirect_uris": client.get("callbacks", []),
            "post_logout_redirect_uris": client.get("allowed_logout_urls", []),
            "initiate_login_uri": client.get("initiate_login_uri"),
            "logo_uri": client.get("logo_uri"),
            "scope": " ".join(["openid", "profile", "email", *refreshes]),
        }
    )
    told = {"grant_types": grant_types, "response_types": response_types(grant_types)}
    return Found(place, body | told | {"require_pkce": method == "none"})
