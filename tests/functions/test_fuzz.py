"""Whatever event comes, a handler answers, and never with a server error."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.events import FORM, request_authorizer_event
from tests.functions.gateway import Answer, Gateway, basic
from tests.functions.world import World

SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ENDPOINTS = ["authorize", "login", "consent", "token", "refresh", "revoke", "introspect", "metadata"]
MACHINE = basic("demo-machine", "demo-machine-secret-for-development-only")

TEXT = st.text(max_size=40)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "grant_type",
        "client_id",
        "client_secret",
        "code",
        "code_verifier",
        "code_challenge",
        "code_challenge_method",
        "redirect_uri",
        "response_type",
        "response_mode",
        "refresh_token",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "id_token_hint",
        "login_hint",
        "resource",
        "request",
        "token",
        "token_type_hint",
        "csrf",
        "username",
        "decision",
        "registration",
        "request_uri",
    ]
)
VALUES = st.one_of(
    TEXT,
    st.sampled_from(
        [
            "demo-app",
            "demo-web",
            "demo-machine",
            "code",
            "S256",
            "openid read",
            "http://127.0.0.1:8080/callback",
            "http://127.0.0.1:99999/callback",
            "http://[::1/callback",
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "query",
            "form_post",
            "none",
            "login",
            "0",
            "ac_AAAA",
            "rt_AAAA",
            "at_AAAA",
            "eyJhbGciOiJub25lIn0.e30.",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "https://[x",
        ]
    ),
)
PAIRS = st.lists(st.tuples(NAMES | TEXT, VALUES), max_size=12)
# What may come first, so that requests get beyond the first checks.
BEGINNINGS: dict[str, list[tuple[str, str]]] = {
    "authorize": [
        ("client_id", "demo-app"),
        ("redirect_uri", "http://127.0.0.1:8080/callback"),
        ("response_type", "code"),
    ],
    "token": [("grant_type", "client_credentials")],
    "refresh": [("grant_type", "refresh_token")],
}


def is_answered(answer: dict[str, Any]) -> None:
    assert Answer.of(answer).status < 500, answer


@SETTINGS
@given(name=st.sampled_from(ENDPOINTS), event=st.dictionaries(TEXT, JSON_VALUES, max_size=5))
def test_any_object_is_answered(name: str, event: dict[str, Any], world: World) -> None:
    is_answered(world.invoke(name, event))


@SETTINGS
@given(
    name=st.sampled_from(ENDPOINTS),
    changed=st.dictionaries(
        st.sampled_from(
            ["headers", "cookies", "body", "isBase64Encoded", "pathParameters", "requestContext", "version"]
        ),
        JSON_VALUES,
        max_size=3,
    ),
)
def test_an_event_with_members_of_any_type_is_answered(
    name: str, changed: dict[str, Any], world: World, gateway: Gateway
) -> None:
    event = gateway.event("POST", f"/{name}", form={"grant_type": "client_credentials", "token": "x"}, headers=MACHINE)
    is_answered(world.invoke(name, event | changed))


@SETTINGS
@given(name=st.sampled_from(ENDPOINTS), method=st.sampled_from(["GET", "POST"]), begin=st.booleans(), pairs=PAIRS)
def test_any_parameters_are_answered(
    name: str, method: str, begin: bool, pairs: list[tuple[str, str]], gateway: Gateway
) -> None:
    sent = BEGINNINGS.get(name, []) * begin + pairs
    path = "/.well-known/openid-configuration" if name == "metadata" else f"/{name}"
    options: dict[str, Any] = {"form": sent} if method == "POST" else {"query": sent}
    assert gateway.send(method, path, headers=MACHINE, **options).status < 500


@SETTINGS
@given(name=st.sampled_from(ENDPOINTS), octets=st.binary(max_size=200))
def test_any_octets_are_answered(name: str, octets: bytes, gateway: Gateway) -> None:
    path = "/.well-known/jwks.json" if name == "metadata" else f"/{name}"
    assert gateway.post(path, octets, headers={"content-type": FORM}).status < 500


@SETTINGS
@given(headers=st.dictionaries(st.sampled_from(["authorization", "content-type", "origin", "host"]) | TEXT, TEXT))
def test_any_headers_are_answered(headers: dict[str, str], gateway: Gateway) -> None:
    for path in ("/token", "/introspect"):
        answer = gateway.post(path, {"grant_type": "client_credentials", "token": "x"}, headers=headers)
        assert answer.status < 500


@SETTINGS
@given(scheme=st.sampled_from(["Bearer", "bearer", "Basic", ""]), token=TEXT | VALUES)
def test_no_text_passes_the_authorizer(scheme: str, token: str, world: World) -> None:
    event = request_authorizer_event(
        "GET", "/me", resource=world.resource, headers={"Authorization": f"{scheme} {token}"}
    )
    with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
        world.invoke("authorizer", event)


@SETTINGS
@given(
    event=st.dictionaries(
        st.sampled_from(
            [
                "type",
                "version",
                "methodArn",
                "routeArn",
                "routeKey",
                "headers",
                "httpMethod",
                "resource",
                "authorizationToken",
            ]
        )
        | TEXT,
        JSON_VALUES,
    )
)
def test_no_event_passes_the_authorizer(event: dict[str, Any], world: World) -> None:
    try:
        answer = world.invoke("authorizer", event)
    except RuntimeError:
        return
    assert answer.get("isAuthorized") is False or answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
