"""Signing out: OpenID Connect RP-Initiated Logout 1.0, and our own pages' way out.

Decisions where the specification leaves one:

- A valid ID token of the very user at that client signs out at once; in every other case the user is asked (section 2).
  `sid` is not compared: the same subject as the session's is enough.
- An ID token that has expired is as good as another; one whose key has been dropped since counts as none.
- What is wrong with a request is not used, nor what depends on it, and the browser is not redirected; the user can sign
  out all the same (section 4). So a URI that is not registered takes the way back alone; a hint that is none, or
  another client's, the word of the client as well, and the user is asked. The page tells what is wrong.
- A client whose metadata document is gone, or cannot be had now, gets no redirect. Its ID token was ours all the same,
  and signs its user out: documents come and go.
- A redirect to the site of an unverified client needs a click on a button here: every developer can register one, and a
  link to us would lead to any page of theirs (RFC 9700 section 4.11.2). A program on the device does.
- PlaceOS names no client but where to `continue`, which is a page of this origin or of one that an operator listed. Its
  own pages, of this origin, sign out at once: they could do anything else here as well. Cognito calls the client's URI
  `logout_uri`. Both are parameters where an operator has us answer at their paths, and nothing elsewhere.
- A form from another site is sent on as a link: browsers bring our cookie with the one and not with the other. A cookie
  that was not brought is not taken away either, or any site's form could do that.
"""

from contextlib import suppress
from dataclasses import replace

from authserver.errors import InvalidRequest, InvalidToken, UnreachableDocument, UnusableDocument
from authserver.messages.logout import GoToLogout, LogoutPage, LogoutRequest, PostLogoutTarget, SignedOut
from authserver.models.browsers import Session
from authserver.models.clients import VERIFIED, Client
from authserver.records import dataclass
from authserver.services import Services
from authserver.values import RedirectUri

from .redirection import can_be_sent_back
from .under_way import find_visitor, require_visitor_csrf, visitor_csrf


@dataclass(frozen=True, slots=True)
class Hint:
    """The subject of a genuine ID token of ours, and the client that it was issued to."""

    subject: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request holds, and what is wrong with it, if anything."""

    hint: Hint | None = None
    client: Client | None = None
    target: PostLogoutTarget | None = None
    flaw: InvalidRequest | None = None

    @property
    def goes_back(self) -> bool:
        """Whether the browser goes on to the target without another click."""
        if self.target is None:
            return False
        if self.client is None:
            return True  # an operator's word
        return self.client.verification == VERIFIED or self.target.uri.stays_on_device


def log_out(request: LogoutRequest, services: Services) -> LogoutPage | SignedOut | GoToLogout:
    """Ends the session of this browser, once it is certain that its user wants that.

    Raises:
        InvalidRequest: the form is not ours; nothing was done.
        TemporarilyUnavailable: a store did not answer; the session stands.
    """
    if request.is_form and (request.csrf is None or request.session is None):
        return GoToLogout({} if request.is_ambiguous else request.parameters)
    asked = _understood(request, services)
    session = find_visitor(request.session, services)
    signed_out = SignedOut(
        asked.client,
        asked.target,
        asked.goes_back,
        ends_cookie=request.session is not None,
        ui_locales=request.ui_locales,
        flaw=asked.flaw,
    )
    if session is None:
        return signed_out
    if request.csrf is not None:
        require_visitor_csrf(request.csrf, session, services)
        return _sign_out(session, replace(signed_out, goes_back=True), services)
    if request.is_own_pages or (asked.hint is not None and asked.hint.subject == session.subject):
        return _sign_out(session, signed_out, services)
    return _ask(session, signed_out, services)


def end_by_token(presented: str, services: Services) -> None:
    """Ends the whole authorization of an access token; the browser stays signed in.

    That is how PlaceOS's pages sign out, before they lead to the page that does the rest: the token's bearer may end
    it (RFC 7009 section 2.1). One that stands no more ends nothing; nor does that of a client that is none of these
    pages, which has credentials to revoke its tokens with, and whose API holds the same token.
    """
    from authserver.tokens.presented import check_access_token

    with suppress(InvalidToken):
        token = check_access_token(presented, services)
        if token.authorization_id is not None and _signs_out_by_token(token.client_id, services):
            services.revocations.revoke(token.authorization_id, services.now(), token.client_id)


def _signs_out_by_token(client_id: str, services: Services) -> bool:
    try:
        client = services.clients.find(client_id)
    except (UnusableDocument, UnreachableDocument):
        return False
    return client is not None and (client.is_public or client.parameters_in_query)


def _understood(request: LogoutRequest, services: Services) -> Asked:
    """What of the request holds; what does not is left aside with all that hangs on it (section 4)."""
    if request.is_ambiguous:
        return Asked(flaw=InvalidRequest("A parameter is repeated", reason="logout_parameter_repeated"))
    try:
        hint = _hint(request, services)
        client_id = _client_id(request, hint)
    except InvalidRequest as flaw:
        return Asked(flaw=flaw)
    try:
        client = _client(client_id, services) if client_id is not None else None
    except InvalidRequest as flaw:
        is_documented = client_id is not None and services.settings.admits_document(client_id)
        return Asked(hint if is_documented else None, flaw=flaw)
    try:
        return Asked(hint, client, resolve_post_logout_redirect(request, client, services))
    except InvalidRequest as flaw:
        return Asked(hint, client, flaw=flaw)


def resolve_post_logout_redirect(
    request: LogoutRequest, client: Client | None, services: Services
) -> PostLogoutTarget | None:
    """The one place that a browser may be sent to after signing out (section 3); None if nothing is asked.

    Raises `InvalidRequest` on a URI that is not the client's: by exact comparison, but for a loopback port; and on a
    `continue` that may not lead there.
    """
    presented = _post_logout_redirect_uri(request, services)
    state = request.parameters.get("state")
    if presented is None:
        page = _continued(request, services)
        return PostLogoutTarget(page) if page else None
    if client is None:
        raise InvalidRequest(
            "post_logout_redirect_uri needs an id_token_hint or a client_id", reason="logout_client_missing"
        )
    localhost = services.settings.localhost_redirects or services.settings.admits_document(client.client_id)
    if not any(registered.admits(presented, localhost=localhost) for registered in client.post_logout_redirect_uris):
        raise InvalidRequest(
            "post_logout_redirect_uri is not registered for this application", reason="logout_redirect_uri_unknown"
        )
    if state is not None and not can_be_sent_back(state):
        raise InvalidRequest("state is too long to be sent back", reason="logout_state_too_long")
    try:
        return PostLogoutTarget(RedirectUri.parse(presented, services.settings.redirect_schemes), state)
    except ValueError:
        raise InvalidRequest("post_logout_redirect_uri is not allowed", reason="logout_redirect_uri_unsafe") from None


def _post_logout_redirect_uri(request: LogoutRequest, services: Services) -> str | None:
    others = request.parameters.get("logout_uri") if "cognito" in services.settings.endpoint_aliases else None
    return request.parameters.get("post_logout_redirect_uri", others)


def _continued(request: LogoutRequest, services: Services) -> RedirectUri | None:
    """The page that `continue` leads to."""
    presented = request.parameters.get("continue")
    if presented is None or "placeos" not in services.settings.endpoint_aliases:
        return None
    from .continuation import origin_of, resolve_continue

    address = resolve_continue(presented, services).address
    own = origin_of(services.settings.issuer) if address.startswith("/") else ""
    return RedirectUri(own + address)


def _ask(session: Session, wanted: SignedOut, services: Services) -> LogoutPage:
    user = services.users.get(session.subject)
    account = user.known_as if user else ""
    csrf = visitor_csrf(session, services)
    return LogoutPage(csrf, account, wanted.client, wanted.target, wanted.ui_locales, wanted.flaw)


def _sign_out(session: Session, signed_out: SignedOut, services: Services) -> SignedOut:
    services.withdrawals.end_session(session.id)
    return signed_out


def _hint(request: LogoutRequest, services: Services) -> Hint | None:
    """What an ID token of ours says; it may have expired, which is why its user comes to sign out (section 2)."""
    token = request.parameters.get("id_token_hint")
    if token is None:
        return None
    from authserver.tokens.jwt import NotAToken, verify

    try:
        claims = verify(token, "JWT", services.settings.issuer, services.keys.verification_key)
    except NotAToken as error:
        if error.reason == "unknown_kid":
            return None  # signed by a key that has been dropped since: as good as no hint
        raise InvalidRequest(
            "id_token_hint is not an ID token of this server", reason="logout_hint_malformed"
        ) from None
    return Hint(str(claims["sub"]), str(claims.get("aud")))


def _client_id(request: LogoutRequest, hint: Hint | None) -> str | None:
    """The client that wants its user to sign out, by its word and by the ID token, which must agree (section 2)."""
    named = request.parameters.get("client_id")
    if hint is not None and named not in (None, hint.client_id):
        raise InvalidRequest("id_token_hint was issued to another client", reason="logout_hint_audience")
    return hint.client_id if hint else named


def _client(client_id: str, services: Services) -> Client:
    """The client itself. Raises `InvalidRequest` if there is none now."""
    try:
        client = services.clients.find(client_id)
    except (UnusableDocument, UnreachableDocument) as error:
        raise InvalidRequest("This application is not registered here", reason=error.reason) from None
    if client is None or not client.is_active or client.is_expired(services.now()):
        raise InvalidRequest("This application is not registered here", reason="logout_client_unknown")
    return client
