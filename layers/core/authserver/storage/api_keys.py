"""API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from authserver.records import dataclass

if TYPE_CHECKING:
    from authserver.ends import Begun
    from authserver.models.api_keys import ApiKey
    from authserver.models.organisations import Membership, Organisation
    from authserver.storage.lists import Page
    from authserver.storage.standing import Ends

USED_EVERY = 3600  # seconds; how much later than it is noted a key may have been used


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """Everything that decides whether an API key stands. `organisation` is the record of an organisation's key."""

    key: ApiKey | None
    ends: Ends
    organisation: Organisation | None = None

    @property
    def stands(self) -> bool:
        """Whether nothing has ended the key; its expiry is not it."""
        return self.key is not None and self.ends.of_api_keys().stand(self.key.begun)


class ApiKeyStore(Protocol):
    def create(self, key: ApiKey, by: Membership | None = None) -> bool:
        """Puts a new key. False if there is one of its identifier.

        Condition: the membership `by`, by which an organisation's key is made, is still an administrator's.
        """

    def find(self, key_id: str) -> ApiKey | None:
        """The key of this identifier; one that has expired or was ended by something else is there."""

    def standing(
        self, key_id: str, *, subject_key: str = "", client_key: str = "", organisation_key: str = ""
    ) -> KeyStanding:
        """The key and all that decides whether it stands, in one read; of an organisation's key that another
        administrator than the one of `subject_key` carries, in two. The keys are as in `TokenStore.standing`."""

    def api_keys(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ApiKey]:
        """The keys of a user, of a client or of an organisation, oldest first. Raises `BadCursor`."""

    def note_use(self, key_id: str, now: int) -> None:
        """Notes that a key was used, unless that was noted within `USED_EVERY`, or there is no such key."""

    def take_over(self, key: ApiKey, by: Membership, begun: Begun) -> ApiKey | None:
        """Has another administrator carry an organisation's key; it as it is now.

        Condition: it is carried as in `key`, under the same epochs; who carries it has not ceased to be an
        administrator; and the membership `by` is still an administrator's. None else.
        """
