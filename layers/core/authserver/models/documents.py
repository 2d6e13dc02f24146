"""Documents that were fetched for clients: their metadata documents and their key sets."""

from dataclasses import field

from authserver.models.clients import Client
from authserver.records import dataclass

MINUTE, DAY = 60, 86_400
STALE = DAY  # seconds that something is used beyond its time while its origin is down
GRACE = 10 * MINUTE  # the same if this server could not look
RETRY = MINUTE  # seconds that an error is remembered
BUDGET = "budget"  # we had fetched too much
NOT_CARRIED_OUT = "not_carried_out"  # the function that fetches did not answer
CONTENDED = "contended"  # another attempt was quicker: what that one kept is to be read
OURS = frozenset({BUDGET, NOT_CARRIED_OUT, CONTENDED})  # which strangers may bring about, and are never kept
OUTAGES = frozenset({"unreachable", "timeout", "tls", "name_unknown", "down"})
UNDECIDED = OURS | OUTAGES  # errors that say nothing of the document


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """What was fetched from `uri` for the client `client_id`, and what came of the last attempt.

    Of a metadata document `client` is what was made of it, of a key set `jwks` is the text, each as of the last good
    attempt; `error` is empty if that was the last one. Times are in epoch seconds: `created_at` that of the first good
    attempt, 0 if there was none. It is kept beyond its time for people to see what a client was called. An error that
    says that there is nothing any more stays until something good was fetched, through whatever outages.
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
        """Whether its origin, or its present content, says that there is no document any more."""
        return bool(self.error) and self.error not in UNDECIDED

    @property
    def is_there(self) -> bool:
        """Whether there is a document or key set to use."""
        return self.client is not None or bool(self.jwks)

    def why_not(self, outcome: str) -> str:
        """The error of it, where an attempt just now had this `outcome`."""
        return self.error if self.is_refused else outcome or self.error

    def is_current(self, now: int) -> bool:
        """Whether it need not be fetched now: it is fresh, or an attempt failed a moment ago."""
        if self.error:
            return now < self.checked_at + RETRY
        return self.is_there and now < self.fresh_until

    def is_usable(self, now: int, outcome: str = "") -> bool:
        """Whether it may be used: it is fresh, or no older than the last error, or the `outcome` just now, permits."""
        if not self.is_there or self.is_refused:
            return False
        beyond = STALE if self.error or outcome in OUTAGES else GRACE if outcome in OURS else 0
        return now < self.fresh_until + beyond
