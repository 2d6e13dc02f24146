"""Users, as the account API tells them of themselves."""

from typing import Self

from authserver.documents import Document, Text
from authserver.models.users import User


class Profile(Document):
    """What the account API tells a user of themselves."""

    sub: str
    username: str
    name: str
    email: str
    email_verified: bool

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(
            sub=user.sub,
            username=user.username,
            name=user.name,
            email=user.email,
            email_verified=user.email_verified,
        )


class ProfileChanges(Document):
    """What users change of themselves."""

    name: Text
