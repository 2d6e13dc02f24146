"""The ports: what the use cases ask of a database, in the verbs of the RFCs.

Laws that every implementation keeps (``tests/contract`` proves them on each):

- Every verb that changes something is one atomic write, and conditional wherever what is there already matters. The
  success of such a write is the only licence to issue. Sessions, requests and access tokens are put without a
  condition: their identifiers are 128 random bits, drawn for that write.
- Every read is strongly consistent, but for lists (`Page`), which people look at and which decide nothing.
- Expiry is compared by whoever reads; an item that is still there is not thereby alive.
- A store that does not answer raises `errors.TemporarilyUnavailable`; nothing is half done.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from authserver.models import (
    ACTIVE,
    ADMINISTRATOR,
    AccessTokenRecord,
    Activity,
    Approval,
    Authorization,
    Client,
    ClientSecret,
    Consent,
    Factors,
    Federation,
    IdentityProvider,
    InitialAccessToken,
    Invitation,
    Membership,
    OneTimeLink,
    Organisation,
    PendingRequest,
    Refusal,
    Ring,
    Session,
    Theme,
    User,
)
from authserver.scopes import ScopeCatalogue
from authserver.values import Scope


class AlreadyExists(Exception):
    """There is an item of that identity; `existing` is it, None if it cannot be read."""

    def __init__(self, existing: Authorization | None) -> None:
        super().__init__("already exists")
        self.existing = existing


class Refused(Exception):
    """The condition of a write did not hold. `existing` is the item as it was at that instant, None if absent."""

    def __init__(self, existing: Authorization | None) -> None:
        super().__init__("refused")
        self.existing = existing


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that decides whether a token still stands, from one read.

    `not_before` is the latest cutoff that touches its subject, its client, its organisation or two of them; whatever
    was issued at or before it is dead, and while one of them is suspended that is everything. `is_revoked` tells
    whether that one access token was revoked.
    """

    authorization: Authorization | None = None
    access_token: AccessTokenRecord | None = None
    not_before: int = 0
    is_revoked: bool = False
    organisation: Organisation | None = None
    membership: Membership | None = None

    def is_granted(self, authorization: Authorization) -> bool:
        """Whether the organisation is active, and who granted this for it is still in it, with the role it took.

        Read together with the authorization, so that no grant under way outruns the end of a membership.
        """
        if not authorization.organisation:
            return True
        if self.organisation is None or self.organisation.status != ACTIVE or self.membership is None:
            return False
        return not authorization.by_administrator or self.membership.role == ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class BrowserState:
    """What is known of a browser, from one read; expired items are still among them.

    `not_before` is the subject's latest cutoff, of everything or of sessions alone.
    """

    request: PendingRequest | None = None
    session: Session | None = None
    consent: Consent | None = None
    not_before: int = 0


@dataclass(frozen=True, slots=True)
class LinkState:
    """A one-time link, and the latest end of all that its subject had, from one read; a link that is over is there."""

    link: OneTimeLink | None = None
    not_before: int = 0


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list that people look at: eventually consistent, never for a decision. `next` begins the next."""

    items: tuple[T, ...]
    next: str | None = None


class BadCursor(ValueError):
    """The text that was to begin the next part of a list does not."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something may be tried: `free` times at once, and then each time after a pause, in seconds.

    The last of the `pauses` holds for all that follow.
    """

    free: int
    pauses: tuple[int, ...]

    def pause_after(self, attempts: int) -> int:
        """The pause before the next attempt."""
        return 0 if attempts < self.free else self.pauses[min(attempts - self.free, len(self.pauses) - 1)]


class ClientStore(Protocol):
    def get(self, client_id: str) -> Client | None:
        """The client, or None. `client_id` is text from outside."""

    def put(self, client: Client) -> None:
        """Registers or replaces a client, whatever is there."""

    def create(self, client: Client) -> bool:
        """Registers a client unless its identifier is taken; tells whether it did."""

    def replace(self, client: Client) -> bool:
        """Writes the client with the next version if what is stored has the version of `client`; tells whether."""

    def keep(self, client_id: str) -> None:
        """The registration is in use: it no longer expires, and has the next version, so that no change under way
        brings the end back. Nothing if there is no such client or it does not expire."""

    def delete(self, client_id: str) -> None:
        """Removes a client; idempotent."""

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        """Every client, or every one of an owner, oldest first. Raises `BadCursor`."""

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        """Replaces the client's secret at `position` if its imported hash is `old`; tells whether it was."""

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        """Notes that the secret at `position` was used, if it is made when `secret` was; tells whether it is."""


class UserStore(Protocol):
    def get(self, sub: str) -> User | None:
        """The user with this subject identifier."""

    def find(self, username: str) -> User | None:
        """The user with this login name, whatever its case or Unicode form."""

    def find_with_factors(self, username: str) -> tuple[User | None, Factors | None]:
        """The user with this login name, and what they have besides a password, in one read."""

    def get_with_factors(self, sub: str) -> tuple[User | None, Factors | None]:
        """The same for this subject identifier."""

    def create(self, user: User) -> bool:
        """Adds a user unless the login name or the subject is taken; tells whether it did.

        A user without a username has no login name.
        """

    def find_by_identity(self, issuer: str, subject: str) -> User | None:
        """The user whom this issuer knows by this subject."""

    def create_federated(self, user: User, issuer: str, subject: str, membership: Membership | None) -> bool:
        """Adds a user without a login name, known by this identity, and a member, unless somebody has the identity.

        Tells whether it did.
        """

    def link(self, sub: str, issuer: str, subject: str) -> bool:
        """Makes an identity the user's. False if there is no such user or the identity is somebody else's."""

    def update(self, sub: str, **changes: Any) -> User | None:
        """Sets fields of a user, any but `sub` and `username`, in one write; the user as it is now, None if absent.

        Raises `ValueError` on none, and on any other.
        """

    def rehash(self, sub: str, old: str, new: str) -> bool:
        """Replaces the user's password hash if it is `old`; tells whether it was."""

    def reset_password(self, sub: str, password_hash: str, address: str) -> bool:
        """Sets the password of a user whose e-mail address is `address`, which is verified by that; tells whether."""

    def confirm_email(self, sub: str, address: str) -> bool:
        """Makes `address` the user's verified one, if it is the one that the user wants, or made it so before."""

    def delete(self, sub: str) -> None:
        """Removes a user with the login name, the identities and the factors; idempotent."""

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Every user, oldest first. Raises `BadCursor`."""


class FactorStore(Protocol):
    """What users prove who they are with, beyond a password.

    One that is stored but cannot be read is never taken for none: that raises `TemporarilyUnavailable`.
    """

    def get(self, subject_key: str) -> Factors | None:
        """The factors of the user whose `tokens.opaque.key_of` this is, in base64url; text from outside."""

    def replace(self, factors: Factors) -> bool:
        """Writes the factors, with the next version, if what is stored has their version (0: none); tells whether.

        The retry of a write whose answer was lost finds what it wrote, and is true.
        """

    def remove(self, sub: str) -> None:
        """Takes all the factors of a user away, whatever they are by now; idempotent."""

    def use_totp_step(self, factors: Factors, step: int, claim: str) -> bool:
        """Takes the code of a time step, once: RFC 6238 section 5.2. Tells whether it may be taken.

        Condition: nothing was changed since `factors` were read, and no code of this or a later step was taken, or
        this one was by this very `claim` (the retry of a write whose answer was lost).
        """

    def spend_recovery_code(self, factors: Factors, code_hash: str, claim: str) -> bool:
        """Takes a recovery code, once; tells whether it may be taken.

        Condition: it is there and nothing was changed since, or it was taken by this very `claim`.
        """

    def note_passkey_use(self, factors: Factors, passkey_id: bytes, sign_count: int, claim: str, now: int) -> bool:
        """Notes that a passkey was used; tells whether it may be: WebAuthn section 7.2, step 22.

        Condition: the passkey is there, and `sign_count` is greater than what was noted or both are 0, or this very
        `claim` has noted it.
        """


class OrganisationStore(Protocol):
    def get(self, organisation: str) -> Organisation | None:
        """The organisation of this identifier, which is text from outside."""

    def get_all(self, organisations: Iterable[str]) -> dict[str, Organisation]:
        """Those that there are, by identifier, in one read."""

    def create(self, organisation: Organisation) -> bool:
        """Adds an organisation unless its identifier is taken; tells whether it did."""

    def update(self, organisation: str, **changes: Any) -> Organisation | None:
        """Sets `name` or `status` in one write; the organisation as it is now, None if absent."""

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        """Adds or renames a company. False if there is no such organisation or it has `bound` companies already."""

    def drop_company(self, organisation: str, company: str) -> bool:
        """Takes a company out; tells whether it was there."""

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        """Every organisation, oldest first. Raises `BadCursor`."""

    def membership(self, organisation: str, subject: str) -> Membership | None:
        """The user's part in the organisation."""

    def put_membership(self, membership: Membership) -> None:
        """Makes a user a member, or changes the role."""

    def delete_membership(self, organisation: str, subject: str) -> None:
        """Ends a membership; idempotent."""

    def change_role(self, organisation: str, subject: str, role: str, witness: str) -> bool:
        """Changes a member's role in one write, while `witness`, somebody else, is an administrator; tells whether.

        So there is always one left, whoever changes what at the same time. False also if there is no such member.
        """

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        """Ends a membership in one write, while `witness`, somebody else, is an administrator; tells whether.

        Idempotent. Whoever is no administrator needs no witness: an empty one.
        """

    def invite(self, invitation: Invitation) -> None:
        """Offers a membership, in place of what was offered under the same identifier before."""

    def invitation(self, invitation_id: str) -> Invitation | None:
        """The invitation of this identifier, which is text from outside."""

    def accept_invitation(self, invitation: Invitation, subject: str, now: int) -> bool:
        """Makes the subject a member and spends the invitation, in one write; tells whether.

        Condition: it is stored as it is here and has not expired, who sent it is an administrator, and the subject is
        no member.
        """

    def withdraw_invitation(self, invitation_id: str) -> None:
        """Removes an invitation; idempotent."""

    def invitations_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        """What the organisation offered, oldest first; expired ones among them. Raises `BadCursor`."""

    def invitations_for(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        """What is offered to whoever has this name, oldest first; expired ones among them. Raises `BadCursor`."""

    def memberships_of(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        """The user's memberships, oldest first. Raises `BadCursor`."""

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        """The organisation's members, oldest first. Raises `BadCursor`."""


class ConfigurationStore(Protocol):
    def scopes(self) -> ScopeCatalogue | None:
        """The catalogue that an operator has stored, or None."""

    def put_scopes(self, catalogue: ScopeCatalogue) -> bool:
        """Writes the catalogue, with the next version, if what is stored has its version (0: none); tells whether."""

    def theme(self) -> Theme | None:
        """The theme that an operator has stored, or None."""

    def put_theme(self, theme: Theme) -> bool:
        """Writes the theme, with the next version, if what is stored has its version (0: none); tells whether."""

    def delete_theme(self) -> None:
        """Removes the theme; idempotent."""


# What an organisation may come to change of its own provider.
PROVIDER_FIELDS = frozenset(
    {
        *("name", "issuer", "client_id", "client_secret", "token_endpoint_auth_method"),
        *("sign_up", "trusts_email", "shown", "status"),
    }
)


class IdentityProviderStore(Protocol):
    def get(self, provider_id: str) -> IdentityProvider | None:
        """The identity provider of this identifier, which is text from outside."""

    def by_domain(self, domain: str) -> IdentityProvider | None:
        """The one that whoever has an e-mail address in this domain belongs to; text from outside."""

    def put(self, provider: IdentityProvider) -> bool:
        """Adds or replaces a provider with all its domains. False, and nothing is changed, if another has one."""

    def change(self, provider_id: str, organisation: str, issued_by: str, **changes: Any) -> IdentityProvider | None:
        """Sets fields of a provider of `organisation` whose issuer is `issued_by` still, in one write; it as it is now.

        None if there is none such. `PROVIDER_FIELDS` can be set; raises `ValueError` on none, and on any other.
        """

    def delete(self, provider_id: str) -> None:
        """Removes a provider and frees its domains; idempotent."""

    def list(self) -> tuple[IdentityProvider, ...]:
        """Every provider, oldest first: eventually consistent, for people to choose from; it decides nothing."""


class KeyStore(Protocol):
    def get(self, name: str) -> Ring | None:
        """The ring of this name."""

    def put(self, ring: Ring) -> bool:
        """Writes `ring` if its version is the successor of what is stored (1 of nothing); tells whether it did."""


class TokenStore(Protocol):
    # -- authorizations

    def create(self, authorization: Authorization) -> None:
        """Puts a new authorization. Raises `AlreadyExists` rather than overwrite."""

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        """Spends the code and sets how long the authorization lives: RFC 6749 section 4.1.2.

        Condition: the hash is equal, the code has not expired, nothing is revoked, and it was not redeemed, or was
        by this very `claim` (the retry of a write whose answer was lost). Raises `Refused` with the item.
        """

    def rotate(
        self,
        authorization_id: str,
        generation: int,
        claim: str,
        now: int,
        idle_expires_at: int,
        expired_revocations: frozenset[str],
    ) -> None:
        """Replaces refresh token `generation` by its successor: RFC 9700 section 4.14.2.

        Condition: the generation is equal, nothing is revoked, neither lifetime is over. `expired_revocations` are
        dropped from the noted access tokens in the same write. Raises `Refused` with the item.
        """

    def revoke(self, authorization_id: str, now: int, client_id: str | None = None) -> bool:
        """Revokes for good, if it exists and (where given) belongs to `client_id`; idempotent; tells whether."""

    def revoke_access_token(self, authorization_id: str, client_id: str, entry: str, bound: int) -> bool:
        """Notes one access token (``<expires_at>.<jti>``) as revoked in its authorization.

        False when the authorization is missing, another client's, or already notes `bound` tokens.
        """

    def find(self, authorization_id: str) -> Authorization | None:
        """The authorization of this identifier, which is text from outside."""

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str] | None = None,
    ) -> Authorization | None:
        """Changes the companies that an authorization of `organisation` reaches; it as it is now.

        None if there is none such, it is revoked, or it reaches others than it `was` believed to.
        """

    def authorizations(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Authorization]:
        """Those of a subject, of a client or of an organisation (exactly one is given), oldest first.

        Raises `BadCursor`. Revoked and expired ones are among them.
        """

    def latest_authorizations(
        self, client_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Authorization]:
        """The same of a client, newest first."""

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        """Stores an opaque access token."""

    def put_revoked(self, jti: str, expires_at: int) -> None:
        """Notes an access token without an authorization as revoked, for as long as it would have lived."""

    def standing(
        self,
        *,
        subject_key: str,
        client_key: str,
        organisation_key: str = "",
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
    ) -> Standing:
        """All that decides whether a token stands, in one read.

        The keys are `tokens.opaque.key_of` the subject, the client and the organisation, in base64url.
        """

    def cut_off(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        not_before: int,
        expires_at: int,
    ) -> None:
        """Ends everything issued until `not_before` for one of the three, or for a pair of them."""

    def suspend(
        self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
    ) -> None:
        """From now on nothing issued for it stands, whenever it was or will be issued; until `resume`."""

    def is_suspended(self, *, subject: str | None = None, client_id: str | None = None) -> bool:
        """Whether the subject or the client (one of them is given) is suspended: disabled, or gone for good."""

    def resume(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        now: int,
        expires_at: int,
    ) -> None:
        """Ends a suspension: what was issued until `now` stays dead, as after `cut_off`. Nothing if there is none."""

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        """Lets its bearer register clients."""

    def spend_initial_access_token(self, token_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        """Takes one use of the token; tells whether there was one.

        Condition: the hash is equal, a use remains, it has not expired; or this very `claim` has taken the last use.
        """


class BrowserStore(Protocol):
    # -- requests, sessions, consents

    def put_request(self, request: PendingRequest) -> None:
        """Holds an authorization request while its user signs in and consents."""

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        """Records the user's answer. False if it expired, vanished or was answered differently before."""

    def note_password(self, request_id: str, subject: str, now: int) -> bool:
        """Notes whose password was typed for a request, in place of any before. False if it expired or vanished."""

    def put_session(self, session: Session) -> None:
        """Signs a browser in."""

    def delete_session(self, session_id: str) -> None:
        """Signs a browser out; idempotent."""

    def end_sessions(self, subject: str, *, not_before: int, expires_at: int) -> None:
        """Signs every browser of the subject out that signed in until `not_before`; applications stay connected."""

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        """The subject's sessions, oldest first; expired ones are among them. Raises `BadCursor`."""

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        """What is known of a browser, in one read. The consent is that of `subject_key` to `client_key`."""

    def remember_consent(
        self,
        subject: str,
        client_id: str,
        registered_at: int,
        scope: Scope,
        resource: frozenset[str],
        now: int,
        expires_at: int,
        declined: Scope = Scope(),
    ) -> None:
        """Adds to what the subject has allowed the client, and to what they have `declined`, which is none of `scope`.

        What is allowed now is declined no more, and the other way round. What has expired, or was another client's, is
        replaced.
        """

    def forget_consent(self, subject: str, client_id: str) -> None:
        """The subject is asked again; idempotent."""

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        """Asks an administrator, in place of what the same member asked for the same client before."""

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        """What the member asked for."""

    def answer_approval(self, approval: Approval, decision: str, by: str, now: int, expires_at: int) -> bool:
        """Records an administrator's answer to what `approval` asks. False if it was changed, answered or is over."""

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        """What was asked in an organisation, oldest first; answered and expired ones among them. Raises `BadCursor`."""

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        """Notes that a browser goes to an identity provider."""

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, claim: str, now: int
    ) -> Federation | None:
        """Takes the one answer that a sign-in at a provider may have; the record, None if it must not be taken.

        Condition: it is of this request and this provider, it has not expired, and nobody took its answer, or this
        very `claim` did (the retry of a write whose answer was lost).
        """

    # -- links in mails

    def put_link(self, link: OneTimeLink) -> bool:
        """Stores a link, in place of one of its identifier; False if that one was spent."""

    def link(self, link_id: str, subject_key: str) -> LinkState:
        """The link, and what may have ended it, in one read."""

    def spend_link(self, link_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        """Uses a link; tells whether it may be used.

        Condition: the hash is equal, it has not expired, and nobody used it, or this very `claim` did.
        """


class JournalStore(Protocol):
    # -- activity

    def note_activity(self, activity: Activity) -> None:
        """Keeps what happened to a user's account."""

    def activities(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Activity]:
        """What happened to the subject's account, the newest first, unlike other lists. Raises `BadCursor`."""

    # -- what developers are told

    def note_refusal(self, client_id: str, refusal: Refusal, bound: int, expires_at: int) -> bool:
        """Adds one refusal of a client's to those of its day, as the last of its kind; tells whether it did.

        Condition: the day has fewer than `bound`.
        """

    def refusals(self, client_id: str, days: Iterable[int]) -> tuple[Refusal, ...]:
        """What the client was refused on these days, in one read."""


class CounterStore(Protocol):
    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        """Marks `identifier`, which is ours and random, as used until `expires_at`; tells whether it was not before.

        The mark of this very `claim` does not count (the retry of a write whose answer was lost).
        """

    # -- throttles

    def attempt(self, name: str, window_start: int, pace: Pace, now: int, expires_at: int) -> int:
        """Counts an attempt at `name` in this window if it comes when `pace` lets it: 0; else how many seconds to wait.

        One write, so that of attempts at once each meets what the one before left. What is refused is not counted.
        """

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        """Adds `amount` to the counter of `name` in this window; its new value."""
