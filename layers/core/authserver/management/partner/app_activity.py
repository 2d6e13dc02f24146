"""What became of an app on the last days, for its owner: how many connected it, and what it was refused and why.

Nothing of users but their number. Connections are counted in the list of authorizations, which has them anyway; tokens
that come of them later, and those of client credentials, are not counted at all: the token endpoint writes nothing more
than it needs.
"""

from collections import Counter
from collections.abc import Iterator

from authserver.management import Call
from authserver.management.partner.operations import own_app
from authserver.models.journal import Refusal
from authserver.models.tokens import Authorization
from authserver.records import dataclass
from authserver.services import Services

DAY = 86_400
DAYS = 7
PAGE, MOST_PAGES = 100, 5  # beyond so many connections there is only "more than"


@dataclass(frozen=True, slots=True)
class AppActivity:
    """`connected` has each day, the newest first, and how many connected the app on it.

    `is_bounded`: there were more than were counted. `mistakes` are the refusals, the last one first.
    """

    connected: tuple[tuple[int, int], ...]
    is_bounded: bool
    mistakes: tuple[Refusal, ...]

    @property
    def total(self) -> int:
        """How many connected the app on all these days."""
        return sum(number for _, number in self.connected)


def activity_of(call: Call, services: Services) -> AppActivity:
    """The activity of the caller's app. Raises `NotFound`."""
    client_id = own_app(call, services).client_id
    today = services.now() // DAY * DAY
    days = tuple(today - DAY * back for back in range(DAYS))
    recent = list(_connections_since(days[-1], client_id, services))
    numbers = Counter(one.created_at // DAY * DAY for one in recent if one.redeemed_by is not None)
    refusals = services.journal.refusals(client_id, days)
    return AppActivity(
        connected=tuple((day, numbers[day]) for day in days),
        is_bounded=len(recent) >= PAGE * MOST_PAGES,
        mistakes=tuple(sorted(refusals, key=lambda refusal: refusal.last_at, reverse=True)),
    )


def _connections_since(since: int, client_id: str, services: Services) -> Iterator[Authorization]:
    cursor = None
    for _ in range(MOST_PAGES):
        page = services.tokens.authorizations(client_id=client_id, limit=PAGE, cursor=cursor, newest_first=True)
        yield from (one for one in page.items if one.created_at >= since)
        cursor = page.next
        if cursor is None or any(one.created_at < since for one in page.items):
            return
