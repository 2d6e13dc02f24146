"""ID tokens of other issuers, for a server that is itself a client: OpenID Connect Core section 3.1.3.7.

The keys are those that the issuer's metadata leads to; how one is chosen, `tokens.foreign` says.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import field
from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Any

from authserver.records import dataclass
from authserver.tokens.foreign import KEY_TYPES, allowed_algorithm, claims_of, find_key, header_of, load_key, time_of
from authserver.tokens.jwt import NotAToken
from authserver.values import base64url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CLOCK_TOLERANCE = 10  # seconds, of an end and of a sign-in that was asked for
AHEAD = 60  # seconds by which the clock of an issuer may be ahead of ours
MAX_LENGTH = 65_536  # characters: some issuers tell hundreds of groups
LONGEST_AGE = 600
MAX_SUBJECT = 255  # section 2
TENANT = "{tenantid}"  # in the issuer of Microsoft Entra's multi-tenant metadata, for the claim `tid`
TENANT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say. `issuer` may contain `TENANT`; `access_token` is the one that came with it."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(default="", repr=False)


def verify_id_token(token: str, keys: Sequence[Mapping[str, Any]], expected: Expected, now: int) -> dict[str, Any]:
    """The claims of an ID token that was issued to us, just now, for this sign-in.

    Raises:
        foreign.UnknownKey: no key of the issuer's fits; it is worth looking whether there are new ones.
        NotAToken: it is not one; `reason` says why, for the log.
    """
    header = header_of(token, MAX_LENGTH)
    _require_type(header)
    algorithm = allowed_algorithm(header, KEY_TYPES)
    key = find_key(header, algorithm, keys)
    claims = claims_of(token, load_key(key), algorithm)
    _require_issuer(claims, key, expected)
    _require_audience(claims, expected)
    _require_times(claims, now)
    _require_nonce(claims, expected)
    _require_hash(claims, algorithm, expected)
    _require_subject(claims)
    return claims


def auth_time_of(claims: Mapping[str, Any], now: int) -> int | None:
    """When the person signed in there (section 2), never later than now; None if that cannot be told."""
    told = claims.get("auth_time")
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 <= told <= now + AHEAD:
        return None
    return min(int(told), now)


def _require_type(header: Mapping[str, Any]) -> None:
    """An access token or a logout token is no ID token, even with a valid signature (RFC 8725 section 3.11)."""
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise NotAToken("typ")


def _require_issuer(claims: Mapping[str, Any], key: Mapping[str, Any], expected: Expected) -> None:
    """The issuer exactly; in a multi-tenant one, with the token's own tenant in its place.

    Microsoft's keys say whose tokens they sign, which must agree.
    """
    issuers = [expected.issuer]
    if isinstance(key.get("issuer"), str):
        issuers.append(key["issuer"])
    if any(TENANT in issuer for issuer in issuers):
        tenant = claims.get("tid")
        if not isinstance(tenant, str) or not TENANT_ID.fullmatch(tenant):
            raise NotAToken("tid")
        issuers = [issuer.replace(TENANT, tenant) for issuer in issuers]
    if any(claims.get("iss") != issuer for issuer in issuers):
        raise NotAToken("iss")


def _require_audience(claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        raise NotAToken("aud")
    if len(audiences) > 1 and "azp" not in claims:
        raise NotAToken("azp")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise NotAToken("azp")


def _require_times(claims: Mapping[str, Any], now: int) -> None:
    issued_at, expires_at, begins = time_of(claims, "iat"), time_of(claims, "exp"), time_of(claims, "nbf", 0)
    if expires_at <= now - CLOCK_TOLERANCE:
        raise NotAToken("exp")
    if max(issued_at, begins) > now + AHEAD or issued_at < now - LONGEST_AGE:
        raise NotAToken("iat")


def _require_nonce(claims: Mapping[str, Any], expected: Expected) -> None:
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise NotAToken("nonce")


def _require_hash(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> None:
    """`at_hash`, where there is one: section 3.1.3.8."""
    if "at_hash" not in claims:
        return
    digest: Callable[[bytes], Any] = sha512 if KEY_TYPES[algorithm][0] == "OKP" else sha256
    octets = digest(expected.access_token.encode()).digest()
    if claims["at_hash"] != base64url(octets[: len(octets) // 2]):
        raise NotAToken("at_hash")


def _require_subject(claims: Mapping[str, Any]) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise NotAToken("sub")
