"""What is said: requests as they were parsed, and answers before they are rendered.

Requests hide their values in repr: most of them are credentials.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authserver.ends import Begun
from authserver.models import Approval, Client, IdentityProvider, Organisation, Session
from authserver.scopes import ScopeDefinition
from authserver.values import CodeChallenge, RedirectUri, Scope, Secret

REQUEST_LIFETIME = 600  # seconds in which a user may sign in and consent; of the cookie and of the record

# ------------------------------------------------------------------ spoken by clients at the back channel


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A form that a client posted, each parameter once (`resource` may repeat, RFC 8707 section 2).

    `source` is the address that API Gateway saw, `reference` what finds the request in the logs.
    """

    parameters: Mapping[str, str] = field(repr=False)
    resource: tuple[str, ...] = ()
    authorization: str | None = field(default=None, repr=False)
    source: str = field(default="", kw_only=True)
    reference: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class TokenRequest(ClientRequest):
    """RFC 6749 section 4.1.3 and its like."""

    grant_type: str = ""


@dataclass(frozen=True, slots=True)
class TokenPresented(ClientRequest):
    """A request about a token: revocation (RFC 7009 section 2.1) or introspection (RFC 7662 section 2.1)."""

    token: Secret = Secret("")


@dataclass(frozen=True, slots=True)
class PresentedSecret:
    """The client identifier and secret that a request carries, by one authentication method, and where it is from."""

    client_id: str
    secret: Secret | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """RFC 6749 section 5.1. `expires_in` is in seconds."""

    access_token: Secret
    expires_in: int
    scope: Scope
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    authorization_details: tuple[Mapping[str, Any], ...] = ()  # as granted, where they were asked for (RFC 9396)

    def members(self) -> dict[str, Any]:
        """The JSON members of the answer. `scope` is always told: it may differ from what was asked (section 3.3)."""
        members: dict[str, Any] = {
            "access_token": self.access_token.reveal(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": str(self.scope),
        }
        if self.refresh_token:
            members["refresh_token"] = self.refresh_token.reveal()
        if self.id_token:
            members["id_token"] = self.id_token.reveal()
        if self.authorization_details:
            members["authorization_details"] = list(self.authorization_details)
        return members


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object that is an answer in itself: introspection, userinfo, metadata, revocation's empty one."""

    content: Mapping[str, Any] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        return dict(self.content)


# ------------------------------------------------------------------ spoken through the browser


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1; not yet validated.

    `repeated` names the parameters that came more than once, which is an error to be told by redirect where there
    is a redirect target. `reference` finds the request in the logs.
    """

    parameters: Mapping[str, str] = field(repr=False)
    resource: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    session: str | None = field(default=None, repr=False)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """Where an answer may be sent. Only `endpoints.redirection.resolve_redirect` makes one."""

    uri: RedirectUri
    response_mode: str = "query"
    state: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationDetails:
    """What a request asks for by ``authorization_details`` (RFC 9396 section 2): an organisation, or any, and some of
    its companies, or any.
    """

    organisation: str = ""
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The organisation and companies that a user chose for a client; none for a client that acts for users.

    `by_administrator`: what was chosen took an administrator's word, and the user is one. `declined` is what the user
    left out of the scope that was asked for. `under` are the epochs of all that decided the choice.
    """

    organisation: str = ""
    entities: frozenset[str] = frozenset()
    by_administrator: bool = False
    declined: Scope = Scope()
    under: Begun = Begun()


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a user allowed, by the session that decided it, for which organisation and companies.

    `random` (16 octets) and `salt` make the authorization, so that one consent, submitted twice, gives one answer.
    """

    session: Session
    random: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    choice: Choice = Choice()


@dataclass(frozen=True, slots=True)
class ValidatedAuthorizationRequest:
    """A request that obeys every rule. Only `endpoints.validation.validate` makes one."""

    client: Client
    redirect: RedirectTarget
    response_type: str
    redirect_uri_sent: str | None
    scope: Scope
    resource: tuple[str, ...]
    code_challenge: CodeChallenge | None
    nonce: str | None
    prompt: frozenset[str]
    max_age: int | None
    login_hint: str | None
    subject_hint: str | None  # the subject of a valid id_token_hint
    details: AuthorizationDetails | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """An answer to the client through the browser: RFC 6749 sections 4.1.2 and 4.2.2, RFC 9207's `iss` among it."""

    target: RedirectTarget
    parameters: Mapping[str, str] = field(repr=False)
    reason: str = "ok"  # for the log


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
    """The sign-in form, posted. `action` says what to do instead: go on as who is signed in, or go back."""

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
class FederationForm(Interaction):
    """The choice of an identity provider on the sign-in page, posted: one by name, or the one of an e-mail address."""

    csrf: str = field(default="", repr=False)
    provider: str = ""
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FederationResponse(Interaction):
    """What a browser brings back from an identity provider: RFC 6749 section 4.1.2, RFC 9207 section 2.

    `provider` is the one whose redirect URI was called. `browser_secret` is that of the request that `state` names.
    """

    provider: str = ""
    state: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    error: str = field(default="", repr=False)
    issuer: str | None = None


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
class GoTo:
    """Send the browser to another page: the sign-in or consent page of a pending request, or one without a request.

    `browser_secret` becomes the cookie that binds the request to this browser, `session` the one that signs it in,
    `device_cookie` the one by which it is known afterwards.
    `base` is what the page is below, where that is not where the browser is. `done` tells the page what was done,
    `ui_locales` in which language. `held_link` is a link out of a mail, which the browser keeps until its user has
    signed in: what is in one is stored nowhere here.
    """

    page: str
    request_handle: str = ""
    browser_secret: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    session_lifetime: int = 0
    base: str = ""
    done: str = ""
    ui_locales: str = ""
    device_cookie: str | None = field(default=None, repr=False)
    held_link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The sign-in page. `problem` is a sentence for the user, empty at first.

    `providers` have a button each; `asks_email` tells whether there are some that an e-mail address leads to. Without
    a `client`, a page of ours wants to know who is there. `passkey` are the options by which the browser asks for one,
    empty where none can be; `reason` is for the log, where one was refused. `account` and `name` are of whoever is
    signed in already: who may go on as that by a form with `continue_csrf`, or else has to sign in again.
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
        """Whether the session that there is would do."""
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
    """The consent page. `lifetime` is how long access lasts, in seconds; `problem` a sentence for the user.

    `beyond` says what the client cannot do with all this. `account` and `name` tell who is signed in, `another_may`
    that somebody else may answer instead. An answer that is remembered is so until `remembered_until`, else 0.
    `needs_approval` tells that the user cannot allow this alone, whatever is chosen; `asked` is what the user asked an
    administrator for this client before, if that waits or was denied; `entities` are the companies that are chosen so
    far.
    """

    request_handle: str
    csrf: str = field(repr=False)
    client: Client
    redirect: RedirectUri
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
class ApprovalAsked:
    """An administrator has been asked; `back` is the answer that the client gets meanwhile."""

    client: Client
    organisation: Organisation
    back: AuthorizationResponse
    ui_locales: str = ""


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """OpenID Connect RP-Initiated Logout 1.0 section 2; not yet validated. `csrf` comes with a form of ours alone."""

    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    session: str | None = field(default=None, repr=False)
    is_form: bool = False
    csrf: str | None = field(default=None, repr=False)

    @property
    def ui_locales(self) -> str:
        """The languages that the client wants the pages in, the best first."""
        return self.parameters.get("ui_locales", "")


@dataclass(frozen=True, slots=True)
class PostLogoutTarget:
    """Where a browser may be sent after signing out. Only `endpoints.logout.resolve_post_logout_redirect` makes one."""

    uri: RedirectUri
    state: str | None = None


@dataclass(frozen=True, slots=True)
class GoToLogout:
    """Send the browser to the sign-out page by a link, with what a form from elsewhere had."""

    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogoutPage:
    """Asks whether to sign out. `client` is who wants it, None if nobody said."""

    csrf: str = field(repr=False)
    account: str
    client: Client | None
    target: PostLogoutTarget | None
    ui_locales: str = ""


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Nobody is signed in in this browser any more. `goes_back`: on to the target, where there is one, at once.

    `ends_cookie`: the browser brought one.
    """

    client: Client | None
    target: PostLogoutTarget | None
    goes_back: bool
    ends_cookie: bool
    ui_locales: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for one of our own pages, or a form of one.

    `route` is ``/path/{parameter}``, `path` what it is with its parameters in it, without a slash in front. `form` has
    each field's values. `languages` are those that the browser prefers (RFC 9110 section 12.5.4). `held_link` is what
    the browser keeps by `GoTo.held_link`.
    """

    method: str
    route: str
    path: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    session: str | None = field(default=None, repr=False)
    source: str = ""
    device: str = ""
    device_cookie: str | None = field(default=None, repr=False)
    languages: str = ""
    held_link: str = field(default="", repr=False)

    def entered(self, name: str) -> str:
        """The one value of a field of the form; empty if it is not there."""
        return self.form.get(name, ("",))[0]


@dataclass(frozen=True, slots=True)
class View:
    """One of our own pages: a template, and what it tells. `session` signs the browser in anew; `calls` is an address
    beside ours that its scripts may call.
    """

    template: str
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int = 200
    reason: str = "page"
    session: str | None = field(default=None, repr=False)
    session_lifetime: int = 0
    calls: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the browser is to keep, instead of a page."""

    name: str
    media_type: str
    content: str = field(repr=False)


# ------------------------------------------------------------------ spoken by mail

PASSWORD_RESET, EMAIL_VERIFICATION = "password_reset", "email_verification"
PASSWORD_CHANGED, FACTORS_CHANGED, EMAIL_CHANGED = "password_changed", "factors_changed", "email_changed"
CHANGED_BY_OPERATOR, ACCOUNT_DELETED = "changed_by_operator", "account_deleted"


@dataclass(frozen=True, slots=True)
class MailOrder:
    """What a page asks to be sent, without knowing whether there is anybody to send it to.

    `kind` says what, `username` or `subject` to whom, `address` where to, if not to the one that the user has. Of an
    account that was deleted, the username and the address are all that is known. `issuer` is where the page is,
    `ordered_at` when that was, `begun` and `sessions` the epochs of whoever it is for, as the page read them,
    `languages` what its reader prefers (RFC 9110 section 12.5.4). The link in a mail is made of the order's `id`, so
    that an order carried out twice gives the same link. `what` is what an operator did, a kind of `identity.activity`,
    and `about` what it was about.
    """

    kind: str
    id: str
    issuer: str
    ordered_at: int
    username: str = field(default="", repr=False)
    subject: str = ""
    address: str = field(default="", repr=False)
    languages: str = ""
    begun: Begun = Begun()
    sessions: int | None = None
    what: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is rendered. `link` is what it leads to; `username` tells which account it is about, `service`
    and `issuer` where that is, `what` and `about` what an operator did.
    """

    kind: str
    to: str = field(repr=False)
    username: str = field(repr=False)
    service: str
    issuer: str
    languages: str = ""
    link: str = field(default="", repr=False)
    lifetime: int = 0  # of the link, in seconds
    what: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class NoLetter:
    """An order that nobody gets a mail for; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Erasing:
    """What became of one run of the work that deletions leave: how many items were erased, how many erasures are
    finished now and how many are not. `failure` is what first kept it from one of them; it went on with the others.
    """

    erased: int = 0
    finished: int = 0
    open: int = 0
    failure: Exception | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is sent: one subject, one text in two forms."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


# ------------------------------------------------------------------ spoken at the resource server


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A call to a protected route, as the authorizer sees it.

    `audience` is the resource identifier of the API that is called; `route` is ``METHOD /path`` as the API's own
    definition writes it.
    """

    authorization: str | None = field(repr=False)
    query_tokens: tuple[str, ...] = field(repr=False)
    route: str = ""
    audience: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActiveAccessToken:
    """An access token that was verified and is not revoked: RFC 9068 section 2.2's claims.

    `entities` are the companies of `organisation` that it reaches now; `every_entity` tells that those to come are too.
    """

    client_id: str
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    jti: str
    issued_at: int
    expires_at: int
    authorization_id: str | None = None
    auth_time: int | None = None
    organisation: str = ""
    entities: tuple[str, ...] = ()
    every_entity: bool = False
    details_requested: bool = False
