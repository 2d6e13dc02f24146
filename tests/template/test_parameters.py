"""Parameters, conditions and outputs."""

import pytest

from local.parameters import choose_parameters
from local.template import read_template
from tests.functions.world import TEMPLATE
from tests.template.written import Written, strings

PARAMETERS = sorted(read_template(TEMPLATE)["Parameters"])

CAP = "ReservedConcurrentExecutions"


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_parameter_is_described_used_and_grouped(parameter: str, written: Written) -> None:
    declared = written.template["Parameters"][parameter]
    assert declared["Description"].endswith(".") or ";" in declared["Description"]
    assert written.mentions(parameter)
    groups = written.template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sum(parameter in group["Parameters"] for group in groups) == 1


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_parameter_has_a_default_that_it_allows(parameter: str, written: Written) -> None:
    assert "Default" in written.template["Parameters"][parameter]
    choose_parameters(written.template["Parameters"], {}, {})


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_parameter_is_bounded(parameter: str, written: Written) -> None:
    declared = written.template["Parameters"][parameter]
    if declared["Type"] == "Number":
        assert "AllowedValues" in declared or {"MinValue", "MaxValue"} <= set(declared)


def test_every_condition_is_used(written: Written) -> None:
    used = {text for part in ("Globals", "Resources", "Outputs") for text in strings(written.template[part])}
    assert set(written.template["Conditions"]) <= used


@pytest.mark.rfc("8414", "2")
@pytest.mark.parametrize(
    "issuer",
    [
        "http://example.com",
        "https://example.com/",
        "https://example.com?x=1",
        "https://example.com#x",
        "https://example.com/a b",
        "http://localhost.evil.example",
        "https://",
    ],
)
def test_an_issuer_that_is_none_is_refused(issuer: str, written: Written) -> None:
    with pytest.raises(Exception, match="Issuer"):
        choose_parameters(written.template["Parameters"], {"Issuer": issuer}, {})


@pytest.mark.rfc("8414", "2")
@pytest.mark.parametrize("issuer", ["https://example.com", "https://example.com/tenant", "http://localhost:3000"])
def test_an_issuer_that_is_one_is_taken(issuer: str, written: Written) -> None:
    assert choose_parameters(written.template["Parameters"], {"Issuer": issuer}, {})["Issuer"] == issuer


@pytest.mark.rfc("6749", "4.1.2")
def test_a_code_lives_a_minute_and_never_more_than_ten(written: Written) -> None:
    declared = written.template["Parameters"]["CodeLifetime"]
    assert (declared["Default"], declared["MaxValue"]) == (60, 600)


def test_no_output_is_a_secret(written: Written) -> None:
    assert set(written.template["Outputs"]) >= {"Issuer", "ResourceUrl", "AuthorizerFunctionArn", "ClientsTable"}
    assert all("Description" in output for output in written.template["Outputs"].values())


def test_sign_ins_and_the_fetching_of_documents_alone_can_be_capped_and_are_not_unasked(written: Written) -> None:
    """SECURITY.md row 81: neither a flood of passwords to hash nor addresses of strangers starve the token endpoint."""
    functions = written.of_type("AWS::Serverless::Function")
    capped = {name: one[CAP] for name, one in functions.items() if CAP in one}
    assert capped == {
        f"{name}Function": {"Fn::If": [f"Has{name}Concurrency", {"Ref": f"{name}Concurrency"}, {"Ref": "AWS::NoValue"}]}
        for name in ("Login", "Documents")
    }
    assert {written.template["Parameters"][f"{name}Concurrency"]["Default"] for name in ("Login", "Documents")} == {0}


def test_each_output_that_there_always_is_can_be_read_from_systems_manager(written: Written) -> None:
    """By a switch, and off: then there is no parameter."""
    parameters = written.of_type("AWS::SSM::Parameter")
    outputs = {
        name: output["Value"] for name, output in written.template["Outputs"].items() if "Condition" not in output
    }
    assert {name.removeprefix("Published"): one["Value"] for name, one in parameters.items()} == outputs
    for name, one in parameters.items():
        assert one["Name"] == {"Fn::Sub": f"/authserver/${{AWS::StackName}}/{name.removeprefix('Published')}"}
        assert written.template["Resources"][name]["Condition"] == "PublishesOutputs"
    assert not written.resolver.condition("PublishesOutputs", "switch")
