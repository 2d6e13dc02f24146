"""The server's keys."""

import click

from authserver_cli.invocation import Command, Group, Invocation, pass_invocation
from authserver_cli.options import listing

COLUMNS = ("ring", "kid", "state", "created_at", "use_from", "keep_until")


@click.group(
    cls=Group,
    examples="""
    authserver keys list
    authserver keys withdraw KID
    """,
)
def keys() -> None:
    """The keys that sign tokens. They are rotated by age on their own."""


@keys.command("list", examples="authserver keys list")
@listing
@pass_invocation
def list_keys(invocation: Invocation, limit: int | None) -> None:
    """List keys; their secret parts are never shown."""
    invocation.show_list(invocation.api.items("/admin/keys"), COLUMNS, limit)


@keys.command(examples="authserver keys rotate --yes")
@pass_invocation
def rotate(invocation: Invocation) -> None:
    """Rotate now. A new key is published well before it signs, and the old one kept until its tokens have ended."""
    invocation.confirm("New keys are made and take over in about an hour.")
    invocation.show(invocation.api.post("/admin/keys/rotation", {}))


@keys.command(examples="authserver keys withdraw KID")
@click.argument("kid")
@pass_invocation
def withdraw(invocation: Invocation, kid: str) -> None:
    """Withdraw a key that others may have. No function trusts it a minute later, and another one takes over now.

    Applications may keep a copy of the key set for up to an hour.
    """
    invocation.confirm(f"Everything that the key {kid} signed or made ends: tokens, or sessions and refresh tokens.")
    invocation.show(invocation.api.post("/admin/keys/{kid}/withdrawal", {}, kid=kid))


@click.command("end-everything", cls=Command, examples="authserver end-everything")
@pass_invocation
def end_everything(invocation: Invocation) -> None:
    """End all that was begun until now: every session and token, machines' too, every consent, approval and link.

    After a disaster, and after tables were restored from a backup, which would else bring back what was ended since.
    Users, clients, organisations, keys and settings stay.
    """
    invocation.confirm("Every user is signed out and every application is disconnected.")
    invocation.api.post("/admin/end-everything", {})
    invocation.done("Everything that was begun until now has ended.")
