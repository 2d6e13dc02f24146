"""What is written down: one line a request, with its metric, and never anything that was sent or issued."""

import contextlib
import itertools
import json
import logging
import os
import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from authserver.aws import log
from authserver.aws.log import _latency, _subject_key, _who, hash_of_subject, outcome_of, told
from authserver.aws.logger import logger
from authserver.errors import OAuthError
from authserver.identity.begin import key_text
from authserver.values import Scope
from local.errors import RefusedError
from tests.functions.erasure_flows import delete
from tests.functions.estate import OPERATIONS, Furnished
from tests.functions.events import http_event, request_authorizer_event, rest_event
from tests.functions.federation import federated, federated_person
from tests.functions.flowing import authorizing_devices, having_api_keys, sending_mails
from tests.functions.flows import (
    API_KEY_FLOWS,
    BRIDGE_FLOWS,
    DEVICE_FLOWS,
    FLOWS,
    HOOK_FLOWS,
    LEGACY_FLOWS,
    MAIL_FLOWS,
    PLACEOS_FLOWS,
    REGISTRATION_FLOWS,
    WEBHOOK_FLOWS,
)
from tests.functions.gateway import Gateway, basic
from tests.functions.given import change_client, issue_opaque_tokens, let_keys_have, subject_of_alice
from tests.functions.journey import App, Browser, hidden_fields, machine, native, other, portal, web
from tests.functions.simulated_aws import Fault
from tests.functions.world import FUNCTIONS, World
from tests.openid_provider import CLIENT_SECRET

SECRET_NAMES = re.compile(
    r"code|device_code|user_code|recovery_code|credential|current|new|code_verifier|token|access_token|refresh_token|id_token|id_token_hint|client_secret|client_assertion|password|csrf|request"
    r"|registration_access_token|initial_access_token|code_challenge|nonce|state|authorization|cookie|cookies|set-cookie|location|username|login_hint|link|address|api_key|x-api-key"
)


EVERY_FLOW = (
    FLOWS
    | LEGACY_FLOWS
    | REGISTRATION_FLOWS
    | MAIL_FLOWS
    | DEVICE_FLOWS
    | BRIDGE_FLOWS
    | HOOK_FLOWS
    | PLACEOS_FLOWS
    | API_KEY_FLOWS
    | WEBHOOK_FLOWS
)
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


class Journal:
    """All that functions wrote: to the logger, to standard output and to standard error."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured
        self._text = ""

    @property
    def text(self) -> str:
        self._text += "".join(self._captured.readouterr())
        return self._text

    def clear(self) -> None:
        self._captured.readouterr()
        self._text = ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.split("\n") if line]


class StandardOutput:
    """Whatever is standard output when something is written; a logging handler keeps what it was when it was made."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Journal:
    monkeypatch.setattr(logger.registered_handler, "stream", StandardOutput())
    return Journal(capsys)


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """Every text of some length that stands under a telling name, anywhere in an event or an answer."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from secrets_in(inner, str(key).lower())
        case list() | tuple():
            for inner in value:
                yield from secrets_in(inner, name)
        case str() if name == "location" and not {"?", "#"} & set(value):
            return  # a page of ours, by its route
        case str() if name == "request" and not value.startswith("rq_"):
            return  # an event of the audit tells API Gateway's identifier of the request by this name
        case str() if SECRET_NAMES.fullmatch(name) and len(value) >= 6:
            yield value
            if name == "authorization":
                yield value.rpartition(" ")[2]


class Witness:
    """Notes everything secret that passes between the gateway and the functions."""

    def __init__(self, world: World) -> None:
        self.seen: set[str] = set()
        self._run = world.run
        world.run = self.run  # type: ignore[method-assign]  # looks at each line

    def run(self, name: str, module: Any, event: Any) -> Any:
        self._note(event)
        answer = self._run(name, module, event)
        self._note(answer or {})
        return answer

    def _note(self, message: Any) -> None:
        self.seen.update(secrets_in(message))
        location = urlsplit((message.get("headers") or {}).get("Location", ""))
        texts = [message.get("rawQueryString") or "", location.query, location.fragment]
        body = message.get("body") or ""
        texts.append(b64decode(body).decode() if message.get("isBase64Encoded") else body)
        for text in texts:
            self.seen.update(secrets_in([{name: value} for name, value in parse_qsl(text)]))
            with contextlib.suppress(ValueError):
                self.seen.update(secrets_in(json.loads(text)))
        for cookie in message.get("cookies") or ():
            self.seen.add(cookie.partition(";")[0].partition("=")[2])


@pytest.fixture
def witness(world: World) -> Iterator[Witness]:
    witness = Witness(world)
    yield witness
    del world.run


@pytest.mark.parametrize("name", EVERY_FLOW)
def test_a_flow_leaves_nothing_secret_in_the_log(
    name: str, world: World, witness: Witness, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger._logger, "level", logging.DEBUG)
    EVERY_FLOW[name](world)
    assert len(witness.seen) > 0 or name in (
        "rotate_keys",
        "rotate_keys_at_first",
        "read_the_metadata",
        "nothing_is_to_be_erased",
    )
    assert sorted(secret for secret in witness.seen if secret and secret in journal.text) == []


def test_the_witness_sees_secrets(world: World, witness: Witness) -> None:
    tokens = web(Gateway(world)).tokens()
    assert {tokens["access_token"], tokens["refresh_token"], "wonderland-demo"} <= witness.seen


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("GetItem", Fault.THROTTLED),
        ("BatchGetItem", Fault.RESET),
        ("UpdateItem", Fault.LOST),
        ("PutItem", Fault.INTERNAL),
        ("Decrypt", Fault.DENIED),
    ],
)
def test_a_fault_leaves_nothing_secret_in_the_log(
    operation: str, fault: Fault, world: World, witness: Witness, journal: Journal
) -> None:
    gateway = Gateway(world)
    issue_opaque_tokens(world, "demo-web")
    app, browser = web(gateway), Browser(gateway)
    tokens = app.tokens(browser)
    code = browser.go_through(app.request())["code"]
    fresh = {name: world.load(name) for name in ("authorize", "token", "revoke", "introspect")}
    with world.using(**fresh), world.aws.failing(lambda call: fault if call.operation == operation else None):
        app.exchange(code)
        app.refresh(tokens["refresh_token"])
        app.post("/introspect", token=tokens["access_token"])
        app.post("/revoke", token=tokens["access_token"])
        browser.authorize(app.request())
    assert sorted(secret for secret in witness.seen if secret and secret in journal.text) == []


@pytest.mark.parametrize("claims", [{}, {"nonce": "another"}])
def test_nothing_of_a_sign_in_elsewhere_is_in_the_log(
    claims: dict[str, Any], world: World, witness: Witness, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passes between this server and the provider, whether it ends well or not."""
    monkeypatch.setattr(logger._logger, "level", logging.DEBUG)
    with federated(world) as provider:
        provider.claims = claims
        answer = federated_person(world).sign_in_at(provider)
        assert answer.status == (502 if claims else 303)
        told = provider.told | witness.seen | {CLIENT_SECRET, "alice@work.example", "Alice at Work"}
    assert len(provider.told) == 6
    assert sorted(secret for secret in told if secret and secret in journal.text) == []


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.LOST])
def test_a_fault_of_management_leaves_nothing_secret_in_the_log(
    fault: Fault, furnished: Furnished, witness: Witness, journal: Journal
) -> None:
    """Every operation, with everything that is written failing."""
    world, estate = furnished
    gateway, stored = Gateway(world), world.aws.snapshot()
    for operation in OPERATIONS.values():
        world.restore(stored)
        with world.aws.failing(lambda call: fault if call.operation in WRITES else None):
            estate.call(gateway, operation)
    sent = {"another-upstream-secret", "a-new-upstream-secret", "through-the-looking-glass", "dora@a.example"}
    assert sorted(secret for secret in witness.seen | sent if secret and secret in journal.text) == []
    assert "dynamodb_" in journal.text


def test_an_unexpected_error_leaves_nothing_secret_in_the_log_nor_in_the_answer(
    world: World, gateway: Gateway, witness: Witness, journal: Journal, web_app: App
) -> None:
    tokens = web_app.tokens()

    def broken(_: Any) -> Any:
        return lambda answer: {"Responses": "nonsense"}

    with world.aws.failing(lambda call: broken(call) if call.operation == "BatchGetItem" else None):
        answer = web_app.refresh(tokens["refresh_token"])
    assert answer.status >= 500
    assert "Traceback" not in answer.body
    assert "nonsense" not in answer.body
    assert "Traceback" in journal.text
    assert sorted(secret for secret in witness.seen if secret and secret in journal.text) == []


# ------------------------------------------------------------------ one line

NEWLINE = '\n{"level":"ERROR","message":"forged"}\r\n{"level":"ERROR"}'


def test_text_of_users_cannot_make_a_line(world: World, gateway: Gateway, journal: Journal) -> None:
    parameters = dict.fromkeys(("client_id", "redirect_uri", "state", "scope", "grant_type", "username"), NEWLINE)
    headers = {"user-agent": NEWLINE, "authorization": NEWLINE, "x-amzn-trace-id": NEWLINE, "origin": NEWLINE}
    count = 0
    authorization_server = ("authorize", "login", "consent", "federate", "token", "refresh", "revoke", "introspect")
    for path in (*(f"/{name}" for name in authorization_server), "/register"):
        for method in ("GET", "POST", NEWLINE):
            gateway.send(method, path, query=parameters, form=parameters, headers=headers, cookies={"a": NEWLINE})
            count += 1
    for name in ("userinfo", "example_resource", "admin", "partner", "account"):
        world.invoke(name, rest_event(NEWLINE, "/userinfo", headers=headers))
        count += 1
    event = request_authorizer_event("GET", "/me", headers={"Authorization": NEWLINE}, path=f"/{NEWLINE}")
    with pytest.raises(RuntimeError):
        world.invoke("authorizer", event)
    count += 1
    assert journal.text.count("\n") == len(journal.lines) == count
    assert "\r" not in journal.text
    assert all("forged" not in line["message"] for line in journal.lines)


def is_a_metric(line: dict[str, Any]) -> bool:
    """CloudWatch's embedded metric format."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert directive["Metrics"] == [{"Name": "Latency", "Unit": "Milliseconds"}]
    assert line["Latency"] >= 0
    by_reason = [["reason"]] if line["outcome"] == "security" else []
    assert directive["Dimensions"] == [["outcome"], ["route"], *by_reason]
    assert all(isinstance(line[name], str) and 0 < len(line[name]) <= 1024 for (name,) in directive["Dimensions"])
    assert line["outcome"] == outcome_of(line["reason"])
    return bool(directive["Namespace"])


UNASKED = (
    "rotate_keys",
    "authorizer",
    "mail",
    "erase",
    "documents",
    "canary",
    "publish",
    "deliver",
    "seal",
)  # by no request


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in UNASKED])
def test_a_request_is_one_line_with_a_metric(name: str, world: World, journal: Journal) -> None:
    rest = name in ("userinfo", "example_resource")
    path = f"/{name}" if name != "metadata" else "/.well-known/jwks.json"
    event = rest_event("GET", path) if rest else http_event("GET", path, domain=world.domain)
    answer = world.invoke(name, event)
    (line,) = journal.lines
    assert is_a_metric(line)
    assert line["status"] == answer["statusCode"]
    assert line["route"].endswith(path)
    assert line["request_id"] == event["requestContext"]["requestId"]
    assert len(journal.text) < 1024


@pytest.mark.parametrize("fault", [None, Fault.THROTTLED, Fault.LOST])
def test_an_erasure_is_told_by_its_counts(fault: Fault | None, world: World, journal: Journal) -> None:
    """And names no user, nor anything that stands for one."""
    alice = subject_of_alice(world)
    assert delete(Browser(Gateway(world))).status == 200
    world.clock.pass_by(1000)
    journal.clear()
    with world.aws.failing(lambda call: fault if call.operation == "DeleteItem" else None):
        try:
            world.deliver()
        except RuntimeError as error:
            assert str(error).startswith("dynamodb_")  # noqa: PT017 - whether it is raised depends on the fault
    lines = journal.lines
    counted = [line for line in lines if line["message"] == "erasures"]
    failed = [line["reason"] for line in lines if line["message"] == "erasures_failed"]
    assert [{name: line[name] for name in ("finished", "open")} for line in counted] == [
        {"finished": int(fault is None), "open": int(fault is not None)}
    ]
    assert [reason.partition("_")[0] for reason in failed] == ["dynamodb"] * (fault is not None)
    assert not [name for name in (alice, key_text(alice), "alice") if name in journal.text]


def test_an_order_is_one_line_with_a_metric(world: World, journal: Journal) -> None:
    """It tells what came of it, and of whom it was it does not."""
    with sending_mails(world):
        for username, reason in (("alice", "sent"), ("nobody-at-all", "user_unknown")):
            assert Gateway(world).post("/recover", {"username": username}).status == 303
            journal.clear()
            world.deliver()
            (line,) = journal.lines
            assert is_a_metric(line)
            assert (line["route"], line["method"], line["reason"]) == ("mail", "password_reset", reason)
            assert username not in journal.text


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.RESET, Fault.INTERNAL, Fault.LOST])
def test_a_mail_that_fails_leaves_nothing_secret_in_the_log(
    fault: Fault, world: World, witness: Witness, journal: Journal
) -> None:
    with sending_mails(world):
        Gateway(world).post("/recover", {"username": "alice"})
        with (
            world.aws.failing(lambda call: fault if call.service == "ses" else None),
            pytest.raises(RuntimeError) as raised,
        ):
            world.deliver()
    told = journal.text + str(raised.value)
    assert "ses_" in told
    assert "alice" not in told
    assert sorted(secret for secret in witness.seen if secret and secret in told) == []


def test_a_decision_is_one_line_with_a_metric(
    world: World, gateway: Gateway, journal: Journal, machine_app: App
) -> None:
    token = machine_app.own_token().json()["access_token"]
    for authorization, status in ((f"Bearer {token}", 200), ("Bearer x", 401), ("", 401)):
        journal.clear()
        event = request_authorizer_event(
            "GET", "/items", resource=world.resource, headers={"Authorization": authorization}
        )
        with contextlib.suppress(RuntimeError):
            world.invoke("authorizer", event)
        (line,) = journal.lines
        assert is_a_metric(line)
        assert (line["status"], line["route"]) == (status, "authorizer /items")


@pytest.mark.parametrize("reach", ["refused", "broken", "federation"])
def test_the_reference_on_an_error_page_is_that_of_its_line(world: World, journal: Journal, reach: str) -> None:
    """The identifier in the answer finds the line in the log."""
    browser = Browser(Gateway(world))
    if reach == "federation":
        login = browser.follow(browser.authorize(native(browser.gateway).request()))
        page = browser.send("POST", "/federate", form=hidden_fields(login) | {"provider": "unknown"})
    elif reach == "broken":
        with world.aws.failing(lambda call: Fault.INTERNAL if call.operation == "BatchGetItem" else None):
            page = browser.authorize(native(browser.gateway).request())
    else:
        page = browser.authorize({"client_id": "unknown"})
    found = re.search(r"Reference</dt><dd><code>([^<]+)</code>", page.body)
    assert found, page
    assert {line["request_id"] for line in journal.lines if line.get("status") == page.status} == {found[1]}


def test_reasons_are_told_to_the_operator_alone(world: World, gateway: Gateway, journal: Journal) -> None:
    answer = gateway.post("/token", {"grant_type": "client_credentials"}, headers=basic("demo-machine", "guess"))
    assert journal.lines[-1]["reason"] == "client_secret"
    assert "client_secret" not in answer.body


def by(line: dict[str, Any]) -> list[str]:
    """What a line is counted by."""
    return [name for (name,) in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]]


ROUTES_OF_MANY = (
    "ANY /authorize",
    "ANY /.well-known/oauth-authorization-server",
    "ANY /token",
    "ANY /revoke",
)


def test_what_a_metric_is_counted_by_is_bounded(world: World, journal: Journal) -> None:
    """A dimension that callers could fill with what they like would be a bill without end."""
    gateway = Gateway(world)
    for number in range(20):
        gateway.send("GET", f"/authorize?{number}".partition("?")[0], query={"client_id": f"client-{number}"})
        gateway.send("GET", "/.well-known/oauth-authorization-server")
        gateway.post("/token", {"grant_type": f"grant-{number}"})
        machine(gateway).post("/revoke", token=f"token-{number}")
        native(gateway).refresh(f"rt_{number}")
    counted = {(name, line[name]) for line in journal.lines for name in by(line)}
    assert counted == {
        *(("outcome", outcome) for outcome in ("ok", "client_error")),
        *(("route", route) for route in ROUTES_OF_MANY),
    }


# ------------------------------------------------------------------ who


def test_a_line_names_the_client_and_a_hash_of_the_user(world: World, gateway: Gateway, journal: Journal) -> None:
    """The same of each function, so that the lines of a user are found; and nothing that tells who that is."""
    alice, app = subject_of_alice(world), web(gateway)
    tokens = app.tokens()
    app.refresh(tokens["refresh_token"])
    app.post("/introspect", token=tokens["access_token"])
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert gateway.send("GET", "/userinfo", headers=bearer).status == 200
    assert gateway.call("GET", "/me", bearer["authorization"]).status == 200
    routes = ("ANY /token", "ANY /introspect", "ANY /userinfo", "authorizer /me", "GET /me")
    named = {route: [line for line in journal.lines if line["route"] == route][-1] for route in routes}
    assert {line["client_id"] for line in named.values()} == {"demo-web"}
    assert {line["subject"] for line in named.values()} == {hash_of_subject(alice)}
    assert len(hash_of_subject(alice)) == 24
    assert alice not in journal.text


def test_the_lines_of_pages_name_the_user_of_the_session(world: World, gateway: Gateway, journal: Journal) -> None:
    """Once a user is signed in; the pages before have none."""
    alice, browser = subject_of_alice(world), Browser(gateway)
    browser.go_through(web(gateway).request())
    for path in ("/my", "/developer", "/logout"):
        assert browser.send("GET", path).status == 200
    with authorizing_devices(world):
        code = gateway.post("/device_authorization", {"client_id": "demo-cli"}).json()["user_code"]
        question = browser.follow(browser.send("POST", "/device", form={"user_code": code}))
        assert question.status == 200
    lines = {(line["method"], line["route"].rpartition(" ")[2]): line for line in journal.lines}
    signed_in = [("GET", "/consent"), ("POST", "/consent"), ("POST", "/login")]
    signed_in += [("GET", "/my"), ("GET", "/developer"), ("GET", "/logout"), ("GET", "/device"), ("POST", "/device")]
    assert {where: lines[where].get("subject") for where in signed_in} == dict.fromkeys(
        signed_in, hash_of_subject(alice)
    )
    assert "subject" not in lines["GET", "/login"]
    assert alice not in journal.text


def test_the_line_of_a_sign_in_elsewhere_names_the_user(world: World, journal: Journal) -> None:
    with federated(world) as provider:
        assert federated_person(world).sign_in_at(provider).status == 303
    (line,) = [one for one in journal.lines if "callback" in one["route"] and one["status"] == 303]
    assert line["subject"]


def test_a_secret_in_an_address_is_told_with_its_client(world: World, gateway: Gateway, journal: Journal) -> None:
    for client_id in ("demo-machine", "nobody-at-all"):
        gateway.send("POST", "/token", query={"client_id": client_id, "client_secret": "guess"}, form={"a": "b"})
    assert [(line["reason"], line.get("client_id")) for line in journal.lines] == [
        ("credentials_in_query", "demo-machine"),
        ("credentials_in_query", None),
    ]


def test_who_introspects_an_api_key_is_the_client_of_the_line(world: World, gateway: Gateway, journal: Journal) -> None:
    let_keys_have(world, "read")
    change_client(world, "demo-portal", scope=Scope.parse("openid account read"))
    token = portal(gateway).tokens(scope="openid account read")["access_token"]
    with having_api_keys(world):
        wanted = {"name": "A report", "scope": ["read"]}
        made = gateway.manage("POST /account/api-keys", token, wanted).json()["api_key"]
        journal.clear()
        assert other(gateway).post("/introspect", token=made).status == 200
        assert gateway.call("GET", "/items", headers={"X-API-Key": made}).status == 200
    told = [(line["route"], line.get("client_id"), line["subject"]) for line in journal.lines]
    alice = hash_of_subject(subject_of_alice(world))
    assert told[:2] == [("ANY /introspect", "other-web", alice), ("authorizer /items", None, alice)]


def test_a_rotation_that_fails_is_told_with_its_reason(world: World, journal: Journal) -> None:
    world.clock.pass_by(91 * 86_400)
    with (
        world.aws.failing(lambda call: Fault.DENIED if call.service == "kms" else None),
        pytest.raises(OAuthError),
    ):
        world.invoke("rotate_keys", {})
    assert [line["reason"] for line in journal.lines if line["message"] == "rotation_failed"] == ["kms_encrypt"]


def test_no_key_waits_for_the_key_of_the_audit(world: World, journal: Journal) -> None:
    """What the Tokens table refuses is told, and the keys are there."""
    world.restore(world.unborn)
    with (
        world.using(rotate_keys=world.load("rotate_keys")),
        world.aws.failing(lambda call: Fault.DENIED if "TokensTable" in (call.table, *call.more) else None),
        pytest.raises(OAuthError),
    ):
        world.invoke("rotate_keys", {})
    (keys,) = [line for line in journal.lines if line["message"] == "keys"]
    assert len(keys["rotated"]) == 4
    assert [line["reason"].partition("_")[0] for line in journal.lines if line["message"] == "rotation_failed"] == [
        "dynamodb"
    ]


def test_a_line_names_no_client_that_there_is_not(world: World, gateway: Gateway, journal: Journal) -> None:
    """Nor the user of the request before."""
    machine(gateway).own_token()
    gateway.post("/token", {"grant_type": "client_credentials"}, headers=basic("nobody-at-all", "guess"))
    gateway.send("GET", "/.well-known/oauth-authorization-server")
    gateway.post("/token", {"grant_type": "client_credentials"}, headers=basic("demo-machine", "guess"))
    names = [(line["reason"], line.get("client_id"), line.get("subject")) for line in journal.lines]
    assert names == [
        ("ok", "demo-machine", None),
        ("client_unknown", None, None),
        ("ok", None, None),
        ("client_secret", "demo-machine", None),
    ]


def test_a_client_is_a_metric_where_an_operator_asks(
    world: World, gateway: Gateway, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(gateway).own_token()
    monkeypatch.setenv("CLIENT_METRICS", "On")
    _latency.cache_clear()
    machine(gateway).own_token()
    gateway.post("/token", {"grant_type": "client_credentials"}, headers=basic("nobody-at-all", "guess"))
    _latency.cache_clear()
    assert [by(line) for line in journal.lines] == [
        ["outcome", "route"],
        ["outcome", "route", "client_id"],
        ["outcome", "route"],
    ]


@pytest.mark.parametrize("parameters", [{"ClientMetrics": "On", "Registration": "Open"}])
def test_strangers_add_no_metrics(parameters: dict[str, str], world: World) -> None:
    """A client that anybody may register would be one, and so would one that is the address of a document."""
    with pytest.raises(RefusedError, match="ClientMetrics"):
        world.load("token", **parameters)
    told.update(client_id="https://client.example/anything?secret", subject="")
    assert _who() == {"client_host": "client.example"}
    told.clear()


def test_the_hash_of_a_user_is_another_one_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = set()
    for key in ("one", "another"):
        monkeypatch.setenv("KMS_KEY", key)
        _subject_key.cache_clear()
        hashes.add(hash_of_subject("alice"))
    _subject_key.cache_clear()
    assert len(hashes) == 2


@pytest.fixture
def one_of_ten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LOG_SAMPLING", "10")
    log._one_of.cache_clear()
    yield
    monkeypatch.undo()
    log._one_of.cache_clear()


@pytest.mark.usefixtures("one_of_ten")
def test_a_line_that_stands_for_several_counts_for_each(
    world: World, gateway: Gateway, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40 requests whose draws go round, four are written, and their metric has 40 values."""
    draws = itertools.count()
    draw = SimpleNamespace(environ=os.environ, urandom=lambda octets: next(draws).to_bytes(octets))
    monkeypatch.setattr(log, "os", draw)
    for _ in range(40):
        gateway.send("GET", "/.well-known/jwks.json")
    lines = journal.lines
    assert [line["reason"] for line in lines] == ["ok"] * 4
    for line in lines:
        (latency,) = set(line["Latency"])
        assert len(line["Latency"]) == 10
        assert is_a_metric({**line, "Latency": latency})


@pytest.mark.usefixtures("one_of_ten")
def test_whatever_did_not_come_off_is_written_each_time(gateway: Gateway, journal: Journal) -> None:
    for _ in range(20):
        gateway.post("/token", {"grant_type": "unknown"})
    assert len(journal.lines) == 20
    assert all(is_a_metric(line) for line in journal.lines)
