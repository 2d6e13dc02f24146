"""What `template.yaml` says, in the form that tests ask for."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from authserver.aliases import ALIASES
from authserver.management.openapi import OPERATIONS
from local.intrinsics import Resolver
from local.parameters import choose_parameters
from local.template import expanded, read_template
from tests.functions.world import TEMPLATE


@dataclass(frozen=True)
class Statement:
    """One IAM statement of a function; `resources` are logical ids, or "identities" that SES sends mails from, or
    "TokenHook", the parameter.

    `attributes` are those that an update or a read may name, any where there are none.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    leading_keys: tuple[str, ...]
    attributes: tuple[str, ...]
    rings: tuple[str, ...]
    effect: str
    condition: Mapping[str, Any]


ANY = "x-amazon-apigateway-any-method"
BUS = "${AWS::AccountId}:event-bus/${EventBus}"
OBJECTS = "${AuditBucket.Arn}/*"
IDENTITIES = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"
INDEX = re.compile(r"\$\{(\w+)\.Arn\}/(index|stream)/(\w+|\*)")


class Written:
    """`template` is the document; `resources` are CloudFormation's, with intrinsics still in them."""

    def __init__(self) -> None:
        self.template = read_template(TEMPLATE)
        parameters = choose_parameters(self.template["Parameters"], {}, {})
        self.resources = self.expanded(parameters)
        self.resolver = Resolver(parameters, self.template["Conditions"], "123456789012")

    def expanded(self, parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """CloudFormation's resources under these parameters, with intrinsics still in them."""
        return expanded(self.template, parameters)

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Properties, as written, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.template["Resources"].items()
            if resource["Type"] == resource_type
        }

    @property
    def functions(self) -> dict[str, str]:
        """Logical id by folder."""
        return {
            properties["CodeUri"].removeprefix("functions/"): logical_id
            for logical_id, properties in self.of_type("AWS::Serverless::Function").items()
        }

    def statements(self, function: str, **parameters: str) -> list[Statement]:
        """What the function in a folder may do under these parameters, beyond its logs and traces: nothing where they
        make none."""
        policies = self.of_type("AWS::Serverless::Function")[self.functions[function]].get("Policies", [])
        chosen = choose_parameters(self.template["Parameters"], parameters, {})
        resolver = Resolver(chosen, self.template["Conditions"], "123456789012")
        condition = self.template["Resources"][self.functions[function]].get("Condition")
        if condition and not resolver.condition(condition, function):
            return []
        written = [_statement(one, resolver) for policy in policies for one in _chosen(policy, resolver)["Statement"]]
        return [replace(one, resources=tuple(self._each(one.resources))) for one in written]

    def _each(self, resources: tuple[str, ...]) -> Iterator[str]:
        """The resources, with each index of a table where all are named."""
        for resource in resources:
            table, _, index = resource.partition("/index/")
            if index != "*":
                yield resource
                continue
            indexes = self.template["Resources"][table]["Properties"]["GlobalSecondaryIndexes"]
            yield from (f"{table}/index/{one['IndexName']}" for one in indexes)

    def environment(self, function: str) -> dict[str, Any]:
        own = self.of_type("AWS::Serverless::Function")[self.functions[function]].get("Environment", {})
        common = self.template["Globals"]["Function"]["Environment"]["Variables"]
        return {**common, **own.get("Variables", {})}

    def routes(self, kind: str) -> dict[str, tuple[str, str]]:
        """(function's folder, route) by event name; `kind` is HttpApi or Api. Those of other systems are by their path,
        unless they are aliases, which are asked as what they stand for."""
        return (self._others_routes() if kind == "HttpApi" else {}) | {
            f"{logical_id}.{name}": (
                properties["CodeUri"].removeprefix("functions/"),
                f"{event['Properties']['Method']} {event['Properties']['Path']}",
            )
            for logical_id, properties in self.of_type("AWS::Serverless::Function").items()
            for name, event in properties.get("Events", {}).items()
            if event["Type"] == kind
        }

    def _others_routes(self) -> dict[str, tuple[str, str]]:
        body = self.of_type("AWS::Serverless::HttpApi")["AuthorizationApi"]["DefinitionBody"]
        aliases = {alias for paths in ALIASES.values() for alias in paths}
        return {
            path: (item["Fn::If"][1][ANY]["x-amazon-apigateway-integration"]["$ref"].rpartition("/")[2], f"ANY {path}")
            for path, item in body["paths"].items()
            if path not in aliases
        }

    def operations(self) -> set[tuple[str, str]]:
        """(function's folder, route) of the ResourceApi: ANY is each method that the path's operations have, and a
        path that ends in ``{path+}`` each operation beneath that has no route of its own."""
        taken = {one.route: self.routed(one.route) for one in OPERATIONS}
        spelled: set[tuple[str, str]] = set()
        for function, route in self.routes("Api").values():
            served = {operation for operation, taken_by in taken.items() if taken_by == route}
            assert served or not route.startswith("ANY "), f"{route} has no operation"
            spelled |= {(function, one) for one in (served or {route})}
        return spelled

    def routed(self, operation: str) -> str:
        """The route of the template that an operation's calls take: its own, or the nearest above it."""
        method, _, path = operation.partition(" ")
        routes = {route for _, route in self.routes("Api").values()}
        above = (f"{path.rsplit('/', count)[0]}/{{path+}}" for count in range(1, path.count("/") + 1))
        spelled = (f"{verb} {place}" for place in (path, *above) for verb in (method, "ANY"))
        return next((one for one in spelled if one in routes), "")

    def mentions(self, name: str) -> bool:
        """Whether the template refers to a parameter or condition anywhere outside its own declaration."""
        document = {
            section: value for section, value in self.template.items() if section not in ("Parameters", "Metadata")
        }
        return any(text in json.dumps(document) for text in (f'{{"Ref": "{name}"}}', f"${{{name}}}"))


def _chosen(policy: Mapping[str, Any], resolver: Resolver) -> Mapping[str, Any]:
    """A policy, or what it comes to where a condition decides whether there is one."""
    match policy:
        case {"Fn::If": [str(condition), then, {"Ref": "AWS::NoValue"}]}:
            return dict(then) if resolver.condition(condition, "Policies") else {"Statement": []}
    return policy


def _statement(written: Mapping[str, Any], resolver: Resolver) -> Statement:
    condition = written.get("Condition", {})
    tests = [(name, value) for test in condition.values() for name, value in test.items()]

    def values(end: str) -> tuple[str, ...]:
        named = (one for name, value in tests if name.endswith(end) for one in _as_list(value))
        return tuple(one for one in (_present(one, resolver) for one in named) if one is not None)

    return Statement(
        actions=tuple(_as_list(written["Action"])),
        resources=tuple(_resource(one) for one in _as_list(written["Resource"])),
        leading_keys=values("dynamodb:LeadingKeys"),
        attributes=values("dynamodb:Attributes"),
        rings=values(":ring"),
        effect=written["Effect"],
        condition=condition,
    )


def _present(value: Any, resolver: Resolver) -> Any:
    """A member of a list, or None where a condition leaves it out."""
    match value:
        case {"Fn::If": [str(condition), then, {"Ref": "AWS::NoValue"}]}:
            return then if resolver.condition(condition, "Policies") else None
    return value


def _resource(written: Any) -> str:
    match written:
        case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
            return logical_id
        case {"Fn::GetAtt": [str(logical_id), "StreamArn"]}:
            return f"{logical_id}/stream"
        case {"Fn::Sub": str(text)} if text == OBJECTS:
            return "AuditBucket/*"
        case "*":
            return "*"
        case {"Ref": str(alias)} if alias.endswith(".Alias"):
            return alias.removesuffix(".Alias")
        case {"Fn::Sub": str(text)} if match := INDEX.fullmatch(text):
            return f"{match[1]}/{match[2]}/{match[3]}"
        case {"Fn::If": ["HasBusElsewhere", {"Ref": "EventBus"}, {"Fn::Sub": str(text)}]} if text.endswith(BUS):
            return "EventBus"
        case {"Fn::Sub": str(text)} if text == IDENTITIES:
            return "identities"
        case {"Ref": str(parameter)}:
            return parameter
    raise AssertionError(f"a policy names a resource in an unusual way: {written}")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def strings(value: Any) -> Iterator[str]:
    """Every string in a piece of template."""
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)
