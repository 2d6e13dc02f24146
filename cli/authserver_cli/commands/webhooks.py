"""Webhooks."""

from pathlib import Path
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import Duration, body_of, changes_of, fields, listing

ALL = "/admin/webhooks"
ONE = "/admin/webhooks/{webhook}"
SECRETS = "/admin/webhooks/{webhook}/secrets"
TEST = "/admin/webhooks/{webhook}/test"
COLUMNS = ("id", "url", "types", "status", "disabled_reason", "description")


@click.group(
    cls=Group,
    examples="""
    authserver webhooks create https://hooks.example.com/authserver --type "user.*" --type session.ended
    authserver webhooks test WEBHOOK
    """,
)
def webhooks() -> None:
    """Webhooks: addresses that events are sent to, signed. They need Webhooks=On."""


@webhooks.command("list", examples="authserver webhooks list")
@listing
@pass_invocation
def list_webhooks(invocation: Invocation, limit: int | None) -> None:
    """List webhooks."""
    invocation.show_list(invocation.api.items(ALL), COLUMNS, limit)


@webhooks.command(examples="authserver webhooks show WEBHOOK")
@click.argument("webhook")
@pass_invocation
def show(invocation: Invocation, webhook: str) -> None:
    """Show a webhook."""
    invocation.show(invocation.api.get(ONE, webhook=webhook))


@webhooks.command(examples='authserver webhooks create https://hooks.example.com/authserver --type "user.*"')
@click.argument("url")
@click.option("--type", "types", multiple=True, help="Type of events, such as user.* or *. May be repeated.")
@click.option("--description")
@fields
@pass_invocation
def create(invocation: Invocation, file: Path | None, assignments: tuple[tuple[str, Any], ...], **webhook: Any) -> None:
    """Add a webhook. Its secret is shown once. Without --type, it is sent every event."""
    invocation.show(invocation.api.post(ALL, body_of(webhook, file, assignments)))


@webhooks.command(examples='authserver webhooks update WEBHOOK --type "user.*" --type "client.*"')
@click.argument("webhook")
@click.option("--url")
@click.option("--type", "types", multiple=True, help="Type of events, such as user.* or *. May be repeated.")
@click.option("--description")
@fields
@pass_invocation
def update(
    invocation: Invocation,
    webhook: str,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **changes: Any,
) -> None:
    """Change what is given; the rest stays. The types are replaced as a whole."""
    body = changes_of(body_of(changes, file, assignments), None, ())
    invocation.show(invocation.api.patch(ONE, body, webhook=webhook))


@webhooks.command(examples="authserver webhooks disable WEBHOOK")
@click.argument("webhook")
@pass_invocation
def disable(invocation: Invocation, webhook: str) -> None:
    """Send a webhook nothing any more. What happens until it is enabled is not sent later."""
    changed = invocation.api.patch(ONE, {"status": "disabled"}, webhook=webhook)
    invocation.done(f"{webhook} is disabled.", changed)


@webhooks.command(examples="authserver webhooks enable WEBHOOK")
@click.argument("webhook")
@pass_invocation
def enable(invocation: Invocation, webhook: str) -> None:
    """Send a disabled webhook events again."""
    changed = invocation.api.patch(ONE, {"status": "active"}, webhook=webhook)
    invocation.done(f"{webhook} is active.", changed)


@webhooks.command(
    examples="""
    authserver webhooks rotate-secret WEBHOOK
    authserver webhooks rotate-secret WEBHOOK --overlap 0
    """
)
@click.argument("webhook")
@click.option(
    "--overlap",
    type=Duration(),
    default="24h",
    show_default=True,
    help="How long deliveries are signed with the old secret, too.",
)
@pass_invocation
def rotate_secret(invocation: Invocation, webhook: str, overlap: int) -> None:
    """Make another secret, shown once; the old one goes on for the overlap."""
    if overlap == 0:
        invocation.confirm(f"Deliveries to {webhook} are not signed with its present secret any more.")
    invocation.show(invocation.api.post(SECRETS, {"overlap": overlap}, webhook=webhook))


@webhooks.command(examples="authserver webhooks test WEBHOOK")
@click.argument("webhook")
@pass_invocation
def test(invocation: Invocation, webhook: str) -> None:
    """Send a webhook an event of the type webhook.test."""
    invocation.show(invocation.api.post(TEST, None, webhook=webhook))


@webhooks.command(examples="authserver webhooks delete WEBHOOK")
@click.argument("webhook")
@pass_invocation
def delete(invocation: Invocation, webhook: str) -> None:
    """Delete a webhook. What is on its way to it is not delivered."""
    invocation.confirm(f"Nothing is sent to {webhook} any more.")
    invocation.api.delete(ONE, webhook=webhook)
    invocation.done(f"Deleted {webhook}.")
