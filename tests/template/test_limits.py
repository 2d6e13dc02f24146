"""What AWS takes, and how far below it the template stays: with every feature on, and names as long as they get.

No emulator knows these limits. Each has AWS's number and where it is documented; the bound that a test holds is lower,
so that the next feature fails here and not in an operator's deployment.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.functions.world import ROOT, TEMPLATE
from tests.template.largest import ACCOUNT, CHOICES, REGION, STACK, TEXTS, Largest
from tests.template.written import Written

BUILD = ROOT / ".aws-sam" / "build"


@pytest.fixture(scope="session")
def largest(written: Written) -> Largest:
    return Largest(written)


def compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def above(sizes: dict[str, int], bound: int) -> dict[str, int]:
    """What does not stay below the bound."""
    return {name: size for name, size in sizes.items() if size >= bound}


def test_every_feature_is_on(largest: Largest) -> None:
    assert len(STACK) == 40
    off = {name for name in largest.template["Conditions"] if not largest.resolver.condition(name, name)}
    assert off == {"IsLocal", "AllowsLoopbackUpstreams"}  # for development alone
    assert (CHOICES | TEXTS).keys() <= largest.parameters.keys()


# ------------------------------------------------------------------ CloudFormation
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html


def test_the_stack_has_fewer_than_400_of_500_resources(largest: Largest) -> None:
    assert len(largest.resources) < 400


def test_the_template_is_smaller_than_a_megabyte_before_and_after_sam(largest: Largest) -> None:
    """1 MB, from S3, which is how `sam deploy` passes it."""
    assert TEMPLATE.stat().st_size < 750_000
    processed = {
        **{name: largest.template[name] for name in ("Parameters", "Conditions", "Outputs")},
        **largest.expanded,
    }
    assert len(compact(processed)) < 750_000


def test_the_template_declares_less_than_it_may(largest: Largest) -> None:
    """200 each of parameters, outputs and mappings; names of 255 characters; descriptions of 1,024 and 4,000."""
    template = largest.template
    for section in ("Parameters", "Outputs", "Mappings"):
        assert len(template.get(section, {})) <= 150, section
    assert max(map(len, largest.resources)) <= 200
    assert len(template["Description"].encode()) <= 1_000
    assert not above({name: len(one["Description"]) for name, one in template["Parameters"].items()}, 1_000)
    assert not above({name: len(one["Description"]) for name, one in template["Outputs"].items()}, 1_000)


# ------------------------------------------------------------------ Lambda
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


def test_a_functions_resource_policy_stays_below_18_000_of_20_480_octets(largest: Largest) -> None:
    """Lambda keeps a statement for each `AWS::Lambda::Permission`, named as the resource is in the cloud."""
    sizes: Counter[str] = Counter()
    for logical_id, properties in largest.of_type("AWS::Lambda::Permission").items():
        function = properties["FunctionName"].rpartition("function:")[2].partition(":")[0]
        sizes[function] += len(compact(permission(largest.reference(logical_id), function, properties))) + 1
    assert sizes
    assert not above({name: size + len(EMPTY_POLICY) for name, size in sizes.items()}, 18_000)


EMPTY_POLICY = '{"Version":"2012-10-17","Id":"default","Statement":[]}'


def permission(statement_id: str, function: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The statement as Lambda writes it."""
    return {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live",
        "Condition": {"ArnLike": {"AWS:SourceArn": properties.get("SourceArn", "")}},
    }


def test_a_functions_environment_stays_below_3_000_of_4_096_octets(largest: Largest) -> None:
    """Lambda measures the variables as JSON. A long `RouteScopes` or `Resources` takes of the rest."""
    functions = largest.of_type("AWS::Lambda::Function")
    sizes = {name: len(compact(one["Environment"]["Variables"]).encode()) for name, one in functions.items()}
    assert not above(sizes, 3_000)


def test_a_function_has_no_more_than_five_layers(largest: Largest) -> None:
    functions = largest.of_type("AWS::Lambda::Function")
    assert all(len(one["Layers"]) <= 5 for one in functions.values())


def test_a_function_and_its_layers_unzipped_are_smaller_than_250_megabytes(written: Written) -> None:
    if not BUILD.is_dir():
        pytest.skip("`make build` was not run")
    common = written.template["Globals"]["Function"]["Layers"]
    sizes = {
        name: octets(BUILD / name) + sum(octets(BUILD / layer["Ref"]) for layer in [*common, *one.get("Layers", ())])
        for name, one in written.of_type("AWS::Serverless::Function").items()
        if (BUILD / name).is_dir()  # it may be an older build
    }
    assert not above(sizes, 200_000_000)


def octets(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_timeouts_and_memory_are_what_lambda_has(largest: Largest) -> None:
    """900 s, and 128 to 10,240 MB; API Gateway waits for 29 s at most, which test_timeouts.py holds."""
    for name, one in largest.of_type("AWS::Lambda::Function").items():
        assert one["Timeout"] <= 900, name
        assert 128 <= one["MemorySize"] <= 3_008, name  # what new accounts may have


# ------------------------------------------------------------------ IAM
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


def test_a_roles_inline_policies_stay_below_9_000_of_10_240_characters(largest: Largest) -> None:
    """Together; IAM counts no white space."""
    roles = largest.of_type("AWS::IAM::Role")
    sizes = {
        name: sum(len(compact(policy["PolicyDocument"])) for policy in one.get("Policies", ()))
        for name, one in roles.items()
    }
    assert not above(sizes, 9_000)
    assert all(len(one.get("ManagedPolicyArns", ())) <= 10 for one in roles.values())


def test_names_that_the_template_chooses_are_short_enough(largest: Largest) -> None:
    """Functions, roles and rules have 64 characters; those that CloudFormation makes it shortens."""
    named = {"AWS::Lambda::Function": "FunctionName", "AWS::IAM::Role": "RoleName", "AWS::Events::Rule": "Name"}
    for resource_type, property_name in named.items():
        for name, properties in largest.of_type(resource_type).items():
            assert len(properties.get(property_name, "")) <= 64, name


# ------------------------------------------------------------------ API Gateway
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html


def test_the_http_api_has_fewer_than_200_of_300_routes_and_integrations(largest: Largest) -> None:
    (api,) = largest.of_type("AWS::ApiGatewayV2::Api").values()
    routes = sum(len(operations) for operations in api["Body"]["paths"].values())
    assert 0 < routes < 200  # an integration for each, unless the document shares one


def test_the_rest_api_has_fewer_than_200_of_300_resources_and_ten_authorizers(largest: Largest) -> None:
    (api,) = largest.of_type("AWS::ApiGateway::RestApi").values()
    paths = api["Body"]["paths"]
    parts = {tuple(path.split("/")[:length]) for path in paths for length in range(1, path.count("/") + 2)}
    assert len(paths) <= len(parts) < 200
    assert len(api["Body"]["components"]["securitySchemes"]) < 10
    assert len(compact(api["Body"])) < 4_000_000  # of 6 MB that an import may have


def test_stage_variables_are_short_enough(largest: Largest) -> None:
    """64 characters of a name and 512 of a value, both kinds of API; a REST API refuses most punctuation."""
    stages = [
        *(one.get("Variables", {}) for one in largest.of_type("AWS::ApiGateway::Stage").values()),
        *(one.get("StageVariables", {}) for one in largest.of_type("AWS::ApiGatewayV2::Stage").values()),
    ]
    assert len(stages) == 2
    for variables in stages:
        assert all(len(name) <= 64 and len(str(value)) <= 400 for name, value in variables.items())


# ------------------------------------------------------------------ DynamoDB, KMS, SQS and others
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
# https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html


def test_a_table_has_fewer_indexes_than_20_and_projects_keys_alone(largest: Largest) -> None:
    for name, table in largest.of_type("AWS::DynamoDB::Table").items():
        assert len(table.get("GlobalSecondaryIndexes", ())) <= 10, name
        assert len(largest.reference(name)) <= 255


def test_a_tables_stream_has_two_readers_at_most(largest: Largest) -> None:
    """More are throttled: two processes read a shard at once."""
    readers = Counter(str(one["EventSourceArn"]) for one in largest.of_type("AWS::Lambda::EventSourceMapping").values())
    assert all(count <= 2 for count in readers.values())


def test_the_keys_policy_is_below_32_kilobytes(largest: Largest) -> None:
    for name, key in largest.of_type("AWS::KMS::Key").items():
        assert len(compact(key["KeyPolicy"])) < 24_000, name
