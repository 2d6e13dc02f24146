"""``authserver``, and ``python -m authserver_cli``."""

import click

from authserver_cli.commands.api_keys import api_keys
from authserver_cli.commands.audit import audit
from authserver_cli.commands.authorizations import authorizations
from authserver_cli.commands.clients import clients
from authserver_cli.commands.completion import completion
from authserver_cli.commands.idps import idps
from authserver_cli.commands.imports import import_records
from authserver_cli.commands.keys import end_everything, keys
from authserver_cli.commands.orgs import orgs
from authserver_cli.commands.resources import resources
from authserver_cli.commands.scopes import scopes
from authserver_cli.commands.sign_in import login, logout
from authserver_cli.commands.theme import theme
from authserver_cli.commands.users import users
from authserver_cli.commands.webhooks import webhooks
from authserver_cli.invocation import Root


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    examples="""
    authserver clients list                             (a development server on this machine)
    authserver --stack authserver clients list          (a deployed stack, by your AWS permissions)
    authserver --server https://login.example users show SUB --json
    authserver users disable SUB --dry-run              (shows the request, makes none)
    """,
)
@click.version_option(package_name="authserver")
def main() -> None:
    """Run an Authserver from the command line.

    --stack reaches a deployed stack by your own AWS permissions. --server reaches any deployment over HTTPS, with the
    client in AUTHSERVER_CLIENT_ID and AUTHSERVER_CLIENT_SECRET, or as the user who signed in with `authserver login`.
    Without either, AUTHSERVER_STACK or AUTHSERVER_SERVER says where, or else it is a development server on this
    machine.

    Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 no answer, 4 not found, 5 not allowed, 6 an import
    that is not complete.
    """


COMMANDS = (
    *(clients, users, orgs, scopes, resources, idps, webhooks, theme, authorizations, api_keys, keys, audit),
    *(end_everything, import_records, login, logout, completion),
)
for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="authserver")
