"""The answers that a REST API gives by itself, and how the template changes them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import RefusedError
from local.exchange import JSON, MalformedAnswerError, header_pair, message
from local.http_server import Response
from local.understood import only

type Lookup = Callable[[str], str | None]  # of a variable such as "context.requestId"

# Type → status and x-amzn-ErrorType, when the template says nothing.
_DEFAULTS = {
    "ACCESS_DENIED": (403, "AccessDeniedException"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "AuthorizerConfigurationException"),
    "AUTHORIZER_FAILURE": (500, "AuthorizerFailureException"),
    "DEFAULT_5XX": (502, "InternalServerErrorException"),  # a function that failed, or answered nonsense
    "MISSING_AUTHENTICATION_TOKEN": (403, "MissingAuthenticationTokenException"),
    "THROTTLED": (429, "TooManyRequestsException"),
    "UNAUTHORIZED": (401, "UnauthorizedException"),
}
_TYPES = {*_DEFAULTS, "DEFAULT_4XX"}
# Types that this server never has a reason to give.
_NEVER = {
    "API_CONFIGURATION_ERROR",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}
_HEADER = "gatewayresponse.header."
_VARIABLE = re.compile(r"\$(context(?:\.\w+)+)")
_VELOCITY = re.compile(r"#\w|\$(?!context\.)")
_MAPPED = re.compile(r"context(\.\w+)+|method\.request\.(header|querystring|path)\.[\w-]+|stageVariables\.\w+")


class GatewayError(Exception):
    """The REST API answers by itself. `text` is the message, which AWS leaves null for some types."""

    def __init__(self, response_type: str, text: str | None, key: str = "message") -> None:
        super().__init__(text or response_type)
        self.response_type = response_type
        self.text = text
        self.key = key


@dataclass(frozen=True)
class GatewayResponse:
    """What the template says of one type. `headers` name a quoted constant or a variable."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None


def read_gateway_responses(document: Mapping[str, Any], where: str) -> dict[str, GatewayResponse]:
    """The part `x-amazon-apigateway-gateway-responses` of an API's document. Errors: `RefusedError`."""
    return {
        response_type: _read(response_type, response, f"{where}.{response_type}")
        for response_type, response in document.items()
    }


def _read(response_type: str, response: Mapping[str, Any], where: str) -> GatewayResponse:
    if response_type not in _TYPES | _NEVER:
        raise RefusedError(where, "this server does not understand this type of gateway response")
    only(response, {"statusCode", "responseParameters", "responseTemplates"}, where)
    headers = response.get("responseParameters", {})
    for name, value in headers.items():
        if not name.startswith(_HEADER) or not (_is_constant(value) or _MAPPED.fullmatch(value)):
            raise RefusedError(f"{where}.{name}", f"this server does not understand {value}")
    templates = response.get("responseTemplates", {})
    only(templates, {"application/json"}, where)
    template = templates.get("application/json")
    if template and _VELOCITY.search(template):
        raise RefusedError(where, "its template uses more than $context variables")
    return GatewayResponse(
        status=int(response["statusCode"]) if "statusCode" in response else None,
        headers={name.removeprefix(_HEADER): value for name, value in headers.items()},
        template=template,
    )


def _is_constant(value: str) -> bool:
    return len(value) >= 2 and value.startswith("'") and value.endswith("'")


def render(failure: GatewayError, configured: Mapping[str, GatewayResponse], lookup: Lookup) -> Response:
    """The HTTP answer to a failure: as its type says, else as DEFAULT_4XX or DEFAULT_5XX says, else AWS's own."""
    status, error_type = _DEFAULTS[failure.response_type]
    default = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
    response = configured.get(failure.response_type) or configured.get(default) or GatewayResponse()

    def variable(name: str) -> str | None:
        errors = {
            "context.error.message": failure.text or "",
            "context.error.messageString": json.dumps(failure.text),
            "context.error.responseType": failure.response_type,
        }
        return errors[name] if name in errors else lookup(name)

    headers = [
        *_headers(response.headers, variable),
        ("x-amzn-RequestId", lookup("context.requestId") or ""),
        ("x-amzn-ErrorType", error_type),
    ]
    plain = message(response.status or status, failure.text, *headers, key=failure.key)
    if response.template is None:
        return plain
    body = _VARIABLE.sub(lambda match: variable(match[1]) or "", response.template)
    return Response(plain.status, (JSON, *headers), body.encode())


def _headers(templates: Mapping[str, str], variable: Lookup) -> list[tuple[str, str]]:
    """A header whose variable is not there is left out."""
    headers = []
    for name, template in templates.items():
        value = template[1:-1] if _is_constant(template) else variable(template)
        if value is not None:
            try:
                headers.append(header_pair(name, value))
            except MalformedAnswerError:
                continue  # what would split the response is never sent
    return headers
