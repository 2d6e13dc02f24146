"""`make edge` and `make edge-secret` on a CloudFormation of our own: what is told to which stack, in which order."""

import re
from typing import Any

import pytest

from scripts import edge
from tests.deploy.clouds import CERTIFICATE, DIGESTS, EDGE, EDGES, TARGETS, Cloud, Region, refused_by_aws


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
        monkeypatch.setattr("tests.deploy.clouds.TARGETS", {})
    assert run(*arguments) == 2
    assert why in capsys.readouterr().err
    assert not cloud.told


@pytest.mark.parametrize("name", DIGESTS.values())
def test_a_stack_of_an_earlier_release_is_refused(name: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    del cloud.parameters["s"][name]
    assert run("--parameters", CERTIFICATE) == 2
    assert "make deploy STACK=s" in capsys.readouterr().err
