"""Where secrets come from: never an argument, which every process on the machine and the shell's history can see."""

import os
import sys

import click


def read_secret(what: str, variable: str) -> str:
    """From the environment, or typed twice and unseen, or the one line of standard input."""
    if value := os.environ.get(variable):
        return value
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"{what}: type it, give it on standard input, or set {variable}")
    return line


def read_credentials() -> tuple[str, str]:
    """The tool's own client: from the environment, or else typed."""
    client_id = os.environ.get("AUTHSERVER_CLIENT_ID", "")
    secret = os.environ.get("AUTHSERVER_CLIENT_SECRET", "")
    if client_id and secret:
        return client_id, secret
    if not sys.stdin.isatty():
        raise click.UsageError("set AUTHSERVER_CLIENT_ID and AUTHSERVER_CLIENT_SECRET, or run in a terminal")
    client_id = client_id or str(click.prompt("Client ID", err=True))
    return client_id, str(click.prompt("Client secret", hide_input=True, err=True))
