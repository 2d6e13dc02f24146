"""What a browser sends while an authorization request is under way, and where it is sent next."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import TypedDict
from urllib.parse import urlencode, urljoin

from authserver.errors import InvalidRequest
from authserver.messages.authorization import AuthorizationRequest, AuthorizationResponse
from authserver.messages.browser import (
    REQUEST_LIFETIME,
    AuthorityRequest,
    CodeForm,
    ConsentForm,
    DeviceForm,
    FederationForm,
    FederationResponse,
    GoTo,
    GoToProvider,
    Interaction,
    LoginForm,
    PasskeyForm,
    SignInByScript,
    SignInVisit,
)
from authserver.models.configuration import CALLBACK
from authserver.values import Secret, read_json
from authserver.wire.cookies import (
    COOKIE_ATTRIBUTES,
    DEVICE_COOKIE,
    DEVICE_LIFETIME,
    LINK_COOKIE,
    SESSION_COOKIE,
    browser_secret,
    device_of,
    request_cookie,
    session_cookie,
)
from authserver.wire.forms import MAX_FORM, media_type_of, read_form, read_query, single
from authserver.wire.http import NO_STORE, HttpRequest, HttpResponse

# A consent form may have each of an organisation's companies in it, ticked; a user who ticks too many gets an error.
MAX_CONSENT_FORM, MAX_CONSENT_FIELDS = 65_536, 700
ELSEWHERE = ("/", "https://", "http://")  # how a `Continuation` begins, and none of our pages
OWN_PAGES = ("same-origin", "none")  # what browsers say of a form of ours (Fetch Metadata); old ones say nothing


def parse_authorization_request(request: HttpRequest) -> AuthorizationRequest:
    """RFC 6749 section 3.1: the query of a GET, the form of a POST.

    Repeated parameters are kept apart instead of refused, because the refusal may have to be a redirect.
    """
    pairs = read_form(request) if request.method == "POST" else read_query(request)
    counts = Counter(name for name, _ in pairs)
    return AuthorizationRequest(
        parameters=dict(pairs),
        resource=tuple(value for name, value in pairs if name == "resource"),
        repeated=frozenset(name for name, count in counts.items() if count > 1) - {"resource"},
        session=request.cookies.get(SESSION_COOKIE),
        reference=request.id,
        source=request.source,
    )


def parse_authority_request(request: HttpRequest) -> AuthorityRequest:
    """What a page asks of us; browsers say where one of another origin is from."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return AuthorityRequest(
        session=request.cookies.get(SESSION_COOKIE),
        bearer=token.strip() if scheme.lower() == "bearer" else "",
        origin=request.headers.get("origin", ""),
    )


def parse_visit(request: HttpRequest) -> SignInVisit:
    """`GET /auth/login`. Raises `InvalidRequest`."""
    query = single(read_query(request))
    return SignInVisit(
        continues=query.get("continue", ""),
        strategy=query.get("id", ""),
        session=request.cookies.get(SESSION_COOKIE),
        is_own_pages=request.headers.get("sec-fetch-site") == "same-origin",
    )


def is_scripted(request: HttpRequest) -> bool:
    """Whether a page's script signs in. It gets JSON instead of a page."""
    return request.route.endswith("/signin")


def parse_sign_in_by_script(request: HttpRequest) -> SignInByScript:
    """`POST /auth/signin`: JSON and nothing else, which no form of another site can send. Raises `InvalidRequest`."""
    if media_type_of(request) != "application/json" or len(request.body) > MAX_FORM:
        raise InvalidRequest("The request body must be application/json", reason="media_type")
    try:
        document = read_json(request.body)
        given = {name: document.get(name, "") for name in ("email", "password", "continue")}
    except (ValueError, AttributeError, RecursionError):
        raise InvalidRequest("The request is not well-formed", reason="json_malformed") from None
    if not all(isinstance(value, str) for value in given.values()):
        raise InvalidRequest("The request is not well-formed", reason="json_malformed")
    return SignInByScript(
        username=given["email"],
        password=Secret(given["password"]),
        continues=given["continue"],
        origin=request.headers.get("origin", ""),
        source=request.source,
        session=request.cookies.get(SESSION_COOKIE),
        device=device_of(request),
        device_cookie=request.cookies.get(DEVICE_COOKIE),
    )


def render_continue(message: GoTo, issuer: str) -> HttpResponse:
    """The address to which a script sends its user next, with the cookies that a redirect there would set."""
    response = render_goto(message, f"{issuer}/")
    address = urljoin(f"{issuer}/", dict(response.headers)["Location"])
    body = json.dumps({"continue": address})
    return HttpResponse(200, (("Content-Type", "application/json"), *NO_STORE), body, response.cookies, response.reason)


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


def parse_device_form(request: HttpRequest) -> DeviceForm:
    """A visit to the pages of a device's user, or a form of theirs. Raises `InvalidRequest`."""
    given = single(read_form(request) if request.method == "POST" else read_query(request))
    is_form = request.method == "POST"
    return DeviceForm(
        **_brought_by(request, given),
        csrf=given.get("csrf", "") if is_form else "",
        user_code=given.get("user_code", ""),
        action=given.get("action", "") if is_form else "",
        is_link=not is_form or request.headers.get("sec-fetch-site", "none") not in OWN_PAGES,
    )


def parse_federation_form(request: HttpRequest) -> FederationForm:
    """The choice of an identity provider on the sign-in page; a visit chooses none. Raises `InvalidRequest`."""
    if request.method != "POST":
        return FederationForm(**_brought_by(request, single(read_query(request))))
    form = single(read_form(request))
    return FederationForm(
        **_brought_by(request, form),
        csrf=form.get("csrf", ""),
        provider=form.get("provider", ""),
        email=form.get("username", "") if form.get("by") == "email" else "",
    )


def parse_federation_response(request: HttpRequest) -> FederationResponse:
    """What a browser brings back from an identity provider. Raises `InvalidRequest`."""
    query = single(read_query(request))
    state, provider = query.get("state", ""), request.path_parameters.get("provider", "")
    return FederationResponse(
        browser_secret=browser_secret(request, state),
        session=request.cookies.get(SESSION_COOKIE),
        provider=provider,
        callback=None if provider else _callback(request, query),
        state=state,
        code=query.get("code", ""),
        error=query.get("error", ""),
        issuer=query.get("iss"),
        request_id=request.id,
        source=request.source,
        device=device_of(request),
    )


def _callback(request: HttpRequest, query: Mapping[str, str]) -> str:
    """The path of another system that an answer came to, as `IdentityProvider.callback_path` has it."""
    strategy, name = request.path_parameters.get("strategy"), query.get("id")
    path = CALLBACK if strategy is None else f"{CALLBACK}/{strategy}"
    return path if name is None else f"{path}?id={name}"


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
        browser_secret=browser_secret(request, handle),
        session=request.cookies.get(SESSION_COOKIE),
        source=request.source,
        device=device_of(request),
        device_cookie=request.cookies.get(DEVICE_COOKIE),
    )


def render_goto(message: GoTo, root: str) -> HttpResponse:
    """To a page of ours, which are all at `root`; 303, so that a posted password is not posted again (RFC 9700 section
    4.12)."""
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
    said = {
        "request": message.request_handle,
        "after": message.after,
        "done": message.done,
        "ui_locales": message.ui_locales,
    }
    query = urlencode({name: value for name, value in said.items() if value})
    is_elsewhere = message.page.startswith(ELSEWHERE)
    page = message.page if is_elsewhere else f"{root}{message.page}"
    headers = (("Location", f"{page}?{query}" if query else page), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    reason = "goto_continue" if is_elsewhere else f"goto_{message.page.partition('/')[0]}"
    return HttpResponse(303, headers, cookies=tuple(cookies), reason=reason)


def render_goto_provider(message: GoToProvider) -> HttpResponse:
    """To an identity provider; 303, so that the form is not posted to it."""
    headers = (("Location", message.url), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    return HttpResponse(303, headers, reason="goto_provider")


def render_redirect(message: AuthorizationResponse) -> HttpResponse:
    """An authorization response by redirect; 303, so that no form is posted on."""
    headers = (("Location", redirect_location(message)), *NO_STORE, ("Referrer-Policy", "no-referrer"))
    return HttpResponse(303, headers, reason=message.reason)


def redirect_location(message: AuthorizationResponse) -> str:
    """The redirect URI with the response in its query, beside what is there, or in its fragment.

    RFC 6749 sections 4.1.2 and 4.2.2; a registered redirect URI has no fragment of its own.
    """
    uri = message.target.uri.text
    separator = "#" if message.target.response_mode == "fragment" else "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(message.parameters)}"
