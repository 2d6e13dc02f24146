"""A CloudFormation of our own, a stack in one region and its edge in another, and what CloudFront sends meanwhile."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from authserver.aws.apigateway import NO_EDGE, source_of
from authserver.errors import NotThroughEdge
from local.template import read_template
from scripts import edge

CERTIFICATE = "CertificateArn=arn:aws:acm:us-east-1:123456789012:certificate/a"
STACK: dict[str, str] = {
    **{
        name: str(one.get("Default", ""))
        for name, one in read_template(edge.ROOT / "template.yaml")["Parameters"].items()
    },
    "AuthDomainName": "login.example.com",
    "DomainName": "api.example.com",
    "HostedZoneId": "Z1",
}
TARGETS = {"AuthDomainTarget": "d-a.execute-api.eu-central-1.amazonaws.com", "DomainTarget": "d-b.example"}


def refused_by_aws(message: str, code: str = "ValidationError") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


EDGE = "s-edge-eu-central-1"
EDGES = {"auth": "AuthEdgeTarget", "resource": "EdgeTarget"}
DIGESTS = {"auth": "AuthOriginSecretDigests", "resource": "OriginSecretDigests"}


class Cloud:
    """Two regions with their stacks. `in_flight` are the secrets that CloudFront may be sending at the moment: of an
    update, both, until it is done. `watch` is called whenever something has changed."""

    def __init__(self) -> None:
        self.parameters: dict[str, dict[str, str]] = {"s": dict(STACK)}
        self.status: dict[str, str] = {}  # of those that are not at rest
        self.becomes: dict[str, str] = {}  # what they are when time has passed
        self.replaced: dict[str, str] = {}  # the digest that an edge had before the update that is under way
        self.slept = 0
        self.made = 0  # edges
        self.told: list[tuple[str, dict[str, str]]] = []
        self.templates: dict[str, str] = {}
        self.in_flight: set[str] = set()
        self.watch: Callable[[], None] = lambda: None
        self.fails = ""  # the stack whose next update does
        self.left = ""  # the stack whose next update is not waited for

    def session(self, region_name: str = "eu-central-1") -> "Region":
        return Region(self, region_name)

    def digests(self, api: str = "auth") -> str:
        return self.parameters["s"][DIGESTS[api]]

    def takes(self, secret: str, api: str = "auth") -> bool:
        """Whether a function of this API takes a request with the secret, as CloudFront sends it."""
        headers = {"x-origin-verify": secret, "cloudfront-viewer-address": "198.51.100.4:443"}
        context = {"http": {"sourceIp": "203.0.113.7"}}
        variables = {"edge_secret_digests": self.digests(api) or NO_EDGE}
        try:
            return bool(source_of({"headers": headers, "stageVariables": variables, "requestContext": context}))
        except NotThroughEdge:
            return False

    def sleep(self, _seconds: float) -> None:
        """Whatever is under way is done after."""
        self.slept += 1
        for name in [name for name, status in self.status.items() if status.endswith("_IN_PROGRESS")]:
            self.finish(name)

    def finish(self, name: str) -> None:
        self.status[name] = self.becomes.pop(name, "UPDATE_COMPLETE")
        before = self.replaced.pop(name, "")
        if self.status[name] == "DELETE_COMPLETE":
            del self.parameters[name], self.status[name]
        elif secret := self.parameters[name].get("OriginSecret"):
            if self.status[name] == "UPDATE_ROLLBACK_COMPLETE":
                (secret,) = {one for one in self.in_flight if edge.digest(one) == before}
                self.parameters[name] |= {"OriginSecret": secret, "OriginSecretDigest": before}
            self.in_flight = {secret}
        self.watch()


class Region:
    """A session there, and its clients."""

    def __init__(self, cloud: Cloud, region_name: str) -> None:
        self.cloud = cloud
        self.region_name = region_name

    def client(self, _service: str) -> "Region":
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}

    def describe_stacks(self, StackName: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's name
        self._require_place_of(StackName)
        if StackName not in self.cloud.parameters:
            raise refused_by_aws(f"Stack {StackName} does not exist")
        parameters = self.cloud.parameters[StackName]
        if StackName == "s":
            outputs = TARGETS
        else:
            present = self.cloud.replaced.get(StackName, parameters["OriginSecretDigest"])
            outputs = {"OriginSecretDigest": present, "AuthEdgeTarget": f"d{self.cloud.made}a.cloudfront.net"}
            outputs |= {"EdgeTarget": f"d{self.cloud.made}r.cloudfront.net"} if parameters["DomainName"] else {}
        shown = {name: "****" if name == "OriginSecret" else value for name, value in parameters.items()}
        return {
            "Stacks": [
                {
                    "StackStatus": self.cloud.status.get(StackName, "UPDATE_COMPLETE"),
                    "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in shown.items()],
                    "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
                }
            ]
        }

    def create_stack(self, StackName: str, TemplateBody: str, Parameters: list[dict[str, str]]) -> None:  # noqa: N803 - boto3's names
        self._require_place_of(StackName)
        if StackName in self.cloud.parameters:
            raise refused_by_aws(f"Stack [{StackName}] already exists", "AlreadyExistsException")
        self.cloud.templates[StackName] = TemplateBody
        self.cloud.made += 1
        self._change(StackName, {one["ParameterKey"]: one["ParameterValue"] for one in Parameters})

    def update_stack(self, StackName: str, Parameters: list[dict[str, Any]], **body: Any) -> None:  # noqa: N803 - boto3's names
        self._require_place_of(StackName)
        status = self.cloud.status.get(StackName, "UPDATE_COMPLETE")
        if not status.endswith("_COMPLETE"):
            raise refused_by_aws(f"Stack:{StackName} is in {status} state and can not be updated.")
        before = self.cloud.parameters[StackName]
        assert {one["ParameterKey"] for one in Parameters} >= set(before), "the others would fall back to defaults"
        assert ("TemplateBody" in body) != body.get("UsePreviousTemplate", False)
        changed = {one["ParameterKey"]: one["ParameterValue"] for one in Parameters if "ParameterValue" in one}
        if all(before.get(name) == value for name, value in changed.items()) and "TemplateBody" not in body:
            raise refused_by_aws("No updates are to be performed.")
        self._change(StackName, changed)

    def get_waiter(self, _name: str) -> "Region":
        return self

    def wait(self, StackName: str) -> None:  # noqa: N803 - boto3's name
        if self.cloud.fails == StackName:
            raise WaiterError("stack_update_complete", "UPDATE_ROLLBACK_COMPLETE", {})
        if self.cloud.left == StackName:
            raise KeyboardInterrupt
        self.cloud.finish(StackName)

    def _change(self, name: str, changed: dict[str, str]) -> None:
        self.cloud.told.append((name, changed))
        if self.cloud.fails != name:
            self.cloud.status[name] = "UPDATE_IN_PROGRESS"
            if digest := self.cloud.parameters.get(name, {}).get("OriginSecretDigest"):
                self.cloud.replaced[name] = digest
            self.cloud.parameters[name] = {**self.cloud.parameters.get(name, {}), **changed}
        if "OriginSecret" in changed:
            self.cloud.in_flight.add(changed["OriginSecret"])
        self.cloud.watch()

    def _require_place_of(self, name: str) -> None:
        assert (self.region_name == "us-east-1") == ("-edge-" in name)
