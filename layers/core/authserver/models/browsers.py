"""What is begun with a browser: sessions, requests under way, links in mails, remembered consents."""

from collections.abc import Mapping
from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope, base64url, sha256

WITHDRAWN = "withdrawn"  # in place of the claim that used a link: it cannot be used any more


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in. Of the cookie's secret, the SHA-256 is stored.

    `signed_in_for` is the pending request for which the user typed the password, as `prompt=login` requires.
    `auth_time` is when the user signed in, which for an identity provider may be long before `created_at`. `begun` and
    `sessions` are the user's epochs from before anything was read that decided the sign-in. `device` names browser and
    system, and `source` is the network of the sign-in; both are for the user to read. `by` is how the user signed in,
    empty if only an identity provider knows. `origin` is the identifier with which the session began, if it has another
    one now.
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
        """The identifier of this session in ID tokens for a client: constant while the session lasts, and different for
        each client.

        OpenID Connect Front-Channel Logout 1.0 section 3. It does not lead to the session, nor to its identifier for
        another client.
        """
        return base64url(sha256(f"sid\x00{self.origin or self.id}\x00{client_id}")[:12])


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """An authorization request that is stored while its user signs in and consents.

    `browser_hash` binds it to the browser that began it; `parameters` is the validated request, which no form can
    change. `salt` and `id` determine the one code that it can yield. With a `visit` it does not come from a client: it
    is the path of a page of this server that its user wants to see, and `parameters` say how to sign in. With a
    `device` its answer goes to that device (`models.tokens.DeviceRequest`); such a request exists only after the user
    has confirmed in this browser that they started the device.
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
    """A sign-in in progress at an identity provider, for one pending request. It accepts one answer.

    The answer must match `nonce` and `code_verifier`. If the request wants a new sign-in, the user must have signed in
    there since `signed_in_since`. `spent_by` is the claim that took the answer. `callback` is the path at which the
    provider was asked to answer (`IdentityProvider.callback_path`), None for its own.
    """

    id: str
    request_id: str
    provider: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    expires_at: int
    signed_in_since: int | None = None
    spent_by: str | None = None
    callback: str | None = None


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that was sent to `address` for one `purpose` of the subject. Of its secret, only the SHA-256 is stored.

    `created_at` is when it was ordered, `begun` are the subject's epochs at that time, and `sessions` the counter of
    the session that ordered it, None without a session. `spent_by` is the claim that used it, or `WITHDRAWN` if it was
    taken back.
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
    """What a user has allowed a client, and what the user left out, so that the same question is not asked again."""

    subject: str
    client_id: str
    scope: Scope
    resource: frozenset[str]
    created_at: int
    expires_at: int
    declined: Scope = Scope()
    begun: Begun = Begun()
