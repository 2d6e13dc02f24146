"""Resources: APIs that take the access tokens of this server."""

import json
from pathlib import Path
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import body_of, fields, listing, read_json

ALL = "/admin/resources"
ONE = "/admin/resources/{resource_id}"
COLUMNS = ("id", "identifier", "name", "scopes", "routes")


@click.group(
    cls=Group,
    examples="""
    authserver resources set orders --identifier https://api.example.com/orders --scope orders.read \\
      --route "GET /orders/...=orders.read"
    authserver resources export resources.json
    authserver resources import resources.json --dry-run
    """,
)
def resources() -> None:
    """APIs that take access tokens of this server, and what their routes ask for."""


@resources.command("list", examples="authserver resources list")
@listing
@pass_invocation
def list_resources(invocation: Invocation, limit: int | None) -> None:
    """List resources. Those that the stack's parameters name need not be among them."""
    invocation.show_list(invocation.api.items(ALL), COLUMNS, limit)


@resources.command(examples="authserver resources show orders")
@click.argument("resource_id", metavar="RESOURCE")
@pass_invocation
def show(invocation: Invocation, resource_id: str) -> None:
    """Show a resource."""
    invocation.show(invocation.api.get(ONE, resource_id=resource_id))


@resources.command(
    "set",
    examples='authserver resources set mcp --identifier https://mcp.example.com --scope read --route "POST /mcp=read"',
)
@click.argument("resource_id", metavar="RESOURCE")
@click.option("--identifier", help="The address of the API, by which tokens are asked for.")
@click.option("--name", help="What people may be told.")
@click.option("--scope", "scopes", multiple=True, help="A scope that it knows. May be repeated.")
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar='"METHOD /path=scope"',
    help="What the authorizer asks for on a route. May be repeated.",
)
@fields
@pass_invocation
def set_resource(
    invocation: Invocation,
    resource_id: str,
    routes: tuple[str, ...],
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **description: Any,
) -> None:
    """Describe a resource, in place of what it was."""
    asked = {route: scopes for route, _, scopes in (one.partition("=") for one in routes)}
    body = body_of({**description, "routes": asked or None}, file, assignments)
    invocation.show(invocation.api.put(ONE, body, resource_id=resource_id))


@resources.command(examples="authserver resources delete orders")
@click.argument("resource_id", metavar="RESOURCE")
@pass_invocation
def delete(invocation: Invocation, resource_id: str) -> None:
    """Remove a resource. The server issues no more tokens for it, and existing ones are refused."""
    invocation.confirm(f"No token for the resource {resource_id} works any more.")
    invocation.api.delete(ONE, resource_id=resource_id)
    invocation.done(f"Deleted {resource_id}.")


@resources.command("export", examples="authserver resources export resources.json")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
@pass_invocation
def export_resources(invocation: Invocation, file: Path) -> None:
    """Write all resources as JSON, for import elsewhere."""
    found = invocation.api.items(ALL)
    if invocation.dry_run:
        return
    with click.open_file(str(file), "w", encoding="utf-8") as stream:
        stream.write(json.dumps(list(found), indent=2) + "\n")


@resources.command("import", examples="authserver resources import resources.json --dry-run")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@pass_invocation
def import_resources(invocation: Invocation, file: Path) -> None:
    """Describe each resource of a file. Those that it does not name stay as they are."""
    found = read_json(file)
    if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
        raise click.UsageError(f"{file}: must be a JSON list of objects with an id, as `resources export` writes it")
    for one in found:
        body = {name: value for name, value in one.items() if name != "id"}
        invocation.api.put(ONE, body, resource_id=str(one["id"]))
    invocation.done(f"Described {len(found)} resources.")
