"""DynamoDB and KMS fail on the n-th call, for every n of every endpoint: SECURITY.md section 5, its fault list.

An attempt may fail and the SDK's retry succeed; a call whose attempts all fail must end in 503 with Retry-After.
Functions are newly started, so that their keys are among the calls.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authserver.aws.table import encode
from authserver.identity.begin import key_text
from tests.functions.flowing import LEGACY
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import give_organisations, issue_opaque_tokens, let_use_legacy_grants, subject_of_alice
from tests.functions.journey import App, Browser, admin, hidden_fields, machine, native, web
from tests.functions.legacy_flows import front_channel
from tests.functions.simulated_aws import Call, Fault, SimulatedAws
from tests.functions.situations import FAULTS, Ask, Prepare, Situation, is_unavailable, poisons_of
from tests.functions.world import World


def authorize_with_session(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    web(gateway).tokens(browser)
    request = web(gateway).request()
    return "authorize", lambda: browser.authorize(request)


def authorize_without_session(gateway: Gateway) -> tuple[str, Ask]:
    request = native(gateway).request()
    return "authorize", lambda: Browser(gateway).authorize(request)


def show_login(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    started = browser.authorize(native(gateway).request())
    return "login", lambda: browser.follow(started)


def sign_in(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    return "login", lambda: browser.sign_in(page)


def show_consent(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    started = browser.sign_in(browser.follow(browser.authorize(native(gateway).request())))
    return "consent", lambda: browser.follow(started)


def allow(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(web(gateway).request()))))
    assert hidden_fields(page)["csrf"]
    return "consent", lambda: browser.decide(page)


BYE = {"client_id": "demo-web", "post_logout_redirect_uri": "https://app.example.com/signed-out"}


def ask_whether_to_sign_out(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    web(gateway).tokens(browser)
    return "logout", lambda: browser.send("GET", "/logout", query=BYE)


def sign_out(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    web(gateway).tokens(browser)
    form, cookies = hidden_fields(browser.send("GET", "/logout", query=BYE)), dict(browser.cookies)
    return "logout", lambda: gateway.send("POST", "/logout", form=form, cookies=cookies)


def sign_out_by_id_token(gateway: Gateway) -> tuple[str, Ask]:
    browser = Browser(gateway)
    query = BYE | {"id_token_hint": web(gateway).tokens(browser)["id_token"]}
    cookies = dict(browser.cookies)
    return "logout", lambda: gateway.send("GET", "/logout", query=query, cookies=cookies)


def client_credentials(gateway: Gateway) -> tuple[str, Ask]:
    return "token", machine(gateway).own_token


def exchange(gateway: Gateway) -> tuple[str, Ask]:
    app = native(gateway)
    code = Browser(gateway).go_through(app.request())["code"]
    return "token", lambda: app.exchange(code)


def refresh(gateway: Gateway) -> tuple[str, Ask]:
    app = native(gateway)
    token = app.tokens()["refresh_token"]
    return "refresh", lambda: app.refresh(token, "/refresh")


def revoke_refresh_token(gateway: Gateway) -> tuple[str, Ask]:
    app = web(gateway)
    token = app.tokens()["refresh_token"]
    return "revoke", lambda: app.post("/revoke", token=token)


def revoke_access_token(gateway: Gateway) -> tuple[str, Ask]:
    app = web(gateway)
    token = app.tokens()["access_token"]
    return "revoke", lambda: app.post("/revoke", token=token)


def revoke_own_token(gateway: Gateway) -> tuple[str, Ask]:
    app = machine(gateway)
    token = app.own_token().json()["access_token"]
    return "revoke", lambda: app.post("/revoke", token=token)


def introspect(gateway: Gateway) -> tuple[str, Ask]:
    app = web(gateway)
    token = app.tokens()["access_token"]
    return "introspect", lambda: app.post("/introspect", token=token)


def introspect_refresh_token(gateway: Gateway) -> tuple[str, Ask]:
    app = web(gateway)
    token = app.tokens()["refresh_token"]
    return "introspect", lambda: app.post("/introspect", token=token)


def introspect_itself(gateway: Gateway) -> tuple[str, Ask]:
    issue_opaque_tokens(gateway.world, "demo-web")
    headers = {"authorization": f"Bearer {web(gateway).tokens()['access_token']}"}
    return "introspect", lambda: gateway.send("GET", "/introspect", headers=headers)


def at_the_companies(gateway: Gateway) -> tuple[Browser, Answer]:
    """Alice, as a member, before the page that asks which companies of an organisation a client may reach."""
    give_organisations(gateway.world)
    browser = Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(web(gateway).request()))))
    chosen = {"request": hidden_fields(page)["request"], "organisation": "acme"}
    return browser, browser.send("GET", "/consent", query=chosen)


def show_companies(gateway: Gateway) -> tuple[str, Ask]:
    browser, page = at_the_companies(gateway)
    chosen = {"request": hidden_fields(page)["request"], "organisation": "acme"}
    return "consent", lambda: browser.send("GET", "/consent", query=chosen)


def allow_a_company(gateway: Gateway) -> tuple[str, Ask]:
    browser, page = at_the_companies(gateway)
    return "consent", lambda: browser.decide(page, entities="one")


def ask_for_every_company(gateway: Gateway) -> tuple[str, Ask]:
    browser, page = at_the_companies(gateway)
    return "consent", lambda: browser.decide(page, entities="*")


def userinfo(gateway: Gateway) -> tuple[str, Ask]:
    token = native(gateway).tokens()["access_token"]
    return "userinfo", lambda: gateway.send("GET", "/userinfo", headers={"authorization": f"Bearer {token}"})


def key_set(gateway: Gateway) -> tuple[str, Ask]:
    return "metadata", lambda: gateway.send("GET", "/.well-known/jwks.json")


def implicit_with_session(gateway: Gateway) -> tuple[str, Ask]:
    let_use_legacy_grants(gateway.world, "demo-web")
    issue_opaque_tokens(gateway.world, "demo-web")
    browser, request = Browser(gateway), front_channel(web(gateway), "id_token token")
    browser.go_through(request)
    return "authorize", lambda: browser.authorize(request)


def implicit_allow(gateway: Gateway) -> tuple[str, Ask]:
    let_use_legacy_grants(gateway.world, "demo-web")
    browser = Browser(gateway)
    request = front_channel(web(gateway), "id_token")
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(request))))
    return "consent", lambda: browser.decide(page)


def password(gateway: Gateway) -> tuple[str, Ask]:
    let_use_legacy_grants(gateway.world, "demo-web")
    form = {"grant_type": "password", "username": "alice", "password": "wonderland-demo", "scope": "openid read"}
    return "token", lambda: web(gateway).post("/token", **form)


DOCUMENT = {"redirect_uris": ["https://a.example/callback"], "client_name": "An app"}


def register(gateway: Gateway) -> tuple[str, Ask]:
    return "register", lambda: gateway.register("POST", "/register", DOCUMENT)


def register_by_token(gateway: Gateway) -> tuple[str, Ask]:
    operator = admin(gateway).own_token().json()["access_token"]
    token = gateway.manage("POST /admin/initial-access-tokens", operator, {}).json()["initial_access_token"]
    return "register", lambda: gateway.register("POST", "/register", DOCUMENT, bearer=token)


def of_a_registered(gateway: Gateway, method: str, **document: Any) -> tuple[str, Ask]:
    made = gateway.register("POST", "/register", DOCUMENT).json()
    path, bearer = f"/register/{made['client_id']}", made["registration_access_token"]
    sent = {**DOCUMENT, **document, "client_id": made["client_id"]} if document else None
    return "register", lambda: gateway.register(method, path, sent, bearer=bearer)


def read_registration(gateway: Gateway) -> tuple[str, Ask]:
    return of_a_registered(gateway, "GET")


def update_registration(gateway: Gateway) -> tuple[str, Ask]:
    return of_a_registered(gateway, "PUT", client_name="Renamed")


def delete_registration(gateway: Gateway) -> tuple[str, Ask]:
    return of_a_registered(gateway, "DELETE")


REGISTRATION_ENDPOINTS: list[Prepare] = [
    register,
    register_by_token,
    read_registration,
    update_registration,
    delete_registration,
]
LEGACY_ENDPOINTS: list[Prepare] = [implicit_with_session, implicit_allow, password]
ENDPOINTS: list[Prepare] = [
    authorize_with_session,
    authorize_without_session,
    show_login,
    sign_in,
    show_consent,
    allow,
    ask_whether_to_sign_out,
    sign_out,
    sign_out_by_id_token,
    client_credentials,
    exchange,
    refresh,
    revoke_refresh_token,
    revoke_access_token,
    revoke_own_token,
    introspect,
    introspect_refresh_token,
    introspect_itself,
    show_companies,
    allow_a_company,
    ask_for_every_company,
    userinfo,
    key_set,
]


def situation_of(world: World, prepare: Prepare) -> Situation:
    if prepare in LEGACY_ENDPOINTS:
        return Situation(world, prepare, LEGACY, ("authorize", "login", "consent"))
    if prepare in REGISTRATION_ENDPOINTS:
        way = "InitialAccessToken" if prepare is register_by_token else "Open"
        return Situation(world, prepare, {"Registration": way}, ("register",))
    return Situation(world, prepare)


@pytest.mark.rfc("7009", "2.2.1")
@pytest.mark.parametrize("prepare", ENDPOINTS + LEGACY_ENDPOINTS + REGISTRATION_ENDPOINTS)
def test_whichever_call_fails_for_good_the_answer_is_503(prepare: Prepare, world: World) -> None:
    situation = situation_of(world, prepare)
    assert situation.calls
    for first, call in enumerate(situation.calls):
        fault = FAULTS[first % len(FAULTS)]
        answer = situation.answer_with(situation.from_call(first, fault))
        try:
            if call.prefixes[:1] in (("consent",), ("activity",)) and not call.consistent:
                # Only what would be remembered or noted is lost: the client or the user has their answer.
                assert any(mark in answer.location for mark in ("code=", "id_token=", "consent?request="))
            elif call.prefixes == ("theme",):
                # A page does not fail for its looks.
                assert answer.status == 200
            elif notes_use(call):
                assert answer.status == 200
            else:
                is_unavailable(answer)
        except AssertionError as error:
            error.add_note(f"call {first}, {call.action}, {fault}")
            raise


def notes_use(call: Call) -> bool:
    """Whether it notes when the machine's secret was used the last time, which no answer waits for."""
    return call.operation == "UpdateItem" and call.keys == ("demo-machine",)


@pytest.fixture(scope="module")
def world_by_boto3() -> Iterator[World]:
    """Where the operator has put boto3 back."""
    world = World("boto3")
    yield world
    world.close()


@pytest.fixture(params=["lean", "boto3"])
def either_world(request: pytest.FixtureRequest, world: World) -> World:
    """By one client or by the other; each tries again in a way of its own."""
    if request.param == "lean":
        return world
    by_boto3: World = request.getfixturevalue("world_by_boto3")
    by_boto3.reset()
    return by_boto3


@pytest.mark.parametrize("fault", [*FAULTS, Fault.DENIED, Fault.LOST])
def test_whatever_fails_for_good_the_answer_is_503(fault: Fault, either_world: World) -> None:
    situation = Situation(either_world, client_credentials)
    assert {call.service for call in situation.calls} == {"dynamodb", "kms"}
    for first, call in enumerate(situation.calls):
        answer = situation.answer_with(situation.from_call(first, fault))
        if notes_use(call) and first == len(situation.calls) - 1:
            assert answer.status == 200
        else:
            is_unavailable(answer)


@pytest.mark.parametrize("prepare", [client_credentials, exchange, refresh, revoke_refresh_token, introspect, sign_in])
def test_whichever_attempt_by_boto3_fails_once_the_answer_is_the_usual_one(
    prepare: Prepare, world_by_boto3: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world_by_boto3.reset()
    monkeypatch.setattr(time, "sleep", lambda _: None)
    an_attempt_that_fails_once_goes_unnoticed(prepare, world_by_boto3)


@pytest.mark.parametrize("prepare", ENDPOINTS + LEGACY_ENDPOINTS + REGISTRATION_ENDPOINTS)
def test_whichever_attempt_fails_once_the_answer_is_the_usual_one(prepare: Prepare, world: World) -> None:
    """LOST as well: the write was made, its answer never came, and the client's retry finds its own claim."""
    an_attempt_that_fails_once_goes_unnoticed(prepare, world)


def an_attempt_that_fails_once_goes_unnoticed(prepare: Prepare, world: World) -> None:
    situation = situation_of(world, prepare)
    usual = situation.answer_with(None)
    for one in range(len(situation.calls)):
        for fault in (Fault.LOST, (Fault.THROUGHPUT_EXCEEDED, Fault.RESET)[one % 2]):
            answer = situation.answer_with(situation.only_call(one, fault))
            assert (answer.status, set(answer.headers)) == (usual.status, set(usual.headers)), (one, fault, answer)


# ------------------------------------------------------------------ what a failed request leaves behind


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_a_client_that_was_told_503_can_exchange_its_code_again(token_format: str, world: World) -> None:
    """F1, F16: whichever call failed, the code is not burnt."""
    if token_format == "opaque":
        issue_opaque_tokens(world, "demo-app")
    situation = Situation(world, exchange)
    burnt = []
    for first, call in enumerate(situation.calls):
        is_unavailable(situation.answer_with(situation.from_call(first, Fault.THROTTLED)))
        if situation.ask().status != 200:
            burnt.append((first, call.action, call.table or call.ring))
    assert burnt == []


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_a_client_that_was_told_503_can_refresh_again(token_format: str, world: World) -> None:
    """F3, F4: the same successor, however far the first request came."""
    if token_format == "opaque":
        issue_opaque_tokens(world, "demo-app")
    situation = Situation(world, refresh)
    for fault in (Fault.THROTTLED, Fault.LOST):
        for first in range(len(situation.calls)):
            situation.answer_with(situation.from_call(first, fault))
            answer = situation.ask()
            assert answer.status == 200, (first, answer)
            successor = answer.json()["refresh_token"]
            assert situation.ask().json()["refresh_token"] == successor


def test_lost_answers_for_good_end_in_a_clean_refusal(world: World) -> None:
    """F2: the code was redeemed and the answer is lost; the client is refused, and what the code yielded is dead."""
    situation = Situation(world, exchange)
    redeem = next(number for number, call in enumerate(situation.calls) if call.operation == "UpdateItem")
    is_unavailable(situation.answer_with(situation.from_call(redeem, Fault.LOST)))
    answer = situation.ask()
    assert (answer.status, answer.error) == (400, "invalid_grant")


@pytest.mark.rfc("7009", "2.2.1")
def test_a_token_whose_revocation_failed_is_as_it_was(world: World, web_app: App) -> None:
    """F7: not 200; the token still works, and a second try ends it."""
    token = web_app.tokens()["access_token"]
    with world.aws.failing(lambda call: Fault.THROTTLED if call.operation in ("UpdateItem", "PutItem") else None):
        is_unavailable(web_app.post("/revoke", token=token))
    assert web_app.post("/introspect", token=token).json()["active"] is True
    assert web_app.post("/revoke", token=token).status == 200
    assert web_app.post("/introspect", token=token).json() == {"active": False}


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.parametrize("prepare", REGISTRATION_ENDPOINTS)
def test_a_registration_that_failed_can_be_made_again(prepare: Prepare, world: World) -> None:
    """F1: 201 only for what is stored. A use of an initial access token is spent first, so a fault may cost it."""
    situation = situation_of(world, prepare)
    usual = situation.answer_with(None)
    with world.using(register=world.load("register", **situation.parameters)):
        for first in range(len(situation.calls)):
            for fault in (Fault.THROTTLED, Fault.LOST):
                is_unavailable(situation.answer_with(situation.from_call(first, fault)))
                again = situation.ask()
                may_be_spent = prepare in (register_by_token, delete_registration)
                assert again.status == usual.status or (may_be_spent and again.status == 401), (first, fault)
                if again.status == 201:
                    assert again.json()["client_id"] in world.aws.items("ClientsTable")


# ------------------------------------------------------------------ what DynamoDB leaves unprocessed


def unprocessed(times: int) -> Any:
    """BatchGetItem leaves everything but one key for later, this often; and that one, too, if it is alone."""
    left = iter([True] * times + [False] * 1000)

    def plan(call: Call) -> Any:
        if call.operation != "BatchGetItem" or not next(left):
            return None
        (table, wanted), *others = call.request["RequestItems"].items()
        key, *rest = wanted["Keys"]
        later = {**({table: {**wanted, "Keys": rest}} if rest else {}), **dict(others)}

        def answer(full: dict[str, Any]) -> dict[str, Any]:
            kept = [item for item in full["Responses"].get(table, []) if key.items() <= item.items()]
            return {"Responses": {table: kept if later else []}, "UnprocessedKeys": later or {table: wanted}}

        return answer

    return plan


@pytest.mark.parametrize("times", [1, 2, 3])
def test_keys_left_unprocessed_are_asked_for_again(times: int, world: World, web_app: App, aws: SimulatedAws) -> None:
    """F8."""
    tokens = web_app.tokens()
    with aws.failing(unprocessed(times)):
        assert web_app.post("/introspect", token=tokens["access_token"]).json()["active"] is True
    with aws.failing(unprocessed(times)):
        assert web_app.refresh(tokens["refresh_token"]).status == 200


def test_keys_left_unprocessed_for_ever_are_not_taken_for_absent(web_app: App, aws: SimulatedAws) -> None:
    tokens = web_app.tokens()
    with aws.failing(unprocessed(1000)):
        is_unavailable(web_app.post("/introspect", token=tokens["access_token"]))
        is_unavailable(web_app.refresh(tokens["refresh_token"]))


# ------------------------------------------------------------------ items that are not as they should be

KINDS = ["authorization", "session", "consent", "request"]


def asked_of(world: World, gateway: Gateway) -> Callable[[], list[int]]:
    """What a browser and a client ask that has let demo-web in; the status of each answer, when called."""
    browser, app = Browser(gateway), web(gateway)
    tokens = app.tokens(browser)
    for request in [key for key in world.aws.items("TokensTable") if key.startswith("request#")]:
        world.aws.remove("TokensTable", request)
    started = browser.authorize(app.request(prompt="login"))

    def ask() -> list[int]:
        answers = [
            app.refresh(tokens["refresh_token"]),
            app.post("/introspect", token=tokens["access_token"]),
            app.post("/introspect", token=tokens["refresh_token"]),
            app.post("/revoke", token=tokens["access_token"]),
            browser.authorize(app.request()),
            browser.follow(started),
        ]
        return [answer.status for answer in answers]

    return ask


def poisoned(world: World, keys: list[str], ask: Callable[[], list[int]], worst: int) -> list[Any]:
    """What was asked with every attribute of the items missing or of another type, and answered worse than that."""
    before, failures = world.aws.snapshot()["TokensTable"], []
    for attribute in sorted(set(world.aws.item("TokensTable", keys[0])) - {"pk"}):
        for poison in poisons_of(attribute):
            world.restore({"TokensTable": before})
            for key in keys:
                world.aws.change("TokensTable", key, **{attribute: poison})
            answers = ask()
            if any(answer > worst or answer == 500 for answer in answers):
                failures.append((attribute, poison, answers))
    return failures


@pytest.mark.parametrize("kind", KINDS)
def test_a_poisoned_item_is_as_good_as_none(kind: str, world: World, gateway: Gateway) -> None:
    """F23: every attribute missing or of another type; refused or restarted, never 500, and never with more power."""
    ask = asked_of(world, gateway)
    key = max(key for key in world.aws.items("TokensTable") if key.startswith(f"{kind}#"))
    assert poisoned(world, [key], ask, worst=499) == []


ENDS: dict[str, dict[str, Any]] = {
    "end#subject#": {"epoch": 0, "sessions": 0, "grants": {}, "operator": True},
    "end#client#": {"epoch": 0, "version": 0, "scope": "openid profile email read"},
    "deployment#": {"era": "", "keys": 0, "catalogue": 0},
}


@pytest.mark.parametrize("kind", ENDS)
def test_a_poisoned_end_is_not_taken_for_none(kind: str, world: World, gateway: Gateway) -> None:
    """What it says matters to everything that was begun under it: while it cannot be read, the answer is unknown, which
    is 503."""
    ask = asked_of(world, gateway)
    alice = key_text(subject_of_alice(world))
    of_client = [f"end#client#{key_text('demo-web')}#{shard:x}" for shard in range(16)]
    copies = {"end#client#": of_client, "deployment#": [f"deployment#{shard:x}" for shard in range(16)]}
    keys = copies.get(kind, [f"end#subject#{alice}"])
    for key in keys:
        attributes = {name: encode(value) for name, value in ENDS[kind].items()}
        world.aws.put("TokensTable", {"pk": {"S": key}, **attributes})
    stored = world.aws.snapshot()
    assert max(ask()) < 400
    world.restore(stored)
    assert poisoned(world, keys, ask, worst=503) == []
    for key in keys:
        world.aws.change("TokensTable", key, **{next(iter(ENDS[kind])): {"L": []}})
    world.restore(world.aws.snapshot())
    assert 503 in ask()


@pytest.mark.parametrize(("table", "key"), [("ClientsTable", "demo-web"), ("UsersTable", "user#")])
def test_a_poisoned_client_or_user_is_as_good_as_none(table: str, key: str, world: World, gateway: Gateway) -> None:
    app = web(gateway)
    tokens = app.tokens()
    (found, *_) = sorted(one for one in world.aws.items(table) if one.startswith(key))
    before = world.aws.snapshot()
    failures = []
    for attribute in sorted(set(world.aws.items(table)[found]) - {"client_id", "id"}):
        for poison in poisons_of(attribute):
            world.restore({name: before[name] for name in (table, "TokensTable")})
            world.aws.change(table, found, **{attribute: poison})
            answers = [
                app.refresh(tokens["refresh_token"]),
                app.post("/introspect", token=tokens["access_token"]),
                gateway.call("GET", "/userinfo", f"Bearer {tokens['access_token']}"),
                Browser(gateway).authorize(app.request()),
            ]
            if any(answer.status >= 500 for answer in answers):
                failures.append((attribute, poison, [answer.status for answer in answers]))
    assert failures == []


# ------------------------------------------------------------------ items that come and go as they please


def test_what_has_expired_is_as_good_as_none_while_it_is_still_there(world: World, gateway: Gateway) -> None:
    """F12: TTL never deletes."""
    browser, app = Browser(gateway), native(gateway)
    tokens = app.tokens(browser)
    code = browser.go_through(app.request())["code"]
    started = browser.authorize(app.request(prompt="login"))
    world.clock.pass_by(601)
    assert app.exchange(code).error == "invalid_grant"
    assert browser.follow(started).status == 400
    world.clock.pass_by(43200)
    assert browser.authorize(app.request()).location.startswith("login?")
    world.clock.pass_by(2592000)
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"
    assert world.aws.items("TokensTable")


@pytest.mark.parametrize("kind", ["request", "session", "authorization", "consent"])
def test_what_has_vanished_is_begun_anew(kind: str, world: World, gateway: Gateway) -> None:
    """F13: deleted in the middle of a flow."""
    browser, app = Browser(gateway), web(gateway)
    tokens = app.tokens(browser)
    page = browser.follow(browser.authorize(app.request(prompt="consent")))
    for key in [key for key in world.aws.items("TokensTable") if key.startswith(f"{kind}#")]:
        world.aws.remove("TokensTable", key)
    assert browser.decide(page).status in (303, 400)
    assert app.refresh(tokens["refresh_token"]).status in (200, 400)
    assert app.post("/introspect", token=tokens["access_token"]).status == 200
    assert app.post("/revoke", token=tokens["access_token"]).status == 200
