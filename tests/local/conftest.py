"""A small project of its own for the development server's tests: one template, three functions, one layer."""

import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.development import DevelopmentServer

# Answers with the event it got, unless a header tells it what else to do.
ECHO = """
import json, os, time
from greeting import GREETING

def lambda_handler(event, context):
    wanted = {k.lower(): v for k, v in (event.get("headers") or {}).items()}
    wanted = {**wanted, **event.get("do", {})}
    if "x-print" in wanted:
        print(wanted["x-print"])
    if "x-sleep" in wanted:
        time.sleep(float(wanted["x-sleep"]))
    if "x-raise" in wanted:
        raise RuntimeError(wanted["x-raise"])
    if "x-exit" in wanted:
        os._exit(1)
    if "x-answer" in wanted:
        return json.loads(wanted["x-answer"])
    said = {"event": event, "greeting": GREETING, "pid": os.getpid(), "environment": dict(os.environ)}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(said)}
"""

# The token says what the authorizer does: "raise <message>", "answer <json>", "sleep <seconds>", Allow or Deny.
AUTHORIZER = """
import json, time

asked = 0

def lambda_handler(event, context):
    global asked
    asked += 1
    if event["type"] == "TOKEN":
        token = event["authorizationToken"]
    else:
        headers = {k.lower(): v for k, v in event["headers"].items()}
        token = headers.get("authorization") or event["queryStringParameters"].get("token", "Deny")
    verb, _, rest = token.partition(" ")
    if verb == "raise":
        raise RuntimeError(rest)
    if verb == "answer":
        return json.loads(rest)
    if verb == "sleep":
        time.sleep(float(rest))
    resource = rest or event["methodArn"]
    statement = {"Action": "execute-api:Invoke", "Effect": verb, "Resource": resource}
    challenge = 'Bearer error="insufficient_scope"'
    context = {"asked": asked, "challenge": challenge, "error": "no", "seen": json.dumps(event)}
    return {
        "principalId": "somebody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
"""

TICK = """
import os, boto3

def lambda_handler(event, context):
    boto3.client("dynamodb").put_item(TableName=os.environ["THINGS"], Item={"id": {"S": event["detail-type"]}})
"""

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Issuer: {Type: String, Default: ""}
  Mode: {Type: String, Default: plain, AllowedValues: [plain, fancy]}
  Size: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
Conditions:
  Fancy: !Equals [!Ref Mode, fancy]
Globals:
  Function:
    Runtime: python3.13
    Handler: app.lambda_handler
    Timeout: 2
    MemorySize: 256
    LoggingConfig: {LogFormat: JSON}
    Layers: [!Ref Core]
Resources:
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageVariables: {colour: blue}
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      EndpointConfiguration: {Type: REGIONAL}
      Variables: {colour: green}
      Auth:
        DefaultAuthorizer: Plain
        AddDefaultAuthorizerToCorsPreflight: false
        Authorizers:
          Plain:
            FunctionArn: !GetAtt Guard.Arn
            FunctionPayloadType: REQUEST
            Identity: {Headers: [Authorization], ReauthorizeEvery: 0}
          Cached:
            FunctionArn: !GetAtt Guard.Arn
            FunctionPayloadType: REQUEST
            Identity: {Headers: [Authorization], Context: [httpMethod], ReauthorizeEvery: 60}
          Sourceless:
            FunctionArn: !GetAtt Guard.Arn
            FunctionPayloadType: REQUEST
            Identity: {ReauthorizeEvery: 0}
          Token:
            FunctionArn: !GetAtt Guard.Arn
            Identity: {Header: Authorization, ValidationExpression: "(Allow|Deny).*", ReauthorizeEvery: 0}
      Cors: {AllowOrigin: "'*'", AllowMethods: "'GET'", MaxAge: "'60'"}
      GatewayResponses:
        UNAUTHORIZED:
          ResponseParameters:
            Headers: {WWW-Authenticate: "'Bearer realm=\\"test\\"'"}
        ACCESS_DENIED:
          StatusCode: 403
          ResponseParameters:
            Headers: {WWW-Authenticate: context.authorizer.challenge, X-Missing: context.authorizer.missing}
          ResponseTemplates:
            application/json: '{"error":"$context.authorizer.error","method":"$context.httpMethod"}'
        AUTHORIZER_FAILURE:
          StatusCode: 503
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/echo
      Environment:
        Variables:
          MODE: !If [Fancy, very, !Ref Mode]
          SIZE: !Ref Size
          ABSENT: !If [Fancy, present, !Ref AWS::NoValue]
          JOINED: !Join ["-", [a, !Ref Size, !Sub "${Mode}!"]]
          KEY: !GetAtt Key.Arn
          THINGS: !Ref Things
          ISSUER: !Ref Issuer
      Policies:
        - Statement: [{Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt Things.Arn}]
      Events:
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /echo, Method: ANY}}
        OnlyGet: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /only-get, Method: GET}}
        Item: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: "/items/{id}", Method: ANY}}
        Special: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /items/special, Method: GET}}
        Rest: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: "/items/{rest+}", Method: ANY}}
        Open:
          Type: Api
          Properties: {RestApiId: !Ref Rest, Path: /open, Method: ANY, Auth: {Authorizer: NONE}}
        OpenItem:
          Type: Api
          Properties: {RestApiId: !Ref Rest, Path: "/open/{id}", Method: GET, Auth: {Authorizer: NONE}}
        Plain: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: "/plain/{id}", Method: GET}}
        PlainPost: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: "/plain/{id}", Method: POST}}
        Cached: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /cached, Method: GET, Auth: {Authorizer: Cached}}}
        CachedToo:
          Type: Api
          Properties: {RestApiId: !Ref Rest, Path: /cached/too, Method: GET, Auth: {Authorizer: Cached}}
        Sourceless:
          Type: Api
          Properties: {RestApiId: !Ref Rest, Path: /sourceless, Method: GET, Auth: {Authorizer: Sourceless}}
        Token: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /token, Method: GET, Auth: {Authorizer: Token}}}
  Guard:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: functions/guard}
  Tick:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/tick
      Timeout: 20
      Environment: {Variables: {THINGS: !Ref Things}}
      Policies:
        - Statement: [{Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Things.Arn}]
      Events:
        Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}
  Core:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/core}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: owner, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: by_owner
          KeySchema: [{AttributeName: owner, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
  Key:
    Type: AWS::KMS::Key
    Properties: {Description: For tests}
"""


@dataclass(frozen=True)
class Project:
    """A project folder; `template` is a path. Change files of it before a server starts, or while it runs."""

    root: Path

    @property
    def template(self) -> Path:
        return self.root / "template.yaml"

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def replace(self, before: str, after: str) -> None:
        """Change the template's text."""
        text = self.template.read_text()
        assert before in text, before
        self.template.write_text(text.replace(before, after))


def make_project(root: Path) -> Project:
    project = Project(root)
    project.write("template.yaml", TEMPLATE)
    project.write("functions/echo/app.py", ECHO)
    project.write("functions/guard/app.py", AUTHORIZER)
    project.write("functions/tick/app.py", TICK)
    project.write("layers/core/greeting.py", "GREETING = 'hello'\n")
    return project


needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc")


def workers_of(project: Project) -> list[int]:
    """The worker processes that run in the project's folders."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and (entry / "cwd").readlink().is_relative_to(project.root):
                found.append(int(entry.name))
    return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    """One running server for the tests that change nothing."""
    root = tmp_path_factory.mktemp("project")
    project = make_project(root)
    with DevelopmentServer(template=project.template, log=root / "log") as running:
        yield running


@pytest.fixture(scope="session")
def http(server: DevelopmentServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.issuer) as client:
        yield client


@pytest.fixture(scope="session")
def rest(server: DevelopmentServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.resource) as client:
        yield client


def event_of(response: httpx.Response) -> Any:
    """The event that the echo function was given."""
    assert response.status_code == 200, response.text
    return response.json()["event"]
