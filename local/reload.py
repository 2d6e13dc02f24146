"""Renews a function's workers when its code, or that of a layer of it, changes."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from local.functions import Functions

EVERY = 1.0  # seconds between two looks

type Snapshot = dict[str, tuple[int, int]]  # path → time of change, size


class Reloader:
    """Looks at the files once a second; `announce` gets lines about what was renewed and cannot start."""

    def __init__(self, functions: Functions, announce: Callable[[str], None], every: float = EVERY) -> None:
        self._functions = functions
        self._announce = announce
        self._every = every
        self._stopped = threading.Event()
        self._seen = self._look()
        threading.Thread(target=self._watch, name="reloader", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._every):
            now = self._look()
            changed = {folder for folder, snapshot in now.items() if snapshot != self._seen[folder]}
            self._seen = now
            if changed:
                self._renew(changed)

    def _renew(self, changed: set[Path]) -> None:
        renewed = self._functions.renew(changed)
        are_all = len(renewed) == len(self._functions.pools)
        self._announce(f"reloaded {'all functions' if are_all else ', '.join(renewed)}")
        self._functions.check(renewed, self._announce)

    def _look(self) -> dict[Path, Snapshot]:
        functions = [pool.function for pool in self._functions.pools.values()]
        folders = {folder for function in functions for folder in (function.code, *function.layers)}
        return {folder: dict(_files(folder)) for folder in folders}


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = Path(parent, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # an editor's temporary file
            yield str(path), (status.st_mtime_ns, status.st_size)
