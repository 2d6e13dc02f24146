"""The way over HTTPS: discovery (RFC 8414), client credentials (RFC 6749 section 4.4), bearer token (RFC 6750)."""

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx

from authserver_cli.errors import NotAllowed, Unreachable
from authserver_cli.protocol import Problem, Request, Response

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TIMEOUT = 30  # seconds; API Gateway itself gives up after 29

type Credentials = tuple[str, str]


class ServerTransport:
    """Implements `protocol.Transport`. `credentials` gives client_id and secret, and is asked once at most."""

    def __init__(self, issuer: str, credentials: Callable[[], Credentials]) -> None:
        self._issuer = _secure(issuer.rstrip("/"), "The server")
        self._ask_for_credentials = credentials
        self._http = httpx.Client(timeout=TIMEOUT, headers={"User-Agent": "authserver-cli"})
        self._lock = threading.Lock()
        self._token = ""

    @property
    def target(self) -> str:
        return self._issuer

    def send(self, request: Request) -> Response:
        token = self._access_token()
        response = self._send(request, token)
        if response.status == 401:
            # Tokens end, and an import may outlive one; a second refusal is about something else.
            response = self._send(request, self._access_token(instead_of=token))
        return response

    def close(self) -> None:
        self._http.close()

    def _send(self, request: Request, token: str) -> Response:
        return self._call(
            request.method,
            self._admin_api + request.target,
            headers={**request.headers, "Authorization": f"Bearer {token}"},
            json=request.body,
        )

    def _access_token(self, instead_of: str | None = None) -> str:
        with self._lock:
            if not self._token or self._token == instead_of:
                self._token = self._request_token()
            return self._token

    def _request_token(self) -> str:
        endpoint = _secure(str(self._metadata.get("token_endpoint", "")), "The token endpoint")
        # RFC 6749 section 2.3.1: each half is form-encoded first.
        client_id, secret = (quote_plus(half) for half in self._credentials)
        response = self._call(
            "POST", endpoint, data={"grant_type": "client_credentials"}, auth=httpx.BasicAuth(client_id, secret)
        )
        if response.status >= 500:
            raise Unreachable(f"{self._issuer}: {Problem.of(response)}")
        if response.status != 200 or not isinstance(response.document, dict):
            raise NotAllowed(Problem.of(response))
        return str(response.document.get("access_token", ""))

    @cached_property
    def _credentials(self) -> Credentials:
        return self._ask_for_credentials()

    @cached_property
    def _admin_api(self) -> str:
        resources = self._metadata.get("protected_resources")
        if not isinstance(resources, list) or not resources:
            raise Unreachable(f"{self._issuer} does not say where its API is (protected_resources)")
        return _secure(str(resources[0]), "The API").rstrip("/")

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        parts = urlsplit(self._issuer)
        # RFC 8414 section 3.1: inserted before the issuer's own path.
        location = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
        response = self._call("GET", location)
        if response.status != 200 or not isinstance(response.document, dict):
            raise Unreachable(f"{self._issuer} is no authorization server: {location} answers {response.status}")
        # Section 3.3: else a secret could go where the operator never meant it to.
        if response.document.get("issuer") != self._issuer:
            raise Unreachable(f"{self._issuer} says that it is {response.document.get('issuer')}: use that as --server")
        return response.document

    def _call(self, method: str, url: str, **arguments: Any) -> Response:
        try:
            answer = self._http.request(method, url, **arguments)
            document = answer.json() if answer.content else None
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._issuer} does not answer ({type(error).__name__})") from None
        except ValueError:
            document = None
        return Response(answer.status_code, document, dict(answer.headers))


def _secure(url: str, what: str) -> str:
    """An https address, or one on this machine: a secret and a token travel to it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise Unreachable(f"{what} has no address that can be used: {url}") from None
    if (parts.scheme == "https" and host) or (parts.scheme == "http" and host in LOOPBACK):
        return url
    raise Unreachable(f"{what} must have an https address, or an http address on this machine: {url}")
