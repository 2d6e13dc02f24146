"""What is left of users and organisations that were deleted, as the admin API tells it."""

from typing import Literal, Self

from pydantic import Field

from authserver.documents import Document
from authserver.models.erasures import Erasure as StoredErasure


class Erasure(Document):
    """The removal of whatever names a user who was deleted, or belongs to an organisation that was. Times are epoch
    seconds."""

    subject_key: str = Field(
        description="Stands for the identifier: the first half of its SHA-256, in base64url; of an organisation, with"
        " `organisation#` before it"
    )
    sub: str | None = Field(description="The user's identifier, until it is done")
    organisation: str | None = Field(description="The organisation's identifier, likewise")
    state: Literal["erasing", "checking", "done"] = Field(
        description="`checking`: all that was found is removed, and what lists may have been late with is looked for"
    )
    left: tuple[str, ...] = Field(description="The kinds of which there may be something left")
    requested_at: int = Field(description="When the user or the organisation was deleted")
    finished_at: int | None

    @classmethod
    def of(cls, erasure: StoredErasure) -> Self:
        state: Literal["erasing", "checking", "done"] = "erasing" if erasure.left else "checking"
        return cls.of_record(
            erasure,
            sub=erasure.subject or None,
            organisation=erasure.organisation or None,
            state=state if erasure.finished_at is None else "done",
            left=tuple(sorted(erasure.left)),
        )
