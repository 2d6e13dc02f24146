"""A person whose browser goes across sites: to an application, from there to the server's pages, and back."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx

from tests.flows.person import INPUT

FORM = re.compile(r'<form\b(?=[^>]*method="post")[^>]*action="([^"]*)"', re.IGNORECASE)
ACTION = re.compile(r'<input type="hidden" name="(\$ACTION_ID_\w+)"')  # of a form for a React server action
CODE = re.compile(r'<input\b(?=[^>]*name="user_code")[^>]*value="([^"]+)"')  # that a device's link has filled in
MOST_STEPS = 30


@dataclass(frozen=True)
class Arrival:
    """Where the browser ended, and what it shows there: nothing, where no site answers."""

    address: str
    text: str = ""


class Visitor:
    """Keeps cookies by site, follows redirects; signs in, says yes and allows wherever a page of the server asks."""

    def __init__(self, username: str = "alice", password: str = "wonderland-demo") -> None:
        self.username = username
        self.password = password
        self.cookies: dict[str, dict[str, str]] = {}

    def go(self, address: str, *, until: str = "") -> Arrival:
        """Opens the address. A redirect to what begins with `until` is where it ends, without asking for it."""
        response = self._send(httpx.Request("GET", address))
        for _ in range(MOST_STEPS):
            if response.is_redirect:
                location = urljoin(str(response.url), response.headers["location"])
                if until and location.startswith(until):
                    return Arrival(location)
                response = self._send(httpx.Request("GET", location))
            elif 'name="password"' in response.text:
                response = self._submit(response, username=self.username, password=self.password)
            elif code := CODE.search(response.text):
                response = self._submit(response, user_code=code[1])
            elif 'value="confirm"' in response.text:
                response = self._submit(response, action="confirm")
            elif 'name="decision"' in response.text:
                response = self._submit(response, decision="allow")
            elif action := ACTION.search(response.text):
                response = self._send(httpx.Request("POST", response.url, files={action[1]: (None, "")}))
            elif 'name="csrfToken"' in response.text:
                response = self._submit(response)  # Auth.js's own page, with a button for the server
            else:
                return Arrival(str(response.url), response.text)
        raise AssertionError(f"{response.url} never ends")

    def _submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        form = {unescape(name): unescape(value) for name, value in INPUT.findall(page.text)} | fields
        action = unescape(FORM.findall(page.text)[0])
        return self._send(httpx.Request("POST", urljoin(str(page.url), action), data=form))

    def _send(self, request: httpx.Request) -> httpx.Response:
        jar = self.cookies.setdefault(urlsplit(str(request.url)).netloc, {})
        if jar:
            request.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        with httpx.Client(timeout=60) as http:
            response = http.send(request)
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            jar[name] = value
        return response
