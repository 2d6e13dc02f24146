"""API keys."""

from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope

USER, CLIENT, ORGANISATION = "user", "client", "organisation"  # whose a key is


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that calls APIs for a user, for a client, or for an organisation and its companies `entities`.

    `id` is 16 random octets in base64url; of the secret there is the SHA-256. A client's has its `client_id` and no
    `subject`. An organisation's has in `subject` the administrator who carries it: it falls when that one ceases to be
    an administrator, unless another one has taken it over. `networks` are where it may be used from, everywhere if
    there are none. `begun` has the count of the subject's keys (`ends.SubjectEnd.api_keys`) for the subject's epoch.
    `used_at` is 0 until it is used, and then behind by an hour at most.
    """

    id: str
    name: str
    secret_hash: bytes = field(repr=False)
    scope: Scope
    resource: tuple[str, ...]
    created_at: int
    expires_at: int
    subject: str = ""
    client_id: str = ""
    organisation: str = ""
    entities: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()
    begun: Begun = Begun()
    used_at: int = 0

    @property
    def owner(self) -> str:
        """Whose it is: `USER`, `CLIENT` or `ORGANISATION`."""
        return CLIENT if self.client_id else ORGANISATION if self.organisation else USER
