"""What deletions of users leave to be done."""

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a deletion leaves to be done: whatever names the user, or belongs to the organisation, is removed, in the
    background.

    `subject_key` is `tokens.opaque.key_of` the identifier, in base64url. `subject` is the identifier itself, `names`
    are the keys of what invitations may call the user and `addresses` those of their e-mail addresses, as long as there
    is something to find by them: they are empty once it is done. `left` are the kinds (`storage.erasures.KINDS`) of
    which there may be something still. Of an organisation there is the `organisation` in place of the subject, and the
    key has ``organisation#`` before it. `checked_at` is when the look around began that found nothing any more.
    """

    subject_key: str
    requested_at: int
    subject: str = ""
    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    organisation: str = ""
    checked_at: int = 0
    finished_at: int | None = None
    expires_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is something to find by."""
        return bool(self.subject or self.organisation)
