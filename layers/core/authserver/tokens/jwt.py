"""JSON Web Tokens of this server: signed and verified by `cryptography` alone, since they have two algorithms and one
header.

Verification follows RFC 8725: the key is one of this server's and names the one algorithm that it may be used with;
nothing in the token's header chooses either; `jwk`, `jku` and `x5u` are never looked at, and a `crit` is refused.
`tokens.foreign` verifies tokens of others.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from authserver.values import base64url, from_base64url, json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.services import SigningKey, VerificationKey

MAX_LENGTH = 8192
CLOCK_TOLERANCE = 10
P256_OCTETS = 32  # of each half of a signature


class _Es256(ECDSA):
    """ECDSA with SHA-256. Making an `ECDSA` itself imports every other algorithm of `cryptography`: 24 modules,
    and a twentieth of a cold start."""

    algorithm = SHA256()
    deterministic_signing = False

    def __init__(self) -> None: ...


_ES256 = _Es256()


class NotAToken(Exception):
    """The text is no token of ours; `reason` is a tag for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign(claims: Mapping[str, Any], key: SigningKey, typ: str) -> str:
    """A compact JWS of `claims` (RFC 7515 section 3.1) with `alg`, `typ` and `kid` in its header."""
    signed = f"{_header(key.algorithm, typ, key.kid)}.{_part(claims)}"
    return f"{signed}.{base64url(_signature(key, signed.encode()))}"


def verify(token: str, typ: str, issuer: str, find_key: Callable[[str], VerificationKey | None]) -> dict[str, Any]:
    """The claims of a token that we signed as `typ`. Its times and audience are the caller's to check.

    Raises `NotAToken`.
    """
    header, content, signature = _parts_of(token)
    key = _key_of(header, typ, find_key)
    _require_signature(key, signature, token.rpartition(".")[0].encode())
    claims = _object(content, "content")
    if claims.get("iss") != issuer:
        raise NotAToken("issuer")
    if not isinstance(claims.get("sub"), str) or not isinstance(claims.get("jti", ""), str):
        raise NotAToken("identifiers")
    if not all(type(claims.get(name)) is int for name in ("exp", "iat")):
        raise NotAToken("times")
    return claims


def is_current(claims: Mapping[str, Any], now: int) -> bool:
    """Whether a verified token may be used now. Ten seconds of clock difference are allowed about its beginning, none
    about its end."""
    begins = max(claims["iat"], claims.get("nbf", claims["iat"]))
    return bool(begins - CLOCK_TOLERANCE <= now < claims["exp"])


def left_half_hash(text: str) -> str:
    """`at_hash` of an access token, for the SHA-256 algorithms (OpenID Connect Core section 3.1.3.6)."""
    return base64url(sha256(text.encode("ascii")).digest()[:16])


# ------------------------------------------------------------------ parts


@cache
def _header(algorithm: str, typ: str, kid: str) -> str:
    return _part({"alg": algorithm, "typ": typ, "kid": kid})


def _part(members: Mapping[str, Any]) -> str:
    return base64url(json_text(members).encode())


def _parts_of(token: str) -> tuple[dict[str, Any], bytes, bytes]:
    """Header, content and signature of a compact JWS, of which nothing is true yet (RFC 7515 section 5.2)."""
    if len(token) > MAX_LENGTH:
        raise NotAToken("too_long")
    try:
        header, content, signature = map(from_base64url, token.split("."))
    except ValueError:
        raise NotAToken("parts") from None
    return _object(header, "header"), content, signature


def _object(octets: bytes, what: str) -> dict[str, Any]:
    """The JSON object that a part is. Raises `NotAToken`."""
    try:
        found = json.loads(octets.decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotAToken(what)
    return found


def _key_of(header: Mapping[str, Any], typ: str, find_key: Callable[[str], VerificationKey | None]) -> VerificationKey:
    """The key that a header names, if all that it says is so."""
    if "crit" in header:
        raise NotAToken("crit")
    if not isinstance(header.get("kid"), str):
        raise NotAToken("kid")
    if str(header.get("typ", "")).lower().removeprefix("application/") != typ.lower():
        raise NotAToken("typ")
    key = find_key(header["kid"])
    if key is None:
        raise NotAToken("unknown_kid")
    if header.get("alg") != key.algorithm:
        raise NotAToken("alg")
    return key


# ------------------------------------------------------------------ signatures (RFC 7518 sections 3.3 and 3.4)


def _signature(key: SigningKey, signed: bytes) -> bytes:
    if key.algorithm == "RS256":
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return bytes(key.private.sign(signed, PKCS1v15(), SHA256()))
    return _both_halves(key.private.sign(signed, _ES256))


def _both_halves(signature: bytes) -> bytes:
    """A signature of `cryptography`'s as JWS has it (RFC 7518 section 3.4): both numbers in 32 octets each.

    It is the DER of a SEQUENCE of two INTEGERs, which has at most 72 octets: each of its three lengths is one octet. An
    INTEGER begins with a zero octet if it would else be negative, and has none in front that tell nothing.
    """
    second = 4 + signature[3]
    r, s = signature[4:second], signature[second + 2 :]
    return r[-P256_OCTETS:].rjust(P256_OCTETS, b"\0") + s[-P256_OCTETS:].rjust(P256_OCTETS, b"\0")


def _require_signature(key: VerificationKey, signature: bytes, signed: bytes) -> None:
    try:
        if key.algorithm == "RS256":
            from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

            key.public.verify(signature, signed, PKCS1v15(), SHA256())
        else:
            key.public.verify(_dss_signature(signature), signed, _ES256)
    except InvalidSignature:
        raise NotAToken("signature") from None


def _dss_signature(signature: bytes) -> bytes:
    """A signature's two numbers as `cryptography` takes them."""
    if len(signature) != 2 * P256_OCTETS:
        raise NotAToken("signature")
    r, s = signature[:P256_OCTETS], signature[P256_OCTETS:]
    return encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
