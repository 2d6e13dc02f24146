"""Times and names as people say them."""

from datetime import UTC, datetime
from gettext import NullTranslations
from hashlib import sha256
from urllib.parse import urlsplit

from authserver.marks import N_

MONTHS = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August")),
    *(N_("September"), N_("October"), N_("November"), N_("December")),
)
TINTS = 8


class Words:
    """The words of one language for times; epoch seconds in, UTC out, since a page without a script knows no zone."""

    def __init__(self, catalogue: NullTranslations) -> None:
        self._catalogue = catalogue

    def day(self, at: int) -> str:
        """``22 November 2026``"""
        when = datetime.fromtimestamp(at, UTC)
        month = self._catalogue.gettext(MONTHS[when.month - 1])
        return self._catalogue.gettext("%(day)d %(month)s %(year)d") % {
            "day": when.day,
            "month": month,
            "year": when.year,
        }

    def moment(self, at: int) -> str:
        """``22 November 2026, 14:05 UTC``"""
        when = datetime.fromtimestamp(at, UTC)
        return self._catalogue.gettext("%(day)s, %(time)s UTC") % {"day": self.day(at), "time": f"{when:%H:%M}"}

    def duration(self, seconds: int) -> str:
        """In the largest unit that fits at least twice."""
        if (days := seconds // 86_400) >= 2:
            return self._catalogue.ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
        if (hours := seconds // 3_600) >= 2:
            return self._catalogue.ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
        if (minutes := seconds // 60) >= 2:
            return self._catalogue.ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
        return self._catalogue.ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}


def iso(at: int) -> str:
    """For machines: ``2026-11-22T14:05:00Z``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def host(uri: str) -> str:
    """Whose a web address is: its host."""
    return urlsplit(uri).hostname or ""


def initials(name: str) -> str:
    """One or two letters that stand for a name without a picture."""
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(letters[:1] + letters[1:][-1:]).upper() or "?"


def tint(name: str) -> int:
    """Which of the colours a name without a picture has: always the same."""
    return sha256(name.encode("utf-8", "replace")).digest()[0] % TINTS
