"""`make edge` and `make edge-secret` on a CloudFormation of our own: what is told to which stack, in which order."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from authserver.aws.apigateway import source_of
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


def refused_by_aws(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "Operation")


class Cloud:
    """Two regions with their stacks. `in_flight` are the secrets that CloudFront may be sending at the moment: of an
    update, both, until it is done. `watch` is called whenever something has changed."""

    def __init__(self) -> None:
        self.parameters: dict[str, dict[str, str]] = {"s": dict(STACK)}
        self.told: list[tuple[str, dict[str, str]]] = []
        self.templates: dict[str, str] = {}
        self.in_flight: set[str] = set()
        self.watch: Callable[[], None] = lambda: None
        self.fails = ""  # the stack whose next update does

    def session(self, region_name: str = "eu-central-1") -> "Region":
        return Region(self, region_name)

    @property
    def digests(self) -> str:
        return self.parameters["s"]["OriginSecretDigests"]

    def takes(self, secret: str) -> bool:
        """Whether a function of the stack takes a request with the secret, as CloudFront sends it."""
        headers = {"x-origin-verify": secret, "cloudfront-viewer-address": "198.51.100.4:443"}
        context = {"http": {"sourceIp": "203.0.113.7"}}
        variables = {"origin_secrets": self.digests} if self.digests else {}
        try:
            return bool(source_of({"headers": headers, "stageVariables": variables, "requestContext": context}))
        except NotThroughEdge:
            return False


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
            outputs = {"OriginSecretDigest": parameters["OriginSecretDigest"], "AuthEdgeTarget": "d1.cloudfront.net"}
            outputs |= {"EdgeTarget": "d2.cloudfront.net"} if parameters["DomainName"] else {}
        shown = {name: "****" if name == "OriginSecret" else value for name, value in parameters.items()}
        return {
            "Stacks": [
                {
                    "StackStatus": "UPDATE_COMPLETE",
                    "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in shown.items()],
                    "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
                }
            ]
        }

    def create_stack(self, StackName: str, TemplateBody: str, Parameters: list[dict[str, str]]) -> None:  # noqa: N803 - boto3's names
        self._require_place_of(StackName)
        self.cloud.templates[StackName] = TemplateBody
        self._change(StackName, {one["ParameterKey"]: one["ParameterValue"] for one in Parameters})

    def update_stack(self, StackName: str, Parameters: list[dict[str, Any]], **body: Any) -> None:  # noqa: N803 - boto3's names
        self._require_place_of(StackName)
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
        if secret := self.cloud.parameters[StackName].get("OriginSecret"):
            self.cloud.in_flight = {secret}
        self.cloud.watch()

    def _change(self, name: str, changed: dict[str, str]) -> None:
        self.cloud.told.append((name, changed))
        if self.cloud.fails != name:
            self.cloud.parameters[name] = {**self.cloud.parameters.get(name, {}), **changed}
        if "OriginSecret" in changed:
            self.cloud.in_flight.add(changed["OriginSecret"])
        self.cloud.watch()

    def _require_place_of(self, name: str) -> None:
        assert (self.region_name == "us-east-1") == name.endswith("-edge")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr("boto3.Session", made.session)
    monkeypatch.delenv("AWS_REGION", raising=False)
    return made


def run(*arguments: str) -> int:
    return edge.main(["--stack", "s", *arguments])


def test_a_new_edge_gets_the_domains_and_a_secret_and_the_records_lead_to_it(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--parameters", f"{CERTIFICATE} ManagedRules=Block") == 0
    (name, made), (other, changed) = cloud.told
    assert (name, other) == ("s-edge", "s")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", made["OriginSecret"])
    assert made["OriginSecretDigest"] == edge.digest(made["OriginSecret"])
    assert (made["AuthDomainName"], made["AuthOrigin"]) == ("login.example.com", TARGETS["AuthDomainTarget"])
    assert (made["DomainName"], made["Origin"], made["ManagedRules"]) == ("api.example.com", "d-b.example", "Block")
    assert changed == {"AuthEdgeTarget": "d1.cloudfront.net", "EdgeTarget": "d2.cloudfront.net"}
    assert cloud.digests == ""  # nothing is required yet: names lead past the edge for a while
    told = capsys.readouterr()
    assert "login.example.com: d1.cloudfront.net" in told.out
    assert "make edge-secret STACK=s" in told.out
    assert "$5.00" in told.out
    assert made["OriginSecret"] not in told.out + told.err


def test_an_edge_that_is_there_keeps_its_secret(cloud: Cloud) -> None:
    run("--parameters", CERTIFICATE)
    before = cloud.parameters["s-edge"]
    cloud.told.clear()
    assert run("--parameters", "RequestsPerAddress=500") == 0
    assert "OriginSecret" not in dict(cloud.told)["s-edge"]
    assert cloud.parameters["s-edge"] == {**before, "RequestsPerAddress": "500"}


def test_no_request_is_refused_while_the_secret_is_replaced(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """The first time, when the stack begins to require one, and again after that."""
    run("--parameters", CERTIFICATE)
    moments: list[tuple[int, bool]] = []
    cloud.watch = lambda: moments.append((len(cloud.in_flight), all(map(cloud.takes, cloud.in_flight))))
    used = set(cloud.in_flight)
    for _ in range(2):
        cloud.told.clear()
        assert run("--rotate") == 0
        assert [name for name, _ in cloud.told] == ["s", "s-edge", "s"]
        (secret,) = cloud.in_flight
        assert cloud.digests == edge.digest(secret)
        assert not any(map(cloud.takes, used)), "a secret that was replaced is good for nothing"
        used.add(secret)
    assert (2, True) in moments, "while CloudFront sends either of them"
    assert all(taken for _, taken in moments)
    told = capsys.readouterr()
    assert not [secret for secret in used if secret in told.out + told.err]


@pytest.mark.parametrize("failing", ["s", "s-edge"])
def test_a_rotation_that_failed_is_taken_up_again(failing: str, cloud: Cloud) -> None:
    run("--parameters", CERTIFICATE)
    run("--rotate")
    (before,) = cloud.in_flight
    cloud.fails = failing
    assert run("--rotate") == 1
    assert cloud.takes(before)
    cloud.fails = ""
    cloud.in_flight = {before}  # CloudFormation has taken it back
    assert run("--rotate") == 0
    (after,) = cloud.in_flight
    assert (cloud.takes(before), cloud.takes(after)) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "changed", "why"),
    [
        ((), {}, "needs CertificateArn"),
        (("--parameters", f"{CERTIFICATE} OriginSecret=mine"), {}, "OriginSecret: docs/deploy.md"),
        (("--parameters", f"{CERTIFICATE} Origin=elsewhere.example"), {}, "Origin: docs/deploy.md"),
        (("--parameters", "CertificateArn"), {}, "write NAME=VALUE"),
        (("--parameters", CERTIFICATE), {"AuthDomainName": "", "DomainName": ""}, "a name of your own"),
        (("--rotate",), {}, "make edge STACK=s"),
    ],
    ids=["certificate", "secret", "origin", "no value", "domains", "no edge"],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    arguments: tuple[str, ...],
    changed: dict[str, str],
    why: str,
    cloud: Cloud,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud.parameters["s"] |= changed
    if changed:
        monkeypatch.setattr(f"{__name__}.TARGETS", {})
    assert run(*arguments) == 2
    assert why in capsys.readouterr().err
    assert not cloud.told


def test_a_stack_of_an_earlier_release_is_refused(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    del cloud.parameters["s"]["OriginSecretDigests"]
    assert run("--parameters", CERTIFICATE) == 2
    assert "make deploy STACK=s" in capsys.readouterr().err
