"""The operations of the management APIs, compared with the template's routes and with what the authorizer asks."""

import pytest

from authserver.endpoints.machines.access import _scope_of
from authserver.management import Operation, openapi
from authserver.management.admin.operations import OPENAPI
from authserver.settings import Settings
from tests.functions.world import World
from tests.template.written import Written

FUNCTIONS = ("admin", "partner", "account")


def test_every_operation_is_routed_and_every_route_is_an_operation(written: Written) -> None:
    routed = {route for function, route in written.operations() if function in FUNCTIONS}
    assert routed == {operation.route for operation in openapi.OPERATIONS} | {OPENAPI}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_serves_the_operations_of_its_routes(function: str, written: Written, world: World) -> None:
    served = {operation.route for operation in world.load(function).OPERATIONS}
    routed = {route for one, route in written.operations() if one == function}
    assert served == routed - {OPENAPI}


def test_every_function_of_operations_is_described(world: World) -> None:
    served = [operation for function in FUNCTIONS for operation in world.load(function).OPERATIONS]
    assert {operation.route for operation in served} == {operation.route for operation in openapi.OPERATIONS}


@pytest.mark.parametrize("operation", openapi.OPERATIONS, ids=lambda one: one.route)
def test_the_authorizer_asks_for_the_scope_that_an_operation_says(
    operation: Operation, written: Written, world: World
) -> None:
    """It is told the route of the template, which may stand for every path beneath."""
    (authorizer,) = [one for one in world.stack.functions.values() if one.code.name == "authorizer"]
    scopes = Settings.from_environ(authorizer.environment).route_scopes
    path = written.routed(operation.route).partition(" ")[2]
    assert _scope_of(f"{operation.route.partition(' ')[0]} {path}", scopes) == operation.scope
