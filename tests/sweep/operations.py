"""Everything that can be asked of this server: found in what serves it, so that nothing new is forgotten.

- an operation of a management API is called as its route, ``DELETE /admin/users/{sub}``;
- what a form of one of our own pages does, ``/my/apps disconnect-all``: the page's route, and the `action` of the form;
- a method of an endpoint, ``POST /revoke``: as the template routes it and the function takes it;
- a function without a route, ``function rotate_keys``.

A command of the command-line tool is no operation of its own: it calls some (`commands`).
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import click

from authserver_cli.__main__ import main
from tests.functions.world import FUNCTIONS, ROOT
from tests.sweep.estate import OPERATIONS as MANAGEMENT
from tests.sweep.estate import SCREENS
from tests.template.written import Written

# What the tool calls by helpers of its own, that its commands' own text does not tell.
DELEGATED = {
    "audit heads": ("GET /admin/audit/heads",),
    "audit verify": ("GET /admin/audit/heads", "GET /admin/audit/links"),
    "import": ("POST /admin/users", "POST /admin/clients", "POST /admin/organisations"),
    "completion": (),
    "login": ("POST /device_authorization", "POST /token"),
    "logout": ("POST /revoke",),
    "orgs companies add": ("PUT /admin/organisations/{organisation}/companies/{company}",),
    "orgs companies rename": ("PUT /admin/organisations/{organisation}/companies/{company}",),
}
VERBS = {"get": "GET", "items": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE"}


@cache
def operations() -> tuple[str, ...]:
    """All of them."""
    written = Written()
    return tuple(sorted({*_management(), *_acts(), *_endpoints(written), *_unasked(written)}))


def _management() -> Iterator[str]:
    return (operation.route for operation in MANAGEMENT)


def _acts() -> Iterator[str]:
    return (f"{screen.route} {action}" for screen in SCREENS for action in screen.acts)


def _endpoints(written: Written) -> Iterator[str]:
    """The methods of each route, but for those of the management APIs and the forms of pages, which are acts."""
    ours = {screen.route for screen in SCREENS}
    for function, route in written.routes("HttpApi").values():
        path = route.partition(" ")[2]
        methods = [method for method in _methods(function) if method != "POST" or path not in ours]
        yield from (f"{method} {path}" for method in methods)
    managed = set(_management())
    yield from (route for _, route in written.operations() if route not in managed)


def _unasked(written: Written) -> Iterator[str]:
    routed = {function for kind in ("HttpApi", "Api") for function, _ in written.routes(kind).values()}
    return (f"function {function}" for function in FUNCTIONS if function not in routed)


def _methods(function: str) -> tuple[str, ...]:
    """Those that a function's handler takes: the arguments of its decorator ``endpoint``."""
    module = ast.parse((ROOT / "functions" / function / "app.py").read_text(encoding="utf-8"))
    calls = [
        decorator
        for node in module.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "endpoint"
    ]
    ((arguments),) = [call.args for call in calls]
    return tuple(str(ast.literal_eval(argument)) for argument in arguments)


# ------------------------------------------------------------------ the command-line tool


@cache
def commands() -> Mapping[str, tuple[str, ...] | None]:
    """The operations that each command calls; None if that cannot be told."""
    return {name: _called(name, command) for name, command in _leaves(main, ())}


def _leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name, part in command.commands.items():
        yield from _leaves(part, (*path, name))


def _called(name: str, command: click.Command) -> tuple[str, ...] | None:
    """The routes that a command's own text names, in calls of ``invocation.api``."""
    callback = inspect.unwrap(command.callback or main)
    module = inspect.getmodule(callback)
    assert module
    tree = ast.parse(inspect.getsource(callback))
    found = tuple(
        f"{VERBS[node.func.attr]} {_text(node.args[0], module)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "api"
    )
    return found or DELEGATED.get(name)


def _text(argument: ast.expr, module: ModuleType) -> str:
    """What an expression made of text and of the module's constants comes to."""
    value: Any = eval(compile(ast.Expression(argument), "route", "eval"), vars(module))  # noqa: S307 - our own source
    return str(value)
