from typing import Any

import pytest

from local.gateway_responses import GatewayError, read_gateway_responses, render

VARIABLES = {"context.requestId": "r-1", "context.authorizer.challenge": "Bearer", "method.request.header.Origin": "o"}


def rendered(document: dict[str, Any], failure: GatewayError) -> tuple[int, dict[str, str], str]:
    response = render(failure, read_gateway_responses(document, "Api"), VARIABLES.get)
    return response.status, dict(response.headers), response.body.decode()


UNAUTHORIZED = GatewayError("UNAUTHORIZED", "Unauthorized")


def test_response_not_configured_is_awss_own() -> None:
    status, headers, body = rendered({}, UNAUTHORIZED)

    assert (status, body) == (401, '{"message":"Unauthorized"}')
    assert headers["x-amzn-ErrorType"] == "UnauthorizedException"
    assert headers["x-amzn-RequestId"] == "r-1"


@pytest.mark.parametrize(
    ("failure", "status"),
    [(UNAUTHORIZED, 418), (GatewayError("AUTHORIZER_FAILURE", None), 599), (GatewayError("DEFAULT_5XX", "x"), 599)],
)
def test_response_not_configured_falls_back_to_its_class(failure: GatewayError, status: int) -> None:
    document = {"DEFAULT_4XX": {"statusCode": 418}, "DEFAULT_5XX": {"statusCode": "599"}}

    assert rendered(document, failure)[0] == status


def test_response_configured_comes_before_its_class() -> None:
    document = {"DEFAULT_4XX": {"statusCode": 418}, "UNAUTHORIZED": {"statusCode": 404}}

    assert rendered(document, UNAUTHORIZED)[0] == 404


def test_headers_and_template_are_filled_from_constants_and_variables() -> None:
    response = {
        "statusCode": 401,
        "responseParameters": {
            "gatewayresponse.header.Static": "'it''s'",
            "gatewayresponse.header.Challenge": "context.authorizer.challenge",
            "gatewayresponse.header.Origin": "method.request.header.Origin",
            "gatewayresponse.header.Absent": "context.authorizer.absent",
        },
        "responseTemplates": {
            "application/json": '{"m":$context.error.messageString,"t":"$context.error.responseType",'
            '"c":"$context.authorizer.challenge","n":"$context.authorizer.absent"}'
        },
    }
    status, headers, body = rendered({"UNAUTHORIZED": response}, UNAUTHORIZED)

    assert status == 401
    assert headers["Static"] == "it''s"
    assert headers["Challenge"] == "Bearer"
    assert headers["Origin"] == "o"
    assert "Absent" not in headers
    assert body == '{"m":"Unauthorized","t":"UNAUTHORIZED","c":"Bearer","n":""}'


def test_header_that_would_split_the_response_is_left_out() -> None:
    document = {
        "UNAUTHORIZED": {"responseParameters": {"gatewayresponse.header.X": "context.authorizer.evil"}},
    }
    evil = {"context.authorizer.evil": "a\r\nX-Injected: 1"}
    response = render(UNAUTHORIZED, read_gateway_responses(document, "Api"), evil.get)

    assert "X" not in dict(response.headers)
