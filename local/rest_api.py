"""The REST API: routes, authorizers, payload format 1.0 in and out, as behind a custom domain mapped to its stage.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from local.authorizers import AccessDeniedError, Authorizer, AuthorizerSettings, read_authorizers
from local.errors import RefusedError
from local.exchange import (
    JSON,
    Arrival,
    MalformedAnswerError,
    header_pair,
    header_pairs,
    status_of,
    without_hop_by_hop,
)
from local.functions import Functions, ThrottledError
from local.gateway_responses import GatewayError, GatewayResponse, read_gateway_responses, render
from local.http_server import Request, Response
from local.intrinsics import REGION
from local.logs import Log
from local.routes import ANY, METHODS, PathPattern, matching
from local.stack import Api, Function, integration_function
from local.understood import only
from local.workers import FunctionError

_BODY = {
    "swagger",
    "openapi",
    "info",
    "paths",
    "securityDefinitions",
    "components",
    "servers",  # execute-api's
    "x-amazon-apigateway-gateway-responses",
}
_OPERATION = {
    "x-amazon-apigateway-integration",
    "security",
    "responses",
    "parameters",
    "consumes",
    "produces",
    "operationId",
    "summary",
    "description",
}
_PROXY = {"httpMethod", "type", "uri"}
_MOCK = {"type", "requestTemplates", "responses"}
_MOCK_RESPONSE = {"statusCode", "responseParameters", "responseTemplates"}
_RESPONSE_HEADER = "method.response.header."
_ANSWER = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = {
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "host",
    "max-forwards",
    "server",
    "user-agent",
    "www-authenticate",
}


@dataclass(frozen=True)
class Proxy:
    function: str


@dataclass(frozen=True)
class Mock:
    response: Response


@dataclass(frozen=True)
class Method:
    """What a resource does for one HTTP method. `authorizer` is its name, None = open to everyone."""

    integration: Proxy | Mock
    authorizer: str | None


@dataclass(frozen=True)
class RestDocument:
    """An API's OpenAPI document, understood: resource → HTTP method (or ANY) → what it does."""

    resources: Mapping[PathPattern, Mapping[str, Method]]
    authorizers: Mapping[str, AuthorizerSettings]
    gateway_responses: Mapping[str, GatewayResponse]


def read_document(api: Api, functions: Mapping[str, Function]) -> RestDocument:
    """Errors: `RefusedError` for anything in the API's document that is not understood."""
    where = f"{api.logical_id}.Body"
    only(api.body, _BODY, where)
    components = api.body.get("components", {})
    only(components, {"securitySchemes"}, f"{where}.components")
    schemes = api.body.get("securityDefinitions") or components.get("securitySchemes", {})  # Swagger 2, OpenAPI 3
    authorizers = read_authorizers(schemes, functions, where)
    resources: dict[PathPattern, dict[str, Method]] = {}
    for path, operations in api.body.get("paths", {}).items():
        only(operations, METHODS, f"{where}.{path}")
        resources[PathPattern(path)] = {
            METHODS[method]: _method(operation, authorizers, functions, f"{where}.{path}.{method}")
            for method, operation in operations.items()
        }
    responses = api.body.get("x-amazon-apigateway-gateway-responses", {})
    return RestDocument(resources, authorizers, read_gateway_responses(responses, where))


def _method(
    operation: Mapping[str, Any],
    authorizers: Mapping[str, AuthorizerSettings],
    functions: Mapping[str, Function],
    where: str,
) -> Method:
    only(operation, _OPERATION, where)
    for parameter in operation.get("parameters", []):
        if parameter.get("in") != "path":
            raise RefusedError(where, "this server does not validate request parameters")
    authorizer = _authorizer(operation.get("security"), authorizers, where)
    integration = operation.get("x-amazon-apigateway-integration", {})
    match integration.get("type"):
        case "aws_proxy":
            only(integration, _PROXY, where)
            return Method(Proxy(integration_function(integration["uri"], functions, where)), authorizer)
        case "mock":
            return Method(Mock(_mock_response(integration, where)), authorizer)
    raise RefusedError(where, f"this server does not understand integrations of type {integration.get('type')}")


def _authorizer(security: Any, authorizers: Mapping[str, AuthorizerSettings], where: str) -> str | None:
    """The one authorizer that a method names; NONE is SAM's way to name none."""
    if security is None or security == [{"NONE": []}]:
        return None
    match security:
        case [dict(requirement)] if len(requirement) == 1:
            ((name, scopes),) = requirement.items()
            if name in authorizers and scopes == []:
                return str(name)
    raise RefusedError(f"{where}.security", f"this server does not understand {security}")


def _mock_response(integration: Mapping[str, Any], where: str) -> Response:
    """The constant answer of a mock integration, such as SAM makes for CORS preflights."""
    only(integration, _MOCK, where)
    only(integration.get("responses", {}), {"default"}, where)
    only(integration.get("requestTemplates", {}), {"application/json"}, where)
    answer = integration["responses"]["default"]
    only(answer, _MOCK_RESPONSE, where)
    headers = []
    for name, value in answer.get("responseParameters", {}).items():
        if not name.startswith(_RESPONSE_HEADER) or not (value[0] == value[-1] == "'"):
            raise RefusedError(f"{where}.{name}", f"this server does not understand {value}")
        headers.append(header_pair(name.removeprefix(_RESPONSE_HEADER), value[1:-1]))
    templates = answer.get("responseTemplates", {})
    only(templates, {"application/json"}, where)
    body = templates.get("application/json", "")
    if "$" in body or "#" in body:
        raise RefusedError(where, "this server does not understand templates in mock integrations")
    return Response(int(answer["statusCode"]), (JSON, *headers), body.encode())


@dataclass
class Call:
    """A request for one of the API's methods. `function` is the last one that was asked about it."""

    api: Api
    account: str
    arrival: Arrival
    resource: PathPattern
    path_parameters: Mapping[str, str]
    authorizer_context: Mapping[str, str] = field(default_factory=dict)
    function: str = ""

    @property
    def request(self) -> Request:
        return self.arrival.request

    @property
    def method_arn(self) -> str:
        path = self.request.path.removeprefix("/")
        method = f"{self.api.id}/{self.api.stage}/{self.request.method}/{path}"
        return f"arn:aws:execute-api:{REGION}:{self.account}:{method}"

    def variable(self, name: str) -> str | None:
        """A mapping variable: context.…, method.request.….name, stageVariables.name; None when there is none."""
        match name.split(".", 3):
            case ["method", "request", "header", header]:
                return self.request.header(header)
            case ["method", "request", "querystring", parameter]:
                return _last(self._query).get(parameter)
            case ["method", "request", "path", parameter]:
                return self.path_parameters.get(parameter)
            case ["stageVariables", variable]:
                return self.api.stage_variables.get(variable)
        value: Any = {"context": {**self._request_context, "authorizer": self.authorizer_context}}
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return None if value is None else str(value)

    def event(self) -> dict[str, Any]:
        """The proxy integration's event."""
        common = self._common
        context = dict(self._request_context)
        if self.authorizer_context:
            context["authorizer"] = {**self.authorizer_context, "integrationLatency": 0}
        return {
            **common,
            **{
                name: common[name] or None
                for name in (
                    "queryStringParameters",
                    "multiValueQueryStringParameters",
                    "pathParameters",
                    "stageVariables",
                )
            },
            "requestContext": context,
            # Without binary media types a REST API passes every body on as text.
            "body": self.request.body.decode(errors="replace") if self.request.body else None,
            "isBase64Encoded": False,
        }

    def authorizer_event(self) -> dict[str, Any]:
        return {**self._common, "requestContext": self._request_context}

    @cached_property
    def _query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.request.query, keep_blank_values=True)

    @cached_property
    def _common(self) -> dict[str, Any]:
        headers = self.arrival.forwarded_headers()
        return {
            "resource": self.resource.path,
            "path": self.request.path,
            "httpMethod": self.request.method,
            "headers": _last(headers),
            "multiValueHeaders": _lists(headers),
            "queryStringParameters": _last(self._query),
            "multiValueQueryStringParameters": _lists(self._query),
            "pathParameters": dict(self.path_parameters),
            "stageVariables": dict(self.api.stage_variables),
        }

    @cached_property
    def _request_context(self) -> dict[str, Any]:
        return {
            "accountId": self.account,
            "apiId": self.api.id,
            "domainName": self.arrival.domain_name,
            "domainPrefix": self.arrival.domain_name.partition(".")[0],
            "extendedRequestId": self.arrival.id.replace("-", "")[:16],
            "httpMethod": self.request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "sourceIp": self.request.source_ip,
                "user": None,
                "userAgent": self.request.header("User-Agent"),
                "userArn": None,
            },
            # Behind a custom domain with an empty base path there is no stage in it.
            "path": self.request.path,
            "protocol": self.request.protocol,
            "requestId": self.arrival.id,
            "requestTime": self.arrival.time,
            "requestTimeEpoch": self.arrival.epoch_milliseconds,
            "resourceId": hashlib.sha256(self.resource.path.encode()).hexdigest()[:6],
            "resourcePath": self.resource.path,
            "stage": self.api.stage,
        }


def _last(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return dict(pairs)


def _lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


class RestApi:
    """Answers requests as API Gateway does for a REST API."""

    def __init__(
        self, api: Api, document: RestDocument, functions: Functions, account: str, domain: str, log: Log
    ) -> None:
        self._api = api
        self._document = document
        self._functions = functions
        self._account = account
        self._domain = domain
        self._log = log
        self._authorizers = {
            name: Authorizer(settings, functions, log) for name, settings in document.authorizers.items()
        }

    def answer(self, request: Request) -> Response:
        arrival = Arrival(request, self._domain)
        call, method = self._find(arrival)
        return replace(self._answer_or_refuse(call, method), function=call.function)

    def _answer_or_refuse(self, call: Call, method: Method | None) -> Response:
        try:
            return self._answer(call, method)
        except AccessDeniedError as failure:
            call.authorizer_context = failure.context
            return render(failure, self._document.gateway_responses, call.variable)
        except GatewayError as failure:
            return render(failure, self._document.gateway_responses, call.variable)

    def _find(self, arrival: Arrival) -> tuple[Call, Method | None]:
        """The resource with the most specific path and its method, None when it has no such method."""
        for resource, parameters in matching(self._document.resources, arrival.request.path):
            methods = self._document.resources[resource]
            method = methods.get(arrival.request.method) or methods.get(ANY)
            return Call(self._api, self._account, arrival, resource, parameters), method
        return Call(self._api, self._account, arrival, PathPattern(arrival.request.path), {}), None

    def _answer(self, call: Call, method: Method | None) -> Response:
        if method is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        if method.authorizer:
            call.function = self._document.authorizers[method.authorizer].function
            call.authorizer_context = self._authorizers[method.authorizer].authorize(call)
        if isinstance(method.integration, Mock):
            call.function = ""
            return method.integration.response
        return self._invoke(call, method.integration.function)

    def _invoke(self, call: Call, function: str) -> Response:
        call.function = function
        try:
            return _response(self._functions.invoke(function, call.event()), call.arrival.id)
        except ThrottledError:
            raise GatewayError("THROTTLED", "Too Many Requests") from None
        except FunctionError:
            raise GatewayError("DEFAULT_5XX", "Internal server error") from None
        except MalformedAnswerError as error:
            self._log.line(function, f"its answer is malformed: {error}")
            raise GatewayError("DEFAULT_5XX", "Internal server error") from None


def _response(answer: Any, request_id: str) -> Response:
    """A function's answer in format 1.0. Errors: `MalformedAnswerError`."""
    if not isinstance(answer, dict) or set(answer) - _ANSWER:
        raise MalformedAnswerError(f"it must be an object of {', '.join(sorted(_ANSWER))} alone")
    body = answer.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedAnswerError("body must be a string")
    headers = [(_remapped(name), value) for name, value in without_hop_by_hop(_all_headers(answer))]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(JSON)
    headers.append(("x-amzn-RequestId", request_id))
    # Without binary media types a REST API does not decode a body, whatever isBase64Encoded says.
    return Response(status_of(answer), tuple(headers), (body or "").encode())


def _all_headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Both maps merged; a header that is in both counts as multiValueHeaders has it."""
    lists = answer.get("multiValueHeaders") or {}
    if not isinstance(lists, Mapping) or not all(isinstance(values, list) for values in lists.values()):
        raise MalformedAnswerError("multiValueHeaders must be an object of lists")
    several = [header_pair(name, value) for name, values in lists.items() for value in values]
    taken = {name.lower() for name in lists}
    return [*(pair for pair in header_pairs(answer.get("headers")) if pair[0].lower() not in taken), *several]


def _remapped(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name
