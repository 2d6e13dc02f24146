"""What people have allowed."""

from collections.abc import Callable
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import listing

ALL = "/admin/authorizations"
ONE = "/admin/authorizations/{id}"
COLUMNS = ("id", "sub", "client_id", "scope", "organisation", "created_at", "last_used_at", "expires_at")


@click.group(
    cls=Group,
    examples="""
    authserver authorizations list --user SUB
    authserver authorizations revoke ID
    authserver authorizations revoke-all --client CLIENT_ID
    """,
)
def authorizations() -> None:
    """What people have allowed clients to do, and every token that came of it."""


def of_one(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--user", metavar="SUB"),
        click.option("--client", metavar="CLIENT_ID"),
        click.option("--org", metavar="ORG"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def query_of(user: str | None, client: str | None, org: str | None) -> dict[str, str]:
    given = {"subject": user, "client_id": client, "organisation": org}
    query = {name: value for name, value in given.items() if value}
    if len(query) != 1:
        raise click.UsageError("give one of --user, --client and --org")
    return query


@authorizations.command("list", examples="authserver authorizations list --user SUB")
@of_one
@listing
@pass_invocation
def list_authorizations(
    invocation: Invocation, user: str | None, client: str | None, org: str | None, limit: int | None
) -> None:
    """List the authorizations of a user, a client or an organisation."""
    invocation.show_list(invocation.api.items(ALL, query=query_of(user, client, org)), COLUMNS, limit)


@authorizations.command(examples="authserver authorizations show ID")
@click.argument("authorization")
@pass_invocation
def show(invocation: Invocation, authorization: str) -> None:
    """Show an authorization."""
    invocation.show(invocation.api.get(ONE, id=authorization))


@authorizations.command(examples="authserver authorizations revoke ID")
@click.argument("authorization")
@pass_invocation
def revoke(invocation: Invocation, authorization: str) -> None:
    """End an authorization and all its tokens for good."""
    invocation.confirm(f"The authorization {authorization} and its tokens end for good.")
    invocation.api.delete(ONE, id=authorization)
    invocation.done(f"Revoked {authorization}.")


@authorizations.command(examples="authserver authorizations revoke-all --user SUB --yes")
@of_one
@pass_invocation
def revoke_all(invocation: Invocation, user: str | None, client: str | None, org: str | None) -> None:
    """End everything that was issued for a user, to a client or for an organisation until now."""
    query = query_of(user, client, org)
    ((kind, value),) = query.items()
    invocation.confirm(f"Everything issued until now with the {kind} {value} ends for good.")
    invocation.done("Revoked.", invocation.api.delete(ALL, query=query))
