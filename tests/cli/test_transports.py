"""The two ways to a deployment: over HTTPS with a token, and through AWS with the operator's own permissions."""

import io
import json
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from authserver_cli.api import Api
from authserver_cli.errors import NotAllowed, Refused, Unreachable
from authserver_cli.protocol import Request, Response
from authserver_cli.region import take_region
from authserver_cli.server import OwnTokens, ServerTransport
from authserver_cli.stack import StackTransport
from tests.cli.conftest import Run
from tests.cli.deployment import CLIENT_ID, SECRET, FakeDeployment

# ------------------------------------------------------------------ server


@pytest.mark.rfc("6749", "4.4")
def test_token_is_asked_for_once_and_again_when_it_has_ended(deployment: FakeDeployment) -> None:
    with closing(ServerTransport(deployment.issuer, OwnTokens(lambda: (CLIENT_ID, SECRET)))) as transport:
        api = Api(transport)
        for _ in range(2):
            api.get("/admin/clients")
        assert deployment.tokens == 1
        deployment.tokens = 7  # whatever was issued before does not count any more
        api.get("/admin/clients")
        assert deployment.tokens == 8


def test_wrong_credentials_are_told_without_repeating_them(run: Run, deployment: FakeDeployment) -> None:
    result = run("users", "list", AUTHSERVER_CLIENT_SECRET="wrong")
    assert (result.exit_code, deployment.asked) == (5, [])
    assert result.stderr == "Error: invalid_client: Client authentication failed (401)\n"


def test_credentials_that_are_missing_are_asked_for_in_a_terminal_only(run: Run) -> None:
    result = run("users", "list", AUTHSERVER_CLIENT_SECRET=None)
    assert result.exit_code == 2
    assert "AUTHSERVER_CLIENT_SECRET" in result.stderr


@pytest.mark.rfc("8414", "3.3")
def test_secret_goes_to_no_server_that_is_another_than_it_says(run: Run, deployment: FakeDeployment) -> None:
    deployment.metadata["issuer"] = "https://elsewhere.example"
    result = run("users", "list")
    assert (result.exit_code, deployment.tokens) == (3, 0)
    assert "https://elsewhere.example" in result.stderr


@pytest.mark.parametrize("address", ["http://login.example", "ftp://login.example", "login.example", "http://[", ""])
def test_secret_goes_over_no_connection_in_clear(address: str, run: Run) -> None:
    result = run("users", "list", "--server", address or " ")
    assert result.exit_code == 3
    assert "must have an https address" in result.stderr or "no address" in result.stderr


@pytest.mark.parametrize("member", ["token_endpoint", "protected_resources"])
def test_metadata_cannot_send_it_there_either(member: str, run: Run, deployment: FakeDeployment) -> None:
    address = "http://elsewhere.example"
    deployment.metadata[member] = address if member == "token_endpoint" else [address]
    result = run("users", "list")
    assert (result.exit_code, deployment.asked) == (3, [])


@pytest.mark.parametrize("metadata", [{}, [], "no metadata"])
def test_server_that_is_none_is_told(metadata: Any, run: Run, deployment: FakeDeployment) -> None:
    deployment.metadata = metadata
    assert run("users", "list").exit_code == 3


def test_nobody_there(run: Run) -> None:
    result = run("users", "list", "--server", "http://127.0.0.1:1")
    assert result.exit_code == 3
    assert result.stderr == "Error: http://127.0.0.1:1 does not answer (ConnectError)\n"


def test_both_ways_at_once_is_wrong_usage(run: Run) -> None:
    assert run("users", "list", "--server", "https://a.example", "--stack", "a").exit_code == 2
    assert run("users", "list", AUTHSERVER_STACK="a").exit_code == 2


# ------------------------------------------------------------------ repeating


class Scripted:
    """A transport that answers as it is told."""

    target = "somewhere"

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_busy_server_is_asked_again_when_it_says_with_the_same_key() -> None:
    busy = [Response(503, headers={"Retry-After": "7"}), Response(429, headers={"Retry-After": "soon"})]
    transport, pauses = Scripted(*busy, Response(201, {"id": "1"})), list[float]()
    assert Api(transport, pauses.append).post("/admin/users", {}) == {"id": "1"}
    assert pauses == [7, 1]
    assert len({request.idempotency_key for request in transport.sent}) == 1


def test_server_that_stays_busy_is_left_alone_in_the_end() -> None:
    transport = Scripted(*[Response(503)] * 9)
    with pytest.raises(Unreachable):
        Api(transport, lambda _: None).get("/admin/users")
    assert len(transport.sent) == 5


def test_connection_that_breaks_is_tried_once_more() -> None:
    assert Api(Scripted(Unreachable("gone"), Response(200, {}))).get("/admin/users") == {}
    with pytest.raises(Unreachable):
        Api(Scripted(Unreachable("gone"), Unreachable("gone"))).get("/admin/users")


# ------------------------------------------------------------------ stack


class FakeSession:
    """What boto3's session gives: CloudFormation, STS and Lambda. `payload` is what the function answers."""

    def __init__(self, payload: Any = None, **answer: Any) -> None:
        self.payload = payload if payload is not None else {"statusCode": 200, "body": '{"items": []}'}
        self.answer = answer
        self.outputs = {"AdminFunction": "admin", "Issuer": "https://i.example", "ResourceUrl": "https://r.example/v1"}
        self.error: Exception | None = None
        self.invoked: list[tuple[str, Any]] = []

    def client(self, service: str, **_: Any) -> Any:
        return self

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - boto3's
        if self.error:
            raise self.error
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in self.outputs.items()]
        return {"Stacks": [{"StackName": StackName, "Outputs": outputs}]}

    def get_caller_identity(self) -> Any:
        return {"Arn": "arn:aws:iam::123456789012:user/alice"}

    def invoke(self, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's
        self.invoked.append((FunctionName, json.loads(Payload)))
        return {"Payload": io.BytesIO(json.dumps(self.payload).encode()), **self.answer}


def through(session: FakeSession) -> Api:
    return Api(StackTransport("authserver", session), lambda _: None)  # type: ignore[arg-type]  # no session of boto3


def test_admin_function_gets_the_event_that_api_gateway_sends() -> None:
    session = FakeSession({"statusCode": 200, "body": '{"client_id": "a/b"}'})
    route = "/admin/clients/{client_id}"
    assert through(session).patch(route, {"status": "disabled"}, client_id="a/b") == {"client_id": "a/b"}
    ((function, event),) = session.invoked
    assert function == "admin"
    assert (event["httpMethod"], event["resource"], event["path"]) == ("PATCH", route, "/admin/clients/a%2Fb")
    assert event["pathParameters"] == {"client_id": "a%2Fb"}  # as REST APIs hand them over
    assert json.loads(event["body"]) == {"status": "disabled"}
    assert event["stageVariables"] == {"issuer": "https://i.example", "resource": "https://r.example/v1"}
    authorizer = event["requestContext"]["authorizer"]
    assert authorizer["sub"] == "arn:aws:iam::123456789012:user/alice"
    assert {"admin:clients", "admin:clients.read", "admin:clients.write"} <= set(authorizer["scope"].split())


def test_query_of_a_list_goes_in_both_its_places() -> None:
    session = FakeSession()
    assert list(through(session).items("/admin/authorizations", query={"subject": "s"})) == []
    event = session.invoked[0][1]
    assert event["queryStringParameters"] == {"subject": "s", "limit": "100"}
    assert event["multiValueQueryStringParameters"] == {"subject": ["s"], "limit": ["100"]}
    assert (event["body"], event["pathParameters"]) == (None, None)


def test_refusal_of_the_function_is_the_same_as_over_https() -> None:
    session = FakeSession({"statusCode": 409, "body": '{"title": "Taken"}', "headers": {}})
    with pytest.raises(Refused, match="Taken"):
        through(session).post("/admin/clients", {})


@pytest.mark.parametrize("session", [FakeSession(FunctionError="Unhandled"), FakeSession(["no answer"])])
def test_function_that_fails_gives_no_answer(session: FakeSession) -> None:
    with pytest.raises(Unreachable):
        through(session).get("/admin/clients")


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (error("AccessDenied"), NotAllowed),
        (error("ExpiredToken"), NotAllowed),
        (error("ValidationError"), Unreachable),
        (NoCredentialsError(), Unreachable),
    ],
)
def test_failure_of_aws_is_told(cause: Exception, kind: type[Exception]) -> None:
    session = FakeSession()
    session.error = cause
    with pytest.raises(kind):
        through(session).get("/admin/clients")


def test_stack_of_something_else_is_told() -> None:
    session = FakeSession()
    session.outputs = {"Issuer": "https://i.example"}
    with pytest.raises(Unreachable, match="AdminFunction, ResourceUrl"):
        through(session).get("/admin/clients")


def test_region_is_that_of_the_variable_that_awss_own_tools_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 alone reads the older one."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    take_region()
    assert boto3.Session().region_name == "eu-central-1"
    monkeypatch.delenv("AWS_REGION")
    take_region()
    assert boto3.Session().region_name == "eu-central-1"
