"""Signing out: OpenID Connect RP-Initiated Logout 1.0."""

from collections.abc import Mapping
from dataclasses import field

from authserver.errors import OAuthError
from authserver.models.clients import Client
from authserver.records import dataclass
from authserver.values import RedirectUri


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """OpenID Connect RP-Initiated Logout 1.0 section 2; not yet validated.

    `csrf` comes with a form of ours alone. `is_ambiguous`: a parameter came more than once. `is_own_pages`: a page of
    this origin asks, at the path of PlaceOS.
    """

    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    session: str | None = field(default=None, repr=False)
    is_form: bool = False
    csrf: str | None = field(default=None, repr=False)
    is_ambiguous: bool = False
    is_own_pages: bool = False

    @property
    def ui_locales(self) -> str:
        """The languages that the client wants the pages in, the best first."""
        return self.parameters.get("ui_locales", "")


@dataclass(frozen=True, slots=True)
class PostLogoutTarget:
    """Where a browser may be sent after signing out: what a client registered, or where a `Continuation` leads.

    Only `endpoints.browsers.logout.resolve_post_logout_redirect` makes one.
    """

    uri: RedirectUri
    state: str | None = None


@dataclass(frozen=True, slots=True)
class GoToLogout:
    """Send the browser to the sign-out page by a link, with what a form from elsewhere had."""

    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogoutPage:
    """Asks whether to sign out. `client` is the client that asks, None if the request names none; `flaw` is what is
    wrong with the request."""

    csrf: str = field(repr=False)
    account: str
    client: Client | None
    target: PostLogoutTarget | None
    ui_locales: str = ""
    flaw: OAuthError | None = None


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The browser is signed out. `goes_back`: it continues to the target, if there is one, at once.

    `ends_cookie`: the browser sent a session cookie. `flaw` is what is wrong with the request, which therefore leads
    nowhere.
    """

    client: Client | None
    target: PostLogoutTarget | None
    goes_back: bool
    ends_cookie: bool
    ui_locales: str = ""
    flaw: OAuthError | None = None
