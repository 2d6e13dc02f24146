"""The files of a release: each is the same whenever it is made of the same commit, and a wrong tag makes none."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from scripts.release import ROOT, RefusedError, notes, require_frozen, requirements, sums, translated, version_of

CHANGELOG = """# Changelog

## 1.3.0 (unreleased)

- the next

## 1.2.0 (2030-01-31)

### Added

- a thing

## 1.1.0 (2029-12-01)

- an older thing
"""


def test_notes_are_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, "1.2.0", "v1.2.0") == "### Added\n\n- a thing\n"
    assert notes(CHANGELOG, "1.1.0") == "- an older thing\n"


@pytest.mark.parametrize(
    ("version", "tag", "reason"),
    [
        ("1.2.0", "v1.2.1", "the tag is v1.2.1"),
        ("1.2.0", "1.2.0", "the tag is 1.2.0"),
        ("1.3.0", "v1.3.0", "says unreleased"),
        ("1.4.0", "v1.4.0", "has no section"),
        ("1", "v1", "has no section"),
    ],
)
def test_no_release_of_what_is_not_ready(version: str, tag: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        notes(CHANGELOG, version, tag)


def test_no_release_whose_shape_is_not_frozen_as_it_is() -> None:
    now = {"UsersTable": {"Type": "AWS::DynamoDB::Table"}}
    require_frozen("1.2.0", {"1.2.0": now}, now)
    with pytest.raises(RefusedError, match=r"not frozen: run python -m tests\.deployed\.shape 1\.2\.0"):
        require_frozen("1.2.0", {"1.1.0": now}, now)
    with pytest.raises(RefusedError, match="changed since"):
        require_frozen("1.2.0", {"1.2.0": {}}, now)


def test_changelog_has_a_section_for_the_version_of_the_project() -> None:
    version = version_of((ROOT / "pyproject.toml").read_text())
    assert notes((ROOT / "CHANGELOG.md").read_text(), version)


def test_command_that_is_refused_says_why_and_fails() -> None:
    command = [sys.executable, "-m", "scripts.release", "notes", "--tag", "v0.0.0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("refused: the tag is v0.0.0")


def test_translated_template_is_the_same_each_time(tmp_path: Path) -> None:
    text = translated(ROOT / "template.yaml")
    assert json.loads(text).keys() > {"TokenFunction", "TokensTable"}
    names = [name for name in json.loads(text) if "ApiDeployment" in name]
    assert names == ["ResourceApiDeployment"]  # without the second in which it was made


def test_requirements_are_all_that_the_layers_pin() -> None:
    files = sorted((ROOT / "layers").glob("*/requirements.txt"))
    text = requirements(files)
    for file in files:
        assert set(re.findall(r"^[\w.-]+==", file.read_text(), re.MULTILINE)) <= set(
            re.findall(r"^[\w.-]+==", text, re.MULTILINE)
        )
        assert set(file.read_text().splitlines()) <= set(text.splitlines())


def test_layers_that_pin_a_package_differently_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.release.ROOT", tmp_path)
    for name, version in (("a", "1"), ("b", "2")):
        (tmp_path / f"{name}.txt").write_text(f"jinja2=={version} \\\n    --hash=sha256:00\n")
    with pytest.raises(RefusedError, match="jinja2"):
        requirements([tmp_path / "a.txt", tmp_path / "b.txt"])


def test_sums_are_what_sha256sum_checks(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    (tmp_path / "SHA256SUMS").write_text(sums(tmp_path))
    check = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True)
    assert (check.returncode, check.stdout) == (0, "one: OK\ntwo: OK\n")


def test_wheel_is_the_tool_and_the_library(tmp_path: Path) -> None:
    command = ["uv", "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", str(tmp_path)]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, env={"PATH": path, "SOURCE_DATE_EPOCH": "1700000000"})
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"authserver_cli/__main__.py", "authserver/values.py"} <= set(names)
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"authserver", "authserver_cli"}


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_runs_what_can_be_run_here(path: Path) -> None:
    """Each step runs targets of the Makefile or scripts of this repository, and has nothing of an event in its text."""
    workflow = yaml.safe_load(path.read_text())
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job.get("steps", [])]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands or any("uses" in job for job in workflow["jobs"].values())
    for command in commands:
        assert "${{" not in command
        assert set(re.findall(r"\bmake ([\w-]+)", command)) <= targets
        for script in re.findall(r"(?<!\S)(?:\.ci|scripts)/[\w.-]+", command):
            assert (ROOT / script).exists()
    assert {step["uses"].partition("/")[0] for step in steps if "uses" in step} <= {"actions"}
