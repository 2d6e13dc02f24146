"""An import: checked before anything is sent, begun again where it stopped, and telling what it left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.deployment import FakeDeployment
from tests.unit.test_hashes import BCRYPT, DJANGO

ALICE = {"sub": "1", "username": "alice", "password_hash": BCRYPT, "email": "a@b.example", "email_verified": True}
BOB = {"sub": "2", "username": "bob", "password_hash": DJANGO}
CAROL = {"sub": "3", "username": "carol"}
TAKEN = {"title": "Taken", "status": 409, "errors": [{"field": "username", "detail": "is taken"}]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "users.jsonl", ALICE, BOB, CAROL)


def write(file: Path, *records: Any) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def refused(file: Path) -> list[dict[str, Any]]:
    report = Path(f"{file}.refused")
    return [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []


def sent(deployment: FakeDeployment) -> list[Any]:
    return sorted((asked.body for asked in deployment.asked), key=lambda body: str(body.get("sub", body)))


def test_users_are_sent_as_they_are_each_with_a_key_of_its_own(
    run: Run, deployment: FakeDeployment, file: Path
) -> None:
    result = run("import", "users", str(file))
    assert (result.exit_code, result.stdout) == (0, "3 imported, 0 refused.\n")
    assert sent(deployment) == [ALICE, BOB, CAROL]
    assert {(asked.method, asked.path) for asked in deployment.asked} == {("POST", "/admin/users")}
    assert len({asked.headers["idempotency-key"] for asked in deployment.asked}) == 3
    assert refused(file) == []


def test_second_run_sends_what_is_new_or_changed_only(run: Run, deployment: FakeDeployment, file: Path) -> None:
    run("import", "users", str(file))
    deployment.asked.clear()
    changed, dave = {**CAROL, "name": "Carol"}, {"sub": "4", "username": "dave"}
    write(file, ALICE, BOB, changed, dave)
    result = run("import", "users", str(file), "--json")
    assert json.loads(result.stdout) == {"done": 2, "skipped": 2, "refused": 0}
    assert sent(deployment) == [changed, dave]


def test_what_was_imported_elsewhere_is_not_taken_for_imported_here(
    run: Run, deployment: FakeDeployment, file: Path
) -> None:
    run("import", "users", str(file))
    state = Path(f"{file}.done")
    state.write_text(state.read_text().replace(deployment.issuer, "https://elsewhere.example"))
    deployment.asked.clear()
    run("import", "users", str(file))
    assert len(deployment.asked) == 3


def test_run_that_was_stopped_is_gone_on_with_under_the_same_keys(
    run: Run, deployment: FakeDeployment, file: Path
) -> None:
    """The answer to the second record is lost, though the server made the user."""
    deployment.answer("POST", "/admin/users", (200, {}), (500, {"title": "It failed"}))
    assert run("import", "users", str(file), "--parallel", "1").exit_code == 3
    key = deployment.asked[1].headers["idempotency-key"]
    with Path(f"{file}.done").open("a") as state:
        state.write('{"half a li')
    deployment.answers.clear()
    deployment.asked.clear()
    assert run("import", "users", str(file), "--parallel", "1").exit_code == 0
    assert sent(deployment) == [BOB, CAROL]
    assert deployment.asked[0].headers["idempotency-key"] == key
    deployment.asked.clear()
    assert run("import", "users", str(file)).exit_code == 0
    assert deployment.asked == []


def test_record_that_the_server_refuses_is_reported_and_the_others_go_on(
    run: Run, deployment: FakeDeployment, file: Path
) -> None:
    deployment.answer("POST", "/admin/users", (409, TAKEN), (200, {}))
    result = run("import", "users", str(file), "--parallel", "1")
    assert result.exit_code == 6
    assert result.stdout == f"2 imported, 1 refused.\n{file}.refused says which, and why.\n"
    errors = [{"field": "username", "detail": "is taken"}]
    assert refused(file) == [{"line": 1, "id": "1", "title": "Taken (409)", "errors": errors}]
    deployment.asked.clear()
    deployment.answers.clear()
    assert run("import", "users", str(file)).exit_code == 0
    assert sent(deployment) == [ALICE]
    assert refused(file) == []


def test_record_whose_answer_was_lost_is_found_on_the_server(run: Run, deployment: FakeDeployment, file: Path) -> None:
    deployment.answer("POST", "/admin/users", (409, TAKEN))
    there = {**ALICE, "created_at": 1, "status": "active"}
    deployment.answer("GET", "/admin/users/1", (200, {name: there[name] for name in there if name != "password_hash"}))
    deployment.answer("GET", "/admin/users/2", (200, {**BOB, "username": "another bob"}))
    deployment.answer("GET", "/admin/users/3", (404, {"title": "There is no such user"}))
    assert run("import", "users", str(file)).stdout.startswith("1 imported, 2 refused.")
    assert {told["id"] for told in refused(file)} == {"2", "3"}


def test_record_that_was_changed_after_its_import_is_refused_and_not_passed_over(
    run: Run, deployment: FakeDeployment, file: Path
) -> None:
    run("import", "users", str(file))
    write(file, {**ALICE, "password_hash": DJANGO}, BOB, CAROL)
    deployment.answer("POST", "/admin/users", (409, TAKEN))
    deployment.answer("GET", "/admin/users/1", (200, ALICE))
    assert run("import", "users", str(file)).exit_code == 6
    assert [told["id"] for told in refused(file)] == ["1"]


def test_operator_who_may_not_is_told_at_once(run: Run, deployment: FakeDeployment, file: Path) -> None:
    deployment.answer("POST", "/admin/users", (403, {"title": "Not this"}))
    assert run("import", "users", str(file), "--parallel", "1").exit_code == 5
    assert refused(file) == []


WRONG: dict[str, tuple[Any, str, str]] = {
    "no identifier": ({"username": "x"}, "sub", "is missing"),
    "an unknown field": ({"sub": "9", "username": "x", "shoe_size": 43}, "shoe_size", "not permitted"),
    "no name": ({"sub": "9"}, "username", "required"),
    "a hash that is none": (
        {"sub": "9", "username": "x", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"},
        "password_hash",
        "none of",
    ),
    "a hash that costs too much": (
        {"sub": "9", "username": "x", "password_hash": BCRYPT.replace("$04$", "$31$")},
        "password_hash",
        "more work",
    ),
    "text for a boolean": (
        {"sub": "9", "username": "x", "email_verified": "yes"},
        "email_verified",
        "valid boolean",
    ),
    "an empty name": ({"sub": "9", "username": " "}, "username", "control characters"),
    "a list": ([], "", "is not a JSON object"),
    "the same identifier": ({**CAROL, "sub": "1"}, "", "the same as line 1"),
    "the same name but for case": ({"sub": "9", "username": "ALICE"}, "", "the same as line 1"),
    "the same confirmed address": (
        {"sub": "9", "username": "x", "email": "A@B.example", "email_verified": True},
        "",
        "the same as line 1",
    ),
    "a name that is somebody's address": (
        {"sub": "9", "username": "a@b.example", "email": "a@b.example", "email_verified": True},
        "",
        "the same as line 1",
    ),
    "an address for a name, not confirmed": (
        {"sub": "9", "username": "x@b.example", "email": "x@b.example"},
        "(document)",
        "unless it is the user's own verified email",
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_record_that_is_wrong_is_found_before_anything_of_it_is_sent(
    case: str, options: list[str], run: Run, deployment: FakeDeployment, tmp_path: Path
) -> None:
    record, field, detail = WRONG[case]
    file = write(tmp_path / "users.jsonl", ALICE, record)
    result = run("import", "users", str(file), *options)
    assert result.exit_code == 6
    (told,) = refused(file)
    assert told["line"] == 2
    (error,) = told["errors"]
    assert error["field"] == field
    assert detail in error["detail"]
    assert sent(deployment) == ([] if options else [ALICE])


def test_report_and_state_keep_no_hash(run: Run, deployment: FakeDeployment, file: Path) -> None:
    deployment.answer("POST", "/admin/users", (409, TAKEN), (200, {}))
    run("import", "users", str(file))
    for kept in (Path(f"{file}.refused"), Path(f"{file}.done")):
        assert BCRYPT not in kept.read_text()
        assert DJANGO not in kept.read_text()


def test_clients_come_from_csv_as_from_json_lines(run: Run, deployment: FakeDeployment, tmp_path: Path) -> None:
    file = tmp_path / "clients.csv"
    file.write_text(
        "\ufeffclient_id,client_name,client_secret_hash,redirect_uris,require_pkce,access_token_lifetime,scope,"
        "token_endpoint_auth_method\n"
        f'old-1,"Time, sheets",{BCRYPT},https://a.example/ https://b.example/,false,600,openid read,\n'
        "old-2,Phone,,com.example.app:/callback,,,,none\n"
        f"old-3,Bad,{BCRYPT},http://evil.example/,perhaps,x,,\n"
        "old-4,No secret,,https://a.example/,,,,\n"
    )
    assert run("import", "clients", str(file)).exit_code == 6
    assert sorted((asked.body for asked in deployment.asked), key=lambda body: str(body["client_id"])) == [
        {
            "client_id": "old-1",
            "client_name": "Time, sheets",
            "client_secret_hash": BCRYPT,
            "redirect_uris": ["https://a.example/", "https://b.example/"],
            "require_pkce": False,
            "access_token_lifetime": 600,
            "scope": "openid read",
        },
        {
            "client_id": "old-2",
            "client_name": "Phone",
            "redirect_uris": ["com.example.app:/callback"],
            "token_endpoint_auth_method": "none",
        },
    ]
    wrong, secretless = ({error["field"] for error in told["errors"]} for told in refused(file))
    assert wrong == {"redirect_uris.0", "require_pkce", "access_token_lifetime"}
    assert secretless == {"client_secret_hash"}


def test_row_with_too_many_cells_is_refused(run: Run, deployment: FakeDeployment, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("sub,username\n1,alice,too,many\n")
    assert run("import", "users", str(file)).exit_code == 6
    assert deployment.asked == []


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_empty_file_imports_nothing(content: bytes, run: Run, deployment: FakeDeployment, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_bytes(content)
    assert run("import", "users", str(file)).stdout == "0 imported, 0 refused.\n"


def test_file_in_another_encoding_is_wrong_usage(run: Run, deployment: FakeDeployment, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_bytes("sub,username\n1,zo\u00eb\n".encode("latin-1"))
    assert run("import", "users", str(file)).exit_code == 2
    assert run("import", "users", str(tmp_path / "missing")).exit_code == 2
    assert deployment.asked == []


def test_many_at_a_time_are_each_done_once(run: Run, deployment: FakeDeployment, tmp_path: Path) -> None:
    people = [{"sub": str(number), "username": f"user{number}"} for number in range(200)]
    file = write(tmp_path / "users.jsonl", *people)
    assert run("import", "users", str(file), "--parallel", "16").stdout == "200 imported, 0 refused.\n"
    assert sorted(int(asked.body["sub"]) for asked in deployment.asked) == list(range(200))
    assert deployment.tokens == 1
