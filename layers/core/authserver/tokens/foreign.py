"""JSON Web Tokens that others signed: ID tokens of identity providers, assertions of clients.

As with our own tokens, the key names the algorithm it may be used with (RFC 8725 section 3.1): each algorithm of the
list below goes with one type of key, and a key that names an algorithm goes with that one alone. `jwk`, `jku` and `x5u`
are never looked at, and a `crit` is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import OKPAlgorithm

from authserver.tokens.jwt import NotAToken
from authserver.values import read_json

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

MAX_LENGTH = 16_384  # tokens with many claims are longer than ours

KEY_TYPES = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # RFC 9864's name for the same
}
LATEST = 2**53  # seconds: numbers in JSON up to here are the same everywhere (RFC 8259 section 6)
MIN_RSA_BITS = 2048
MAX_KEYS = 20
MAX_MEMBER = 1400  # characters: the modulus of an RSA key of 8192 bits has 1366
PUBLIC = ("kty", "crv", "x", "y", "n", "e", "kid", "use", "alg")
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_jws = jwt.PyJWS(algorithms=["RS256", "PS256", "ES256", "EdDSA"])
_jws.register_algorithm("Ed25519", OKPAlgorithm())


class UnknownKey(NotAToken):
    """None of the issuer's keys that we have signed it; the issuer may have newer ones."""


def header_of(token: str, longest: int = MAX_LENGTH) -> dict[str, Any]:
    """The header of a compact JWS of at most `longest` characters, of which nothing is true yet. Raises `NotAToken`."""
    if len(token) > longest:
        raise NotAToken("too_long")
    if not token.isascii():
        raise NotAToken("not_ascii")
    if "=" in token:
        raise NotAToken("padding")  # RFC 7515 section 2: without it, or one token would have two spellings
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError) as error:
        raise NotAToken(type(error).__name__) from None
    if "crit" in header:
        raise NotAToken("crit")
    return header


def allowed_algorithm(header: Mapping[str, Any], allowed: Container[str]) -> str:
    """The algorithm that the header names, if it is one of these. Raises `NotAToken`."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in allowed:
        raise NotAToken("alg")
    return algorithm


def find_key(header: Mapping[str, Any], algorithm: str, keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The key that the header names, or the only one that fits (RFC 7515 section 6, OpenID Connect Core 10.1)."""
    fitting = [key for key in keys if _fits(key, algorithm)]
    kid = header.get("kid")
    if kid is not None:
        fitting = [key for key in fitting if key.get("kid") == kid]
    if not fitting or any(_public_parts(key) != _public_parts(fitting[0]) for key in fitting):
        raise UnknownKey("unknown_kid")
    return fitting[0]


def _public_parts(key: Mapping[str, Any]) -> list[Any]:
    """What makes a key the same as another one: some issuers list one twice (RFC 7638 section 3.2)."""
    return [key.get(name) for name in ("kty", "crv", "x", "y", "n", "e")]


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    kind, curve = KEY_TYPES[algorithm]
    return (
        key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and _one_name(key.get("alg", algorithm)) == _one_name(algorithm)
        and key.get("use", "sig") == "sig"
    )


def _one_name(algorithm: object) -> object:
    """The algorithm by one of its names (RFC 9864 section 2.2)."""
    return "EdDSA" if algorithm == "Ed25519" else algorithm


def key_set_of(document: object) -> list[dict[str, str]]:
    """The keys of a JWK set (RFC 7517 section 5) that tokens may be verified with, by their public members alone.

    Keys of other types and uses are ignored, as section 5 says. Raises `ValueError` with the rule that is broken.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("must be a JWK set: an object with an array of keys")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"must have at most {MAX_KEYS} keys")
    if any(SECRET & key.keys() or key.get("kty") == "oct" for key in keys):
        raise ValueError("must not have private or symmetric keys")
    usable = [key for key in map(_public, keys) if _is_usable(key)]
    if not usable:
        raise ValueError("has no key of RSA (2048 bits or more), P-256 or Ed25519 to verify with")
    return usable


def _public(key: Mapping[str, Any]) -> dict[str, str]:
    found = {name: key[name] for name in PUBLIC if name in key}
    are_texts = all(isinstance(value, str) and len(value) <= MAX_MEMBER for value in found.values())
    return found if are_texts else {}


def _is_usable(key: Mapping[str, str]) -> bool:
    if not any(_fits(key, algorithm) for algorithm in KEY_TYPES):
        return False
    try:
        load_key(key)
    except NotAToken:
        return False
    return True


def load_key(jwk: Mapping[str, Any]) -> Any:
    """The public key of a JWK that fits one of `KEY_TYPES`. Raises `NotAToken`."""
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[jwk["kty"]]
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise NotAToken("key_malformed") from None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise NotAToken("key_too_short")
    return key


def claims_of(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    """What the key signed, by this algorithm alone. Raises `NotAToken`."""
    try:
        payload = _jws.decode(token, key, algorithms=[algorithm])
        claims = read_json(payload)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise NotAToken(type(error).__name__) from None
    if not isinstance(claims, dict):
        raise NotAToken("claims")
    return claims


def time_of(claims: Mapping[str, Any], name: str, default: int | None = None) -> float:
    """A NumericDate (RFC 7519 section 2). Raises `NotAToken`."""
    value = claims.get(name, default)
    # An integer may be too large for a float, which NaN is: nothing is made of either.
    if not isinstance(value, int | float) or isinstance(value, bool) or not -LATEST < value < LATEST:
        raise NotAToken("times")
    return value
