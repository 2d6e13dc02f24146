"""Our signing keys as JSON Web Keys (RFC 7517): made, stored, and loaded for `cryptography`.

A private key is stored as its private JWK (RFC 7518 sections 6.2.2 and 6.3.2), wrapped by the key service. So loading
one needs neither a parser of ASN.1 nor its many modules.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from authserver.values import base64url, from_base64url, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

P256_OCTETS = 32
RSA_BITS = 2048
PUBLIC = frozenset({"kty", "crv", "x", "y", "n", "e"})
RSA_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


def generate(algorithm: str) -> tuple[bytes, dict[str, str]]:
    """A new key pair: the private JWK as JSON, and the public one with kid, use and alg."""
    if algorithm == "ES256":
        members = _new_p256()
    elif algorithm == "RS256":
        members = _new_rsa()
    else:
        raise ValueError(f"unknown algorithm {algorithm}")
    public = {name: value for name, value in members.items() if name in PUBLIC}
    private = json.dumps(members, separators=(",", ":")).encode()
    return private, {**public, "kid": thumbprint(public), "use": "sig", "alg": algorithm}


def load_private(private: bytes) -> Any:
    """The private key that `generate` made.

    Its numbers are not proven anew, which takes some 36 ms for RSA: we made them, and the key service vouches for the
    octets.
    """
    jwk = json.loads(private)
    if jwk["kty"] == "EC":
        return ec.EllipticCurvePrivateNumbers(_number(jwk["d"]), _p256_point(jwk)).private_key()
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers

    d, p, q, dp, dq, qi = (_number(jwk[name]) for name in RSA_PRIVATE)
    return RSAPrivateNumbers(p, q, d, dp, dq, qi, _rsa_numbers(jwk)).private_key(unsafe_skip_rsa_key_validation=True)


def load_public(jwk: Mapping[str, str]) -> Any:
    """The public key of a JWK of ours."""
    return (_p256_point(jwk) if jwk["kty"] == "EC" else _rsa_numbers(jwk)).public_key()


def thumbprint(members: Mapping[str, str]) -> str:
    """The JWK thumbprint, which is the key's identifier (RFC 7638 section 3)."""
    required = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[members["kty"]]
    canonical = json.dumps({name: members[name] for name in required}, separators=(",", ":"), sort_keys=True)
    return base64url(sha256(canonical))


def _new_p256() -> dict[str, str]:
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = numbers.public_numbers
    x, y, d = (base64url(one.to_bytes(P256_OCTETS)) for one in (point.x, point.y, numbers.private_value))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d}


def _new_rsa() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    numbers = generate_private_key(public_exponent=65537, key_size=RSA_BITS).private_numbers()
    public = numbers.public_numbers
    private = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    members = {"n": public.n, "e": public.e, **dict(zip(RSA_PRIVATE, private, strict=True))}
    return {"kty": "RSA", **{name: _text(number) for name, number in members.items()}}


def _p256_point(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicNumbers:
    return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1())


def _rsa_numbers(jwk: Mapping[str, str]) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    return RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"]))


def _number(text: str) -> int:
    return int.from_bytes(from_base64url(text))


def _text(number: int) -> str:
    """A Base64urlUInt (RFC 7518 section 2): no leading zero octets."""
    return base64url(number.to_bytes((number.bit_length() + 7) // 8))
