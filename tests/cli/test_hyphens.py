"""What begins with a hyphen on the command line: identifiers, values of options, files, and mistyped options."""

from pathlib import Path

import click
import pytest

from authserver_cli.__main__ import main
from tests.cli.conftest import Run
from tests.cli.deployment import FakeDeployment

KID = "-hQ3xv8_d2A"
MARK = "\ue000"


def commands(group: click.Group) -> list[click.Command]:
    found = [group.commands[name] for name in group.commands]
    return [command for one in found for command in (commands(one) if isinstance(one, click.Group) else [one])]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (f"users show {KID}", f"/admin/users/{KID}"),
        (f"users show -- {KID}", f"/admin/users/{KID}"),
        ("users show -- -json-please", "/admin/users/-json-please"),
        ("users show -y -- --yes", "/admin/users/--yes"),
        (f"clients drop-secret {KID} -2{'k' * 10} --yes", f"/admin/clients/{KID}/secrets/-2{'k' * 10}"),
        (f"users forget-consent sub --yes {KID}", f"/admin/users/sub/consents/{KID}"),
    ],
)
def test_an_identifier_may_begin_with_a_hyphen(line: str, path: str, run: Run, deployment: FakeDeployment) -> None:
    result = run(*line.split())
    assert result.exit_code == 0, result.stderr
    assert [one.path for one in deployment.asked] == [path]


@pytest.mark.parametrize("value", [KID, "-november-heads", "--json", "--"])
def test_the_value_of_an_option_is_taken_as_it_is(value: str, run: Run, deployment: FakeDeployment) -> None:
    result = run("clients", "list", "--owner", value)
    assert result.exit_code == 0, result.stderr
    assert [one.query["owner"] for one in deployment.asked] == [value]


@pytest.mark.parametrize(
    "line",
    [
        "users show -json-please",
        "users show sub -json-please",
        "users show -from-2026-11-01",
        "users show --dry-run-and-tell-me-more",
        "users show --everything-of-the-user sub",
        "users list -everything-please",
        "audit verify --from-the-beginning-of-time",
        "audit verify -from-2026-11-01",
        f"audit verify {KID}",
        "resources export -november-dump",
        f"scopes import {KID}",
        "import clients -november-export",
        "completion -fish-of-november",
    ],
)
def test_a_mistyped_option_is_refused(
    line: str, run: Run, deployment: FakeDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*line.split())
    assert result.exit_code == 2
    assert "No such option: -" in result.stderr
    assert MARK not in result.stderr
    assert "ue000" not in result.stderr
    assert (deployment.asked, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "audit verify --heads -november-heads",
        "audit verify --heads -h-1234567890",
        "audit list --from -1234567890123",
        "audit list --to -h-1234567890",
        "clients rotate-secret c --overlap -1234567890123",
        "clients update c --from -november-client",
        f"clients update c --set {KID}",
        f"theme set --font {KID}",
    ],
)
def test_what_a_typed_value_is_refused_for_is_told_as_it_was_written(
    line: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*line.split())
    assert result.exit_code == 2
    assert line.split()[-1] in result.stderr
    assert MARK not in result.stderr
    assert "ue000" not in result.stderr


def test_files_may_begin_with_a_hyphen(
    run: Run, deployment: FakeDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind ``--``, and as the value of an option."""
    monkeypatch.chdir(tmp_path)
    Path("-november-client").write_text('{"client_name": "Another"}')
    assert run("clients", "update", "c", "--from", "-november-client").exit_code == 0
    assert run("resources", "export", "--", "-november-dump").exit_code == 0
    assert {one.name for one in tmp_path.iterdir()} == {"-november-client", "-november-dump"}


def test_no_command_takes_identifiers_and_files_as_arguments() -> None:
    """A file whose name begins with a hyphen would be taken for an identifier, and a mistyped option for a file."""
    for command in commands(main):
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
        texts = [one for one in arguments if isinstance(one.type, click.types.StringParamType)]
        assert texts in ([], arguments), command.name
