"""The OpenAPI 3.1 document of the management APIs, made of the operations that serve them."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic.json_schema import models_json_schema

from authserver.documents import Document
from authserver.management import DEFAULT_PAGE, IDEMPOTENCY_KEY, MAX_PAGE, Operation
from authserver.management.account import operations as account
from authserver.management.admin import operations as admin
from authserver.management.partner import operations as partner
from authserver.scopes import DEFAULT
from authserver.settings import Settings
from authserver.wire.http import HttpResponse

OPERATIONS = (*admin.OPERATIONS, *partner.OPERATIONS, *account.OPERATIONS)
REFERENCE = "#/components/schemas/{model}"
PARAMETER = re.compile(r"\{(\w+)\}")
PROBLEM = "application/problem+json"
DESCRIPTION = """\
What the management APIs of Authserver offer: to operators (/admin), to partners who register applications (/partner)
and to users (/account).

Errors are problem details (RFC 9457), changes are JSON merge patches (RFC 7396), lists come in parts: `next` of one is
the `cursor` of the following. A create that is repeated with the same `Idempotency-Key` creates nothing new.
"""
SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "What is wrong with a call (RFC 9457)",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "detail"],
                    "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
        },
    },
    "OAuthError": {
        "type": "object",
        "description": "Why the access token was refused (RFC 6750)",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    },
}
REFUSED = {"application/json": {"schema": {"$ref": REFERENCE.format(model="OAuthError")}}}
WRONG = {PROBLEM: {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
REFUSALS: dict[str, Any] = {
    "Unauthorized": {"description": "No access token that stands", "content": REFUSED},
    "Forbidden": {
        "description": "The access token lacks the scope, or its user may not do this",
        "content": {**REFUSED, **WRONG},
    },
    "Problem": {"description": "What is wrong", "content": WRONG},
}
REFUSED_BY = {"401": "Unauthorized", "403": "Forbidden", "default": "Problem"}  # of every operation
PARAMETERS: dict[str, Any] = {
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many at most",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "`next` of the part before",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes a repetition safe",
        "schema": {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"},
    },
}


def render(settings: Settings) -> HttpResponse:
    """The document of this deployment."""
    described = document(OPERATIONS, issuer=settings.issuer, resource=settings.resource)
    headers = (("Content-Type", "application/json"), ("Cache-Control", "public, max-age=3600"))
    return HttpResponse(200, headers, json.dumps(described))


def document(operations: Iterable[Operation], *, issuer: str, resource: str) -> dict[str, Any]:
    """The document of these operations at `resource`, for tokens of `issuer`."""
    served = tuple(operations)
    schemas, references = _schemas(served)
    paths: dict[str, dict[str, Any]] = {}
    for operation in served:
        method, _, path = operation.route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Authserver management APIs", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": resource}],
        "security": [],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**schemas, **SCHEMAS},
            "responses": REFUSALS,
            "parameters": PARAMETERS,
            "securitySchemes": {"oauth": _security_scheme(served, issuer)},
        },
    }


def _schemas(operations: tuple[Operation, ...]) -> tuple[dict[str, Any], dict[tuple[type[Document], str], str]]:
    """The components, and what refers to each document as a body, as a patch and as an answer."""
    bodies = {operation.body for operation in operations if operation.body}
    answers = {operation.answer for operation in operations if operation.answer}
    by_name = sorted(
        [*((body, "validation") for body in bodies), *((answer, "serialization") for answer in answers)],
        key=lambda one: (one[0].__module__, one[0].__name__, one[1]),
    )
    found, definitions = models_json_schema(by_name, ref_template=REFERENCE)  # type: ignore[arg-type]  # literals, sorted
    schemas = dict(definitions.get("$defs", {}))
    references = {
        (model, "body" if mode == "validation" else "answer"): schema["$ref"]
        for (model, mode), schema in cast("dict[tuple[type[Document], str], dict[str, str]]", found).items()
    }
    for operation in operations:
        if operation.body and operation.route.startswith("PATCH "):
            reference = references[operation.body, "body"]
            name = reference.rpartition("/")[2]
            schemas[f"{name}Patch"] = _patch_of(schemas[name])
            references[operation.body, "patch"] = f"{reference}Patch"
    return dict(sorted(schemas.items())), references


def _patch_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396: what is left out stays as it is; null takes it away, if it may be absent."""
    required = schema.get("required", ())
    properties = {
        name: one if name in required else {"anyOf": [_without_default(one), {"type": "null"}]}
        for name, one in schema.get("properties", {}).items()
    }
    kept = {name: value for name, value in schema.items() if name not in ("required", "properties")}
    return {**kept, "properties": properties}


def _without_default(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "default"}


def _operation(operation: Operation, references: Mapping[tuple[type[Document], str], str]) -> dict[str, Any]:
    api = operation.route.partition("/")[2].partition("/")[0]
    described: dict[str, Any] = {
        "operationId": f"{api}_{operation.perform.__name__}",
        "tags": [api],
        "summary": operation.summary,
        "description": operation.perform.__doc__ or "",
        "security": [{"oauth": operation.scope.split()}],
        "responses": _responses(operation, references),
    }
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        is_patch = operation.route.startswith("PATCH ")
        media_type = "application/merge-patch+json" if is_patch else "application/json"
        reference = references[operation.body, "patch" if is_patch else "body"]
        described["requestBody"] = {"required": True, "content": {media_type: {"schema": {"$ref": reference}}}}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in PARAMETER.findall(operation.route)
    ]
    found += [
        {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}
        for name, meaning in operation.query.items()
    ]
    shared = [
        *(("limit", "cursor") if operation.is_list else ()),
        *(("Idempotency-Key",) if operation.is_create else ()),
    ]
    return [*found, *({"$ref": f"#/components/parameters/{name}"} for name in shared)]


def _responses(operation: Operation, references: Mapping[tuple[type[Document], str], str]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if operation.answer:
        schema: dict[str, Any] = {"$ref": references[operation.answer, "answer"]}
        if operation.is_list:
            schema = {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": schema}, "next": {"type": "string"}},
            }
        done["content"] = {"application/json": {"schema": schema}}
    refusals = {status: {"$ref": f"#/components/responses/{name}"} for status, name in REFUSED_BY.items()}
    return {str(operation.status): done, **refusals}


def _security_scheme(operations: tuple[Operation, ...], issuer: str) -> dict[str, Any]:
    needed = dict.fromkeys(scope for operation in operations for scope in operation.scope.split())
    scopes = {one.name: one.description for name in needed if (one := DEFAULT.get(name))}
    token = f"{issuer}/token"
    return {
        "type": "oauth2",
        "flows": {
            "authorizationCode": {"authorizationUrl": f"{issuer}/authorize", "tokenUrl": token, "scopes": scopes},
            "clientCredentials": {"tokenUrl": token, "scopes": scopes},
        },
    }
