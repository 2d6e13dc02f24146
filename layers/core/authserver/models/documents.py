"""What was fetched for clients: their metadata documents, and their key sets."""

from dataclasses import field

from authserver.models.clients import Client
from authserver.records import dataclass

MINUTE, DAY = 60, 86_400
STALE = DAY  # seconds that something is used beyond its time while its origin is down
RETRY = MINUTE  # seconds that an error is remembered
# Errors that say nothing of the document: it could not be reached, or we had fetched too much.
CONTENDED = "contended"  # another attempt was quicker: what that one kept is to be read
OUTAGES = frozenset({"unreachable", "timeout", "tls", "name_unknown", "down", "budget", CONTENDED})


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """What was fetched from `uri` for the client `client_id`, and what came of the last attempt.

    Of a metadata document `client` is what was made of it, of a key set `jwks` is the text, each as of the last good
    attempt; `error` is empty if that was the last one. Times are in epoch seconds: `created_at` that of the first good
    attempt, 0 if there was none. It is kept beyond its time for people to see what a client was called. An error that says
    that there is nothing any more stays until something good was fetched, through whatever outages.
    """

    client_id: str
    uri: str
    client: Client | None = None
    jwks: str = field(default="", repr=False)
    fetched_at: int = 0
    fresh_until: int = 0
    checked_at: int = 0
    error: str = ""
    created_at: int = 0
    expires_at: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether its origin, or what is there now, says that there is nothing to go by any more."""
        return bool(self.error) and self.error not in OUTAGES

    @property
    def is_there(self) -> bool:
        """Whether there is something to go by."""
        return self.client is not None or bool(self.jwks)

    def why_not(self, outcome: str) -> str:
        """What is wrong with it, where an attempt just now had this `outcome`."""
        return self.error if self.is_refused else outcome or self.error

    def is_current(self, now: int) -> bool:
        """Whether it need not be fetched: it is fresh, or what went wrong was a moment ago."""
        if self.error:
            return now < self.checked_at + RETRY
        return self.is_there and now < self.fresh_until

    def is_usable(self, now: int, *, is_down: bool = False) -> bool:
        """Whether it may be gone by: fresh, or no older than an outage may last if its origin or our way there
        `is_down`."""
        if not self.is_there or self.is_refused:
            return False
        return now < self.fresh_until + (STALE if is_down or self.error else 0)
