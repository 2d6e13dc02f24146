"""ID tokens of other issuers, for a server that is itself a client: OpenID Connect Core section 3.1.3.7.

As with our own tokens, the key names the algorithm it may be used with (RFC 8725 section 3.1): each algorithm of the
list below goes with one type of key, and a key that names an algorithm goes with that one alone. The keys are those
that the issuer's metadata leads to; `jwk`, `jku` and `x5u` are never looked at.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import field
from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import OKPAlgorithm

from authserver.records import dataclass
from authserver.tokens.jwt import NotAToken
from authserver.values import base64url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_LENGTH = 16_384  # tokens with many claims are longer than ours
CLOCK_TOLERANCE = 10  # of a token's beginning; more than a minute is nobody's clock
LONGEST_AGE = 600
MAX_SUBJECT = 255  # section 2
TENANT = "{tenantid}"  # in the issuer of Microsoft Entra's multi-tenant metadata, for the claim `tid`
TENANT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

KEY_TYPES = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # RFC 9864's name for the same
}
MIN_RSA_BITS = 2048

_jws = jwt.PyJWS(algorithms=["RS256", "PS256", "ES256", "EdDSA"])
_jws.register_algorithm("Ed25519", OKPAlgorithm())


class UnknownKey(NotAToken):
    """None of the issuer's keys that we have signed it; the issuer may have newer ones."""


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
        UnknownKey: no key of the issuer's fits; it is worth looking whether there are new ones.
        NotAToken: it is not one; `reason` says why, for the log.
    """
    header = _header_of(token)
    _require_type(header)
    algorithm = _allowed_algorithm(header)
    key = _find_key(header, algorithm, keys)
    claims = _claims_of(token, _load(key), algorithm)
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
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 <= told <= now + CLOCK_TOLERANCE:
        return None
    return min(int(told), now)


def _header_of(token: str) -> dict[str, Any]:
    """The header of a compact JWS, of which nothing is true yet. Raises `NotAToken`."""
    if len(token) > MAX_LENGTH:
        raise NotAToken("too_long")
    if not token.isascii():
        raise NotAToken("not_ascii")
    if "=" in token:
        raise NotAToken("padding")  # RFC 7515 section 2: without it, or one token would have two spellings
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise NotAToken(type(error).__name__) from None
    if "crit" in header:
        raise NotAToken("crit")
    return header


def _require_type(header: Mapping[str, Any]) -> None:
    """An access token or a logout token is no ID token, whoever signed it (RFC 8725 section 3.11)."""
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise NotAToken("typ")


def _allowed_algorithm(header: Mapping[str, Any]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        raise NotAToken("alg")
    return algorithm


def _find_key(header: Mapping[str, Any], algorithm: str, keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The key that the header names, or the only one that fits (RFC 7515 section 6, OpenID Connect Core 10.1)."""
    fitting = [key for key in keys if _fits(key, algorithm)]
    kid = header.get("kid")
    if kid is not None:
        fitting = [key for key in fitting if key.get("kid") == kid]
    if len(fitting) != 1:
        raise UnknownKey("unknown_kid")
    return fitting[0]


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    kind, curve = KEY_TYPES[algorithm]
    return (
        key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
    )


def _load(jwk: Mapping[str, Any]) -> Any:
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[jwk["kty"]]
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise NotAToken("key_malformed") from None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise NotAToken("key_too_short")
    return key


def _claims_of(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    try:
        payload = _jws.decode(token, key, algorithms=[algorithm])
        claims = json.loads(payload)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise NotAToken(type(error).__name__) from None
    if not isinstance(claims, dict):
        raise NotAToken("claims")
    return claims


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
    issued_at, expires_at, begins = _time(claims, "iat"), _time(claims, "exp"), _time(claims, "nbf", 0)
    if expires_at <= now - CLOCK_TOLERANCE:
        raise NotAToken("exp")
    if max(issued_at, begins) > now + CLOCK_TOLERANCE or issued_at < now - LONGEST_AGE:
        raise NotAToken("iat")


def _time(claims: Mapping[str, Any], name: str, default: int | None = None) -> float:
    value = claims.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise NotAToken("times")
    return value


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
