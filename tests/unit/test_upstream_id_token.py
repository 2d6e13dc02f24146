"""ID tokens of other issuers: OpenID Connect Core section 3.1.3.7, and all that must not pass for one."""

from typing import Any

import pytest

from authserver.tokens.foreign import UnknownKey
from authserver.tokens.jwt import NotAToken
from authserver.tokens.upstream import Expected, verify_id_token
from tests.fakes import START
from tests.openid_provider import CLIENT_ID, SUBJECT, OpenIdProvider, part, public_jwk

ISSUER = "https://idp.example"
ACCESS_TOKEN = "the access token"
EXPECTED = Expected(ISSUER, CLIENT_ID, "the nonce", ACCESS_TOKEN)
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
TEMPLATE = "https://login.example/{tenantid}/v2.0"


def provider(algorithm: str = "ES256") -> OpenIdProvider:
    return OpenIdProvider(ISSUER, lambda: START, algorithm)


def verified(one: OpenIdProvider, expected: Expected = EXPECTED, now: int = START) -> dict[str, Any]:
    return verify_id_token(one.id_token("the nonce", ACCESS_TOKEN), one.keys, expected, now)


def refused(one: OpenIdProvider, expected: Expected = EXPECTED, now: int = START) -> str:
    with pytest.raises(NotAToken) as caught:
        verified(one, expected, now)
    return caught.value.reason


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"])
def test_a_good_id_token_gives_its_claims(algorithm: str) -> None:
    one = provider("EdDSA" if algorithm == "Ed25519" else algorithm)
    one.keys = [public_jwk("EdDSA", alg=algorithm)] if algorithm == "Ed25519" else one.keys
    one.keys = [public_jwk("RS256", alg="PS256")] if algorithm == "PS256" else one.keys
    one.header = {"alg": algorithm}
    if algorithm.startswith("Ed"):
        one.claims = {"at_hash": None}
    assert verified(one)["sub"] == SUBJECT


@pytest.mark.rfc("OIDC Core", "3.1.3.8")
def test_at_hash_of_ed25519_is_the_half_of_sha_512() -> None:
    one = provider("EdDSA")
    assert refused(one) == "at_hash"


@pytest.mark.rfc("8725", "3.1")
@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384", "None", ["ES256"], None, ""])
def test_an_algorithm_that_is_not_in_the_list_is_refused(algorithm: Any) -> None:
    one = provider()
    one.keys = [public_jwk("ES256", alg=None), public_jwk("ES384", kid="two")]
    one.keys[0].pop("alg")
    if algorithm in ("none", "HS256", "ES384"):
        one.header = {"alg": algorithm}
        assert refused(one) == "alg"
        return
    token = one.id_token("the nonce", ACCESS_TOKEN)
    forged = ".".join([part({"alg": algorithm, "kid": "one"}), *token.split(".")[1:]])
    with pytest.raises(NotAToken):
        verify_id_token(forged, one.keys, EXPECTED, START)


@pytest.mark.rfc("8725", "3.1")
@pytest.mark.parametrize(
    "key",
    [
        public_jwk("RS256"),  # another type than the algorithm's
        public_jwk("ES256", alg="ES384"),
        public_jwk("ES256", use="enc"),
        public_jwk("ES256", kid="two"),
        public_jwk("ES256", crv="P-384"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        {},
    ],
)
def test_a_key_that_is_not_for_this_is_as_good_as_unknown(key: dict[str, Any]) -> None:
    one = provider()
    one.keys = [key]
    with pytest.raises(UnknownKey):
        verified(one)


@pytest.mark.rfc("OIDC Core", "10.1")
def test_without_a_kid_the_only_key_that_fits_is_taken() -> None:
    one = provider()
    one.header = {"kid": None}
    one.keys = [public_jwk("RS256", kid="other"), public_jwk("ES256", kid=None)]
    assert verified(one)["sub"] == SUBJECT
    one.keys.append(public_jwk("ES256", kid="four", use="sig"))  # the same, listed twice
    assert verified(one)["sub"] == SUBJECT
    one.keys.append(public_jwk("ES256", kid="three", number=3))
    with pytest.raises(UnknownKey):
        verified(one)


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
def test_a_signature_by_another_key_is_refused() -> None:
    one = provider()
    one.keys = [public_jwk("ES256", number=7)]
    assert refused(one) == "InvalidSignatureError"


@pytest.mark.rfc("8725", "3.5")
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (public_jwk("ES256", x="AA"), "key_malformed"),
        (public_jwk("ES256", x=7), "key_malformed"),
        ({"kty": "EC", "crv": "P-256", "kid": "one"}, "key_malformed"),
    ],
)
def test_a_malformed_key_is_refused(key: dict[str, Any], reason: str) -> None:
    one = provider()
    one.keys = [key]
    assert refused(one) == reason


def test_a_short_rsa_key_is_refused() -> None:
    one = provider("RS256")
    one.keys = [{**public_jwk("RSA1024"), "alg": "RS256"}]
    assert refused(one) == "key_too_short"


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://idp.example/"}, "iss"),
        ({"iss": "https://other.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT_ID, "another"]}, "azp"),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"aud": {CLIENT_ID: 1}}, "aud"),
        ({"exp": START - 10}, "exp"),
        ({"exp": None}, "times"),
        ({"exp": "9999999999"}, "times"),
        ({"exp": True}, "times"),
        ({"iat": START + 61}, "iat"),
        ({"iat": START - 601}, "iat"),
        ({"iat": None}, "times"),
        ({"nbf": START + 61}, "iat"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ["the nonce"]}, "nonce"),
        ({"at_hash": "x"}, "at_hash"),
        ({"at_hash": 7}, "at_hash"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": "a\x00b"}, "sub"),
    ],
)
def test_a_claim_that_is_not_as_it_must_be_is_refused(claims: dict[str, Any], reason: str) -> None:
    one = provider()
    one.claims = claims
    assert refused(one) == reason


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID},
        {"at_hash": None},
        {"iat": START + 59},
        {"nbf": START + 59},
        {"exp": START - 9},
        {"exp": START + 300.5},
    ],
)
def test_what_may_differ_may_differ(claims: dict[str, Any]) -> None:
    one = provider()
    one.claims = claims
    assert verified(one)["sub"] == SUBJECT


@pytest.mark.rfc("8725", "3.11")
@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt"])
def test_another_kind_of_token_is_no_id_token(typ: str) -> None:
    one = provider()
    one.header = {"typ": typ}
    assert refused(one) == "typ"


@pytest.mark.rfc("7515", "4.1.11")
def test_a_critical_header_parameter_is_refused() -> None:
    one = provider()
    one.header = {"crit": ["x"], "x": 1}
    with pytest.raises(NotAToken):
        verified(one)


@pytest.mark.rfc("7515", "4.1.3")
def test_keys_in_the_token_itself_are_not_looked_at() -> None:
    one = provider()
    one.header = {"jwk": public_jwk("ES256"), "jku": "https://evil.example", "kid": "two"}
    with pytest.raises(UnknownKey):
        verified(one)


@pytest.mark.rfc("7517", "4.5")
def test_a_key_that_is_listed_twice_is_one_and_two_keys_of_one_name_are_none() -> None:
    one = provider()
    one.keys = [public_jwk("ES256"), {**public_jwk("ES256"), "use": "sig"}]
    assert verified(one)["sub"] == SUBJECT
    one.keys.append(public_jwk("ES256", number=3))
    with pytest.raises(UnknownKey):
        verified(one)


def test_a_token_that_tells_hundreds_of_groups_is_read() -> None:
    one = provider()
    one.claims = {"groups": [f"g{number:036d}" for number in range(400)]}
    assert len(verified(one)["groups"]) == 400
    one.claims = {"groups": ["g" * 1000] * 60}
    assert refused(one) == "too_long"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", "é.é.é", "x" * 70_000, "=.=.="])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(NotAToken):
        verify_id_token(text, [public_jwk("ES256")], EXPECTED, START)


# ------------------------------------------------------------------ tenants


def of_tenant(**claims: Any) -> OpenIdProvider:
    one = provider()
    one.claims = {"iss": TEMPLATE.replace("{tenantid}", TENANT), "tid": TENANT, **claims}
    return one


ANY_TENANT = Expected(TEMPLATE, CLIENT_ID, "the nonce", ACCESS_TOKEN)


def test_a_template_admits_the_tokens_own_tenant() -> None:
    assert verified(of_tenant(), ANY_TENANT)["iss"] == f"https://login.example/{TENANT}/v2.0"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"tid": None}, "tid"),
        ({"tid": "evil.example/"}, "tid"),
        ({"tid": "bbbbbbbb-0000-cccc-1111-dddd2222eeee"}, "iss"),
        ({"iss": TEMPLATE}, "iss"),
    ],
)
def test_a_template_admits_no_other(claims: dict[str, Any], reason: str) -> None:
    assert refused(of_tenant(**claims), ANY_TENANT) == reason


def test_a_key_of_another_tenant_is_refused() -> None:
    one = of_tenant()
    one.keys = [public_jwk("ES256", issuer="https://login.example/bbbbbbbb-0000-cccc-1111-dddd2222eeee/v2.0")]
    assert refused(one, ANY_TENANT) == "iss"
    one.keys = [public_jwk("ES256", issuer=TEMPLATE)]
    assert verified(one, ANY_TENANT)["tid"] == TENANT
