"""Client applications."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import Duration, body_of, changes_of, fields, listing

ALL = "/admin/clients"
ONE = "/admin/clients/{client_id}"
SECRETS = "/admin/clients/{client_id}/secrets"
DOCUMENTS = "/admin/client-documents"
DOCUMENT = "/admin/client-documents/{client_id}"
INVITES = "/admin/initial-access-tokens"
COLUMNS = ("client_id", "client_name", "status", "verification", "grant_types", "created_at")


@click.group(
    cls=Group,
    examples="""
    authserver clients list
    authserver clients create "Time sheets" --redirect-uri https://time.example/callback --scope "openid profile"
    authserver clients create "On the phone" --public --redirect-uri com.example.app:/callback
    authserver clients rotate-secret CLIENT_ID --overlap 7d
    """,
)
def clients() -> None:
    """Client applications: who may ask for tokens."""


def _key_set(_context: click.Context, _parameter: click.Parameter, path: str | None) -> Any:
    """The JWK set of a file; what is wrong with it, the server says."""
    if path is None:
        return None
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path} is not a JSON file: {error}") from None


def _metadata(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--redirect-uri", "redirect_uris", multiple=True, help="May be repeated."),
        click.option(
            "--post-logout-redirect-uri",
            "post_logout_redirect_uris",
            multiple=True,
            help="Where people may be sent once they have signed out. May be repeated.",
        ),
        click.option("--grant-type", "grant_types", multiple=True, help="May be repeated."),
        click.option(
            "--auth-method",
            "token_endpoint_auth_method",
            help="client_secret_basic, client_secret_post, private_key_jwt, none.",
        ),
        click.option("--jwks", callback=_key_set, help="File with its public keys, a JWK set, for private_key_jwt."),
        click.option("--jwks-uri", help="Where its public keys are, instead."),
        click.option("--scope", help="What it may ask for, separated by spaces."),
        click.option("--default-scope", help="What it gets when it asks for nothing."),
        click.option("--uri", "client_uri", help="Its web site."),
        click.option("--contact", "contacts", multiple=True, help="May be repeated."),
    )
    for option in reversed(options):
        command = option(command)
    return fields(command)


@clients.command("list", examples="authserver clients list --all --json")
@click.option("--owner", help="Only those of this owner.")
@listing
@pass_invocation
def list_clients(invocation: Invocation, owner: str | None, limit: int | None) -> None:
    """List clients."""
    invocation.show_list(invocation.api.items(ALL, query={"owner": owner} if owner else {}), COLUMNS, limit)


@clients.command(examples="authserver clients show demo-web")
@click.argument("client_id")
@pass_invocation
def show(invocation: Invocation, client_id: str) -> None:
    """Show a client."""
    invocation.show(invocation.api.get(ONE, client_id=client_id))


@clients.command(
    examples="""
    authserver clients create "Time sheets" --redirect-uri https://time.example/callback
    authserver clients create "Nightly job" --grant-type client_credentials --scope read
    authserver clients create --from client.json
    """
)
@click.argument("client_name", required=False)
@click.option("--id", "client_id", help="The identifier, where it is not to be random.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: a telephone, a browser, a desktop.")
@_metadata
@pass_invocation
def create(
    invocation: Invocation,
    client_name: str | None,
    public: bool,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **metadata: Any,
) -> None:
    """Register a client. Its secret is shown once."""
    if public:
        metadata["token_endpoint_auth_method"] = "none"
    body = body_of({"client_name": client_name, **metadata}, file, assignments)
    if "client_name" not in body:
        raise click.UsageError("a client needs a name")
    invocation.show(invocation.api.post(ALL, body))


@clients.command(examples='authserver clients update CLIENT_ID --scope "openid read" --set access_token_lifetime=600')
@click.argument("client_id")
@click.option("--name", "client_name")
@_metadata
@pass_invocation
def update(
    invocation: Invocation, client_id: str, file: Path | None, assignments: tuple[tuple[str, Any], ...], **metadata: Any
) -> None:
    """Change what is given; the rest stays. A list is replaced as a whole, and --set FIELD= removes a field."""
    invocation.show(invocation.api.patch(ONE, changes_of(metadata, file, assignments), client_id=client_id))


@clients.command(examples="authserver clients delete CLIENT_ID")
@click.argument("client_id")
@pass_invocation
def delete(invocation: Invocation, client_id: str) -> None:
    """Delete a client for good. Everything issued to it ends."""
    invocation.confirm(f"The client {client_id} goes for good, and whatever was issued to it.")
    invocation.api.delete(ONE, client_id=client_id)
    invocation.done(f"Deleted {client_id}.")


@clients.command(examples="authserver clients disable CLIENT_ID --yes")
@click.argument("client_id")
@pass_invocation
def disable(invocation: Invocation, client_id: str) -> None:
    """Stop a client at once, tokens that it has included. Can be undone with enable."""
    invocation.confirm(f"The client {client_id} stops working at once.")
    changed = invocation.api.patch(ONE, {"status": "disabled"}, client_id=client_id)
    invocation.done(f"{client_id} is disabled.", changed)


@clients.command(examples="authserver clients enable CLIENT_ID")
@click.argument("client_id")
@pass_invocation
def enable(invocation: Invocation, client_id: str) -> None:
    """Let a disabled client work again."""
    changed = invocation.api.patch(ONE, {"status": "active"}, client_id=client_id)
    invocation.done(f"{client_id} is active. It has to ask for new tokens.", changed)


@clients.command(examples="authserver clients verify CLIENT_ID")
@click.argument("client_id")
@click.option("--undo", is_flag=True, help="Back to a test client.")
@pass_invocation
def verify(invocation: Invocation, client_id: str, undo: bool) -> None:
    """Say that you have looked at a client and trust it."""
    verification = "test" if undo else "verified"
    changed = invocation.api.patch(ONE, {"verification": verification}, client_id=client_id)
    invocation.done(f"{client_id} is {'a test client' if undo else 'verified'}.", changed)


@clients.command(
    examples="""
    authserver clients rotate-secret CLIENT_ID
    authserver clients rotate-secret CLIENT_ID --overlap 0
    """
)
@click.argument("client_id")
@click.option(
    "--overlap", type=Duration(), default="24h", show_default=True, help="How long the old secret still works."
)
@pass_invocation
def rotate_secret(invocation: Invocation, client_id: str, overlap: int) -> None:
    """Make a second secret, shown once; the old one goes on for the overlap."""
    if overlap == 0:
        invocation.confirm(f"The present secret of {client_id} stops working at once.")
    invocation.show(invocation.api.post(SECRETS, {"overlap": overlap}, client_id=client_id))


@clients.command(examples="authserver clients invite --uses 5 --lifetime 7d")
@click.option(
    "--uses", type=click.IntRange(1), default=1, show_default=True, help="How many clients may be registered."
)
@click.option("--lifetime", type=Duration(), default="24h", show_default=True)
@pass_invocation
def invite(invocation: Invocation, uses: int, lifetime: int) -> None:
    """Make an initial access token, shown once: its bearer may register clients (RFC 7591)."""
    invocation.show(invocation.api.post(INVITES, {"uses": uses, "lifetime": lifetime}))


@clients.command(examples="authserver clients invites")
@listing
@pass_invocation
def invites(invocation: Invocation, limit: int | None) -> None:
    """List the initial access tokens with which developers may still register clients."""
    invocation.show_list(invocation.api.items(INVITES), ("id", "remaining", "created_at", "expires_at"), limit)


@clients.command(examples="authserver clients revoke-invite ID")
@click.argument("identifier", metavar="ID")
@pass_invocation
def revoke_invite(invocation: Invocation, identifier: str) -> None:
    """Take an initial access token back; `invites` lists them."""
    invocation.confirm(f"The initial access token {identifier} no longer registers clients.")
    invocation.api.delete(f"{INVITES}/{{id}}", id=identifier)
    invocation.done(f"Revoked {identifier}.")


@clients.command(examples="authserver clients revoke-registration-token CLIENT_ID")
@click.argument("client_id")
@pass_invocation
def revoke_registration_token(invocation: Invocation, client_id: str) -> None:
    """Withdraw a client's registration access token (RFC 7592). The client itself keeps working."""
    invocation.confirm(f"The registration access token of {client_id} no longer works, and no other replaces it.")
    invocation.api.delete(f"{ONE}/registration-access-token", client_id=client_id)
    invocation.done(f"{client_id} has no registration access token any more.")


@clients.command(examples="authserver clients drop-secret CLIENT_ID SECRET_ID")
@click.argument("client_id")
@click.argument("secret_id")
@pass_invocation
def drop_secret(invocation: Invocation, client_id: str, secret_id: str) -> None:
    """End one of a client's secrets at once; `show` lists their identifiers."""
    invocation.confirm(f"The secret {secret_id} of {client_id} stops working at once.")
    invocation.api.delete(f"{SECRETS}/{{secret}}", client_id=client_id, secret=secret_id)
    invocation.done(f"Dropped the secret {secret_id}.")


@clients.command("documents", examples="authserver clients documents --all --json")
@listing
@pass_invocation
def list_documents(invocation: Invocation, limit: int | None) -> None:
    """List the clients that come of metadata documents, whose identifiers are addresses."""
    columns = ("client_id", "client_name", "status", "token_endpoint_auth_method", "fetched_at", "error")
    invocation.show_list(invocation.api.items(DOCUMENTS), columns, limit)


@clients.command("document", examples="authserver clients document https://app.example/client.json")
@click.argument("client_id")
@pass_invocation
def show_document(invocation: Invocation, client_id: str) -> None:
    """Show such a client: its document, how often it was allowed and used, and its last error."""
    invocation.show(invocation.api.get(DOCUMENT, client_id=client_id))


@clients.command(examples="authserver clients block https://app.example/client.json --yes")
@click.argument("client_id")
@pass_invocation
def block(invocation: Invocation, client_id: str) -> None:
    """Block such an identifier, whatever its document says. Everything issued to it ends."""
    invocation.confirm(f"{client_id} is blocked, and whatever was issued to it ends.")
    changed = invocation.api.patch(DOCUMENT, {"status": "disabled"}, client_id=client_id)
    invocation.done(f"Blocked {client_id}.", changed)


@clients.command(examples="authserver clients unblock https://app.example/client.json")
@click.argument("client_id")
@pass_invocation
def unblock(invocation: Invocation, client_id: str) -> None:
    """Let such an identifier in again; what ended stays ended."""
    changed = invocation.api.patch(DOCUMENT, {"status": "active"}, client_id=client_id)
    invocation.done(f"{client_id} is let in again.", changed)
