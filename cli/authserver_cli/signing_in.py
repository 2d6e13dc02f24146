"""Signing a person in: by a browser on this machine (RFC 8252), or by one anywhere (RFC 8628)."""

import base64
import hashlib
import os
import secrets
import sys
import time
import webbrowser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from authserver_cli.errors import NotAllowed, Refused, Unreachable
from authserver_cli.issuer import Issuer
from authserver_cli.protocol import Problem, printable

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PATIENCE = 600  # seconds: as long as a sign-in may take there
POLLED = 0.1  # seconds after which the listener notices that it is done
SLOWER = 5  # seconds (RFC 8628 section 3.5)
DONE = b"<!doctype html><title>Signed in</title><p>You can close this page and go back to the terminal."


def has_browser() -> bool:
    """Whether a browser can be opened on this machine for the user of the terminal."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return bool(os.environ.get("BROWSER"))
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


# ------------------------------------------------------------------ by a browser on this machine


def by_browser(issuer: Issuer, client_id: str, scope: str) -> dict[str, Any]:
    """An authorization code that comes back to a loopback address (RFC 8252 section 7.3), with PKCE."""
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    with _Listener() as listener:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        request = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": listener.redirect_uri,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": state,
            **({"scope": scope} if scope else {}),
        }
        url = f"{issuer.endpoint('authorization_endpoint')}?{urlencode(request)}"
        click.echo(f"Sign in in your browser. If it does not open, open this address yourself:\n{url}", err=True)
        webbrowser.open(url)
        answer = listener.answer(state)
        # RFC 9207 section 2.4: else the answer of another server could be brought here.
        unsaid = "" if issuer.has("authorization_response_iss_parameter_supported") else issuer.url
        if answer.get("iss", unsaid) != issuer.url:
            raise Unreachable(f"the answer is not of {issuer.url}")
        if "code" not in answer:
            raise NotAllowed(Problem(400, answer.get("error", "error"), answer.get("error_description", "")))
        return issuer.token(
            {
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": listener.redirect_uri,
                "code_verifier": verifier,
                "client_id": client_id,
            }
        )


class _Listener(ThreadingHTTPServer):
    """Waits on loopback for the one answer that has the right `state`.

    Each connection has a thread of its own: browsers open some that they may never use.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.redirect_uri = f"http://127.0.0.1:{self.server_port}/callback"
        self.answers: Queue[dict[str, str]] = Queue()

    def answer(self, state: str) -> dict[str, str]:
        """Raises `Unreachable` if none comes."""
        end = time.monotonic() + PATIENCE
        Thread(target=self.serve_forever, args=(POLLED,), daemon=True).start()
        try:
            while True:
                answer = self.answers.get(timeout=max(0.0, end - time.monotonic()))
                if secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
                    return answer
        except Empty:
            raise Unreachable("the sign-in was not completed in time") from None
        finally:
            self.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 10  # seconds that a connection may say nothing

    def do_GET(self) -> None:
        location = urlsplit(self.path)
        if location.path != "/callback":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(DONE)
        self.server.answers.put({name: values[0] for name, values in parse_qs(location.query).items()})

    def log_request(self, *_: Any) -> None:
        """Says nothing: what was asked for has a code in it."""


# ------------------------------------------------------------------ by one anywhere


def by_device(
    issuer: Issuer, client_id: str, scope: str, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """A code that is typed in a browser on another machine."""
    form = {"client_id": client_id, **({"scope": scope} if scope else {})}
    response = issuer.call("POST", issuer.endpoint("device_authorization_endpoint"), data=form)
    if response.status != 200 or not isinstance(response.document, dict):
        raise NotAllowed(Problem.of(response))
    begun = response.document
    _show(begun)
    return _wait(issuer, client_id, begun, sleep)


def _show(begun: dict[str, Any]) -> None:
    where, code = (printable(str(begun[name])) for name in ("verification_uri", "user_code"))
    click.echo(f"Open {where} in a browser on any device and enter\n\n    {code}\n", err=True)
    complete = begun.get("verification_uri_complete")
    if complete and sys.stderr.isatty():
        try:
            import segno
        except ImportError:  # it is not among what this tool needs
            return
        segno.make(complete, error="l").terminal(out=sys.stderr, border=1, compact=True)


def _wait(issuer: Issuer, client_id: str, begun: dict[str, Any], sleep: Callable[[float], None]) -> dict[str, Any]:
    """Polls until the user has decided (RFC 8628 section 3.5); less often while the server does not answer."""
    interval, end = int(begun.get("interval", 5)), time.monotonic() + int(begun["expires_in"])
    form = {"grant_type": DEVICE_CODE, "device_code": str(begun["device_code"]), "client_id": client_id}
    while time.monotonic() < end:
        sleep(interval)
        try:
            return issuer.token(form)
        except Unreachable:
            interval *= 2
        except Refused as refusal:
            match refusal.problem.title:
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval += SLOWER
                case _:
                    raise
    raise Unreachable("the code was not entered in time")
