"""A deployment behind CloudFront: each function takes requests from there alone, and those are of their viewers."""

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.functions.events import request_authorizer_event
from tests.functions.flowing import sending_mails
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import machine
from tests.functions.world import FUNCTIONS, ROOT, World

SECRET = "secret-of-the-edge"
BEHIND = {"edge_secret_digests": sha256(SECRET.encode()).hexdigest()}
EVENTS = {
    file.parent.name: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((ROOT / "events").glob("*/*.json"), reverse=True)
}
"""One of each function."""
OF_APIS = sorted(name for name, event in EVENTS.items() if "requestContext" in event and "type" not in event)


def behind(event: dict[str, Any], secret: str = SECRET, viewer: str = "198.51.100.4:46532") -> dict[str, Any]:
    """The event where its API has an edge, through which it came."""
    added = {"x-origin-verify": secret, "cloudfront-viewer-address": viewer} if secret else {}
    headers = {**event["headers"], **added}
    repeated = {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
    variables = {**(event.get("stageVariables") or {}), **BEHIND}
    return {**event, "headers": headers, "stageVariables": variables, **(repeated if "resource" in event else {})}


def test_every_function_of_an_api_is_among_them() -> None:
    others = {"authorizer", "canary", "deliver", "documents", "erase", "mail", "publish", "rotate_keys", "seal"}
    assert set(FUNCTIONS) == {*OF_APIS, *others}


@pytest.mark.parametrize("name", OF_APIS)
def test_a_request_past_the_edge_is_refused_before_anything_is_read(name: str, world: World) -> None:
    world.invoke(name, behind(EVENTS[name], ""))  # a cold start loads keys
    world.aws.calls.clear()
    for secret in ("", "wrong"):
        answer = Answer.of(world.invoke(name, behind(EVENTS[name], secret)))
        assert (answer.status, answer.body) == (403, '{"message":"Forbidden"}')
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
    assert not world.aws.calls


def test_the_authorizer_lets_no_request_past_the_edge(gateway: Gateway) -> None:
    """Nor does it tell a good token from a bad one there. It answers no policy: one that API Gateway keeps would refuse
    the same token to who comes through the edge."""
    world, token = gateway.world, machine(gateway).own_token(scope="read").json()["access_token"]

    def ask(presented: str, secret: str) -> Any:
        headers = {"Authorization": f"Bearer {presented}"}
        event = request_authorizer_event("GET", "/items", resource=world.resource, headers=headers)
        return world.invoke("authorizer", behind(event, secret))

    assert ask(token, SECRET)["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    world.aws.calls.clear()
    for presented in (token, "garbage"):
        for secret in ("", "wrong"):
            with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
                ask(presented, secret)
    assert not world.aws.calls


def test_each_viewer_has_a_throttle_of_their_own(world: World) -> None:
    """Behind CloudFront all come from one address, by which one would use up the attempts of everybody."""
    gateway = Gateway(world)

    def ask(viewer: str, number: int = 0) -> int:
        event = gateway.event("POST", "/recover", form={"username": f"nobody-{number}"})
        return Answer.of(world.invoke("recover", behind(event, viewer=viewer))).status

    with sending_mails(world):
        tried = [ask("198.51.100.4:46532", number) for number in range(52)]
        assert (tried[0], tried[-1]) == (303, 429)
        assert ask("[2001:db8::7]:443") == 303
        # Without an edge, these headers are a client's own words.
        words = {"x-origin-verify": SECRET, "cloudfront-viewer-address": "198.51.100.4:46532"}
        assert gateway.post("/recover", {"username": "nobody"}, headers=words).status == 303
