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
    """Everything that decides whether an API key stands. `organisation` is the record of an organisation, if the key is
    one's."""

    key: ApiKey | None
    ends: Ends
    organisation: Organisation | None = None

    @property
    def stands(self) -> bool:
        """Whether nothing has ended the key. Its expiry is not checked."""
        return self.key is not None and self.ends.of_api_keys().stand(self.key.begun)


class ApiKeyStore(Protocol):
    def create(self, key: ApiKey, by: Membership | None = None) -> bool:
        """Puts a new key. False if its identifier exists.

        Condition: the membership `by`, by which an organisation's key is created, is still an administrator's.
        """

    def find(self, key_id: str) -> ApiKey | None:
        """The key of this identifier, also if it has expired or was ended by something else."""

    def standing(
        self, key_id: str, *, subject_key: str = "", client_key: str = "", organisation_key: str = ""
    ) -> KeyStanding:
        """The key and everything that decides whether it stands, in one read; in two reads for an organisation's key
        that another administrator than that of `subject_key` carries. The keys are as in `TokenStore.standing`."""

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
        """Notes that a key was used, unless that was noted within `USED_EVERY` or the key does not exist."""

    def take_over(self, key: ApiKey, by: Membership, begun: Begun) -> ApiKey | None:
        """Makes another administrator carry an organisation's key; returns the key as it is now.

        Condition: it is carried as in `key`, under the same epochs; the new carrier has not ceased to be an
        administrator; and the membership `by` is still an administrator's. Returns None otherwise.
        """
