"""API keys."""

from typing import Any

import click

from authserver_cli.commands.authorizations import of_one, query_of
from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import listing

ALL = "/admin/api-keys"
ONE = "/admin/api-keys/{api_key}"
COLUMNS = ("id", "name", "owner", "sub", "client_id", "organisation", "scope", "expires_at", "last_used_at", "stands")


@click.group(
    "api-keys",
    cls=Group,
    examples="""
    authserver api-keys list --org ORG
    authserver api-keys create "Nightly report" --client CLIENT_ID --scope "read"
    authserver api-keys end ID
    """,
)
def api_keys() -> None:
    """API keys: of people, of clients, and of organisations. For the keys of the server itself, see `keys`."""


@api_keys.command("list", examples="authserver api-keys list --user SUB")
@of_one
@listing
@pass_invocation
def list_keys(invocation: Invocation, user: str | None, client: str | None, org: str | None, limit: int | None) -> None:
    """List the API keys of a user, a client or an organisation."""
    invocation.show_list(invocation.api.items(ALL, query=query_of(user, client, org)), COLUMNS, limit)


@api_keys.command(examples="authserver api-keys show ID")
@click.argument("api_key")
@pass_invocation
def show(invocation: Invocation, api_key: str) -> None:
    """Show an API key; the key itself is never shown again."""
    invocation.show(invocation.api.get(ONE, api_key=api_key))


@api_keys.command(
    examples="""
    authserver api-keys create "Nightly report" --client CLIENT_ID --scope "read"
    authserver api-keys create "ERP" --user SUB --org ORG --company "*" --scope "read write" --network 192.0.2.0/24
    """
)
@click.argument("name")
@of_one
@click.option("--scope", required=True, help="Separated by spaces; no more than its owner has.")
@click.option("--company", "companies", multiple=True, help="Of the organisation; '*' for every one.")
@click.option("--resource", "resources", multiple=True, metavar="URI", help="The APIs that it is for.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Where it may be used from.")
@click.option("--expires-at", type=int, metavar="SECONDS", help="Epoch seconds; as late as possible by default.")
@pass_invocation
def create(
    invocation: Invocation,
    name: str,
    user: str | None,
    client: str | None,
    org: str | None,
    scope: str,
    companies: tuple[str, ...],
    resources: tuple[str, ...],
    networks: tuple[str, ...],
    expires_at: int | None,
) -> None:
    """Make an API key. It is shown once, here.

    An organisation's key is carried by one of its administrators, --user, and falls when that one ceases to be one.
    """
    given: dict[str, Any] = {
        "name": name,
        "scope": scope.split(),
        "sub": user,
        "client_id": client,
        "organisation": org,
        "entities": list(companies),
        "resource": list(resources),
        "networks": list(networks),
        "expires_at": expires_at,
    }
    invocation.show(invocation.api.post(ALL, {field: value for field, value in given.items() if value}))


@api_keys.command(examples="authserver api-keys end ID")
@click.argument("api_key")
@pass_invocation
def end(invocation: Invocation, api_key: str) -> None:
    """End an API key for good."""
    invocation.confirm(f"The API key {api_key} ends for good.")
    invocation.api.delete(ONE, api_key=api_key)
    invocation.done(f"Ended {api_key}.")
