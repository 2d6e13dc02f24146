"""What a deletion leaves to be done, in the background: whatever names the user is removed or made anonymous, and what
belongs to the organisation is removed.

The deletion itself has ended everything, so nothing here is urgent and nothing of it decides anything. Each step is
small and can be repeated, so the work may stop anywhere and begin again, even twice at once.

Erasure finds items by lists, and lists lag behind. A request may also have been about to write something when the
user was deleted. So an erasure is done only after a look around that began `SETTLED` seconds after the deletion, at
least, and found nothing at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from authserver.errors import TemporarilyUnavailable
from authserver.identity.begin import key_text
from authserver.messages.erasure import Erasing
from authserver.models.clients import OWNER_DELETED, TEST, Client
from authserver.models.erasures import Erasure
from authserver.services import Services
from authserver.storage.erasures import CLIENTS, MEMBERSHIPS, PAGE, Erased, kinds_of
from authserver.storage.lists import everything
from authserver.values import normalised_username

SETTLED = 900  # seconds; whatever was under way at the deletion is over, and listed
KEPT = 30 * 86_400  # seconds for which a finished one is listed
LOOKS = 3  # in one run; what is found then, the next one looks for again
ATTEMPTS = 4


class NoTime(Exception):
    """The run is about to end; the next one goes on."""


def erase(subject_key: str, has_time: Callable[[], bool], services: Services) -> Erasing:
    """Works on one erasure, by its key, or without a key on all that are open, the oldest first, as long as there is
    time.

    Raises `TemporarilyUnavailable` if they cannot be read.
    """
    run = Run(has_time, services)
    finished = left = 0
    failure = None
    for erasure in _wanted(subject_key, services):
        left += 1
        try:
            is_done = run.work_on(erasure)
        except NoTime:
            break
        except Exception as error:  # noqa: BLE001 - one that fails keeps no other from being done; it is raised in the end
            failure = failure or error
        else:
            finished, left = finished + is_done, left - is_done
    return Erasing(run.erased, finished, left, failure)


def _wanted(subject_key: str, services: Services) -> Iterator[Erasure]:
    """A part of the list after the other, each read when those before are worked on."""
    if subject_key:
        ordered = services.erasures.get(subject_key)  # which the list may not have yet
        found = iter([ordered] if ordered else [])
    else:
        found = everything(lambda cursor: services.erasures.open(limit=100, cursor=cursor))
    return (one for one in found if one.is_open)


class Run:
    """One run of the work. `erased` counts what was found and erased."""

    def __init__(self, has_time: Callable[[], bool], services: Services) -> None:
        self._has_time = has_time
        self._services = services
        self.erased = 0

    def work_on(self, erasure: Erasure) -> bool:
        """Removes what is left, and looks around once that may be all; tells whether it is done. Raises `NoTime`."""
        left = erasure.left
        for kind in kinds_of(erasure):
            if kind in left:
                self._erase(erasure, kind)
                left -= {kind}
                self._services.erasures.note(erasure, left)
        is_settled = self._services.now() >= erasure.requested_at + SETTLED
        return is_settled and any(self._finds_nothing(erasure) for _ in range(LOOKS))

    def _finds_nothing(self, erasure: Erasure) -> bool:
        """Looks around; whether it is done, since there was nothing any more."""
        began = self._services.now()
        if sum(self._erase(erasure, kind) for kind in kinds_of(erasure)):
            return False
        now = self._services.now()
        self._services.erasures.finish(erasure, began, now, now + KEPT)
        return True

    def _erase(self, erasure: Erasure, kind: str) -> int:
        """Erases all of a kind; how much there was."""
        found, cursor = 0, None
        while True:
            if not self._has_time():
                raise NoTime
            step = self._step(erasure, kind, cursor)
            found, cursor = found + step.found, step.next
            self.erased += step.found
            if cursor is None:
                return found

    def _step(self, erasure: Erasure, kind: str, cursor: str | None) -> Erased:
        if kind == MEMBERSHIPS:
            return self._leave(erasure, cursor)
        if kind == CLIENTS:
            return self._disown(erasure, cursor)
        return self._services.erasures.erase(erasure, kind, cursor)

    def _leave(self, erasure: Erasure, cursor: str | None) -> Erased:
        """Ends memberships, with the approvals that an administrator gave."""
        page = self._services.organisations.memberships_of(erasure.subject, limit=PAGE, cursor=cursor)
        for membership in page.items:
            self._services.withdrawals.delete_membership(membership.organisation, membership.subject)
        return Erased(len(page.items), page.next)

    def _disown(self, erasure: Erasure, cursor: str | None) -> Erased:
        """Gives clients an owner that stands for no user, by which operators find them.

        They stay, since others use them, and their developer's leaving says nothing about those. But that an operator
        verified them was about the person behind them, who is no longer known.
        """
        page = self._services.clients.list(owner=erasure.subject, limit=PAGE, cursor=cursor)
        return Erased(sum(self._disown_one(client.client_id, erasure) for client in page.items), page.next)

    def _disown_one(self, client_id: str, erasure: Erasure) -> bool:
        for _ in range(ATTEMPTS):
            client = self._services.clients.get(client_id)
            if client is None or client.owner != erasure.subject:
                return False
            if self._services.withdrawals.change_client(_without_owner(client, erasure)):
                return True
        raise TemporarilyUnavailable("The client is being changed by somebody else", reason="client_contended")


def _without_owner(client: Client, erasure: Erasure) -> Client:
    theirs = erasure.names | erasure.addresses
    contacts = tuple(one for one in client.contacts if key_text(normalised_username(one)) not in theirs)
    return replace(client, owner=OWNER_DELETED, verification=TEST, contacts=contacts)
