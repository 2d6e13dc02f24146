"""The server refuses to start on what it does not understand, and says what that is."""

import socket
from typing import Any

import pytest

from local.errors import PortInUseError, RefusedError
from tests.development import DevelopmentServer

from .conftest import Project


def start(project: Project, **options: Any) -> None:
    with DevelopmentServer(template=project.template, log=project.root / "log", **options):
        pytest.fail("it started")


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ("Type: AWS::KMS::Key", "Type: AWS::SNS::Topic", "Key: .*AWS::SNS::Topic"),
        ("{Description: For tests}", "{Description: For tests, Origin: EXTERNAL}", "Key.Origin"),
        ("{Description: For tests}", "{KeySpec: HMAC_9000}", "Key"),
        (
            "      BillingMode: PAY",
            "      KinesisStreamSpecification: {}\n      BillingMode: PAY",
            "Things.KinesisStreamSpec",
        ),
        ("ProjectionType: KEYS_ONLY", "ProjectionType: KEYS_ONLY, Mystery: 1", "(?s)Things: .*Mystery"),
        ("SIZE: !Ref Size", "SIZE: !Select [0, [a]]", "Echo.Environment.Variables.SIZE: uses Fn::Select"),
        ("SIZE: !Ref Size", "SIZE: !Ref Nothing", "Echo.Environment.Variables.SIZE"),
        ("    Timeout: 2\n", "    Timeout: 2\n    EphemeralStorage: {Size: 1024}\n", r"\.EphemeralStorage"),
        ("python3.13", "python3.12", "Runtime"),
        ("CodeUri: functions/tick", "CodeUri: ../tick", "Tick.CodeUri"),
        ("CodeUri: functions/tick", "CodeUri: functions/nowhere", "Tick.CodeUri: there is no folder"),
        ("rate(1 hour)", "cron(0 0 * * * *)", "TickHourly.ScheduleExpression"),
        ("{Type: REGIONAL}", "{Type: EDGE}", "Rest.EndpointConfiguration"),
        ("      Variables: {colour: green}", "      BinaryMediaTypes: ['*~1*']", "Rest.BinaryMediaTypes"),
        ("      Variables: {colour: green}", "      ApiKeySourceType: HEADER", "Rest"),
        (
            "Path: /only-get, Method: GET",
            "Path: /only-get, Method: GET, PayloadFormatVersion: '1.0'",
            "Http.Body./only-get.get: .*2.0",
        ),
        (
            "Path: /only-get, Method: GET",
            "Path: /only-get, Method: GET, TimeoutInMillis: 1000",
            "Http.Body./only-get.get.timeoutInMillis",
        ),
        ("      StageVariables:", "      CorsConfiguration: true\n      StageVariables:", "Http.Body"),
        ("        AUTHORIZER_FAILURE:", "        NO_SUCH_TYPE:", "NO_SUCH_TYPE"),
        ("context.authorizer.missing", "integration.response.header.x", "X-Missing"),
        ('"error":"$context.authorizer.error"', '"error":"$util.escape(1)"', "ACCESS_DENIED"),
        ("Identity: {ReauthorizeEvery: 0}", "Identity: {Headers: ['a b'], ReauthorizeEvery: 0}", "identity source"),
        ("\nParameters:\n", "\nHooks: {}\nParameters:\n", "section Hooks"),
        ("Transform: AWS::Serverless-2016-10-31", "Transform: AWS::Include", "Transform"),
        ("  Key:\n", "  Key:\n    CreationPolicy: {}\n", "Key.CreationPolicy"),
    ],
)
def test_template_with_what_is_not_understood_is_refused(project: Project, before: str, after: str, where: str) -> None:
    project.replace(before, after)

    with pytest.raises(RefusedError, match=where) as refused:
        start(project)

    assert refused.value.exit_code == 2


def test_http_api_with_an_authorizer_is_refused(project: Project) -> None:
    auth = """
      Auth:
        DefaultAuthorizer: Guarded
        Authorizers:
          Guarded: {FunctionArn: !GetAtt Guard.Arn, AuthorizerPayloadFormatVersion: "2.0"}
"""
    project.replace("      StageVariables: {colour: blue}\n", auth)

    with pytest.raises(RefusedError, match=r"Http.Body"):
        start(project)


def test_two_apis_of_one_kind_are_refused(project: Project) -> None:
    project.replace("  Rest:\n", "  Http2:\n    Type: AWS::Serverless::HttpApi\n  Rest:\n")
    project.replace("ApiId: !Ref Http, Path: /only-get", "ApiId: !Ref Http2, Path: /only-get")

    with pytest.raises(RefusedError, match="serves one AWS::ApiGatewayV2::Api"):
        start(project)


def test_parameter_out_of_bounds_is_refused_before_anything_starts(project: Project) -> None:
    with pytest.raises(RefusedError, match="parameter Size: 10 is more than 9"):
        start(project, parameters={"Size": "10"})


@pytest.mark.parametrize("option", ["port", "resource_port"])
def test_port_in_use_is_told(project: Project, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} .* in use") as refused:
            start(project, **{option: port})

    assert refused.value.exit_code == 1
