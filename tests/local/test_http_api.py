import base64
import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.development import DevelopmentServer

from .conftest import event_of


def test_event_of_a_get_has_the_shape_of_format_2(http: httpx.Client, server: DevelopmentServer) -> None:
    response = http.get(
        "/echo?a=1&b=x%20y&a=2&empty=", headers=[("X-Two", "1"), ("X-Two", "2"), ("User-Agent", "tests")]
    )
    event = event_of(response)

    host = urlsplit(server.issuer).netloc
    assert event["version"] == "2.0"
    assert event["routeKey"] == "ANY /echo"
    assert event["rawPath"] == "/echo"
    assert event["rawQueryString"] == "a=1&b=x%20y&a=2&empty="
    assert event["queryStringParameters"] == {"a": "1,2", "b": "x y", "empty": ""}
    assert event["headers"]["x-two"] == "1,2"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert all(name == name.lower() for name in event["headers"])
    assert event["stageVariables"] == {"colour": "blue"}
    assert event["isBase64Encoded"] is False
    assert not {"body", "cookies", "pathParameters"} & set(event)
    context = event["requestContext"]
    assert context["domainName"] == host
    assert context["stage"] == "$default"
    assert context["routeKey"] == "ANY /echo"
    assert context["accountId"].isdecimal()
    assert context["apiId"]
    assert context["requestId"] == response.headers["Apigw-Requestid"]
    assert context["timeEpoch"] > 1_700_000_000_000
    assert context["time"].endswith(" +0000")
    assert context["http"] == {
        "method": "GET",
        "path": "/echo",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tests",
    }


def test_domain_name_is_the_servers_own_whatever_host_the_client_says(
    http: httpx.Client, server: DevelopmentServer
) -> None:
    event = event_of(http.get("/echo", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}))

    assert event["requestContext"]["domainName"] == urlsplit(server.issuer).netloc


def test_cookies_are_split_and_not_among_the_headers(http: httpx.Client) -> None:
    event = event_of(http.get("/echo", headers=[("Cookie", "a=1; b=x,y"), ("Cookie", "c=3")]))

    assert event["cookies"] == ["a=1", "b=x,y", "c=3"]
    assert "cookie" not in event["headers"]


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        ("application/vnd.api+json", False),
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("text/plain", True),
        ("TEXT/HTML", True),
    ],
)
def test_body_that_is_not_text_arrives_in_base64(http: httpx.Client, content_type: str, text: bool) -> None:
    event = event_of(http.post("/echo", content="a=ü", headers={"Content-Type": content_type}))

    assert event["isBase64Encoded"] is not text
    assert event["body"] == ("a=ü" if text else base64.b64encode("a=ü".encode()).decode())


def test_body_in_chunks_arrives_whole(http: httpx.Client) -> None:
    event = event_of(http.post("/echo", content=iter([b"one ", b"two"]), headers={"Content-Type": "text/plain"}))

    assert event["body"] == "one two"


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/items/special", "GET /items/special", None),
        ("POST", "/items/special", "ANY /items/{id}", {"id": "special"}),
        ("HEAD", "/items/special", "ANY /items/{id}", {"id": "special"}),
        ("GET", "/items/a%20b", "ANY /items/{id}", {"id": "a b"}),
        ("GET", "/items/a%2Fb", "ANY /items/{rest+}", {"rest": "a/b"}),
        ("GET", "/items/a%252Fb", "ANY /items/{id}", {"id": "a%2Fb"}),
        ("GET", "/items/a/b/c", "ANY /items/{rest+}", {"rest": "a/b/c"}),
        ("GET", "/only-get", "GET /only-get", None),
    ],
)
def test_route_that_is_most_specific_takes_the_request(
    http: httpx.Client, method: str, path: str, route: str, parameters: Any
) -> None:
    if method == "HEAD":
        assert http.head(path).status_code == 200
        return
    event = event_of(http.request(method, path))

    assert event["routeKey"] == route
    assert event.get("pathParameters") == parameters


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nowhere"), ("POST", "/only-get"), ("GET", "/echo/"), ("GET", "/items/")],
)
def test_path_or_method_without_route_is_not_found(http: httpx.Client, method: str, path: str) -> None:
    response = http.request(method, path)

    assert (response.status_code, response.json()) == (404, {"message": "Not Found"})


def answering(http: httpx.Client, answer: Any) -> httpx.Response:
    return http.get("/echo", headers={"X-Answer": json.dumps(answer)})


def test_answer_in_format_2_becomes_the_response(http: httpx.Client) -> None:
    answer = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html", "WWW-Authenticate": "Bearer", "X-Number": 7, "Content-Length": "99"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": base64.b64encode(b"\xff\x00").decode(),
        "isBase64Encoded": True,
    }
    response = answering(http, answer)

    assert response.status_code == 201
    assert response.content == b"\xff\x00"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["X-Number"] == "7"
    assert response.headers.get_list("Set-Cookie") == ["a=1; Path=/", "b=2"]


@pytest.mark.parametrize(("answer", "body"), [({"a": 1}, '{"a":1}'), ("hello", "hello"), ([1], "[1]"), (None, "null")])
def test_answer_without_status_is_the_body(http: httpx.Client, answer: Any, body: str) -> None:
    response = answering(http, answer)

    assert (response.status_code, response.text) == (200, body)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "many"},
        {"statusCode": 99},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"X-A": "a\r\nX-Injected: 1"}},
        {"statusCode": 200, "headers": {"X A": "a"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": ["a=1\nb"]},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
    ],
)
def test_answer_malformed_is_an_internal_error(http: httpx.Client, answer: Any) -> None:
    response = answering(http, answer)

    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize("headers", [{"X-Raise": "secret"}, {"X-Exit": "1"}, {"X-Sleep": "5"}])
def test_function_that_fails_is_an_internal_error_and_the_next_request_works(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    failed = http.get("/echo", headers=headers)
    assert (failed.status_code, failed.json()) == (500, {"message": "Internal Server Error"})

    assert http.get("/echo").status_code == 200


def test_connection_is_kept_alive(server: DevelopmentServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.issuer).netloc)
    connection.request("POST", "/nowhere", body=b"unread")
    assert connection.getresponse().read()
    first = connection.sock
    connection.request("GET", "/nowhere")
    assert connection.getresponse().status == 404
    assert connection.sock is first
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 1\r\nContent-Length: 2", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 10485761", 413),
    ],
)
def test_body_length_that_is_not_plain_is_refused(server: DevelopmentServer, head: str, status: int) -> None:
    address = urlsplit(server.issuer)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(f"POST /echo HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        assert connection.recv(64).startswith(f"HTTP/1.1 {status} ".encode())


def test_both_loopback_addresses_answer(server: DevelopmentServer) -> None:
    port = urlsplit(server.issuer).port
    try:
        response = httpx.get(f"http://[::1]:{port}/echo")
    except httpx.ConnectError:
        pytest.skip("no IPv6 loopback here")

    assert event_of(response)["requestContext"]["http"]["sourceIp"] == "::1"


def test_access_line_has_no_query(http: httpx.Client, server: DevelopmentServer) -> None:
    http.get("/nowhere/at-all?code=secret-code")

    assert server._log_path
    lines = server._log_path.read_text()
    assert "GET /nowhere/at-all 404" in lines
    assert "secret-code" not in lines
