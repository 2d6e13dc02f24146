"""The example of a bridge: what it asks another system, and that its answers are what the server takes."""

import json
import os
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from authserver.identity.bridge import read_answer
from examples.bridge.function.app import lambda_handler

QUESTION = {"refresh_token": "v1.of another system", "client_id": "web", "issuer": "https://new.example"}


class Old:
    """Another system: says `answer` with `status`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.answer = 200, dict[str, Any]()
        self.form: dict[str, str] = {}
        self.authorization = ""


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Iterator[Old]:
    system = Old()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            system.form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            system.authorization = self.headers.get("Authorization", "")
            answer = json.dumps(system.answer).encode()
            self.send_response(system.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("ADDRESS", f"http://127.0.0.1:{server.server_address[1]}/")
        yield system
        server.shutdown()


@pytest.fixture
def introspecting(old: Old, monkeypatch: pytest.MonkeyPatch) -> Old:

    monkeypatch.setenv("INTROSPECTION_ENDPOINT", os.environ["ADDRESS"])
    monkeypatch.setenv("CLIENT_ID", "bridge")
    monkeypatch.setenv("CLIENT_SECRET", "a:secret")
    return old


@pytest.fixture
def exchanging(old: Old, monkeypatch: pytest.MonkeyPatch) -> Old:

    monkeypatch.setenv("TOKEN_ENDPOINT", os.environ["ADDRESS"])
    monkeypatch.setenv("CLIENT_SECRETS", '{"web": "its secret"}')
    return old


def jwt(**claims: Any) -> str:
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@pytest.mark.rfc("7662", "2.1")
def test_introspection_there_is_passed_on(introspecting: Old) -> None:
    said = {"client_id": "web", "sub": "alice", "scope": "openid read", "aud": "https://old.example", "exp": 7}
    introspecting.answer = {"active": True, **said}
    answer = lambda_handler(QUESTION, None)
    assert answer == {"active": True, "client_id": "web", "sub": "alice", "scope": "openid read"}
    assert read_answer(answer) is not None
    assert introspecting.form == {"token": QUESTION["refresh_token"], "token_type_hint": "refresh_token"}
    assert b64decode(introspecting.authorization.removeprefix("Basic ")) == b"bridge:a%3Asecret"
    introspecting.answer = {"active": False}
    assert lambda_handler(QUESTION, None) == {"active": False}


@pytest.mark.rfc("6749", "6")
@pytest.mark.parametrize("client_id", ["web", "spa"])
def test_token_is_used_there_where_nothing_introspects(exchanging: Old, client_id: str) -> None:
    exchanging.answer = {"access_token": "opaque", "id_token": jwt(sub="alice", auth_time=7), "scope": "openid read"}
    answer = lambda_handler({**QUESTION, "client_id": client_id}, None)
    assert answer == {"active": True, "client_id": client_id, "sub": "alice", "scope": "openid read", "auth_time": 7}
    assert read_answer(answer) is not None
    assert exchanging.form["grant_type"] == "refresh_token"
    assert bool(exchanging.authorization) == (client_id == "web")
    exchanging.status = 400
    assert lambda_handler(QUESTION, None) == {"active": False}


def test_system_that_fails_decides_nothing(exchanging: Old) -> None:
    exchanging.status = 500
    with pytest.raises(Exception, match="500"):
        lambda_handler(QUESTION, None)
