"""Where the lines go that functions write and that the server writes about requests."""

import sys
import threading
from pathlib import Path
from typing import TextIO


class Log:
    """Whole lines, one at a time, to a file or to standard output."""

    def __init__(self, path: Path | None = None) -> None:
        self._file: TextIO | None = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._lock = threading.Lock()
        self._closed = False

    def line(self, source: str, text: str) -> None:
        """Write `source | text`."""
        with self._lock:
            if not self._closed:
                print(f"{source} | {text}", file=self._file or sys.stdout, flush=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._file:
                self._file.close()
