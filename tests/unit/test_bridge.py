"""The refresh-token bridge: a token of another system is taken once, from its own client, for what is true here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from authserver.errors import InvalidClient, InvalidGrant, InvalidScope, OAuthError, TemporarilyUnavailable
from authserver.messages.token import TokenResponse
from authserver.models import DISABLED
from authserver.models.clients import Client
from authserver.models.organisations import ADMINISTRATOR, EVERY_ENTITY, MEMBER, Membership, Organisation
from authserver.services import Services
from authserver.values import Scope, Secret
from authserver.wire.http import render_error
from tests.fakes import OTHER_RESOURCE, RESOURCE, START, client, public_client, user
from tests.fakes.filing import key
from tests.unit.server import App, Server

DAY = 86_400
TOKEN = "v1.the-refresh-token-of-another-system"
SCOPE = Scope.parse("openid read write")
ANSWER: Mapping[str, Any] = {"active": True, "client_id": "web", "sub": "sub-of-alice", "scope": "openid read"}


class Bridge:
    """Implements `ports.Bridge`: answers the same whatever it is asked, and does something first if it is told to."""

    def __init__(self, until: int, **answer: Any) -> None:
        self.until = until
        self.answer: Any = {**ANSWER, **answer}
        self.asked: list[Mapping[str, str]] = []
        self.first: Callable[[], Any] = lambda: None

    def ask(self, question: Mapping[str, str]) -> Any:
        self.asked.append(question)
        first, self.first = self.first, lambda: None
        first()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Moving:
    """A server with a bridge to the system that was there before."""

    def __init__(self, *clients: Client, until: int = START + 30 * DAY, answer: Any = None, **settings: Any) -> None:
        registered = clients or (client(scope=SCOPE), public_client(scope=SCOPE))
        self.server = Server(*registered, **settings)
        self.bridge = Bridge(until, **(answer or {}))
        self.server.services = self.across()
        self.app = App(self.server)

    def across(self) -> Services:
        """Another instance of the function."""
        return replace(self.server.new_instance(), bridge=self.bridge)

    def bring(self, token: str = TOKEN, app: App | None = None, **form: Any) -> TokenResponse:
        return (app or self.app).refresh(Secret(token), **form)

    def refused(self, token: str = TOKEN, app: App | None = None, **form: Any) -> str:
        """Why: for the log. What is told is always the same."""
        with pytest.raises(InvalidGrant) as refusal:
            self.bring(token, app, **form)
        assert refusal.value.description == "The refresh token is invalid"
        return refusal.value.reason


# ------------------------------------------------------------------ what comes over


@pytest.mark.rfc("6749", "6")
@pytest.mark.parametrize("public", [False, True])
def test_foreign_token_is_replaced_by_tokens_of_ours(public: bool) -> None:
    moving = Moving(answer={"client_id": "app"} if public else {})
    app = App(moving.server, "app", None) if public else moving.app
    first = moving.bring(app=app)
    assert moving.bridge.asked == [
        {"refresh_token": TOKEN, "client_id": app.client_id, "issuer": moving.server.settings.issuer}
    ]
    token = moving.server.access(first.access_token)
    assert (token.subject, token.client_id, str(token.scope)) == ("sub-of-alice", app.client_id, "openid read")
    assert first.id_token is not None
    second = app.refresh(first.refresh_token)
    assert moving.server.access(second.access_token).scope == token.scope
    assert len(moving.bridge.asked) == 1


@pytest.mark.rfc("6749", "6")
def test_scope_is_cut_to_what_the_client_is_registered_for_and_may_ask_for_less() -> None:
    moving = Moving(answer={"scope": "read write billing"})
    assert str(moving.bring(scope="write").scope) == "write"
    again = moving.app.refresh(moving.bring().refresh_token)
    assert str(again.scope) == "read write"
    assert moving.server.authorization_of(again.refresh_token or "").scope == Scope.parse("read write")


@pytest.mark.rfc("6749", "6")
def test_more_than_the_other_system_granted_is_refused_and_uses_nothing_up() -> None:
    moving = Moving()
    with pytest.raises(InvalidScope):
        moving.bring(scope="read write")
    assert moving.bring()


@pytest.mark.rfc("8707", "2.2")
def test_resource_is_what_the_other_system_named_and_is_known_here() -> None:
    moving = Moving(answer={"aud": [f"{OTHER_RESOURCE}/", "https://userinfo.example"]})
    assert moving.server.access(moving.bring().access_token, audience=OTHER_RESOURCE).audience == (OTHER_RESOURCE,)
    assert Moving(answer={"aud": "https://unknown.example"}).refused() == "bridge_resource"
    moving = Moving()
    assert moving.server.access(moving.bring().access_token).audience == (RESOURCE,)


def test_time_of_the_sign_in_is_the_other_systems() -> None:
    moving = Moving(answer={"auth_time": START - 5 * DAY})
    assert moving.server.access(moving.bring().access_token).auth_time == START - 5 * DAY


# ------------------------------------------------------------------ once


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("age", [0, 29])
def test_foreign_token_again_inside_the_grace_window_gives_the_same_and_asks_nobody(age: int) -> None:
    moving = Moving()
    first = moving.bring()
    moving.bridge.answer = {"active": False}  # as a system does that rotates
    moving.server.clock.advance(age)
    moving.server.services = moving.across()
    again = moving.bring()
    assert again.refresh_token == first.refresh_token
    assert again.access_token != first.access_token
    assert len(moving.bridge.asked) == 1
    assert moving.app.refresh(again.refresh_token)


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("age", [30, 10 * DAY])
def test_foreign_token_again_after_the_window_ends_what_it_was_replaced_by(age: int) -> None:
    moving = Moving()
    first = moving.bring()
    moving.server.clock.advance(age)
    with pytest.raises(InvalidGrant) as refusal:
        moving.bring()
    assert refusal.value.reason == "refresh_reused"
    with pytest.raises(InvalidGrant):
        moving.app.refresh(first.refresh_token)
    assert len(moving.bridge.asked) == 1


@pytest.mark.rfc("9700", "4.14.2")
def test_foreign_token_after_its_successor_was_used_ends_everything_even_inside_the_window() -> None:
    moving = Moving()
    second = moving.app.refresh(moving.bring().refresh_token)
    with pytest.raises(InvalidGrant):
        moving.bring()
    with pytest.raises(InvalidGrant):
        moving.app.refresh(second.refresh_token)


@pytest.mark.rfc("6749", "5.1")
def test_two_at_once_get_the_same() -> None:
    moving = Moving()
    others: list[TokenResponse] = []
    moving.bridge.first = lambda: others.append(moving.bring())
    first = moving.bring()
    assert first.refresh_token == others[0].refresh_token
    assert len(moving.bridge.asked) == 2
    assert len(moving.server.tokens.authorizations(subject="sub-of-alice").items) == 1


def test_lost_answer_to_the_write_is_no_second_use() -> None:
    moving = Moving(refresh_token_grace=0)

    def twice(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "tokens.trade":
            call()
        return call()

    moving.server.around = twice
    first = moving.bring()
    assert moving.app.refresh(first.refresh_token)


def test_contradicting_answers_give_one_authorization() -> None:
    moving = Moving()
    moving.server.users.create(user(sub="sub-of-bob", username="bob"))

    def other() -> None:
        moving.bring()
        moving.bridge.answer = {**ANSWER, "sub": "sub-of-bob"}

    moving.bridge.first = other
    assert moving.refused() == "bridge_contradicts_itself"
    assert moving.server.tokens.authorizations(subject="sub-of-bob").items == ()
    assert moving.bring()


def test_another_client_gets_and_ends_nothing_by_a_token_that_came_over() -> None:
    moving = Moving(client(scope=SCOPE), client(client_id="thief", scope=SCOPE))
    first = moving.bring()
    moving.server.clock.advance(60)
    with pytest.raises(InvalidGrant):
        moving.bring(app=App(moving.server, "thief"))
    assert moving.app.refresh(first.refresh_token)


# ------------------------------------------------------------------ what is refused


@pytest.mark.rfc("6749", "3.2.1")
def test_nobody_is_asked_before_the_client_is_authenticated() -> None:
    moving = Moving()
    with pytest.raises(InvalidClient):
        moving.bring(app=App(moving.server, "web", "wrong"))
    assert moving.bridge.asked == []


@pytest.mark.parametrize(
    "token", ["rt_x", "rt_" + "A" * 130, "at_" + "A" * 130, "ac_broken-code-of-ours", "short", "x" * 4097, "ümlaut" * 5]
)
def test_nobody_is_asked_about_what_looks_like_ours_or_like_no_token(token: str) -> None:
    moving = Moving()
    assert moving.refused(token) == "refresh_garbage"
    assert moving.bridge.asked == []


def test_nobody_is_asked_about_a_refresh_token_of_ours_that_ended() -> None:
    moving = Moving()
    own = moving.bring()
    moving.app.revoke(own.refresh_token)
    with pytest.raises(InvalidGrant):
        moving.app.refresh(own.refresh_token)
    assert len(moving.bridge.asked) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"active": False}, "bridge_refused"),
        ({"client_id": "app"}, "bridge_of_another_client"),
        ({"sub": "sub-of-nobody"}, "bridge_subject_unknown"),
        ({"scope": ""}, "bridge_scope"),
        ({"scope": "billing"}, "bridge_scope"),
        ({"scope": "admin:users"}, "bridge_scope"),
        ({"org": "acme", "entities": ["a1"]}, "bridge_ended"),
        ({"entities": ["a1"]}, "bridge_organisation"),
    ],
)
def test_answer_is_worth_no_more_than_is_true_here(answer: Mapping[str, Any], reason: str) -> None:
    moving = Moving(client(scope=Scope.parse("openid read admin:users")), answer=answer)
    assert moving.refused() == reason
    assert moving.server.tokens.authorizations(client_id="web").items == ()


@pytest.mark.parametrize(
    "answer",
    [
        *(None, [], "yes", {}, {"active": "true"}, {**ANSWER, "sub": 7}, {**ANSWER, "scope": None}),
        *({**ANSWER, "scope": 'no "scope"'}, {**ANSWER, "aud": [1]}, {**ANSWER, "auth_time": "now"}),
        *({**ANSWER, "sub": "x" * 1025}, {**ANSWER, "entities": ["a"] * 101}),
        *(
            {**ANSWER, "client_id": None},
            {**ANSWER, "auth_time": True},
            {**ANSWER, "sub": "\ud800"},
            TemporarilyUnavailable("", reason="bridge"),
        ),
    ],
)
def test_function_that_does_not_answer_as_it_should_decides_nothing(answer: Any) -> None:
    moving = Moving()
    moving.bridge.answer = answer
    with pytest.raises(TemporarilyUnavailable) as failure:
        moving.bring()
    assert render_error(failure.value).status == 503
    moving.bridge.answer = ANSWER
    assert moving.bring()


ENDS: Mapping[str, Callable[[Server], Any]] = {
    "subject": lambda server: server.record.end_subject("sub-of-alice"),
    "grant": lambda server: server.record.end_grants("sub-of-alice", key("web")),
    "every grant": lambda server: server.withdrawals.end_grants("sub-of-alice"),
    "client": lambda server: server.withdrawals.end(client_id="web"),
    "disabled": lambda server: server.withdrawals.change_user("sub-of-alice", status=DISABLED),
    "deleted": lambda server: server.withdrawals.delete_user("sub-of-alice", START),
    "everything": lambda server: server.withdrawals.end_everything("another era"),
}


@pytest.mark.parametrize("when", ["before", "while it is asked", "after"])
@pytest.mark.parametrize("what", ENDS)
def test_whatever_was_ended_here_has_ended_foreign_tokens_too(what: str, when: str) -> None:
    moving = Moving()
    end = partial(ENDS[what], moving.server)
    if when == "before":
        end()
    elif when == "while it is asked":
        moving.bridge.first = end
    if when != "after":
        assert moving.refused() in ("bridge_ended", "bridge_subject_unknown")
        return
    first = moving.bring()
    end()
    for token in (first.refresh_token, Secret(TOKEN)):
        with pytest.raises(InvalidGrant):
            moving.app.refresh(token)


@pytest.mark.rfc("7009", "2.1")
def test_revoking_what_came_over_is_final() -> None:
    moving = Moving()
    moving.app.revoke(moving.bring().refresh_token)
    with pytest.raises(InvalidGrant):
        moving.bring()


# ------------------------------------------------------------------ organisations


def acting_for_organisations(role: str, kind: str = "organisation", **answer: Any) -> Moving:
    acting = client(scope=SCOPE, preferred_subject_type=kind)
    moving = Moving(acting, answer={"org": "acme", "entities": ["a1"], **answer})
    organisations = moving.server.organisations
    organisations.create(Organisation("acme", "Acme", {"a1": "A One", "a2": "A Two"}))
    organisations.put_membership(Membership("acme", "sub-of-alice", role, START, "epoch"))
    return moving


def test_companies_come_over_for_a_member_and_all_of_them_for_an_administrator() -> None:
    moving = acting_for_organisations(MEMBER)
    record = moving.server.authorization_of(moving.bring().refresh_token or "")
    assert (record.organisation, record.entities, record.by_administrator) == ("acme", frozenset({"a1"}), False)
    assert acting_for_organisations(MEMBER, entities=[EVERY_ENTITY]).refused() == "bridge_organisation"
    moving = acting_for_organisations(ADMINISTRATOR, entities=[EVERY_ENTITY])
    first = moving.bring()
    assert moving.server.authorization_of(first.refresh_token or "").entities == {EVERY_ENTITY}
    assert str(moving.app.refresh(first.refresh_token).scope) == "openid read"


def test_client_that_acts_for_one_company_gets_no_more() -> None:
    moving = acting_for_organisations(ADMINISTRATOR, entities=["a1", "a2"])
    assert moving.bring()
    moving = acting_for_organisations(ADMINISTRATOR, kind="company", entities=["a1", "a2"])
    assert moving.refused() == "bridge_organisation"


def test_client_that_acts_for_organisations_needs_one_with_companies() -> None:
    answers: tuple[dict[str, Any], ...] = ({"org": ""}, {"entities": []})
    for answer in answers:
        assert acting_for_organisations(MEMBER, **answer).refused() == "bridge_organisation"


# ------------------------------------------------------------------ how often, and how long


@pytest.mark.rfc("6819", "5.1.4.2.3")
def test_clients_bring_so_many_bad_tokens_from_a_source_and_then_wait() -> None:
    moving = Moving()
    moving.bridge.answer = {"active": False}
    for number in range(100):
        assert moving.refused(f"{TOKEN}-{number}") == "bridge_refused"
    with pytest.raises(OAuthError) as refusal:
        moving.bring()
    answer = render_error(refusal.value)
    assert (answer.status, refusal.value.error) == (429, "temporarily_unavailable")
    assert len(moving.bridge.asked) == 100
    moving.bridge.answer = ANSWER
    moving.server.clock.advance(16 * 60)
    assert moving.bring()


def test_good_tokens_are_no_attempts() -> None:
    moving = Moving()
    for number in range(150):
        assert moving.bring(f"{TOKEN}-{number}")


def test_after_its_last_day_there_is_no_bridge() -> None:
    moving = Moving()
    moving.server.clock.advance(30 * DAY - 60)
    first = moving.bring()
    moving.server.clock.advance(60)
    for token in (TOKEN, f"{TOKEN}-2"):
        assert moving.refused(token) == "refresh_garbage"
    assert moving.app.refresh(first.refresh_token)


def test_without_a_bridge_nothing_is_looked_up() -> None:
    server = Server()
    server.warm_up()
    with pytest.raises(InvalidGrant) as refusal:
        App(server).refresh(Secret(TOKEN))
    assert refusal.value.reason == "refresh_garbage"
    assert server.calls == {"tokens.standing": 1, "journal.note_refusal": 1}


def test_offline_access_is_asked_for_where_the_operator_wants_that() -> None:
    moving = Moving(refresh_tokens="OfflineAccess")
    assert moving.refused() == "bridge_without_offline_access"
    moving.bridge.answer = {**ANSWER, "scope": "openid read offline_access"}
    assert moving.bring().refresh_token
