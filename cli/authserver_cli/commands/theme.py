"""How the pages look."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import click

from authserver.theme import FONTS, MAX_LOGO, kind_of_picture
from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import changes_of, fields

ROUTE = "/admin/theme"


@click.group(
    cls=Group,
    examples="""
    authserver theme set --name "Wonderland" --accent "#7a1f5c" --logo logo.png
    authserver theme reset
    """,
)
def theme() -> None:
    """How the pages look: whose they are, colours, corners, font."""


@theme.command(examples="authserver theme show --json")
@pass_invocation
def show(invocation: Invocation) -> None:
    """Show the theme."""
    invocation.show(invocation.api.get(ROUTE))


@theme.command(
    "set", examples='authserver theme set --name "Wonderland" --accent "#7a1f5c" --support help@wonderland.example'
)
@click.option("--name", help="Whose pages these are.")
@click.option(
    "--logo",
    "picture",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help=f"A PNG, WebP, GIF or JPEG file of at most {MAX_LOGO // 1024} KB.",
)
@click.option("--accent", help="Of links and buttons, such as #1f4fbf.")
@click.option("--on-accent", help="Of text on buttons; left out, white or black.")
@click.option("--accent-dark", help="The accent of dark pages; left out, a lighter one.")
@click.option("--on-accent-dark", help="Of text on buttons of dark pages; left out, white or black.")
@click.option("--radius", type=int, help="Of corners, in pixels.")
@click.option("--font", type=click.Choice(tuple(FONTS)))
@click.option("--support", help="An e-mail address or https URL for people who are stuck.")
@fields
@pass_invocation
def set_theme(
    invocation: Invocation,
    picture: Path | None,
    file: Path | None,
    assignments: tuple[tuple[str, Any], ...],
    **values: Any,
) -> None:
    """Set the theme, in place of what it was. Colours that people could not read are refused."""
    logo = _data_uri(picture) if picture else None
    invocation.show(invocation.api.put(ROUTE, changes_of({**values, "logo": logo}, file, assignments)))


@theme.command(examples="authserver theme reset --yes")
@pass_invocation
def reset(invocation: Invocation) -> None:
    """Go back to how pages look without a theme."""
    invocation.confirm("The pages lose their name, logo and colours.")
    invocation.api.delete(ROUTE)
    invocation.done("The pages look as they did at first.")


def _data_uri(picture: Path) -> str:
    octets = picture.read_bytes()
    kind = kind_of_picture(octets)
    if not kind or len(octets) > MAX_LOGO:
        raise click.UsageError(f"{picture}: must be a PNG, WebP, GIF or JPEG file of at most {MAX_LOGO} octets")
    return f"data:image/{kind};base64,{b64encode(octets).decode()}"
