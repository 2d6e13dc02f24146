"""The HTTP API: routes, payload format 2.0 in and out.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from local.errors import RefusedError
from local.exchange import (
    Arrival,
    MalformedAnswerError,
    header_pair,
    header_pairs,
    message,
    status_of,
    without_hop_by_hop,
)
from local.functions import Functions, ThrottledError
from local.http_server import Request, Response
from local.logs import Log
from local.routes import ANY, METHODS, PathPattern, matching
from local.stack import Api, Function, integration_function
from local.understood import only
from local.workers import FunctionError

_BODY = {"openapi", "info", "paths", "tags", "components", "servers"}  # those are execute-api's
_OPERATION = {"x-amazon-apigateway-integration", "responses", "parameters", "operationId", "summary", "description"}
_INTEGRATIONS = "x-amazon-apigateway-integrations"  # those that several routes share
_REFERENCE = f"#/components/{_INTEGRATIONS}/"
_INTEGRATION = {"httpMethod", "type", "uri", "payloadFormatVersion"}
_TEXT = {"application/json", "application/xml", "application/javascript"}


@dataclass(frozen=True)
class Route:
    pattern: PathPattern
    method: str  # or ANY
    function: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.pattern.path}"


def read_routes(api: Api, functions: Mapping[str, Function]) -> list[Route]:
    """The API's routes. Errors: `RefusedError` for anything in its document that is not understood."""
    where = f"{api.logical_id}.Body"
    only(api.body, _BODY, where)
    components = api.body.get("components", {})
    only(components, {_INTEGRATIONS}, f"{where}.components")
    if api.stage != "$default":
        raise RefusedError(
            f"{api.logical_id} stage", f"this server serves an HTTP API's $default stage, not {api.stage}"
        )
    return [
        Route(
            PathPattern(path), METHODS[method], _function(operation, components, functions, f"{where}.{path}.{method}")
        )
        for path, operations in api.body.get("paths", {}).items()
        for method, operation in _operations(operations, f"{where}.{path}")
    ]


def _operations(operations: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    only(operations, METHODS, where)
    yield from operations.items()


def _function(
    operation: Mapping[str, Any], components: Mapping[str, Any], functions: Mapping[str, Function], where: str
) -> str:
    only(operation, _OPERATION, where)
    integration = _integration(operation.get("x-amazon-apigateway-integration", {}), components, where)
    only(integration, _INTEGRATION, where)
    if integration.get("type") != "aws_proxy" or integration.get("payloadFormatVersion") != "2.0":
        raise RefusedError(where, "this server understands the Lambda proxy integration with payload format 2.0 alone")
    return integration_function(integration["uri"], functions, where)


def _integration(integration: Mapping[str, Any], components: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The integration, or the one of the components that it refers to."""
    if "$ref" not in integration:
        return integration
    only(integration, {"$ref"}, where)
    shared: Mapping[str, Mapping[str, Any]] = components.get(_INTEGRATIONS, {})
    name = str(integration["$ref"]).removeprefix(_REFERENCE)
    if name not in shared:
        raise RefusedError(where, f"refers to {integration['$ref']}, which is not there")
    return shared[name]


class HttpApi:
    """Answers requests as API Gateway does for an HTTP API on its `$default` stage."""

    def __init__(
        self, api: Api, routes: list[Route], functions: Functions, account: str, domain: str, log: Log
    ) -> None:
        self._api = api
        self._routes = routes
        self._functions = functions
        self._account = account
        self._domain = domain
        self._log = log

    def answer(self, request: Request) -> Response:
        arrival = Arrival(request, self._domain)
        found = self._route(request)
        response = self._invoke(arrival, *found) if found else message(404, "Not Found")
        headers = (*response.headers, ("Apigw-Requestid", arrival.id))
        return replace(response, headers=headers, function=found[0].function if found else "")

    def _route(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """The most specific path that has the method; a path's own method comes before its ANY.

        An HTTP API decodes the path first, so that a segment of ``a%2Fb`` is two.
        """
        path = quote(unquote(request.path))
        for pattern, parameters in matching({route.pattern for route in self._routes}, path):
            methods = {route.method: route for route in self._routes if route.pattern == pattern}
            route = methods.get(request.method) or methods.get(ANY)
            if route:
                return route, {name: unquote(value) for name, value in parameters.items()}
        return None

    def _invoke(self, arrival: Arrival, route: Route, parameters: dict[str, str]) -> Response:
        event = self._event(arrival, route, parameters)
        try:
            return _response(self._functions.invoke(route.function, event))
        except ThrottledError:
            return message(503, "Service Unavailable")
        except FunctionError:
            return message(500, "Internal Server Error")
        except MalformedAnswerError as error:
            self._log.line(route.function, f"its answer is malformed: {error}")
            return message(500, "Internal Server Error")

    def _event(self, arrival: Arrival, route: Route, parameters: dict[str, str]) -> dict[str, Any]:
        """The event; members that would be empty are left out, as AWS leaves them out."""
        request = arrival.request
        raw_path = unquote(request.path)  # HTTP APIs decode it, REST APIs do not
        headers = _joined([(name.lower(), value) for name, value in arrival.forwarded_headers()])
        headers.pop("cookie", None)
        optional = {
            "cookies": _cookies(request),
            "queryStringParameters": _joined(parse_qsl(request.query, keep_blank_values=True)),
            "pathParameters": parameters,
            "stageVariables": dict(self._api.stage_variables),
        }
        text = _is_text(request)
        body = request.body.decode(errors="replace") if text else base64.b64encode(request.body).decode()
        return {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": raw_path,
            "rawQueryString": request.query,
            "headers": headers,
            **{name: value for name, value in optional.items() if value},
            "requestContext": {
                "accountId": self._account,
                "apiId": self._api.id,
                "domainName": self._domain,
                "domainPrefix": self._domain.partition(".")[0],
                "http": {
                    "method": request.method,
                    "path": raw_path,
                    "protocol": request.protocol,
                    "sourceIp": request.source_ip,
                    "userAgent": request.header("User-Agent") or "",
                },
                "requestId": arrival.id,
                "routeKey": route.key,
                "stage": self._api.stage,
                "time": arrival.time,
                "timeEpoch": arrival.epoch_milliseconds,
            },
            **({"body": body} if body else {}),
            "isBase64Encoded": bool(body) and not text,
        }


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Pairs as an object, repeats joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _cookies(request: Request) -> list[str]:
    values = [value for name, value in request.headers if name.lower() == "cookie"]
    return [cookie.strip() for value in values for cookie in value.split(";") if cookie.strip()]


def _is_text(request: Request) -> bool:
    """Everything that is not plainly text reaches the function in base64; so does a form."""
    media_type = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT


def _response(answer: Any) -> Response:
    """A function's answer in format 2.0, or one that is all body. Errors: `MalformedAnswerError`."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        body = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
        return Response(200, (("Content-Type", "application/json"),), body.encode())
    headers = without_hop_by_hop(header_pairs(answer.get("headers")))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "text/plain;charset=UTF-8"))
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise MalformedAnswerError("cookies must be a list")
    set_cookies = [header_pair("Set-Cookie", cookie) for cookie in cookies]
    return Response(status_of(answer), (*headers, *set_cookies), _body(answer))


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswerError("body must be a string")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise MalformedAnswerError("body is not base64, though isBase64Encoded says so") from None
