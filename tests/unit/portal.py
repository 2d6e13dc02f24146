"""People on their own pages, over stores in memory: what `serve` answers, and the page that it becomes."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from authserver.endpoints.browsers.under_way import begin_session, visitor_csrf
from authserver.identity.begin import begun_of, key_text
from authserver.messages.browser import GoTo
from authserver.messages.site import Download, View, Visit
from authserver.models.users import User
from authserver.pages import Pages
from authserver.site import serve
from authserver.site.developer import NOTICES, SCREENS
from authserver.wire.http import HttpRequest
from tests.unit.server import Server

type Form = Mapping[str, str | tuple[str, ...]]


class Developer:
    """Somebody who is signed in, in the developer portal."""

    def __init__(self, server: Server, user: User) -> None:
        self.server = server
        self.user = user
        self.sign_in()

    def sign_in(self) -> None:
        ends = self.server.record.ends(key_text(self.user.sub))
        self.cookie = begin_session(self.user.sub, "", begun_of(ends), ends.subject.sessions, self.server.services)

    def get(self, route: str, query: Mapping[str, str] | None = None, **path: str) -> View | GoTo:
        return self._serve("GET", route, {}, query or {}, path)

    def post(self, route: str, action: str, form: Form, *, csrf: str | None = None, **path: str) -> View | GoTo:
        token = self.csrf() if csrf is None else csrf
        return self._serve("POST", route, {**form, "action": action, "csrf": token}, {}, path)

    def csrf(self) -> str:
        page = self.get("/developer")
        assert isinstance(page, View)
        return visitor_csrf(page.context["visitor"].session, self.server.services)

    def see(self, answer: View | GoTo, route: str, language: str = "en") -> str:
        """The page as HTML."""
        assert isinstance(answer, View), answer
        request = HttpRequest("GET", f"ANY {route}", headers={"accept-language": language}, id="reference")
        response = Pages(self.server.services).render(answer, request)
        assert response.status == answer.status
        return response.body

    def _serve(
        self, method: str, route: str, form: Form, query: Mapping[str, str], path: Mapping[str, str]
    ) -> View | GoTo:
        fields = {name: (value,) if isinstance(value, str) else value for name, value in form.items()}
        address = route.removeprefix("/").format(**path)
        visit = Visit(method, route, address, path, query, fields, session=self.cookie)
        answer = serve(visit, SCREENS, NOTICES, self.server.services)
        assert not isinstance(answer, Download)
        return answer


def words(page: str) -> str:
    """What a page says, without its marks."""
    body = page.partition("<body")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def copied(page: str, name: str) -> Any:
    """What a page shows to be copied."""
    found = re.search(rf'<code id="{name}"[^>]*>([^<]*)</code>', page)
    assert found, page
    return unescape(found[1])
