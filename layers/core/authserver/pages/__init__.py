"""The pages that people see, and every answer that goes through a browser. The only importer of jinja2.

Pages are plain HTML that works without JavaScript, under a Content-Security-Policy that allows the page's own style and
scripts, by their hashes, and nothing else. There is no form-action on pages whose form may end at a client: Chromium
applies it to every redirect that follows the form, and where the client sends the browser next is not ours to know; nor
can it name an IPv6 address.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment
from markupsafe import Markup

from authserver.errors import OAuthError, RequestEnded, TemporarilyUnavailable, TooManyAttempts
from authserver.messages.authorization import AuthorizationResponse, UnverifiedRefusal
from authserver.messages.browser import (
    ApprovalAsked,
    CodePage,
    ConsentPage,
    DeviceAnswered,
    FederationProblem,
    GoTo,
    GoToProvider,
    LoginPage,
    Permission,
)
from authserver.messages.logout import GoToLogout, LogoutPage, SignedOut
from authserver.messages.site import Download, View
from authserver.models.clients import Client
from authserver.models.configuration import CALLBACK
from authserver.pages.environment import environment_of
from authserver.pages.language import choose, translations
from authserver.pages.looks import style_of
from authserver.pages.mistakes import explain
from authserver.pages.qr import grouped, qr
from authserver.pages.words import Words, host, initials, iso, tint
from authserver.services import Services
from authserver.values import is_web_page, segment_of
from authserver.wire.browser import redirect_location, render_goto, render_goto_provider, render_redirect
from authserver.wire.cookies import session_cookie
from authserver.wire.forms import read_query
from authserver.wire.http import NO_STORE, HttpRequest, HttpResponse, error_headers
from authserver.wire.logout import post_logout_location, render_goto_logout, render_post_logout

HERE = Path(__file__).parent

HEADERS = (
    *NO_STORE,
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
)
# What a page's forms may lead to, besides nothing: pages of ours, or wherever a client's redirect URI leads.
NOWHERE, HERE_ONLY, ANYWHERE = "form-action 'none'", "form-action 'self'", ""

type Answer = (
    AuthorizationResponse
    | GoTo
    | GoToLogout
    | GoToProvider
    | LoginPage
    | CodePage
    | ConsentPage
    | FederationProblem
    | ApprovalAsked
    | UnverifiedRefusal
    | DeviceAnswered
    | LogoutPage
    | SignedOut
    | View
    | Download
)


class Pages:
    """Renders answers to browsers, in the language and the looks that they get."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def render(self, message: Answer, request: HttpRequest) -> HttpResponse:
        """The answer to a browser."""
        match message:
            case GoTo() | GoToProvider() | GoToLogout():
                return _onwards(message, self._root(request))
            case AuthorizationResponse() | UnverifiedRefusal():
                return self._back_to_client(message, request)
            case LoginPage():
                return self._login(message, request)
            case CodePage():
                return self._code(message, request)
            case ConsentPage():
                return self._consent(message, request)
            case ApprovalAsked() | DeviceAnswered():
                return self._answered(message, request)
            case FederationProblem():
                return self._page(
                    "federation", request, message.status, message.reason, NOWHERE, page=message, reference=request.id
                )
            case LogoutPage() | SignedOut():
                return self._logout(message, request)
            case View() | Download():
                return self._view(message, request)

    def render_error(self, error: OAuthError, request: HttpRequest) -> HttpResponse:
        """An error that is not to be redirected: RFC 6749 section 4.1.2.1."""
        return self._error(error, request, NOWHERE).with_headers(*error_headers(error))

    # -- pages of a pending request

    def _login(self, page: LoginPage, request: HttpRequest) -> HttpResponse:
        reason = page.reason or _reason("login", page.status)
        response = self._page("login", request, page.status, reason, ANYWHERE, ui_locales=page.ui_locales, page=page)
        return _with_retry_after(response, page.retry_after)

    def _code(self, page: CodePage, request: HttpRequest) -> HttpResponse:
        reason = _reason("code", page.status)
        response = self._page("code", request, page.status, reason, ANYWHERE, ui_locales=page.ui_locales, page=page)
        return _with_retry_after(response, page.retry_after)

    def _consent(self, page: ConsentPage, request: HttpRequest) -> HttpResponse:
        return self._page(
            "consent",
            request,
            400 if page.problem else 200,
            "consent_page",
            ANYWHERE,
            ui_locales=page.ui_locales,
            page=page,
            groups={
                "new": _grouped(one for one in page.permissions if one.is_new),
                "known": _grouped(one for one in page.permissions if not one.is_new),
            },
            has_options=any(one.optional for one in page.permissions),
            about=_about(page.client),
        )

    def _back_to_client(self, message: AuthorizationResponse | UnverifiedRefusal, request: HttpRequest) -> HttpResponse:
        if isinstance(message, UnverifiedRefusal):
            return self._unverified(message, request)
        if message.target.response_mode == "form_post":
            return self._form_post(message, request)
        return render_redirect(message)

    def _answered(self, page: ApprovalAsked | DeviceAnswered, request: HttpRequest) -> HttpResponse:
        if isinstance(page, ApprovalAsked):
            return self._approval_asked(page, request)
        status, reason = 200, "device_allowed" if page.is_allowed else "device_denied"
        if page.is_too_late:
            status, reason = 400, "device_over"
        return self._page("device/answered", request, status, reason, NOWHERE, ui_locales=page.ui_locales, page=page)

    def _approval_asked(self, page: ApprovalAsked, request: HttpRequest) -> HttpResponse:
        """What happens next, and the way back to the application, which hears that access is denied for now; there is
        none to a device."""
        if isinstance(page.back, DeviceAnswered):
            return self._page(
                "approval_asked", request, 200, "approval_asked", NOWHERE, ui_locales=page.ui_locales, page=page
            )
        if page.back.target.response_mode == "form_post":
            return self._form_post(page.back, request)
        back = redirect_location(page.back)
        return self._page(
            "approval_asked", request, 200, page.back.reason, NOWHERE, ui_locales=page.ui_locales, page=page, back=back
        )

    def _unverified(self, page: UnverifiedRefusal, request: HttpRequest) -> HttpResponse:
        """What is wrong with a request, and the way back to an unverified application: by a click."""
        forms = ANYWHERE if page.back.target.response_mode == "form_post" else NOWHERE
        return self._error(page.error, request, forms, page)

    def _error(
        self, error: OAuthError, request: HttpRequest, forms: str, offer: UnverifiedRefusal | None = None
    ) -> HttpResponse:
        return self._page(
            "error",
            request,
            error.status,
            error.reason,
            forms,
            ui_locales=offer.ui_locales if offer else "",
            mistake=explain(error),
            error=error,
            reference=request.id,
            offer=offer,
            back=redirect_location(offer.back) if offer else "",
            app=error.place if isinstance(error, RequestEnded) else "",
        )

    def _form_post(self, message: AuthorizationResponse, request: HttpRequest) -> HttpResponse:
        """OAuth 2.0 Form Post Response Mode section 2; without JavaScript, a button does it."""
        return self._page(
            "form_post",
            request,
            200,
            message.reason,
            ANYWHERE,
            action=message.target.uri.text,
            parameters=message.parameters,
        )

    def _logout(self, message: LogoutPage | SignedOut, request: HttpRequest) -> HttpResponse:
        if isinstance(message, LogoutPage):
            forms = ANYWHERE if message.target else HERE_ONLY
            status, reason = _flawed(message.flaw, "logout_page")
            return self._page("logout", request, status, reason, forms, ui_locales=message.ui_locales, page=message)
        response = self._signed_out(message, request)
        return replace(response, cookies=(session_cookie("", 0),)) if message.ends_cookie else response

    def _signed_out(self, message: SignedOut, request: HttpRequest) -> HttpResponse:
        if message.target and message.goes_back:
            return render_post_logout(message.target)
        back = post_logout_location(message.target) if message.target else ""
        status, reason = _flawed(message.flaw, "signed_out")
        return self._page(
            "signed_out", request, status, reason, NOWHERE, ui_locales=message.ui_locales, page=message, back=back
        )

    # -- pages of people who are signed in

    def _view(self, view: View | Download, request: HttpRequest) -> HttpResponse:
        if isinstance(view, Download):
            return _download(view)
        response = self._page(view.template, request, view.status, view.reason, HERE_ONLY, **view.context)
        if view.session is None:
            return response
        cookie = session_cookie(view.session, view.session_lifetime)
        return HttpResponse(response.status, response.headers, response.body, (cookie,), response.reason)

    # -- all of them

    def _page(
        self,
        template: str,
        request: HttpRequest,
        status: int,
        reason: str,
        forms: str,
        *,
        ui_locales: str = "",
        **context: object,
    ) -> HttpResponse:
        language = choose(
            ui_locales or _asked_locales(request),
            request.headers.get("accept-language", ""),
            pseudo=self._services.settings.issuer.startswith("http:"),  # which only development is
        )
        # What keeps the store from answering keeps it from telling the looks as well.
        theme = self._services.theme(remembered=status == TemporarilyUnavailable.status)
        inline = Inline(style_of(theme))
        page = _templates(language).get_template(f"{template}.html")
        body = page.render(inline=inline, root=self._root(request), theme=theme, **context)
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            *HEADERS,
            ("Content-Language", language),
            ("Content-Security-Policy", inline.content_security_policy(forms)),
        )
        return HttpResponse(status, headers, body, reason=reason)

    def _root(self, request: HttpRequest) -> str:
        """What leads from the page back to where all pages are: links are relative, whatever the issuer's path is; but
        where another system's path was called, which is not beneath it."""
        path = request.route.partition(" ")[2]
        if path.startswith(CALLBACK) and (base := urlsplit(self._services.settings.issuer).path):
            return f"{base}/"
        return "../" * (path.count("/") - 1)


def _reason(page: str, status: int) -> str:
    """Of a page that is shown, or shown again with this status."""
    if status == TooManyAttempts.status:
        return "throttled"
    return f"{page}_page" if status == 200 else f"{page}_{status}"


def _flawed(flaw: OAuthError | None, reason: str) -> tuple[int, str]:
    """Status and reason of a page that does what it can, whatever is wrong with the request."""
    return (flaw.status, flaw.reason) if flaw else (200, reason)


def _onwards(message: GoTo | GoToProvider | GoToLogout, root: str) -> HttpResponse:
    match message:
        case GoTo():
            return render_goto(message, root)
        case GoToProvider():
            return render_goto_provider(message)
        case GoToLogout():
            return render_goto_logout(message, root)


class Inline:
    """The style and the scripts that stand in a page; what it used is what its policy allows."""

    def __init__(self, style: str) -> None:
        self._style = style
        self._scripts: dict[str, str] = {}

    def style(self) -> Markup:
        """The page's style sheet."""
        return Markup(f"<style>{self._style}</style>")  # noqa: S704  our own file

    def script(self, name: str) -> Markup:
        """A script of ours, as the page needs it, and once however often it is asked for; it works without as well."""
        if name in self._scripts:
            return Markup()
        self._scripts[name] = _script(name)
        return Markup(f"<script>{self._scripts[name]}</script>")  # noqa: S704  our own file

    def content_security_policy(self, forms: str) -> str:
        """The policy that allows this and nothing else."""
        directives = [
            "default-src 'none'",
            f"style-src '{_hash_source(self._style)}'",
            "img-src data:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
        if forms:
            directives.append(forms)
        if self._scripts:
            hashes = " ".join(f"'{_hash_source(script)}'" for script in self._scripts.values())
            directives.append(f"script-src {hashes}")
        if "playground" in self._scripts:
            directives.append("connect-src 'self'")
        return "; ".join(directives)


@lru_cache
def _templates(language: str) -> Environment:
    environment = environment_of(HERE / "templates", language, blocks_on_lines=True)
    words = Words(translations(language))
    environment.filters |= {"day": words.day, "moment": words.moment, "duration": words.duration}
    environment.filters |= {"host": host, "initials": initials, "iso": iso, "tint": tint}
    environment.filters |= {"qr": qr, "grouped": grouped, "segment": segment_of}
    return environment


@lru_cache
def _script(name: str) -> str:
    return (HERE / "scripts" / f"{name}.js").read_text(encoding="utf-8")


@lru_cache
def _hash_source(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _with_retry_after(response: HttpResponse, seconds: int | None) -> HttpResponse:
    return response if seconds is None else response.with_headers(("Retry-After", str(seconds)))


def _asked_locales(request: HttpRequest) -> str:
    try:
        return dict(read_query(request)).get("ui_locales", "")
    except OAuthError:
        return ""


def _download(file: Download) -> HttpResponse:
    headers = (
        ("Content-Type", f"{file.media_type}; charset=utf-8"),
        ("Content-Disposition", f'attachment; filename="{file.name}"'),
        *HEADERS,
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
    )
    return HttpResponse(200, headers, file.content, reason="download")


def _grouped(permissions: Iterable[Permission]) -> dict[str, list[Permission]]:
    """Under their headings, in the order in which they were asked for."""
    groups: dict[str, list[Permission]] = {}
    for one in permissions:
        groups.setdefault(one.scope.group, []).append(one)
    return groups


def _about(client: Client) -> dict[str, Any]:
    """What the client says of itself, and since when; links only to pages that may be linked to, whatever is stored."""
    return {
        "website": _link(client.client_uri),
        "policy": _link(client.policy_uri),
        "terms": _link(client.tos_uri),
        "contact": next(iter(client.contacts), ""),
        "since": client.created_at,
    }


def _link(uri: str) -> dict[str, str | None] | None:
    return {"uri": uri, "host": urlsplit(uri).hostname} if uri and is_web_page(uri) else None
