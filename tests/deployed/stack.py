"""The template as `make deploy` deploys it, on MiniStack: the built template as it is, deployed by `sam deploy`.

MiniStack runs in a process and with packages of its own (`requirements-emulator.txt`), since it pins another botocore.
What it lacks is added in `emulator.py`, and here where AWS's own API does it.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import boto3

from local.http_server import HttpServer, Request, Response, listen_ipv4
from local.intrinsics import REGION, Resolver
from scripts.deploy import command, first_keys

ROOT = Path(__file__).parent.parent.parent
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
SEED = ROOT / "local" / "seed.json"
PYTHON = ROOT / ".cache" / "emulator" / "bin" / "python"
WORKER = Path(__file__).parent / "worker"
STARTS_WITHIN = 60.0  # seconds
NOTHING: Mapping[str, str] = MappingProxyType({})

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class DeploymentFailed(Exception):
    """What the command said."""


class Emulator:
    """AWS at `endpoint_url`, with the credentials of `environment`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._clients: dict[str, Any] = {}

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """That of a command that is to find this AWS."""
        return {
            **of_the_machine(),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: str) -> Any:
        if service not in self._clients:
            # A service that only a variable names has no type.
            make: Any = boto3.client
            self._clients[service] = make(
                service,
                endpoint_url=self.endpoint_url,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def run(self, *command: str) -> str:
        """What a command says. Raises `DeploymentFailed` with it if the command fails."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DeploymentFailed(done.stdout)
        return done.stdout

    def deploy(self, stack: str, parameters: Mapping[str, str], template: Path | None = None) -> "Stack":
        """Creates or updates a stack by the command that `make deploy` runs. Raises `DeploymentFailed`.

        `template` is another than the built one.
        """
        others = ("--template-file", str(template)) if template else ()
        self.run(*command(stack, "default", parameters), *others, "--no-progressbar")
        return Stack(self, stack)


def of_the_machine() -> dict[str, str]:
    """The environment with the machine's certificates, which `tests/conftest.py` empties: what fetches packages needs
    them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT_")}


def build() -> None:
    """Has `.aws-sam/build` be what the sources are now."""
    sources = [ROOT / "template.yaml", *(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.*")]
    written = [one for one in sources if one.suffix not in (".pyc", ".mo")]
    if not BUILT.is_file() or BUILT.stat().st_mtime < max(one.stat().st_mtime for one in written):
        make = ["make", "-s", "build"]
        subprocess.run(make, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=of_the_machine())


@contextmanager
def deployed(
    folder: Path, *, with_iam: bool, added: Mapping[str, str] = NOTHING, **parameters: str
) -> Iterator[tuple["Stack", str, str]]:
    """The built template deployed, served and seeded: the stack, the issuer and the ResourceApi's address.

    `added` are headers that each request gets on its way to the APIs.
    """
    build()
    with emulator(folder, with_iam=with_iam) as aws, closing(address()) as issuer, closing(address()) as resource:
        addresses = [f"http://127.0.0.1:{one.port}" for one in (issuer, resource)]
        given = {"Issuer": addresses[0], "ResourceUrl": addresses[1], "DeviceGrant": "true", **parameters}
        stack = aws.deploy("authserver", given)
        stack.bridge()
        stack.forward(issuer, resource, added)
        made = first_keys(cast("boto3.Session", aws), stack.name)
        assert made == "Its keys are made.", made
        stack.seed(SEED)
        yield stack, addresses[0], addresses[1]


@contextmanager
def emulator(folder: Path, *, with_iam: bool) -> Iterator[Emulator]:
    """MiniStack with nothing in it. `folder` gets its log and whatever else it writes."""
    assert PYTHON.exists(), "there is no emulator: run `make .cache/emulator/.installed`"
    with closing(listen_ipv4()) as free:
        started = Emulator(free.getsockname()[1])
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(started.port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "localhost",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "true" if with_iam else "false",
        "PYTHONPATH": f"{WORKER}{os.pathsep}{ROOT}",
        "TMPDIR": str(folder),
    }
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, Path(__file__).with_name("emulator.py")], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_for(started, process)
            with closing(started):
                yield started
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(started: Emulator, process: subprocess.Popen[bytes]) -> None:
    gives_up = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", started.port, timeout=5)) as connection:
                connection.request("GET", "/_ministack/health")
                connection.getresponse().read()
        except OSError:
            assert process.poll() is None, "the emulator ended: see its log"
            assert time.monotonic() < gives_up, "the emulator does not answer"
            time.sleep(0.1)  # no event tells of another process's socket
        else:
            return


@dataclass(frozen=True)
class Stack:
    """A stack that is there."""

    emulator: Emulator
    name: str

    @property
    def description(self) -> dict[str, Any]:
        (found,) = self.emulator.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return dict(found)

    @property
    def outputs(self) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.description["Outputs"]}

    @property
    def resources(self) -> dict[str, str]:
        """The physical id by the logical id."""
        pages = self.emulator.client("cloudformation").get_paginator("list_stack_resources")
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.name)
            for one in page["StackResourceSummaries"]
        }

    @cached_property
    def template(self) -> dict[str, Any]:
        """As it was processed: with plain resources, and intrinsics in them."""
        body = self.emulator.client("cloudformation").get_template(StackName=self.name, TemplateStage="Processed")
        template = body["TemplateBody"]
        return json.loads(template) if isinstance(template, str) else dict(template)

    def seed(self, file: Path) -> None:
        self.emulator.run(sys.executable, "-m", "local.seed", "--stack", self.name, str(file))

    def bridge(self) -> None:
        """Makes what the emulator leaves out of the APIs' documents: an HTTP API's routes, a REST API's responses."""
        resolver = self._resolver()
        bodies = {
            logical_id: resolver.resolve(self.template["Resources"][logical_id]["Properties"]["Body"], logical_id)
            for logical_id in ("AuthorizationApi", "ResourceApi")
        }
        self._route(self.resources["AuthorizationApi"], bodies["AuthorizationApi"])
        self._respond(self.resources["ResourceApi"], bodies["ResourceApi"])

    def _resolver(self) -> Resolver:
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in self.description["Parameters"]}
        account = self.description["StackId"].split(":")[4]
        resolver = Resolver(parameters, self.template["Conditions"], account)
        resolver.references |= {"AWS::StackName": self.name, **self.resources}
        for logical_id, name in self.resources.items():
            resolver.attributes[logical_id, "Arn"] = f"arn:aws:lambda:{REGION}:{account}:function:{name}"
        return resolver

    def _route(self, api: str, body: Mapping[str, Any]) -> None:
        apis = self.emulator.client("apigatewayv2")
        for route in apis.get_routes(ApiId=api)["Items"]:
            apis.delete_route(ApiId=api, RouteId=route["RouteId"])
        shared = body["components"]["x-amazon-apigateway-integrations"]
        for path, operations in body["paths"].items():
            for method, operation in operations.items():
                written = operation["x-amazon-apigateway-integration"]
                written = shared[written["$ref"].rpartition("/")[2]] if "$ref" in written else written
                integration = apis.create_integration(
                    ApiId=api,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=written["uri"],
                    PayloadFormatVersion=written["payloadFormatVersion"],
                )
                verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                target = f"integrations/{integration['IntegrationId']}"
                apis.create_route(ApiId=api, RouteKey=f"{verb} {path}", Target=target)

    def _respond(self, api: str, body: Mapping[str, Any]) -> None:
        apis = self.emulator.client("apigateway")
        for kind, response in body["x-amazon-apigateway-gateway-responses"].items():
            apis.put_gateway_response(
                restApiId=api,
                responseType=kind,
                statusCode=str(response["statusCode"]),
                responseParameters=response["responseParameters"],
                responseTemplates=response["responseTemplates"],
            )
        apis.create_deployment(restApiId=api, stageName="v1")

    def forward(self, issuer: HttpServer, resource: HttpServer, added: Mapping[str, str] = NOTHING) -> None:
        """From now on the two addresses are those of the APIs. Each request gets the headers `added`."""
        apis = ((issuer, "AuthorizationApi", "$default"), (resource, "ResourceApi", "v1"))
        for server, name, stage in apis:
            prefix = f"/_aws/execute-api/{self.resources[name]}/{stage}"
            server.handler = _forwarder(self.emulator.port, prefix, added)


def address() -> HttpServer:
    """An address of this machine for an API that is to come."""
    return HttpServer(listen_ipv4(), lambda _: Response(503))


def _forwarder(port: int, prefix: str, added: Mapping[str, str]) -> Callable[[Request], Response]:
    """Asks the emulator, beneath a path, for what is asked of it."""

    def forward(request: Request) -> Response:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            target = f"{prefix}{request.path}" + (f"?{request.query}" if request.query else "")
            connection.putrequest(request.method, target, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in _HOP_BY_HOP and name.lower() not in added:
                    connection.putheader(name, value)
            for name, value in added.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            answer = connection.getresponse()
            kept = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP)
            return Response(answer.status, kept, answer.read())

    return forward
