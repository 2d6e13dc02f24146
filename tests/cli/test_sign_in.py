"""Tokens of a person: how they are got, kept, used and ended."""

import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from authserver_cli import signing_in
from authserver_cli.errors import NotAllowed, Unreachable
from authserver_cli.issuer import Issuer
from authserver_cli.kept import KeptTokens, SignIn, forget, keep, kept
from authserver_cli.protocol import Response
from tests.cli.conftest import Run
from tests.cli.deployment import FakeDeployment

ISSUER = "https://login.example"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


class Scripted(Issuer):
    """An issuer whose endpoints answer as they are told."""

    def __init__(self, *answers: Response | Unreachable) -> None:
        super().__init__(ISSUER)
        self.answers = list(answers)
        self.forms: list[dict[str, str]] = []
        names = ("token_endpoint", "device_authorization_endpoint", "revocation_endpoint")
        self.metadata = {name: f"{ISSUER}/{name}" for name in names}

    def call(self, method: str, url: str, **arguments: Any) -> Response:
        assert method == "POST"
        assert url.startswith(ISSUER)
        self.forms.append(arguments["data"])
        answer = self.answers.pop(0)
        if isinstance(answer, Unreachable):
            raise answer
        return answer


def refusal(error: str) -> Response:
    return Response(400, {"error": error, "error_description": "why"})


BEGUN = Response(
    200,
    {
        "device_code": "dc",
        "user_code": "BCDF-GHJK",
        "verification_uri": f"{ISSUER}/device",
        "expires_in": 900,
        "interval": 5,
    },
)
TOKENS = Response(200, {"access_token": "new", "expires_in": 60, "refresh_token": "next", "scope": "read"})


@pytest.mark.rfc("8628", "3.5")
def test_device_is_asked_for_as_often_as_the_server_says() -> None:
    pauses: list[float] = []
    nobody = Unreachable("nobody")
    answers = (refusal("authorization_pending"), refusal("slow_down"), nobody, refusal("authorization_pending"), TOKENS)
    with closing(Scripted(BEGUN, *answers)) as issuer:
        assert signing_in.by_device(issuer, "tool", "read", pauses.append) == TOKENS.document
    assert pauses == [5, 5, 10, 20, 20]
    assert issuer.forms[0] == {"client_id": "tool", "scope": "read"}
    assert issuer.forms[1]["device_code"] == "dc"


@pytest.mark.rfc("8628", "3.5")
@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant"])
def test_any_other_refusal_ends_it(error: str) -> None:
    with closing(Scripted(BEGUN, refusal(error))) as issuer, pytest.raises(NotAllowed) as refused:
        signing_in.by_device(issuer, "tool", "", lambda _: None)
    assert refused.value.problem.title == error


def test_what_a_server_says_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Response(200, {**BEGUN.document, "user_code": "\x1b[2J"})
    with closing(Scripted(evil, TOKENS)) as issuer:
        signing_in.by_device(issuer, "tool", "", lambda _: None)
    assert "\x1b" not in capsys.readouterr().err


def signed_in(expires_in: int = 600, issuer: str = ISSUER) -> SignIn:
    return SignIn(issuer, "tool", "old", int(time.time()) + expires_in, "first", "read")


def test_tokens_are_kept_where_their_owner_alone_can_read_them(home: Path) -> None:
    path = keep(signed_in())
    assert path.is_relative_to(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert kept(ISSUER + "/") == signed_in()
    assert kept("https://another.example") is None
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    forget(ISSUER)
    forget(ISSUER)
    assert kept(ISSUER) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", "no json", '{"issuer": 1, "more": 2}'])
def test_file_that_is_none_of_ours_is_nobodys_sign_in(content: str) -> None:
    keep(signed_in()).write_text(content)
    assert kept(ISSUER) is None


@pytest.mark.rfc("6749", "6")
def test_token_that_has_ended_is_refreshed_and_the_new_ones_are_kept() -> None:
    with closing(Scripted(TOKENS)) as issuer:
        assert KeptTokens(signed_in(expires_in=10))(issuer) == "new"
    assert issuer.forms == [{"grant_type": "refresh_token", "refresh_token": "first", "client_id": "tool"}]
    found = kept(ISSUER)
    assert found
    assert (found.access_token, found.refresh_token) == ("new", "next")


def test_token_that_the_server_refuses_is_refreshed_too() -> None:
    with closing(Scripted(TOKENS)) as issuer:
        tokens = KeptTokens(signed_in())
        assert (tokens(issuer), issuer.forms) == ("old", [])
        assert tokens(issuer) == "new"


@pytest.mark.rfc("9700", "4.14.2")
def test_refresh_token_is_spent_once_by_however_many_at_once() -> None:
    """A second use would look like theft. Each call waits for another one to be made beside it, in vain."""
    keep(signed_in(expires_in=0))
    beside = threading.Barrier(2)

    class Slow(Scripted):
        def call(self, method: str, url: str, **arguments: Any) -> Response:
            with suppress(threading.BrokenBarrierError):
                beside.wait(0.5)
            return super().call(method, url, **arguments)

    with closing(Slow(TOKENS)) as issuer, ThreadPoolExecutor(4) as threads:
        processes = [KeptTokens(signed_in(expires_in=0)) for _ in range(4)]
        assert list(threads.map(lambda tokens: tokens(issuer), processes)) == ["new"] * 4
    assert [form["refresh_token"] for form in issuer.forms] == ["first"]


def test_what_another_process_was_given_is_refreshed_where_it_has_ended_as_well() -> None:
    keep(replace(signed_in(expires_in=0), access_token="of another", refresh_token="second"))
    with closing(Scripted(TOKENS)) as issuer:
        assert KeptTokens(signed_in(expires_in=0))(issuer) == "new"
    assert [form["refresh_token"] for form in issuer.forms] == ["second"]


# ------------------------------------------------------------------ by a browser


class Browser:
    """Follows the address that it is opened with as a browser would that signs in at once."""

    def __init__(self) -> None:
        self.answer = {"iss": ISSUER}
        self.idle: list[socket.socket] = []
        self.threads: list[threading.Thread] = []

    def open(self, url: str) -> None:
        asked = dict(parse_qsl(urlsplit(url).query))
        back = urlsplit(asked["redirect_uri"])
        # Browsers open connections that they may need, and say nothing.
        self.idle.append(socket.create_connection((back.hostname, back.port)))
        query = urlencode({"code": "c", "state": asked["state"], **self.answer})
        self.threads.append(threading.Thread(target=httpx.get, args=(f"{asked['redirect_uri']}?{query}",)))
        self.threads[-1].start()

    def close(self) -> None:
        for thread in self.threads:
            thread.join()
        for connection in self.idle:
            connection.close()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    with closing(Browser()) as opened:
        monkeypatch.setattr("webbrowser.open", opened.open)
        yield opened


def by_browser(*, promises_issuer: bool = True) -> dict[str, Any]:
    with closing(Scripted(TOKENS)) as issuer:
        issuer.metadata["authorization_endpoint"] = f"{ISSUER}/authorize"
        issuer.metadata["authorization_response_iss_parameter_supported"] = promises_issuer
        return signing_in.by_browser(issuer, "tool", "read")


@pytest.mark.rfc("8252", "7.3")
@pytest.mark.usefixtures("browser")
def test_idle_connection_keeps_nobody_waiting() -> None:
    began = time.monotonic()
    assert by_browser() == TOKENS.document
    assert time.monotonic() - began < 5


@pytest.mark.rfc("9207", "2.4")
def test_answer_says_whose_it_is_where_the_server_promised_that(browser: Browser) -> None:
    browser.answer = {}
    with pytest.raises(Unreachable, match="the answer is not of"):
        by_browser()
    assert by_browser(promises_issuer=False) == TOKENS.document
    browser.answer = {"iss": "https://another.example"}
    for promises_issuer in (True, False):
        with pytest.raises(Unreachable, match="the answer is not of"):
            by_browser(promises_issuer=promises_issuer)


def test_sign_in_that_the_server_ended_is_removed_and_told() -> None:
    keep(signed_in())
    with closing(Scripted(refusal("invalid_grant"))) as issuer, pytest.raises(NotAllowed, match="authserver login"):
        KeptTokens(signed_in(expires_in=0))(issuer)
    assert kept(ISSUER) is None


def test_sign_in_stays_where_there_was_no_answer() -> None:
    keep(signed_in())
    with closing(Scripted(Response(503))) as issuer, pytest.raises(Unreachable):
        KeptTokens(signed_in(expires_in=0))(issuer)
    assert kept(ISSUER)


def test_client_in_the_environment_comes_before_whoever_signed_in(run: Run, deployment: FakeDeployment) -> None:
    keep(signed_in(issuer=deployment.issuer))
    assert run("users", "list").exit_code == 0
    assert (deployment.tokens, deployment.asked[0].headers["authorization"]) == (1, "Bearer token-1")


def test_whoever_signed_in_acts_for_themselves(run: Run, deployment: FakeDeployment) -> None:
    deployment.tokens = 7
    path = keep(signed_in(issuer=deployment.issuer))
    path.write_text(json.dumps({**json.loads(path.read_text()), "access_token": "token-7"}))
    result = run("users", "list", AUTHSERVER_CLIENT_ID=None, AUTHSERVER_CLIENT_SECRET=None)
    assert result.exit_code == 0, result.stderr
    assert deployment.asked[0].headers["authorization"] == "Bearer token-7"


def test_where_there_is_no_browser_a_code_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not signing_in.has_browser()
    monkeypatch.setenv("BROWSER", "true")
    assert signing_in.has_browser()
