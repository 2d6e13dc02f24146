import base64
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.development import DevelopmentServer

from .conftest import event_of


def test_event_of_a_get_has_the_shape_of_format_1(rest: httpx.Client, server: DevelopmentServer) -> None:
    headers = [("X-TwO", "1"), ("X-TwO", "2"), ("User-Agent", "tests")]
    event = event_of(rest.get("/open/a%20b?a=1&b=x%20y&a=2", headers=headers))

    assert event["resource"] == "/open/{id}"
    assert event["path"] == "/open/a%20b"
    assert event["httpMethod"] == "GET"
    assert event["headers"]["X-TwO"] == "2"
    assert event["multiValueHeaders"]["X-TwO"] == ["1", "2"]
    assert event["queryStringParameters"] == {"a": "2", "b": "x y"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y"]}
    assert event["pathParameters"] == {"id": "a%20b"}
    assert event["stageVariables"] == {"colour": "green"}
    assert event["body"] is None
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["domainName"] == urlsplit(server.resource).netloc
    assert context["stage"] == "v1"
    assert context["path"] == "/open/a%20b"
    assert context["resourcePath"] == "/open/{id}"
    assert context["httpMethod"] == "GET"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "tests"
    assert {"resourceId", "accountId", "apiId", "requestId", "requestTime", "requestTimeEpoch"} <= set(context)
    assert "authorizer" not in context


def test_event_without_query_has_nulls(rest: httpx.Client) -> None:
    event = event_of(rest.get("/open"))

    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None


def test_form_arrives_as_text(rest: httpx.Client) -> None:
    event = event_of(rest.post("/open", data={"a": "ü"}))

    assert (event["body"], event["isBase64Encoded"]) == ("a=%C3%BC", False)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/v1/open"), ("POST", "/open/7"), ("HEAD", "/open/7")]
)
def test_path_or_method_without_route_says_missing_authentication_token(
    rest: httpx.Client, method: str, path: str
) -> None:
    response = rest.request(method, path)

    assert response.status_code == 403
    assert response.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    if method != "HEAD":
        assert response.json() == {"message": "Missing Authentication Token"}


def answering(rest: httpx.Client, answer: Any) -> httpx.Response:
    return rest.get("/open", headers={"X-Answer": json.dumps(answer)})


def test_answer_in_format_1_becomes_the_response(rest: httpx.Client) -> None:
    answer = {
        "statusCode": 401,
        "headers": {"WWW-Authenticate": "Bearer", "X-Both": "lost", "X-Yes": True},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "x-both": ["kept"]},
        "body": base64.b64encode(b"x").decode(),
        "isBase64Encoded": True,
    }
    response = answering(rest, answer)

    assert response.status_code == 401
    assert "WWW-Authenticate" not in response.headers
    assert response.headers["x-amzn-Remapped-WWW-Authenticate"] == "Bearer"
    assert response.headers["X-Both"] == "kept"
    assert response.headers["X-Yes"] == "true"
    assert response.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["Content-Type"] == "application/json"
    assert response.text == "eA=="  # no binary media types: not decoded


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "hello",
        {"a": 1},
        {"statusCode": 200, "cookies": []},
        {"statusCode": 200, "body": 7},
        {"statusCode": 200, "headers": {"X-A": ["a"]}},
        {"statusCode": 200, "multiValueHeaders": {"X-A": "a"}},
        {"statusCode": 200, "headers": {"X-A": "a\r\nX-Injected: 1"}},
    ],
)
def test_answer_malformed_is_a_bad_gateway(rest: httpx.Client, answer: Any) -> None:
    response = answering(rest, answer)

    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})


@pytest.mark.parametrize("headers", [{"X-Raise": "secret"}, {"X-Exit": "1"}, {"X-Sleep": "5"}])
def test_function_that_fails_is_a_bad_gateway(rest: httpx.Client, headers: dict[str, str]) -> None:
    response = rest.get("/open", headers=headers)

    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})


def test_preflight_is_answered_by_the_mock_integration(rest: httpx.Client) -> None:
    response = rest.options("/plain/7")

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Max-Age"] == "60"
