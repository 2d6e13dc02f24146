"""What is shown of requests, and of what functions write."""

import json
from pathlib import Path

import pytest

from local.logs import Log

UUID = "0d5a7e14-8a2b-403e-b715-93847c6ab054"


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_request_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Log().request("GET", "/authorize", 303, 0.0451, "AuthorizeFunction")
    Log().request("GET", "/nowhere", 404, 0.0002, "")
    assert shown(capsys) == ["GET /authorize 303 45 ms AuthorizeFunction", "GET /nowhere 404 0 ms"]


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/my/sessions", "/my/sessions"),
        ("/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server"),
        (f"/admin/users/{UUID}/factors", f"/admin/users/{UUID}/factors"),
        (f"/recover/ml_{'A' * 80}", "/recover/ml_..."),
        (f"/verify/ml_{'A' * 20}/again", "/verify/ml_.../again"),
        (f"/x/ac_{'A-_' * 8}", "/x/ac_..."),
        (f"/x/ml%5F{'A' * 60}", "/x/..."),
        (f"/x/eyJhbGciOiJFUzI1NiJ9.{'A' * 40}.{'B' * 40}", "/x/..."),
        ("/two\nlines\x1b[2J", "/two\\nlines\\x1b[2J"),
    ],
)
def test_secrets_and_control_characters_of_a_path_are_not_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, path: str, written: str
) -> None:
    in_file = Log(tmp_path / "log")
    for log in (Log(), in_file):
        log.request("GET", path, 200, 0.001, "F")
    in_file.close()
    assert shown(capsys) == [f"GET {written} 200 1 ms F"]
    assert (tmp_path / "log").read_text() == f"server | GET {written} 200 1 ms F\n"


def test_json_of_functions_is_shown_when_it_tells_of_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.line("F", json.dumps({"level": "INFO", "message": "ok"}))
    log.line("F", json.dumps({"level": "DEBUG", "message": "ok"}))
    log.line("F", json.dumps({"level": "WARNING", "message": "slow", "service": "s"}))
    log.line("F", json.dumps({"level": "ERROR", "message": "broken", "exception": "Traceback:\n  File x\nKeyError"}))
    assert shown(capsys) == ["F | WARNING slow", "F | ERROR broken", "Traceback:", "  File x", "KeyError"]


def test_error_of_the_lambda_runtime_is_shown_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    error = {"errorMessage": "no", "errorType": "KeyError", "stackTrace": ['  File "app.py"\n    x[1]\n']}
    Log().line("F", json.dumps({"level": "ERROR", **error}))
    assert shown(capsys) == ["F | ERROR KeyError: no", '  File "app.py"', "    x[1]"]


@pytest.mark.parametrize("text", ["said aloud", "[1, 2]", "{", "Traceback (most recent call last):\n  File x"])
def test_what_is_no_json_object_is_shown_as_it_is(capsys: pytest.CaptureFixture[str], text: str) -> None:
    Log().line("F", text)
    assert capsys.readouterr().out == f"F | {text}\n"


def test_every_entry_can_be_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(as_json=True)
    log.request("GET", "/x", 200, 0.5, "F")
    log.line("F", json.dumps({"level": "INFO", "message": "ok"}))
    log.line("F", "said\naloud")
    assert [json.loads(line) for line in shown(capsys)] == [
        {"source": "server", "method": "GET", "path": "/x", "status": 200, "ms": 500, "function": "F"},
        {"source": "F", "level": "INFO", "message": "ok"},
        {"source": "F", "message": "said\naloud"},
    ]


def test_file_has_all_that_functions_write(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.line("F", '{"level":"INFO"}')
    log.close()
    log.line("F", "too late")
    assert (tmp_path / "log").read_text() == 'F | {"level":"INFO"}\n'
