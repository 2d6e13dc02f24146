"""JWT access tokens: nothing in a token chooses how it is checked (RFC 8725), and nothing but ours passes."""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from authserver.errors import InvalidToken
from authserver.services import SigningKey
from authserver.tokens.jwt import MAX_LENGTH, sign
from authserver.tokens.opaque import key_of
from authserver.values import Secret, base64url, from_base64url
from tests.fakes import ISSUER, RESOURCE, START, client
from tests.unit.server import App, Server


@pytest.fixture
def server() -> Server:
    return Server()


def claims(**overrides: Any) -> dict[str, Any]:
    """The claims of a good token of a client for itself."""
    good = {
        "iss": ISSUER,
        "sub": "web",
        "aud": RESOURCE,
        "client_id": "web",
        "scope": "read",
        "iat": START,
        "exp": START + 100,
        "jti": "jti",
    }
    return {name: value for name, value in {**good, **overrides}.items() if value is not None}


def signed(server: Server, typ: str = "at+jwt", algorithm: str = "ES256", **overrides: Any) -> str:
    return sign(claims(**overrides), server.services.keys.signing_key(algorithm), typ)


def encoded(part: Any) -> str:
    return base64url(part if isinstance(part, bytes) else json.dumps(part).encode())


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = jwt.get_unverified_header(token)
    return header


def with_header(server: Server, **header: Any) -> str:
    """A token signed by the right key over a header of one's own."""
    key = server.services.keys.signing_key("ES256")
    return jwt.encode(claims(), key.private, algorithm="ES256", headers={"typ": "at+jwt", "kid": key.kid, **header})


def reason(server: Server, token: str) -> str:
    """Why the token is refused."""
    with pytest.raises(InvalidToken) as refusal:
        server.access(token)
    return refusal.value.reason


@pytest.mark.rfc("9068", "4")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_token_that_we_signed_passes(server: Server, algorithm: str) -> None:
    assert server.access(signed(server, algorithm=algorithm)).jti == "jti"


@pytest.mark.rfc("9068", "2.2")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_issued_token_has_the_header_and_claims_of_the_profile(algorithm: str) -> None:
    server = Server(access_token_algorithm=algorithm)
    token = App(server).tokens().access_token.reveal()
    header = header_of(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", algorithm)
    assert header["kid"] in {jwk["kid"] for jwk in server.services.keys.published()}
    said = jwt.decode(token, options={"verify_signature": False})
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope", "auth_time"} <= said.keys()
    assert (said["iss"], said["aud"], said["exp"] - said["iat"]) == (ISSUER, RESOURCE, 3600)


# ------------------------------------------------------------------ algorithms and keys


@pytest.mark.rfc("8725", "3.2")
@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_unsigned_token_is_refused(server: Server, alg: str) -> None:
    kid = server.services.keys.signing_key("ES256").kid
    for signature in ("", "AA"):
        token = f"{encoded({'alg': alg, 'typ': 'at+jwt', 'kid': kid})}.{encoded(claims())}.{signature}"
        assert reason(server, token).startswith("jwt_")


@pytest.mark.rfc("8725", "2.1")
@pytest.mark.parametrize("ring", ["ES256", "RS256"])
@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
def test_token_signed_with_our_public_key_as_hmac_secret_is_refused(server: Server, ring: str, form: str) -> None:
    key = server.services.keys.signing_key(ring)
    public = key.private.public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(next(dict(j) for j in server.services.keys.published() if j["kid"] == key.kid)).encode(),
    }[form]
    content = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': key.kid})}.{encoded(claims())}"
    signature = base64url(hmac.digest(secret, content.encode(), "sha256"))
    assert reason(server, f"{content}.{signature}") == "jwt_alg"


@pytest.mark.rfc("8725", "3.1")
def test_token_signed_by_one_ring_under_the_key_identifier_of_the_other_is_refused(server: Server) -> None:
    ecdsa, rsa = (server.services.keys.signing_key(ring) for ring in ("ES256", "RS256"))
    for key, kid in ((ecdsa, rsa.kid), (rsa, ecdsa.kid)):
        token = jwt.encode(claims(), key.private, algorithm=key.algorithm, headers={"typ": "at+jwt", "kid": kid})
        assert reason(server, token) == "jwt_alg"


@pytest.mark.rfc("8725", "3.10")
@pytest.mark.parametrize("parameter", ["jwk", "jku", "x5u", "x5c"])
def test_token_that_brings_its_own_key_is_refused(server: Server, parameter: str) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(own.public_key()))
    brought = {"jwk": jwk, "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "x5c": ["AAAA"]}
    for kid in (server.services.keys.signing_key("ES256").kid, "https://evil.example/jwks#1", "own"):
        headers = {"typ": "at+jwt", "kid": kid, parameter: brought[parameter]}
        assert reason(server, jwt.encode(claims(), own, algorithm="ES256", headers=headers)).startswith("jwt_")


@pytest.mark.rfc("8725", "3.10")
def test_token_of_ours_that_names_a_key_elsewhere_is_checked_with_ours(server: Server) -> None:
    assert server.access(with_header(server, jku="https://evil.example/jwks")).jti == "jti"


@pytest.mark.rfc("7515", "4.1.11")
@pytest.mark.parametrize("crit", [["b64"], ["exp"], [], "x", None, ["unknown"]])
def test_token_with_a_critical_extension_is_refused(server: Server, crit: Any) -> None:
    assert reason(server, with_header(server, crit=crit)).startswith("jwt_")


@pytest.mark.rfc("7797", "6")
def test_token_with_an_extension_that_the_library_knows_is_refused_by_us(server: Server) -> None:
    key = server.services.keys.signing_key("ES256")
    header = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, "b64": True, "crit": ["b64"]}
    content = f"{encoded(header)}.{encoded(claims())}"
    ecdsa = jwt.get_algorithm_by_name("ES256")
    assert reason(server, f"{content}.{base64url(ecdsa.sign(content.encode(), key.private))}") == "jwt_crit"


@pytest.mark.rfc("7515", "4.1.4")
@pytest.mark.parametrize("kid", ["unknown", "", "../x", "x" * 1000, None, 7, ["a"], {"a": 1}])
def test_token_of_an_unknown_key_identifier_is_refused(server: Server, kid: Any) -> None:
    key = server.services.keys.signing_key("ES256")
    header = encoded({"alg": "ES256", "typ": "at+jwt", "kid": kid})
    signature = sign(claims(), key, "at+jwt").rpartition(".")[2]
    assert reason(server, f"{header}.{encoded(claims())}.{signature}").startswith("jwt_")


@pytest.mark.rfc("7515", "5.2")
@pytest.mark.parametrize("position", [0, 1, 2])
def test_token_changed_in_any_part_is_refused(server: Server, position: int) -> None:
    parts = signed(server).split(".")
    middle = len(parts[position]) // 2
    changed = "A" if parts[position][middle] != "A" else "B"
    parts[position] = parts[position][:middle] + changed + parts[position][middle + 1 :]
    assert reason(server, ".".join(parts)).startswith("jwt_")


@pytest.mark.rfc("7515", "5.2")
def test_token_with_a_claim_changed_is_refused(server: Server) -> None:
    header, _, signature = signed(server).split(".")
    for changed in (claims(scope="read write"), claims(sub="admin"), claims(exp=START + 10**6)):
        assert reason(server, f"{header}.{encoded(changed)}.{signature}").startswith("jwt_")


# ------------------------------------------------------------------ kinds


@pytest.mark.rfc("8725", "3.11")
@pytest.mark.rfc("9068", "4")
@pytest.mark.parametrize("typ", ["JWT", "jwt", "", "at", "at+jwt ", "secevent+jwt", "application/jwt", "logout+jwt"])
def test_token_of_another_type_is_refused(server: Server, typ: str) -> None:
    assert reason(server, signed(server, typ)) == "jwt_typ"


@pytest.mark.rfc("9068", "2.1")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_media_type_of_an_access_token_is_known_in_any_case(server: Server, typ: str) -> None:
    assert server.access(signed(server, typ)).jti == "jti"


@pytest.mark.rfc("8725", "2.8")
def test_id_token_is_no_access_token(server: Server) -> None:
    response = App(server).tokens()
    assert response.id_token is not None
    assert reason(server, response.id_token.reveal()) == "jwt_typ"


# ------------------------------------------------------------------ claims


@pytest.mark.rfc("9068", "4")
@pytest.mark.parametrize("issuer", ["https://evil.example", f"{ISSUER}/", ISSUER.upper(), "", None, 7, [ISSUER]])
def test_token_of_another_issuer_is_refused(server: Server, issuer: Any) -> None:
    key = server.services.keys.signing_key("ES256")
    payload = json.dumps(claims(iss=issuer)).encode()
    token = jwt.PyJWS().encode(payload, key.private, "ES256", headers={"typ": "at+jwt", "kid": key.kid})
    assert reason(server, token).startswith("jwt_")


@pytest.mark.rfc("9068", "2.2")
@pytest.mark.parametrize("claim", ["iss", "exp", "iat", "sub"])
def test_token_without_a_required_claim_is_refused(server: Server, claim: str) -> None:
    assert reason(server, signed(server, "at+jwt", "ES256", **{claim: None})).startswith("jwt_")


@pytest.mark.rfc("7519", "4.1.4")
@pytest.mark.parametrize(("exp", "passes"), [(1, True), (0, False), (-1, False), (-(10**9), False)])
def test_token_is_refused_from_its_expiry_on(server: Server, exp: int, passes: bool) -> None:
    token = signed(server, exp=START + exp, iat=START - 10)
    if passes:
        assert server.access(token)
    else:
        assert reason(server, token) == "expired"


@pytest.mark.rfc("7519", "4.1.5")
@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(("ahead", "passes"), [(0, True), (9, True), (10, True), (11, False), (61, False)])
def test_token_from_a_clock_that_runs_ahead_passes_within_ten_seconds(
    server: Server, claim: str, ahead: int, passes: bool
) -> None:
    token = signed(server, "at+jwt", "ES256", **{claim: START + ahead})
    if passes:
        assert server.access(token)
    else:
        assert reason(server, token) == "expired"


@pytest.mark.rfc("7519", "2")
@pytest.mark.parametrize("claim", ["exp", "iat"])
@pytest.mark.parametrize("value", ["1900000000", 1.9e9, [1], {}])
def test_token_whose_times_are_no_integers_is_refused(server: Server, claim: str, value: Any) -> None:
    assert reason(server, signed(server, **{claim: value})).startswith("jwt_")


# ------------------------------------------------------------------ rubbish


RUBBISH: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "dots": lambda: "..",
    "many dots": lambda: "." * 1000,
    "two parts": lambda: f"{encoded({'alg': 'ES256'})}.{encoded({})}",
    "four parts": lambda: ".".join([encoded({})] * 4),
    "five parts": lambda: ".".join([encoded({})] * 5),
    "header of a list": lambda: f"{encoded([])}.{encoded({})}.AA",
    "header of a number": lambda: f"{encoded(7)}.{encoded({})}.AA",
    "header of null": lambda: f"{encoded(None)}.{encoded({})}.AA",
    "header that is no JSON": lambda: f"{encoded(b'{')}.{encoded({})}.AA",
    "header that is no UTF-8": lambda: f"{encoded(bytes([255, 254, 253]))}.{encoded({})}.AA",
    "header with a huge number": lambda: f"{encoded(b'{"kid":' + b'9' * 5000 + b'}')}.{encoded({})}.AA",
    "header with padding": lambda: base64.urlsafe_b64encode(b'{"alg":"ES256"}').decode() + ".e30.AA",
    "letters beyond ASCII": lambda: "é.é.é",
    "a NUL": lambda: "\x00.\x00.\x00",
    "spaces": lambda: " a . b . c ",
    "too long": lambda: "a" * (MAX_LENGTH + 1),
    "nested deeply": lambda: encoded(b"[" * 5900) + ".e30.AA",
}


@pytest.mark.rfc("7519", "7.2")
@pytest.mark.parametrize("kind", RUBBISH)
def test_rubbish_is_refused_as_any_other_token(server: Server, kind: str) -> None:
    assert reason(server, RUBBISH[kind]()) in {"token_missing", "jwt_too_long", "jwt_parts", "jwt_header", "jwt_kid"}


@pytest.mark.rfc("7519", "7.2")
def test_huge_token_is_refused_before_it_is_parsed(server: Server) -> None:
    assert reason(server, signed(server) + "A" * MAX_LENGTH) == "jwt_too_long"
    assert sys.getsizeof(signed(server)) < MAX_LENGTH


# ------------------------------------------------------------------ id tokens


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_id_token_says_who_signed_in_where_and_for_which_request(algorithm: str) -> None:
    server = Server(client(id_token_signed_response_alg=algorithm))
    response = App(server).tokens(nonce="the nonce")
    assert response.id_token is not None
    token = response.id_token.reveal()
    header = header_of(token)
    key = server.services.keys.verification_key(header["kid"])
    assert key is not None
    said = jwt.decode(
        token,
        key.public,
        [algorithm],
        audience="web",
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )
    at_hash = base64url(hashlib.sha256(response.access_token.reveal().encode()).digest()[:16])
    assert (said["sub"], said["nonce"], said["at_hash"], said["auth_time"]) == (
        "sub-of-alice",
        "the nonce",
        at_hash,
        START,
    )
    assert header["alg"] == algorithm


@pytest.mark.rfc("OIDC Core", "12.2")
def test_id_token_at_refresh_keeps_the_time_of_the_sign_in() -> None:
    server = Server()
    app = App(server)
    first = app.tokens()
    server.clock.advance(500)
    second = app.refresh(first.refresh_token)
    before, after = (
        jwt.decode(one.id_token.reveal(), options={"verify_signature": False}) if one.id_token else {}
        for one in (first, second)
    )
    assert after["auth_time"] == before["auth_time"] == START
    assert after["iat"] == START + 500
    assert (after["sub"], after["aud"]) == (before["sub"], before["aud"])


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_scope_without_openid_gives_no_id_token() -> None:
    assert App(Server()).tokens(scope="read").id_token is None


# ------------------------------------------------------------------ opaque tokens


@pytest.mark.rfc("6750", "5.2")
def test_opaque_token_with_a_right_tag_and_a_wrong_secret_is_refused() -> None:
    from authserver.tokens import opaque

    server = Server(client(access_token_format="opaque"))
    token = App(server).token("client_credentials", scope="read").access_token.reveal()
    assert server.access(token)
    keys = server.services.keys.token_keys("access_token")
    credential = opaque.unseal(opaque.ACCESS_TOKEN, token, keys)
    assert credential is not None
    forged = opaque.seal(opaque.ACCESS_TOKEN, keys[0], **{**credential.fields, "secret": bytes(16)})
    assert reason(server, forged) == "unknown"
    unknown = opaque.seal(opaque.ACCESS_TOKEN, keys[0], **{**credential.fields, "id": key_of("another")})
    assert reason(server, unknown) == "unknown"


@pytest.mark.rfc("6750", "5.2")
def test_opaque_token_expires() -> None:
    server = Server(client(access_token_format="opaque", access_token_lifetime=100))
    response = App(server).token("client_credentials", scope="read")
    assert response.expires_in == 100
    server.clock.advance(99)
    assert server.access(response.access_token)
    server.clock.advance(1)
    assert reason(server, response.access_token.reveal()) == "expired"


def test_secret_never_shows_in_its_repr() -> None:
    assert "hidden" not in repr(Secret("hidden"))


@dataclass(frozen=True)
class Answering:
    """A private key whose signature is this one, in DER."""

    signature: bytes

    def sign(self, _signed: bytes, _algorithm: object) -> bytes:
        return self.signature


NUMBERS = st.integers(1, 2**256 - 1) | st.integers(1, 255).map(lambda bits: 1 << bits) | st.integers(1, 300)


@pytest.mark.rfc("7518", "3.4")
@given(NUMBERS, NUMBERS)
def test_both_numbers_of_a_signature_have_32_octets_however_small_they_are(r: int, s: int) -> None:
    key = SigningKey("kid", "ES256", Answering(encode_dss_signature(r, s)))
    signature = from_base64url(sign({"sub": "a"}, key, "JWT").rpartition(".")[2])
    assert signature == r.to_bytes(32) + s.to_bytes(32)
