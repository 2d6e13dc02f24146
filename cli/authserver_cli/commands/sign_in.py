"""Signing in to a deployment as a person, and out again."""

import time

import click

from authserver_cli import kept, signing_in
from authserver_cli.errors import Unreachable
from authserver_cli.invocation import Command, Invocation, pass_invocation
from authserver_cli.issuer import Issuer

CLIENT_ID = "authserver-cli"


@click.command(
    cls=Command,
    examples="""
    authserver --server https://login.example login
    authserver login --device                    (where there is no browser)
    authserver login --scope "admin:clients admin:users.read"
    """,
)
@click.option("--device", is_flag=True, help="Type a code in a browser on any device, rather than open one here.")
@click.option("--scope", default="", help="What the tool may do for you; all that its client may, if you say nothing.")
@click.option("--client-id", default=CLIENT_ID, show_default=True, help="The public client that the tool is.")
@pass_invocation
def login(invocation: Invocation, device: bool, scope: str, client_id: str) -> None:
    """Sign in as yourself, in a browser. Commands with --server then act for you until you sign out.

    The tokens are kept in a file that you alone can read.
    """
    url = invocation.issuer_url
    if invocation.dry_run:
        click.echo(f"Would sign in at {url} as the client {client_id}")
        return
    issuer = Issuer(url)
    try:
        way = signing_in.by_device if device or not signing_in.has_browser() else signing_in.by_browser
        answer = way(issuer, client_id, scope)
    finally:
        issuer.close()
    signed_in = kept.SignIn.of(issuer.url, client_id, answer, int(time.time()))
    path = kept.keep(signed_in)
    invocation.done(
        f"You are signed in at {issuer.url}, for: {signed_in.scope}\nThe tokens are in {path}",
        {"issuer": issuer.url, "scope": signed_in.scope, "file": str(path)},
    )


@click.command(cls=Command, examples="authserver logout")
@pass_invocation
def logout(invocation: Invocation) -> None:
    """Sign out: end what `login` was given, at the server, and remove it from this machine."""
    url = invocation.issuer_url
    signed_in = kept.kept(url)
    if signed_in is None:
        invocation.done(f"You are not signed in at {url}.")
        return
    if invocation.dry_run:
        click.echo(f"Would sign out at {url}")
        return
    issuer = Issuer(url)
    try:
        token = signed_in.refresh_token or signed_in.access_token
        form = {"client_id": signed_in.client_id, "token": token}
        response = issuer.call("POST", issuer.endpoint("revocation_endpoint"), data=form)
    finally:
        issuer.close()
    if response.status >= 500:
        raise Unreachable(f"{issuer.url} did not end the sign-in: try again")
    # Whatever else it says, there is nothing left that could be ended (RFC 7009 section 2.2).
    kept.forget(url)
    invocation.done(f"You are signed out at {issuer.url}.")
