"""The Lambda authorizer over the wire: RFC 6750, and what API Gateway makes of each answer."""

import json
from typing import Any

import pytest
from awslambdaric.bootstrap import handle_event_request
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from authserver.aws.authorizer import authorizer
from authserver.messages.access import ActiveAccessToken
from authserver.values import Scope
from tests.functions.events import (
    arn_of,
    request_authorizer_event,
    rest_event,
    simple_authorizer_event,
    token_authorizer_event,
)
from tests.functions.gateway import Gateway
from tests.functions.given import issue_opaque_tokens
from tests.functions.journey import App, admin, machine, native
from tests.functions.simulated_aws import Call, Fault, SimulatedAws
from tests.functions.world import World

API = "abcdef1234"
HTTP_DOMAIN = "zyxwvu9876.execute-api.eu-central-1.amazonaws.com"


@pytest.fixture
def token(gateway: Gateway) -> str:
    """Of a client, with the scope read."""
    return str(machine(gateway).own_token(scope="read").json()["access_token"])


def ask(world: World, event: dict[str, Any]) -> dict[str, Any]:
    """What is decided; events of type TOKEN are for a function that takes them."""
    takes = {"TokenAuthorizers": "NoTenants"} if event.get("type") == "TOKEN" else {}
    with world.using(**{"authorizer": world.load("authorizer", **takes)} if takes else {}):
        answer: dict[str, Any] = world.invoke("authorizer", event)
        return answer


def request(world: World, method: str, route: str, token: str = "", **options: Any) -> dict[str, Any]:
    """A REST API's event of type REQUEST."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return request_authorizer_event(method, route, **{"resource": world.resource, "headers": headers, **options})


def is_unauthorized(world: World, event: dict[str, Any]) -> None:
    """The one exception that API Gateway turns into 401."""
    with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
        ask(world, event)


def is_denied(world: World, event: dict[str, Any], error: str) -> dict[str, str]:
    """The context, which the gateway's 403 is made of."""
    answer = ask(world, event)
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    context: dict[str, str] = answer["context"]
    assert context["error"] == error
    assert f'error="{error}"' in context["challenge"]
    return context


# ------------------------------------------------------------------ the three kinds of events


@pytest.mark.rfc("6750", "2.1")
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_passes_in_any_spelling(name: str, scheme: str, world: World, token: str) -> None:
    answer = ask(world, request(world, "GET", "/items", headers={name: f"{scheme} {token}"}))
    assert answer["principalId"] == "demo-machine"
    assert answer["policyDocument"]["Version"] == "2012-10-17"


def test_the_policy_is_for_exactly_the_call_that_was_made(world: World, token: str) -> None:
    for event in (
        request(world, "GET", "/items", token),
        token_authorizer_event("GET", "/items", f"Bearer {token}", api=world.resource[8:18]),
    ):
        (statement,) = ask(world, event)["policyDocument"]["Statement"]
        assert statement == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": [event["methodArn"]]}


def test_an_event_without_path_parameters_lets_nobody_in_unless_the_operator_said_so(world: World, token: str) -> None:
    event = token_authorizer_event("GET", "/items", f"Bearer {token}", api=world.resource[8:18])
    with pytest.raises(RuntimeError, match="type TOKEN are refused"):
        world.invoke("authorizer", event)


def test_the_api_behind_is_told_who_calls_in_text(world: World, native_app: App, token: str) -> None:
    tokens = native_app.tokens()
    context = ask(world, request(world, "GET", "/me", tokens["access_token"]))["context"]
    assert set(context) == {"sub", "client_id", "scope", "jti", "expires_at", "authorization_id"}
    assert all(isinstance(value, str) for value in context.values())
    assert tokens["access_token"] not in str(context)
    assert "authorization_id" not in ask(world, request(world, "GET", "/me", token))["context"]


def test_an_http_api_gets_a_simple_answer(world: World, token: str) -> None:
    def event(path: str, authorization: str) -> dict[str, Any]:
        return simple_authorizer_event(
            "GET", path, domain=HTTP_DOMAIN, resource=world.resource, authorization=authorization
        )

    answer = ask(world, event("/items", f"Bearer {token}"))
    assert answer["isAuthorized"] is True
    assert answer["context"]["client_id"] == "demo-machine"
    for path, authorization in (("/items", "Bearer garbage"), ("/items", ""), ("/userinfo", f"Bearer {token}")):
        assert ask(world, event(path, authorization))["isAuthorized"] is False


# ------------------------------------------------------------------ no token, a bad one, one that is not enough


class Runtime:
    """The other side of `awslambdaric`: what it tells Lambda of one event, and what it writes down."""

    def __init__(self, world: World, event: dict[str, Any]) -> None:
        self.marshaller = LambdaMarshaller()
        self.told: dict[str, Any] = {}
        self.written: list[str] = []
        handle_event_request(
            *(self, lambda event, _context: world.invoke("authorizer", event), "r-1", json.dumps(event)),
            *("application/json", None, None, "arn:aws:lambda:eu-central-1:123456789012:function:a", 0, None, self),
        )

    def post_invocation_error(self, _: str, error: str, *_more: object) -> None:
        self.told = json.loads(error)

    def log_error(self, lines: list[str]) -> None:
        self.written += lines


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("authorization", ["Bearer garbage", "Bearer a.b.c", "garbage"])
def test_a_bad_token_is_no_broken_function_in_the_log(
    authorization: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """API Gateway takes a 401 by an exception alone, which Lambda writes down: once, with the one frame that raises."""
    runtime = Runtime(world, request(world, "GET", "/me", headers={"Authorization": authorization}))
    assert (runtime.told["errorMessage"], runtime.told["errorType"]) == ("Unauthorized", "NoAnswer")
    frames = [frame for frame in runtime.told["stackTrace"] if "authserver/aws" in frame]
    assert len(frames) == 1
    ours, *unstructured = capsys.readouterr().out.splitlines()
    assert json.loads(ours)["outcome"] == "client_error"
    assert unstructured == []


def test_an_error_that_nobody_expects_is_told_with_its_traceback_once(
    world: World, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Any) -> Any:
        return lambda answer: {"Responses": "nonsense"}

    with world.aws.failing(lambda call: broken(call) if call.operation == "BatchGetItem" else None):
        runtime = Runtime(world, request(world, "GET", "/me", token))
    assert runtime.told["errorMessage"] == "unexpected"
    traceback, line = (json.loads(one) for one in capsys.readouterr().out.splitlines())
    assert "Traceback" in traceback["exception"]
    assert (line["status"], line["reason"], line["outcome"]) == (500, "unexpected", "bug")


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer  ", "garbage", "Basic ZGVtbzpkZW1v", "Token x", "Bearer a b"]
)
def test_no_token_or_a_bad_one_is_unauthorized(authorization: str, world: World) -> None:
    is_unauthorized(world, request(world, "GET", "/me", headers={"Authorization": authorization}))
    is_unauthorized(world, token_authorizer_event("GET", "/me", authorization))


def test_a_token_that_was_changed_is_unauthorized(world: World, token: str) -> None:
    header, payload, signature = token.split(".")
    for changed in (
        f"{header}.{payload}.",
        f"{header}.{payload[:-2]}AA.{signature}",
        f"{header}..{signature}",
        token[1:],
    ):
        is_unauthorized(world, request(world, "GET", "/me", changed))


@pytest.mark.rfc("6750", "3.1")
def test_an_id_token_or_a_refresh_token_is_no_access_token(world: World, native_app: App) -> None:
    tokens = native_app.tokens()
    for name in ("id_token", "refresh_token"):
        is_unauthorized(world, request(world, "GET", "/me", tokens[name]))


@pytest.mark.rfc("6750", "3.1")
def test_a_missing_scope_is_told_in_the_challenge(world: World, token: str) -> None:
    context = is_denied(world, request(world, "POST", "/items", token), "insufficient_scope")
    assert 'scope="write"' in context["challenge"]
    assert f'resource_metadata="{world.resource}/.well-known/oauth-protected-resource"' in context["challenge"]


def test_stored_routes_count_at_every_api_but_the_resource_api(
    world: World, gateway: Gateway, machine_app: App
) -> None:
    """Which its stage variable tells, whatever address it has now."""
    address = "https://once.example.com"
    described = {"identifier": address, "scopes": ["read"], "routes": {"GET /admin/users": "read"}}
    operator = str(admin(gateway).own_token(scope="admin:resources").json()["access_token"])
    route = "PUT /admin/resources/{resource_id}"
    assert gateway.manage(route, operator, described, resource_id="once").status == 200
    world.clock.pass_by(2)
    token = machine_app.own_token(scope="read", resource=address).json()["access_token"]
    event = request(world, "GET", "/admin/users", token, resource=address)
    assert ask(world, event)["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert world.stack.rest_api
    event["stageVariables"] = {**world.stack.rest_api.stage_variables, "resource": address}
    is_denied(world, event, "insufficient_scope")


WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.mark.rfc("9728", "3.1")
@pytest.mark.rfc("9728", "5.1")
@pytest.mark.parametrize(
    ("resource", "called", "named"),
    [
        # By the API's own address, the stage comes first; so does what a domain maps to it; a root has neither.
        (f"https://{API}.example.com/v1", "/v1/items", f"https://{API}.example.com/v1{WELL_KNOWN}"),
        (f"https://{API}.example.com/v1/mcp", "/v1/items", f"https://{API}.example.com/v1{WELL_KNOWN}/mcp"),
        ("https://mcp.example.com/mcp", "/items", f"https://mcp.example.com{WELL_KNOWN}/mcp"),
        ("https://mcp.example.com/orders", "/orders/items", f"https://mcp.example.com/orders{WELL_KNOWN}"),
        ("https://mcp.example.com", "/v1/items", f"https://mcp.example.com{WELL_KNOWN}"),
    ],
)
def test_the_challenge_of_each_api_names_its_own_document(
    resource: str, called: str, named: str, world: World, machine_app: App
) -> None:
    with world.using(token=world.load("token", Resources=resource)):
        token = machine_app.own_token(scope="read", resource=resource).json()["access_token"]
    event = request(world, "POST", "/items", token, resource=resource)
    event["requestContext"]["path"] = called
    context = is_denied(world, event, "insufficient_scope")
    assert f'resource_metadata="{named}"' in context["challenge"]


@pytest.mark.rfc("9728", "5.1")
def test_the_challenge_of_a_token_authorizer_names_the_apis_own_document(world: World, token: str) -> None:
    event = token_authorizer_event("POST", "/items", f"Bearer {token}", api=world.resource[8:18])
    context = is_denied(world, event, "insufficient_scope")
    assert f'resource_metadata="{world.resource}{WELL_KNOWN}"' in context["challenge"]


@pytest.mark.rfc("6750", "3.1")
def test_an_expired_token_is_unauthorized(world: World, token: str) -> None:
    event = request(world, "GET", "/items", token)
    assert ask(world, event)
    world.clock.pass_by(3600)
    is_unauthorized(world, event)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_revoked_token_is_unauthorized(opaque: bool, world: World, gateway: Gateway) -> None:
    if opaque:
        issue_opaque_tokens(world, "demo-machine", "demo-app")
    for app, tokens in (
        (machine(gateway), machine(gateway).own_token().json()),
        (native(gateway), native(gateway).tokens()),
    ):
        event = request(world, "GET", "/me", tokens["access_token"])
        assert ask(world, event)
        app.post("/revoke", token=tokens["access_token"])
        is_unauthorized(world, event)


@pytest.mark.rfc("9700", "2.3")
def test_a_token_for_another_api_is_unauthorized(world: World, token: str) -> None:
    is_unauthorized(world, request(world, "GET", "/items", token, resource="https://other.example.com"))
    is_unauthorized(world, request(world, "GET", "/items", token, resource=""))
    is_unauthorized(world, token_authorizer_event("GET", "/items", f"Bearer {token}", api=API))
    is_unauthorized(
        world, token_authorizer_event("GET", "/items", f"Bearer {token}", api=world.resource[8:18], stage="v2")
    )


# ------------------------------------------------------------------ transports


@pytest.mark.rfc("6750", "2")
def test_a_token_in_the_query_counts_only_where_the_operator_says_so(world: World, token: str) -> None:
    event = request(world, "GET", "/items", query={"access_token": [token]})
    is_unauthorized(world, event)
    both = world.load("authorizer", BearerTokenIn="HeaderOrQuery")
    for name in ("access_token", "bearer_token"):
        allowed = world.run("authorizer", both, request(world, "GET", "/items", query={name: [token]}))
        assert allowed["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    simple = simple_authorizer_event(
        "GET", "/items", domain=HTTP_DOMAIN, resource=world.resource, query={"access_token": token}
    )
    assert world.run("authorizer", both, simple)["isAuthorized"] is True


@pytest.mark.rfc("6750", "2")
def test_two_transports_at_once_are_an_invalid_request(world: World, token: str) -> None:
    both = world.load("authorizer", BearerTokenIn="HeaderOrQuery")
    with world.using(authorizer=both):
        for query in ({"access_token": [token]}, {"bearer_token": [token]}):
            is_denied(world, request(world, "GET", "/items", token, query=query), "invalid_request")
        for twice in ({"access_token": [token, token]}, {"access_token": [token], "bearer_token": [token]}):
            is_denied(world, request(world, "GET", "/items", query=twice), "invalid_request")


def test_two_authorization_headers_are_not_one(world: World, token: str) -> None:
    """API Gateway's cache key may be made of one, and the decision of the other (SECURITY.md section 2)."""
    event = request(world, "GET", "/items", token)
    event["multiValueHeaders"] = {"Authorization": ["Bearer of-somebody-else", f"Bearer {token}"]}
    try:
        answer = ask(world, event)
    except RuntimeError as refusal:
        assert str(refusal) == "Unauthorized"  # noqa: PT017 - one of two right answers
    else:
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


# ------------------------------------------------------------------ routes


def test_a_route_that_nobody_named_is_denied(world: World, token: str) -> None:
    for method, path in (("DELETE", "/items"), ("GET", "/nothing"), ("GET", "/items/5"), ("get ", "/items")):
        is_denied(world, request(world, method, path, token), "insufficient_scope")


def test_the_route_is_the_apis_own_spelling_not_the_callers_path(world: World, token: str) -> None:
    is_denied(world, request(world, "POST", "/items", token, path="/me"), "insufficient_scope")
    assert ask(world, request(world, "GET", "/items", token, path="/me"))["policyDocument"]


def test_an_operators_routes_and_the_default(world: World, token: str) -> None:
    own = world.load("authorizer", RouteScopes="GET /orders/{id}=read, POST /orders=orders.write, $default=read")
    with world.using(authorizer=own):
        assert ask(world, request(world, "GET", "/orders/{id}", token, path="/orders/5"))["principalId"]
        assert ask(world, request(world, "PUT", "/anything", token))["principalId"]
        is_denied(world, request(world, "POST", "/orders", token), "insufficient_scope")
        is_denied(world, request(world, "POST", "/items", token), "insufficient_scope")
        simple = simple_authorizer_event(
            "GET", "/x", domain=HTTP_DOMAIN, resource=world.resource, authorization=f"Bearer {token}"
        )
        assert ask(world, simple | {"routeKey": "$default"})["isAuthorized"] is True


WILD = ["/items/*", "/*", "/items/?", "/item?", "/items/a*b", "*"]


@pytest.mark.parametrize("path", WILD)
@pytest.mark.parametrize("kind", ["REQUEST", "TOKEN"])
def test_a_wildcard_in_the_path_never_widens_the_policy(kind: str, path: str, world: World, token: str) -> None:
    """It would be one in the policy, which API Gateway may keep and apply to other calls of the same token."""
    scopes = {"RouteScopes": "GET /items/{id}=read, $default=read"}
    own = world.load("authorizer", TokenAuthorizers="NoTenants", **scopes)
    if kind == "REQUEST":
        event = request(world, "GET", "/items/{id}", token, path=path)
    else:
        event = token_authorizer_event("GET", path, f"Bearer {token}", api=world.resource[8:18])
    answer = world.run("authorizer", own, event)
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"


OTHERWISE_SPELT = [
    "/public/../admin",
    "/public/./admin",
    "/public/%2e%2e/admin",
    "/%61dmin",
    "/public%2Fadmin",
    "//admin",
    "/public//admin",
    "/admin/",
    "/public/..;/admin",
    "/admin;x=y",
    "/public\\admin",
]


@pytest.mark.parametrize("path", OTHERWISE_SPELT)
def test_a_token_event_is_refused_whose_path_may_be_read_as_another(path: str, world: World, token: str) -> None:
    """Its events tell the path in the caller's spelling alone, by which the scope is asked."""
    own = world.load("authorizer", TokenAuthorizers="NoTenants", RouteScopes="GET /admin=orders.write, $default=read")

    def effect(path: str) -> object:
        event = token_authorizer_event("GET", path, f"Bearer {token}", api=world.resource[8:18])
        return world.run("authorizer", own, event)["policyDocument"]["Statement"][0]["Effect"]

    assert (effect(path), effect("/public"), effect("/")) == ("Deny", "Allow", "Allow")


# ------------------------------------------------------------------ a store that does not answer

FAULTS = [Fault.THROUGHPUT_EXCEEDED, Fault.THROTTLED, Fault.INTERNAL, Fault.RESET, Fault.DENIED]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["jwt", "opaque"])
@pytest.mark.parametrize("simple", [False, True])
def test_a_store_that_is_down_lets_nobody_pass(
    simple: bool, kind: str, fault: Fault, world: World, gateway: Gateway, aws: SimulatedAws
) -> None:
    """Neither Allow nor a 401 that would make clients throw a good token away."""
    if kind == "opaque":
        issue_opaque_tokens(world, "demo-machine")
    good = machine(gateway).own_token().json()["access_token"]
    event = (
        simple_authorizer_event(
            "GET", "/items", domain=HTTP_DOMAIN, resource=world.resource, authorization=f"Bearer {good}"
        )
        if simple
        else request(world, "GET", "/items", good)
    )
    fresh = world.load("authorizer")
    aws.calls.clear()
    world.run("authorizer", fresh, event)
    for failing in range(len(aws.calls)):
        cold = world.load("authorizer")
        with aws.failing(from_call(failing, fault)), pytest.raises(RuntimeError) as raised:
            world.run("authorizer", cold, event)
        assert "Unauthorized" not in str(raised.value)
        assert "arn:" not in str(raised.value)
        assert world.run("authorizer", cold, event)  # recovers by itself


def from_call(first: int, fault: Fault) -> Any:
    """Every attempt from this one on fails."""
    seen = iter(range(1_000_000))

    def plan(_: Call) -> Fault | None:
        return fault if next(seen) >= first else None

    return plan


def test_an_item_that_was_not_processed_is_not_taken_for_absent(world: World, token: str, aws: SimulatedAws) -> None:
    def unprocessed(call: Call) -> Any:
        if call.operation != "BatchGetItem":
            return None
        return lambda answer: {"Responses": {}, "UnprocessedKeys": call.request["RequestItems"]}

    with aws.failing(unprocessed), pytest.raises(RuntimeError, match="unavailable"):
        ask(world, request(world, "GET", "/items", token))


def test_rest_events_of_these_tests_have_what_the_gateway_sends() -> None:
    event = rest_event("GET", "/items", path="/items")
    assert (event["resource"], arn_of("GET", "/items").split("/")[-2:]) == ("/items", ["GET", "items"])


def test_the_api_behind_is_told_the_operators_claims_as_json(world: World) -> None:
    token = ActiveAccessToken("app", "jane", Scope(), (), "jti", 0, 0, claims={"groups": ["a", "b"], "level": 7})
    handler = authorizer(accepts_token_events=False)(lambda _: token)
    context = handler(request(world, "GET", "/me"), None)["context"]
    assert all(isinstance(value, str) for value in context.values())
    assert json.loads(context["claims"]) == {"groups": ["a", "b"], "level": 7}
