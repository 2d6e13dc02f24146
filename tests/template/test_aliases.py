"""The paths of other systems: routed where an operator chose them, and nowhere else."""

import re
from typing import Any

import pytest

from authserver.aliases import ALIASES
from local.intrinsics import Resolver
from local.parameters import choose_parameters
from tests.template.written import Written

# What PlaceOS has and this server has no path of its own for.
OF_PLACEOS = dict.fromkeys(
    ("/auth/authority", "/auth/login", "/auth/oauth/token/info", "/auth/token/info", "/.well-known/webfinger"),
    "AuthorityFunction",
) | dict.fromkeys(("/auth/oauth2/callback", "/auth/oauth2/callback/{strategy}"), "FederateFunction")
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"


def served(written: Written, presets: str, **parameters: str) -> dict[str, str]:
    """(path, logical id of its function) of the AuthorizationApi under `EndpointAliases`."""
    given = {"EndpointAliases": presets, **parameters}
    resolver = Resolver(
        choose_parameters(written.template["Parameters"], given, {}), written.template["Conditions"], "123456789012"
    )
    for logical_id in written.functions.values():
        resolver.references[f"{logical_id}Aliaslive"] = f"<{logical_id}>"
    body = resolver.resolve(written.resources["AuthorizationApi"]["Properties"]["Body"], "Body")
    shared = body["components"]["x-amazon-apigateway-integrations"]
    return {path: _function(operations, shared) for path, operations in body["paths"].items()}


def _function(operations: dict[str, Any], shared: dict[str, Any]) -> str:
    (operation,) = operations.values()
    integration = operation[INTEGRATION]
    integration = shared[integration["$ref"].rpartition("/")[2]] if "$ref" in integration else integration
    found = re.search("<(.*)>", integration["uri"])
    assert (integration["type"], integration["payloadFormatVersion"]) == ("aws_proxy", "2.0")
    assert found
    return found[1]


@pytest.mark.parametrize("presets", [*ALIASES, "oauth,placeos,cognito,keycloak", "keycloak,oauth"])
def test_each_preset_routes_its_paths_to_the_functions_of_their_endpoints(presets: str, written: Written) -> None:
    own, now = served(written, ""), served(written, presets)
    wanted = {path: own[stands_for] for preset in presets.split(",") for path, stands_for in ALIASES[preset].items()}
    assert now == own | wanted | (OF_PLACEOS if "placeos" in presets else {})


def test_signing_in_by_a_script_is_another_switch(written: Written) -> None:
    without, with_it = served(written, "placeos"), served(written, "placeos", ScriptSignIn="true")
    assert with_it == without | {"/auth/signin": "LoginFunction"}
    assert served(written, "oauth", ScriptSignIn="true") == served(written, "oauth")


def test_there_are_none_unless_an_operator_chose_them(written: Written) -> None:
    routed = {route.partition(" ")[2] for _, route in written.routes("HttpApi").values()}
    assert set(served(written, "")) == routed - OF_PLACEOS.keys() - {"/auth/signin"}


@pytest.mark.parametrize("presets", ["", "cognito", "cognito,oauth"])
def test_a_list_of_presets_is_taken(presets: str, written: Written) -> None:
    choose_parameters(written.template["Parameters"], {"EndpointAliases": presets}, {})


@pytest.mark.parametrize("presets", ["auth0", "oauth,", "oauth cognito", "oauth, cognito", "OAUTH"])
def test_anything_else_is_not(presets: str, written: Written) -> None:
    with pytest.raises(Exception, match="EndpointAliases"):
        choose_parameters(written.template["Parameters"], {"EndpointAliases": presets}, {})


def test_one_permission_for_each_function_lets_api_gateway_invoke_it_there(written: Written) -> None:
    permissions = [
        resource for resource in written.template["Resources"].values() if resource["Type"] == "AWS::Lambda::Permission"
    ]
    assert all(one["Condition"] == "HasEndpointAliases" for one in permissions)
    allowed = [one["Properties"]["FunctionName"]["Ref"].removesuffix(".Alias") for one in permissions]
    aliased = {served(written, "")[own] for paths in ALIASES.values() for own in paths.values()} | {
        *OF_PLACEOS.values(),
        "LoginFunction",
    }
    assert sorted(allowed) == sorted(aliased)
    source = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${AuthorizationApi}/*"
    assert all(one["Properties"]["SourceArn"] == {"Fn::Sub": source} for one in permissions)


def test_the_operations_of_a_path_with_a_parameter_declare_it(written: Written) -> None:
    """As SAM writes them for events: API Gateway warns of a document that does not."""
    paths = written.resources["AuthorizationApi"]["Properties"]["Body"]["paths"]
    for path, item in paths.items():
        operation = (item["Fn::If"][1] if "Fn::If" in item else item)[ANY]
        declared = [one["name"] for one in operation.get("parameters", [])]
        assert declared == re.findall(r"{([^}]+)}", path)
