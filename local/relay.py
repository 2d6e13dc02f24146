"""Carries connections from one socket to another. Runs on both sides of a container's wall, with nothing installed.

python relay.py 8000 /relay/socket      (in a container: a port there to a socket in a shared folder)
"""

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path


def carry(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Accepts until `listener` is closed; each connection is carried to one that `connect` makes."""
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_join, args=(accepted, connect), daemon=True).start()


def _join(accepted: socket.socket, connect: Callable[[], socket.socket]) -> None:
    with accepted:
        try:
            with connect() as other:
                back = threading.Thread(target=_copy, args=(other, accepted), daemon=True)
                back.start()
                _copy(accepted, other)
                back.join()
        except OSError:
            return


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def to_unix(path: Path) -> Callable[[], socket.socket]:
    def connect() -> socket.socket:
        other = socket.socket(socket.AF_UNIX)
        other.connect(str(path))
        return other

    return connect


def to_port(port: int) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection(("127.0.0.1", port))


def main(port: int, path: Path) -> None:
    # All addresses of the container, which nothing but its own private network can reach.
    with socket.create_server(("", port)) as listener:
        carry(listener, to_unix(path))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
