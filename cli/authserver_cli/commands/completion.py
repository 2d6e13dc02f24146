"""Completion by the shell."""

import click
from click.shell_completion import get_completion_class

from authserver_cli.invocation import Command


@click.command(
    cls=Command,
    examples="""
    authserver completion bash >> ~/.bashrc
    authserver completion zsh >> ~/.zshrc
    authserver completion fish > ~/.config/fish/completions/authserver.fish
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands and options."""
    completes = get_completion_class(shell)
    if completes is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(completes(context.find_root().command, {}, "authserver", "_AUTHSERVER_COMPLETE").source())
