"""The token endpoint as HTTP: RFC 6749 section 3.2 and 5, and its like for refresh, revoke and introspect."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from tests.functions.gateway import Answer, Gateway, basic
from tests.functions.journey import App
from tests.functions.simulated_aws import SimulatedAws, binary
from tests.functions.world import World

SECRET = "demo-machine-secret-for-development-only"
OWN = {"grant_type": "client_credentials"}
MACHINE = basic("demo-machine", SECRET)
BACK_CHANNEL = ["/token", "/refresh", "/revoke", "/introspect"]
WITH_CORS = ["/token", "/refresh", "/revoke"]


def raw_basic(text: str, scheme: str = "Basic") -> dict[str, str]:
    return {"authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}


def refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.error) == (status, error), answer
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", answer.json()["error_description"])


# ------------------------------------------------------------------ method and media type


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("path", ["/token", "/refresh", "/revoke"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "get"])
def test_another_method_is_answered_with_the_one_there_is(method: str, path: str, gateway: Gateway) -> None:
    answer = gateway.send(method, path, query={"grant_type": "client_credentials"}, headers=MACHINE)
    refused(answer, 405, "invalid_request")
    assert answer.headers["allow"] == "POST"


@pytest.mark.rfc("6750", "3.1")
def test_a_token_is_asked_of_itself_by_itself_alone(gateway: Gateway) -> None:
    """No client's credentials, no token elsewhere; without one the challenge calls nothing wrong."""
    for options in ({}, {"headers": MACHINE}, {"query": {"access_token": "x"}}):
        answer = gateway.send("GET", "/introspect", **options)
        assert (answer.status, answer.json().keys()) == (401, {"message"})
        assert answer.headers["www-authenticate"] == 'Bearer realm="authserver"'
    answer = gateway.send("GET", "/introspect", headers={"authorization": "Bearer garbage"})
    refused(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert gateway.send("PUT", "/introspect").headers["allow"] == "GET, POST, HEAD"


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("path", BACK_CHANNEL)
@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        ";",
        "application/x-www-form-urlencoded2",
    ],
)
def test_a_body_that_is_no_form_is_an_invalid_request(media_type: str, path: str, gateway: Gateway) -> None:
    answer = gateway.post(path, OWN, headers={**MACHINE, "content-type": media_type})
    refused(answer, 400, "invalid_request")


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("path", BACK_CHANNEL)
@pytest.mark.parametrize(
    ("headers", "body"), [({}, b""), ({"content-type": "application/json"}, b'{"grant_type": "client_credentials"}')]
)
def test_a_body_that_is_missing_or_json_is_an_invalid_request(
    headers: dict[str, str], body: bytes, path: str, gateway: Gateway
) -> None:
    answer = gateway.send("POST", path, headers=MACHINE | headers, body=body)
    refused(answer, 400, "invalid_request")
    assert "application/x-www-form-urlencoded" in answer.json()["error_description"]


@pytest.mark.rfc("6749", "appendix-B")
@pytest.mark.parametrize(
    "media_type",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded ;charset=utf-8",
    ],
)
def test_the_form_media_type_is_taken_in_any_spelling(media_type: str, gateway: Gateway) -> None:
    assert gateway.post("/token", OWN, headers={**MACHINE, "content-type": media_type}).status == 200


@pytest.mark.rfc("6749", "3.2")
def test_a_body_is_read_whether_or_not_it_is_in_base64(world: World, gateway: Gateway) -> None:
    event = gateway.event("POST", "/token", form=OWN, headers=MACHINE)
    event |= {"body": "grant_type=client_credentials", "isBase64Encoded": False}
    assert world.invoke("token", event)["statusCode"] == 200


# ------------------------------------------------------------------ what every answer carries


@pytest.mark.rfc("6749", "5.1")
def test_a_success_is_json_that_nobody_stores(gateway: Gateway) -> None:
    answer = gateway.post("/token", OWN, headers=MACHINE)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert isinstance(tokens["expires_in"], int)
    assert tokens["scope"] == "read"


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("path", BACK_CHANNEL)
@pytest.mark.parametrize(
    "headers", [{}, basic("demo-machine", "guess"), basic("nobody", SECRET), {"authorization": "Basic"}]
)
def test_a_client_that_is_not_authenticated_is_challenged(headers: dict[str, str], path: str, gateway: Gateway) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    answer = gateway.post(path, form, headers=headers)
    refused(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.rfc("6749", "5.2")
def test_a_wrong_secret_and_an_unknown_client_are_told_the_same(gateway: Gateway) -> None:
    wrong = gateway.post("/token", OWN, headers=basic("demo-machine", "guess"))
    unknown = gateway.post("/token", OWN, headers=basic("nobody", "guess"))
    assert (wrong.body, wrong.headers) == (unknown.body, unknown.headers)


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("path", BACK_CHANNEL)
def test_a_secret_is_taken_in_the_header_and_in_the_form(path: str, web_app: App) -> None:
    """The client is registered for `client_secret_basic`."""
    tokens = web_app.tokens()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "token": tokens["access_token"]}
    for app in (web_app, replace(web_app, in_body=True)):
        answer = app.post(path, **form)
        assert answer.status == 200, answer


# ------------------------------------------------------------------ HTTP Basic


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize(
    ("client_id", "secret", "sent"),
    [
        ("demo-machine", SECRET, f"demo-machine:{SECRET}"),
        ("a client", "a secret", "a+client:a+secret"),
        ("a client", "a secret", "a%20client:a%20secret"),
        ("plus+", "100%", "plus%2B:100%25"),
        ("colon", "se:cr:et", "colon:se:cr:et"),
        ("colon:id", "se:cret", "colon%3Aid:se%3Acret"),
        ("umlaut", "größe", "umlaut:gr%C3%B6%C3%9Fe"),
        ("umlaut", "größe", "umlaut:größe"),
    ],
)
def test_both_halves_of_basic_are_form_decoded_after_the_first_colon(
    client_id: str, secret: str, sent: str, aws: SimulatedAws, gateway: Gateway
) -> None:
    register(aws, client_id, secret)
    assert gateway.post("/token", OWN, headers=raw_basic(sent)).status == 200


def register(aws: SimulatedAws, client_id: str, secret: str) -> None:
    """A copy of demo-machine under another name and secret."""
    item = aws.items("ClientsTable")["demo-machine"]
    hashed = binary(hashlib.sha256(secret.encode()).digest())
    (known,) = item["secrets"]["L"]
    secrets = {"L": [{"M": {**known["M"], "hash": hashed}}]}
    aws.put("ClientsTable", {**item, "client_id": {"S": client_id}, "secrets": secrets})


@pytest.mark.rfc("7617", "2")
@pytest.mark.parametrize("scheme", ["basic", "BASIC", "bAsIc"])
def test_the_scheme_is_taken_in_any_case(scheme: str, gateway: Gateway) -> None:
    assert gateway.post("/token", OWN, headers=raw_basic(f"demo-machine:{SECRET}", scheme)).status == 200


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize(
    "authorization",
    [
        "Basic %%%",
        "Basic =",
        "Basic ZGVtbw==",  # no colon
        "Basic Og==",  # a colon alone
        "Basic OnNlY3JldA==",  # no client_id
        "Basic /w==",  # not UTF-8
        "Basic JUZGOiVGRg==",  # %FF:%FF
        "Basic ZGVtby1tYWNoaW5l OnNlY3JldA==",
        "Basic \u00e9",
        "Bearer abc",
        "Digest username=x",
        "",
        " ",
    ],
)
def test_malformed_credentials_are_no_credentials(authorization: str, gateway: Gateway) -> None:
    refused(gateway.post("/token", OWN, headers={"authorization": authorization}), 401, "invalid_client")


@pytest.mark.rfc("6749", "2.3")
def test_two_methods_at_once_are_refused(gateway: Gateway) -> None:
    form = OWN | {"client_id": "demo-machine", "client_secret": SECRET}
    refused(gateway.post("/token", form, headers=MACHINE), 400, "invalid_request")


@pytest.mark.rfc("6749", "2.3")
def test_a_client_id_in_the_body_must_be_that_of_the_header(gateway: Gateway) -> None:
    assert gateway.post("/token", OWN | {"client_id": "demo-machine"}, headers=MACHINE).status == 200
    refused(gateway.post("/token", OWN | {"client_id": "demo-web"}, headers=MACHINE), 400, "invalid_request")


@pytest.mark.rfc("7591", "2")
def test_a_method_other_than_the_registered_one_is_refused_but_for_where_the_secret_is(
    gateway: Gateway, native_app: App
) -> None:
    own = OWN | {"client_id": "demo-machine"}
    assert gateway.post("/token", own | {"client_secret": SECRET}).status == 200
    refused(gateway.post("/token", own | {"client_secret": "guess"}), 401, "invalid_client")
    refused(gateway.post("/token", own), 401, "invalid_client")
    refused(gateway.post("/token", OWN, headers=basic(native_app.client_id, "")), 401, "invalid_client")


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("path", BACK_CHANNEL)
@pytest.mark.parametrize("name", ["client_secret", "client_assertion"])
def test_credentials_in_the_uri_are_refused(name: str, path: str, gateway: Gateway, aws: SimulatedAws) -> None:
    form = OWN | {"token": "x"}
    refused(gateway.post(path, form, query={name: SECRET}, headers=MACHINE), 400, "invalid_request")
    assert not aws.calls
    refused(gateway.post(path, form | {"client_id": "demo-machine"}, query={name: SECRET}), 400, "invalid_request")
    assert {key.partition("#")[0] for call in aws.calls if call.write for key in call.keys} == {"refusals"}


@pytest.mark.rfc("6749", "3.2")
def test_parameters_in_the_uri_count_for_nothing(gateway: Gateway) -> None:
    refused(gateway.post("/token", {}, query=OWN, headers=MACHINE), 400, "invalid_request")


# ------------------------------------------------------------------ parameters


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("path", ["/token", "/refresh"])
@pytest.mark.parametrize("form", [{}, {"grant_type": ""}, {"scope": "read"}])
def test_a_missing_grant_type_is_an_invalid_request(form: dict[str, str], path: str, gateway: Gateway) -> None:
    refused(gateway.post(path, form, headers=MACHINE), 400, "invalid_request")


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    ("path", "grant_type"),
    [
        ("/token", "password"),
        ("/token", "Client_Credentials"),
        ("/token", "authorization_code "),
        ("/token", "__init__"),
        ("/token", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("/refresh", "client_credentials"),
        ("/refresh", "authorization_code"),
    ],
)
def test_an_unknown_grant_type_is_unsupported(path: str, grant_type: str, gateway: Gateway, aws: SimulatedAws) -> None:
    refused(gateway.post(path, {"grant_type": grant_type}, headers=MACHINE), 400, "unsupported_grant_type")
    assert not aws.calls


@pytest.mark.rfc("6749", "5.2")
def test_a_grant_type_that_is_not_the_clients_is_unauthorized(native_app: App, machine_app: App) -> None:
    refused(native_app.own_token(), 400, "unauthorized_client")
    refused(machine_app.exchange("ac_x"), 400, "unauthorized_client")


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id", "unknown"])
def test_a_parameter_that_is_repeated_is_refused(name: str, gateway: Gateway) -> None:
    form = [*OWN.items(), *([(name, "read")] * (1 if name == "grant_type" else 2))]
    refused(gateway.post("/token", form, headers=MACHINE), 400, "invalid_request")


@pytest.mark.rfc("6749", "3.2")
def test_an_unknown_parameter_is_ignored_and_an_empty_one_is_absent(gateway: Gateway) -> None:
    answer = gateway.post("/token", OWN | {"colour": "blue", "scope": ""}, headers=MACHINE)
    assert answer.json()["scope"] == "read"


# ------------------------------------------------------------------ CORS


@pytest.mark.rfc("9700", "2.6")
@pytest.mark.parametrize("path", WITH_CORS)
def test_a_page_of_any_origin_may_read_the_answer_without_credentials(path: str, gateway: Gateway) -> None:
    for answer in (
        gateway.post(path, OWN | {"token": "x"}, headers={**MACHINE, "origin": "https://app.example.com"}),
        gateway.post(path, OWN, headers={"origin": "https://app.example.com"}),
        gateway.send("GET", path, headers={"origin": "https://app.example.com"}),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        exposed = answer.headers["access-control-expose-headers"]
        assert {"WWW-Authenticate", "Retry-After"} <= {name.strip() for name in exposed.split(",")}


@pytest.mark.rfc("9700", "2.6")
@pytest.mark.parametrize(
    "path",
    [
        *WITH_CORS,
        "/register",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ],
)
def test_a_preflight_is_answered(path: str, gateway: Gateway, aws: SimulatedAws) -> None:
    method = "GET" if path.startswith("/.well-known/") else "POST"
    headers = {"origin": "https://app.example.com", "access-control-request-method": method}
    answer = gateway.send("OPTIONS", path, headers=headers)
    assert (answer.status, answer.body) == (204, "")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method in answer.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type", "dpop", "mcp-protocol-version", "*"} <= allowed
    assert "access-control-allow-credentials" not in answer.headers
    assert not aws.calls


@pytest.mark.rfc("9700", "2.6")
@pytest.mark.parametrize("path", ["/authorize", "/login", "/consent", "/introspect"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_page_may_read_what_is_for_people_or_servers(method: str, path: str, gateway: Gateway) -> None:
    answer = gateway.send(method, path, headers={"origin": "https://app.example.com"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.status in (400, 401, 405, 415)
