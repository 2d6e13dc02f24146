"""Approvals that are withdrawn: by the member who asked, before an answer, and by administrators afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.errors import InvalidGrant
from authserver.management.account import operations as account
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ApprovalAsked, ConsentPage
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership
from authserver.site import organisations
from tests.unit.api import Api
from tests.unit.pages import Reader
from tests.unit.server import App, Browser
from tests.unit.tenants import Connection, Tenants
from tests.unit.test_faults import direct

ACME = "/account/organisations/acme"
PAGES = "/organisations/acme"
MORE = "openid export"  # takes an administrator


@pytest.fixture
def server() -> Tenants:
    return Tenants()


@pytest.fixture
def ada(server: Tenants) -> Api:
    """The administrator of Acme."""
    return server.account("ada")


@pytest.fixture
def max_(server: Tenants) -> Api:
    return server.account("max")


def ask(server: Tenants, name: str = "max", scope: str = MORE) -> str:
    """The path of what somebody asks for."""
    assert isinstance(server.choose(name, "a1", scope=scope), ApprovalAsked)
    (asked,) = [one for one in server.account("ada").get(f"{ACME}/approvals")["items"] if one["sub"] == name]
    return f"{ACME}/approvals/{asked['id']}"


def approve(server: Tenants, name: str = "max") -> str:
    path = ask(server, name)
    assert server.account("ada").call("PUT", path, {"decision": "allow"}).status == 200
    return path


def may_connect(server: Tenants, name: str = "max") -> bool:
    """Whether somebody connects "web" for more without asking."""
    answer = server.choose(name, "a1", scope=MORE)
    assert isinstance(answer, AuthorizationResponse | ApprovalAsked)
    return isinstance(answer, AuthorizationResponse)


# ------------------------------------------------------------------ by an administrator


def test_an_approval_that_is_withdrawn_before_it_was_used_allows_nothing(server: Tenants, ada: Api) -> None:
    path = approve(server)
    assert ada.call("DELETE", path).status == 204
    assert ada.get(f"{ACME}/approvals")["items"] == []
    assert not may_connect(server)


def test_an_approval_that_is_withdrawn_after_it_was_used_ends_what_was_granted_by_it(server: Tenants, ada: Api) -> None:
    path = approve(server)
    by_approval, colleagues = server.connect("max", "a1", scope=MORE), server.connect("mia", "a1")
    personal = server.connect_personally("max")
    assert ada.call("DELETE", path).status == 204
    assert [one.is_alive for one in (by_approval, colleagues, personal)] == [False, True, True]
    assert not may_connect(server)
    assert server.connect("max", "a1").is_alive  # what takes no approval is granted as before


def test_an_approval_is_withdrawn_once(server: Tenants, ada: Api) -> None:
    path = approve(server)
    assert [ada.call("DELETE", path).status for _ in range(2)] == [204, 404]


def test_a_code_that_was_granted_by_it_and_not_redeemed_is_dead(server: Tenants, ada: Api) -> None:
    path = approve(server)
    answer = server.choose("max", "a1", scope=MORE)
    ada.call("DELETE", path)
    with pytest.raises(InvalidGrant):
        App(server).exchange(answer.parameters["code"])


def test_a_grant_under_way_while_it_is_withdrawn_is_dead() -> None:
    """Whichever call it comes before, once the approval was read: a code that is made of it is worth nothing."""
    code, verbs = connected_while_withdrawn(Tenants(), 0)
    assert code is not None
    after = len(verbs) - verbs[::-1].index("browsers.approval")
    assert "tokens.create" in verbs[after:]
    for nth in range(after + 1, len(verbs) + 1):
        server = Tenants()
        code, _ = connected_while_withdrawn(server, nth)
        assert code is not None
        assert not is_good(server, code), verbs[nth - 1]


def connected_while_withdrawn(server: Tenants, nth: int) -> tuple[str | None, list[str]]:
    """The code that max gets whose approval is withdrawn before the nth call for it, and all these calls."""
    path, ada, verbs = approve(server), server.account("ada"), list[str]()

    def withdraw_before(verb: str, call: Callable[[], Any]) -> Any:
        verbs.append(verb)
        if len(verbs) == nth:
            server.around = direct
            assert ada.call("DELETE", path).status == 204
        return call()

    server.around = withdraw_before
    answer = server.choose("max", "a1", scope=MORE)
    server.around = direct
    return answer.parameters.get("code") if isinstance(answer, AuthorizationResponse) else None, verbs


def is_good(server: Tenants, code: str) -> bool:
    try:
        connection = Connection(server, App(server).exchange(code))
    except InvalidGrant:
        return False
    return connection.is_alive


def test_a_denial_that_is_withdrawn_is_told_no_more(server: Tenants, ada: Api) -> None:
    path = ask(server)
    ada.call("PUT", path, {"decision": "deny"})
    assert ada.call("DELETE", path).status == 204
    assert ada.get(f"{ACME}/approvals")["items"] == []


def test_what_has_changed_since_it_was_seen_is_not_withdrawn(server: Tenants, ada: Api) -> None:
    path = approve(server)
    server.clock.advance(1)
    assert isinstance(server.choose("max", "*", scope=MORE), ApprovalAsked)
    assert ada.call("DELETE", path).status == 404
    assert len(ada.get(f"{ACME}/approvals")["items"]) == 1


@pytest.mark.parametrize("decision", ["", "allow", "deny"])
def test_an_application_does_not_take_back_what_is_about_itself(server: Tenants, decision: str) -> None:
    path = ask(server)
    if decision:
        server.account("ada").call("PUT", path, {"decision": decision})
    for name in ("ada", "max"):
        answer = Api(server, account.OPERATIONS, name, client_id="web").call("DELETE", path)
        assert (answer.status, answer.reason) in ((403, "own_application"), (403, "not_administrator"))
    assert len(server.account("ada").get(f"{ACME}/approvals")["items"]) == 1


# ------------------------------------------------------------------ by the member


def test_a_member_takes_a_question_back_and_keeps_what_is_connected(server: Tenants, ada: Api, max_: Api) -> None:
    connection, path = server.connect("max", "a1"), ask(server)
    assert max_.call("DELETE", path).status == 204
    assert ada.get(f"{ACME}/approvals")["items"] == []
    assert ada.call("PUT", path, {"decision": "allow"}).status == 404
    assert connection.is_alive


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_member_takes_back_no_answer(server: Tenants, ada: Api, max_: Api, decision: str) -> None:
    path = ask(server)
    ada.call("PUT", path, {"decision": decision})
    answer = max_.call("DELETE", path)
    assert (answer.status, answer.reason) == (403, "not_administrator")
    assert [one["decision"] for one in ada.get(f"{ACME}/approvals")["items"]] == [decision]


def test_a_question_that_is_answered_at_that_moment_is_not_taken_back(server: Tenants, ada: Api, max_: Api) -> None:
    path = ask(server)

    def answer_before(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "browsers.take_approval_back":
            server.around = direct
            assert ada.call("PUT", path, {"decision": "allow"}).status == 200
        return call()

    server.around = answer_before
    assert max_.call("DELETE", path).status == 409
    assert may_connect(server)


def test_a_member_sees_what_is_their_own_and_nobody_elses(server: Tenants, max_: Api) -> None:
    own, others = ask(server), ask(server, "mia")
    (shown,) = max_.get(f"{ACME}/approvals")["items"]
    assert (f"{ACME}/approvals/{shown['id']}", shown["sub"]) == (own, "max")
    assert max_.get(own) == shown
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"decision": "allow"})):
        answer = max_.call(method, others, body)
        assert (answer.status, answer.reason) == (403, "not_administrator")
    assert server.account("mia").get(others)["decision"] is None


def test_a_member_of_two_sees_in_each_what_was_asked_there(server: Tenants, max_: Api) -> None:
    server.organisations.put_membership(Membership("globex", "max", MEMBER, server.clock(), "an epoch"))
    ask(server)
    assert max_.get("/account/organisations/globex/approvals")["items"] == []
    assert len(max_.get(f"{ACME}/approvals")["items"]) == 1


def test_who_is_no_member_sees_nothing(server: Tenants) -> None:
    path = ask(server)
    gus = server.account("gus")
    for method, at in (("GET", f"{ACME}/approvals"), ("GET", path), ("DELETE", path)):
        assert gus.call(method, at).status == 404
    server.withdrawals.delete_membership("acme", "max")
    for method, at in (("GET", f"{ACME}/approvals"), ("GET", path), ("DELETE", path)):
        assert server.account("max").call(method, at).status == 404


# ------------------------------------------------------------------ what has ended meanwhile


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.end(client_id="web", organisation="acme"),
        lambda server: server.withdrawals.end(client_id="web"),
        lambda server: server.withdrawals.set_membership(Membership("acme", "max", MEMBER, 1, "another epoch")),
    ],
    ids=["disconnected", "client ended", "another role"],
)
def test_a_question_that_something_has_ended_is_not_there_to_be_answered(
    server: Tenants, ada: Api, max_: Api, end: Any
) -> None:
    """The answer would allow nothing, and be told as done."""
    path = ask(server)
    end(server)
    assert ada.get(f"{ACME}/approvals")["items"] == []
    assert ada.call("PUT", path, {"decision": "allow"}).status == 404
    assert max_.get(f"{ACME}/approvals")["items"] == []
    ask(server)


def test_a_member_is_not_told_that_a_question_waits_that_has_ended(server: Tenants) -> None:
    def told() -> bool:
        browser = Browser(server, "max")
        pending: Any = browser.authorize((), frozenset(), scope=MORE)
        signed_in: Any = browser.sign_in(pending.request_handle)
        page = browser.consent_page(signed_in.request_handle)
        assert isinstance(page, ConsentPage)
        return page.asked is not None

    ask(server)
    assert told()
    server.withdrawals.end(client_id="web", organisation="acme")
    assert not told()


def test_a_new_password_of_the_members_does_not_withdraw_what_was_asked(server: Tenants, ada: Api) -> None:
    path = ask(server)
    server.withdrawals.end(subject="max")
    assert ada.call("PUT", path, {"decision": "allow"}).document["stands"] is True
    assert may_connect(server)


def test_an_approval_of_a_former_administrator_is_told_as_ended_and_not_given_by_saying_it_again(
    server: Tenants, ada: Api
) -> None:
    path = approve(server)
    for role in (MEMBER, ADMINISTRATOR):
        server.withdrawals.set_membership(Membership("acme", "ada", role, 1, f"epoch as {role}"))
    assert ada.get(path)["stands"] is False
    assert ada.call("PUT", path, {"decision": "allow"}).status == 409
    assert not may_connect(server)


def test_the_same_answer_again_is_the_same_answer(server: Tenants, ada: Api) -> None:
    path = approve(server)
    again = ada.call("PUT", path, {"decision": "allow"})
    assert (again.status, again.document["decision"], again.document["stands"]) == (200, "allow", True)
    assert ada.call("PUT", path, {"decision": "deny"}).status == 409


# ------------------------------------------------------------------ on the pages


def reader(server: Tenants, name: str) -> Reader[Tenants]:
    return Reader(server, organisations, name)


def page_of(path: str) -> str:
    return path.replace(f"{ACME}/approvals", f"{PAGES}/requests")


def test_an_administrator_withdraws_an_approval_by_a_button(server: Tenants) -> None:
    path, ada = page_of(approve(server)), reader(server, "ada")
    connection = server.connect("max", "a1", scope=MORE)
    page = ada.get(path)
    assert "Withdraw the approval" in page.text
    assert "Whatever max has let A web application do for Acme ends at once" in page.text
    done = ada.act(path, "withdraw")
    assert (done.status, done.location) == (303, "../../../organisations/acme/requests?done=approval-withdrawn")
    assert ada.get(f"{PAGES}/requests?done=approval-withdrawn").notices == [organisations.NOTICES["approval-withdrawn"]]
    assert not connection.is_alive


def test_a_member_takes_a_request_back_by_a_button(server: Tenants) -> None:
    path, max_ = page_of(ask(server)), reader(server, "max")
    assert "What you asked the administrators to allow an app." in max_.get(f"{PAGES}/requests").text
    assert "A web application" in max_.get(f"{PAGES}/requests").text
    page = max_.get(path)
    assert "Take the request back" in page.text
    for of_administrators in ("Approve", "Deny", "Withdraw the approval"):
        assert of_administrators not in page.text
    assert max_.act(path, "withdraw").done == "taken-back"
    assert "A web application" not in max_.get(f"{PAGES}/requests").text


def test_a_request_that_was_answered_meanwhile_is_looked_at_again(server: Tenants) -> None:
    api, max_ = ask(server), reader(server, "max")
    found = max_.get(page_of(api))
    server.account("ada").call("PUT", api, {"decision": "allow"})
    answer = max_.act(page_of(api), "withdraw", csrf=csrf_of(found.html))
    assert (answer.status, "not_administrator" in answer.reason) == (403, True)
    assert "Take the request back" not in max_.get(page_of(api)).text


def csrf_of(html: str) -> str:
    return html.partition('name="csrf" value="')[2].partition('"')[0]


def test_a_request_that_is_gone_is_told_so(server: Tenants) -> None:
    api, ada = approve(server), reader(server, "ada")
    csrf = csrf_of(ada.get(page_of(api)).html)
    server.account("ada").call("DELETE", api)
    answer = ada.act(page_of(api), "withdraw", csrf=csrf)
    assert (answer.status, answer.notices) == (409, [organisations.CHANGED])


def test_an_approval_that_has_ended_is_told_so(server: Tenants) -> None:
    path, ada = page_of(approve(server)), reader(server, "ada")
    server.withdrawals.end(client_id="web", organisation="acme")
    page = ada.get(path).text
    assert "This has ended since: the member has to ask again." in page
    assert "The member can connect it until" not in page
    assert "Ended" in ada.get(f"{PAGES}/requests").text


def test_nobody_else_is_shown_a_request(server: Tenants) -> None:
    path = page_of(ask(server))
    assert reader(server, "mia").get(path).status == 403
    assert reader(server, "gus").get(path).status == 404
