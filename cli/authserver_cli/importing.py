"""An import that can be stopped at any time and begun again.

What was done is written beside the input as it is done. Each record is sent with an idempotency key made of its own
content, so that one whose answer was lost is not taken for another when it is sent again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

from authserver_cli.api import Api
from authserver_cli.errors import NotAllowed, NotFound, Refused
from authserver_cli.protocol import Request
from authserver_cli.records import Kind, Record


@dataclass
class Tally:
    """How it went."""

    done: int = 0
    skipped: int = 0
    refused: int = 0


class Journal:
    """The state file: a line for each record that was done at this deployment.

    A line is appended once the server has said yes; half a line, of a run that was killed, counts for nothing.
    """

    def __init__(self, file: Path, target: str, kind: Kind) -> None:
        self._file = file
        self._about = {"target": target, "kind": kind.name}
        self._done = dict(self._read())
        self._stream: TextIO | None = None

    def __enter__(self) -> Self:
        self._stream = self._file.open("a", encoding="utf-8")
        if self._file.stat().st_size:
            self._stream.write("\n")  # ends the half line, if there is one
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def __contains__(self, record: Record) -> bool:
        return self._done.get(record.id) == fingerprint(record)

    def knows(self, record: Record) -> bool:
        """Whether there was one of this identifier, whatever else was in it."""
        return record.id in self._done

    def add(self, record: Record) -> None:
        assert self._stream is not None  # noqa: S101 - opened by `with`
        line = {**self._about, "id": record.id, "fingerprint": fingerprint(record)}
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

    def _read(self) -> Iterator[tuple[str, str]]:
        if not self._file.exists():
            return
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                noted = json.loads(line)
            except ValueError:
                continue
            if isinstance(noted, dict) and self._about.items() <= noted.items():
                yield str(noted.get("id", "")), str(noted.get("fingerprint", ""))


def fingerprint(record: Record) -> str:
    """Of the whole record: one that was changed since is sent again."""
    return hashlib.sha256(json.dumps(record.body, sort_keys=True).encode()).hexdigest()


class Report:
    """The report file: a line of JSON for each record that was refused, without its content."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: TextIO | None = None

    def __enter__(self) -> Self:
        self._file.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def add(self, record: Record, title: str, errors: Iterable[tuple[str, str]]) -> None:
        self._stream = self._stream or self._file.open("w", encoding="utf-8")
        listed = [{"field": name, "detail": detail} for name, detail in errors]
        self._stream.write(json.dumps({"line": record.line, "id": record.id, "title": title, "errors": listed}) + "\n")
        self._stream.flush()


class Import:
    """One run: sends what was not yet done. Records that are wrong or refused are reported, and the others go on."""

    def __init__(
        self, kind: Kind, api: Api, journal: Journal, report: Report, progress: Callable[[], Any] = lambda: None
    ) -> None:
        self._kind = kind
        self._api = api
        self._journal = journal
        self._report = report
        self._progress = progress
        self._tally = Tally()
        self._under_way: dict[Future[Any], Record] = {}
        self._failure: BaseException | None = None

    def run(self, records: Iterable[Record], parallel: int) -> Tally:
        """Raises what is not about one record: no answer, no permission. Whatever was done stays noted."""
        with self._journal, self._report, ThreadPoolExecutor(parallel) as pool:
            try:
                for record in records:
                    self._take(record, pool)
                    self._settle(2 * parallel)
                    if self._failure:
                        break
            finally:
                self._settle(0)
        if self._failure:
            raise self._failure
        return self._tally

    def _take(self, record: Record, pool: ThreadPoolExecutor) -> None:
        if record.problems:
            self._refuse(record, "The record is not valid", record.problems)
        elif record in self._journal:
            self._tally.skipped += 1
            self._progress()
        else:
            self._under_way[pool.submit(self._send, record)] = record

    def _send(self, record: Record) -> None:
        try:
            self._api.post(self._kind.route, record.body, idempotency_key=f"import-{fingerprint(record)}")
        except Refused as refused:
            if refused.problem.status != 409 or not self._is_there(record):
                raise

    def _is_there(self, record: Record) -> bool:
        """Whether the server has this very record, from a run that was stopped before it heard so."""
        if self._journal.knows(record):
            return False  # it was heard, and the record has changed since
        try:
            there = self._api.send(Request("GET", self._kind.one, {self._kind.identifier: record.id}))
        except NotFound:
            return False
        return all(there.get(name) == value for name, value in record.body.items() if not name.endswith("_hash"))

    def _settle(self, remaining: int) -> None:
        """Waits until no more than so many are under way, and notes what became of the others."""
        while len(self._under_way) > remaining:
            for future in wait(self._under_way, return_when=FIRST_COMPLETED).done:
                self._note(self._under_way.pop(future), future.exception())

    def _note(self, record: Record, error: BaseException | None) -> None:
        if error is None:
            self._journal.add(record)
            self._tally.done += 1
            self._progress()
        elif isinstance(error, Refused) and not isinstance(error, NotAllowed):
            self._refuse(record, str(error.problem).partition("\n")[0], error.problem.errors)
        else:
            self._failure = error

    def _refuse(self, record: Record, title: str, errors: Iterable[tuple[str, str]]) -> None:
        self._report.add(record, title, errors)
        self._tally.refused += 1
        self._progress()
