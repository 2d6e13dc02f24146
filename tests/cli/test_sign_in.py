"""Tokens of a person: how they are got, kept, used and ended."""

import json
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

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
