"""Events in API Gateway's shapes, for tests that need one of their own making; `events/` has whole ones."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from local.intrinsics import REGION

SOURCE = "203.0.113.7"
FORM = "application/x-www-form-urlencoded"
type Form = Mapping[str, str] | list[tuple[str, str]] | bytes


def encoded(form: Form) -> bytes:
    return form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()


def http_event(
    method: str,
    path: str,
    *,
    domain: str,
    resource: str = "",
    query: Form = b"",
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    body: bytes = b"",
    route: str = "",
    path_parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Payload format 2.0: lower-case headers, the body in base64."""
    optional: dict[str, Any] = {
        "cookies": [f"{name}={value}" for name, value in (cookies or {}).items()],
        "stageVariables": {"resource": resource, "realm": "master"} if resource else {},
        "pathParameters": dict(path_parameters or {}),
    }
    return {
        "version": "2.0",
        "routeKey": route or f"ANY {path}",
        "rawPath": path,
        "rawQueryString": encoded(query).decode(),
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        **{name: value for name, value in optional.items() if value},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE,
                "userAgent": "tests",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route or f"ANY {path}",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
        },
        **({"body": base64.b64encode(body).decode()} if body else {}),
        "isBase64Encoded": bool(body),
    }


def arn_of(method: str, path: str, *, api: str = "abcdef1234", stage: str = "v1") -> str:
    return f"arn:aws:execute-api:{REGION}:123456789012:{api}/{stage}/{method}{path}"


def rest_event(
    method: str,
    resource_path: str,
    *,
    resource: str = "",
    path: str = "",
    headers: Mapping[str, str] | None = None,
    authorizer: Mapping[str, str] | None = None,
    query: Mapping[str, list[str]] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    """Payload format 1.0, as a REST API gives it to an integration."""
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "abcdef1234",
        "domainName": f"abcdef1234.execute-api.{REGION}.amazonaws.com",
        "httpMethod": method,
        "identity": {"sourceIp": SOURCE, "userAgent": "tests"},
        "path": f"/v1{path or resource_path}",
        "protocol": "HTTP/1.1",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "resourcePath": resource_path,
        "stage": "v1",
    }
    if authorizer is not None:
        context["authorizer"] = {**authorizer, "integrationLatency": 12}
    return {
        "resource": resource_path,
        "path": path or resource_path,
        "httpMethod": method,
        "headers": dict(headers or {}),
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": dict(query) if query else None,
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "stageVariables": {"resource": resource} if resource else None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": False,
    }


def request_authorizer_event(method: str, resource_path: str, **options: Any) -> dict[str, Any]:
    """REST, type REQUEST."""
    path = options.get("path") or resource_path
    event = rest_event(method, resource_path, **options)
    del event["body"], event["isBase64Encoded"]
    return {"type": "REQUEST", "methodArn": arn_of(method, path), **event}


def token_authorizer_event(method: str, path: str, authorization: str, **arn: str) -> dict[str, Any]:
    """REST, type TOKEN."""
    return {"type": "TOKEN", "authorizationToken": authorization, "methodArn": arn_of(method, path, **arn)}


def simple_authorizer_event(
    method: str,
    path: str,
    *,
    domain: str,
    resource: str,
    authorization: str = "",
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """HTTP API, format 2.0."""
    headers = {"authorization": authorization} if authorization else {}
    event = http_event(method, path, domain=domain, resource=resource, headers=headers, route=f"{method} {path}")
    del event["isBase64Encoded"]
    api = domain.partition(".")[0]
    more = {"queryStringParameters": dict(query)} if query else {}
    return {
        **event,
        **more,
        "type": "REQUEST",
        "routeArn": arn_of(method, path, api=api, stage="$default"),
        "identitySource": [authorization],
    }
