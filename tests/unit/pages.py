"""Somebody who looks at our own pages, over a server in memory: what is served is rendered, what is sent is parsed."""

import re
from dataclasses import dataclass, field
from html import unescape
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authserver.messages.browser import GoTo
from authserver.messages.site import View
from authserver.pages import Pages
from authserver.site import serve
from authserver.wire.cookies import SESSION_COOKIE
from authserver.wire.http import HttpRequest
from authserver.wire.site import parse_visit
from tests.unit.server import Browser, Server


@dataclass(frozen=True)
class Shown:
    """A page, or where the browser was sent instead; `done` is the tag of what was done."""

    status: int
    html: str = ""
    location: str = ""
    done: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What people read, tags aside."""
        body = re.sub(r"<(style|script)>.*?</\1>", "", self.html, flags=re.DOTALL)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body))).strip()

    @property
    def notices(self) -> list[str]:
        """What stands out, by its role."""
        found = re.findall(
            r'<div class="notice[^>]*role="(?:alert|status)"[^>]*>(.*?)</div></div>', self.html, re.DOTALL
        )
        return [re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", one))).strip() for one in found]


class Reader[S: Server]:
    """One person's browser on the pages of an area (`site`, a module with SCREENS and NOTICES)."""

    def __init__(self, server: S, site: ModuleType, username: str) -> None:
        self.server = server
        self.site = site
        self.name = username
        self.browser = Browser(server, username)
        self.sign_in()

    def sign_in(self) -> None:
        """Anew, as for a page that takes it."""
        pending: Any = self.browser.authorize((), frozenset(), prompt="login")
        signed_in: Any = self.browser.sign_in(pending.request_handle)
        assert isinstance(signed_in, GoTo)

    def get(self, path: str) -> Shown:
        return self._send("GET", path)

    def act(self, path: str, action: str, csrf: str | None = None, **form: str | tuple[str, ...]) -> Shown:
        """Submits a form of the page at `path`, with its token unless another is given."""
        if csrf is None:
            found = re.search(r'name="csrf" value="([^"]*)"', self.get(path).html)
            csrf = found[1] if found else ""
        return self._send("POST", path, {"csrf": csrf, "action": action, **form})

    def _send(self, method: str, path: str, form: dict[str, Any] | None = None) -> Shown:
        parts = urlsplit(path)
        route, parameters = self._route(parts.path)
        request = HttpRequest(
            method=method,
            route=f"ANY {route}",
            query=parts.query,
            headers={"content-type": "application/x-www-form-urlencoded", "host": "as.example"},
            cookies={SESSION_COOKIE: self.browser.session} if self.browser.session else {},
            body=urlencode(form or {}, doseq=True).encode(),
            path_parameters=parameters,
        )
        services = self.server.services
        answer = serve(parse_visit(request), self.site.SCREENS, self.site.NOTICES, services)
        response = Pages(services).render(answer, request)
        headers = dict(response.headers)
        location = headers.get("Location", "")
        done = parse_qs(urlsplit(location).query).get("done", [""])[0]
        html = response.body if isinstance(answer, View) else ""
        return Shown(response.status, str(html), location, done, headers, response.reason, response.cookies)

    def _route(self, path: str) -> tuple[str, dict[str, str]]:
        """As API Gateway finds it: the route with the fewest parameters that fits."""
        for screen in sorted(self.site.SCREENS, key=lambda one: one.route.count("{")):
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", screen.route)
            if found := re.fullmatch(pattern, path):
                return screen.route, found.groupdict()
        raise AssertionError(f"no page at {path}")
