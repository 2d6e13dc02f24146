"""What AWS SAM's translator makes of a template is kept."""

import os
from pathlib import Path
from typing import Any

import pytest

import local.template
from local.errors import RefusedError
from local.template import expand, expanded, read_template

from .conftest import Project

PARAMETERS = {"Issuer": "http://127.0.0.1:1", "Mode": "plain", "Size": "3"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where it is kept; at first there is none."""
    monkeypatch.setattr(local.template, "_KEPT", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def template(project: Project) -> dict[str, Any]:
    return read_template(project.template)


def test_what_was_expanded_once_is_not_expanded_again(
    kept: Path, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = expanded(template, PARAMETERS)
    assert first == expand(template, PARAMETERS)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert expanded(template, PARAMETERS) == first
    for changed in ({**PARAMETERS, "Mode": "fancy"}, {**PARAMETERS, "Issuer": "http://127.0.0.1:2"}):
        with pytest.raises(FileNotFoundError):
            expanded(template, changed)
    with pytest.raises(FileNotFoundError):
        expanded({**template, "Description": "Another"}, PARAMETERS)


def test_what_is_unsaid_stays_a_reference_and_makes_no_difference(
    kept: Path, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = expanded(template, PARAMETERS, ["Issuer"])
    assert first["Echo"]["Properties"]["Environment"]["Variables"]["ISSUER"] == {"Ref": "Issuer"}
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert expanded(template, {**PARAMETERS, "Issuer": "http://127.0.0.1:2"}, ["Issuer"]) == first


def test_what_was_kept_and_is_broken_is_expanded_again(kept: Path, template: dict[str, Any]) -> None:
    first = expanded(template, PARAMETERS)
    (file,) = kept.iterdir()
    file.write_text(file.read_text()[:100])
    assert expanded(template, PARAMETERS) == first
    assert [one.stat().st_size > 100 for one in kept.iterdir()] == [True]


def test_no_more_is_kept_than_the_newest(kept: Path, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.template, "_MOST_KEPT", 1)
    expanded(template, PARAMETERS)
    (older,) = kept.iterdir()
    os.utime(older, (0, 0))
    expanded(template, {**PARAMETERS, "Size": "2"})
    (newer,) = kept.iterdir()
    assert newer != older


def test_what_is_refused_is_refused_again(kept: Path, template: dict[str, Any]) -> None:
    template["Resources"]["Echo"]["Properties"]["Events"]["Any"]["Properties"]["ApiId"] = {"Ref": "Nothing"}
    for _ in range(2):
        with pytest.raises(RefusedError, match="ApiId"):
            expanded(template, PARAMETERS)
