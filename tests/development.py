"""The development server as tests start it: as it is, but for the price of a password."""

from typing import Any

from local import server


class DevelopmentServer(server.DevelopmentServer):
    """Takes the options of `local.server.DevelopmentServer`.

    Hundreds of times somebody signs in here, and each time argon2 would take a tenth of a second or more, and 64 MB.
    `tests/unit/test_hashes.py` shows what passwords cost where they are deployed, and the examples sign in with that.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, quick_passwords=True)
