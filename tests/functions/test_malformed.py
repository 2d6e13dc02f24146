"""What is no proper request gets a proper refusal: never a 500, never an exception, in the endpoint's own form."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.events import FORM, rest_event
from tests.functions.gateway import Answer, Gateway, basic
from tests.functions.world import World

PAGES = ["authorize", "login", "consent"]
JSON = ["token", "refresh", "revoke", "introspect"]
PUBLIC = ["metadata"]
REST = ["userinfo", "example_resource"]
HTTP = [*PAGES, *JSON, *PUBLIC]
MACHINE = basic("demo-machine", "demo-machine-secret-for-development-only")


def event_for(name: str, gateway: Gateway, method: str = "POST", **options: Any) -> dict[str, Any]:
    if name == "metadata":
        return gateway.event("GET", "/.well-known/jwks.json", **options)
    return gateway.event(method, f"/{name}", **options)


def refused(name: str, answer: Answer) -> None:
    assert 400 <= answer.status < 500, answer
    assert answer.headers["cache-control"] == "no-store"
    if name in PAGES:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.body.lower().lstrip().startswith("<!doctype html>")
    else:
        nothing_sent = answer.headers.get("www-authenticate") == 'Bearer realm="authserver"'
        assert set(answer.json()) == ({"message"} if nothing_sent else {"error", "error_description"})
    assert "location" not in answer.headers


def without(*path: str) -> Callable[[dict[str, Any]], Any]:
    def change(event: dict[str, Any]) -> None:
        inner = event
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]

    return change


def with_value(value: Any, *path: str) -> Callable[[dict[str, Any]], Any]:
    def change(event: dict[str, Any]) -> None:
        inner = event
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return change


BROKEN_EVENTS = {
    "no requestContext": without("requestContext"),
    "null requestContext": with_value(None, "requestContext"),
    "empty requestContext": with_value({}, "requestContext"),
    "no http": without("requestContext", "http"),
    "no method": without("requestContext", "http", "method"),
    "null method": with_value(None, "requestContext", "http", "method"),
    "no source": without("requestContext", "http", "sourceIp"),
    "no domain": without("requestContext", "domainName"),
    "no routeKey": without("routeKey"),
    "no version": without("version"),
    "version 3": with_value("3.0", "version"),
    "headers are a list": with_value([["a", "b"]], "headers"),
    "headers are text": with_value("a: b", "headers"),
    "cookies are numbers": with_value([1, 2], "cookies"),
    "cookies are an object": with_value(5, "cookies"),
    "no path parameters but a list": with_value([1], "pathParameters"),
    "stage variables are a list": with_value([1], "stageVariables"),
}


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("broken", BROKEN_EVENTS)
def test_an_event_that_is_broken_is_refused(broken: str, name: str, world: World, gateway: Gateway) -> None:
    event = event_for(name, gateway)
    BROKEN_EVENTS[broken](event)
    answer = Answer.of(world.invoke(name, event))
    assert 400 <= answer.status < 500 or (name == "metadata" and answer.status == 200), answer


@pytest.mark.parametrize("name", [*HTTP, *REST])
def test_an_empty_event_is_refused(name: str, world: World) -> None:
    refused(name, Answer.of(world.invoke(name, {})))


@pytest.mark.parametrize("name", HTTP)
def test_headers_that_are_null_are_no_headers(name: str, world: World, gateway: Gateway) -> None:
    event = event_for(name, gateway, form={"a": "b"}) | {"headers": None, "cookies": None, "stageVariables": None}
    answer = Answer.of(world.invoke(name, event))
    assert answer.status == {"metadata": 200}.get(name, 400), answer


BODIES: dict[str, bytes] = {
    "empty": b"",
    "percent sign alone": b"grant_type=%&token=%&client_id=%&request=%",
    "percent without digits": b"grant_type=%zz&token=%zz&client_id=%zz&request=%zz",
    "not UTF-8": b"grant_type=%ff%fe&token=%ff&client_id=%ff&request=%ff",
    "raw octets": b"grant_type=\xff\xfe&token=\xff&client_id=\xff",
    "a surrogate": b"grant_type=%ed%a0%80&token=%ed%a0%80&client_id=%ed%a0%80",
    "NUL": b"grant_type=a%00b&token=a%00&client_id=%00",
    "NUL in a name": b"a%00=b&grant_type=client_credentials&token=x",
    "no equals sign": b"grant_type",
    "ampersands": b"&" * 1000,
    "equals signs": b"=" * 1000,
    "semicolons": b"grant_type=client_credentials;token=x",
    "JSON": b'{"grant_type": "client_credentials"}',
    "a multipart body": b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--',
    "ten thousand parameters": b"&".join(b"a%d=b" % number for number in range(10_000)),
    "ten thousand times the same": b"&".join([b"grant_type=client_credentials"] * 10_000),
    "a hundred parameters": b"&".join(b"a%d=b" % number for number in range(100)),
    "a megabyte": b"grant_type=" + b"x" * 1_000_000,
    "control characters": bytes(range(1, 32)),
    "CRLF": b"grant_type=a%0d%0aSet-Cookie:%20a=b&token=x%0d%0a&client_id=%0d%0aLocation:%20x",
    "markup": b"grant_type=<script>&client_id=%3Cscript%3Ealert(1)%3C/script%3E&request=%3Cscript%3E",
}


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("name", [*PAGES, *JSON])
@pytest.mark.parametrize("body", BODIES)
def test_a_form_that_is_none_is_refused(body: str, name: str, gateway: Gateway) -> None:
    answer = gateway.post(f"/{name}", BODIES[body], headers=MACHINE)
    refused(name, answer)
    assert "<script>" not in answer.body


@pytest.mark.rfc("6749", "3.1")
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("query", [name for name in BODIES if name != "raw octets"])
def test_a_query_that_is_none_is_refused(query: str, name: str, gateway: Gateway) -> None:
    answer = gateway.send("GET", f"/{name}", query=BODIES[query])
    refused(name, answer)
    assert "<script>" not in answer.body


@pytest.mark.parametrize("name", [*PAGES, *JSON])
@pytest.mark.parametrize("body", ["&&&", "====", "Z3JhbnQ", "Z3JhbnQ===", "größe", "Z3Jh\nbnQ=", 5, [], {"a": 1}])
def test_a_body_that_is_not_base64_is_refused(body: Any, name: str, world: World, gateway: Gateway) -> None:
    event = gateway.event("POST", f"/{name}", form={"a": "b"}) | {"body": body, "isBase64Encoded": True}
    refused(name, Answer.of(world.invoke(name, event)))


@pytest.mark.parametrize("name", [*PAGES, *JSON])
@pytest.mark.parametrize("body", ["\udcff=1", "größe=1", 5, [1], {"a": 1}, True])
def test_a_body_in_clear_that_is_no_form_is_refused(body: Any, name: str, world: World, gateway: Gateway) -> None:
    event = gateway.event("POST", f"/{name}", form={"a": "b"}) | {"body": body, "isBase64Encoded": False}
    refused(name, Answer.of(world.invoke(name, event)))


JUNK_COOKIES = [
    "",
    ";",
    "=",
    "=value",
    "name",
    "__Host-session",
    "__Host-session=",
    "__Host-session=se_",
    "__Host-session=se_" + "A" * 100,
    "__Host-session=" + "A" * 100_000,
    "__Host-session=\x00\x01",
    "__Host-session=größe",
    "__Host-session=se_AAAA; __Host-session=se_BBBB",
    "__Host-request-=x; __Host-request-AAAAAAAAAAAA=x",
    "; ".join(f"c{number}=v" for number in range(5_000)),
]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("cookie", JUNK_COOKIES, ids=range(len(JUNK_COOKIES)))
def test_junk_in_cookies_opens_nothing(cookie: str, method: str, name: str, world: World, gateway: Gateway) -> None:
    handle = "rq_" + "A" * 43
    form = {"request": handle, "csrf": "x", "decision": "allow", "username": "alice", "password": "wonderland-demo"}
    event = gateway.event(method, f"/{name}", query={"request": handle}, form=form) | {"cookies": [cookie]}
    refused(name, Answer.of(world.invoke(name, event)))


def test_junk_in_cookies_does_not_keep_anybody_from_signing_in(world: World, gateway: Gateway, native_app: Any) -> None:
    for cookie in JUNK_COOKIES:
        event = gateway.event("GET", "/authorize", query=native_app.request()) | {"cookies": [cookie]}
        assert Answer.of(world.invoke("authorize", event)).location.startswith("login?request=")


@pytest.mark.parametrize("value", [None, 5, ["a"], {"a": "b"}])
@pytest.mark.parametrize("where", ["content-type", "authorization"])
def test_a_header_that_is_no_text_is_refused(where: str, value: Any, world: World, gateway: Gateway) -> None:
    form = {"grant_type": "client_credentials", "token": "x", "client_id": "demo-machine"}
    statuses = {}
    for name in [*PAGES, *JSON]:
        event = gateway.event("POST", f"/{name}", form=form)
        event["headers"][where] = value
        statuses[name] = world.invoke(name, event)["statusCode"]
    assert {name: status for name, status in statuses.items() if not 400 <= status < 500} == {}


@pytest.mark.parametrize("value", [5, ["a=b"], {"a": "b"}])
def test_a_query_that_is_no_text_is_refused(value: Any, world: World, gateway: Gateway) -> None:
    statuses = {}
    for name in [*PAGES, *JSON]:
        event = gateway.event("GET" if name in PAGES else "POST", f"/{name}", form={"token": "x", "grant_type": "x"})
        event["rawQueryString"] = value
        statuses[name] = world.invoke(name, event)["statusCode"]
    assert {name: status for name, status in statuses.items() if not 400 <= status < 500} == {}


# ------------------------------------------------------------------ behind the REST API

CONTEXT = {"sub": "s", "client_id": "demo-app", "scope": "openid write", "principalId": "s"}
ITEM_BODIES = [
    None,
    "",
    "{",
    "null",
    "[]",
    '"name"',
    '{"name": null}',
    '{"name": ""}',
    '{"name": 5}',
    json.dumps({"name": "x" * 101}),
    "[" * 100_000,
    '{"name":' * 50_000,
    "9" * 10_000,
    '{"name": NaN}',
    "\ud800",
]


@pytest.mark.parametrize("body", ITEM_BODIES, ids=range(len(ITEM_BODIES)))
def test_an_item_that_is_none_is_refused(body: str | None, world: World) -> None:
    event = rest_event("POST", "/items", resource=world.resource, authorizer=CONTEXT, body=body)
    refused("example_resource", Answer.of(world.invoke("example_resource", event)))


@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("missing", ["requestContext", "httpMethod", "resource", "headers", "body"])
def test_a_rest_event_that_is_broken_is_refused(missing: str, name: str, world: World) -> None:
    event = rest_event("GET", "/userinfo", resource=world.resource)
    del event[missing]
    refused(name, Answer.of(world.invoke(name, event)))


@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "get", "x"])
def test_a_rest_event_of_another_method_is_refused_or_a_preflight(method: str, name: str, world: World) -> None:
    answer = Answer.of(world.invoke(name, rest_event(method, "/userinfo", authorizer=CONTEXT)))
    assert answer.status in (204, 401, 405) or (name, method) == ("example_resource", "get")


def test_base64_of_a_form_is_what_these_tests_send(gateway: Gateway) -> None:
    event = gateway.event("POST", "/token", form={"a": "b"})
    assert (event["body"], event["headers"]["content-type"]) == (base64.b64encode(b"a=b").decode(), FORM)
