"""`make edge` and `make edge-secret` on a CloudFormation of our own: what is told to which stack, in which order."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
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


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr("boto3.Session", made.session)
    monkeypatch.setattr("time.sleep", made.sleep)
    monkeypatch.delenv("AWS_REGION", raising=False)
    return made


def run(*arguments: str) -> int:
    return edge.main(["--stack", "s", *arguments])


def test_a_new_edge_gets_the_domains_and_a_secret_and_the_records_lead_to_it(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--parameters", f"{CERTIFICATE} ManagedRules=Block") == 0
    (name, made), (other, changed) = cloud.told
    assert (name, other) == (EDGE, "s")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", made["OriginSecret"])
    assert made["OriginSecretDigest"] == edge.digest(made["OriginSecret"])
    assert (made["AuthDomainName"], made["AuthOrigin"]) == ("login.example.com", TARGETS["AuthDomainTarget"])
    assert (made["DomainName"], made["Origin"], made["ManagedRules"]) == ("api.example.com", "d-b.example", "Block")
    assert changed == {"AuthEdgeTarget": "d1a.cloudfront.net", "EdgeTarget": "d1r.cloudfront.net"}
    assert [cloud.digests(api) for api in DIGESTS] == [
        "",
        "",
    ]  # nothing is required yet: names lead past the edge for a while
    told = capsys.readouterr()
    assert "login.example.com: d1a.cloudfront.net" in told.out
    assert "make edge-secret STACK=s" in told.out
    assert "$5.00" in told.out
    assert made["OriginSecret"] not in told.out + told.err


def test_an_edge_that_is_there_keeps_its_secret(cloud: Cloud) -> None:
    run("--parameters", CERTIFICATE)
    before = cloud.parameters[EDGE]
    cloud.told.clear()
    assert run("--parameters", "RequestsPerAddress=500") == 0
    assert "OriginSecret" not in dict(cloud.told)[EDGE]
    assert cloud.parameters[EDGE] == {**before, "RequestsPerAddress": "500"}


def test_no_request_is_refused_while_the_secret_is_replaced(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """The first time, when the stack begins to require one, and again after that."""
    run("--parameters", CERTIFICATE)
    moments: list[tuple[int, bool]] = []
    cloud.watch = lambda: moments.append((len(cloud.in_flight), all(map(cloud.takes, cloud.in_flight))))
    used = set(cloud.in_flight)
    for _ in range(2):
        cloud.told.clear()
        assert run("--rotate") == 0
        assert [name for name, _ in cloud.told] == ["s", EDGE, "s"]
        (secret,) = cloud.in_flight
        assert [cloud.digests(api) for api in DIGESTS] == [edge.digest(secret)] * 2
        assert not any(map(cloud.takes, used)), "a secret that was replaced is good for nothing"
        used.add(secret)
    assert (2, True) in moments, "while CloudFront sends either of them"
    assert all(taken for _, taken in moments)
    told = capsys.readouterr()
    assert not [secret for secret in used if secret in told.out + told.err]


@pytest.mark.parametrize("failing", ["s", EDGE])
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


@pytest.mark.parametrize("again", ["--rotate", f"--parameters={CERTIFICATE}"], ids=["edge-secret", "edge"])
@pytest.mark.parametrize("ends", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
@pytest.mark.parametrize("left", ["s", EDGE])
def test_what_an_interrupted_run_began_is_waited_for(left: str, ends: str, again: str, cloud: Cloud) -> None:
    """CloudFormation goes on with it, and CloudFront sends either secret meanwhile."""
    run("--parameters", CERTIFICATE)
    run("--rotate")
    cloud.left = left
    with pytest.raises(KeyboardInterrupt):
        run("--rotate")
    assert len(cloud.in_flight) == (2 if left == EDGE else 1)
    cloud.left = ""
    if left == EDGE:
        cloud.becomes[EDGE] = ends
    refused: list[str] = []
    cloud.watch = lambda: refused.extend(one for one in cloud.in_flight for api in EDGES if not cloud.takes(one, api))
    assert run(again) == 0
    assert cloud.slept
    assert not refused
    assert run("--rotate") == 0
    assert not refused
    (secret,) = cloud.in_flight
    assert [cloud.digests(api) for api in DIGESTS] == [edge.digest(secret)] * 2


@pytest.mark.parametrize("arguments", [("--rotate",), ("--parameters", CERTIFICATE)], ids=["edge-secret", "edge"])
@pytest.mark.parametrize("name", ["s", EDGE])
@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_takes_no_update_is_refused_before_anything_is_changed(
    status: str,
    name: str,
    arguments: tuple[str, ...],
    cloud: Cloud,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("--parameters", CERTIFICATE)
    cloud.told.clear()
    cloud.status[name] = cloud.becomes[name] = status  # and stays so
    monkeypatch.setattr(cloud, "finish", lambda _name: None)
    assert run(*arguments) == 2
    assert f"{name} is {status}" in capsys.readouterr().err
    assert not cloud.told


@pytest.mark.parametrize("arguments", [("--rotate",), ("--parameters", CERTIFICATE)], ids=["edge-secret", "edge"])
@pytest.mark.parametrize("name", ["s", EDGE])
@pytest.mark.parametrize("begins", ["ROLLBACK_COMPLETE", "ROLLBACK_IN_PROGRESS"])
def test_a_stack_whose_creation_failed_is_to_be_deleted(
    begins: str, name: str, arguments: tuple[str, ...], cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """To run the command again after would not help. The edge is in another region than the stack."""
    run("--parameters", CERTIFICATE)
    cloud.told.clear()
    cloud.status[name], cloud.becomes[name] = begins, "ROLLBACK_COMPLETE"
    assert run(*arguments) == 2
    region = "us-east-1" if name == EDGE else "eu-central-1"
    told = capsys.readouterr().err
    assert f"aws cloudformation delete-stack --region {region} --stack-name {name}" in told
    assert "run this again after" not in told
    assert not cloud.told


@pytest.mark.parametrize(
    ("argument", "code", "why"), [("--rotate", 2, "There is no edge"), (CERTIFICATE, 2, "change set")]
)
def test_a_change_set_of_an_edge_that_was_never_created_is_not_waited_for(
    argument: str, code: int, why: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--parameters", CERTIFICATE)
    cloud.told.clear()
    cloud.status[EDGE] = cloud.becomes[EDGE] = "REVIEW_IN_PROGRESS"
    assert run(*(["--rotate"] if argument == "--rotate" else ["--parameters", argument])) == code
    assert cloud.slept == 0
    told = capsys.readouterr().err
    assert why in told
    assert argument == "--rotate" or f"delete-stack --region us-east-1 --stack-name {EDGE}" in told
    assert not cloud.told


def test_an_edge_by_the_name_of_an_earlier_version_is_not_taken_for_none(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.parameters["s"] |= {"AuthEdgeTarget": "d0a.cloudfront.net", "EdgeTarget": "d0r.cloudfront.net"}
    assert run("--rotate") == 2
    told = capsys.readouterr().err
    assert f"There is no edge {EDGE}, and the stack leads to d0a.cloudfront.net and d0r.cloudfront.net" in told
    assert "s-edge," in told
    assert not cloud.told


def test_what_another_run_does_while_the_first_stack_is_waited_for_is_seen(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run before has the stack take both secrets, and then gives CloudFront the new one."""
    run("--parameters", CERTIFICATE)
    run("--rotate")
    fresh = edge.new_secret()
    both = f"{cloud.parameters[EDGE]['OriginSecretDigest']},{fresh['OriginSecretDigest']}"
    cloud.parameters["s"] |= dict.fromkeys(DIGESTS.values(), both)
    cloud.status["s"] = "UPDATE_IN_PROGRESS"

    def sleep(seconds: float) -> None:
        cloud.sleep(seconds)
        if cloud.slept == 1:
            Region(cloud, "us-east-1").update_stack(
                EDGE,
                [{"ParameterKey": name, "ParameterValue": fresh.get(name, "")} for name in cloud.parameters[EDGE]],
                UsePreviousTemplate=True,
            )

    monkeypatch.setattr("time.sleep", sleep)
    refused: list[str] = []
    cloud.watch = lambda: refused.extend(one for one in cloud.in_flight for api in EDGES if not cloud.takes(one, api))
    assert run("--rotate") == 0
    assert not refused
    (secret,) = cloud.in_flight
    assert [cloud.digests(api) for api in DIGESTS] == [edge.digest(secret)] * 2


@pytest.mark.parametrize("changed", ["s", EDGE])
def test_a_rotation_that_another_run_overtakes_ends_there(
    changed: str, cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While this run waits for one stack, another run changes the other stack, and CloudFront sends its secret."""
    run("--parameters", CERTIFICATE)
    run("--rotate")
    (before,) = cloud.in_flight
    finish = cloud.finish

    def overtake(name: str) -> None:
        monkeypatch.setattr(cloud, "finish", finish)
        finish(name)
        other = edge.new_secret()
        cloud.parameters["s"] |= dict.fromkeys(DIGESTS.values(), f"{edge.digest(before)},{other['OriginSecretDigest']}")
        if changed == EDGE:
            cloud.parameters[EDGE] |= other
            cloud.in_flight = {other["OriginSecret"]}

    def wait(name: str) -> None:
        finish(name) if name == changed else overtake(name)

    monkeypatch.setattr(cloud, "finish", wait)
    cloud.told.clear()
    assert run("--rotate") == 1
    assert f"Another run has changed the stack {changed} meanwhile" in capsys.readouterr().err
    assert [name for name, _ in cloud.told] == (["s"] if changed == EDGE else ["s", EDGE])
    monkeypatch.setattr(cloud, "finish", finish)
    assert run("--rotate") == 0
    (secret,) = cloud.in_flight
    assert [cloud.digests(api) for api in DIGESTS] == [edge.digest(secret)] * 2


def test_an_edge_that_is_being_deleted_is_made_again_when_it_is_gone(cloud: Cloud) -> None:
    run("--parameters", CERTIFICATE)
    cloud.status[EDGE], cloud.becomes[EDGE] = "DELETE_IN_PROGRESS", "DELETE_COMPLETE"
    assert run("--parameters", CERTIFICATE) == 0
    assert cloud.parameters["s"]["AuthEdgeTarget"] == "d2a.cloudfront.net"


def test_what_is_refused_after_a_change_is_not_called_nothing(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the credentials end while CloudFront takes its time."""
    run("--parameters", CERTIFICATE)

    def refuse(_region: Region, **_: Any) -> None:
        raise refused_by_aws("The security token included in the request is expired")

    cloud.watch = lambda: monkeypatch.setattr(Region, "describe_stacks", refuse)
    assert run("--rotate") == 1
    told = capsys.readouterr().err
    assert "Not finished" in told
    assert "Nothing is done" not in told


def test_stacks_of_one_name_in_two_regions_have_an_edge_each(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--parameters", CERTIFICATE)
    before = dict(cloud.parameters[EDGE])
    monkeypatch.setattr("boto3.Session", lambda region_name="us-west-2": cloud.session(region_name))
    assert run("--parameters", CERTIFICATE) == 0
    assert cloud.parameters[EDGE] == before
    assert "s-edge-us-west-2" in cloud.parameters


def test_a_name_that_leaves_no_room_for_that_of_an_edge_is_refused(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = edge.LONGEST - len("-edge-eu-central-1")
    assert len(edge.edge_name("s" * longest, "eu-central-1")) == edge.LONGEST
    assert edge.main(["--stack", "s" * (longest + 1), "--rotate"]) == 2
    assert "longer than 118 characters" in capsys.readouterr().err
    assert not cloud.told


def test_a_second_domain_is_taken_past_its_edge_until_its_secret_is_required(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """Resolvers remember for a while where its name led, as at the first."""
    cloud.parameters["s"]["DomainName"] = ""
    run("--parameters", CERTIFICATE)
    run("--rotate")
    assert cloud.digests("resource") == ""
    cloud.parameters["s"]["DomainName"] = "api.example.com"
    assert run("--parameters", CERTIFICATE) == 0
    assert cloud.parameters["s"]["EdgeTarget"] == "d1r.cloudfront.net"
    assert (cloud.takes("", "auth"), cloud.takes("", "resource")) == (False, True)
    told = capsys.readouterr().out
    assert "Past the edge, api.example.com still answers" in told
    assert run("--rotate") == 0
    assert (cloud.takes("", "auth"), cloud.takes("", "resource")) == (False, False)


@pytest.mark.parametrize("taken", [1, 2])
def test_an_edge_in_place_of_another_is_taken_before_names_lead_to_it(
    taken: int, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--parameters", CERTIFICATE)
    run("--rotate")
    (earlier,) = cloud.in_flight
    if taken == 2:
        for name in DIGESTS.values():
            cloud.parameters["s"][name] += f",{'0' * 64}"
    del cloud.parameters[EDGE]
    capsys.readouterr()
    refused: list[str] = []

    def watch() -> None:
        led = "AuthEdgeTarget" in cloud.told[-1][1]
        refused.extend(one for one in cloud.in_flight for api in EDGES if led and not cloud.takes(one, api))

    cloud.watch = watch
    assert run("--parameters", CERTIFICATE) == 0
    (secret,) = cloud.in_flight
    assert cloud.parameters["s"]["AuthEdgeTarget"] == "d2a.cloudfront.net"
    assert not refused
    for api in DIGESTS:
        assert cloud.digests(api) == f"{edge.digest(earlier)},{edge.digest(secret)}"
    assert "another secret than that of this edge" in capsys.readouterr().out
    assert run("--rotate") == 0
    assert not cloud.takes(earlier)


def test_an_edge_in_place_of_another_is_taken_after_an_interrupted_run_too(cloud: Cloud) -> None:
    run("--parameters", CERTIFICATE)
    run("--rotate")
    del cloud.parameters[EDGE]
    cloud.left = EDGE
    with pytest.raises(KeyboardInterrupt):
        run("--parameters", CERTIFICATE)
    cloud.left = ""
    assert run("--parameters", CERTIFICATE) == 0
    (secret,) = cloud.in_flight
    assert all(cloud.takes(secret, api) for api in DIGESTS)


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


@pytest.mark.parametrize("name", DIGESTS.values())
def test_a_stack_of_an_earlier_release_is_refused(name: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    del cloud.parameters["s"][name]
    assert run("--parameters", CERTIFICATE) == 2
    assert "make deploy STACK=s" in capsys.readouterr().err
