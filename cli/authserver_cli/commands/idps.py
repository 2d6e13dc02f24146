"""Identity providers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from authserver_cli.asking import read_secret
from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import body_of, changes_of, fields, listing

ALL = "/admin/identity-providers"
ONE = "/admin/identity-providers/{idp}"
COLUMNS = ("id", "name", "issuer", "status", "domains")
VARIABLE = "AUTHSERVER_IDP_SECRET"


@click.group(
    cls=Group,
    examples="""
    authserver idps create "Wonderland" --issuer https://login.example --client-id abc --domain example.com
    authserver idps update IDP --client-secret < new-secret.txt
    """,
)
def idps() -> None:
    """Identity providers: other OpenID Connect servers that people may sign in through."""


def _provider(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--issuer", help="Its issuer; discovery starts there."),
        click.option("--client-id", help="What this server is registered as there."),
        click.option(
            "--client-secret", "with_secret", is_flag=True, help=f"Ask for one, or take it from stdin or {VARIABLE}."
        ),
        click.option("--domain", "domains", multiple=True, help="E-mail domain of its users. May be repeated."),
        click.option("--scope", help="What to ask it for."),
        click.option("--organisation", metavar="ORG", help="Whose members its new users become."),
        click.option("--sign-up/--no-sign-up", "sign_up", default=None, help="Make accounts of those who come first."),
        click.option(
            "--trusts-email/--no-trusts-email",
            "trusts_email",
            default=None,
            help="Whether its word counts, for its domains.",
        ),
        click.option("--shown/--hidden", "shown", default=None, help="A button on every sign-in page."),
    )
    for option in reversed(options):
        command = option(command)
    return fields(command)


@idps.command("list", examples="authserver idps list")
@listing
@pass_invocation
def list_idps(invocation: Invocation, limit: int | None) -> None:
    """List identity providers."""
    invocation.show_list(invocation.api.items(ALL), COLUMNS, limit)


@idps.command(examples="authserver idps show IDP")
@click.argument("idp")
@pass_invocation
def show(invocation: Invocation, idp: str) -> None:
    """Show an identity provider."""
    invocation.show(invocation.api.get(ONE, idp=idp))


@idps.command(
    examples='authserver idps create "Wonderland" --issuer https://login.example --client-id abc --client-secret'
)
@click.argument("name")
@click.option("--id", "identifier", help="The identifier, where it is not to be random.")
@_provider
@pass_invocation
def create(
    invocation: Invocation,
    name: str,
    identifier: str | None,
    with_secret: bool,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **provider: Any,
) -> None:
    """Add an identity provider. NAME is what its button says."""
    body = body_of({"name": name, "id": identifier, **provider}, file, assignments)
    invocation.show(invocation.api.post(ALL, _with_secret(body, with_secret)))


@idps.command(examples="authserver idps update IDP --hidden")
@click.argument("idp")
@click.option("--name")
@_provider
@pass_invocation
def update(
    invocation: Invocation,
    idp: str,
    with_secret: bool,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **provider: Any,
) -> None:
    """Change what is given; the rest stays. A list is replaced as a whole."""
    body = _with_secret(body_of(provider, file, assignments), with_secret)
    invocation.show(invocation.api.patch(ONE, changes_of(body, None, ()), idp=idp))


def _with_secret(body: dict[str, Any], wanted: bool) -> dict[str, Any]:
    return {**body, "client_secret": read_secret("Client secret", VARIABLE)} if wanted else body


@idps.command(examples="authserver idps delete IDP")
@click.argument("idp")
@pass_invocation
def delete(invocation: Invocation, idp: str) -> None:
    """Delete an identity provider. Users can no longer sign in through it."""
    invocation.confirm(f"Users can no longer sign in through {idp}.")
    invocation.api.delete(ONE, idp=idp)
    invocation.done(f"Deleted {idp}.")
