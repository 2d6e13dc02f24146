"""One invocation of the tool: what was asked for on every command alike, the way to the server, and the answer."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import click

from authserver_cli import output
from authserver_cli.api import Api
from authserver_cli.asking import read_credentials
from authserver_cli.protocol import Request, Response, Transport

DEFAULT_SERVER = "http://localhost:3000"


@dataclass
class Invocation:
    """`stack` and `server` as given, or from the environment where neither is."""

    stack: str = ""
    server: str = ""
    json: bool = False
    dry_run: bool = False
    yes: bool = False

    @cached_property
    def api(self) -> Api:
        return Api(Announcing(self._target, as_json=self.json) if self.dry_run else self._transport())

    @property
    def issuer_url(self) -> str:
        """The server to sign in at: a stack is reached by AWS's permissions, without a sign-in."""
        stack, server = self._where()
        if stack:
            raise click.UsageError("a stack is reached with your own AWS permissions: give --server to sign in")
        return server.rstrip("/")

    @property
    def _target(self) -> str:
        stack, server = self._where()
        return f"stack {stack}" if stack else server.rstrip("/")

    def _where(self) -> tuple[str, str]:
        if self.stack and self.server:
            raise click.UsageError("--stack and --server are two deployments: give one")
        if self.stack or self.server:
            return self.stack, self.server
        stack, server = os.environ.get("AUTHSERVER_STACK", ""), os.environ.get("AUTHSERVER_SERVER", "")
        if stack and server:
            raise click.UsageError("AUTHSERVER_STACK and AUTHSERVER_SERVER are both set: give --stack or --server")
        return stack, server or DEFAULT_SERVER

    def _transport(self) -> Transport:
        stack, server = self._where()
        if stack:
            from authserver_cli.stack import StackTransport  # boto3 takes a second to import

            return StackTransport(stack)
        from authserver_cli.kept import KeptTokens, kept
        from authserver_cli.server import OwnTokens, ServerTransport

        # A client in the environment was put there for this; else the signed-in user acts.
        signed_in = None if os.environ.get("AUTHSERVER_CLIENT_ID") else kept(server)
        transport = ServerTransport(server, KeptTokens(signed_in) if signed_in else OwnTokens(read_credentials))
        click.get_current_context().find_root().call_on_close(transport.close)
        return transport

    # -- answers

    def show(self, document: Any) -> None:
        """A document. None, as of a deletion and in a dry run, says nothing."""
        if document is None:
            return
        if self.json:
            output.print_json(document)
        else:
            output.print_document(document)
        output.warn_of_secrets(document)

    def show_list(self, items: Iterable[Any], columns: Sequence[str], limit: int | None) -> None:
        """The first `limit` items, all if None; says if there are more."""
        found = list(items if limit is None else islice(items, limit + 1))
        more = limit is not None and len(found) > limit
        shown = found[:limit]
        if self.dry_run:
            return
        if self.json:
            output.print_json(shown)
        else:
            output.print_table(shown, columns)
        if more:
            click.echo(f"There are more than {limit}: --limit NUMBER or --all shows them.", err=True)

    def done(self, text: str, document: Any = None) -> None:
        """What was done, in a sentence for people; for programs the document, if there is one."""
        if self.dry_run:
            return
        if not self.json:
            click.echo(text)
        elif document is not None:
            output.print_json(document)

    def confirm(self, consequence: str) -> None:
        """Asks before what cannot be undone. Without a terminal, --yes is required."""
        if self.yes or self.dry_run:
            return
        if not sys.stdin.isatty():
            raise click.UsageError(f"{consequence} Not done without a terminal: give --yes if you mean it.")
        click.confirm(f"{consequence} Go on?", abort=True, err=True)


class Announcing:
    """Implements `protocol.Transport` for --dry-run: prints the request, and nothing leaves this machine."""

    def __init__(self, target: str, *, as_json: bool) -> None:
        self.target = target
        self._as_json = as_json

    def send(self, request: Request) -> Response:
        output.print_request(request, self.target, as_json=self._as_json)
        return Response(204)


# ------------------------------------------------------------------ options that every command has


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Given before the command's name or after: both mean the same."""
    invocation = context.find_root().ensure_object(Invocation)
    if value and parameter.name:
        setattr(invocation, parameter.name, value)


def _common_options() -> list[click.Parameter]:
    def option(*names: str, **attributes: Any) -> click.Parameter:
        return click.Option(names, expose_value=False, callback=_remember, **attributes)

    return [
        option("--stack", metavar="NAME", help="The deployed stack, reached with your own AWS permissions."),
        option("--server", metavar="URL", help=f"The issuer of a deployment, reached over HTTPS. [{DEFAULT_SERVER}]"),
        option("--json", is_flag=True, help="Print JSON."),
        option("--dry-run", is_flag=True, help="Print the request that would be made, and make none."),
        option("--yes", "-y", is_flag=True, help="Do not ask for confirmation."),
    ]


# Identifiers are base64url, of eleven characters (token keys) or more: one in 64 begins with a hyphen, and click would
# take it for an option. Two hyphens may begin a mistyped option, which is shorter than most identifiers. So may one
# hyphen, of words and numbers: of the shortest identifiers with a hyphen, about one in a thousand is like that.
IDENTIFIER = re.compile(r"-[A-Za-z0-9_][A-Za-z0-9_-]{9,}|--[A-Za-z0-9_-]{20,}")
MISTYPED = re.compile(r"--?[a-z]{2,15}(-([a-z]{1,15}|[0-9]{1,4}))*")
MARK = "\ue000"  # before such an argument while click parses it; a character of private use


class Text(click.types.StringParamType):
    """The plain text of an argument, which may be marked."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value.removeprefix(MARK) if isinstance(value, str) else value, param, ctx)


class Command(click.Command):
    """A command with an epilog of examples, and the options that all have.

    Identifiers may begin with a hyphen if the arguments are plain text: files and choices are no identifiers. What is
    like an option is one, unless ``--`` is before it.
    """

    def __init__(self, *arguments: Any, examples: str = "", **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.examples = examples
        self.params = [*self.params, *_common_options()]
        texts = [one for one in self.params if isinstance(one, click.Argument) and one.type is click.STRING]
        for one in texts:
            one.type = Text()
        self._takes_identifiers = bool(texts)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._marked(args)) if self._takes_identifiers else args)

    def _marked(self, args: Iterable[str]) -> Iterator[str]:
        """The values of options are taken as they are by click, and everything behind ``--``."""
        options = {name: one for one in self.params for name in (*one.opts, *one.secondary_opts)}
        is_value = is_behind = False
        for one in args:
            is_free = not is_value and not is_behind and one not in options
            is_identifier = IDENTIFIER.fullmatch(one) and not MISTYPED.fullmatch(one)
            yield f"{MARK}{one}" if is_free and is_identifier else one
            is_behind = is_behind or (one == "--" and not is_value)
            option = None if is_value else options.get(one)
            is_value = isinstance(option, click.Option) and not option.is_flag

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        _write_examples(self.examples, formatter)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *arguments: Any, examples: str = "", **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        _write_examples(self.examples, formatter)


def _write_examples(examples: str, formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for line in examples.strip().splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line.strip()}\n")


class Root(Group):
    """The tool itself."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params = [*self.params, *_common_options()]


def pass_invocation[**P, R](command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command its invocation as the first argument."""
    return click.make_pass_decorator(Invocation, ensure=True)(command)
