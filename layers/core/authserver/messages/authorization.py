"""The authorization request, what a user allows of it, and its response."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.errors import OAuthError
    from authserver.models.browsers import Session
    from authserver.models.clients import Client
    from authserver.values import CodeChallenge, RedirectUri


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1; not yet validated.

    `repeated` names the parameters that came more than once, which is an error to be told by redirect where there
    is a redirect target. `reference` finds the request in the logs, `source` is the address that API Gateway saw.
    """

    parameters: Mapping[str, str] = field(repr=False)
    resource: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    session: str | None = field(default=None, repr=False)
    reference: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """Where an answer may be sent. Only `endpoints.browsers.redirection.resolve_redirect` makes one."""

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

    `by_administrator`: the choice required an administrator, and the user is one. `declined` is the part of the
    requested scope that the user left out. `under` are the epochs of everything that decided the choice.
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
    """A request that obeys every rule. Only `endpoints.browsers.validation.validate` creates one.

    Its answer goes to `redirect`, or if there is none to a `device` (`models.tokens.DeviceRequest`), by its identifier;
    a device's request has no response type. `ignored` is the requested scope besides `scope`. The user has to sign in
    by one of the `acr`, if there are any.
    """

    client: Client
    redirect: RedirectTarget | None
    response_type: str
    redirect_uri_sent: str | None
    scope: Scope
    resource: tuple[str, ...]
    code_challenge: CodeChallenge | None
    nonce: str | None
    prompt: frozenset[str]
    max_age: int | None
    subject_hint: str | None  # the subject of a valid id_token_hint
    details: AuthorizationDetails | None = None
    ignored: Scope = Scope()
    device: str = ""
    id_token_claims: frozenset[str] = frozenset()
    acr: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """An answer to the client through the browser: RFC 6749 sections 4.1.2 and 4.2.2, RFC 9207's `iss` among it."""

    target: RedirectTarget
    parameters: Mapping[str, str] = field(repr=False)
    reason: str = "ok"  # for the log


@dataclass(frozen=True, slots=True)
class UnverifiedRefusal:
    """An error for a client that no operator has verified. Its user is shown the error first; `back` leads to the
    client."""

    client: Client
    error: OAuthError
    back: AuthorizationResponse
    ui_locales: str = ""
