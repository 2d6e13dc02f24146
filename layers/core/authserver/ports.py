"""What a use case may reach besides the stores: keys, passwords, mails, and requests to the internet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.messages.mail import Mail
    from authserver.models.keys import Ring
    from authserver.services import SigningKey, VerificationKey
    from authserver.storage.audit import Note
    from authserver.values import Secret


class Opener(Protocol):
    """A key service: wraps and unwraps key material bound to a ring and a key identifier."""

    def wrap(self, plaintext: bytes, *, ring: str, kid: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes: ...


class Keys(Protocol):
    """The server's keys, as a function instance sees them."""

    def signing_key(self, algorithm: str) -> SigningKey:
        """The newest key that may be used; made on first need. Raises `UnauthorizedClient` on an unknown algorithm."""

    def verification_key(self, kid: str) -> VerificationKey | None:
        """The published key of this identifier, or None."""

    def token_key(self, ring: str) -> bytes:
        """The secret to make credentials with; made on first need."""

    def token_keys(self, ring: str) -> tuple[bytes, ...]:
        """The secrets that credentials may have been made with, the newest first; none before the first is made."""

    def published(self) -> tuple[Mapping[str, str], ...]:
        """Every public JWK (RFC 7517), those not yet in use among them."""

    def rings(self) -> tuple[Ring, ...]:
        """Every ring as it is stored now."""

    def are_current(self) -> bool:
        """Whether no key was withdrawn since the present ones were loaded, as far as the deployment's item says that
        was read last. If one was, or may have been only half visible, the keys are loaded again when they are used
        next."""

    def rotate(self, *, at_once: bool = False, note: Note | None = None) -> tuple[str, ...]:
        """Makes, publishes and removes keys by age; returns the names of the rings that changed. The first brings
        `note` along.

        `at_once` does not wait for a key to be old. A ring whose newest key is not in use yet gets no other.
        """

    def overdue(self) -> int:
        """For how many seconds a ring has had no new key since one was due; 0 if each is in time."""

    def withdrawn(self, kid: str) -> Ring | None:
        """The ring of a key without that key, with a successor that signs at once; None if there is no such key."""


class PasswordHasher(Protocol):
    """Slow by design; `verify` with no hash takes as long as with one, and is False."""

    def hash(self, password: Secret) -> str: ...

    def verify(self, password: Secret, password_hash: str | None) -> bool: ...

    def matches(self, password: Secret, password_hash: str) -> bool:
        """The same for the cost of that one hash, for callers where time may reveal whether the password was right."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash would be made with other parameters today."""


class FetchFailed(Exception):
    """A document could not be fetched; `reason` is a tag for logs, and `error` the error code of an answer with the
    status 400.

    The latter is text of a stranger: it may be compared with known codes, and must not be shown or logged. `status` is
    that of the answer, if it is the reason.
    """

    def __init__(self, reason: str, error: str = "", status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document, and for how many seconds its origin allows it to be cached, if it says so (RFC 9111 section 5.2)."""

    document: Mapping[str, Any]
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What an address answered: the status, and for how many seconds it asks to wait (RFC 9110 section 10.2.3), 0 if it
    does not."""

    status: int
    retry_after: int = 0


class Fetcher(Protocol):
    """Requests to the internet: JSON objects from https addresses, within bounds of time and size."""

    def within(self, seconds: float) -> Fetcher:
        """The same, with a time limit on everything that it fetches from now on together."""

    def permits(self, url: str) -> bool:
        """Whether this address may be fetched, as far as its text shows."""

    def get(self, url: str, *, younger_than: int = 0, bearer: str = "", filed: bool = False) -> Mapping[str, Any]:
        """The document, or what was fetched less than `younger_than` seconds ago. Raises `FetchFailed`.

        `filed`: also by the media types that file servers give a JSON file whose type they do not know.
        """

    def get_dated(self, url: str, *, most: int, filed: bool = False) -> Fetched:
        """The document, of at most so many octets, as it is now. Raises `FetchFailed`."""

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        """The answer to a form. Raises `FetchFailed`."""

    def send(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Sent:
        """How a body is answered, whatever the status; of the answer's own body nothing is read.

        Raises `FetchFailed` if there is no answer within so many seconds.
        """


class Bridge(Protocol):
    """The operator's function that knows the refresh tokens of another system.

    `until` is when it is not asked any more, in epoch seconds.
    """

    until: int

    def ask(self, question: Mapping[str, str]) -> Any:
        """The function's answer, as JSON. Raises `TemporarilyUnavailable`."""


class HookFailed(Exception):
    """The operator's function gave no answer that can be used; `reason` is a tag for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenHook(Protocol):
    """An operator's own function that adds claims to tokens or refuses (`identity.token_hook`)."""

    def ask(self, question: Mapping[str, Any]) -> Any:
        """The function's answer, whatever JSON that is. Raises `HookFailed`."""

    def failed(self, reason: str) -> None:
        """Reports to the operator that an answer could not be used, and why."""


class Mailer(Protocol):
    """Sends mails. Raises `TemporarilyUnavailable` if the mail was not accepted."""

    def send(self, mail: Mail) -> None: ...


class Archive(Protocol):
    """Keeps files that cannot be changed or removed. Raises `TemporarilyUnavailable`."""

    def put(self, name: str, content: bytes) -> None:
        """Keeps a file, unless there is one of this name: that stays as it is."""

    def names(self, prefix: str) -> frozenset[str]:
        """The names there are that begin so."""
