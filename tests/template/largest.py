"""The template as AWS has it at its largest: every feature on, long values, long names, no intrinsics left."""

import hashlib
from collections.abc import Mapping
from typing import Any

from local.intrinsics import Resolver
from local.parameters import check_rules, choose_parameters
from tests.template.written import Written

STACK = "authserver-of-a-company-for-its-customers"[:40]
REGION = "ap-southeast-1"  # none of the partition `aws` is longer
ACCOUNT = "123456789012"

_SECOND_DOMAIN = "api.customers.of-a-company-with-a-long-name.example"
_DOMAIN = "login.customers.of-a-company-with-a-long-name.example"
_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{'f' * 64}:live"

# What is switched on by a choice that is not the longest word.
CHOICES = {
    "AuthorizerCacheSeconds": "0",  # another needs BearerTokenIn=Header
    "BearerTokenIn": "HeaderOrApiKeyOrQuery",
    "AccountDeletion": "Allowed",
    "LocalEndpoint": "",  # for `sam local` alone
    "LoopbackUpstreams": "false",  # for development alone; where functions are deployed, they do not look at it
    "ImplicitGrant": "true",
    "PasswordGrant": "true",
    "DeviceGrant": "true",
    "ScriptSignIn": "true",
    "ApiKeys": "On",
    "Registration": "InitialAccessToken",
    "Tracing": "Active",
    "DisableExecuteApiEndpoint": "true",
    "PublishOutputs": "true",
    "Canary": "On",
    "AuditChain": "On",
    "AuditArchive": "Compliance",
    "AccessLogs": "On",
    "ClientMetrics": "On",
    "Events": "On",
    "Webhooks": "On",
}
"""By parameter."""

# A value as long as an operator with much to say has it.
TEXTS = {
    "AuthDomainName": _DOMAIN,
    "DomainName": _SECOND_DOMAIN,
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012",
    "HostedZoneId": "Z" + "0" * 31,
    "AuthEdgeTarget": f"{'d' * 14}.cloudfront.net",
    "EdgeTarget": f"{'d' * 14}.cloudfront.net",
    "AuthOriginSecretDigests": f"{'f' * 64},{'f' * 64}",
    "OriginSecretDigests": f"{'f' * 64},{'f' * 64}",
    "Release": "f" * 64,
    "AlarmTopic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{'t' * 64}",
    "Issuer": f"https://{_DOMAIN}",
    "ResourceUrl": f"https://api.{_DOMAIN}/v1",
    "Resources": " ".join(f"https://api-{at}.{_DOMAIN}" for at in range(2)),
    "RedirectSchemes": " ".join(f"scheme-of-application-{at}" for at in range(8)),
    "RouteScopes": ", ".join(f"GET /resources-{at}/...=resource-{at}.read" for at in range(4)),
    "ClientDocuments": " ".join(f"client-{at}.of-a-company.example" for at in range(2)),
    "TokenHook": _FUNCTION,
    "EndpointAliases": "oauth,placeos,cognito,keycloak",
    "KeycloakRealm": "customers-of-a-company",
    "ContinueOrigins": " ".join(f"https://site-{at}.of-a-company.example" for at in range(4)),
    "RefreshTokenBridge": _FUNCTION,
    "RefreshTokenBridgeUntil": "2030-12-28",
    "OrganisationParameter": "organisation_identifier",
    "CompanyParameter": "company_identifier",
    "UrnNamespace": "of-a-company",
    "SelfIntrospectionPath": f"/{'v' * 64}/introspect",
    "ImportedPasswordHashes": " ".join(["$argon2id$v=19$m=65536,t=3,p=4$" + "s" * 22 + "$" + "h" * 43] * 3),
    "MailFrom": f"no-reply@{_DOMAIN}",
    "EventBus": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{'b' * 64}",
}
"""By parameter."""


class Largest:
    """`resources` are those that are made, resolved, by logical id."""

    def __init__(self, written: Written) -> None:
        self.template = written.template
        self.parameters = choose_parameters(written.template["Parameters"], _values(written.template["Parameters"]), {})
        self.resolver = Resolver(self.parameters, written.template["Conditions"], ACCOUNT)
        self.resolver.references |= {"AWS::Region": REGION, "AWS::StackName": STACK}
        check_rules(written.template["Rules"], self.resolver)
        self.expanded = written.expanded(self.parameters)
        made = {name: one for name, one in self.expanded.items() if self._is_made(one, name)}
        for logical_id, resource in made.items():
            self._name(logical_id, resource)
        self.resources: dict[str, dict[str, Any]] = {
            logical_id: {**resource, "Properties": self.resolver.resolve(resource.get("Properties", {}), logical_id)}
            for logical_id, resource in made.items()
        }

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Resolved properties by logical id."""
        return {name: one["Properties"] for name, one in self.resources.items() if one["Type"] == resource_type}

    def reference(self, logical_id: str) -> str:
        return self.resolver.references[logical_id]

    def _is_made(self, one: Mapping[str, Any], where: str) -> bool:
        return "Condition" not in one or self.resolver.condition(one["Condition"], where)

    def _name(self, logical_id: str, resource: Mapping[str, Any]) -> None:
        """What ``Ref`` and ``Fn::GetAtt`` give, as long as it is in the cloud."""
        resource_type = resource["Type"]
        references, attributes = self.resolver.references, self.resolver.attributes
        name = _physical(logical_id, _LONGEST_NAMES.get(resource_type, 128))
        service, kind = _ARNS.get(resource_type, ("service", "resource/"))
        references[logical_id] = name
        attributes[logical_id, "Arn"] = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{name}"
        match resource_type:
            case "AWS::ApiGatewayV2::Api" | "AWS::ApiGateway::RestApi":
                references[logical_id] = hashlib.sha256(logical_id.encode()).hexdigest()[:10]
                attributes[logical_id, "RootResourceId"] = "r" * 10
            case "AWS::IAM::Role":
                attributes[logical_id, "Arn"] = f"arn:aws:iam::{ACCOUNT}:role/{name}"
            case "AWS::KMS::Key":
                references[logical_id] = f"mrk-{'k' * 32}"
                attributes[logical_id, "Arn"] = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{references[logical_id]}"
                attributes[logical_id, "KeyId"] = references[logical_id]
            case "AWS::ApiGatewayV2::DomainName" | "AWS::ApiGateway::DomainName":
                attributes[logical_id, "RegionalDomainName"] = f"d-{'d' * 10}.execute-api.{REGION}.amazonaws.com"
                attributes[logical_id, "RegionalHostedZoneId"] = "Z" + "0" * 20
            case "AWS::DynamoDB::Table":
                attributes[logical_id, "StreamArn"] = f"{attributes[logical_id, 'Arn']}/stream/2026-11-30T12:00:00.000"
            case "AWS::SQS::Queue":
                attributes[logical_id, "QueueName"] = name
            case "AWS::Lambda::LayerVersion":
                references[logical_id] = f"{attributes[logical_id, 'Arn']}:1000"
            case "AWS::Lambda::Version" | "AWS::Lambda::Alias":
                function = _physical(resource["Properties"]["FunctionName"]["Ref"], 64)
                references[logical_id] = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live"
                attributes[logical_id, "Version"] = "1000"


_LONGEST_NAMES = {
    "AWS::Lambda::Function": 64,
    "AWS::IAM::Role": 64,
    "AWS::Events::Rule": 64,
    "AWS::Lambda::Permission": 100,
    "AWS::SQS::Queue": 80,
}
"""Characters at which CloudFormation shortens a name of its own making."""

_ARNS = {
    "AWS::Lambda::Function": ("lambda", "function:"),
    "AWS::Lambda::LayerVersion": ("lambda", "layer:"),
    "AWS::DynamoDB::Table": ("dynamodb", "table/"),
    "AWS::Events::Rule": ("events", "rule/"),
    "AWS::SQS::Queue": ("sqs", ""),
}


def _physical(logical_id: str, longest: int) -> str:
    """``stack-LogicalId-RANDOM``, as CloudFormation names what has no name of its own."""
    ending = "-" + "X" * 12
    return f"{STACK}-{logical_id}"[: longest - len(ending)] + ending


def _values(declared: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Every parameter's value. Raises LookupError for a text that nothing here is said of."""
    return {name: _value(name, rules) for name, rules in declared.items()}


def _value(name: str, rules: Mapping[str, Any]) -> str:
    if name in CHOICES:
        return CHOICES[name]
    if "AllowedValues" in rules:
        return max(map(str, rules["AllowedValues"]), key=len)
    if rules["Type"] == "Number":
        return str(rules["MaxValue"])
    if name not in TEXTS:
        raise LookupError(f"Say in TEXTS of {__file__} what the parameter {name} is at its largest")
    return TEXTS[name]
