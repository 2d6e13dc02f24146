"""JSON Web Tokens and the keys that sign them. The only importer of the JOSE library and of `cryptography`.

Verification follows RFC 8725: the key is ours and names the one algorithm it may be used with; nothing in the token's
header chooses either; `jwk`, `jku` and `x5u` are never looked at, and an unknown `crit` is refused.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from authserver.services import SigningKey, VerificationKey
from authserver.values import base64url

MAX_LENGTH = 8192
CLOCK_TOLERANCE = 10


class NotAToken(Exception):
    """The text is no token of ours; `reason` is a tag for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign(claims: Mapping[str, Any], key: SigningKey, typ: str) -> str:
    """A compact JWS of `claims` (RFC 7515 section 3.1) with `typ` and `kid` in its header."""
    return jwt.encode(dict(claims), key.private, algorithm=key.algorithm, headers={"typ": typ, "kid": key.kid})


def verify(token: str, typ: str, issuer: str, find_key: Callable[[str], VerificationKey | None]) -> dict[str, Any]:
    """The claims of a token that we signed as `typ`. Its times and audience are the caller's to check.

    Raises `NotAToken`.
    """
    header = read_header(token, MAX_LENGTH)
    if not isinstance(header.get("kid"), str):
        raise NotAToken("kid")
    if str(header.get("typ", "")).lower().removeprefix("application/") != typ.lower():
        raise NotAToken("typ")
    key = find_key(header["kid"])
    if key is None:
        raise NotAToken("unknown_kid")
    if header.get("alg") != key.algorithm:
        raise NotAToken("alg")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[key.algorithm],
            issuer=issuer,
            options={
                "require": ["iss", "exp", "iat", "sub"],
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise NotAToken(type(error).__name__) from None
    if not all(isinstance(claims[name], int) for name in ("exp", "iat")):
        raise NotAToken("times")
    return claims


def is_current(claims: Mapping[str, Any], now: int) -> bool:
    """Whether a verified token may be used now. Clocks may differ by ten seconds about its beginning, not its end."""
    begins = max(claims["iat"], claims.get("nbf", claims["iat"]))
    return bool(begins - CLOCK_TOLERANCE <= now < claims["exp"])


def left_half_hash(text: str) -> str:
    """`at_hash` of an access token, for the SHA-256 algorithms (OpenID Connect Core section 3.1.3.6)."""
    return base64url(sha256(text.encode("ascii")).digest()[:16])


# ------------------------------------------------------------------ keys


def generate(algorithm: str) -> tuple[bytes, dict[str, str]]:
    """A new key pair: the private part in PKCS #8, the public part as JWK (RFC 7517) with kid, use and alg."""
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(ECAlgorithm.to_jwk(private.public_key()))
    elif algorithm == "RS256":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    else:
        raise ValueError(f"unknown algorithm {algorithm}")
    members = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    return (
        private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        {**members, "kid": thumbprint(members), "use": "sig", "alg": algorithm},
    )


def load_private(der: bytes) -> Any:
    """The private key in `der`, parsed once per cold start."""
    return load_der_private_key(der, password=None)


def load_public(jwk: Mapping[str, str]) -> Any:
    """The public key of a JWK of ours."""
    algorithm = ECAlgorithm if jwk["kty"] == "EC" else RSAAlgorithm
    return algorithm.from_jwk(dict(jwk))


def thumbprint(members: Mapping[str, str]) -> str:
    """The JWK thumbprint, which is the key's identifier (RFC 7638 section 3)."""
    required = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[members["kty"]]
    canonical = json.dumps({name: members[name] for name in required}, separators=(",", ":"), sort_keys=True)
    return base64url(sha256(canonical.encode()).digest())


def read_header(token: str, max_length: int) -> dict[str, Any]:
    """The header of a compact JWS, of which nothing is true yet. Raises `NotAToken`."""
    if len(token) > max_length:
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
