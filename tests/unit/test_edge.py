"""Requests that come through CloudFront: which secrets are taken, and how CloudFront writes an address."""

from hashlib import sha256
from typing import Any

import pytest

from authserver.aws.apigateway import NO_EDGE, source_of
from authserver.errors import NotThroughEdge

SECRET, NEXT = "first-secret-of-the-edge", "second-secret-of-the-edge"


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def event(
    *secrets: str, viewers: tuple[str, ...] = ("198.51.100.4:46532",), digests: str = digest(SECRET), rest: bool = False
) -> dict[str, Any]:
    """An event of an API with an edge, in either payload format, with headers as API Gateway hands repeated ones on."""
    headers = {"X-Origin-Verify": secrets, "CloudFront-Viewer-Address": viewers}
    if rest:
        told: dict[str, Any] = {
            "headers": {name: values[-1] for name, values in headers.items() if values},
            "multiValueHeaders": {name: list(values) for name, values in headers.items() if values},
            "requestContext": {"identity": {"sourceIp": "203.0.113.7"}},
        }
    else:
        told = {
            "version": "2.0",
            "headers": {name.lower(): ",".join(values) for name, values in headers.items() if values},
            "requestContext": {"http": {"sourceIp": "203.0.113.7"}},
        }
    return {**told, "stageVariables": {"edge_secret_digests": digests} if digests else None}


def refused(called: dict[str, Any]) -> str:
    with pytest.raises(NotThroughEdge) as refusal:
        source_of(called)
    return refusal.value.reason


@pytest.mark.parametrize("rest", [False, True], ids=["http", "rest"])
@pytest.mark.parametrize(
    ("viewer", "address"),
    [
        ("198.51.100.4:46532", "198.51.100.4"),
        ("1.2.3.4:443", "1.2.3.4"),
        ("[::1]:443", "::1"),
        ("[2001:db8::7]:46532", "2001:db8::7"),
        ("2001:db8::7:46532", "2001:db8::7"),
        ("2001:db8:0:0:0:0:0:7:46532", "2001:db8:0:0:0:0:0:7"),
    ],
)
def test_the_viewer_is_the_source(viewer: str, address: str, *, rest: bool) -> None:
    assert source_of(event(SECRET, viewers=(viewer,), rest=rest)) == address


@pytest.mark.parametrize("rest", [False, True], ids=["http", "rest"])
@pytest.mark.parametrize(
    "secrets",
    [(), ("",), ("wrong",), (SECRET, SECRET), ("wrong", SECRET), (SECRET, "wrong"), (digest(SECRET),), ("\udcff",)],
    ids=["none", "empty", "wrong", "twice", "wrong first", "wrong last", "digest", "no text"],
)
def test_a_request_without_the_secret_is_refused(secrets: tuple[str, ...], *, rest: bool) -> None:
    """Whatever it says of its viewer. A stage that has no edge asks for none, and believes nothing."""
    assert refused(event(*secrets, rest=rest)) == "edge_missing"
    for none in ("", NO_EDGE):
        assert source_of(event(*secrets, rest=rest, digests=none)) == "203.0.113.7"
        assert source_of(event(SECRET, rest=rest, digests=none)) == "203.0.113.7"


def test_two_secrets_are_taken_while_one_replaces_the_other() -> None:
    both = f"{digest(SECRET)},{digest(NEXT)}"
    assert [source_of(event(one, digests=both)) for one in (SECRET, NEXT)] == ["198.51.100.4"] * 2
    assert refused(event("third", digests=both)) == "edge_missing"
    assert refused(event(SECRET, digests=digest(NEXT))) == "edge_missing"


@pytest.mark.parametrize("rest", [False, True], ids=["http", "rest"])
@pytest.mark.parametrize(
    "viewers",
    [
        *((), ("",), ("198.51.100.4",), ("198.51.100.4:",), ("198.51.100.4:port",), (":443",), ("[]:443",)),
        *(
            ("2001:db8::7",),
            ("[2001:db8::7]",),
            ("[198.51.100.4]:1]:443",),
            ("fe80::1%eth0:443",),
            ("host.example:443",),
        ),
        *(("1.2.3:443",), ("1.2.3.4:443", "5.6.7.8:443"), ("1.2.3.4:443, 5.6.7.8:443",), ("1.2.3.4:٤٤٣",)),
    ],
    ids=repr,
)
def test_a_viewer_that_cannot_be_read_is_nobody(viewers: tuple[str, ...], *, rest: bool) -> None:
    """The distribution is not as it has to be: served with CloudFront's own address, all would share one throttle."""
    assert refused(event(SECRET, viewers=viewers, rest=rest)) == "edge_without_viewer"
