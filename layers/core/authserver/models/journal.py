"""What happened to accounts."""

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """An event in a user's account, for the user to read; `kind` is one of `identity.activity`.

    `device` and `source` are those of the browser or program that caused it, as in a session. `about` says more: an
    application's identifier, or how the user signed in. It is never a secret.
    """

    id: str
    subject: str
    kind: str
    created_at: int
    expires_at: int
    device: str = ""
    source: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often a client was refused in one way on one day, for its developer, and the last time.

    `day` is when that day began, `error` the code of the answer, and `reason` why; `reference` finds the last one in
    the logs.
    """

    day: int
    error: str
    reason: str
    count: int
    last_at: int
    reference: str = ""
