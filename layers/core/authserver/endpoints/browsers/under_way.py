"""What ties a browser to its request and its session, for the three endpoints that a person goes through."""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

from authserver.ends import Begun
from authserver.errors import InvalidRequest, RequestEnded
from authserver.identity.begin import key_text, new_session
from authserver.messages.authorization import (
    AuthorizationRequest,
    Choice,
    RedirectTarget,
    ValidatedAuthorizationRequest,
)
from authserver.messages.browser import REQUEST_LIFETIME, GoTo, Interaction
from authserver.models.browsers import Consent, PendingRequest, Session
from authserver.models.clients import LOGO_APART, VERIFIED, Client
from authserver.models.configuration import IdentityProvider
from authserver.models.tokens import ACR_OF, DeviceRequest
from authserver.records import dataclass
from authserver.scopes import FOR_OFFLINE_ACCESS, covered
from authserver.services import Services
from authserver.storage.browsers import BrowserState
from authserver.storage.standing import Ends
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Scope, Secret, are_resources_within, base64url, sha256

from .redirection import find_client, resolve_redirect
from .validation import validate, what_counts

LOGIN = "login"  # the sign-in page, whose forms go to two endpoints
EXPIRED = "This sign-in has expired or was begun in another browser"


@dataclass(frozen=True, slots=True)
class Resumed:
    """A pending request, found again for the browser that began it, and the user who is signed in there, if any.

    Without a `request` of a client's, a page of ours waits for its user.
    """

    pending: PendingRequest
    request: ValidatedAuthorizationRequest | None
    session: Session | None
    ends: Ends  # of the user that the browser's cookie names

    @property
    def client(self) -> Client | None:
        """The client that wants the user to sign in; None if it is a page of this server."""
        return self.request.client if self.request else None

    @property
    def prompt(self) -> frozenset[str]:
        """OpenID Connect Core section 3.1.2.1, and as a page of ours asks for it."""
        return self.request.prompt if self.request else frozenset(self.pending.parameters.get("prompt", "").split())

    @property
    def login_hint(self) -> str:
        """The user who is expected to sign in, as far as known."""
        return self.pending.parameters.get("login_hint", "")

    @property
    def provider(self) -> str:
        """The identity provider that a page of this server's user is to sign in at, as far as the page told."""
        return self.pending.parameters.get("provider", "") if self.pending.visit else ""

    @property
    def ui_locales(self) -> str:
        """The languages that the client wants the pages in, the best first."""
        return self.pending.parameters.get("ui_locales", "")

    def must_sign_in(self, now: int) -> bool:
        """Whether the user has to sign in for this."""
        if self.request is not None:
            return must_sign_in(self.request, self.session, self.pending.id, now)
        if self.session is None:
            return True
        return "login" in self.prompt and self.session.signed_in_for != self.pending.id

    def may_continue(self, now: int) -> bool:
        """Whether all that the user has to do is to say that this is the account: `prompt=select_account` alone."""
        if self.request is None or self.session is None or "select_account" not in self.prompt:
            return False
        return not _must_prove(self.request, self.session, now)

    @property
    def falls_short(self) -> bool:
        """Whether the user has signed in for this very request, and not as it asks."""
        request, session = self.request, self.session
        if request is None or session is None or session.signed_in_for != self.pending.id:
            return False
        return not _is_strong_enough(request, session)

    def once_signed_in(
        self,
        handle: str,
        *,
        session: str | None = None,
        lifetime: int = 0,
        device_cookie: str | None = None,
    ) -> GoTo:
        """Where the browser goes from the sign-in page, with the session that was begun there."""
        page, handle = (self.pending.visit, "") if self.request is None else ("consent", handle)
        return GoTo(page, handle, session=session, session_lifetime=lifetime, device_cookie=device_cookie)


@dataclass(frozen=True, slots=True)
class ResumedRequest(Resumed):
    """One that is a client's."""

    request: ValidatedAuthorizationRequest


@dataclass(frozen=True, slots=True)
class Known:
    """The user who is signed in in a browser, if any, what they have allowed a client, and their ends, from one
    read."""

    session: Session | None = None
    consent: Consent | None = None
    ends: Ends = Ends()


def hold(request: AuthorizationRequest, services: Services) -> tuple[str, str]:
    """Keeps a request on the server, but for what means nothing; its handle, and the secret of this browser."""
    return _hold(what_counts(request), request.resource, services)


def hold_visit(path: str, services: Services, **parameters: str) -> tuple[str, str]:
    """The same for one of our own pages, whose user has to sign in first; `parameters` say how."""
    return _hold(parameters, (), services, visit=path)


def hold_for_device(device: DeviceRequest, services: Services) -> tuple[str, str]:
    """The same for a device, whose user says in this browser that they started it."""
    return _hold(device.parameters, device.resource, services, device=device.id)


def _hold(
    parameters: Mapping[str, str], resource: tuple[str, ...], services: Services, *, visit: str = "", device: str = ""
) -> tuple[str, str]:
    identifier, browser_secret = services.random(16), base64url(services.random(16))
    services.browsers.put_request(
        PendingRequest(
            id=base64url(identifier),
            browser_hash=sha256(browser_secret),
            salt=services.random(16),
            parameters=parameters,
            resource=resource,
            expires_at=services.now() + REQUEST_LIFETIME,
            visit=visit,
            device=device,
        )
    )
    return opaque.seal(opaque.REQUEST, services.keys.token_key(TOKEN_RING), id=identifier), browser_secret


def resume(interaction: Interaction, services: Services) -> Resumed:
    """The request that this browser began. Raises `InvalidRequest`, for our own page, if it is another's or over."""
    keys = services.keys.token_keys(TOKEN_RING)
    handle = opaque.unseal(opaque.REQUEST, interaction.request_handle, keys)
    if handle is None:
        raise restart("request_garbage")
    cookie = _read_session(interaction.session, keys)
    state = services.browsers.browser_state(
        request_id=handle.text("id"),
        session_id=cookie.text("id") if cookie else None,
        subject_key=cookie.text("subject") if cookie else None,
    )
    pending = state.request
    if pending is None:
        raise restart("request_over")
    if not Secret(interaction.browser_secret).matches(pending.browser_hash):
        raise restart("request_of_another_browser")
    if pending.expires_at <= services.now():
        raise _expired(pending, services)
    session = _told(_live_session(cookie, state, services), services)
    if pending.visit:
        return Resumed(pending, None, session, state.ends)
    stored = AuthorizationRequest(pending.parameters, pending.resource)
    client, redirect = (find_client(stored, services), None) if pending.device else resolve_redirect(stored, services)
    validated = validate(stored, client, redirect, services, device=pending.device)
    return Resumed(pending, validated, session, state.ends)


def resume_request(interaction: Interaction, services: Services) -> ResumedRequest:
    """The same for what only clients ask; a page of ours has nothing to allow."""
    resumed = resume(interaction, services)
    if resumed.request is None:
        raise restart("request_of_no_client")
    return ResumedRequest(resumed.pending, resumed.request, resumed.session, resumed.ends)


def find_visitor(cookie: str | None, services: Services) -> Session | None:
    """The session that the cookie opens."""
    credential = _read_session(cookie, services.keys.token_keys(TOKEN_RING))
    if credential is None:
        return None
    state = services.browsers.browser_state(session_id=credential.text("id"), subject_key=credential.text("subject"))
    return _told(_live_session(credential, state, services), services)


def find_session(cookie: str | None, client_id: str, services: Services) -> Known:
    """The session that the cookie opens and what its user has allowed the client, in one read; none for garbage."""
    if cookie is None:
        return Known()
    credential = _read_session(cookie, services.keys.token_keys(TOKEN_RING))
    if credential is None:
        return Known()
    state = services.browsers.browser_state(
        session_id=credential.text("id"), subject_key=credential.text("subject"), client_key=key_text(client_id)
    )
    return Known(_live_session(credential, state, services), state.consent, state.ends)


def begin_session(
    subject: str,
    signed_in_for: str,
    begun: Begun,
    sessions: int,
    services: Services,
    *,
    auth_time: int | None = None,
    by: str = "",
    device: str = "",
    source: str = "",
    provider: IdentityProvider | None = None,
) -> str:
    """Signs a browser in (`identity.begin.new_session`), by the word of a `provider` or by ours; the cookie's value.

    Raises `ProviderOver`.
    """
    cookie = new_session(
        subject, signed_in_for, begun, sessions, services, auth_time=auth_time, by=by, device=device, source=source
    )
    services.told["subject"] = subject
    services.browsers.put_session(cookie.session, provider)
    return cookie.value


def must_sign_in(
    request: ValidatedAuthorizationRequest, session: Session | None, pending_id: str | None, now: int
) -> bool:
    """Whether the user has to sign in for this request: OpenID Connect Core section 3.1.2.1.

    A user who signed in for this very request has satisfied `prompt` and `max_age`, but not a required `acr`.
    """
    if session is None or not _is_strong_enough(request, session):
        return True
    if pending_id is not None and session.signed_in_for == pending_id:
        return False
    return "select_account" in request.prompt or _must_prove(request, session, now)


def _must_prove(request: ValidatedAuthorizationRequest, session: Session, now: int) -> bool:
    """Whether this session is not enough, independently of an account choice."""
    if "login" in request.prompt or not _is_strong_enough(request, session):
        return True
    if request.max_age is not None and session.auth_time + request.max_age < now:
        return True
    return request.subject_hint is not None and session.subject != request.subject_hint


def _is_strong_enough(request: ValidatedAuthorizationRequest, session: Session) -> bool:
    """Whether its user signed in by what the request requires (OpenID Connect Core section 5.5.1.1)."""
    return not request.acr or ACR_OF.get(session.by) in request.acr


def choice_made_before(
    request: ValidatedAuthorizationRequest, consent: Consent | None, ends: Ends, services: Services
) -> Choice | None:
    """What the user answered before, so that no page need ask. What they left out then is left out again.

    None if the user has to be asked: nothing remembered covers the request, or memory does not count for it. For a
    device it never does: another person may have the device (RFC 8628 section 5.4).
    """
    if request.device or "consent" in request.prompt or needs_choice(request, services):
        return None
    if not is_standing(consent, request, ends, services):
        return None
    declined = optional_scope(request, services) & consent.declined
    wanted = request.scope - declined
    if request.scope and not wanted:
        return None
    allowed = covered(wanted, consent.scope, services.scopes)
    is_covered = wanted <= allowed and are_resources_within(audience_of(request, services), consent.resource)
    # The consent decides, so what begins by it is begun under what it was begun under.
    return Choice(declined=declined, under=Begun(grant=consent.begun.grant)) if is_covered else None


def is_standing(
    consent: Consent | None, request: ValidatedAuthorizationRequest, ends: Ends, services: Services
) -> TypeGuard[Consent]:
    """Whether this was said to this client, and counts still; `ends` are the user's."""
    if consent is None or not is_assured(request) or consent.expires_at <= services.now():
        return False
    return present(request, ends).stand(consent.begun)


def present(request: ValidatedAuthorizationRequest, ends: Ends) -> Ends:
    """The ends of the user and of the request's client."""
    return ends.for_client(key_text(request.client.client_id), request.client.epoch)


def pictured(client: Client, services: Services) -> Client:
    """The client with its logo, for a page."""
    whole = services.clients.get(client.client_id) if client.logo_uri == LOGO_APART else None
    return replace(client, logo_uri=whole.logo_uri) if whole else client


def optional_scope(request: ValidatedAuthorizationRequest, services: Services) -> Scope:
    """What of the request its user may leave out: what the client registered so, unless the rest implies it.

    Nor `offline_access` where the client gets a refresh token without it: leaving it out would change nothing.
    """
    if not request.client.optional_scope:
        return Scope()
    required = request.scope - request.client.optional_scope
    optional = request.scope - services.scopes().expand(required)
    return optional - FOR_OFFLINE_ACCESS if services.settings.refresh_tokens == "Always" else optional


def needs_choice(request: ValidatedAuthorizationRequest, services: Services) -> bool:
    """Whether the page asks for more than yes or no: an organisation, or a particular administrator's permission."""
    catalogue = services.scopes()
    is_undefined = any(catalogue.get(name) is None for name in request.scope)
    return (
        request.client.preferred_subject_type != "user" or is_undefined or bool(catalogue.grantable_by(request.scope))
    )


def is_assured(request: ValidatedAuthorizationRequest) -> bool:
    """Whether the answer can reach this client only, and an operator has verified the client.

    RFC 8252 section 8.6, RFC 6749 section 10.2.
    """
    if request.redirect is None:
        return False
    reaches_it_alone = not request.client.is_public or request.redirect.uri.is_assured
    return reaches_it_alone and request.client.verification == VERIFIED


def audience_of(request: ValidatedAuthorizationRequest, services: Services) -> tuple[str, ...]:
    """The resources that the request is for: those it names, or the default."""
    return request.resource or services.settings.known_resources[:1]


def csrf_token(page: str, resumed: Resumed, browser_secret: str, services: Services, about: str = "") -> str:
    """Binds a form to its page, request and browser (RFC 9700 section 4.7).

    `about` is what else the form was made for: the organisation on the consent page.

    Not to a session: another tab may have signed in meanwhile. A password proves enough by itself, and
    `about` names what the consent page showed.
    """
    return _csrf_token(services.keys.token_key(TOKEN_RING), page, resumed, browser_secret, about)


def require_csrf(
    presented: str, page: str, resumed: Resumed, browser_secret: str, services: Services, about: str = ""
) -> None:
    """Raises `InvalidRequest` unless the form is ours, of this page, request and browser."""
    keys = services.keys.token_keys(TOKEN_RING)
    expected = [_csrf_token(key, page, resumed, browser_secret, about) for key in keys]
    if not any(hmac.compare_digest(token.encode(), presented.encode()) for token in expected):
        raise restart("csrf")


def visitor_csrf(session: Session, services: Services) -> str:
    """Binds the forms of our own pages to the session of the signed-in user."""
    return _visitor_csrf(services.keys.token_key(TOKEN_RING), session)


def require_visitor_csrf(presented: str, session: Session, services: Services) -> None:
    """Raises `InvalidRequest` unless the form is ours, made for this session."""
    expected = [_visitor_csrf(key, session) for key in services.keys.token_keys(TOKEN_RING)]
    if not any(hmac.compare_digest(token.encode(), presented.encode()) for token in expected):
        raise restart("csrf")


def _visitor_csrf(key: bytes, session: Session) -> str:
    return base64url(hmac.digest(key, "\x00".join(("csrf", "visitor", session.id)).encode(), "sha256"))


def _csrf_token(key: bytes, page: str, resumed: Resumed, browser_secret: str, about: str) -> str:
    message = "\x00".join(("csrf", page, resumed.pending.id, browser_secret, about))
    return base64url(hmac.digest(key, message.encode(), "sha256"))


def _read_session(cookie: str | None, keys: tuple[bytes, ...]) -> opaque.Credential | None:
    return None if cookie is None else opaque.unseal(opaque.SESSION, cookie, keys)


def _live_session(cookie: opaque.Credential | None, state: BrowserState, services: Services) -> Session | None:
    session = state.session
    if cookie is None or session is None or not Secret(cookie.text("secret")).matches(session.secret_hash):
        return None
    if session.expires_at <= services.now() or not state.ends.stand(session.begun, session.sessions):
        return None
    return session


def _told(session: Session | None, services: Services) -> Session | None:
    """The session, whose user the request's line in the log has from now on."""
    if session is not None:
        services.told["subject"] = session.subject
    return session


def answered_before(request: ValidatedAuthorizationRequest) -> RequestEnded:
    """The error for a browser that sends a page again, with the way back to the application."""
    place = _way_back(request.client, request.redirect)
    return RequestEnded("This request was answered before", reason="answered_before", place=place)


def restart(reason: str) -> InvalidRequest:
    """The error for a browser whose request does not exist, or is not its own."""
    return InvalidRequest(EXPIRED, reason=reason)


def _expired(pending: PendingRequest, services: Services) -> InvalidRequest:
    """The error for a browser whose page was open for too long, with the way back to the application if one began."""
    if pending.visit or pending.device:
        return restart("request_over")
    try:
        client, redirect = resolve_redirect(AuthorizationRequest(pending.parameters, pending.resource), services)
    except InvalidRequest:  # the client, or its redirect URI, is gone
        return restart("request_over")
    return RequestEnded(EXPIRED, reason="request_over", place=_way_back(client, redirect))


def _way_back(client: Client, redirect: RedirectTarget | None) -> str:
    """Where the application is: where its redirect URI is, or else its website."""
    registered = redirect.uri.destination if redirect else ""
    return next(filter(_is_https, (registered, client.client_uri)), "")


def _is_https(address: str) -> bool:
    return address.startswith("https://")
