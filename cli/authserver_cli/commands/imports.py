"""Users and clients of another system."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from authserver_cli import output
from authserver_cli.errors import Exit
from authserver_cli.former import SYSTEMS
from authserver_cli.invocation import Command, Invocation, pass_invocation

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from authserver_cli.importing import Report, Tally
    from authserver_cli.records import Kind, Record


@click.command(
    "import",
    cls=Command,
    examples="""
    authserver import users users.jsonl --dry-run
    authserver import clients clients.csv
    authserver import users --from keycloak realm.json
    authserver import clients --from keycloak realm.json --check https://old.example/realms/acme
    """,
)
@click.argument("kind", type=click.Choice(["clients", "users"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "system", type=click.Choice(SYSTEMS), help="FILE is an export of this system.")
@click.option("--scope", default="", help="What each client of such an export may ask for besides what is said there.")
@click.option("--check", metavar="URL", help="Import nothing: tell what of that server, and of FILE, would work here.")
@click.option("--parallel", type=click.IntRange(1, 32), default=4, show_default=True, help="Requests at a time.")
@pass_invocation
def import_records(
    invocation: Invocation, kind: str, file: Path, system: str | None, scope: str, check: str | None, parallel: int
) -> None:
    """Import users or clients from another system: JSON lines, or CSV by the file's name; or, with --from, what that
    system exports (docs/migration).

    Identifiers are kept, and so are password hashes and hashed secrets. FILE.done remembers what was done: run the same
    command again after whatever stopped it. FILE.refused says which records were refused, and why. With --dry-run the
    file is checked, and nothing is sent.
    """
    from authserver_cli import importing, records  # and with them the documents, which take half a second to import

    chosen = records.KINDS[kind]
    found = _read_former(file, chosen, system, scope) if system else _read(file, chosen)
    if check:
        _compare(invocation, check, found, chosen)
        return
    report = importing.Report(Path(f"{file}.refused"))
    if invocation.dry_run:
        tally = _check(found, report)
    else:
        api = invocation.api
        journal = importing.Journal(Path(f"{file}.done"), api.transport.target, chosen)
        with _progress(kind, len(found)) as progress:
            tally = importing.Import(chosen, api, journal, report, progress).run(found, parallel)
    _tell(invocation, tally, file)
    if system and kind == "users" and not invocation.json:
        _tell_of_sign_in(found)
    if tally.refused:
        raise click.exceptions.Exit(Exit.INCOMPLETE)


@contextmanager
def _progress(kind: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar for the terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    bar: ProgressBar[None]
    with click.progressbar(length=total, label=f"Importing {kind}", file=sys.stderr) as bar:
        yield lambda: bar.update(1)


def _read(file: Path, kind: "Kind") -> "list[Record]":
    from authserver_cli import records

    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return list(records.read(stream, kind, comma_separated=records.is_csv(file)))
    except UnicodeDecodeError:
        raise click.UsageError(f"{file}: is not UTF-8") from None


def _read_former(file: Path, kind: "Kind", system: str, scope: str) -> "list[Record]":
    from authserver_cli import records

    try:
        return list(records.read_former(file.read_text(encoding="utf-8-sig"), kind, system, scope))
    except UnicodeDecodeError:
        raise click.UsageError(f"{file}: is not UTF-8") from None
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}") from None


def _compare(invocation: Invocation, url: str, found: "list[Record]", kind: "Kind") -> None:
    from authserver_cli import comparing
    from authserver_cli.issuer import Issuer

    old = comparing.discovered(url)
    here = Issuer(invocation.issuer_url)
    try:
        report = comparing.compare(old, here, found, kind)
    finally:
        here.close()
    if invocation.json:
        output.print_json(report)
    else:
        _print_comparison(report, kind)
    if not all(one["works"] for one in report[kind.name]):
        raise click.exceptions.Exit(Exit.INCOMPLETE)


def _print_comparison(report: dict[str, Any], kind: "Kind") -> None:
    click.echo(f"Of {output.plain(report['there'])}, at {report['here']}:\n")
    for endpoint in report["endpoints"]:
        answered = "answered" if endpoint["answered"] else "nothing is there"
        click.echo(f"{output.plain(endpoint['path'])}: {answered}")
    for name, missing in report["missing_here"].items():
        click.echo(f"{name}: not here: {output.plain(missing)}")
    good = [one for one in report[kind.name] if one["works"]]
    click.echo(f"\n{len(good)} of {len(report[kind.name])} {kind.name} would work.")
    for one in report[kind.name]:
        for problem in one["problems"]:
            click.echo(f"{output.plain(one[kind.identifier])}: {problem['field']} {output.plain(problem['detail'])}")


def _tell_of_sign_in(found: "list[Record]") -> None:
    """How many people cannot go on as before, which no record of theirs tells."""
    good = [record for record in found if not record.problems]
    if without := sum("password_hash" not in record.body for record in good):
        click.echo(f"{without} come without a password that can be compared here, and need another way in.")
    if nameless := sum(record.body["username"] == record.id for record in good):
        click.echo(f"{nameless} have no name or confirmed address to sign in by, and are called by their identifier.")


def _check(found: "list[Record]", report: "Report") -> "Tally":
    from authserver_cli.importing import Tally

    tally = Tally()
    with report:
        for record in found:
            if record.problems:
                report.add(record, "The record is not valid", record.problems)
                tally.refused += 1
            else:
                tally.done += 1
    return tally


def _tell(invocation: Invocation, tally: "Tally", file: Path) -> None:
    if invocation.json:
        output.print_json({"done": tally.done, "skipped": tally.skipped, "refused": tally.refused})
        return
    done = "valid" if invocation.dry_run else "imported"
    before = f", {tally.skipped} were there from an earlier run" if tally.skipped else ""
    click.echo(f"{tally.done} {done}{before}, {tally.refused} refused.")
    if tally.refused:
        click.echo(f"{file}.refused says which, and why.")
