"""Prints what each flow costs of DynamoDB and of the CPU, what each function costs to start, what one client bears, and
how soon the development server is ready.

    python -m bench            everything, some minutes
    python -m bench load       just that: flows, starts, load or server
    python -m bench growth     what lists, pages and ends cost with up to 100,000 of everything; takes long
    python -m bench --help

Round trips and capacity units are counts: they do not depend on the machine. CPU is this machine's: of one request in
a warm function, in this process, with the lean client's own work (serialising, signing, parsing) in it and everything
beyond the place where it would open a socket left out: no network, no TLS, none of DynamoDB's time. Since machines
differ, and one is not always as fast, it is stated as a ratio as well: to a fixed loop that runs before each request.
"""

import argparse
import sys

from bench.flows import measure_flows
from bench.growth import SIZES, report_growth
from bench.load import RATE, report
from bench.server import report_server
from bench.starts import measure_starts
from bench.table import Row, render
from tests.coldstart.warm import FLOWS
from tests.functions.world import FUNCTIONS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=50, metavar="N", help="requests of each flow (default 50)")
    parser.add_argument(
        "--starts", type=int, default=5, metavar="N", help="interpreters for each function, and servers (default 5)"
    )
    parser.add_argument(
        "--requests", type=int, default=RATE, metavar="N", help=f"of one second of load (default {RATE})"
    )
    parser.add_argument(
        "only", nargs="?", choices=["flows", "starts", "load", "server", "growth"], help="measure just these"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="how much there is (growth)")
    options = parser.parse_args(arguments)
    if min(options.repeat, options.starts, options.requests) < 1:
        parser.error("--repeat, --starts and --requests must be at least 1")
    rows: list[Row] = []
    if options.only in (None, "flows"):
        rows += measure_flows(FLOWS, options.repeat)
    if options.only in (None, "starts"):
        rows += measure_starts(FUNCTIONS, options.starts)
    if rows:
        print(render(rows), end="\n\n")
    if options.only in (None, "load"):
        print(report(options.requests, RATE, people=RATE))
    if options.only in (None, "server"):
        print(report_server(options.starts))
    if options.only == "growth":
        print(report_growth(tuple(options.sizes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
