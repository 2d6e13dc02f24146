"""`scripts/set-up` on a machine without Python 3.13: what it says, and what it asks before it does it."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UV = """#!/bin/sh
case "$*" in
  "python dir") echo /home/somebody/pythons ;;
  "python install 3.13") echo fetched >> "$(dirname "$0")/fetched" ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A copy of the scripts, and in `bin` all that is on PATH: no Python."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "requirements.txt").write_text("a==1\n")
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "env", "grep", "sh", "sort"):
        found = shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def give_uv(machine: Path) -> None:
    (machine / "bin" / "uv").write_text(UV)
    (machine / "bin" / "uv").chmod(0o755)


def set_up(
    machine: Path, standard_input: int = subprocess.DEVNULL, python: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "scripts" / "set-up", "requirements.txt"],
        env={"PATH": str(machine / "bin"), "PYTHON": python},
        stdin=standard_input,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_what_to_install_is_said_without_a_question_where_nobody_can_answer(machine: Path) -> None:
    give_uv(machine)
    done = set_up(machine)
    assert done.returncode == 1
    assert "Python 3.13 was not found" in done.stderr
    assert "uv python install 3.13   |   pyenv install 3.13" in done.stderr
    assert "[y/N]" not in done.stderr
    assert not (machine / "bin" / "fetched").exists()


@pytest.mark.parametrize(("answer", "is_fetched"), [("y", True), ("n", False), ("", False)])
def test_uv_fetches_a_python_for_whoever_agrees(machine: Path, answer: str, is_fetched: bool) -> None:
    give_uv(machine)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = set_up(machine, theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "into /home/somebody/pythons" in done.stderr
    assert "Run `uv python install 3.13` now? [y/N]" in done.stderr
    assert (machine / "bin" / "fetched").exists() == is_fetched


def test_python_that_is_no_3_13_is_refused(machine: Path) -> None:
    done = set_up(machine, python="/nowhere/python3")
    assert (done.returncode, done.stderr) == (1, "/nowhere/python3 is not a Python 3.13\n")
    assert not (machine / ".venv").exists()
