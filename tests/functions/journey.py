"""People and client applications, as these tests need them: whole flows over the functions' handlers."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from tests.functions.gateway import Answer, Gateway, basic

INPUT = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


def hidden_fields(page: Answer) -> dict[str, str]:
    return {unescape(name): unescape(value) for name, value in INPUT.findall(page.body)}


def parameters_of(answer: Answer) -> dict[str, str]:
    """The parameters of a redirect to the client, in its query or its fragment."""
    location = urlsplit(answer.location)
    return dict(parse_qsl(location.fragment or location.query))


class Browser:
    """One person's browser, with cookies."""

    def __init__(self, gateway: Gateway, username: str = "alice", password: str = "wonderland-demo") -> None:
        self.gateway = gateway
        self.username = username
        self.password = password
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.path = "/"

    def send(self, method: str, path: str, **options: Any) -> Answer:
        self.path = path
        headers = self.headers | options.pop("headers", {})
        answer = self.gateway.send(method, path, headers=headers, cookies=self.cookies, **options)
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def authorize(self, parameters: Mapping[str, str]) -> Answer:
        return self.send("GET", "/authorize", query=parameters)

    def follow(self, answer: Answer) -> Answer:
        """Follow redirects among our own pages."""
        while answer.status == 303 and "://" not in answer.location and not answer.location.startswith("com."):
            path, _, query = urljoin(self.path, answer.location).partition("?")
            answer = self.send("GET", path, query=query.encode())
        return answer

    def visit(self, path: str) -> Answer:
        """Open a page of ours, signing in if it asks."""
        answer = self.follow(self.send("GET", path))
        return self.follow(self.sign_in(answer)) if 'name="password"' in answer.body else answer

    def act(self, page: Answer, path: str, action: str, **form: Any) -> Answer:
        """Submit the form of a page of ours that does `action`; the answer to it."""
        token = re.search(r'name="csrf" value="([^"]*)"', page.body)
        assert token, page
        return self.send("POST", path, form={"csrf": token[1], "action": action, **form})

    def sign_in(self, page: Answer, **changed: str) -> Answer:
        form = hidden_fields(page) | {"username": self.username, "password": self.password} | changed
        return self.send("POST", "/login", form=form)

    def decide(self, page: Answer, decision: str = "allow", **changed: str) -> Answer:
        return self.send("POST", "/consent", form=hidden_fields(page) | {"decision": decision} | changed)

    def go_through(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Do whatever the pages ask for; the client's parameters."""
        answer = self.follow(self.authorize(parameters))
        if 'name="password"' in answer.body:
            answer = self.follow(self.sign_in(answer))
        if 'name="decision"' in answer.body:
            answer = self.decide(answer)
        return parameters_of(answer)


@dataclass
class App:
    """A client application of the seed."""

    gateway: Gateway
    client_id: str
    secret: str = ""
    redirect_uri: str = ""
    scope: str = "openid profile email read"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    in_body: bool = False

    def request(self, **changed: str) -> dict[str, str]:
        """An authorization request; empty values are left out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": self.scope,
            "state": "a state",
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (parameters | changed).items() if value}

    def form(self, **form: str) -> tuple[dict[str, str], dict[str, str]]:
        """Form and headers with this client's authentication."""
        if self.secret and not self.in_body:
            return form, basic(self.client_id, self.secret)
        own = {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})
        return own | form, {}

    def post(self, path: str, **form: str) -> Answer:
        body, headers = self.form(**form)
        return self.gateway.post(path, body, headers=headers)

    def exchange(self, code: str, **changed: str) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return self.post("/token", **(form | changed))

    def refresh(self, token: str, path: str = "/token", **changed: str) -> Answer:
        return self.post(path, **({"grant_type": "refresh_token", "refresh_token": token} | changed))

    def own_token(self, **changed: str) -> Answer:
        return self.post("/token", **({"grant_type": "client_credentials"} | changed))

    def tokens(self, browser: Browser | None = None, **changed: str) -> dict[str, Any]:
        """The whole flow; the token response."""
        person = browser or Browser(self.gateway)
        answer = self.exchange(person.go_through(self.request(**changed))["code"])
        assert answer.status == 200, answer
        tokens: dict[str, Any] = answer.json()
        return tokens


def native(gateway: Gateway) -> App:
    return App(gateway, "demo-app", "", "http://127.0.0.1:8080/callback")


def web(gateway: Gateway, redirect_uri: str = "https://app.example.com/callback") -> App:
    """Consent is remembered at https redirect URIs alone."""
    return App(gateway, "demo-web", "demo-web-secret-for-development-only", redirect_uri)


def other(gateway: Gateway) -> App:
    return App(
        gateway,
        "other-web",
        "other-web-secret-for-development-only",
        "http://127.0.0.1:8082/callback",
        in_body=True,
    )


def machine(gateway: Gateway) -> App:
    return App(gateway, "demo-machine", "demo-machine-secret-for-development-only")


def admin(gateway: Gateway) -> App:
    return App(gateway, "demo-admin", "demo-admin-secret-for-development-only")


def portal(gateway: Gateway) -> App:
    return App(gateway, "demo-portal", "", "http://127.0.0.1:8083/callback", "openid account partner")
