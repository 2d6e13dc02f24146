"""An OpenID Provider that does what a test wants: for use cases in memory, and over HTTP on loopback.

It is made of PyJWT alone and of nothing of ours, so that a mistake of ours is not made twice.
"""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from authserver.ports import Fetched, FetchFailed, Sent

CLIENT_ID = "authserver"
CLIENT_SECRET = "its secret there: with a colon, a % and a +"
SUBJECT = "subject-at-the-provider"


KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "Ed25519": "EdDSA"}


def private_key(algorithm: str, number: int = 0) -> Any:
    """A key pair for an algorithm; the same in one run, because making RSA keys is slow."""
    return _make_key(KEY_TYPES.get(algorithm, algorithm), number)


@cache
def _make_key(kind: str, number: int) -> Any:
    match kind:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "RSA1024":
            return rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
    return rsa.generate_private_key(65537, 2048)


def public_jwk(algorithm: str, kid: str | None = "one", number: int = 0, **members: Any) -> dict[str, Any]:
    """The public key as RFC 7517 writes it."""
    converter: Any = {"ES": ECAlgorithm, "Ed": OKPAlgorithm}.get(algorithm[:2], RSAAlgorithm)
    jwk: dict[str, Any] = json.loads(converter.to_jwk(private_key(algorithm, number).public_key()))
    jwk.pop("key_ops", None)
    return {**jwk, **({"kid": kid} if kid else {}), "use": "sig", "alg": algorithm, **members}


def half_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Person:
    """Who is signed in at the provider."""

    subject: str = SUBJECT
    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "name": "Alice at Work",
            "email": "alice@work.example",
            "email_verified": True,
            "preferred_username": "alice.work",
        }
    )


class OpenIdProvider:
    """Well-behaved, until a test changes what is public here.

    `claims` and `header` change what the next ID tokens say (None leaves out), `metadata` what discovery does, and
    `answers` what an address answers: a status and a document, or an exception of the fetcher's.
    """

    def __init__(self, issuer: str, now: Callable[[], int], algorithm: str = "ES256") -> None:
        self.issuer = issuer
        self.now = now
        self.algorithm = algorithm
        self.keys = [public_jwk(algorithm)]
        self.person = Person()
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.parameters: dict[str, str | None] = {}
        self.answers: dict[str, tuple[int, Any] | Exception] = {}
        self.in_id_token = True
        self.asked: list[dict[str, str]] = []
        self.fetched: list[str] = []
        self.metadata: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
        }
        self.told: set[str] = set()  # what only the client may see: codes, verifiers, tokens
        self._codes: dict[str, dict[str, str]] = {}
        self._access_tokens: set[str] = set()

    # -- the front channel

    def authorize(self, url: str) -> str:
        """The person signs in and allows; where the provider sends the browser."""
        request = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(self.metadata["authorization_endpoint"])
        assert request["response_type"] == "code"
        assert request["client_id"] == CLIENT_ID
        assert request["code_challenge_method"] == "S256"
        assert "openid" in request["scope"].split()
        self.asked.append(request)
        code = secrets.token_urlsafe(16)
        self._codes[code] = request
        self.told |= {code, request["state"], request["nonce"]}
        answer = {"code": code, "state": request["state"], "iss": self.issuer, **self.parameters}
        sent = {name: value for name, value in answer.items() if value is not None}
        redirect_uri = request["redirect_uri"]
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(sent)}"

    # -- the back channel

    def answer(self, method: str, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        self.fetched.append(path)
        planned = self.answers.get(path)
        if isinstance(planned, Exception):
            raise planned
        if planned is not None:
            return planned
        match method, path:
            case "GET", "/.well-known/openid-configuration":
                return 200, self.metadata
            case "GET", "/keys":
                return 200, {"keys": self.keys}
            case "POST", "/token":
                return self._token(form, headers)
            case "GET", "/userinfo":
                return self._userinfo(headers)
        return 404, {"error": "not found"}

    def _token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        if not self._is_our_client(form, headers):
            return 401, {"error": "invalid_client"}
        request = self._codes.pop(form["code"], None)
        if request is None or form["redirect_uri"] != request["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != request["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(16)
        self._access_tokens.add(access_token)
        # Section 2: required where the request has max_age. Every visitor signs in, unless `claims` says more.
        signed_in = {"auth_time": self.now()} if "max_age" in request else {}
        id_token = self.id_token(request["nonce"], access_token, **signed_in)
        self.told |= {form["code_verifier"], access_token, id_token}
        return 200, {"access_token": access_token, "token_type": "Bearer", "expires_in": 60, "id_token": id_token}

    def _is_our_client(self, form: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        authorization = headers.get("Authorization", "")
        if authorization:
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            client_id, _, secret = pair.partition(":")
            return (unquote_plus(client_id), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return form.get("client_id") == CLIENT_ID and form.get("client_secret", CLIENT_SECRET) == CLIENT_SECRET

    def _userinfo(self, headers: Mapping[str, str]) -> tuple[int, Any]:
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self._access_tokens:
            return 401, {"error": "invalid_token"}
        return 200, {"sub": self.person.subject, **self.person.claims}

    def id_token(self, nonce: str, access_token: str = "", **signed_in: int) -> str:
        now = self.now()
        profile = self.person.claims if self.in_id_token else {}
        claims = {
            "iss": self.issuer,
            "sub": self.person.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": half_hash(access_token),
            **signed_in,
            **profile,
            **self.claims,
        }
        header = {"kid": "one", "alg": self.algorithm, **self.header}
        return signed({name: value for name, value in claims.items() if value is not None}, header)


def signed(claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """A JWS with exactly this header; for HS256 the key is what an attacker has: a public key."""
    algorithm = header["alg"]
    content = f"{part({name: value for name, value in header.items() if value is not None})}.{part(claims)}"
    match algorithm:
        case "none":
            signature = b""
        case "HS256":
            signature = hmac.digest(json.dumps(public_jwk("ES256")).encode(), content.encode(), "sha256")
        case _:
            maker = jwt.get_algorithm_by_name("EdDSA" if algorithm == "Ed25519" else algorithm)
            signature = maker.sign(content.encode(), private_key(algorithm))
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def part(value: Mapping[str, Any]) -> str:
    """One part of a JWS: RFC 7515 section 3.1."""
    return base64.urlsafe_b64encode(json.dumps(dict(value)).encode()).rstrip(b"=").decode()


# ------------------------------------------------------------------ in memory


class FakeFetcher:
    """Implements `services.Fetcher`: reaches providers in memory by their issuer."""

    def __init__(self, now: Callable[[], int], *providers: OpenIdProvider) -> None:
        self._now = now
        self.providers = list(providers)
        self._remembered: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self.sent: list[tuple[str, bytes, Mapping[str, str]]] = []

    def within(self, seconds: float) -> "FakeFetcher":
        return self

    def permits(self, url: str) -> bool:
        return url.startswith("https://")

    def get(self, url: str, *, younger_than: int = 0, bearer: str = "", filed: bool = False) -> Mapping[str, Any]:
        fetched_at, document = self._remembered.get(url, (0, None))
        if document is not None and fetched_at > self._now() - younger_than:
            return document
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        document = self._ask("GET", url, {}, headers)
        if younger_than:
            self._remembered[url] = self._now(), document
        return document

    def get_dated(self, url: str, *, most: int, filed: bool = False) -> Fetched:
        document = self._ask("GET", url, {}, {})
        if len(json.dumps(document)) > most:
            raise FetchFailed("too_large")
        return Fetched(document)

    def send(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Sent:
        self.sent.append((url, body, headers))
        return Sent(204)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        return self._ask("POST", url, form, headers)

    def _ask(self, method: str, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        for provider in self.providers:
            if url.startswith(provider.issuer + "/"):
                status, document = provider.answer(method, url.removeprefix(provider.issuer), form, headers)
                if status != 200:
                    raise FetchFailed("status", document.get("error", "") if status == 400 else "", status)
                return dict(json.loads(json.dumps(document)))
        raise FetchFailed("unreachable")


# ------------------------------------------------------------------ over HTTP


@contextmanager
def serving(make: Callable[[str], Any], tls: ssl.SSLContext | None = None) -> Iterator[Any]:
    """What `make` gives for an address on loopback, served there: an `OpenIdProvider`, or anything that answers so.

    An answer that is a function is given the handler, to misbehave with.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    served = make(f"http://127.0.0.1:{server.server_address[1]}")
    server.served = served
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    served: Any

    def handle_error(self, *_: Any) -> None:
        """The test is about clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        if path == "/authorize":
            self._redirect(self.server.served.authorize(f"{self.server.served.issuer}{self.path}"))
            return
        self._answer("GET", path, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer("POST", self.path, {name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, method: str, path: str, form: Mapping[str, str]) -> None:
        status, document = self.server.served.answer(method, path, form, dict(self.headers.items()))
        if callable(document):
            document(self)
            return
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, location: str) -> None:
        self.send_response(303)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return
