"""The package that other tools deploy: plain CloudFormation, in which whatever is named is there."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from local.parameters import choose_parameters
from local.template import read_template, translated
from scripts.package import ARTIFACTS, DECIDED, TEMPLATE, packaged, write_package
from tests.template.test_versions import references

ROOT = Path(__file__).parent.parent.parent
WRITTEN = read_template(ROOT / "template.yaml")
PARAMETERS = choose_parameters(WRITTEN["Parameters"], {}, {})
FOLDERS = [
    *(f"functions/{one.name}" for one in (ROOT / "functions").iterdir()),
    *(f"layers/{one.name}" for one in (ROOT / "layers").iterdir()),
]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    plain = translated(WRITTEN, {**PARAMETERS, "Release": "a" * 64})
    return packaged(plain, PARAMETERS, {**{folder: f"{folder}.zip" for folder in FOLDERS}, "alarms.yaml": "a.yaml"})


def test_nothing_is_left_for_sam(template: dict[str, Any]) -> None:
    assert "Transform" not in template
    assert not [one for one in template["Resources"].values() if one["Type"].startswith("AWS::Serverless::")]


def test_a_nested_stack_is_found_where_its_template_is_put(template: dict[str, Any]) -> None:
    (alarms,) = (one for one in template["Resources"].values() if one["Type"] == "AWS::CloudFormation::Stack")
    place = "https://${ArtifactBucket}.s3.${AWS::Region}.${AWS::URLSuffix}/${ArtifactPrefix}a.yaml"
    assert alarms["Properties"]["TemplateURL"] == {"Fn::Sub": place}


def test_whatever_is_named_is_there(template: dict[str, Any]) -> None:
    """CDK's CfnInclude refuses a template in which something is not."""
    there = {*template["Resources"], *template["Parameters"]}
    named = {
        name
        for section in ("Resources", "Outputs", "Conditions", "Rules")
        for name in references(template[section])
        if not name.startswith(("AWS::", "__"))
    }
    assert named - there == {"Metadata"}, "a variable of an Fn::Sub"


def test_no_resource_waits_for_itself(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    waits = {name: {one for one in references(resource) if one in resources} for name, resource in resources.items()}
    for name, resource in resources.items():
        waits[name] |= set(resource.get("DependsOn", []) if isinstance(resource.get("DependsOn"), list) else [])
    while ready := [name for name, others in waits.items() if not others]:
        for name in ready:
            del waits[name]
        for others in waits.values():
            others -= set(ready)
    assert waits == {}


def test_code_is_in_the_bucket_that_is_said(template: dict[str, Any]) -> None:
    places = [
        one["Properties"].get("Code") or one["Properties"]["Content"]
        for one in template["Resources"].values()
        if one["Type"] in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
    ]
    assert {json.dumps(one["S3Bucket"]) for one in places} == {'{"Ref": "ArtifactBucket"}'}
    assert {one["S3Key"]["Fn::Sub"] for one in places} == {f"${{ArtifactPrefix}}{folder}.zip" for folder in FOLDERS}
    assert ARTIFACTS.items() <= template["Parameters"].items()


def test_another_release_is_another_version_of_every_function_and_the_old_one_stays(template: dict[str, Any]) -> None:
    """CloudFormation replaces a version whose description changes."""
    versions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Version"]
    functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"]
    assert len(versions) == len(functions) > 0
    assert all(one["Properties"]["Description"] == {"Ref": "Release"} for one in (*versions, *functions))
    assert all((one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain") for one in versions)


def test_parameters_that_sam_reads_take_the_value_of_the_package_alone(template: dict[str, Any]) -> None:
    """Found by giving each parameter a mark, and looking for it in what SAM makes of the template."""
    marks = {name: f"zz{name}zz" for name in PARAMETERS if name not in DECIDED}
    plain = translated(copy.deepcopy(WRITTEN), {**PARAMETERS, **marks})
    made = json.dumps([plain["Resources"], plain["Outputs"]], default=str)
    assert {name for name, mark in marks.items() if mark in made} == {"Release"}
    for name in DECIDED:
        assert template["Parameters"][name]["AllowedValues"] == [PARAMETERS[name]]


def test_the_same_build_makes_the_same_archives(tmp_path: Path) -> None:
    build = tmp_path / "build"
    (build / "Layer").mkdir(parents=True)
    (build / "Layer" / "a.py").write_text("x = 1\n")
    small = "Transform: AWS::Serverless-2016-10-31\nParameters:\n"
    small += "".join(f"  {name}: {{Type: String, Default: x}}\n" for name in (*DECIDED, "Release"))
    small += "Resources:\n  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: Layer}}\n"
    (build / "template.yaml").write_text(small)
    sums = []
    for _ in range(2):
        write_package(build, tmp_path / "package", {})
        sums.append((tmp_path / "package" / "SHA256SUMS").read_text())
        (build / "Layer" / "a.py").touch()
    assert sums[0] == sums[1]
    for line in sums[0].splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "package" / name).read_bytes()).hexdigest() == digest
    assert f"  {TEMPLATE}\n" in sums[0]
