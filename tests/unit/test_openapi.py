"""The OpenAPI document says what the operations do."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from authserver.management import Operation, openapi
from tests import fakes

DOCUMENT = openapi.document(openapi.OPERATIONS, issuer="https://as.example", resource="https://api.example")
OPERATIONS = {operation.route: operation for operation in openapi.OPERATIONS}


def described(operation: Operation) -> dict[str, Any]:
    method, _, path = operation.route.partition(" ")
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def resolved(one: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to; anything else is itself."""
    found: Any = DOCUMENT
    for name in one["$ref"].removeprefix("#/").split("/") if "$ref" in one else ():
        found = found[name]
    return one if found is DOCUMENT else found


def test_it_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_no_two_operations_share_a_route() -> None:
    assert len(OPERATIONS) == len(openapi.OPERATIONS)


def test_every_operation_is_described_and_nothing_else() -> None:
    routes = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert routes == set(OPERATIONS)


@pytest.mark.parametrize("operation", openapi.OPERATIONS, ids=lambda one: one.route)
def test_an_operation_says_its_scope_its_parameters_and_its_status(operation: Operation) -> None:
    told = described(operation)
    (security,) = told["security"]
    assert security == {"oauth": [operation.scope]}
    for flow in DOCUMENT["components"]["securitySchemes"]["oauth"]["flows"].values():
        assert operation.scope in flow["scopes"]
    parameters = {(one["in"], one["name"]) for one in map(resolved, told.get("parameters", ()))}
    assert {name for where, name in parameters if where == "path"} == set(re.findall(r"\{(\w+)\}", operation.route))
    assert {name for where, name in parameters if where == "query"} >= set(operation.query)
    assert (("query", "cursor") in parameters) is operation.is_list
    assert (("header", "Idempotency-Key") in parameters) is operation.is_create
    assert ("requestBody" in told) is (operation.body is not None)
    assert str(operation.status) in told["responses"]
    assert ("content" in told["responses"][str(operation.status)]) is (operation.answer is not None)
    assert {"401", "403", "default"} <= told["responses"].keys()
    assert all(resolved(answer)["description"] for answer in told["responses"].values())
    assert told["summary"]


def test_what_operations_have_in_common_is_said_once() -> None:
    """No object of more than 250 characters stands in four operations or more."""
    written = [json.dumps(part, sort_keys=True) for part in objects_in(DOCUMENT["paths"])]
    again = {text for text, times in Counter(written).items() if len(text) > 250 and times > 3}
    assert again == set()


def objects_in(part: Any) -> Iterator[Any]:
    match part:
        case dict():
            yield part
            for inner in part.values():
                yield from objects_in(inner)
        case list():
            for inner in part:
                yield from objects_in(inner)


def test_operation_identifiers_are_unique() -> None:
    identifiers = [one["operationId"] for methods in DOCUMENT["paths"].values() for one in methods.values()]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.rfc("7396", "1")
def test_a_patch_may_leave_out_what_stays_as_it_is() -> None:
    for operation in openapi.OPERATIONS:
        if operation.route.startswith("PATCH "):
            ((media_type, body),) = described(operation)["requestBody"]["content"].items()
            assert media_type == "application/merge-patch+json"
            name = body["schema"]["$ref"].rpartition("/")[2]
            assert "required" not in DOCUMENT["components"]["schemas"][name]


def test_every_operation_that_reads_needs_a_scope_to_read_and_every_other_one_to_write() -> None:
    for route, operation in OPERATIONS.items():
        assert operation.scope.endswith(".read" if route.startswith("GET ") else ".write"), route


def test_a_deployment_describes_itself() -> None:
    response = openapi.render(fakes.settings())
    document = json.loads(response.body)
    assert document["servers"] == [{"url": fakes.RESOURCE}]
    assert document["components"]["securitySchemes"]["oauth"]["flows"]["clientCredentials"]["tokenUrl"] == (
        f"{fakes.ISSUER}/token"
    )
