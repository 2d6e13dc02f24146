"""Users, as the account API tells them of themselves."""

from authserver.documents import Document, Text


class Profile(Document):
    """What the account API tells a user of themselves."""

    sub: str
    username: str
    name: str
    email: str
    email_verified: bool


class ProfileChanges(Document):
    """What users change of themselves."""

    name: Text
