"""The two APIs in front of the functions, as far as these tests need them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from authserver.aliases import ALIASES, path_of
from authserver.models.configuration import CALLBACK
from local.routes import PathPattern, matching
from tests.functions.events import FORM, Form, encoded, http_event, request_authorizer_event, rest_event
from tests.functions.world import World

WELL_KNOWN = "/.well-known/"
PROTECTED_RESOURCE = f"{WELL_KNOWN}oauth-protected-resource"


@dataclass(frozen=True)
class Answer:
    """A function's answer to API Gateway; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str
    cookies: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Answer":
        assert raw["isBase64Encoded"] is False
        headers = {name.lower(): value for name, value in raw["headers"].items()}
        assert len(headers) == len(raw["headers"])
        assert all(isinstance(value, str) and "\n" not in value and "\r" not in value for value in headers.values())
        return cls(raw["statusCode"], headers, raw["body"], tuple(raw.get("cookies", ())), raw)

    def json(self) -> Any:
        assert self.headers["content-type"] in ("application/json", "application/problem+json")
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json()["error"])

    @property
    def location(self) -> str:
        assert self.status == 303, (self.status, self.body[:500])
        return self.headers["location"]


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


# The functions behind paths that do not begin with their name.
BEHIND = {
    "auth": "authority",
    "/auth/signin": "login",
    "/.well-known/webfinger": "authority",
    ".well-known": "metadata",
    "resource-metadata": "metadata",
    "verify": "recover",
}
BACK = (CALLBACK, f"{CALLBACK}/{{strategy}}")  # from PlaceOS's identity providers
RESOURCES = {"/userinfo": "userinfo", "/admin/": "admin", "/partner/": "partner", "/account/": "account"}


class Gateway:
    """Sends requests to functions by their path."""

    def __init__(self, world: World) -> None:
        self.world = world
        assert world.stack.http_api
        self._patterns = [
            PathPattern(path)
            for path, methods in world.stack.http_api.body["paths"].items()
            if "x-amazon-apigateway-any-method" in methods
        ] + [PathPattern(path) for path in (*BACK, *(path for paths in ALIASES.values() for path in paths))]

    def event(
        self,
        method: str,
        path: str,
        *,
        query: Form = b"",
        form: Form | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        body: bytes = b"",
        route: str = "",
        path_parameters: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """An event of the AuthorizationApi."""
        sent = {"host": self.world.domain, **(headers or {})}
        if form is not None:
            sent.setdefault("content-type", FORM)
        return http_event(
            method,
            path,
            domain=self.world.domain,
            resource=self.world.resource,
            query=query,
            headers=sent,
            cookies=cookies,
            body=encoded(form) if form is not None else body,
            route=route,
            path_parameters=path_parameters,
        )

    def send(self, method: str, path: str, **options: Any) -> Answer:
        """A request to the AuthorizationApi."""
        if "route" not in options and (found := matching(self._patterns, quote(unquote(path)))):
            pattern, parameters = found[0]
            given = {parameter: unquote(value) for parameter, value in parameters.items()}
            options |= {"route": f"ANY {pattern.path}", "path_parameters": given}
        first = path_of(options.get("route", f"ANY {path}"))[1:].partition("/")[0]
        name = "federate" if path.startswith(CALLBACK) else BEHIND.get(path, BEHIND.get(first, first))
        return Answer.of(self.world.invoke(name, self.event(method, path, **options)))

    def post(self, path: str, form: Form, **options: Any) -> Answer:
        return self.send("POST", path, form=form, **options)

    def register(self, method: str, path: str, document: Any = None, *, bearer: str = "", **headers: str) -> Answer:
        """A request to the registration endpoint, or to that of one client."""
        sent = {"content-type": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
        client_id = path.removeprefix("/register").strip("/")
        options: dict[str, Any] = {"headers": sent | headers, "route": "ANY /register"}
        if client_id:
            options |= {"route": "ANY /register/{client_id}", "path_parameters": {"client_id": client_id}}
        if document is not None:
            options["body"] = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.send(method, path, **options)

    def manage(self, route: str, token: str, document: Any = None, key: str = "", **path: str) -> Answer:
        """A call of a management API: `path` are the parameters of the route's path, which REST APIs do not decode."""
        method, _, template = route.partition(" ")
        sent = {name: quote(value, safe="") for name, value in path.items()}
        options: dict[str, Any] = {"path": template.format(**sent), "path_parameters": sent}
        if document is not None:
            options |= {"body": json.dumps(document), "headers": {"Content-Type": "application/json"}}
        if key:
            options["headers"] = {**options.get("headers", {}), "Idempotency-Key": key}
        return self.call(method, template, f"Bearer {token}", **options)

    def protected_resource(self, method: str = "GET", inserted: str = "", **options: Any) -> Answer:
        """A request to the ResourceApi's own document, which is open to everybody (RFC 9728 section 3)."""
        route, parameters = PROTECTED_RESOURCE, {}
        if inserted:
            route, parameters = f"{route}/{{path+}}", {"path": inserted}
        event = rest_event(
            method,
            route,
            resource=self.world.resource,
            path=f"{PROTECTED_RESOURCE}/{inserted}".rstrip("/"),
            path_parameters=parameters,
            **options,
        )
        event["stageVariables"]["issuer"] = self.world.issuer
        return Answer.of(self.world.invoke("metadata", event))

    def call(
        self,
        method: str,
        path: str,
        authorization: str = "",
        /,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """A request to the ResourceApi: first its authorizer, then the function."""
        headers = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
        asked = request_authorizer_event(method, path, resource=self.world.resource, headers=headers, **options)
        answer = self.world.invoke("authorizer", asked)
        (statement,) = answer["policyDocument"]["Statement"]
        assert statement["Effect"] == "Allow", answer
        name = next((name for prefix, name in RESOURCES.items() if path.startswith(prefix)), "example_resource")
        event = rest_event(
            method, path, resource=self.world.resource, headers=headers, authorizer=answer["context"], **options
        )
        return Answer.of(self.world.invoke(name, event))
