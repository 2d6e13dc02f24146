"""`python -m examples pleo`: starts the development server with an example's configuration and walks through it.

`python -m examples placeos --page` keeps it, for a person with a browser.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from examples.placeos.pages import show
from examples.walk import Mismatch, run
from local.errors import StartupError

EXAMPLES = ("placeos", "pleo")


def main() -> int:
    """Exit code: 0 everything happened as it should, 1 something did not, or the server's when it cannot start."""
    parser = argparse.ArgumentParser(
        prog="python -m examples",
        description="Walks through an example, by plain HTTP against the development server, and says what happens.",
        epilog="The example's folder has a README.md that explains each step. Nothing is kept.",
    )
    parser.add_argument("example", choices=EXAMPLES)
    parser.add_argument("--page", action="store_true", help="placeos: open its pages in a browser of your own instead")
    given = parser.parse_args()
    if given.page and given.example != "placeos":
        parser.error("only placeos has pages")
    with tempfile.TemporaryDirectory() as folder:
        try:
            if given.page:
                show(_say)
            else:
                run(given.example, log=Path(folder) / "server.log", say=_say)
        except Mismatch as error:
            print(f"\nNot as it should be: {error}", file=sys.stderr)
            return 1
        except StartupError as error:
            print(f"\nThe server cannot start: {error}", file=sys.stderr)
            return error.exit_code
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
