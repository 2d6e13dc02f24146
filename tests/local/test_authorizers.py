import json
from typing import Any

import httpx
import pytest

from tests.development import DevelopmentServer

from .conftest import event_of

UNAUTHORIZED = (401, {"message": "Unauthorized"})


def call(rest: httpx.Client, token: str | None, path: str = "/plain/7") -> httpx.Response:
    return rest.get(path, headers={} if token is None else {"Authorization": token})


def outcome(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


def asked(rest: httpx.Client, path: str = "/plain/7") -> int:
    """How often the authorizer was asked; this asks it once."""
    return int(event_of(call(rest, "Allow", path))["requestContext"]["authorizer"]["asked"])


def test_allow_lets_the_call_through_with_the_context_as_strings(rest: httpx.Client) -> None:
    authorizer = event_of(call(rest, "Allow"))["requestContext"]["authorizer"]

    assert authorizer["principalId"] == "somebody"
    assert authorizer["error"] == "no"
    assert authorizer["asked"].isdecimal()


def test_context_numbers_and_booleans_become_strings(rest: httpx.Client) -> None:
    answer = {
        "principalId": "p",
        "policyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        "context": {"number": 7, "yes": True},
    }
    authorizer = event_of(call(rest, f"answer {json.dumps(answer)}"))["requestContext"]["authorizer"]

    assert authorizer == {"principalId": "p", "number": "7", "yes": "true", "integrationLatency": 0}


@pytest.mark.parametrize("token", [None, ""])
def test_identity_source_missing_or_empty_is_unauthorized_without_asking(rest: httpx.Client, token: str | None) -> None:
    before = asked(rest)

    response = call(rest, token)

    assert outcome(response) == UNAUTHORIZED
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="test"'
    assert asked(rest) == before + 1


def test_authorizer_without_identity_source_is_always_asked(rest: httpx.Client) -> None:
    assert call(rest, None, "/sourceless?token=Allow").status_code == 200
    assert call(rest, None, "/sourceless").status_code == 403


def test_authorizer_event_of_a_request_has_its_shape(rest: httpx.Client, server: DevelopmentServer) -> None:
    response = rest.get("/plain/a%20b?x=1", headers={"Authorization": "Allow", "X-CaSe": "y"})
    event = event_of(response)
    seen = json.loads(event["requestContext"]["authorizer"]["seen"])

    context = event["requestContext"]
    arn = f"arn:aws:execute-api:eu-central-1:{context['accountId']}:{context['apiId']}/v1/GET/plain/a%20b"
    assert seen["type"] == "REQUEST"
    assert seen["methodArn"] == arn
    assert seen["resource"] == "/plain/{id}"
    assert seen["path"] == "/plain/a%20b"
    assert seen["httpMethod"] == "GET"
    assert seen["headers"]["X-CaSe"] == "y"
    assert seen["multiValueHeaders"]["X-CaSe"] == ["y"]
    assert seen["queryStringParameters"] == {"x": "1"}
    assert seen["pathParameters"] == {"id": "a%20b"}
    assert seen["stageVariables"] == {"colour": "green"}
    assert seen["requestContext"]["resourcePath"] == "/plain/{id}"
    assert not {"body", "isBase64Encoded"} & set(seen)


def test_authorizer_event_of_a_token_has_its_shape(rest: httpx.Client) -> None:
    seen = json.loads(event_of(call(rest, "Allow", "/token"))["requestContext"]["authorizer"]["seen"])

    assert set(seen) == {"type", "authorizationToken", "methodArn"}
    assert (seen["type"], seen["authorizationToken"]) == ("TOKEN", "Allow")


def test_token_that_does_not_match_its_expression_is_unauthorized(rest: httpx.Client) -> None:
    assert outcome(call(rest, "raise Oops", "/token")) == UNAUTHORIZED


@pytest.mark.parametrize(
    "token",
    [
        "Deny",
        "Deny *",
        "Allow arn:aws:execute-api:*:*:*/v1/POST/plain/7",
        "Allow arn:aws:execute-api:*:*:*/v1/GET/plain/8",
        "Allow arn:aws:execute-api:*:*:*/v2/*",
    ],
)
def test_policy_that_does_not_allow_is_access_denied_with_the_authorizers_challenge(
    rest: httpx.Client, token: str
) -> None:
    response = call(rest, token)

    assert outcome(response) == (403, {"error": "no", "method": "GET"})
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert "X-Missing" not in response.headers


@pytest.mark.parametrize("token", ["Allow *", "Allow arn:aws:execute-api:*:*:*/v1/GET/plain/?"])
def test_policy_with_wildcards_that_match_lets_the_call_through(rest: httpx.Client, token: str) -> None:
    assert call(rest, token).status_code == 200


def test_authorizer_that_raises_unauthorized_is_unauthorized(rest: httpx.Client) -> None:
    assert outcome(call(rest, "raise Unauthorized")) == UNAUTHORIZED


@pytest.mark.parametrize("token", ["raise unauthorized", "raise Unauthorized!", "sleep 5"])
def test_authorizer_that_fails_otherwise_is_authorizer_failure(rest: httpx.Client, token: str) -> None:
    assert outcome(call(rest, token)) == (503, {"message": None})


POLICY = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"principalId": "p"},
        {"policyDocument": POLICY},
        {"principalId": 7, "policyDocument": POLICY},
        {"principalId": "p", "policyDocument": "Allow"},
        {"principalId": "p", "policyDocument": {"Statement": [{"Effect": "Allow", "Action": "*"}]}},
        {"principalId": "p", "policyDocument": POLICY, "context": {"nested": {}}},
        {"principalId": "p", "policyDocument": POLICY, "context": []},
        {"isAuthorized": True},
    ],
)
def test_authorizer_answer_malformed_is_a_configuration_error(rest: httpx.Client, answer: Any) -> None:
    response = call(rest, f"answer {json.dumps(answer)}")

    assert outcome(response) == (500, {"message": None})
    assert response.headers["x-amzn-errortype"] == "AuthorizerConfigurationException"


def test_cached_answer_is_used_again_and_its_policy_evaluated_for_each_call(rest: httpx.Client) -> None:
    token = "Allow arn:aws:execute-api:*:*:*/v1/GET/cached"
    first = event_of(call(rest, token, "/cached"))["requestContext"]["authorizer"]["asked"]
    again = event_of(call(rest, token, "/cached"))["requestContext"]["authorizer"]["asked"]
    elsewhere = call(rest, token, "/cached/too")

    assert again == first
    assert elsewhere.status_code == 403
    assert event_of(call(rest, f"{token}*", "/cached"))["requestContext"]["authorizer"]["asked"] != first


def test_answer_is_not_cached_when_the_authorizer_raises(rest: httpx.Client) -> None:
    before = asked(rest)
    call(rest, "raise Unauthorized", "/cached")
    call(rest, "raise Unauthorized", "/cached")

    assert asked(rest) == before + 3


def test_answer_without_caching_is_asked_for_each_call(rest: httpx.Client) -> None:
    assert asked(rest) + 1 == asked(rest)
