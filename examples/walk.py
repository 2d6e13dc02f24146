"""What the examples share: a server with an example's configuration, a browser and clients that speak plain HTTP.

An example is a folder with

- ``parameters.json``: the template's parameters
- ``seed.json``: clients, users, organisations and scopes to begin with
- ``api.yaml`` and ``api/``: an API of its own behind the authorizer
- ``upstream.json``, if it has one: the seed of a second server, an identity provider. ``seed.json`` calls its issuer
  ``http://upstream``, because its port is not known before it runs
- ``walk.py``: `walk(site)`, the story
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from local.server import DevelopmentServer

FOLDER = Path(__file__).parent
UPSTREAM = "http://upstream"
LONG = re.compile(r"(?<=/[\w-]{8})[\w-]{32,}")  # the rest of a long identifier
HEADINGS = re.compile(r'<h1[^>]*>(.*?)</h1>|role="alert"[^>]*>(.*?)</div>|<dd lang="en">(.*?)</dd>', re.DOTALL)
TAG = re.compile(r"<[^>]*>")
REASONS = ("error", "error_description", "title", "detail", "message")  # of OAuth, RFC 9457 and API Gateway
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')

type Say = Callable[[str], None]
type Form = Mapping[str, str] | list[tuple[str, str]]


class Mismatch(Exception):
    """Something did not happen as the story tells it."""


def run(name: str, *, log: Path, say: Say) -> int:
    """Starts the server with the example's configuration and walks; the number of steps. Raises `Mismatch`."""
    folder = FOLDER / name
    parameters = json.loads((folder / "parameters.json").read_text(encoding="utf-8"))
    seed = (folder / "seed.json").read_text(encoding="utf-8")
    with ExitStack() as servers:
        upstream = ""
        if (folder / "upstream.json").exists():
            say("Starting a development server as an identity provider (a few seconds)")
            provider = DevelopmentServer(seed=folder / "upstream.json", log=log.with_name("upstream.log"))
            upstream = servers.enter_context(provider).issuer
            seed = seed.replace(UPSTREAM, upstream)
        say(f"Starting the development server with examples/{name} (a few seconds)")
        planted = log.with_name("seed.json")
        planted.write_text(seed, encoding="utf-8")
        server = servers.enter_context(
            DevelopmentServer(parameters=parameters, seed=planted, resources=folder / "api.yaml", log=log)
        )
        site = Site(server.issuer, server.resource, say, upstream)
        servers.callback(site.http.close)
        import_module(f"examples.{name}.walk").walk(site)
    say(f"\nAll {site.steps} steps happened as they should.")
    return site.steps


@dataclass
class Site:
    """Where the server is, and the story so far."""

    issuer: str
    resource: str
    say: Say
    upstream: str = ""  # the identity provider's issuer
    steps: int = 0
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the addresses of our own pages begin with."""
        return tuple(f"{issuer}/" for issuer in (self.issuer, self.upstream) if issuer)

    def step(self, title: str) -> None:
        """Begins a step."""
        self.steps += 1
        self.say(f"\n{self.steps}. {title}")

    def show(self, text: str) -> None:
        """Tells what happened."""
        self.say(f"   {text}")

    def api(
        self,
        method: str,
        path: str,
        token: str,
        *,
        expect: int | tuple[int, ...] = 200,
        document: Any = None,
    ) -> Any:
        """Calls the ResourceApi; the JSON of the answer. Raises `Mismatch` on another status than expected."""
        response = self.http.request(
            method, f"{self.resource}{path}", headers={"Authorization": f"Bearer {token}"}, json=document
        )
        self.show(f"{method} {LONG.sub('…', path)}  →  {response.status_code}")
        expected = expect if isinstance(expect, tuple) else (expect,)
        require(response.status_code in expected, f"{method} {path}: {answered(response)}")
        return response.json() if response.content else None


def require(condition: object, otherwise: str) -> None:
    """Raises `Mismatch` unless the condition holds."""
    if not condition:
        raise Mismatch(otherwise)


def answered(response: httpx.Response) -> str:
    """The status, and of a page its headings, of a document its reason: what a reader needs to know of it."""
    if "html" in response.headers.get("content-type", ""):
        found = ["".join(groups) for groups in HEADINGS.findall(response.text)]
        said = [" ".join(unescape(TAG.sub(" ", one)).split()) for one in found]
    else:
        said = _reasons(response)
    return ": ".join([str(response.status_code), *filter(None, said)])


def _reasons(response: httpx.Response) -> list[str]:
    try:
        document = response.json()
    except ValueError:
        return response.text.splitlines()[:1]
    return [str(document[name]) for name in REASONS if name in document] if isinstance(document, dict) else []


class Person:
    """A user with a browser, without JavaScript. Cookies are kept for each server, as under two names."""

    def __init__(self, site: Site, username: str, password: str) -> None:
        self.site = site
        self.username = username
        self.password = password
        self.cookies: dict[str, dict[str, str]] = {}

    def get(self, url: str, parameters: Mapping[str, str] | None = None) -> httpx.Response:
        return self._send(httpx.Request("GET", url, params=parameters))

    def post(self, url: str, form: Form) -> httpx.Response:
        pairs = list(form.items()) if isinstance(form, Mapping) else form
        body: dict[str, list[str]] = {}
        for name, value in pairs:
            body.setdefault(name, []).append(value)
        return self._send(httpx.Request("POST", urljoin(f"{self.site.issuer}/", url), data=body))

    def _send(self, request: httpx.Request) -> httpx.Response:
        cookies = self.cookies.setdefault(request.url.netloc.decode(), {})
        request.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        response = self.site.http.send(request)
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        return response

    def follow(self, response: httpx.Response) -> httpx.Response:
        """Goes where a server sends the browser, for as long as that is the site or its identity provider."""
        while response.is_redirect:
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(self.site.addresses):
                break
            response = self.get(target)
        return response

    def opens(self, request: Mapping[str, str]) -> httpx.Response:
        """Opens the client's link: the sign-in page, the consent page, or the answer."""
        return self.follow(self.get(f"{self.site.issuer}/authorize", request))

    def sign_in(self, page: httpx.Response) -> httpx.Response:
        """Fills in the sign-in page, the site's or its identity provider's."""
        filled = {**hidden(page), "username": self.username, "password": self.password}
        return self.follow(self.post(urljoin(str(page.url), "login"), filled))

    def to_consent(self, request: Mapping[str, str]) -> httpx.Response:
        """Opens the client's link and signs in if asked to; the consent page, or the answer."""
        page = self.opens(request)
        return self.sign_in(page) if 'name="password"' in page.text else page

    def decide(self, page: httpx.Response, decision: str = "allow", entities: Iterable[str] = ()) -> httpx.Response:
        """Presses a button of the consent page."""
        chosen = [("entities", one) for one in entities]
        form = [*hidden(page).items(), ("decision", decision), *chosen]
        return self.post(urljoin(str(page.url), "consent"), form)

    def connects(self, request: Mapping[str, str], entities: Iterable[str] = ()) -> dict[str, str]:
        """Does what the pages ask for; returns the parameters that the client receives."""
        page = self.to_consent(request)
        return answer_of(self.decide(page, "allow", entities) if 'name="decision"' in page.text else page)


def hidden(page: httpx.Response) -> dict[str, str]:
    return {unescape(name): unescape(value) for name, value in HIDDEN.findall(page.text)}


def answer_of(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect to the client, in its query or its fragment."""
    require(response.is_redirect, f"no redirect but {answered(response)}")
    location = urlsplit(response.headers["location"])
    return {name: values[0] for name, values in parse_qs(location.fragment or location.query).items()}


@dataclass
class Application:
    """A client: what it asks for through the browser, and its back channel."""

    site: Site
    client_id: str
    secret: str
    redirect_uri: str = ""
    scope: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def request(self, **changed: str) -> dict[str, str]:
        """An authorization request with PKCE."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (parameters | changed).items() if value}

    def post(self, path: str, **form: str) -> httpx.Response:
        """Posts a form with the client's own authentication."""
        if self.secret:
            return self.site.http.post(f"{self.site.issuer}{path}", data=form, auth=(self.client_id, self.secret))
        return self.site.http.post(f"{self.site.issuer}{path}", data={"client_id": self.client_id, **form})

    def token(self, **form: str) -> dict[str, Any]:
        """The token response. Raises `Mismatch` on any other."""
        response = self.post("/token", **form)
        require(response.status_code == 200, f"POST /token: {answered(response)}")
        tokens: dict[str, Any] = response.json()
        return tokens

    def exchange(self, answer: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for the code of an authorization response."""
        return self.token(
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=self.redirect_uri,
            code_verifier=self.verifier,
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)
