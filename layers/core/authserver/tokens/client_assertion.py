"""Assertions that clients authenticate by: RFC 7523 section 3 as its revision (7523bis) has it, OpenID Connect Core
section 9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.models.clients import ASSERTION_ALGORITHMS
from authserver.records import dataclass
from authserver.tokens.foreign import UnknownKey, allowed_algorithm, claims_of, find_key, header_of, load_key, time_of
from authserver.tokens.jwt import CLOCK_TOLERANCE, NotAToken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Expected", "NotAToken", "UnknownKey", "verify_assertion"]

LONGEST_LIFE = 3600  # seconds, from now
AHEAD = 60  # seconds that a client's clock may be ahead
MAX_ID = 255
# RFC 7523bis names the one; what libraries send that do not know it says JWT, or nothing.
TYPES = ("CLIENT-AUTHENTICATION+JWT", "JWT")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an assertion must contain: the client as issuer and subject, one of the audiences, and the registered
    algorithm, if there is one."""

    client_id: str
    audiences: tuple[str, ...]
    algorithm: str = ""


def verify_assertion(
    assertion: str, keys: Sequence[Mapping[str, Any]], expected: Expected, now: int
) -> tuple[str, int]:
    """The identifier of an assertion that the client signed for this server, and its expiry in epoch seconds. The
    caller must accept it only once.

    Raises:
        UnknownKey: none of these keys signed it; the client may have new ones.
        NotAToken: it is not a valid assertion; `reason` says why.
    """
    try:
        header = header_of(assertion)
    except NotAToken:
        raise NotAToken("malformed") from None
    if str(header.get("typ", "JWT")).upper() not in TYPES:
        raise NotAToken("typ")
    algorithm = allowed_algorithm(header, _allowed(expected.algorithm))
    key = find_key(header, algorithm, keys)
    try:
        claims = claims_of(assertion, load_key(key), algorithm)
    except NotAToken:
        raise NotAToken("signature") from None
    if claims.get("iss") != expected.client_id or claims.get("sub") != expected.client_id:
        raise NotAToken("issuer")
    _require_audience(claims.get("aud"), expected.audiences)
    return _identifier(claims), _expiry(claims, now)


def _allowed(registered: str) -> tuple[str, ...]:
    if registered in ("EdDSA", "Ed25519"):
        return ("EdDSA", "Ed25519")
    return (registered,) if registered else ASSERTION_ALGORITHMS


def _require_audience(audience: object, audiences: tuple[str, ...]) -> None:
    """Requires exactly one audience, which is this server. A second server that is named as well could replay the
    assertion here (7523bis section 4)."""
    named = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    if not isinstance(named, str) or named not in audiences:
        raise NotAToken("audience")


def _identifier(claims: Mapping[str, Any]) -> str:
    identifier = claims.get("jti")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= MAX_ID:
        raise NotAToken("jti")
    return identifier


def _expiry(claims: Mapping[str, Any], now: int) -> int:
    try:
        expires_at = time_of(claims, "exp")
        begins = max(time_of(claims, "iat", 0), time_of(claims, "nbf", 0))
    except NotAToken:
        raise NotAToken("times") from None
    if expires_at <= now - CLOCK_TOLERANCE:
        raise NotAToken("expired")
    if expires_at > now + LONGEST_LIFE + AHEAD:
        raise NotAToken("lifetime")
    if begins > now + AHEAD:
        raise NotAToken("not_yet")
    return int(expires_at)
