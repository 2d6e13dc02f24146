"""Messages of a browser while a request is in progress: forms, pages, and redirects."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from authserver.messages.authorization import AuthorizationResponse
from authserver.models.clients import Client
from authserver.models.configuration import IdentityProvider
from authserver.models.invitations import Approval
from authserver.models.organisations import Organisation
from authserver.records import dataclass
from authserver.scopes import ScopeDefinition
from authserver.values import RedirectUri, Secret

REQUEST_LIFETIME = 600  # seconds in which a user may sign in and consent; of the cookie and of the record


@dataclass(frozen=True, slots=True)
class Interaction:
    """What a browser brings to the sign-in and consent pages; `organisation` is the one chosen so far.

    `source` is the address that API Gateway saw, `device` what the browser says that it is. `another` account than the
    one that is signed in is wanted.
    """

    request_handle: str = ""
    browser_secret: str = field(default="", repr=False)
    session: str | None = field(default=None, repr=False)
    organisation: str = ""
    source: str = field(default="", kw_only=True)
    device: str = field(default="", kw_only=True)
    another: bool = field(default=False, kw_only=True)
    device_cookie: str | None = field(default=None, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class LoginForm(Interaction):
    """The sign-in form, posted. `action` says what to do instead: continue as the signed-in user, or go back."""

    csrf: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: Secret = Secret("")
    action: str = ""


@dataclass(frozen=True, slots=True)
class CodeForm(Interaction):
    """The form for the code of an authenticator app, or a recovery code instead of it, posted."""

    csrf: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    recovery_code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyForm(Interaction):
    """What an authenticator answered, posted: the JSON form of WebAuthn's PublicKeyCredential."""

    csrf: str = field(default="", repr=False)
    credential: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ConsentForm(Interaction):
    """The consent form, posted."""

    csrf: str = field(default="", repr=False)
    decision: str = ""
    entities: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()  # the optional scopes whose boxes are ticked
    shown: str = ""


@dataclass(frozen=True, slots=True)
class DeviceForm(Interaction):
    """What a browser sends to the pages of a device's user: a code that was typed, or the answer to whether the user
    started the device. `is_link`: the code comes from a link instead of a form of this server, and any page can make a
    browser follow one."""

    csrf: str = field(default="", repr=False)
    user_code: str = field(default="", repr=False)
    action: str = ""
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class FederationForm(Interaction):
    """The choice of an identity provider on the sign-in page, posted: one by name, or the one of an e-mail address."""

    csrf: str = field(default="", repr=False)
    provider: str = ""
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FederationResponse(Interaction):
    """What a browser brings back from an identity provider: RFC 6749 section 4.1.2, RFC 9207 section 2.

    `provider` is the one whose redirect URI was called; or else `callback` is the path, at which another system's was
    called. `browser_secret` is that of the request that `state` names, and
    `request_id` API Gateway's identifier of this one.
    """

    provider: str = ""
    callback: str | None = None
    state: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    error: str = field(default="", repr=False)
    issuer: str | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class GoToProvider:
    """Send the browser to the authorization endpoint of an identity provider."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FederationProblem:
    """Signing in at an identity provider came to nothing; `back` is the sign-in page of the pending request."""

    what: str
    advice: str
    back: str = field(repr=False)
    status: int
    reason: str  # for the log


@dataclass(frozen=True, slots=True)
class Continuation:
    """The address of a browser after signing in or out: a path of this origin, or an address of a listed site.

    Only `endpoints.browsers.continuation.resolve_continue` creates one.
    """

    address: str


@dataclass(frozen=True, slots=True)
class SignInVisit:
    """A page has its user sign in, in PlaceOS's way, and then `continues`; `strategy` is PlaceOS's name of the identity
    provider to do so at. `is_own_pages`: the browser says that a page of this origin led here (Fetch Metadata)."""

    continues: str = ""
    strategy: str = ""
    session: str | None = field(default=None, repr=False)
    is_own_pages: bool = False


@dataclass(frozen=True, slots=True)
class AuthorityRequest:
    """What a page asks of the server that it signs its users in at, in PlaceOS's way.

    `bearer` is its access token, if it sent one; `origin` is that of the page, if its browser says so.
    """

    session: str | None = field(default=None, repr=False)
    bearer: str = field(default="", repr=False)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class SignInByScript:
    """What a page's own sign-in form has, sent by a script of that page, whose `origin` its browser tells."""

    username: str
    password: Secret
    continues: str
    origin: str
    source: str = ""
    session: str | None = field(default=None, repr=False)
    device: str = ""
    device_cookie: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GoTo:
    """Send the browser to another page: the sign-in or consent page of a pending request, or one without a request; or
    to where a `Continuation` leads.

    `browser_secret` becomes the cookie that binds the request to this browser, `session` the one that signs it in,
    `device_cookie` the one by which it is known afterwards.
    `done` tells the page what was done, `after` which part of a list it is about, `ui_locales` in which language.
    `held_link` is a link out of a mail, which the browser keeps until its user has signed in: what is in one is stored
    nowhere here.
    """

    page: str
    request_handle: str = ""
    browser_secret: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    session_lifetime: int = 0
    done: str = ""
    after: str = ""
    ui_locales: str = ""
    device_cookie: str | None = field(default=None, repr=False)
    held_link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The sign-in page. `problem` is a sentence for the user, empty at first.

    `providers` have a button each; `asks_email` says whether an e-mail address leads to further ones, and `takes_email`
    whether an address may be typed as a name at all. Without a `client`, a page of this server requires the sign-in.
    `passkey` are the options by which the browser asks for one, empty if none can be used; `reason` is for the log, if
    one was refused. `account` and `name` are of the signed-in user, who may continue by a form with
    `continue_csrf`, or else has to sign in again.
    """

    request_handle: str
    csrf: str = field(repr=False)
    client: Client | None
    username: str = ""
    problem: str = ""
    status: int = 200
    retry_after: int | None = None
    providers: tuple[IdentityProvider, ...] = ()
    asks_email: bool = False
    takes_email: bool = False
    recovers: bool = False  # whether a forgotten password can be replaced
    ui_locales: str = ""
    passkey: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reason: str = ""
    account: str = ""
    name: str = ""
    continue_csrf: str = field(default="", repr=False)
    may_cancel: bool = False

    @property
    def may_continue(self) -> bool:
        """Whether the present session is sufficient."""
        return bool(self.continue_csrf)


@dataclass(frozen=True, slots=True)
class CodePage:
    """The page that asks for a second factor. `problem` is a sentence for the user, empty at first."""

    request_handle: str
    csrf: str = field(repr=False)
    client: Client | None
    account: str
    problem: str = ""
    status: int = 200
    retry_after: int | None = None
    has_recovery_codes: bool = True
    ui_locales: str = ""


@dataclass(frozen=True, slots=True)
class OrganisationOffer:
    """What a user can choose at consent: first an organisation, then companies of the `chosen` one."""

    organisations: tuple[Organisation, ...]
    chosen: Organisation | None
    companies: Mapping[str, str]
    is_administrator: bool
    one_company: bool
    every: bool  # whether every company can be chosen at once
    most: int  # how many can be chosen by name


@dataclass(frozen=True, slots=True)
class Permission:
    """A scope as the consent page shows it. `optional`: the user may leave it out, and has not if it is `chosen`.

    `is_new`: the client has other scopes already, and not this one. `needs_approval`: this user cannot allow it alone.
    """

    scope: ScopeDefinition
    optional: bool = False
    chosen: bool = True
    is_new: bool = False
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """The consent page. The answer goes to `redirect`, or to a device if that is None. `lifetime` is how long access
    lasts, in seconds; `problem` a sentence for the user.

    `beyond` says what the client cannot do. `account` and `name` are of the user who is signed in, and `another_may`
    says that another user may answer instead. The answer is remembered until `remembered_until`, 0 if it is not.
    `needs_approval` says that the user cannot allow this alone, whatever is chosen; `asked` is the user's earlier
    question to an administrator for this client, if it is open or was denied; `entities` are the companies that are
    chosen so far.
    """

    request_handle: str
    csrf: str = field(repr=False)
    client: Client
    redirect: RedirectUri | None
    permissions: tuple[Permission, ...]
    account: str
    lifetime: int
    name: str = ""
    another_may: bool = True
    beyond: tuple[str, ...] = ()
    remembered_until: int = 0
    offer: OrganisationOffer | None = None
    entities: frozenset[str] = frozenset()
    needs_approval: bool = False
    asked: Approval | None = None
    problem: str = ""
    shown: str = ""  # stands for what the page says; the form brings it back
    ui_locales: str = ""


@dataclass(frozen=True, slots=True)
class DeviceAnswered:
    """The device has its answer and fetches it by itself, so its user may go back to it. `is_too_late`: the device was
    answered before, or does not wait any more, so this answer changed nothing."""

    client: Client
    is_allowed: bool
    ui_locales: str = ""
    is_too_late: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """An administrator was asked; `back` is the answer that the client gets meanwhile."""

    client: Client
    organisation: Organisation
    back: AuthorizationResponse | DeviceAnswered
    ui_locales: str = ""
