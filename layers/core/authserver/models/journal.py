"""What happened to accounts."""

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happened to a user's account, for its user to read; `kind` is one of `identity.activity`.

    `device` and `source` are those of whoever did it, as in a session. `about` says more: an application's identifier,
    or how somebody signed in. Never a secret.
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
    """What a client was refused in one way on one day, for its developer: how often, and the last time.

    `day` is when that day began, `error` the code that was answered, `reason` why; `reference` finds the last in the
    logs.
    """

    day: int
    error: str
    reason: str
    count: int
    last_at: int
    reference: str = ""
