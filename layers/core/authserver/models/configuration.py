"""The configuration that operators store: identity providers, and how the pages look."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from authserver.models import ACTIVE
from authserver.records import dataclass
from authserver.values import Scope

ANY_DOMAIN: Literal["*"] = "*"  # of e-mail addresses
CALLBACK = "/auth/oauth2/callback"  # where PlaceOS has users come back from providers; a strategy may follow


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID Provider that users may sign in through. This server is a client of it.

    `client_secret` is wrapped: only a key service can open it. `claims` maps this server's claims (``name``, ``email``,
    ``email_verified``, ``preferred_username``) to the provider's, where the names differ. Users with an address in one
    of `domains` are sent to it. `sign_up` creates an account for a user who comes for the first time, and a membership
    in `organisation`, if there is one. `trusts_email` says whether its statement that an address is verified counts:
    True for addresses in its own `domains`, `ANY_DOMAIN` for every address. `shown` says whether every sign-in page has
    a button for it. `callback_path` is the path, with its query if it has one, of the redirect URI that the provider
    has from another system (`CALLBACK`); empty, it has this server's own. `made_by` stands for the Idempotency-Key of
    the call that added it. `epoch` is another one when a provider of the same `id` is added again, and when it gets
    another issuer. `version` increases by one with each write, which is conditional on it.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: bytes = field(default=b"", repr=False)
    token_endpoint_auth_method: str = "client_secret_basic"
    scope: Scope = Scope(("openid", "profile", "email"))
    claims: Mapping[str, str] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    organisation: str = ""
    sign_up: bool = False
    trusts_email: bool | Literal["*"] = False
    shown: bool = True
    callback_path: str = ""
    status: str = ACTIVE
    created_at: int = 0
    made_by: str = ""
    epoch: str = ""
    version: int = 0

    @property
    def is_active(self) -> bool:
        """Whether people may sign in through it."""
        return self.status == ACTIVE

    @property
    def strategy(self) -> str:
        """What the other system calls it, if that is part of the path; empty if not."""
        return self.callback_path.removeprefix(CALLBACK).removeprefix("/").removeprefix("?id=")


@dataclass(frozen=True, slots=True)
class Theme:
    """How the pages look, and whose they are; each field has the form that `theme.objections` wants.

    `accent` is the colour of links and buttons, `on_accent` that of text on it; each has its like for dark pages.
    `radius` is in pixels; `font` the name of one of `theme.FONTS`; `logo` a data URI; `support` an e-mail address or an
    https URL for people who are stuck. `version` grows by one with each write, which is conditional on it.
    """

    name: str = "Authserver"
    logo: str = field(default="", repr=False)
    accent: str = "#1f4fbf"
    on_accent: str = "#ffffff"
    accent_dark: str = "#9dbcff"
    on_accent_dark: str = "#0c1730"
    radius: int = 8
    font: str = "system"
    support: str = ""
    version: int = 0
