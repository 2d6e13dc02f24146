"""Signing out: OpenID Connect RP-Initiated Logout 1.0."""

from urllib.parse import urlencode

from authserver.errors import OAuthError
from authserver.messages.logout import GoToLogout, LogoutRequest, PostLogoutTarget
from authserver.wire.cookies import SESSION_COOKIE
from authserver.wire.forms import FORM_MEDIA_TYPE, media_type_of, read_form, read_query
from authserver.wire.http import NO_STORE, HttpRequest, HttpResponse

LOGOUT_PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
# What other systems call where to go afterwards: PlaceOS, and Cognito.
OTHERS_PARAMETERS = ("continue", "logout_uri")
KEYCLOAK = "ANY /realms/"
PLACEOS = "ANY /auth/logout"


def parse_logout_request(request: HttpRequest) -> LogoutRequest:
    """OpenID Connect RP-Initiated Logout 1.0 section 2, but for what means nothing here. Raises `InvalidRequest`."""
    is_form = request.method == "POST"
    pairs = read_form(request) if is_form else read_query(request)
    given = dict(pairs)
    known = {name: given[name] for name in (*LOGOUT_PARAMETERS, *OTHERS_PARAMETERS) if name in given}
    return LogoutRequest(
        known,
        request.cookies.get(SESSION_COOKIE),
        is_form,
        given.get("csrf") if is_form else None,
        is_ambiguous=sum(name in known for name, _ in pairs) > len(known),
        is_own_pages=request.route == PLACEOS and request.headers.get("sec-fetch-site") == "same-origin",
    )


def is_by_refresh_token(request: HttpRequest) -> bool:
    """Whether a client, and not a browser, signs its user out by the refresh token, as Keycloak's clients do."""
    if request.method != "POST" or not request.route.startswith(KEYCLOAK) or media_type_of(request) != FORM_MEDIA_TYPE:
        return False
    try:
        return "refresh_token" in dict(read_form(request))
    except OAuthError:
        return False  # of a malformed form


def render_goto_logout(message: GoToLogout, root: str) -> HttpResponse:
    """To the same page by GET; 303, as the form is not to be sent there again."""
    query = urlencode(message.parameters)
    headers = (
        ("Location", f"{root}logout?{query}" if query else f"{root}logout"),
        *NO_STORE,
        ("Referrer-Policy", "no-referrer"),
    )
    return HttpResponse(303, headers, reason="goto_logout")


def render_post_logout(target: PostLogoutTarget) -> HttpResponse:
    """To where the client wants its user after signing out (OpenID Connect RP-Initiated Logout 1.0 section 3)."""
    headers = (("Location", post_logout_location(target)), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    return HttpResponse(303, headers, reason="signed_out")


def post_logout_location(target: PostLogoutTarget) -> str:
    """The registered URI, its own query kept, with `state` if the client sent one."""
    uri = target.uri.text
    if target.state is None:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': target.state})}"
