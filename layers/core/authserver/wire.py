"""HttpRequest to message, message or error to HttpResponse. Knows HTTP and the RFCs' parameters, not API Gateway."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypedDict
from urllib.parse import parse_qsl, quote, urlencode

from authserver.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidRequest,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    RequestTooLarge,
    TemporarilyUnavailable,
    TooManyAttempts,
    UnsupportedMediaType,
)
from authserver.messages import (
    REQUEST_LIFETIME,
    AuthorizationRequest,
    AuthorizationResponse,
    CodeForm,
    ConsentForm,
    FederationForm,
    FederationResponse,
    GoTo,
    GoToLogout,
    GoToProvider,
    Interaction,
    LoginForm,
    LogoutRequest,
    PasskeyForm,
    PostLogoutTarget,
    TokenPresented,
    TokenRequest,
    Visit,
)
from authserver.values import Secret

MAX_FORM = 16_384
MAX_FIELDS = 160
# A consent form may have each of an organisation's companies in it, ticked: whoever ticks too many is told so.
MAX_CONSENT_FORM, MAX_CONSENT_FIELDS = 65_536, 700
MAX_LANGUAGES = 256
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
# Without credentials: these endpoints take no cookies (RFC 9700 section 2.6; OAuth 2.1 section 3.2).
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After"),
)
SESSION_COOKIE = "__Host-session"
DEVICE_COOKIE = "__Host-device"
DEVICE_LIFETIME = 31_536_000
REQUEST_COOKIE = "__Host-request-"
LINK_COOKIE = "__Host-link"
# Lax, so that a link from a client's site carries the session; every form has a CSRF token besides.
COOKIE_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request. Header names are lower-case; `query` is raw; `source` is the address that API Gateway saw.

    `origin` and `resource` say where the deployment is (see `Settings.at`); `authorizer` is what the Lambda
    authorizer passed on.
    """

    method: str
    route: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    source: str = ""
    origin: str = ""
    resource: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    authorizer: Mapping[str, str] = field(default_factory=dict)
    id: str = ""  # API Gateway's own, which the log has as well


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response; `cookies` are whole Set-Cookie values."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = field(default="", repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    reason: str = "ok"  # for the log

    def with_headers(self, *headers: tuple[str, str]) -> "HttpResponse":
        return HttpResponse(self.status, (*self.headers, *headers), self.body, self.cookies, self.reason)


class JsonMessage(Protocol):
    """A message whose wire form is a JSON object."""

    def members(self) -> dict[str, Any]: ...


# ------------------------------------------------------------------ parsing


def parse_token_request(request: HttpRequest) -> TokenRequest:
    """RFC 6749 section 3.2. Raises `InvalidRequest`."""
    parameters, resource = _read_client_form(request)
    if "grant_type" not in parameters:
        raise InvalidRequest("grant_type is missing", reason="grant_type_missing")
    return TokenRequest(
        parameters,
        resource,
        request.headers.get("authorization"),
        parameters["grant_type"],
        source=request.source,
        reference=request.id,
    )


def parse_token_presented(request: HttpRequest) -> TokenPresented:
    """RFC 7009 section 2.1, RFC 7662 section 2.1. Raises `InvalidRequest`."""
    parameters, resource = _read_client_form(request)
    if "token" not in parameters:
        raise InvalidRequest("token is missing", reason="token_missing")
    return TokenPresented(
        parameters,
        resource,
        request.headers.get("authorization"),
        Secret(parameters["token"]),
        source=request.source,
        reference=request.id,
    )


def parse_bearer(request: HttpRequest) -> str:
    """The access token of the Authorization header (RFC 6750 section 2.1). Raises `InvalidToken`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("An access token is required", reason="token_missing")
    return token.strip()


def parse_authorization_request(request: HttpRequest) -> AuthorizationRequest:
    """RFC 6749 section 3.1: the query of a GET, the form of a POST.

    Repeated parameters are told apart rather than refused: the refusal may have to go by redirect.
    """
    pairs = read_form(request) if request.method == "POST" else read_query(request)
    counts = Counter(name for name, _ in pairs)
    return AuthorizationRequest(
        parameters=dict(pairs),
        resource=tuple(value for name, value in pairs if name == "resource"),
        repeated=frozenset(name for name, count in counts.items() if count > 1) - {"resource"},
        session=request.cookies.get(SESSION_COOKIE),
        reference=request.id,
    )


def parse_interaction(request: HttpRequest) -> Interaction:
    """A visit to the sign-in or consent page. Raises `InvalidRequest`."""
    query = single(read_query(request))
    return Interaction(
        **_brought_by(request, query),
        organisation=query.get("organisation", ""),
        another=query.get("another") == "yes",
    )


def parse_login_form(request: HttpRequest) -> LoginForm:
    """The sign-in form. Raises `InvalidRequest`."""
    form = single(read_form(request))
    return LoginForm(
        **_brought_by(request, form),
        csrf=form.get("csrf", ""),
        username=form.get("username", ""),
        password=Secret(form.get("password", "")),
        action=form.get("action", ""),
    )


def parse_code_form(request: HttpRequest) -> CodeForm:
    """The form for a second factor. Raises `InvalidRequest`."""
    form = single(read_form(request))
    return CodeForm(
        **_brought_by(request, form),
        csrf=form.get("csrf", ""),
        code=form.get("code", ""),
        recovery_code=form.get("recovery_code", ""),
    )


def parse_passkey_form(request: HttpRequest) -> PasskeyForm:
    """What an authenticator answered. Raises `InvalidRequest`."""
    form = single(read_form(request))
    return PasskeyForm(
        **_brought_by(request, form),
        csrf=form.get("csrf", ""),
        credential=form.get("credential", ""),
    )


def parse_consent_form(request: HttpRequest) -> ConsentForm:
    """The consent form, in which `entities` and `scope` may repeat. Raises `InvalidRequest`."""
    pairs = read_form(request, MAX_CONSENT_FORM, MAX_CONSENT_FIELDS)
    form = single([pair for pair in pairs if pair[0] not in ("entities", "scope")])
    return ConsentForm(
        **_brought_by(request, form),
        csrf=form.get("csrf", ""),
        decision=form.get("decision", ""),
        organisation=form.get("organisation", ""),
        entities=tuple(dict.fromkeys(value for name, value in pairs if name == "entities")),
        scope=tuple(dict.fromkeys(value for name, value in pairs if name == "scope")),
        shown=form.get("shown", ""),
    )


def parse_federation_form(request: HttpRequest) -> FederationForm:
    """The choice of an identity provider on the sign-in page. Raises `InvalidRequest`."""
    form = single(read_form(request))
    return FederationForm(
        **_brought_by(request, form),
        csrf=form.get("csrf", ""),
        provider=form.get("provider", ""),
        email=form.get("email", ""),
    )


def parse_federation_response(request: HttpRequest) -> FederationResponse:
    """What a browser brings back from an identity provider. Raises `InvalidRequest`."""
    query = single(read_query(request))
    state = query.get("state", "")
    return FederationResponse(
        browser_secret=_browser_secret(request, state),
        session=request.cookies.get(SESSION_COOKIE),
        provider=request.path_parameters.get("provider", ""),
        state=state,
        code=query.get("code", ""),
        error=query.get("error", ""),
        issuer=query.get("iss"),
        source=request.source,
        device=device_of(request),
    )


def parse_visit(request: HttpRequest) -> Visit:
    """A visit to a page of ours, or a form of it, in which any field may repeat. Raises `InvalidRequest`."""
    form: dict[str, tuple[str, ...]] = {}
    for name, value in read_form(request) if request.method == "POST" else ():
        form[name] = (*form.get(name, ()), value)
    route = request.route.partition(" ")[2]
    filled = route
    query = single(read_query(request))
    for name, value in request.path_parameters.items():
        filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
    return Visit(
        method=request.method,
        route=route,
        path=filled.removeprefix("/"),
        path_parameters=request.path_parameters,
        query=query,
        form=form,
        session=request.cookies.get(SESSION_COOKIE),
        source=request.source,
        device=device_of(request),
        device_cookie=request.cookies.get(DEVICE_COOKIE),
        languages=_languages(query.get("ui_locales", ""), request),
        held_link=request.cookies.get(LINK_COOKIE, ""),
    )


def _languages(ui_locales: str, request: HttpRequest) -> str:
    """As in Accept-Language; what a page was asked for comes first."""
    return ", ".join((*ui_locales.split(), request.headers.get("accept-language", "")))[:MAX_LANGUAGES]


LOGOUT_PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


def parse_logout_request(request: HttpRequest) -> LogoutRequest:
    """OpenID Connect RP-Initiated Logout 1.0 section 2, but for what means nothing here. Raises `InvalidRequest`."""
    is_form = request.method == "POST"
    given = single(read_form(request) if is_form else read_query(request))
    return LogoutRequest(
        {name: given[name] for name in LOGOUT_PARAMETERS if name in given},
        request.cookies.get(SESSION_COOKIE),
        is_form,
        given.get("csrf") if is_form else None,
    )


# What browsers and systems call themselves in a User-Agent; the first that is found counts, since most of them name
# others as well. For people to recognise their own devices by, so a wrong guess does no harm.
BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox")),
    *(("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"), ("curl", "curl")),
)
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("CrOS", "ChromeOS")),
    *(("Macintosh", "macOS"), ("Linux", "Linux")),
)


def device_of(request: HttpRequest) -> str:
    """The browser and the system that it runs on, as far as it says; only names that we know."""
    agent = request.headers.get("user-agent", "")
    names = (next((name for mark, name in known if mark in agent), "") for known in (BROWSERS, SYSTEMS))
    return " · ".join(filter(None, names))


def request_cookie(handle: str) -> str:
    """The cookie that binds one pending request to a browser; each its own, so that tabs do not mix.

    The handle of the request names it, and so does the state of a sign-in at an identity provider.
    """
    return REQUEST_COOKIE + handle[3:15]


class _Brought(TypedDict):
    request_handle: str
    browser_secret: str
    session: str | None
    source: str
    device: str
    device_cookie: str | None


def _brought_by(request: HttpRequest, parameters: Mapping[str, str]) -> _Brought:
    """What every `Interaction` has: the pending request that is named, and who the browser is."""
    handle = parameters.get("request", "")
    return _Brought(
        request_handle=handle,
        browser_secret=_browser_secret(request, handle),
        session=request.cookies.get(SESSION_COOKIE),
        source=request.source,
        device=device_of(request),
        device_cookie=request.cookies.get(DEVICE_COOKIE),
    )


def _browser_secret(request: HttpRequest, handle: str) -> str:
    return request.cookies.get(request_cookie(handle), "")


def read_query(request: HttpRequest) -> list[tuple[str, str]]:
    """The query's parameters; empty ones are absent (RFC 6749 section 3.1). Raises `InvalidRequest`."""
    return _parse_pairs(request.query.encode("utf-8", "replace"))


def read_form(request: HttpRequest, max_form: int = MAX_FORM, max_fields: int = MAX_FIELDS) -> list[tuple[str, str]]:
    """The parameters of a form post, and of nothing else. Raises `InvalidRequest`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM_MEDIA_TYPE:
        raise UnsupportedMediaType(f"The request body must be {FORM_MEDIA_TYPE}", reason="media_type")
    return _parse_pairs(request.body, max_form, max_fields)


def single(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Each parameter once, `resource` aside. Raises `InvalidRequest` (RFC 6749 section 3.2)."""
    names = [name for name, _ in pairs if name != "resource"]
    if len(set(names)) < len(names):
        raise InvalidRequest("A parameter is repeated", reason="parameter_repeated")
    return dict(pairs)


def _read_client_form(request: HttpRequest) -> tuple[dict[str, str], tuple[str, ...]]:
    pairs = read_form(request)
    if request.query and any(name in ("client_secret", "client_assertion") for name, _ in read_query(request)):
        # RFC 6749 section 2.3.1: credentials never travel in the request URI.
        raise InvalidRequest("Client credentials must not be in the URI", reason="credentials_in_query")
    return single(pairs), tuple(value for name, value in pairs if name == "resource")


def _parse_pairs(encoded: bytes, max_form: int = MAX_FORM, max_fields: int = MAX_FIELDS) -> list[tuple[str, str]]:
    if len(encoded) > max_form:
        raise RequestTooLarge("The request is too large", reason="request_too_large")
    try:
        pairs = parse_qsl(encoded.decode("ascii"), max_num_fields=max_fields, errors="strict")
    except ValueError:
        raise InvalidRequest("The request is not well-formed", reason="form_malformed") from None
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise InvalidRequest("The request is not well-formed", reason="form_malformed")
    return pairs


# ------------------------------------------------------------------ rendering


def render(message: JsonMessage) -> HttpResponse:
    """A message as JSON that nobody stores (RFC 6749 section 5.1)."""
    return HttpResponse(200, (("Content-Type", "application/json"), *NO_STORE), json.dumps(message.members()))


def render_cacheable(message: JsonMessage, seconds: int) -> HttpResponse:
    """A message as JSON that anybody may keep for a while; 0 = not."""
    cache = f"public, max-age={seconds}" if seconds else "no-store"
    headers = (("Content-Type", "application/json"), ("Cache-Control", cache))
    return HttpResponse(200, headers, json.dumps(message.members()))


def render_not_found(message: JsonMessage) -> HttpResponse:
    """404, for a path under a route of ours that stands for nothing here."""
    return replace(render(message), status=404, reason="not_found")


def render_goto(message: GoTo) -> HttpResponse:
    """To a page of ours; 303, so that a posted password is not posted again (RFC 9700 section 4.12)."""
    cookies = []
    if message.browser_secret is not None:
        name = request_cookie(message.request_handle)
        cookies.append(f"{name}={message.browser_secret}; Max-Age={REQUEST_LIFETIME}; {COOKIE_ATTRIBUTES}")
    if message.session is not None:
        cookies.append(session_cookie(message.session, message.session_lifetime))
    if message.device_cookie is not None:
        cookies.append(f"{DEVICE_COOKIE}={message.device_cookie}; Max-Age={DEVICE_LIFETIME}; {COOKIE_ATTRIBUTES}")
    if message.held_link is not None:
        cookies.append(f"{LINK_COOKIE}={message.held_link}; Max-Age={REQUEST_LIFETIME}; {COOKIE_ATTRIBUTES}")
    said = {"request": message.request_handle, "done": message.done, "ui_locales": message.ui_locales}
    query = urlencode({name: value for name, value in said.items() if value})
    location = f"{message.base}{message.page}?{query}" if query else f"{message.base}{message.page}"
    headers = (("Location", location), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    return HttpResponse(303, headers, cookies=tuple(cookies), reason=f"goto_{message.page.partition('/')[0]}")


def session_cookie(session: str, lifetime: int) -> str:
    """The cookie that signs a browser in."""
    return f"{SESSION_COOKIE}={session}; Max-Age={lifetime}; {COOKIE_ATTRIBUTES}"


def render_goto_logout(message: GoToLogout) -> HttpResponse:
    """To the same address by GET; 303, as the form is not to be sent there again."""
    query = urlencode(message.parameters)
    headers = (("Location", f"logout?{query}" if query else "logout"), *NO_STORE, ("Referrer-Policy", "no-referrer"))
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


def render_goto_provider(message: GoToProvider) -> HttpResponse:
    """To an identity provider; 303, so that the form is not posted to it."""
    headers = (("Location", message.url), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    return HttpResponse(303, headers, reason="goto_provider")


def render_redirect(message: AuthorizationResponse) -> HttpResponse:
    """An authorization response in the query of the redirect URI, whose own query is kept, or in its fragment.

    RFC 6749 sections 4.1.2 and 4.2.2; a registered redirect URI has no fragment of its own.
    """
    uri = message.target.uri.text
    separator = "#" if message.target.response_mode == "fragment" else "&" if "?" in uri else "?"
    location = f"{uri}{separator}{urlencode(message.parameters)}"
    headers = (("Location", location), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    return HttpResponse(303, headers, reason=message.reason)


def render_error(error: OAuthError) -> HttpResponse:
    """An error as JSON with its status, challenge and cache headers (RFC 6749 section 5.2, RFC 6750 section 3)."""
    body = json.dumps({"error": error.error, "error_description": error.description})
    headers = (("Content-Type", "application/json"), *NO_STORE, *error_headers(error))
    return HttpResponse(error.status, headers, body, reason=error.reason)


def error_headers(error: OAuthError) -> tuple[tuple[str, str], ...]:
    """The headers that belong to an error whatever its body is."""
    match error:
        case InvalidClient():
            return (("WWW-Authenticate", f'Basic realm="authserver", error="{error.error}", charset="UTF-8"'),)
        case InvalidToken(reason="token_missing"):
            # Without a token there is nothing to call wrong (RFC 6750 section 3.1).
            return (("WWW-Authenticate", 'Bearer realm="authserver"'),)
        case InvalidToken() | InsufficientScope():
            return (("WWW-Authenticate", bearer_challenge(error)),)
        case MethodNotAllowed():
            return (("Allow", error.allow),)
        case TemporarilyUnavailable():
            return (("Retry-After", "1"),)
        case TooManyAttempts():
            return (("Retry-After", str(error.retry_after)),)
        case _:
            return ()


def bearer_challenge(error: OAuthError, *, resource_metadata: str = "") -> str:
    """The challenge that tells what a token lacked (RFC 6750 section 3, RFC 9728 section 5.1)."""
    parameters = {"realm": "authserver", "error": error.error, "error_description": error.description}
    if isinstance(error, InsufficientScope) and error.scope:
        parameters["scope"] = error.scope
    if resource_metadata:
        parameters["resource_metadata"] = resource_metadata
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def render_preflight(methods: tuple[str, ...]) -> HttpResponse:
    """The answer to a CORS preflight."""
    return HttpResponse(
        204,
        (
            *CORS,
            ("Access-Control-Allow-Methods", ", ".join((*methods, "OPTIONS"))),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
            ("Access-Control-Max-Age", "7200"),
        ),
    )
