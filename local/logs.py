"""Where the lines go that functions write and that the server writes about requests."""

import json
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

SERVER = "server"  # the source of the server's own lines

# An identifier is at most a UUID, of 36 characters. What is longer may be a secret, and so may be what begins as our
# codes, tokens and links do.
_SECRET = re.compile(r"(?<![A-Za-z0-9])([a-z]{2,4}_)[\w~%-]{16,}|[\w.~%-]{37,}", re.ASCII)
_QUIET = {"TRACE", "DEBUG", "INFO"}


@dataclass(frozen=True)
class Access:
    """A request that was answered, without its query. `function` answered it, or is empty."""

    method: str
    path: str
    status: int
    ms: int
    function: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status} {self.ms} ms {self.function}".rstrip()


class Log:
    """Whole entries, one at a time.

    In a file each line has its source before it. On standard output, what functions tell at INFO and below is left out,
    and what they tell above is made readable; with `as_json` each entry is a line of JSON there.
    """

    def __init__(self, path: Path | None = None, *, as_json: bool = False) -> None:
        self._file: TextIO | None = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._form = _whole if path else _as_json if as_json else _readable
        self._lock = threading.Lock()
        self._closed = False

    def line(self, source: str, text: str) -> None:
        """Write what a function, or the server, says."""
        self._write(source, text)

    def request(self, method: str, path: str, status: int, seconds: float, function: str) -> None:
        """Write that a request was answered; of the path what cannot be a secret."""
        self._write(SERVER, Access(method, without_secrets(path), status, round(seconds * 1000), function))

    def _write(self, source: str, said: str | Access) -> None:
        text = self._form(source, said)
        with self._lock:
            if text and not self._closed:
                print(text, file=self._file or sys.stdout, flush=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._file:
                self._file.close()


def without_secrets(path: str) -> str:
    """The path, as it may be shown: neither secrets nor control characters."""
    return _SECRET.sub(r"\1...", path.encode("unicode_escape").decode())


def _whole(source: str, said: str | Access) -> str:
    return f"{source} | {said}"


def _as_json(source: str, said: str | Access) -> str:
    entry = asdict(said) if isinstance(said, Access) else _record(said) or {"message": said}
    return json.dumps({"source": source, **entry})


def _readable(source: str, said: str | Access) -> str:
    """The entry, or nothing where it is not worth a line."""
    record = None if isinstance(said, Access) else _record(said)
    if record is None:
        return str(said) if source == SERVER else f"{source} | {said}"
    level = str(record.get("level", "INFO"))
    if level.upper() in _QUIET:
        return ""
    return "\n".join([f"{source} | {level} {_summary(record)}", *_traceback(record)])


def _record(text: str) -> dict[str, Any] | None:
    """What a function logged as a JSON object."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _summary(record: Mapping[str, Any]) -> str:
    """The message: of powertools and of Lambda's runtime, which names the error in members of its own."""
    error = ": ".join(str(record[name]) for name in ("errorType", "errorMessage") if record.get(name))
    return str(record.get("message") or error)


def _traceback(record: Mapping[str, Any]) -> list[str]:
    """The lines of it: of powertools, and of Lambda's runtime."""
    lines = [str(record.get("exception") or ""), *map(str, record.get("stackTrace") or ())]
    return [line.rstrip() for line in lines if line.strip()]
