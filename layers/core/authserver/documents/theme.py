"""The theme of the pages, as the admin API and the seed file read it. What may be in it, `theme.objections` says."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints

from authserver.documents import Document
from authserver.models.configuration import Theme as StoredTheme
from authserver.theme import DEFAULT, complete

Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Colour = Annotated[str, StringConstraints(max_length=7, to_lower=True)]
Logo = Annotated[str, StringConstraints(max_length=10_000)]


class NewTheme(Document):
    """A theme, whole: what is left out is as without a theme, or fits the accent."""

    name: Line = Field(default=DEFAULT.name, description="Whose pages these are")
    logo: Logo = Field(default="", description="data:image/png, webp, gif or jpeg in base64, at most 6 KB")
    accent: Colour = Field(default=DEFAULT.accent, description="Of links and buttons, such as #1f4fbf")
    on_accent: Colour = Field(default="", description="Of text on buttons. Left out: white or black")
    accent_dark: Colour = Field(default="", description="The accent of dark pages. Left out: a lighter one")
    on_accent_dark: Colour = Field(default="", description="Of text on buttons of dark pages. Left out: white or black")
    radius: int = Field(default=DEFAULT.radius, description="Of corners, in pixels")
    font: str = Field(default=DEFAULT.font, description="system, humanist, serif or rounded")
    support: Line = Field(default="", description="An e-mail address or an https URL for people who are stuck")
    version: int | None = Field(default=None, description="The version that this replaces. Left out: whatever is there")

    def record(self, version: int) -> StoredTheme:
        """The theme as it is stored, once nothing speaks against it, in place of the one with this version."""
        return complete(StoredTheme(**self.model_dump(exclude={"version"}), version=version))


class Theme(Document):
    """The theme in force."""

    name: str
    logo: str
    accent: str
    on_accent: str
    accent_dark: str
    on_accent_dark: str
    radius: int
    font: str
    support: str
    version: int = Field(description="0: no theme was set")

    @classmethod
    def of(cls, theme: StoredTheme) -> Self:
        return cls(**{name: getattr(theme, name) for name in cls.model_fields})
