"""A provider that fails, and what the browser and the log are told of it (SECURITY section 6, F18)."""

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

import authserver.identity.fetch
from tests.functions.federation import WORK, FederatedPerson, configure, federated, federated_person
from tests.functions.gateway import Gateway
from tests.functions.simulated_aws import Fault
from tests.functions.situations import FAULTS, Ask, Situation, is_unavailable
from tests.functions.world import World
from tests.openid_provider import OpenIdProvider, serving

HOSTILE = "<script>alert(1)</script>call this number"
real_sleep = time.sleep


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(50):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        real_sleep(0.02)


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "http://169.254.169.254/latest/meta-data/")
    handler.end_headers()


def flood(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" " * 16_384)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (drip, "timeout"),
        (redirect, "redirect"),
        (flood, "too_large"),
        ({"error": HOSTILE, "error_description": HOSTILE}, "without_id_token"),
    ],
)
@pytest.mark.parametrize("status", [200])
def test_a_provider_that_fails_ends_in_a_page_soon(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., None], reason: str, status: int
) -> None:
    monkeypatch.setattr(authserver.identity.fetch, "SECONDS", 0.3)
    journal = io.StringIO()
    with federated(world) as provider, contextlib.redirect_stdout(journal):
        person = federated_person(world)
        location = provider.authorize(person.choose(person.arrive()).location)
        provider.answers["/token"] = status, answer
        began = time.monotonic()
        page = person.come_back(location)
    assert time.monotonic() - began < 2
    assert page.status == 502
    assert page.cookies == ()
    assert page.headers["cache-control"] == "no-store"
    assert "form-action 'none'" in page.headers["content-security-policy"]
    assert f"{world.issuer}/login?request=rq_" in page.body
    assert f"federation_token_{reason}" in journal.getvalue()
    assert "call this number" not in page.body + journal.getvalue()
    assert "__Host-session" not in person.cookies


@pytest.mark.rfc("9700", "4.5")
@pytest.mark.parametrize("leg", ["there", "back"])
def test_whichever_call_fails_nobody_is_signed_in_and_the_next_try_works(leg: str, world: World) -> None:
    """F1: DynamoDB and KMS, on the way to the provider and on the way back."""
    with federated(world) as provider:

        def set_out(gateway: Gateway) -> tuple[str, Ask]:
            person = FederatedPerson(gateway)
            page = person.arrive()
            if leg == "there":
                return "federate", lambda: person.choose(page)
            there = person.choose(page).location
            return "federate", lambda: person.come_back(provider.authorize(there))

        situation = Situation(world, set_out, {"LoopbackUpstreams": "true"})
        usual = situation.answer_with(None)
        assert len(situation.calls) > 3
        for number, call in enumerate(situation.calls):
            for fault in (FAULTS[number % len(FAULTS)], Fault.LOST):
                answer = situation.answer_with(situation.from_call(number, fault))
                if call.prefixes == ("activity",):  # written down after all is done
                    assert answer.status == usual.status
                    continue
                assert (answer.status, answer.cookies) == (503, ()), (number, call, fault)
                is_unavailable(answer)
                assert federated_person(world).sign_in_at(provider).status == 303
                once = situation.answer_with(situation.only_call(number, fault))
                assert (once.status, len(once.cookies)) == (usual.status, len(usual.cookies)), (number, call, fault)


def test_loopback_is_out_of_reach_unless_the_operator_said_so(world: World) -> None:
    with serving(lambda issuer: OpenIdProvider(issuer, lambda: int(world.clock.time()))) as provider:
        for issuer in (provider.issuer, provider.issuer.replace("http:", "https:")):
            configure(world, replace(WORK, issuer=issuer))
            with world.using(login=world.load("login"), federate=world.load("federate")):
                person = federated_person(world)
                assert person.choose(person.arrive()).status == 502
        assert provider.fetched == []


def test_without_providers_the_sign_in_page_is_as_it_was_and_asks_once_a_minute(world: World) -> None:
    with world.using(login=world.load("login")):
        for _ in range(3):
            page = federated_person(world).arrive()
            assert 'federate"' not in page.body
            assert "with your organisation" not in page.body
        lists = [call for call in world.aws.calls if call.operation == "Query"]
        assert len(lists) == 1
