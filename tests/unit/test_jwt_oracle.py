"""Our own JWS code beside PyJWT, over tokens that somebody bent: whatever we accept it accepts, with the same claims,
and we refuse nothing that it accepts but what is written down here."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from authserver.services import SigningKey, VerificationKey
from authserver.tokens.jwk import generate, load_private, load_public
from authserver.tokens.jwt import MAX_LENGTH, NotAToken, sign, verify

ISSUER = "https://auth.example"
TYP = "at+jwt"
ALGORITHMS = ("ES256", "RS256")
GOOD: dict[str, Any] = {"iss": ISSUER, "sub": "alice", "iat": 1_800_000_000, "exp": 1_800_003_600, "scope": "read é"}
BENT_PER_ALGORITHM = 1500
OCTETS = "ABCxyz019-_=.+/ \n\0é"


class Keys:
    """One key pair for each algorithm, as we load it and as PyJWT takes it."""

    def __init__(self) -> None:
        self.signing: dict[str, SigningKey] = {}
        self.verification: dict[str, VerificationKey] = {}
        self.by_pyjwt: dict[str, Any] = {}
        for algorithm in ALGORITHMS:
            private, public = generate(algorithm)
            kid = public["kid"]
            self.signing[algorithm] = SigningKey(kid, algorithm, load_private(private))
            self.verification[kid] = VerificationKey(kid, algorithm, load_public(public))
            self.by_pyjwt[kid] = jwt.PyJWK(public)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys()


def ours(token: str, keys: Keys) -> dict[str, Any] | None:
    try:
        return verify(token, TYP, ISSUER, keys.verification.get)
    except NotAToken:
        return None


def theirs(token: str, keys: Keys) -> dict[str, Any] | None:
    """What PyJWT says, asked as carefully as it can be."""
    try:
        header = jwt.get_unverified_header(token)
        key = keys.by_pyjwt[header["kid"]]
        if "crit" in header or header.get("typ", "").lower().removeprefix("application/") != TYP:
            return None
        found: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm_name],
            issuer=ISSUER,
            options={
                "require": ["iss", "exp", "iat", "sub"],
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, KeyError, AttributeError, TypeError, ValueError):
        return None
    return found if all(type(found[name]) is int for name in ("exp", "iat")) else None


def is_stricter(token: str) -> bool:
    """What we refuse and PyJWT accepts: a second spelling of the same octets (RFC 7515 section 2 knows one), and what
    is longer than any token of ours."""
    if len(token) > MAX_LENGTH:
        return True
    parts = token.split(".")
    return any(base64.urlsafe_b64encode(_decoded(part)).rstrip(b"=").decode() != part for part in parts)


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


# ------------------------------------------------------------------ good tokens


@pytest.mark.rfc("7515", "5")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_we_sign_pyjwt_verifies_and_the_other_way_round(keys: Keys, algorithm: str) -> None:
    key = keys.signing[algorithm]
    headers = {"typ": TYP, "kid": key.kid}
    for claims in (GOOD, {**GOOD, "aud": ["a", "b"], "deep": {"nothing": None, "text": 'quotes " and \\ and \u2028'}}):
        assert theirs(sign(claims, key, TYP), keys) == claims
        assert ours(jwt.encode(claims, key.private, algorithm, headers=headers), keys) == claims


@pytest.mark.rfc("7518", "3.4")
def test_each_half_of_an_ecdsa_signature_keeps_its_leading_zeros(keys: Keys) -> None:
    """One in 128 signatures has one; a good part of two thousand do."""
    key = keys.signing["ES256"]
    tokens = [sign({**GOOD, "jti": str(number)}, key, TYP) for number in range(2000)]
    short = [token for token in tokens if 0 in (_decoded(token.rpartition(".")[2])[at] for at in (0, 32))]
    assert short
    assert all(theirs(token, keys) for token in short)
    assert all(ours(token, keys) for token in short)


# ------------------------------------------------------------------ keys


@pytest.mark.rfc("7517", "4")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_a_jwk_as_others_read_it(algorithm: str) -> None:
    private, public = generate(algorithm)
    loaded = jwt.PyJWK({**json.loads(private), "alg": algorithm}).key
    assert isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    assert loaded.private_numbers() == load_private(private).private_numbers()
    assert jwt.PyJWK(public).key.public_numbers() == load_public(public).public_numbers()
    assert not {"d", "p", "q", "dp", "dq", "qi"} & public.keys()


@pytest.mark.rfc("7518", "6.2.1")
def test_a_coordinate_keeps_its_leading_zeros() -> None:
    """One coordinate in 256 has one."""
    for _ in range(1500):
        private, public = generate("ES256")
        if min(_decoded(public["x"])[0], _decoded(public["y"])[0], _decoded(json.loads(private)["d"])[0]) == 0:
            break
    else:
        pytest.fail("no coordinate with a leading zero")
    assert (
        jwt.PyJWK({**json.loads(private), "alg": "ES256"}).key.private_numbers()
        == load_private(private).private_numbers()
    )


# ------------------------------------------------------------------ bent tokens


@pytest.mark.rfc("8725", "3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyjwt_and_we_agree_about_bent_tokens(keys: Keys, algorithm: str) -> None:
    accepted = refused = 0
    for token in bent_tokens(keys, algorithm):
        mine, reference = ours(token, keys), theirs(token, keys)
        if mine is None:
            assert reference is None or is_stricter(token), token
            refused += 1
        else:
            assert mine == reference, token
            accepted += 1
    assert accepted > 20
    assert refused > 1000


def bent_tokens(keys: Keys, algorithm: str) -> Iterator[str]:
    chance = random.Random(f"bent {algorithm}")  # noqa: S311 - it hides nothing
    key = keys.signing[algorithm]
    good = sign(GOOD, key, TYP)
    yield good
    yield from (_signed(header, content, key) for header, content in _parts(key, keys))
    for _ in range(BENT_PER_ALGORITHM):
        yield chance.choice(BENDS)(good, chance)


def _parts(key: SigningKey, keys: Keys) -> Iterator[tuple[bytes, bytes]]:
    """Headers and contents that are not made by mistake, to be signed by the right key."""
    header, other = (
        {"alg": key.algorithm, "typ": TYP, "kid": key.kid},
        next(k for k in keys.verification if k != key.kid),
    )
    strange: tuple[Any, ...] = (None, "", 0, 1.5, True, [], {}, ["ES256"], "none", "HS256", other, key.kid, "AT+JWT")
    strange = (*strange, "application/at+jwt", "JWT", "es256", "RS256", "ES256", key.algorithm.encode().decode() + " ")
    for name in ("alg", "typ", "kid", "crit", "b64", "jwk", "jku", "x5u", "cty", "zip"):
        for value in strange:
            yield _json({**header, name: value}), _json(GOOD)
        yield _json({one: value for one, value in header.items() if one != name}), _json(GOOD)
    for name in ("iss", "sub", "exp", "iat", "nbf", "aud", "jti"):
        for value in (*strange, ISSUER, [ISSUER], 10**30, -1, 1e300, "1900000000"):
            yield _json(header), _json({**GOOD, name: value})
        yield _json(header), _json({one: value for one, value in GOOD.items() if one != name})
    for octets in (
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b'{"iss":NaN}',
        b"\xef\xbb\xbf{}",
        b"[" * 3000,
        b"9" * 5000,
        b'"',
    ):
        yield octets, _json(GOOD)
        yield _json(header), octets
    yield _json(header) + b" ", _json(GOOD) + b"\n"
    yield b'{"alg":"none",' + _json(header)[1:], _json(GOOD)
    yield _json(header)[:-1] + b',"kid":"another"}', _json(GOOD)


def _signed(header: bytes, content: bytes, key: SigningKey) -> str:
    signed = f"{_base64url(header)}.{_base64url(content)}"
    algorithm = jwt.get_algorithm_by_name(key.algorithm)
    return f"{signed}.{_base64url(algorithm.sign(signed.encode(), key.private))}"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _replaced(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token))
    return token[:at] + chance.choice(OCTETS) + token[at + 1 :]


def _inserted(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token) + 1)
    return token[:at] + chance.choice(OCTETS) + token[at:]


def _cut(token: str, chance: random.Random) -> str:
    return token[: chance.randrange(len(token))]


def _last_bits(token: str, chance: random.Random) -> str:
    """Other letters at the end of a part, where some of their bits are not used."""
    parts = token.split(".")
    at = chance.randrange(len(parts))
    parts[at] = parts[at][:-1] + chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    return ".".join(parts)


def _other_signature(token: str, chance: random.Random) -> str:
    octets = _decoded(token.rpartition(".")[2])
    half = len(octets) // 2
    others = (
        b"",
        b"\0",
        bytes(len(octets)),
        b"\xff" * len(octets),
        octets[half:] + octets[:half],
        octets[:-1],
        octets + b"\0",
        b"\0" + octets,
        octets[half:],
        chance.randbytes(len(octets)),
    )
    return f"{token.rpartition('.')[0]}.{_base64url(chance.choice(others))}"


def _parts_moved(token: str, chance: random.Random) -> str:
    parts = [*token.split("."), "", "e30"]
    return ".".join(chance.choice(parts) for _ in range(chance.choice((1, 2, 3, 3, 3, 4, 5))))


BENDS: tuple[Callable[[str, random.Random], str], ...] = (
    _replaced,
    _inserted,
    _cut,
    _last_bits,
    _other_signature,
    _parts_moved,
)
