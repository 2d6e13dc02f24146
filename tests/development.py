"""The development server as tests start it: as it is, but for the price of a password and of a start."""

import atexit
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local import server
from local.fork_server import ForkServer


class DevelopmentServer(server.DevelopmentServer):
    """Takes the options of `local.server.DevelopmentServer`.

    Hundreds of times somebody signs in here, and each time argon2 would take a tenth of a second or more, and 64 MB.
    `tests/unit/test_hashes.py` shows what passwords cost where they are deployed, and the examples sign in with that.

    The servers of one process fork their functions from one fork server, which imports for a second of CPU time.
    `tests/local/test_command.py` starts whole servers.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, quick_passwords=True)

    def _fork_server(self) -> ForkServer:
        return Share(_of_this_process())


class Share(ForkServer):
    """A fork server that others use as well: to close it ends only what was started through it."""

    def __init__(self, whole: ForkServer) -> None:
        self._whole = whole
        self._started: set[int] = set()

    def start(self, handler: str, code: Path, environment: Mapping[str, str], output: int) -> int:
        process_id = self._whole.start(handler, code, environment, output)
        self._started.add(process_id)
        return process_id

    def end(self, process_id: int) -> None:
        self._started.discard(process_id)
        self._whole.end(process_id)

    def renew(self) -> None:
        self._whole.renew()

    def close(self) -> None:
        while self._started:
            self.end(self._started.pop())


@cache
def _of_this_process() -> ForkServer:
    fork_server = ForkServer(quick_passwords=True)
    atexit.register(fork_server.close)
    return fork_server
