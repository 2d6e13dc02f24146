"""A person with a browser, and a client with a back channel, as the flow tests need them: plain HTTP, no JavaScript."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

MOST_SIGN_INS = 50  # in a second
INPUT = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


@dataclass(frozen=True)
class Deployment:
    """Where the server under test is."""

    issuer: str
    resource: str
    kind: str = "development server"

    @property
    def has_gateway_responses(self) -> bool:
        """`sam local` answers for a refused call in its own way, without our challenge."""
        return self.kind != "sam local"

    @property
    def has_challenges_of_the_authorizer(self) -> bool:
        """The emulator of AWS puts nothing of the authorizer's context into a gateway response."""
        return self.kind not in ("sam local", "emulator")


@dataclass(frozen=True)
class Proof:
    """A PKCE verifier and its challenge (RFC 7636)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Browser:
    """Keeps cookies as browsers do: those that are Secure on loopback too. Redirects are for the test to follow."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def get(self, url: str, params: Mapping[str, str | Sequence[str]] | None = None) -> httpx.Response:
        return self._send(httpx.Request("GET", url, params=params))

    def post(self, url: str, data: Mapping[str, str]) -> httpx.Response:
        return self._send(httpx.Request("POST", url, data=data))

    def _send(self, request: httpx.Request) -> httpx.Response:
        if self.cookies:
            request.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with httpx.Client(timeout=60) as http:
            response = http.send(request)
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response


def hidden_fields(page: httpx.Response) -> dict[str, str]:
    return {unescape(name): unescape(value) for name, value in INPUT.findall(page.text)}


class Person:
    """Goes through the pages; `authorize_path` is where an application sends them to."""

    authorize_path = "/authorize"

    def __init__(self, deployment: Deployment, username: str = "alice", password: str = "wonderland-demo") -> None:
        self.deployment = deployment
        self.username = username
        self.password = password
        self.browser = Browser()

    def authorize(self, **parameters: str | Sequence[str]) -> httpx.Response:
        """Opens the authorization endpoint; its first answer."""
        return self.browser.get(f"{self.deployment.issuer}{self.authorize_path}", params=parameters)

    def follow(self, response: httpx.Response) -> httpx.Response:
        """Follows redirects for as long as they stay on the server."""
        while response.is_redirect and self._is_here(response):
            response = self.browser.get(urljoin(str(response.url), response.headers["location"]))
        return response

    def sign_in(self, page: httpx.Response, password: str | None = None) -> httpx.Response:
        """Fills in the sign-in page; the answer to the form."""
        form = hidden_fields(page) | {"username": self.username, "password": password or self.password}
        return self.browser.post(f"{self.deployment.issuer}/login", data=form)

    def sign_in_after_a_cutoff(self, page: httpx.Response) -> httpx.Response:
        """The same, and again for as long as it is the very second of the cutoff: what begins in it does not stand."""
        for _ in range(MOST_SIGN_INS):
            response = self.follow(self.sign_in(page))
            if 'name="password"' not in response.text:
                return response
            page = response
        raise AssertionError(response.text)

    def decide(self, page: httpx.Response, decision: str = "allow") -> httpx.Response:
        """Presses a button of the consent page; the answer to the form."""
        form = hidden_fields(page) | {"decision": decision}
        return self.browser.post(f"{self.deployment.issuer}/consent", data=form)

    def go_through(self, decision: str = "allow", **parameters: str | list[str]) -> dict[str, str]:
        """Does whatever the pages ask for; the parameters that the client gets."""
        response = self.follow(self.authorize(**parameters))
        if 'name="password"' in response.text:
            response = self.follow(self.sign_in(response))
        if 'name="decision"' in response.text:
            response = self.decide(response, decision)
        return answer_of(response)

    def _is_here(self, response: httpx.Response) -> bool:
        return urljoin(str(response.url), response.headers["location"]).startswith(self.deployment.issuer + "/")


def answer_of(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect to the client, in its query or its fragment."""
    assert response.is_redirect, f"{response.status_code} {response.text[:2000]}"
    location = urlsplit(response.headers["location"])
    parameters = parse_qs(location.fragment or location.query, keep_blank_values=True)
    return {name: values[0] for name, values in parameters.items()}


@dataclass
class App:
    """A client application's back channel."""

    deployment: Deployment
    client_id: str
    secret: str | None = None
    redirect_uri: str = ""
    method: str = "client_secret_basic"

    def request(self, **parameters: str) -> tuple[dict[str, str], Proof]:
        """An authorization request, and the proof that belongs to it."""
        proof = Proof()
        request = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile email read",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": proof.challenge,
            "code_challenge_method": "S256",
        }
        merged = {name: value for name, value in (request | parameters).items() if value != ""}
        return merged, proof

    def post(self, path: str, **form: str | list[str]) -> httpx.Response:
        """Posts a form with this client's authentication."""
        auth: httpx.Auth | None = None
        if self.secret is None or self.method == "client_secret_post":
            form["client_id"] = self.client_id
        if self.secret and self.method == "client_secret_post":
            form["client_secret"] = self.secret
        elif self.secret:
            auth = httpx.BasicAuth(self.client_id, self.secret)
        return httpx.post(f"{self.deployment.issuer}{path}", data=form, auth=auth, timeout=60)

    def exchange(self, code: str, proof: Proof, **form: str | list[str]) -> httpx.Response:
        return self.post(
            "/token",
            **{
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": proof.verifier,
                **form,
            },
        )

    def refresh(self, token: str, path: str = "/token", **form: str | list[str]) -> httpx.Response:
        return self.post(path, **{"grant_type": "refresh_token", "refresh_token": token, **form})

    def tokens_for(self, person: Person, **parameters: str) -> dict[str, Any]:
        """The whole flow; the token response."""
        request, proof = self.request(**parameters)
        answer = person.go_through(**request)
        assert answer["state"] == request["state"]
        response = self.exchange(answer["code"], proof)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    def call(self, path: str, token: str, method: str = "GET", **options: Any) -> httpx.Response:
        """Calls the ResourceApi with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, f"{self.deployment.resource}{path}", headers=headers, timeout=60, **options)

    def ask_itself(self, token: str) -> httpx.Response:
        """Asks what a token is, with the token itself."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{self.deployment.issuer}/introspect", headers=headers, timeout=60)


def demo_app(deployment: Deployment) -> App:
    return App(deployment, "demo-app", None, "http://127.0.0.1:8080/callback")


def demo_web(deployment: Deployment) -> App:
    return App(deployment, "demo-web", "demo-web-secret-for-development-only", "http://127.0.0.1:8081/callback")


def demo_machine(deployment: Deployment) -> App:
    return App(deployment, "demo-machine", "demo-machine-secret-for-development-only")


def other_web(deployment: Deployment) -> App:
    return App(
        deployment,
        "other-web",
        "other-web-secret-for-development-only",
        "http://127.0.0.1:8082/callback",
        "client_secret_post",
    )
