"""Whatever event comes, a handler answers, and never with a server error."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.estate import DOCUMENTS as FITTING
from tests.functions.estate import OPERATIONS, Furnished
from tests.functions.events import FORM, request_authorizer_event, rest_event
from tests.functions.gateway import Answer, Gateway, basic
from tests.functions.world import World

SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ENDPOINTS = ["authorize", "login", "consent", "federate", "token", "refresh", "revoke", "introspect", "metadata"]
MANAGEMENT = ["register", "admin", "partner", "account"]
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
@given(name=st.sampled_from(ENDPOINTS + MANAGEMENT), event=st.dictionaries(TEXT, JSON_VALUES, max_size=5))
def test_any_object_is_answered(name: str, event: dict[str, Any], world: World) -> None:
    is_answered(world.invoke(name, event))


@SETTINGS
@given(
    name=st.sampled_from(ENDPOINTS + MANAGEMENT),
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
@given(pairs=PAIRS, provider=TEXT)
def test_any_answer_of_a_provider_is_answered(pairs: list[tuple[str, str]], provider: str, gateway: Gateway) -> None:
    there = {"route": "ANY /federate/callback/{provider}", "path_parameters": {"provider": provider}}
    answer = gateway.send("GET", "/federate/callback/x", query=pairs, **there)
    assert answer.status < 500
    assert not answer.cookies


@SETTINGS
@given(headers=st.dictionaries(st.sampled_from(["authorization", "content-type", "origin", "host"]) | TEXT, TEXT))
def test_any_headers_are_answered(headers: dict[str, str], gateway: Gateway) -> None:
    for path in ("/token", "/introspect"):
        answer = gateway.post(path, {"grant_type": "client_credentials", "token": "x"}, headers=headers)
        assert answer.status < 500


# ------------------------------------------------------------------ documents

LIKELY = st.one_of(
    VALUES,
    st.lists(VALUES, max_size=4),
    st.integers(),
    st.floats(),
    st.sampled_from(
        ["https://a.example/callback", "disabled", "active", "administrator", "*", "x" * 5000, "\x00", "🦉"]
    ),
    st.sampled_from([["https://a.example/callback"], ["*"], {"one": "One Ltd"}, {"": ""}, [None], [[]]]),
)
FIELDS = sorted({name for one in OPERATIONS.values() if one.body for name in one.body.model_fields} | {"client_id"})
DOCUMENTS = st.dictionaries(st.sampled_from(FIELDS) | TEXT, LIKELY | JSON_VALUES, max_size=6) | JSON_VALUES
MANY = settings(SETTINGS, max_examples=400)


@pytest.fixture
def open_registration(world: World) -> Iterator[str]:
    """Its own client's registration access token, under which anything may be sent."""
    with world.using(register=world.load("register", Registration="Open")):
        yield "ra_" + "A" * 43


@MANY
@given(document=DOCUMENTS, client_id=st.just("") | TEXT, method=st.sampled_from(["POST", "PUT", "GET", "DELETE"]))
def test_any_document_is_registered_or_refused(
    document: Any, client_id: str, method: str, open_registration: str, gateway: Gateway
) -> None:
    base = {"redirect_uris": ["https://a.example/callback"]} if isinstance(document, dict) else {}
    sent = {**base, **document} if base else document
    path = f"/register/{client_id}" if client_id.strip("/") else "/register"
    answer = gateway.register(method, path, sent, bearer=open_registration)
    assert answer.status in (201, 400, 401, 405, 413, 429), answer
    assert answer.headers["cache-control"] == "no-store"


ODD_QUERIES = st.dictionaries(
    st.sampled_from(["cursor", "limit", "subject", "client_id", "organisation", "owner"]) | TEXT,
    st.lists(VALUES | st.sampled_from(["1", "100", "-1", "٣", "e30", "eyJpZCI6IngifQ"]), min_size=1, max_size=2),
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "Content-Type", "Accept", "If-Match"]) | TEXT, TEXT, max_size=2
)


def usually[T](fitting: T, odd: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """So that calls with one odd part get as far as that part."""
    return st.sampled_from([st.just(fitting), st.just(fitting), odd]).flatmap(lambda chosen: chosen)


@MANY
@given(data=st.data())
def test_any_call_of_the_management_apis_is_answered(data: st.DataObject, furnished: Furnished) -> None:
    """Every operation, by somebody who may, with what fits and what does not in path, query, headers and body."""
    world, estate = furnished
    operation = OPERATIONS[data.draw(st.sampled_from(sorted(OPERATIONS)))]
    route = operation.route
    method, _, template = route.partition(" ")
    event = rest_event(
        method,
        template,
        resource=world.resource,
        headers={"Content-Type": "application/json", **data.draw(usually({}, HEADERS))},
        authorizer=estate.context_of(route),
        query=data.draw(usually(estate.query_of(route) or {}, ODD_QUERIES)),
        path_parameters={
            name: data.draw(usually(fitting, TEXT | VALUES)) for name, fitting in estate.path_of(route).items()
        },
        body=data.draw(usually(json.dumps(FITTING.get(route)), DOCUMENTS.map(json.dumps) | TEXT)),
    )
    answer = Answer.of(world.invoke(route.split("/")[1], event))
    assert answer.status < 500, (event, answer)
    assert answer.headers["cache-control"] == "no-store"


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
