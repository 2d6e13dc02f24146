"""The pages that people see, and every answer that goes through a browser. The only importer of jinja2.

Pages are plain HTML that works without JavaScript, under a Content-Security-Policy that allows one stylesheet, by its
hash, and nothing else. There is no form-action on pages with a form: Chromium applies it to every redirect that follows
the form, and where the client sends the browser next is not ours to know; nor can it name an IPv6 address.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from authserver.errors import OAuthError
from authserver.messages import (
    ApprovalAsked,
    AuthorizationResponse,
    ConsentPage,
    FederationProblem,
    GoTo,
    GoToProvider,
    LoginPage,
)
from authserver.values import is_web_page
from authserver.wire import (
    NO_STORE,
    HttpResponse,
    error_headers,
    render_goto,
    render_goto_provider,
    render_redirect,
)

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
AUTO_SUBMIT = "document.forms[0].submit()"

HTML_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    *NO_STORE,
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
)

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, auto_reload=False, undefined=StrictUndefined
)


type Answer = AuthorizationResponse | GoTo | GoToProvider | LoginPage | ConsentPage | FederationProblem | ApprovalAsked


def render(message: Answer) -> HttpResponse:
    """The answer to a browser."""
    match message:
        case GoTo():
            return render_goto(message)
        case AuthorizationResponse() if message.target.response_mode == "form_post":
            return _form_post(message)
        case AuthorizationResponse():
            return render_redirect(message)
        case LoginPage():
            return _login(message)
        case ConsentPage():
            return _consent(message)
        case ApprovalAsked():
            return _approval_asked(message)
        case GoToProvider():
            return render_goto_provider(message)
        case FederationProblem():
            return _page("federation.html", message.status, message.reason, has_form=False, page=message)


def render_error(error: OAuthError) -> HttpResponse:
    """An error that is not to be redirected: RFC 6749 section 4.1.2.1."""
    response = _page(
        "error.html", error.status, error.reason, has_form=False, description=error.description, error=error.error
    )
    return response.with_headers(*error_headers(error))


def _login(page: LoginPage) -> HttpResponse:
    reason = "login_page" if page.status == 200 else f"login_{page.status}"
    response = _page("login.html", page.status, reason, page=page)
    return response if page.retry_after is None else response.with_headers(("Retry-After", str(page.retry_after)))


def _consent(page: ConsentPage) -> HttpResponse:
    return _page(
        "consent.html",
        400 if page.problem else 200,
        "consent_page",
        page=page,
        links=_links(page),
        lasts=_in_words(page.lifetime),
    )


def _approval_asked(page: ApprovalAsked) -> HttpResponse:
    """What happens next, and the way back to the application, which hears that access is denied for now."""
    target = page.back.target
    if target.response_mode == "form_post":
        return _form_post(page.back)
    (back,) = [value for name, value in render_redirect(page.back).headers if name == "Location"]
    return _page("approval_asked.html", 200, page.back.reason, has_form=False, page=page, back=back)


def _links(page: ConsentPage) -> list[tuple[str, str]]:
    """The client's own pages that may be linked to, whatever is stored of it."""
    links = (("Privacy policy", page.client.policy_uri), ("Terms of service", page.client.tos_uri))
    return [(label, uri) for label, uri in links if uri and is_web_page(uri)]


def _form_post(message: AuthorizationResponse) -> HttpResponse:
    """OAuth 2.0 Form Post Response Mode section 2; without JavaScript, a button does it."""
    return _page(
        "form_post.html",
        200,
        message.reason,
        script=AUTO_SUBMIT,
        action=message.target.uri.text,
        parameters=message.parameters,
    )


def _page(
    template: str, status: int, reason: str, *, script: str = "", has_form: bool = True, **context: object
) -> HttpResponse:
    body = _templates.get_template(template).render(style=STYLE, script=script, **context)
    policy = _content_security_policy(script, has_form=has_form)
    return HttpResponse(status, (*HTML_HEADERS, ("Content-Security-Policy", policy)), body, reason=reason)


def _content_security_policy(script: str, *, has_form: bool) -> str:
    directives = [
        "default-src 'none'",
        f"style-src '{_hash_source(STYLE)}'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    if not has_form:
        directives.append("form-action 'none'")
    if script:
        directives.append(f"script-src '{_hash_source(script)}'")
    return "; ".join(directives)


def _hash_source(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _in_words(seconds: int) -> str:
    """A duration as people say it, in the largest unit that fits at least twice."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
