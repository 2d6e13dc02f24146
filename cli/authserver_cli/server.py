"""The way over HTTPS: the admin API with a bearer token (RFC 6750), of the tool's own client or of a person."""

import threading
from collections.abc import Callable
from urllib.parse import quote_plus

import httpx

from authserver_cli.issuer import Issuer
from authserver_cli.protocol import Request, Response

type Credentials = tuple[str, str]
type TokenSource = Callable[[Issuer], str]


class ServerTransport:
    """Implements `protocol.Transport`. `tokens` gives an access token, and another one when that has ended."""

    def __init__(self, issuer: str, tokens: TokenSource) -> None:
        self._issuer = Issuer(issuer)
        self._tokens = tokens
        self._lock = threading.Lock()
        self._token = ""

    @property
    def target(self) -> str:
        return self._issuer.url

    def send(self, request: Request) -> Response:
        token = self._access_token()
        response = self._send(request, token)
        if response.status == 401:
            # Tokens end, and an import may outlive one; a second refusal is about something else.
            response = self._send(request, self._access_token(instead_of=token))
        return response

    def close(self) -> None:
        self._issuer.close()

    def _send(self, request: Request, token: str) -> Response:
        return self._issuer.call(
            request.method,
            self._issuer.admin_api + request.target,
            headers={**request.headers, "Authorization": f"Bearer {token}"},
            json=request.body,
        )

    def _access_token(self, instead_of: str | None = None) -> str:
        with self._lock:
            if not self._token or self._token == instead_of:
                self._token = self._tokens(self._issuer)
            return self._token


class OwnTokens:
    """Tokens of the tool's own client (RFC 6749 section 4.4). `credentials` gives client_id and secret, and is asked
    once at most."""

    def __init__(self, credentials: Callable[[], Credentials]) -> None:
        self._ask = credentials
        self._credentials: Credentials | None = None

    def __call__(self, issuer: Issuer) -> str:
        issuer.endpoint("token_endpoint")  # before the user is asked for a secret
        self._credentials = self._credentials or self._ask()
        # RFC 6749 section 2.3.1: each half is form-encoded first.
        client_id, secret = (quote_plus(half) for half in self._credentials)
        answer = issuer.token({"grant_type": "client_credentials"}, httpx.BasicAuth(client_id, secret))
        return str(answer.get("access_token", ""))
