"""The token hook as functions call it: one invocation, bounded in time, and a line of the log where it fails."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from authserver.aws.token_hook import CONNECT_TIMEOUT, READ_TIMEOUT
from tests.coldstart.imports import start
from tests.functions.flowing import HOOK, asking_the_hook
from tests.functions.gateway import Gateway
from tests.functions.journey import machine, web
from tests.functions.simulated_aws import Call, Fault
from tests.functions.world import World

SECRET = "a-claim-that-no-log-is-to-have"


class Hook:
    """An operator's own function; what it answers a test may change."""

    def __init__(self) -> None:
        self.answer: Any = {}

    def __call__(self, question: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def hook(world: World) -> Iterator[Hook]:
    hook = Hook()
    with asking_the_hook(world, hook):
        yield hook


def asked(world: World) -> list[Call]:
    return [call for call in world.aws.calls if call.table == "TokenHook"]


def test_hook_is_asked_once_for_each_issue_and_its_claims_are_told(world: World, hook: Hook) -> None:
    hook.answer = {"claims": {"access_token": {"tier": "gold"}, "userinfo": {"tier": "silver"}}}
    app = web(Gateway(world))
    tokens = app.tokens()
    assert [call.function for call in asked(world)] == ["token"]
    assert app.post("/introspect", token=tokens["access_token"]).json()["tier"] == "gold"
    told = app.gateway.call("GET", "/userinfo", f"Bearer {tokens['access_token']}").json()
    assert told["tier"] == "silver"
    assert [call.request["trigger"] for call in asked(world)] == ["authorization_code", "userinfo"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (RuntimeError(SECRET), "token_hook_error"),
        ({"claims": {"access_token": {"sub": SECRET}}}, "token_hook_reserved"),
        ({"claims": {"access_token": {"tier": SECRET * 100}}}, "token_hook_too_large"),
        ({"claims": {"access_token": {"tier": SECRET * 5000}}}, "token_hook_too_large"),
        ({"claims": {"access_token": {"tier": float("nan")}}}, "token_hook_malformed"),
        ([SECRET], "token_hook_malformed"),
    ],
)
def test_failure_is_a_metric_of_its_own_and_the_log_has_nothing_of_the_answer(
    answer: Any, reason: str, world: World, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.answer = answer
    assert machine(Gateway(world)).own_token().status == 503
    text = capsys.readouterr().out
    failed, request = (json.loads(line) for line in text.splitlines())
    assert (failed["route"], failed["status"], failed["reason"]) == ("token hook", 502, reason)
    assert failed["outcome"] == "dependency"
    assert (request["status"], request["reason"]) == (503, reason)
    assert SECRET not in text
    assert len(asked(world)) == 1


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.THROTTLED, Fault.INTERNAL, Fault.DENIED, Fault.LOST])
def test_invocation_that_fails_is_not_repeated(fault: Fault, world: World, hook: Hook) -> None:
    assert hook.answer == {}
    world.aws.plan = lambda call: fault if call.table == "TokenHook" else None
    answer = machine(Gateway(world)).own_token()
    assert (answer.status, answer.error) == (503, "temporarily_unavailable")
    assert len(asked(world)) == 1


def test_where_failures_do_not_matter_the_token_is_issued_without_it(world: World, hook: Hook) -> None:
    hook.answer = RuntimeError(SECRET)
    with asking_the_hook(world, hook, TokenHookOnFailure="Continue"):
        assert machine(Gateway(world)).own_token().status == 200


def test_waiting_ends_after_a_second(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be reached and to answer, together."""
    made: list[Any] = []
    one_client = world._client

    def noted(service: str, **options: Any) -> Any:
        made.append(options["config"])
        return one_client(service, **options)

    monkeypatch.setattr(world, "_client", noted)
    with asking_the_hook(world, Hook()):
        made.clear()
        assert machine(Gateway(world)).own_token().status == 200
    (config,) = made
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT, READ_TIMEOUT)
    assert CONNECT_TIMEOUT + READ_TIMEOUT <= 1
    assert config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize("name", ["token", "refresh", "userinfo"])
def test_hook_costs_a_start_two_modules_and_boto3_comes_with_the_first_question(name: str) -> None:
    off, on = start(name), start(name, TOKEN_HOOK=HOOK["TokenHook"])
    assert on.modules - off.modules == {"authserver.aws.token_hook", "authserver.ports"}
