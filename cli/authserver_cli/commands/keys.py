"""The server's keys."""

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import listing

COLUMNS = ("ring", "kid", "state", "created_at", "use_from", "keep_until")


@click.group(cls=Group, examples="authserver keys list")
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
