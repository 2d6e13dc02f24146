"""People."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from authserver_cli.asking import read_secret
from authserver_cli.errors import NotFound
from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import body_of, changes_of, fields, listing

ALL = "/admin/users"
ONE = "/admin/users/{sub}"
FACTORS = "/admin/users/{sub}/factors"
IDENTITIES = "/admin/users/{sub}/identities"
LINKS = "/admin/users/{sub}/links"
CONSENTS = "/admin/users/{sub}/consents"
COLUMNS = ("sub", "username", "name", "email", "status", "operator")
VARIABLE = "AUTHSERVER_PASSWORD"


@click.group(
    cls=Group,
    examples="""
    authserver users list
    authserver users show alice@example.com
    authserver users create alice --email alice@example.com --password
    authserver users set-password SUB < password.txt
    authserver users remove-factors SUB
    authserver users link SUB --issuer https://accounts.google.com --subject 1234567890
    authserver users unlink SUB IDENTITY
    authserver users links SUB
    """,
)
def users() -> None:
    """People who can sign in. SUB is a user's identifier, which never changes, or their confirmed email address."""


def found(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the user's identifier: the argument, or what a confirmed address or username with an @ names.

    An identifier that has one, such as that of another system, comes first.
    """

    @wraps(command)
    def of_whoever_it_is(invocation: Invocation, sub: str, **options: Any) -> None:
        command(invocation, _identifier(invocation, sub) if "@" in sub else sub, **options)

    return of_whoever_it_is


def _identifier(invocation: Invocation, name: str) -> str:
    try:
        invocation.api.get(ONE, sub=name)
    except NotFound:
        for user in invocation.api.items(ALL, query={"login": name}):
            return str(user["sub"])
        raise
    return name


def _profile(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--name", help="As it is shown."),
        click.option("--email"),
        click.option("--email-verified/--email-unverified", "email_verified", default=None),
        click.option(
            "--operator/--no-operator", "operator", default=None, help="May administer this whole deployment."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return fields(command)


@users.command("list", examples="authserver users list --limit 20")
@listing
@pass_invocation
def list_users(invocation: Invocation, limit: int | None) -> None:
    """List users."""
    invocation.show_list(invocation.api.items(ALL), COLUMNS, limit)


@users.command(examples="authserver users show alice@example.com")
@click.argument("sub")
@pass_invocation
@found
def show(invocation: Invocation, sub: str) -> None:
    """Show a user."""
    invocation.show(invocation.api.get(ONE, sub=sub))


@users.command(
    examples="""
    authserver users create alice --email alice@example.com --password
    AUTHSERVER_PASSWORD=... authserver users create bob --password
    """
)
@click.argument("username")
@click.option("--sub", help="The identifier, where one is to be kept.")
@click.option("--password", "with_password", is_flag=True, help=f"Ask for one, or take it from stdin or {VARIABLE}.")
@_profile
@pass_invocation
def create(
    invocation: Invocation,
    username: str,
    with_password: bool,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **profile: Any,
) -> None:
    """Add a user. Without a password they sign in through an identity provider."""
    body = body_of({"username": username, **profile}, file, assignments)
    if with_password:
        body["password"] = read_secret("Password", VARIABLE)
    invocation.show(invocation.api.post(ALL, body))


@users.command(examples='authserver users update SUB --name "Alice Liddell" --email-verified')
@click.argument("sub")
@_profile
@pass_invocation
@found
def update(
    invocation: Invocation, sub: str, file: Path | None, assignments: tuple[tuple[str, Any], ...], **profile: Any
) -> None:
    """Change what is given; the rest stays. --set FIELD= removes a field."""
    invocation.show(invocation.api.patch(ONE, changes_of(profile, file, assignments), sub=sub))


@users.command(examples="authserver users set-password SUB < password.txt")
@click.argument("sub")
@pass_invocation
@found
def set_password(invocation: Invocation, sub: str) -> None:
    """Set a user's password, typed, from standard input, or from AUTHSERVER_PASSWORD."""
    password = read_secret("New password", VARIABLE)
    invocation.api.put("/admin/users/{sub}/password", {"password": password}, sub=sub)
    invocation.done(f"The password of {sub} is set.")


@users.command(examples="authserver users factors SUB")
@click.argument("sub")
@pass_invocation
@found
def factors(invocation: Invocation, sub: str) -> None:
    """Show what a user signs in with beside a password."""
    invocation.show(invocation.api.get(FACTORS, sub=sub))


@users.command(examples="authserver users remove-factors SUB")
@click.argument("sub")
@pass_invocation
@found
def remove_factors(invocation: Invocation, sub: str) -> None:
    """Help who lost them: remove the authenticator app, recovery codes and passkeys. Verify the user's identity
    first."""
    invocation.confirm(f"The password alone signs {sub} in from now on, and {sub} is signed out everywhere.")
    invocation.api.delete(FACTORS, sub=sub)
    invocation.done(f"{sub} has no second factor any more.")


@users.command(examples="authserver users consents SUB")
@click.argument("sub")
@listing
@pass_invocation
@found
def consents(invocation: Invocation, sub: str, limit: int | None) -> None:
    """List what a user allowed applications and is not asked again."""
    columns = ("client_id", "client_name", "scope", "expires_at", "stands")
    invocation.show_list(invocation.api.items(CONSENTS, sub=sub), columns, limit)


@users.command(examples="authserver users forget-consent SUB CLIENT_ID")
@click.argument("sub")
@click.argument("client_id")
@pass_invocation
@found
def forget_consent(invocation: Invocation, sub: str, client_id: str) -> None:
    """Have an application ask a user again. What it was granted stays: see authorizations."""
    invocation.confirm(f"The application {client_id} has to ask {sub} again.")
    invocation.api.delete(f"{CONSENTS}/{{client_id}}", sub=sub, client_id=client_id)
    invocation.done(f"{client_id} asks {sub} again.")


@users.command(examples="authserver users disable SUB")
@click.argument("sub")
@pass_invocation
@found
def disable(invocation: Invocation, sub: str) -> None:
    """Keep a user out at once: sessions and tokens included. Can be undone with enable."""
    invocation.confirm(f"The user {sub} is signed out everywhere and kept out.")
    invocation.done(f"{sub} is disabled.", invocation.api.patch(ONE, {"status": "disabled"}, sub=sub))


@users.command(examples="authserver users enable SUB")
@click.argument("sub")
@pass_invocation
@found
def enable(invocation: Invocation, sub: str) -> None:
    """Let a disabled user in again."""
    changed = invocation.api.patch(ONE, {"status": "active"}, sub=sub)
    invocation.done(f"{sub} is active, and has to sign in again.", changed)


@users.command(examples="authserver users link SUB --issuer https://accounts.google.com --subject 1234567890")
@click.argument("sub")
@click.option("--issuer", required=True, help="The identity provider's issuer.")
@click.option("--subject", required=True, help="The user's identifier there.")
@pass_invocation
@found
def link(invocation: Invocation, sub: str, issuer: str, subject: str) -> None:
    """Let an identity of another provider sign in as this user."""
    identity = {"issuer": issuer, "subject": subject}
    linked = invocation.api.post(IDENTITIES, identity, sub=sub)
    invocation.done(f"{subject} of {issuer} signs in as {sub}.", linked)


@users.command(examples="authserver users identities SUB")
@click.argument("sub")
@listing
@pass_invocation
@found
def identities(invocation: Invocation, sub: str, limit: int | None) -> None:
    """List the identities of other providers that sign in as a user."""
    invocation.show_list(invocation.api.items(IDENTITIES, sub=sub), ("id", "issuer", "subject", "created_at"), limit)


@users.command(examples="authserver users unlink SUB IDENTITY")
@click.argument("sub")
@click.argument("identity")
@pass_invocation
@found
def unlink(invocation: Invocation, sub: str, identity: str) -> None:
    """Take an identity of another provider from a user; `users identities` lists them."""
    invocation.confirm(f"The identity {identity} no longer signs {sub} in, and {sub} is signed out everywhere.")
    invocation.api.delete(f"{IDENTITIES}/{{identity}}", sub=sub, identity=identity)
    invocation.done(f"Unlinked {identity}.")


@users.command(examples="authserver users links SUB")
@click.argument("sub")
@listing
@pass_invocation
@found
def links(invocation: Invocation, sub: str, limit: int | None) -> None:
    """List the links that were sent by mail for a user and can still be used."""
    columns = ("id", "purpose", "address", "created_at", "expires_at")
    invocation.show_list(invocation.api.items(LINKS, sub=sub), columns, limit)


@users.command(examples="authserver users withdraw-link SUB LINK")
@click.argument("sub")
@click.argument("link_id", metavar="LINK")
@pass_invocation
@found
def withdraw_link(invocation: Invocation, sub: str, link_id: str) -> None:
    """Take a link back that was sent by mail; `users links` lists them."""
    invocation.confirm(f"The link {link_id} no longer works; {sub} has to ask for another one.")
    invocation.api.delete(f"{LINKS}/{{link}}", sub=sub, link=link_id)
    invocation.done(f"Withdrew the link {link_id}.")


@users.command(examples="authserver users delete SUB")
@click.argument("sub")
@pass_invocation
@found
def delete(invocation: Invocation, sub: str) -> None:
    """Delete a user for good. Their identifier is never used again. `erasures` tells when all of them is gone."""
    invocation.confirm(f"The user {sub} goes for good, and whatever they allowed.")
    invocation.api.delete(ONE, sub=sub)
    invocation.done(f"Deleted {sub}.")


@users.command(examples="authserver users erasures")
@listing
@pass_invocation
def erasures(invocation: Invocation, limit: int | None) -> None:
    """List users who were deleted, and whether whatever names them is removed."""
    columns = ("subject_key", "sub", "state", "requested_at", "finished_at")
    invocation.show_list(invocation.api.items("/admin/erasures"), columns, limit)
