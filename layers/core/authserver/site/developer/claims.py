"""What is in a token, in words."""

import json
from collections.abc import Mapping
from typing import Any

from authserver.marks import N_
from authserver.records import dataclass
from authserver.values import from_base64url, read_json

TIMES = ("exp", "iat", "nbf", "auth_time")
LATEST = 2**35  # in seconds since 1970, of what can be told as a day
ACCESS_TOKEN, ID_TOKEN, OTHER = N_("Access token"), N_("ID token"), N_("Another token")
CLAIMS = {
    "iss": N_("Who issued it."),
    "sub": N_("Whom it is about: a user's identifier here, or the app's own."),
    "aud": N_("Whom it is for: an API, or in an ID token the app."),
    "exp": N_("When it ends, in seconds since 1970."),
    "iat": N_("When it was issued."),
    "nbf": N_("Before when it is not to be taken."),
    "jti": N_("Its own identifier."),
    "client_id": N_("The app that it was issued to."),
    "scope": N_("What it lets its holder do."),
    "auth_time": N_("When the user signed in."),
    "acr": N_("How strongly the user signed in."),
    "amr": N_("By what the user signed in."),
    "nonce": N_("What the app sent with its request."),
    "at_hash": N_("Ties the ID token to the access token."),
    "azp": N_("The app that the ID token was issued to."),
    "sid": N_("The session that the user signed in with."),
    "authorization_id": N_("The connection that it belongs to."),
    "org": N_("The organisation that it acts for."),
    "entities": N_("The companies of that organisation."),
    "authorization_details": N_("The same in the words of RFC 9396."),
    "name": N_("The user's name."),
    "preferred_username": N_("The user's login name."),
    "email": N_("The user's email address."),
    "email_verified": N_("Whether somebody has shown that the address is theirs."),
    "alg": N_("How it is signed."),
    "kid": N_("With which of the published keys."),
    "typ": N_("What kind of token it is."),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, or a member of a header. `at` is the time that it tells, if it tells one."""

    name: str
    value: str
    meaning: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a JWT says, by the kind of token that it is."""

    kind: str
    claims: tuple[Claim, ...]


def decoded(token: str, issuer: str) -> Decoded | None:
    """What a JWT says, unverified; None if it is none (RFC 7519 section 7.2, as far as it reads)."""
    try:
        header, claims, _ = token.split(".")
        members = {**_members(header), **_members(claims)}
    except (RecursionError, ValueError):
        return None
    return Decoded(_kind(members, issuer), tuple(_in_words(name, value) for name, value in members.items()))


def _members(part: str) -> dict[str, Any]:
    """Raises `ValueError` on what is no JSON object, or has half a character, which no page can show."""
    members = read_json(from_base64url(part))
    if not isinstance(members, dict):
        raise ValueError("not an object")
    return members


def _kind(members: Mapping[str, Any], issuer: str) -> str:
    """RFC 9068 section 2.1 gives access tokens a type of their own."""
    if members.get("typ") == "at+jwt":
        return ACCESS_TOKEN
    return ID_TOKEN if members.get("iss") == issuer else OTHER


def _in_words(name: str, value: Any) -> Claim:
    is_time = name in TIMES and isinstance(value, int) and 0 <= value < LATEST
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Claim(name, text, CLAIMS.get(name, ""), value if is_time else None)
