"""The policy that an authorizer answers with, evaluated as IAM does: an explicit Deny wins, else an Allow, else no."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_INVOKE = "execute-api:Invoke"


class MalformedPolicyError(Exception):
    """The document is none that this server can evaluate; it permits nothing."""


def evaluate(document: Any, resource: str) -> tuple[bool, bool]:
    """(allowed, explicitly denied) for invoking the method whose ARN is `resource`. Errors: `MalformedPolicyError`."""
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise MalformedPolicyError("policyDocument must be an object with Statement")
    statements = [_Statement(statement) for statement in _list(document["Statement"])]
    effects = {statement.effect for statement in statements if statement.covers(resource)}
    return effects == {"Allow"}, "Deny" in effects


class _Statement:
    def __init__(self, statement: Any) -> None:
        if not isinstance(statement, Mapping):
            raise MalformedPolicyError("a statement must be an object")
        if unknown := set(statement) - {"Sid", "Effect", "Action", "Resource"}:
            raise MalformedPolicyError(f"this server does not evaluate {', '.join(sorted(unknown))}")
        if statement.get("Effect") not in {"Allow", "Deny"}:
            raise MalformedPolicyError("Effect must be Allow or Deny")
        self.effect: str = statement["Effect"]
        self._actions = _patterns(statement.get("Action"))
        self._resources = _patterns(statement.get("Resource"))

    def covers(self, resource: str) -> bool:
        # IAM compares actions without regard to case, resources with.
        return any(matches(pattern.lower(), _INVOKE.lower()) for pattern in self._actions) and any(
            matches(pattern, resource) for pattern in self._resources
        )


def _patterns(value: Any) -> list[str]:
    patterns = _list(value)
    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise MalformedPolicyError("Action and Resource must be strings or lists of them")
    return patterns


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def matches(pattern: str, value: str) -> bool:
    """IAM's wildcards: `*` is any run of characters, `?` any one."""
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile(wild, re.DOTALL)
