"""A deployment by its issuer: discovery (RFC 8414), and calls that carry secrets to nowhere else."""

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from authserver_cli.errors import NotAllowed, Unreachable
from authserver_cli.protocol import Problem, Response

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TIMEOUT = 30  # seconds; API Gateway itself gives up after 29


class Issuer:
    """What the deployment says of itself, and a connection to it."""

    def __init__(self, url: str) -> None:
        self.url = secure(url.rstrip("/"), "The server")
        self._http = httpx.Client(timeout=TIMEOUT, headers={"User-Agent": "authserver-cli"})

    def close(self) -> None:
        self._http.close()

    def endpoint(self, name: str) -> str:
        """The address of an endpoint, by its name in the metadata. Raises `Unreachable` if there is none."""
        if not self.has(name):
            raise Unreachable(f"{self.url} has no {name.replace('_', ' ')}")
        return secure(str(self.metadata[name]), f"The {name.replace('_', ' ')}")

    def has(self, name: str) -> bool:
        """Whether the deployment has this endpoint."""
        return bool(self.metadata.get(name))

    @cached_property
    def admin_api(self) -> str:
        """Where the admin API is."""
        resources = self.metadata.get("protected_resources")
        if not isinstance(resources, list) or not resources:
            raise Unreachable(f"{self.url} does not say where its API is (protected_resources)")
        return secure(str(resources[0]), "The API").rstrip("/")

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """RFC 8414 section 2."""
        parts = urlsplit(self.url)
        # RFC 8414 section 3.1: inserted before the issuer's own path.
        location = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
        response = self.call("GET", location)
        if response.status != 200 or not isinstance(response.document, dict):
            raise Unreachable(f"{self.url} is no authorization server: {location} answers {response.status}")
        # Section 3.3: else a secret could go where the operator never meant it to.
        if response.document.get("issuer") != self.url:
            raise Unreachable(f"{self.url} says that it is {response.document.get('issuer')}: use that as --server")
        return response.document

    def token(self, form: dict[str, str], auth: httpx.Auth | None = None) -> dict[str, Any]:
        """What the token endpoint gives for a grant (RFC 6749 section 5.1).

        Raises `NotAllowed`, and `Unreachable` if there is no answer.
        """
        response = self.call("POST", self.endpoint("token_endpoint"), data=form, auth=auth)
        if response.status >= 500:
            raise Unreachable(f"{self.url}: {Problem.of(response)}")
        if response.status != 200 or not isinstance(response.document, dict):
            raise NotAllowed(Problem.of(response))
        return response.document

    def call(self, method: str, url: str, **arguments: Any) -> Response:
        """The answer, whatever its status. Raises `Unreachable` if there is none."""
        try:
            answer = self._http.request(method, url, **arguments)
            document = answer.json() if answer.content else None
        except httpx.HTTPError as error:
            raise Unreachable(f"{self.url} does not answer ({type(error).__name__})") from None
        except ValueError:
            document = None
        return Response(answer.status_code, document, dict(answer.headers))


def secure(url: str, what: str) -> str:
    """An https address, or one on this machine: a secret and a token travel to it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise Unreachable(f"{what} has no address that can be used: {url}") from None
    if (parts.scheme == "https" and host) or (parts.scheme == "http" and host in LOOPBACK):
        return url
    raise Unreachable(f"{what} must have an https address, or an http address on this machine: {url}")
