"""What `template.yaml` says, in the form that tests ask for."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.intrinsics import Resolver
from local.parameters import choose_parameters
from local.template import expand, read_template
from tests.functions.world import TEMPLATE


@dataclass(frozen=True)
class Statement:
    """One IAM statement of a function; `resources` are logical ids, or "identities" that SES sends mails from."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    leading_keys: tuple[str, ...]
    rings: tuple[str, ...]
    effect: str
    condition: Mapping[str, Any]


IDENTITIES = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"
INDEX = re.compile(r"\$\{(\w+)\.Arn\}/index/(\w+)")


class Written:
    """`template` is the document; `resources` are CloudFormation's, with intrinsics still in them."""

    def __init__(self) -> None:
        self.template = read_template(TEMPLATE)
        parameters = choose_parameters(self.template["Parameters"], {}, {})
        self.resources = expand(self.template, parameters)
        self.resolver = Resolver(parameters, self.template["Conditions"], "123456789012")

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
        """What the function in a folder may do under these parameters, beyond its logs and traces."""
        policies = self.of_type("AWS::Serverless::Function")[self.functions[function]].get("Policies", [])
        chosen = choose_parameters(self.template["Parameters"], parameters, {})
        resolver = Resolver(chosen, self.template["Conditions"], "123456789012")
        return [_statement(one) for policy in policies for one in _chosen(policy, resolver)["Statement"]]

    def environment(self, function: str) -> dict[str, Any]:
        own = self.of_type("AWS::Serverless::Function")[self.functions[function]].get("Environment", {})
        common = self.template["Globals"]["Function"]["Environment"]["Variables"]
        return {**common, **own.get("Variables", {})}

    def routes(self, kind: str) -> dict[str, tuple[str, str]]:
        """(function's folder, route) by event name; `kind` is HttpApi or Api."""
        return {
            f"{logical_id}.{name}": (
                properties["CodeUri"].removeprefix("functions/"),
                f"{event['Properties']['Method']} {event['Properties']['Path']}",
            )
            for logical_id, properties in self.of_type("AWS::Serverless::Function").items()
            for name, event in properties.get("Events", {}).items()
            if event["Type"] == kind
        }

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


def _statement(written: Mapping[str, Any]) -> Statement:
    condition = written.get("Condition", {})
    keys = [value for test in condition.values() for name, value in test.items() if name == "dynamodb:LeadingKeys"]
    rings = [value for test in condition.values() for name, value in test.items() if name.endswith(":ring")]
    return Statement(
        actions=tuple(_as_list(written["Action"])),
        resources=tuple(_resource(one) for one in _as_list(written["Resource"])),
        leading_keys=tuple(one for value in keys for one in _as_list(value)),
        rings=tuple(one for value in rings for one in _as_list(value)),
        effect=written["Effect"],
        condition=condition,
    )


def _resource(written: Any) -> str:
    match written:
        case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
            return logical_id
        case {"Fn::Sub": str(text)} if match := INDEX.fullmatch(text):
            return f"{match[1]}/index/{match[2]}"
        case {"Fn::Sub": str(text)} if text == IDENTITIES:
            return "identities"
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
