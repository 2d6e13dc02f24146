"""Assertions that clients authenticate by: RFC 7521 section 4.2, RFC 7523 section 3, OpenID Connect Core section 9."""

import json
from base64 import urlsafe_b64encode
from typing import Any
from unittest.mock import patch

import jwt
import pytest
from jwt.algorithms import HMACAlgorithm

from authserver.client_authentication import authenticate
from authserver.endpoints.machines.introspect import introspect_token
from authserver.endpoints.machines.metadata import server_metadata
from authserver.endpoints.machines.revoke import revoke_token
from authserver.ends import FORGOTTEN_AFTER
from authserver.errors import InvalidClient, InvalidRequest, OAuthError
from authserver.messages.token import ClientRequest, TokenPresented
from authserver.tokens.foreign import key_set_of
from authserver.values import Secret
from tests.assertions import ASSERTION_TYPE, Signer
from tests.fakes import CLIENT_SECRET, START, client, public_client
from tests.openid_provider import part, private_key, public_jwk
from tests.unit.server import Server, all_at_once
from tests.unit.test_client_authentication import basic

ISSUER = "https://as.example"
ALGORITHMS = ["ES256", "PS256", "RS256", "EdDSA"]


def signer(algorithm: str = "ES256", client_id: str = "signer", **changed: Any) -> Signer:
    return Signer(client_id, ISSUER, lambda: START, algorithm, **changed)


def server_of(*signers: Signer, **changed: Any) -> Server:
    clients = (
        client(
            client_id=one.client_id,
            token_endpoint_auth_method="private_key_jwt",
            secrets=(),
            jwks=one.jwks,
            **changed,
        )
        for one in signers
    )
    return Server(*clients, client(), public_client())


def authenticated(server: Server, authorization: str | None = None, **form: str) -> str:
    return authenticate(ClientRequest(form, (), authorization, reference="r"), server.services).client_id


def refused(server: Server, authorization: str | None = None, **form: str) -> str:
    with pytest.raises(OAuthError) as caught:
        authenticated(server, authorization, **form)
    assert isinstance(caught.value, InvalidClient)
    return caught.value.reason


@pytest.mark.rfc("OIDC Core", "9")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_client_authenticates_by_its_key(algorithm: str) -> None:
    one = signer(algorithm)
    server = server_of(one)
    assert authenticated(server, **one.form()) == "signer"
    assert authenticated(server, client_id="signer", **one.form()) == "signer"


@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("registered", ["EdDSA", "Ed25519", ""])
@pytest.mark.parametrize("in_key", ["EdDSA", "Ed25519", None])
def test_ed25519_has_two_names_everywhere(named: str, registered: str, in_key: str | None) -> None:
    one = signer("EdDSA", header={"alg": named})
    jwk = {**one.jwk, "alg": in_key}
    keys = json.dumps({"keys": [{name: value for name, value in jwk.items() if value}]})
    server = Server(
        client(
            client_id="signer",
            token_endpoint_auth_method="private_key_jwt",
            jwks=keys,
            token_endpoint_auth_signing_alg=registered,
        )
    )
    assert authenticated(server, **one.form()) == "signer"


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/token", [ISSUER], [f"{ISSUER}/token"]])
def test_the_audience_is_the_issuer_or_the_token_endpoint(audience: Any) -> None:
    one = signer()
    assert authenticated(server_of(one), **one.form(aud=audience)) == "signer"


HALF = "\ud800"  # of a surrogate pair: JSON may have it (RFC 8259 section 8.2), and no text does
BENT: list[tuple[dict[str, Any], str]] = [
    ({"aud": [ISSUER, "https://other.example"]}, "audience"),
    ({"aud": [ISSUER, f"{ISSUER}/token"]}, "audience"),
    ({"aud": [ISSUER, ISSUER]}, "audience"),
    ({"aud": []}, "audience"),
    ({"aud": None}, "audience"),
    ({"aud": f"{ISSUER}/"}, "audience"),
    ({"aud": "https://other.example"}, "audience"),
    ({"aud": {"a": ISSUER}}, "audience"),
    ({"aud": [[ISSUER]]}, "audience"),
    ({"iss": "web"}, "issuer"),
    ({"iss": None}, "issuer"),
    ({"jti": None}, "jti"),
    ({"jti": ""}, "jti"),
    ({"jti": 7}, "jti"),
    ({"jti": "x" * 256}, "jti"),
    ({"exp": None}, "times"),
    ({"exp": "soon"}, "times"),
    ({"exp": True}, "times"),
    ({"exp": float("nan")}, "times"),
    ({"exp": float("inf")}, "times"),
    ({"exp": 10**400}, "times"),
    ({"iat": 10**400}, "times"),
    ({"nbf": -(10**400)}, "times"),
    ({"jti": "\ud800"}, "malformed"),
    ({"exp": START - 10}, "expired"),
    ({"exp": START + 3661}, "lifetime"),
    ({"iat": START + 61}, "not_yet"),
    ({"nbf": START + 61}, "not_yet"),
    ({"nbf": "now"}, "times"),
]


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize(("claims", "reason"), BENT)
def test_what_is_not_said_to_us_by_this_client_now_is_refused(claims: dict[str, Any], reason: str) -> None:
    one = signer()
    server = server_of(one)
    assert refused(server, **one.form(**claims)) == f"assertion_{reason}"
    assert server.calls["counters.spend"] == 0


@pytest.mark.parametrize(
    "claims", [{"iat": START + 60}, {"nbf": START + 60}, {"iat": None}, {"exp": START - 9}, {"exp": START + 3660}]
)
def test_clocks_may_differ_by_a_minute(claims: dict[str, Any]) -> None:
    one = signer()
    assert authenticated(server_of(one), **one.form(**claims)) == "signer"


@pytest.mark.rfc("7523", "3")
def test_an_assertion_is_used_once_by_whichever_instance() -> None:
    one = signer()
    server = server_of(one)
    form = one.form()
    assert authenticated(server, **form) == "signer"
    assert refused(server, **form) == "assertion_used"
    another = server.new_instance()
    with pytest.raises(InvalidClient) as caught:
        authenticate(ClientRequest(form), another)
    assert caught.value.reason == "assertion_used"


def test_of_many_uses_at_once_one_counts() -> None:
    one = signer()
    server = server_of(one)
    form = one.form()

    def use(_: int) -> str:
        try:
            return authenticated(server, **form)
        except InvalidClient as error:
            return error.reason

    answers = all_at_once(use, 8)
    assert sorted(answers) == ["assertion_used"] * 7 + ["signer"]


def test_the_mark_outlives_the_assertion_by_what_clocks_differ() -> None:
    one = signer()
    server = server_of(one)
    with patch.object(server.counters, "spend", wraps=server.counters.spend) as spend:
        authenticated(server, **one.form(exp=START + 60))
    assert spend.call_args.args[2] == START + 60 + FORGOTTEN_AFTER


def test_two_clients_may_use_the_same_identifier() -> None:
    one, two = signer(), signer(client_id="second", number=1)
    server = server_of(one, two)
    assert authenticated(server, **one.form(jti="1")) == "signer"
    assert authenticated(server, **two.form(jti="1")) == "second"


@pytest.mark.rfc("8725", "3.1")
@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384", ""])
def test_an_algorithm_that_is_not_ours_is_refused(algorithm: str) -> None:
    one = signer()
    header, content, signature = one.assertion().split(".")
    bent = part({"alg": algorithm, "kid": "one"})
    for tail in (signature, ""):
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": f"{bent}.{content}.{tail}"}
        assert refused(server_of(one), **form) == "assertion_alg"
    assert header


@pytest.mark.rfc("8725", "3.2")
def test_a_public_key_is_no_secret_of_an_hmac() -> None:
    one = signer("RS256")
    secret = json.dumps(one.jwk).encode()
    content = jwt.decode(one.assertion(), options={"verify_signature": False})
    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(content)}"
    tag = urlsafe_b64encode(HMACAlgorithm(HMACAlgorithm.SHA256).sign(signed.encode(), secret)).rstrip(b"=").decode()
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": f"{signed}.{tag}"}
    assert refused(server_of(one), **form) == "assertion_alg"


def test_the_registered_algorithm_is_the_only_one() -> None:
    one = signer("PS256")
    keys = json.dumps({"keys": [{name: value for name, value in one.jwk.items() if name != "alg"}]})
    server = server_of(one, token_endpoint_auth_signing_alg="PS256")
    server.clients.put(
        client(
            client_id="signer",
            token_endpoint_auth_method="private_key_jwt",
            jwks=keys,
            token_endpoint_auth_signing_alg="PS256",
        )
    )
    assert authenticated(server, **one.form()) == "signer"
    other = signer("RS256")
    assert refused(server, **other.form()) == "assertion_alg"


@pytest.mark.rfc("7515", "4.1.11")
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kid": "two"}, "unknown_kid"),
        ({"crit": ["exp"], "exp": 1}, "malformed"),
        ({"typ": "at+jwt"}, "typ"),
        ({"typ": "logout+jwt"}, "typ"),
        ({"jwk": public_jwk("ES256", "one", 1), "kid": "two"}, "unknown_kid"),
        ({"jku": "https://evil.example/keys", "kid": "two"}, "unknown_kid"),
    ],
)
def test_the_header_chooses_nothing(header: dict[str, Any], reason: str) -> None:
    one = signer(header=header)
    assert refused(server_of(one), **one.form()) == f"assertion_{reason}"


@pytest.mark.parametrize("typ", ["JWT", None, "client-authentication+jwt"])
def test_the_types_that_libraries_send(typ: str | None) -> None:
    one = signer(header={"typ": typ})
    assert authenticated(server_of(one), **one.form()) == "signer"


def test_another_key_of_the_same_kind_is_not_the_clients() -> None:
    one, thief = signer(), signer(number=1)
    assert refused(server_of(one), **thief.form()) == "assertion_signature"


def test_one_clients_key_does_not_speak_for_another() -> None:
    one, two = signer(), signer(client_id="second", number=1)
    server = server_of(one, two)
    assert refused(server, **one.form(sub="second", iss="second")) == "assertion_signature"
    assert refused(server, **one.form(iss="second")) == "assertion_issuer"


def test_a_key_without_kid_is_found_if_it_is_the_only_one() -> None:
    one = signer(header={"kid": None})
    assert authenticated(server_of(one), **one.form()) == "signer"


@pytest.mark.rfc("7521", "4.2")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_assertion": "a.b.c"}, InvalidRequest),
        ({"client_assertion_type": ASSERTION_TYPE}, InvalidRequest),
        ({"client_assertion_type": ASSERTION_TYPE, "client_id": "app"}, InvalidRequest),
        ({"client_assertion": "a.b.c", "client_assertion_type": "urn:x"}, InvalidClient),
        ({"client_assertion": "nonsense", "client_assertion_type": ASSERTION_TYPE}, InvalidClient),
        ({"client_assertion": "a.b.c.d", "client_assertion_type": ASSERTION_TYPE}, InvalidClient),
        ({"client_assertion": f"e30.{part({'sub': 7})}.", "client_assertion_type": ASSERTION_TYPE}, InvalidClient),
        ({"client_assertion": f"e30.{part({'sub': ''})}.", "client_assertion_type": ASSERTION_TYPE}, InvalidClient),
        ({"client_assertion": f"e30.{part({'sub': HALF})}.", "client_assertion_type": ASSERTION_TYPE}, InvalidClient),
        (
            {"client_assertion": f"e30.{part({'sub': 'x' * 3000})}.", "client_assertion_type": ASSERTION_TYPE},
            InvalidClient,
        ),
        ({"client_assertion": "e30.W10.", "client_assertion_type": ASSERTION_TYPE}, InvalidClient),
    ],
)
def test_what_is_malformed_is_refused(form: dict[str, str], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        authenticated(server_of(signer()), **form)


@pytest.mark.rfc("6749", "2.3")
def test_an_assertion_and_another_method_are_two() -> None:
    one = signer()
    server = server_of(one)
    for form in ({"client_id": "web", "client_secret": CLIENT_SECRET}, {"client_secret": "x", "client_id": "signer"}):
        with pytest.raises(InvalidRequest):
            authenticated(server, **form, **one.form())
    with pytest.raises(InvalidRequest):
        authenticated(server, basic(), **one.form())
    assert server.calls["counters.spend"] == 0


@pytest.mark.rfc("7521", "4.2")
@pytest.mark.parametrize("named", ["web", "app", "Signer"])
def test_client_id_is_the_one_of_the_assertion(named: str) -> None:
    one = signer()
    with pytest.raises(InvalidRequest) as caught:
        authenticated(server_of(one), client_id=named, **one.form())
    assert caught.value.reason == "client_id_differs"


def test_a_client_registered_for_it_takes_no_other_method() -> None:
    one = signer()
    server = server_of(one)
    assert refused(server, client_id="signer") == "client_method"
    assert refused(server, basic("signer")) == "client_method"


def test_one_registered_for_another_method_is_refused_with_keys_and_without() -> None:
    one = signer()
    server = Server(client(client_id="signer", jwks=one.jwks), client(client_id="plain"))
    assert refused(server, **one.form()) == "client_method"
    other = signer(client_id="plain")
    assert refused(server, **other.form()) == "client_method"


def test_a_client_that_there_is_not_is_unknown_and_notes_nothing_of_its_own() -> None:
    one = signer(client_id="nobody")
    server = server_of(signer())
    assert refused(server, **one.form()) == "client_unknown"
    assert server.calls["counters.spend"] == 0


def test_its_developer_is_told_why() -> None:
    one = signer()
    server = server_of(one)
    refused(server, **one.form(aud="https://other.example"))
    (refusal,) = server.services.journal.refusals("signer", (START // 86_400 * 86_400,))
    assert refusal.reason == "assertion_audience"


@pytest.mark.rfc("7009", "2.1")
def test_revocation_and_introspection_take_it_too() -> None:
    one = signer()
    server = server_of(one)
    request = TokenPresented(one.form(), token=Secret("x"))
    assert introspect_token(request, server.services).members() == {"active": False}
    request = TokenPresented(one.form(), token=Secret("x"))
    assert revoke_token(request, server.services).members() == {}
    with pytest.raises(InvalidClient):
        revoke_token(request, server.services)


@pytest.mark.rfc("8414", "2")
def test_the_metadata_lists_the_algorithms_for_each_endpoint() -> None:
    members = server_metadata(Server().services).members()
    assert "private_key_jwt" in members["token_endpoint_auth_methods_supported"]
    for endpoint in ("token", "revocation", "introspection"):
        found = members[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert found == ["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]


@pytest.mark.rfc("8414", "2")
def test_without_the_method_no_algorithm_is_listed() -> None:
    server = Server(client_auth_methods=("client_secret_basic", "none"))
    assert not [name for name in server_metadata(server.services).members() if "auth_signing_alg" in name]


# ------------------------------------------------------------------ key sets


@pytest.mark.rfc("7517", "5")
def test_a_key_set_keeps_the_public_members_of_usable_keys() -> None:
    good = public_jwk("ES256", x5c=["AAAA"], x5u="https://x.example")
    unusable = [
        {"kty": "ML"},
        public_jwk("ES384", "two"),
        {"kty": "RSA", "n": 7, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256"},
    ]
    encryption = public_jwk("RS256", "three", use="enc")
    (kept,) = key_set_of({"keys": [*unusable, encryption, good]})
    assert kept == {name: value for name, value in good.items() if name not in ("x5c", "x5u")}


def private_jwk() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private_key("ES256")))
    return found


@pytest.mark.parametrize(
    "document",
    [
        {"keys": [private_jwk()]},
        {"keys": [public_jwk("ES256"), {"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [public_jwk("ES256"), {"kty": "oct"}]},
        {"keys": []},
        {"keys": "all"},
        {"keys": [7]},
        {"keys": [public_jwk("RSA1024", alg="RS256")]},
        {"keys": [public_jwk("ES256")] * 21},
        {"keys": [public_jwk("RS256", n="A" * 1401)]},
        {},
        [],
        None,
    ],
)
def test_what_is_no_key_set_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"must|has no"):
        key_set_of(document)
