"""What is begun with a browser: sessions, requests under way, links in mails, remembered consents."""

from collections.abc import Mapping
from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope, base64url, sha256

WITHDRAWN = "withdrawn"  # in place of the claim of whoever used a link: nobody may any more


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in; the cookie's secret is kept as SHA-256.

    `signed_in_for` is the pending request whose user typed the password: what `prompt=login` asks for. `auth_time` is
    when the user did, which may be long before `created_at` where it was at an identity provider. `begun` and
    `sessions` are the user's epochs from before anything was read that decided the sign-in. `device` names browser and
    system, `source` the network it signed in from: for its user to read. `by` is what the user signed in by, empty if
    only an identity provider knows. `origin` is the identifier it began with, once it has another.
    """

    id: str
    secret_hash: bytes = field(repr=False)
    subject: str
    auth_time: int
    created_at: int
    expires_at: int
    signed_in_for: str
    device: str = ""
    source: str = ""
    begun: Begun = Begun()
    sessions: int = 0
    by: str = ""
    origin: str = ""

    def sid_for(self, client_id: str) -> str:
        """What ID tokens call this session to a client: the same as long as it lasts, and another for each client.

        OpenID Connect Front-Channel Logout 1.0 section 3. Nobody finds the session by it, nor what others call it.
        """
        return base64url(sha256(f"sid\x00{self.origin or self.id}\x00{client_id}")[:12])


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """An authorization request held on the server while its user signs in and consents.

    `browser_hash` binds it to the browser that began it; `parameters` is the request as it was validated and cannot
    be changed by any form. `salt` and `id` make the code that it can yield, so that it yields only one.
    With a `visit` it is no client's: it is a page of ours that its user wants to see, by its path, and `parameters`
    are those that say how to sign in. With a `device` its answer goes to that device (`models.tokens.DeviceRequest`);
    there is such a request only once somebody has said in this browser that they started it.
    """

    id: str
    browser_hash: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    parameters: Mapping[str, str]
    resource: tuple[str, ...]
    expires_at: int
    answer: str | None = None  # the decision and the subject who made it
    visit: str = ""
    password_of: str = ""  # the subject who has typed the right password for it, and owes a second factor
    password_at: int = 0
    begun: Begun = Begun()  # and that subject's epochs from before the password was looked at
    sessions: int = 0
    device: str = ""


@dataclass(frozen=True, slots=True)
class Federation:
    """A sign-in under way at an identity provider, for one pending request; good for one answer.

    `nonce` and `code_verifier` are what the answer must fit, and if the request wants a new sign-in, the person has to
    have signed in there since `signed_in_since`. `spent_by` is the claim of the one who took the answer.
    """

    id: str
    request_id: str
    provider: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    expires_at: int
    signed_in_since: int | None = None
    spent_by: str | None = None


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that was sent to `address` for one `purpose` of the subject's; only its secret's SHA-256 is kept.

    `created_at` is when it was ordered, `begun` the subject's epochs then, `sessions` those of the session that ordered
    it, None if none did. `spent_by` is the claim of the one who used it, or `WITHDRAWN` if it was taken back.
    """

    id: str
    secret_hash: bytes = field(repr=False)
    purpose: str
    subject: str
    address: str
    created_at: int
    expires_at: int
    spent_by: str | None = None
    begun: Begun = Begun()
    sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user has allowed a client before, and what they have left out, so as not to ask again."""

    subject: str
    client_id: str
    scope: Scope
    resource: frozenset[str]
    created_at: int
    expires_at: int
    declined: Scope = Scope()
    begun: Begun = Begun()
