"""CloudFormation's intrinsic functions, those that the template uses. Any other is refused."""

import re
from collections.abc import Mapping
from typing import Any

from local.errors import RefusedError

REGION = "eu-central-1"
STACK_NAME = "authserver"

_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")


class Resolver:
    """Replaces intrinsics in a piece of template by values.

    `references` (logical id → what `Ref` gives) and `attributes` ((logical id, attribute) → what `Fn::GetAtt` gives)
    are filled by the code that makes the resources. Errors: `RefusedError`, naming the place.
    """

    def __init__(self, parameters: Mapping[str, str], conditions: Mapping[str, Any], account: str) -> None:
        self.references: dict[str, str] = {
            **parameters,
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": STACK_NAME,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{account}:stack/{STACK_NAME}/local",
            "AWS::URLSuffix": "amazonaws.com",
        }
        self.attributes: dict[tuple[str, str], str] = {}
        self._conditions = conditions
        self._evaluating: list[str] = []

    def resolve(self, value: Any, where: str) -> Any:
        """The value with every intrinsic replaced; members that come to `AWS::NoValue` are left out."""
        resolved = self._resolve(value, where)
        if resolved is _NO_VALUE:
            raise RefusedError(where, "AWS::NoValue can only stand for a property or a list item")
        return resolved

    def condition(self, name: str, where: str) -> bool:
        """Whether the template's condition of that name holds."""
        if name not in self._conditions:
            raise RefusedError(where, f"there is no condition {name}")
        if name in self._evaluating:
            raise RefusedError(f"Conditions.{name}", "depends on itself")
        self._evaluating.append(name)
        try:
            return self.truth(self._conditions[name], f"Conditions.{name}")
        finally:
            self._evaluating.pop()

    def truth(self, expression: Any, where: str) -> bool:
        """A condition expression's value: Fn::Equals, Fn::Not, Fn::And, Fn::Or, Fn::Contains or Condition."""
        name, argument = _intrinsic(expression, where) or ("", None)
        match name, argument:
            case "Condition", str(condition):
                return self.condition(condition, where)
            case "Fn::Equals", [left, right]:
                return self._text(left, where) == self._text(right, where)
            case "Fn::Not", [inner]:
                return not self.truth(inner, where)
            case (("Fn::And" | "Fn::Or"), [_, _, *_]):
                # Each is evaluated, so that none goes unchecked.
                truths = [self.truth(inner, where) for inner in argument]
                return all(truths) if name == "Fn::And" else any(truths)
            case "Fn::Contains", [list(among), wanted]:
                return self._text(wanted, where) in [self._text(one, where) for one in among]
        raise RefusedError(where, f"is a condition that this server does not understand: {name or expression!r}")

    def _resolve(self, value: Any, where: str) -> Any:
        intrinsic = _intrinsic(value, where)
        if intrinsic and intrinsic[0] != "Condition":
            return self._evaluate(*intrinsic, where)
        if isinstance(value, Mapping):
            members = {key: self._resolve(inner, f"{where}.{key}") for key, inner in value.items()}
            return {key: inner for key, inner in members.items() if inner is not _NO_VALUE}
        if isinstance(value, list):
            items = [self._resolve(inner, f"{where}[{index}]") for index, inner in enumerate(value)]
            return [inner for inner in items if inner is not _NO_VALUE]
        return value

    def _evaluate(self, name: str, argument: Any, where: str) -> Any:
        match name, argument:
            case "Ref", "AWS::NoValue":
                return _NO_VALUE
            case "Ref", str(reference):
                return self._reference(reference, where)
            case "Fn::GetAtt", [str(resource), str(attribute)]:
                return self._attribute(resource, attribute, where)
            case "Fn::GetAtt", str(dotted):
                return self._attribute(*dotted.partition(".")[::2], where)
            case "Fn::If", [str(condition), then, otherwise]:
                return self._resolve(then if self.condition(condition, where) else otherwise, where)
            case "Fn::Join", [str(separator), list() | dict() as parts]:
                resolved = self.resolve(parts, where)
                return separator.join(text(part, where) for part in resolved)
            case "Fn::Split", [str(separator), whole]:
                return self._text(whole, where).split(separator)
            case "Fn::Sub", str(template):
                return self._substitute(template, {}, where)
            case "Fn::Sub", [str(template), dict(variables)]:
                return self._substitute(template, variables, where)
        raise RefusedError(where, f"uses {name} in a way that this server does not understand")

    def _reference(self, name: str, where: str) -> str:
        if name not in self.references:
            raise RefusedError(where, f"refers to {name}, which is not known here")
        return self.references[name]

    def _attribute(self, resource: str, attribute: str, where: str) -> str:
        if (resource, attribute) not in self.attributes:
            raise RefusedError(where, f"asks for {resource}.{attribute}, which is not known here")
        return self.attributes[resource, attribute]

    def _substitute(self, template: str, variables: Mapping[str, Any], where: str) -> str:
        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return self._text(variables[name], where)
            resource, dot, attribute = name.partition(".")
            return self._attribute(resource, attribute, where) if dot else self._reference(name, where)

        return _PLACEHOLDER.sub(value, template)

    def _text(self, value: Any, where: str) -> str:
        return text(self.resolve(value, where), where)


def text(value: Any, where: str) -> str:
    """A scalar as CloudFormation writes it in a string. Errors: `RefusedError` for lists and objects."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
    raise RefusedError(where, "must be a string, a number or true or false")


def _intrinsic(value: Any, where: str) -> tuple[str, Any] | None:
    """(name, argument) when the value is an intrinsic function, else None."""
    if not isinstance(value, Mapping):
        return None
    names = [key for key in value if isinstance(key, str) and (key.startswith("Fn::") or key == "Ref")]
    if names and len(value) > 1:
        raise RefusedError(where, f"has other keys beside {names[0]}")
    if names:
        return names[0], value[names[0]]
    if set(value) == {"Condition"}:
        return "Condition", value["Condition"]
    return None
