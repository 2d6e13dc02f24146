"""Versions and the alias `live`: a change of the code is one of every function, and nothing goes past the alias."""

import copy
from pathlib import Path
from typing import Any

from local.parameters import choose_parameters
from local.template import expanded
from scripts.deploy import release
from tests.template.written import Written


def expand_with(written: Written, **parameters: str) -> dict[str, dict[str, Any]]:
    return expanded(written.template, choose_parameters(written.template["Parameters"], parameters, {}))


def versions(resources: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"}


def test_one_line_of_the_core_layer_is_a_new_version_of_every_function(written: Written, tmp_path: Path) -> None:
    core = tmp_path / "CoreLayer" / "python" / "authserver" / "errors.py"
    core.parent.mkdir(parents=True)
    core.write_text("one line\n")
    before = expand_with(written, Release=release(tmp_path, {}))
    core.write_text("another\n")
    after = expand_with(written, Release=release(tmp_path, {}))
    assert len(versions(before)) == len(versions(after)) == len(written.functions)
    assert not versions(before) & versions(after)
    for function in written.functions.values():  # of an equal function, Lambda publishes no version
        assert before[function]["Properties"]["Description"] != after[function]["Properties"]["Description"]


def test_without_a_release_a_layer_of_other_content_is_a_new_version_too(written: Written) -> None:
    """`sam deploy` alone: it names what a layer holds by its digest."""
    changed = copy.deepcopy(written.template)
    changed["Resources"]["CoreLayer"]["Properties"]["ContentUri"] = "layers/another"
    parameters = choose_parameters(changed["Parameters"], {}, {})
    assert not versions(expanded(changed, parameters)) & versions(written.resources)


def test_versions_outlive_the_release_so_that_it_can_be_gone_back_to(written: Written) -> None:
    assert {written.resources[name]["DeletionPolicy"] for name in versions(written.resources)} == {"Retain"}


def test_nothing_goes_past_the_alias(written: Written) -> None:
    """Routes, authorizers, schedules, permissions, policies, environments and outputs: every caller of a function
    invokes `live`, or a rollback would not be theirs. Its versions, its alias and its settings name it, and the alarms
    on its metrics."""
    functions = set(written.functions.values())
    may = {"AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig"}
    may.add("AWS::CloudFormation::Stack")
    for name, resource in written.resources.items():
        named = functions & set(references(resource))
        assert resource["Type"] in may or not named, f"{name} names {named}"
    assert not functions & {one.removesuffix(".Arn") for one in references(written.template["Outputs"])}


def references(value: Any) -> list[str]:
    """What Ref, Fn::GetAtt and the placeholders of Fn::Sub name in a piece of template."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return [name]
        case {"Fn::Sub": list([str(text), dict(variables)])}:
            return [*placeholders(text), *references(variables)]
        case {"Fn::Sub": str(text)}:
            return placeholders(text)
        case dict():
            return [one for inner in value.values() for one in references(inner)]
        case list():
            return [one for inner in value for one in references(inner)]
    return []


def placeholders(text: str) -> list[str]:
    return [part.partition("}")[0].partition(".")[0] for part in text.split("${")[1:]]


def test_a_gradual_deployment_is_every_functions_and_watches_both_apis(written: Written) -> None:
    resources = expand_with(written, Deployment="Canary10Percent5Minutes")
    aliases = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Alias"]
    assert all("CodeDeployLambdaAliasUpdate" in one["UpdatePolicy"] for one in aliases)
    groups = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    assert len(groups) == len(aliases) == len(written.functions)
    for group in groups:
        condition, watched, _ = group["AlarmConfiguration"]["Fn::If"]
        assert condition == "IsGradual"
        assert [one["Name"]["Ref"] for one in watched["Alarms"]] == ["AuthorizationApiFails", "ResourceApiFails"]
    assert resources["ResourceApi"]["Properties"]["Body"]["info"]["title"] == {"Ref": "AWS::StackName"}, "the alarm's"


def test_by_default_nothing_is_deployed_gradually_and_no_alarm_costs_anything(written: Written) -> None:
    alarms = [one for one in written.resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    assert not any(written.resolver.condition(one["Condition"], "alarm") for one in alarms)
    assert not [one for one in written.resources.values() if one["Type"].startswith("AWS::CodeDeploy::")]


def test_every_way_of_deploying_says_whether_it_is_gradual(written: Written) -> None:
    ways = written.template["Parameters"]["Deployment"]["AllowedValues"]
    mapped = {name: one["Gradual"] for name, one in written.template["Mappings"]["Deployments"].items()}
    assert mapped == {name: "false" if name == "AllAtOnce" else "true" for name in ways}
