"""Organisations, their companies and their members."""

from pathlib import Path
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import body_of, changes_of, fields, listing

ALL = "/admin/organisations"
ONE = "/admin/organisations/{organisation}"
COMPANY = "/admin/organisations/{organisation}/companies/{company}"
MEMBERS = "/admin/organisations/{organisation}/members"
MEMBER = "/admin/organisations/{organisation}/members/{sub}"
INVITATIONS = "/admin/organisations/{organisation}/invitations"
COLUMNS = ("id", "name", "status", "created_at")


@click.group(
    cls=Group,
    examples="""
    authserver orgs create "Wonderland Ltd"
    authserver orgs companies add ORG tea-party --name "Tea Party Ltd"
    authserver orgs members set ORG SUB --role administrator
    """,
)
def orgs() -> None:
    """Organisations, the companies that belong to them, and their members."""


@orgs.command("list", examples="authserver orgs list")
@listing
@pass_invocation
def list_orgs(invocation: Invocation, limit: int | None) -> None:
    """List organisations."""
    invocation.show_list(invocation.api.items(ALL), COLUMNS, limit)


@orgs.command(examples="authserver orgs show ORG")
@click.argument("org")
@pass_invocation
def show(invocation: Invocation, org: str) -> None:
    """Show an organisation with its companies."""
    invocation.show(invocation.api.get(ONE, organisation=org))


@orgs.command(examples='authserver orgs create "Wonderland Ltd"')
@click.argument("name")
@click.option("--id", "identifier", help="The identifier, where it is not to be random.")
@fields
@pass_invocation
def create(
    invocation: Invocation,
    name: str,
    identifier: str | None,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
) -> None:
    """Add an organisation."""
    invocation.show(invocation.api.post(ALL, body_of({"name": name, "id": identifier}, file, assignments)))


@orgs.command(
    examples="""
    authserver orgs update ORG --name "Wonderland plc"
    authserver orgs update ORG --api-keys
    """
)
@click.argument("org")
@click.option("--name")
@click.option("--api-keys/--no-api-keys", default=None, help="Whether its administrators may make API keys for it.")
@fields
@pass_invocation
def update(
    invocation: Invocation,
    org: str,
    name: str | None,
    api_keys: bool | None,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
) -> None:
    """Change what is given; the rest stays."""
    given = {"name": name, "api_keys": api_keys}
    invocation.show(invocation.api.patch(ONE, changes_of(given, file, assignments), organisation=org))


@orgs.command(examples="authserver orgs disable ORG")
@click.argument("org")
@pass_invocation
def disable(invocation: Invocation, org: str) -> None:
    """Stop everything that is done for an organisation, at once. Can be undone with enable."""
    invocation.confirm(f"Members and clients can no longer act for the organisation {org}.")
    invocation.done(f"{org} is disabled.", invocation.api.patch(ONE, {"status": "disabled"}, organisation=org))


@orgs.command(examples="authserver orgs delete ORG")
@click.argument("org")
@pass_invocation
def delete(invocation: Invocation, org: str) -> None:
    """Delete an organisation for good. Its identifier is never used again."""
    invocation.confirm(f"The organisation {org} goes for good, with its members and whatever they allowed for it.")
    invocation.api.delete(ONE, organisation=org)
    invocation.done(f"Deleted {org}.")


@orgs.command(examples="authserver orgs enable ORG")
@click.argument("org")
@pass_invocation
def enable(invocation: Invocation, org: str) -> None:
    """Let a disabled organisation work again."""
    invocation.done(f"{org} is active.", invocation.api.patch(ONE, {"status": "active"}, organisation=org))


# ------------------------------------------------------------------ companies


@orgs.group()
def companies() -> None:
    """The companies of an organisation; `orgs show` lists them."""


@companies.command(examples='authserver orgs companies add ORG tea-party --name "Tea Party Ltd"')
@click.argument("org")
@click.argument("company")
@click.option("--name", required=True)
@pass_invocation
def add(invocation: Invocation, org: str, company: str, name: str) -> None:
    """Add a company. COMPANY is its identifier, which never changes."""
    _name_company(invocation, org, company, name)


@companies.command(examples='authserver orgs companies rename ORG tea-party --name "Mad Tea Party Ltd"')
@click.argument("org")
@click.argument("company")
@click.option("--name", required=True)
@pass_invocation
def rename(invocation: Invocation, org: str, company: str, name: str) -> None:
    """Give a company another name."""
    _name_company(invocation, org, company, name)


def _name_company(invocation: Invocation, org: str, company: str, name: str) -> None:
    named = invocation.api.put(COMPANY, {"name": name}, organisation=org, company=company)
    invocation.done(f"{company} is {name}.", named)


@companies.command(examples="authserver orgs companies drop ORG tea-party")
@click.argument("org")
@click.argument("company")
@pass_invocation
def drop(invocation: Invocation, org: str, company: str) -> None:
    """Take a company out of an organisation."""
    invocation.confirm(f"Members and clients can no longer act for the company {company} of {org}.")
    invocation.api.delete(COMPANY, organisation=org, company=company)
    invocation.done(f"Dropped {company}.")


# ------------------------------------------------------------------ members


@orgs.group()
def members() -> None:
    """The members of an organisation, and what they may do there."""


@members.command("list", examples="authserver orgs members list ORG")
@click.argument("org")
@listing
@pass_invocation
def list_members(invocation: Invocation, org: str, limit: int | None) -> None:
    """List members."""
    columns = ("sub", "username", "name", "role", "groups", "created_at")
    invocation.show_list(invocation.api.items(MEMBERS, organisation=org), columns, limit)


@members.command("set", examples="authserver orgs members set ORG SUB --role administrator")
@click.argument("org")
@click.argument("sub")
@click.option("--role", type=click.Choice(["member", "administrator"]), help="A member, unless said.")
@click.option("--group", "groups", multiple=True, help="Replaces the present ones; an empty value removes all.")
@pass_invocation
def set_member(invocation: Invocation, org: str, sub: str, role: str | None, groups: tuple[str, ...]) -> None:
    """Add a member, or change their role or groups."""
    if groups and role is None:
        raise click.UsageError("an administrator must not become a member by the way: say --role as well")
    role = role or "member"
    body: dict[str, Any] = {"role": role, **({"groups": [one for one in groups if one]} if groups else {})}
    made = invocation.api.put(MEMBER, body, organisation=org, sub=sub)
    invocation.done(f"{sub} is {role} of {org}.", made)


@members.command(examples="authserver orgs members remove ORG SUB")
@click.argument("org")
@click.argument("sub")
@pass_invocation
def remove(invocation: Invocation, org: str, sub: str) -> None:
    """Take a member out of an organisation."""
    invocation.confirm(f"{sub} can no longer act for {org}.")
    invocation.api.delete(MEMBER, organisation=org, sub=sub)
    invocation.done(f"Removed {sub}.")


# ------------------------------------------------------------------ invitations


@orgs.group()
def invitations() -> None:
    """List an organisation's invitations that are still unanswered."""


@invitations.command("list", examples="authserver orgs invitations list ORG")
@click.argument("org")
@listing
@pass_invocation
def list_invitations(invocation: Invocation, org: str, limit: int | None) -> None:
    """List invitations."""
    columns = ("id", "name", "role", "invited_by", "created_at", "expires_at")
    invocation.show_list(invocation.api.items(INVITATIONS, organisation=org), columns, limit)


@invitations.command(examples="authserver orgs invitations withdraw ORG INVITATION")
@click.argument("org")
@click.argument("invitation")
@pass_invocation
def withdraw(invocation: Invocation, org: str, invitation: str) -> None:
    """Take an invitation back."""
    invocation.confirm(f"The invitation {invitation} to {org} can no longer be accepted.")
    invocation.api.delete(f"{INVITATIONS}/{{invitation}}", organisation=org, invitation=invitation)
    invocation.done(f"Withdrew {invitation}.")
