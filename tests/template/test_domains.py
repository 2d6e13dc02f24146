"""Domains of one's own: what the stack makes of each, and what the issuer and the resource are then."""

from collections.abc import Mapping
from typing import Any

import pytest

from authserver.aws.apigateway import NO_EDGE
from local.intrinsics import Resolver
from local.parameters import choose_parameters
from tests.template.written import Written

OF_AUTH = {"AuthorizationDomain", "AuthorizationMapping"}
OF_RESOURCE = {"ResourceDomain", "ResourceMapping"}
RECORDS = {"AuthorizationRecord", "AuthorizationRecordV6", "ResourceRecord", "ResourceRecordV6"}
AUTH = {"AuthDomainName": "login.example.com", "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/a"}
BOTH = {**AUTH, "DomainName": "api.example.com"}
ZONE = {"HostedZoneId": "Z1"}
AUTH_EDGE = {"AuthEdgeTarget": "d1.cloudfront.net"}
EDGES = {**AUTH_EDGE, "EdgeTarget": "d2.cloudfront.net"}
TAKEN = f"{'0' * 64},{'f' * 64}"
AUTH_DIGESTS = {"AuthOriginSecretDigests": TAKEN}
DIGESTS = {"OriginSecretDigests": TAKEN}


class Stack:
    """The template under some parameters, with the identifiers of its APIs and domains made up."""

    def __init__(self, written: Written, parameters: Mapping[str, str]) -> None:
        chosen = choose_parameters(written.template["Parameters"], dict(parameters), {})
        self._written = written
        self._resolver = Resolver(chosen, written.template["Conditions"], "123456789012")
        for name in written.resources:
            self._resolver.references[name] = f"<{name}>"
            for attribute in ("Arn", "RegionalDomainName", "RegionalHostedZoneId", "RootResourceId"):
                self._resolver.attributes[name, attribute] = f"<{name}.{attribute}>"

    def makes(self, name: str) -> bool:
        return self._resolver.condition(self._written.resources[name]["Condition"], name)

    def properties(self, name: str) -> Any:
        return self._resolver.resolve(self._written.resources[name]["Properties"], name)

    def output(self, name: str) -> str:
        value: str = self._resolver.resolve(self._written.template["Outputs"][name]["Value"], name)
        return value


@pytest.mark.parametrize(
    ("parameters", "made"),
    [
        ({}, set()),
        (ZONE, set()),
        (AUTH, OF_AUTH),
        (BOTH, OF_AUTH | OF_RESOURCE),
        ({**BOTH, **ZONE}, OF_AUTH | OF_RESOURCE | RECORDS),
    ],
    ids=["none", "zone", "auth", "both", "both,zone"],
)
def test_what_is_made(parameters: dict[str, str], made: set[str], written: Written) -> None:
    stack = Stack(written, parameters)
    assert {name for name in (*OF_AUTH, *OF_RESOURCE, *RECORDS) if stack.makes(name)} == made


@pytest.mark.parametrize(
    ("parameters", "issuer", "resource"),
    [
        (AUTH, "https://login.example.com", "https://<ResourceApi>.execute-api.eu-central-1.amazonaws.com/v1"),
        (BOTH, "https://login.example.com", "https://api.example.com"),
        (
            {**BOTH, "Issuer": "https://example.com/auth", "ResourceUrl": "https://example.com/api"},
            "https://example.com/auth",
            "https://example.com/api",
        ),
    ],
    ids=["auth", "both", "said"],
)
@pytest.mark.rfc("8414", "2")
def test_the_issuer_is_the_domain_unless_it_is_said(
    parameters: dict[str, str], issuer: str, resource: str, written: Written
) -> None:
    """In all functions, in both stages, in the outputs and in the challenge alike."""
    stack = Stack(written, parameters)
    for name, one in written.resources.items():
        if one["Type"] == "AWS::Lambda::Function":
            assert stack.properties(name)["Environment"]["Variables"]["ISSUER"] == issuer
    assert (
        stack.properties("ResourceApiv1Stage")["Variables"].items() >= {"issuer": issuer, "resource": resource}.items()
    )
    assert stack.properties("AuthorizationApiApiGatewayDefaultStage")["StageVariables"]["resource"] == resource
    assert (stack.output("Issuer"), stack.output("ResourceUrl")) == (issuer, resource)
    responses = stack.properties("ResourceApi")["Body"]["x-amazon-apigateway-gateway-responses"]
    challenge = responses["UNAUTHORIZED"]["responseParameters"]["gatewayresponse.header.WWW-Authenticate"]
    own = f"{resource}/.well-known/oauth-protected-resource"
    elsewhere = f"{issuer}/resource-metadata"  # an API cannot name its own identifier
    assert f'"{own if "execute-api" not in resource else elsewhere}"' in challenge


@pytest.mark.parametrize(
    ("parameters", "hidden"),
    [
        ({}, (False, False)),
        (AUTH, (True, False)),
        (BOTH, (True, True)),
        ({**BOTH, "DisableExecuteApiEndpoint": "false"}, (False, False)),
    ],
    ids=["none", "auth", "both", "moving"],
)
def test_an_api_with_a_domain_answers_there_alone(
    parameters: dict[str, str], hidden: tuple[bool, bool], written: Written
) -> None:
    stack = Stack(written, parameters)
    assert (
        tuple(
            server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
            for api in ("AuthorizationApi", "ResourceApi")
            for server in stack.properties(api)["Body"]["servers"]
        )
        == hidden
    )


@pytest.mark.parametrize("edges", [{}, EDGES], ids=["direct", "edge"])
def test_the_records_lead_to_what_answers_by_ipv4_and_by_ipv6(edges: dict[str, str], written: Written) -> None:
    """Both kinds of record to one target: to the domains, which have both kinds of address, or to their edges."""
    stack = Stack(written, {**BOTH, **ZONE, **edges})
    (configuration,) = stack.properties("AuthorizationDomain")["DomainNameConfigurations"]
    assert configuration["IpAddressType"] == "dualstack"
    assert stack.properties("ResourceDomain")["EndpointConfiguration"]["IpAddressType"] == "dualstack"
    for name, domain, edge in (("Authorization", "login", "d1"), ("Resource", "api", "d2")):
        records = [stack.properties(f"{name}Record"), stack.properties(f"{name}RecordV6")]
        assert [record["Type"] for record in records] == ["A", "AAAA"]
        target = (f"{edge}.cloudfront.net", "Z2FDTNDATAQYW2")
        if not edges:
            target = (f"<{name}Domain.RegionalDomainName>", f"<{name}Domain.RegionalHostedZoneId>")
        for record in records:
            assert record["Name"] == f"{domain}.example.com"
            assert (record["AliasTarget"]["DNSName"], record["AliasTarget"]["HostedZoneId"]) == target


@pytest.mark.parametrize(
    ("parameters", "required"),
    [
        (BOTH, (False, False)),
        ({**BOTH, **EDGES}, (False, False)),
        ({**BOTH, **AUTH_EDGE, **AUTH_DIGESTS}, (True, False)),
        ({**BOTH, **EDGES, **AUTH_DIGESTS}, (True, False)),
        ({**BOTH, **EDGES, **DIGESTS}, (False, True)),
        ({**BOTH, **EDGES, **AUTH_DIGESTS, **DIGESTS}, (True, True)),
    ],
    ids=["direct", "not yet", "one", "the other not yet", "the other", "both"],
)
def test_an_api_with_an_edge_is_told_its_secrets_by_its_stage(
    parameters: dict[str, str], required: tuple[bool, bool], written: Written
) -> None:
    """And no function is: an earlier version of one would know earlier secrets. Without one, the variable says so: a
    stage may keep a variable that its template has no more."""
    stack = Stack(written, parameters)
    stages = (
        stack.properties("AuthorizationApiApiGatewayDefaultStage")["StageVariables"],
        stack.properties("ResourceApiv1Stage")["Variables"],
    )
    assert [variables["edge_secret_digests"] for variables in stages] == [TAKEN if one else NO_EDGE for one in required]
    for name, one in written.resources.items():
        if one["Type"] == "AWS::Lambda::Function":
            assert "0" * 64 not in str(stack.properties(name))


@pytest.mark.parametrize("parameters", [{}, {**BOTH, **EDGES, **AUTH_DIGESTS, **DIGESTS}], ids=["least", "most"])
def test_a_stage_has_each_of_its_variables_whatever_the_parameters_are(
    parameters: dict[str, str], written: Written
) -> None:
    stack = Stack(written, parameters)
    names = (
        {*stack.properties("AuthorizationApiApiGatewayDefaultStage")["StageVariables"]},
        {*stack.properties("ResourceApiv1Stage")["Variables"]},
    )
    assert names == (
        {"realm", "edge_secret_digests", "resource"},
        {"issuer", "resource", "edge_secret_digests", "routes"},
    )


def test_the_domains_take_tls_1_2_and_newer(written: Written) -> None:
    stack = Stack(written, BOTH)
    (configuration,) = stack.properties("AuthorizationDomain")["DomainNameConfigurations"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    api, domain = stack.properties("ResourceApi"), stack.properties("ResourceDomain")
    assert domain["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    for policy in ("SecurityPolicy", "EndpointAccessMode"):
        assert api[policy] == domain[policy]
        assert policy not in Stack(written, {}).properties("ResourceApi")


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ("DomainsHaveACertificate", {"AuthDomainName": "login.example.com"}),
        ("DomainsHaveACertificate", {"DomainName": "api.example.com"}),
        ("AuthEdgeHasADomain", AUTH_EDGE),
        ("EdgeHasADomain", {**AUTH, "EdgeTarget": "d2.cloudfront.net"}),
        ("AuthOriginSecretsHaveAnEdge", {**BOTH, "EdgeTarget": "d2.cloudfront.net", **AUTH_DIGESTS}),
        ("OriginSecretsHaveAnEdge", {**BOTH, **AUTH_EDGE, **DIGESTS}),
    ],
)
def test_what_needs_another_parameter_is_refused_without(rule: str, refused: dict[str, str], written: Written) -> None:
    rules = written.template["Rules"][rule]
    chosen = choose_parameters(written.template["Parameters"], refused, {})
    resolver = Resolver(chosen, written.template["Conditions"], "123456789012")
    assert resolver.truth(rules["RuleCondition"], "rule")
    assert not resolver.truth(rules["Assertions"][0]["Assert"], "rule")


def test_how_many_requests_each_api_takes_is_a_parameter(written: Written) -> None:
    stack = Stack(written, {"AuthorizationApiRate": "5000", "AuthorizationApiBurst": "9000", "ResourceApiRate": "70"})
    limits = stack.properties("AuthorizationApiApiGatewayDefaultStage")["DefaultRouteSettings"]
    assert limits == {"ThrottlingRateLimit": "5000", "ThrottlingBurstLimit": "9000"}
    (limits,) = stack.properties("ResourceApiv1Stage")["MethodSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == ("70", "2000")
    assert "MethodSettings" not in Stack(written, {}).properties("ResourceApiv1Stage")
