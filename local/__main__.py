"""`python -m local`: the command line of the development server. `make run` is the usual way to start it."""

import argparse
import re
import signal
import sys
import textwrap
import time
from pathlib import Path

from local.differences import DIFFERENCES
from local.errors import RefusedError, StartupError
from local.server import TEMPLATE, DevelopmentServer

READY = "Ready. Ctrl-C stops it."

_HOW = """
It expands template.yaml as AWS SAM does, makes its tables and keys in an in-memory DynamoDB and KMS, runs each
function in processes of its own behind Lambda's Runtime API from its first event on, and serves both APIs in API
Gateway's event shapes: the AuthorizationApi on --port, the ResourceApi on --resource-port. It refuses what it does
not understand, and shows a line for each request, and what functions write save JSON at INFO and below.

examples:
  python -m local                                        both APIs on their usual ports, with the demo data
  python -m local --parameter AuthorizerCacheSeconds=60  with another value for a parameter of the template
  python -m local --log server.log                       requests and what functions write go to a file
  python -m local --json                                 or are lines of JSON

The code is reloaded when it changes. Exit code: 0 stopped, 1 cannot start, 2 refused (parameter, template or seed).
"""

_PAGES = {
    "/my": "one's account: apps, security, sessions, activity",
    "/organisations": "members, companies, apps and requests of one's organisation",
    "/developer": "the developer portal: apps, secrets, playground",
}


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; the exit code."""
    options = _parser().parse_args(arguments)
    if options.port == options.resource_port != 0:
        print("cannot start: the two APIs need two ports (PORT and RESOURCE_PORT)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started it in the background
    server: DevelopmentServer | None = None
    try:
        server = DevelopmentServer(
            parameters=_parameters([*split_parameters(options.parameters), *options.parameter]),
            port=options.port,
            resource_port=options.resource_port,
            host="localhost",  # for a browser makes no passkey for an address
            seed=options.seed,
            log=options.log,
            json=options.json,
            template=options.template,
            resources=options.resources,
            token_hook=options.token_hook,
            authorities=options.authorities,
            announce=_say,
        )
        with server:
            _introduce(server)
            server.check_functions()
            while True:
                time.sleep(0.5)  # not forever: a signal that comes just before a sleep does not end it
    except StartupError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        _say("stopped")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="The development server: the whole authorization server on this machine, without Docker or AWS.",
        epilog=_HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=_port, default=3000, help="of the AuthorizationApi (default %(default)s; 0 = any)"
    )
    parser.add_argument("--resource-port", type=_port, default=3001, help="of the ResourceApi (default %(default)s)")
    parser.add_argument(
        "--seed",
        type=_file_or_none,
        default=Path(__file__).parent / "seed.json",
        metavar="FILE",
        help="clients and users to begin with; empty = none (default %(default)s)",
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of template.yaml; may be repeated",
    )
    parser.add_argument(
        "--parameters",
        default="",
        metavar="'NAME=VALUE ...'",
        help="several at once, as `make run PARAMETERS=...` gives them; a value may contain spaces",
    )
    parser.add_argument("--template", type=Path, default=TEMPLATE, metavar="FILE", help="(default %(default)s)")
    parser.add_argument("--resources", type=Path, metavar="FILE", help="further resources, such as an API of your own")
    parser.add_argument(
        "--token-hook",
        type=Path,
        metavar="PATH",
        help="the function of the parameter TokenHook: a Python file, or a folder with an app.py",
    )
    parser.add_argument(
        "--authorities", type=Path, metavar="FILE", help="certificates (PEM) that functions trust, not this machine's"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--log", type=Path, metavar="FILE", help="append requests and what functions write to a file")
    output.add_argument("--json", action="store_true", help="show both as JSON, with what functions tell at INFO")
    return parser


def _file_or_none(text: str) -> Path | None:
    return Path(text) if text else None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def split_parameters(text: str) -> list[str]:
    """``A=1 B=two words C=3`` as its pairs: each begins where a name and an equals sign do."""
    return [pair.strip() for pair in re.split(r"(?:^|\s+)(?=[A-Z][A-Za-z0-9]*=)", text) if pair.strip()]


def _parameters(pairs: list[str]) -> dict[str, str]:
    parameters = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise RefusedError(f"parameter {pair!r}", "must have the form Name=Value, without spaces around the sign")
        parameters[name] = value
    return parameters


def _introduce(server: DevelopmentServer) -> None:
    _say("")
    _say(f"Issuer         {server.issuer}")
    _say(f"Discovery      {server.issuer}/.well-known/oauth-authorization-server")
    _say(f"ResourceApi    {server.resource}")
    _say(f"DynamoDB, KMS  {server.endpoint_url}")
    _say("\nPages")
    for path, what in _PAGES.items():
        _say(f"  {server.issuer + path:<{len(server.issuer) + 15}} {what}")
    _say(f"  {server.outbox:<{len(server.issuer) + 15}} the mails that were sent")
    if server.planted:
        from local.seed import describe  # imports the application, which only a seed needs

        _say("")
        _say(describe(server.planted, server.issuer, server.resource))
    _say("\nHow this differs from AWS")
    for difference in DIFFERENCES:
        _say(textwrap.fill(difference, 110, initial_indent="- ", subsequent_indent="  "))
    _say(f"\nNext: docs/quickstart.md goes on from here, with {server.issuer}.\n{READY}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
