"""The catalogue of scopes."""

import json
from pathlib import Path
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import body_of, fields, listing, read_json

ALL = "/admin/scopes"
ONE = "/admin/scopes/{scope}"
COLUMNS = ("name", "description", "grantable_by", "sensitive", "implies")


@click.group(
    cls=Group,
    examples="""
    authserver scopes set invoices --description "See your invoices" --implies invoices.read
    authserver scopes export scopes.json
    authserver scopes import scopes.json --dry-run
    """,
)
def scopes() -> None:
    """The catalogue of scopes: what can be allowed, and how the consent page describes it."""


@scopes.command("list", examples="authserver scopes list")
@listing
@pass_invocation
def list_scopes(invocation: Invocation, limit: int | None) -> None:
    """List scopes."""
    invocation.show_list(invocation.api.items(ALL), COLUMNS, limit)


@scopes.command(examples="authserver scopes show openid")
@click.argument("scope")
@pass_invocation
def show(invocation: Invocation, scope: str) -> None:
    """Show a scope."""
    invocation.show(invocation.api.get(ONE, scope=scope))


@scopes.command(
    "set",
    examples='authserver scopes set invoices --description "See your invoices" --implies invoices.read --sensitive',
)
@click.argument("scope")
@click.option("--description", help="The description on the consent page.")
@click.option("--implies", multiple=True, help="A scope that it includes. May be repeated.")
@click.option("--sensitive/--not-sensitive", default=None, help="Marked on the consent page.")
@click.option("--grantable-by", type=click.Choice(["anyone", "administrator", "operator"]))
@click.option("--advertised/--not-advertised", default=None, help="Whether the metadata lists it.")
@click.option("--group", help="What it is shown together with.")
@click.option("--api-keys/--no-api-keys", default=None, help="Whether API keys may have it.")
@fields
@pass_invocation
def set_scope(
    invocation: Invocation, scope: str, file: Path | None, assignments: tuple[tuple[str, Any], ...], **definition: Any
) -> None:
    """Define a scope, in place of what it was."""
    invocation.show(invocation.api.put(ONE, body_of(definition, file, assignments), scope=scope))


@scopes.command(examples="authserver scopes delete invoices")
@click.argument("scope")
@pass_invocation
def delete(invocation: Invocation, scope: str) -> None:
    """Remove a scope from the catalogue. It is no longer granted, and its name cannot be used again."""
    invocation.confirm(f"The scope {scope} can no longer be granted.")
    invocation.api.delete(ONE, scope=scope)
    invocation.done(f"Deleted {scope}.")


@scopes.command("export", examples="authserver scopes export scopes.json")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
@pass_invocation
def export_scopes(invocation: Invocation, file: Path) -> None:
    """Write the catalogue as JSON, for import elsewhere; the server's own scopes are everywhere."""
    catalogue = [_without(scope, "built_in") for scope in invocation.api.items(ALL) if not scope.get("built_in")]
    if invocation.dry_run:
        return
    with click.open_file(str(file), "w", encoding="utf-8") as stream:
        stream.write(json.dumps(catalogue, indent=2) + "\n")


@scopes.command("import", examples="authserver scopes import scopes.json --dry-run")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@pass_invocation
def import_scopes(invocation: Invocation, file: Path) -> None:
    """Define each scope of a file. Scopes that it does not name stay as they are."""
    catalogue = read_json(file)
    if not isinstance(catalogue, list) or not all(isinstance(one, dict) and "name" in one for one in catalogue):
        raise click.UsageError(f"{file}: must be a JSON list of objects with a name, as `scopes export` writes it")
    for definition in catalogue:
        invocation.api.put(ONE, _without(definition, "name"), scope=str(definition["name"]))
    invocation.done(f"Defined {len(catalogue)} scopes.")


def _without(document: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != member}
