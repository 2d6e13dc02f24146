"""API keys."""

from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope

USER, CLIENT, ORGANISATION = "user", "client", "organisation"  # whose a key is


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that calls APIs for a user, for a client, or for an organisation and its companies `entities`.

    `id` is 16 random octets in base64url; of the secret, the SHA-256 is stored. A client's key has its `client_id` and
    no `subject`. An organisation's key has in `subject` the administrator who carries it: it ends when that user ceases
    to be an administrator, unless another administrator has taken it over. `networks` are those that it may be used
    from; empty means all. `begun` has the count of the subject's keys (`ends.SubjectEnd.api_keys`) in place of the
    subject's epoch. `used_at` is 0 until the key is used, and afterwards at most an hour behind.
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
        """The kind of the key's owner: `USER`, `CLIENT` or `ORGANISATION`."""
        return CLIENT if self.client_id else ORGANISATION if self.organisation else USER
