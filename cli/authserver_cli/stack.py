"""The way through AWS: the stack's admin function is invoked with the operator's own IAM permissions.

Those are the authentication: a principal that may invoke the function is an operator. The event is the one that API
Gateway sends, with what the authorizer would have said.
"""

import json
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from authserver_cli.errors import NotAllowed, Unreachable
from authserver_cli.protocol import Problem, Request, Response
from authserver_cli.region import take_region

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

RESOURCES = ("clients", "users", "orgs", "scopes", "resources", "idps", "webhooks", "grants", "keys", "theme")
SCOPE = " ".join((*(f"admin:{one}{verb}" for one in RESOURCES for verb in ("", ".read", ".write")), "admin:audit.read"))
DENIED = {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"}
# One attempt: a create whose answer was lost is repeated with its Idempotency-Key, by `api.Api`.
CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1})


class StackTransport:
    """Implements `protocol.Transport`."""

    def __init__(self, name: str, session: boto3.Session | None = None) -> None:
        self._name = name
        self._given = session

    @property
    def target(self) -> str:
        return f"stack {self._name}"

    def send(self, request: Request) -> Response:
        event = json.dumps(self._event(request)).encode()
        try:
            answer = self._lambda.invoke(FunctionName=self._outputs["AdminFunction"], Payload=event)
            payload = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            raise self._failure(error) from None
        if "FunctionError" in answer or not isinstance(payload, dict):
            raise Unreachable(f"The admin function of {self._name} failed: its log says why")
        body = payload.get("body")
        return Response(int(payload["statusCode"]), json.loads(body) if body else None, payload.get("headers") or {})

    def _event(self, request: Request) -> dict[str, Any]:
        return {
            "resource": request.route,
            "path": request.path,
            "httpMethod": request.method,
            "headers": request.headers,
            "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
            "queryStringParameters": dict(request.query) or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in request.query.items()} or None,
            "pathParameters": request.segments or None,
            "stageVariables": {"issuer": self._outputs["Issuer"], "resource": self._outputs["ResourceUrl"]},
            "requestContext": {
                "httpMethod": request.method,
                "identity": {"sourceIp": "0.0.0.0", "userAgent": "authserver-cli"},  # noqa: S104 - no address
                "path": request.path,
                "requestId": str(uuid.uuid4()),
                "resourcePath": request.route,
                "authorizer": {"principalId": self._caller, "sub": self._caller, "client_id": "", "scope": SCOPE},
            },
            "body": json.dumps(request.body) if request.body is not None else None,
            "isBase64Encoded": False,
        }

    @cached_property
    def _session(self) -> boto3.Session:
        take_region()
        try:
            return self._given or boto3.Session()
        except BotoCoreError as error:
            raise self._failure(error) from None

    @cached_property
    def _lambda(self) -> "LambdaClient":
        return self._session.client("lambda", config=CONFIG)

    @cached_property
    def _outputs(self) -> dict[str, str]:
        try:
            (stack,) = self._session.client("cloudformation").describe_stacks(StackName=self._name)["Stacks"]
        except (BotoCoreError, ClientError) as error:
            raise self._failure(error) from None
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if missing := {"AdminFunction", "Issuer", "ResourceUrl"} - set(outputs):
            raise Unreachable(
                f"The stack {self._name} has no output {', '.join(sorted(missing))}: is it an Authserver?"
            )
        return outputs

    @cached_property
    def _caller(self) -> str:
        """Who the log says did it."""
        try:
            return self._session.client("sts").get_caller_identity()["Arn"]
        except (BotoCoreError, ClientError) as error:
            raise self._failure(error) from None

    def _failure(self, error: BotoCoreError | ClientError) -> NotAllowed | Unreachable:
        if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in DENIED:
            return NotAllowed(Problem(403, "AWS refused", str(error)))
        return Unreachable(f"AWS does not answer for the stack {self._name}: {error}")
