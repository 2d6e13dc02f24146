"""Lambda authorizers of a REST API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from local.errors import RefusedError
from local.functions import Functions
from local.gateway_responses import GatewayError
from local.logs import Log
from local.policies import MalformedPolicyError, evaluate
from local.stack import Function, integration_function
from local.understood import only
from local.workers import FunctionError

_DEFAULT_TTL = 300  # seconds, API Gateway's
_DEFINITION = {"type", "name", "in", "x-amazon-apigateway-authtype", "x-amazon-apigateway-authorizer"}
_AUTHORIZER = {
    "type",
    "authorizerUri",
    "authorizerResultTtlInSeconds",
    "identitySource",
    "identityValidationExpression",
}
_SOURCE = re.compile(r"method\.request\.(header|querystring)\.[^.\s]+|context(\.\w+)+|stageVariables\.\w+")


@dataclass(frozen=True)
class AuthorizerSettings:
    """An authorizer as the API's document has it. `identity_sources` are variables; `ttl` is in seconds, 0 = none."""

    name: str
    kind: str  # "request" or "token"
    function: str
    identity_sources: tuple[str, ...]
    validation: str | None
    ttl: int


def read_authorizers(
    definitions: Mapping[str, Any], functions: Mapping[str, Function], where: str
) -> dict[str, AuthorizerSettings]:
    """The part `securityDefinitions` of an API's document. Errors: `RefusedError`."""
    return {name: _read(name, one, functions, f"{where}.{name}") for name, one in definitions.items()}


def _read(
    name: str, definition: Mapping[str, Any], functions: Mapping[str, Function], where: str
) -> AuthorizerSettings:
    only(definition, _DEFINITION, where)
    if definition.get("type") != "apiKey" or definition.get("x-amazon-apigateway-authtype") != "custom":
        raise RefusedError(where, "this server understands Lambda authorizers alone")
    authorizer = definition["x-amazon-apigateway-authorizer"]
    only(authorizer, _AUTHORIZER, where)
    if authorizer.get("type") not in {"request", "token"}:
        raise RefusedError(where, f"this server does not understand authorizers of type {authorizer.get('type')}")
    ttl = int(authorizer.get("authorizerResultTtlInSeconds", _DEFAULT_TTL))
    sources = _identity_sources(definition, authorizer, where)
    if ttl > 0 and not sources:
        raise RefusedError(where, "caches answers without an identity source, so one caller would get another's")
    return AuthorizerSettings(
        name=name,
        kind=authorizer["type"],
        function=integration_function(authorizer["authorizerUri"], functions, where),
        identity_sources=sources,
        validation=authorizer.get("identityValidationExpression"),
        ttl=ttl,
    )


def _identity_sources(definition: Mapping[str, Any], authorizer: Mapping[str, Any], where: str) -> tuple[str, ...]:
    if authorizer["type"] == "token":
        if definition.get("in") != "header":
            raise RefusedError(where, "a token authorizer's token must be in a header")
        return (f"method.request.header.{definition['name']}",)
    sources = [one.strip() for one in str(authorizer.get("identitySource", "")).split(",") if one.strip()]
    for source in sources:
        if not _SOURCE.fullmatch(source):
            raise RefusedError(where, f"this server does not understand the identity source {source}")
    return tuple(sources)


class AuthorizedCall(Protocol):
    """What an authorizer needs to know of a request."""

    @property
    def method_arn(self) -> str: ...

    def variable(self, name: str) -> str | None:
        """The value of an identity source, or None when the request has none."""

    def authorizer_event(self) -> dict[str, Any]:
        """The REQUEST authorizer's event, without `type` and `methodArn`."""


@dataclass(frozen=True)
class _Answer:
    principal: str
    policy: Any
    context: Mapping[str, str]


class AccessDeniedError(GatewayError):
    """The policy does not let this call through; `context` is for the gateway response."""

    def __init__(self, explicitly: bool, context: Mapping[str, str]) -> None:
        more = " with an explicit deny" if explicitly else ""
        super().__init__("ACCESS_DENIED", f"User is not authorized to access this resource{more}", key="Message")
        self.context = context


class Authorizer:
    """Asks the authorizer's function, remembers its answers, and evaluates its policy for every call anew."""

    def __init__(
        self,
        settings: AuthorizerSettings,
        functions: Functions,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._functions = functions
        self._log = log
        self._clock = clock
        self._cache: dict[tuple[str, ...], tuple[float, _Answer]] = {}
        self._lock = threading.Lock()

    def authorize(self, call: AuthorizedCall) -> dict[str, str]:
        """The context for `requestContext.authorizer`. Errors: `GatewayError`; `AccessDeniedError` among them."""
        identity = self._identity(call)
        answer = self._remembered(identity) or self._ask(call, identity)
        context = {**answer.context, "principalId": answer.principal}
        try:
            allowed, denied = evaluate(answer.policy, call.method_arn)
        except MalformedPolicyError as error:
            raise self._misconfigured(str(error)) from None
        if not allowed:
            raise AccessDeniedError(denied, context)
        return context

    def _identity(self, call: AuthorizedCall) -> tuple[str, ...]:
        """The identity sources' values. One that is missing or empty is refused without asking the function."""
        values = tuple(call.variable(source) or "" for source in self._settings.identity_sources)
        if not all(values):
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        if self._settings.validation and not all(re.fullmatch(self._settings.validation, one) for one in values):
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        return values

    def _remembered(self, identity: tuple[str, ...]) -> _Answer | None:
        with self._lock:
            until, answer = self._cache.get(identity, (0.0, None))
            if answer and until > self._clock():
                return answer
            self._cache.pop(identity, None)
            return None

    def _ask(self, call: AuthorizedCall, identity: tuple[str, ...]) -> _Answer:
        try:
            answered = self._functions.invoke(self._settings.function, self._event(call, identity))
        except FunctionError as error:
            if error.message == "Unauthorized":
                raise GatewayError("UNAUTHORIZED", "Unauthorized") from None
            raise GatewayError("AUTHORIZER_FAILURE", None) from None
        answer = self._read_answer(answered)
        if self._settings.ttl > 0:
            with self._lock:
                self._cache[identity] = (self._clock() + self._settings.ttl, answer)
        return answer

    def _event(self, call: AuthorizedCall, identity: tuple[str, ...]) -> dict[str, Any]:
        if self._settings.kind == "token":
            return {"type": "TOKEN", "authorizationToken": identity[0], "methodArn": call.method_arn}
        return {"type": "REQUEST", "methodArn": call.method_arn, **call.authorizer_event()}

    def _read_answer(self, answered: Any) -> _Answer:
        if not isinstance(answered, Mapping) or not isinstance(answered.get("principalId"), str):
            raise self._misconfigured("its answer has no principalId")
        context = {} if answered.get("context") is None else answered["context"]
        if not isinstance(context, Mapping):
            raise self._misconfigured("its context is not an object")
        return _Answer(
            principal=answered["principalId"],
            policy=answered.get("policyDocument"),
            context={name: self._scalar(name, value) for name, value in context.items()},
        )

    def _scalar(self, name: str, value: Any) -> str:
        """Context values reach the function and the gateway responses as strings."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise self._misconfigured(f"context.{name} is neither a string, a number nor true or false")

    def _misconfigured(self, why: str) -> GatewayError:
        self._log.line(self._settings.function, f"API Gateway cannot use this authorizer's answer: {why}")
        return GatewayError("AUTHORIZER_CONFIGURATION_ERROR", None)
