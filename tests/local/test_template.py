"""What AWS SAM's translator makes of a template is kept."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import local.template
from local.errors import RefusedError
from local.parameters import choose_parameters
from local.server import TEMPLATE
from local.template import expand, expanded, read_template
from tests.expanding import elsewhere

from .conftest import Project

# Their names are digests of what is deployed, and stages name them.
DEPLOYED = {"AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"}
PARAMETERS = {"Issuer": "http://127.0.0.1:1", "Mode": "plain", "Size": "3"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where it is kept; at first there is none. The translator runs in a process of its own."""
    monkeypatch.setattr(local.template, "_expand_elsewhere", elsewhere)
    monkeypatch.setattr(local.template, "_KEPT", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def template(project: Project) -> dict[str, Any]:
    """What the translator itself reads of its parameters is Size."""
    read = read_template(project.template)
    read["Resources"]["Echo"]["Properties"]["Timeout"] = {"Ref": "Size"}
    return read


def test_what_was_expanded_once_is_not_expanded_again(
    kept: Path, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = expanded(template, PARAMETERS)
    assert first == expand({**template, "Parameters": {"Size": template["Parameters"]["Size"]}}, {"Size": "3"})
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert expanded(template, PARAMETERS) == first
    with pytest.raises(FileNotFoundError):
        expanded(template, {**PARAMETERS, "Size": "4"})
    with pytest.raises(FileNotFoundError):
        expanded({**template, "Description": "Another"}, PARAMETERS)


def test_what_is_unsaid_stays_a_reference_and_makes_no_difference(
    kept: Path, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = expanded(template, PARAMETERS, ["Issuer"])
    assert first["Echo"]["Properties"]["Environment"]["Variables"]["ISSUER"] == {"Ref": "Issuer"}
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert expanded(template, {**PARAMETERS, "Issuer": "http://127.0.0.1:2"}, ["Issuer"]) == first


def test_what_environments_and_conditions_alone_name_makes_no_difference(
    kept: Path, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    template["Resources"]["Guard"]["Properties"]["Description"] = {"Fn::Sub": ["${Mode} ${x}", {"x": "y"}]}
    first = expanded(template, PARAMETERS)
    assert first["Echo"]["Properties"]["Environment"]["Variables"]["ISSUER"] == {"Ref": "Issuer"}
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert expanded(template, {**PARAMETERS, "Issuer": "http://127.0.0.1:2"}) == first
    with pytest.raises(FileNotFoundError):
        expanded(template, {**PARAMETERS, "Mode": "fancy"})


def test_every_parameter_of_ours_comes_out_as_if_the_translator_had_been_told(kept: Path) -> None:
    """But for the names of deployments, which are digests of what is deployed."""
    ours = read_template(TEMPLATE)
    parameters = choose_parameters(ours["Parameters"], {}, {"Issuer": "https://a.example"})

    def resolved(resources: dict[str, Any]) -> Any:
        named = {name: one for name, one in resources.items() if one["Type"] not in DEPLOYED}
        return json.loads(json.dumps(named), object_hook=lambda part: parameters.get(part.get("Ref", ""), part))

    assert resolved(expanded(ours, parameters)) == resolved(expand(ours, parameters))


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
