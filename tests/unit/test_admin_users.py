"""/admin/users: what each change ends, within the second that it is made in."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import InvalidGrant, InvalidToken, TemporarilyUnavailable
from authserver.management.admin import users
from authserver.messages.browser import GoTo
from authserver.messages.mail import CHANGED_BY_OPERATOR, MailOrder
from authserver.models.factors import Factors, Passkey, Totp
from authserver.models.organisations import Membership
from authserver.tokens.opaque import key_of
from authserver.values import Secret, base64url
from tests.fakes import PASSWORD, FakePasswords, client
from tests.unit.api import Answered, Api
from tests.unit.server import App, Browser, Server

ALICE = "sub-of-alice"
PATH = f"/admin/users/{ALICE}"
BCRYPT = "$2b$04$......................................................."[:60]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, users.OPERATIONS, "operator", scope="admin:users")


@pytest.fixture
def powerful(server: Server) -> Api:
    """A caller who may do everything, and so make operators."""
    return Api(server, users.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def signed_in(server: Server, username: str, password: str) -> bool:
    """Whether somebody can sign in."""
    browser = Browser(server, username, password)
    response = browser.authorize()
    assert isinstance(response, GoTo)
    return isinstance(browser.sign_in(response.request_handle), GoTo)


class Living:
    """Alice with a browser and an application, both signed in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.browser = Browser(server)
        self.app = App(server)
        self.tokens = self.app.exchange(self.browser.code())

    def assert_alive(self) -> None:
        self.server.access(self.tokens.access_token)
        page = self.browser.authorize()
        assert not (isinstance(page, GoTo) and page.page == "login")
        self.tokens = self.app.refresh(self.tokens.refresh_token)

    def assert_dead(self) -> None:
        with pytest.raises(InvalidToken):
            self.server.access(self.tokens.access_token)
        with pytest.raises(InvalidGrant):
            self.app.refresh(self.tokens.refresh_token)
        page = self.browser.authorize()
        assert isinstance(page, GoTo)
        assert page.page == "login"


@pytest.fixture
def living(server: Server) -> Living:
    living = Living(server)
    living.assert_alive()
    return living


# ------------------------------------------------------------------ create, read, list


def test_created_user_can_sign_in(server: Server, api: Api) -> None:
    answer = api.call("POST", "/admin/users", {"username": "Carol", "password": "looking-glass", "name": "Carol C"})
    assert answer.status == 201
    assert api.get(f"/admin/users/{answer.document['sub']}") == answer.document
    assert answer.document["has_password"] is True
    assert signed_in(server, "carol", "looking-glass")


def test_no_answer_has_a_password_or_a_hash(api: Api) -> None:
    answer = api.call("POST", "/admin/users", {"username": "carol", "password": "looking-glass"})
    told = [answer.document, api.get(PATH), api.get("/admin/users")]
    assert not any(text in str(told) for text in ("looking-glass", "fake:", "password_hash", PASSWORD))


@pytest.mark.parametrize("taken", [{"username": "ALICE"}, {"username": "carol", "sub": ALICE}], ids=["name", "sub"])
def test_taken_names_and_identifiers_are_a_conflict(api: Api, taken: dict[str, Any]) -> None:
    assert api.call("POST", "/admin/users", taken).status == 409


OWN = {"email": "c@d.example", "email_verified": True}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"username": "c@d.example"}, 400),
        ({"username": "c@d.example", "email": "c@d.example"}, 400),
        ({"username": "c@d.example", **OWN, "email": "other@d.example"}, 400),
        ({"username": "c\uff20d.example"}, 400),
        ({"username": "C@D.example", **OWN}, 201),
        ({"username": "carol", "sub": "auth0|c@d.example"}, 201),
        ({"username": "carol", **OWN, "email": "ALICE@example.com"}, 409),
        ({"username": "carol", "email": "alice@example.com"}, 201),
    ],
    ids=str,
)
def test_a_new_username_is_no_address_but_ones_own(api: Api, wanted: dict[str, Any], status: int) -> None:
    assert api.call("POST", "/admin/users", wanted).status == status


@pytest.mark.parametrize("name", ["ALICE", "Alice@example.com"])
def test_a_user_is_found_by_each_login_name(api: Api, name: str) -> None:
    assert api.get("/admin/users", login=name)["items"] == [api.get(PATH)]


@pytest.mark.parametrize("name", ["nobody", "nobody@example.com", ALICE, " "])
def test_nobody_is_found_by_what_is_no_login_name(api: Api, name: str) -> None:
    assert api.get("/admin/users", login=name) == {"items": []}


def test_an_address_of_somebody_else_is_not_verified_by_an_operator(server: Server, api: Api) -> None:
    sub = api.call("POST", "/admin/users", {"username": "carol", "email": "alice@example.com"}).document["sub"]
    answer = api.call("PATCH", f"/admin/users/{sub}", {"email_verified": True, "name": "Carol"})
    assert (answer.status, answer.document["title"]) == (409, "Another user signs in by this email address")
    assert api.get(f"/admin/users/{sub}")["name"] == ""
    assert api.call("PATCH", PATH, {"email": "a@new.example", "email_verified": True}).status == 200
    assert api.call("PATCH", f"/admin/users/{sub}", {"email_verified": True}).status == 200
    assert server.users.identify("alice@example.com") == sub


@pytest.mark.rfc("9700", "4.15")
def test_a_user_never_has_the_identifier_of_a_client(server: Server, api: Api) -> None:
    server.clients.put(client(client_id="machine"))
    assert api.call("POST", "/admin/users", {"username": "carol", "sub": "machine"}).status == 409
    assert server.users.get("machine") is None


def test_create_repeated_with_its_key_creates_once(server: Server, api: Api) -> None:
    body = {"username": "carol", "password": "looking-glass"}
    first, again = (api.call("POST", "/admin/users", body, key="one") for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert first.document == again.document
    assert api.call("POST", "/admin/users", body, key="two").status == 409
    assert api.call("POST", "/admin/users", body).status == 409
    assert len(api.get("/admin/users")["items"]) == 2


def test_imported_user_keeps_identifier_and_hash(server: Server, api: Api) -> None:
    body = {"username": "dave", "sub": "dave@old.example", "password_hash": BCRYPT, "email": "dave@old.example"}
    assert api.call("POST", "/admin/users", body).status == 201
    stored = server.users.get("dave@old.example")
    assert stored is not None
    assert stored.password_hash == BCRYPT


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"username"}),
        ({"username": ""}, {"username"}),
        ({"username": " \t"}, {"username"}),
        ({"username": "a\nb"}, {"username"}),
        ({"username": "x" * 257}, {"username"}),
        ({"username": "c", "password": "short"}, {"password"}),
        ({"username": "c", "password": "with\x00nul-in-it"}, {"password"}),
        ({"username": "c", "password": "ä" * 1000}, {"password"}),
        ({"username": "c", "password_hash": "md5:0123"}, {"password_hash"}),
        ({"username": "c", "password_hash": "$2b$31$" + "a" * 53}, {"password_hash"}),
        ({"username": "c", "password": "looking-glass", "password_hash": BCRYPT}, {"(document)"}),
        ({"username": "c", "sub": "a\tb"}, {"sub"}),
        ({"username": "c", "email": "nobody"}, {"email"}),
        ({"username": "c", "email": "a@b\nc"}, {"email"}),
        ({"username": "c", "name": "a\x1bb"}, {"name"}),
        ({"username": "c", "operator": "yes"}, {"operator"}),
        ({"username": "c", "role": "x"}, {"role"}),
        ({"username": 1}, {"username"}),
        ([], {"(document)"}),
    ],
    ids=str,
)
def test_each_refusal_names_the_field(api: Api, body: Any, named: set[str]) -> None:
    answer = api.call("POST", "/admin/users", body)
    assert (answer.status, answer.fields) == (400, named)
    assert len(api.get("/admin/users")["items"]) == 1


def test_users_are_listed_in_parts(api: Api) -> None:
    for number in range(4):
        api.call("POST", "/admin/users", {"username": f"user-{number}"})
    first = api.get("/admin/users", limit="3")
    second = api.get("/admin/users", limit="3", cursor=first["next"])
    assert [len(part["items"]) for part in (first, second)] == [3, 2]
    assert "next" not in second
    assert len({one["sub"] for part in (first, second) for one in part["items"]}) == 5
    assert api.call("GET", "/admin/users", limit="0").fields == {"limit"}
    assert api.call("GET", "/admin/users", cursor="nonsense").fields == {"cursor"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/admin/users/nobody", None),
        ("PATCH", "/admin/users/nobody", {"status": "disabled"}),
        ("DELETE", "/admin/users/nobody", None),
        ("PUT", "/admin/users/nobody/password", {"password": "looking-glass"}),
        ("GET", "/admin/users/" + "x" * 600, None),
    ],
)
def test_nobody_is_not_found(server: Server, api: Api, method: str, path: str, body: Any) -> None:
    assert api.call(method, path, body).status == 404
    assert server.users.get("nobody") is None


# ------------------------------------------------------------------ change


@pytest.mark.rfc("7396", "2")
def test_a_patch_changes_what_it_names(server: Server, api: Api) -> None:
    before = api.get(PATH) | {"updated_at": server.clock()}
    after = api.call("PATCH", PATH, {"name": "Alice Pleasance"}).document
    assert after == {**before, "name": "Alice Pleasance"}
    assert api.call("PATCH", PATH, {"name": None}).document == {**before, "name": ""}
    assert api.get(PATH) == {**before, "name": ""}
    alice = server.users.get(ALICE)
    assert alice
    assert alice.password_hash == FakePasswords().hash(Secret(PASSWORD))


def test_a_new_email_is_not_verified_unless_that_is_said(api: Api) -> None:
    assert api.get(PATH)["email_verified"] is True
    assert api.call("PATCH", PATH, {"email": "alice@new.example"}).document["email_verified"] is False
    changed = api.call("PATCH", PATH, {"email": "alice@newer.example", "email_verified": True}).document
    assert changed["email_verified"] is True


@pytest.mark.parametrize(
    "body",
    [{"sub": "x"}, {"username": "x"}, {"password_hash": BCRYPT}, {"status": None}, {"status": "gone"}, "text", []],
)
def test_what_cannot_be_changed_is_refused(api: Api, body: Any) -> None:
    before = api.get(PATH)
    assert api.call("PATCH", PATH, body).status == 400
    assert api.get(PATH) == before


# ------------------------------------------------------------------ what it ends


@pytest.mark.rfc("ASVS 5.0", "7.4.2")
@pytest.mark.rfc("OAuth 2.1", "4.3.3")
def test_disabling_ends_everything_at_once_and_for_as_long_as_it_lasts(
    server: Server, api: Api, living: Living
) -> None:
    assert api.call("PATCH", PATH, {"status": "disabled"}).document["status"] == "disabled"
    living.assert_dead()
    assert not signed_in(server, "alice", PASSWORD)
    server.clock.advance(10)
    living.assert_dead()
    assert api.call("PATCH", PATH, {"status": "active"}).document["status"] == "active"
    living.assert_dead()
    assert signed_in(server, "alice", PASSWORD)
    Living(server).assert_alive()


def crash_before(server: Server, verb: str) -> None:
    def around(called: str, call: Any) -> Any:
        if called == verb:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = around


def crash_after(server: Server, verb: str) -> None:
    """The write is made, and its answer is lost."""

    def around(called: str, call: Any) -> Any:
        result = call()
        if called == verb:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return result

    server.around = around


def interrupted(server: Server, api: Api, crash: Any, verb: str, method: str, path: str, body: Any) -> None:
    crash(server, verb)
    with pytest.raises(TemporarilyUnavailable):
        api.call(method, path, body)
    server.around = lambda _, call: call()


def test_disabling_that_is_interrupted_is_done_altogether_or_not_at_all(
    server: Server, api: Api, living: Living
) -> None:
    interrupted(server, api, crash_before, "withdrawals.change_user", "PATCH", PATH, {"status": "disabled"})
    assert api.get(PATH)["status"] == "active"
    living.assert_alive()
    interrupted(server, api, crash_after, "withdrawals.change_user", "PATCH", PATH, {"status": "disabled"})
    assert api.get(PATH)["status"] == "disabled"
    living.assert_dead()
    # The caller who saw the error repeats the call, or takes it back; both work.
    assert api.call("PATCH", PATH, {"status": "disabled"}).status == 200
    assert api.call("PATCH", PATH, {"status": "active"}).status == 200
    living.assert_dead()
    Living(server).assert_alive()


@pytest.mark.parametrize("crash", [crash_before, crash_after])
def test_enabling_that_is_interrupted_leaves_nothing_alive(
    server: Server, api: Api, living: Living, crash: Any
) -> None:
    api.call("PATCH", PATH, {"status": "disabled"})
    interrupted(server, api, crash, "withdrawals.change_user", "PATCH", PATH, {"status": "active"})
    living.assert_dead()
    assert api.call("PATCH", PATH, {"status": "active"}).status == 200
    living.assert_dead()
    Living(server).assert_alive()


@pytest.mark.rfc("ASVS 5.0", "7.4.3")
def test_a_new_password_ends_sessions_and_tokens(server: Server, api: Api, living: Living) -> None:
    assert api.call("PUT", f"{PATH}/password", {"password": "looking-glass"}).status == 204
    living.assert_dead()
    assert not signed_in(server, "alice", PASSWORD)
    assert signed_in(server, "alice", "looking-glass")
    living.assert_dead()


def test_a_sign_in_by_the_old_password_during_the_change_does_not_survive_it(server: Server, api: Api) -> None:
    """What the old password opened until the very write dies by it."""
    late: list[Living] = []

    def around(called: str, call: Any) -> Any:
        if called == "withdrawals.set_password":
            late.append(Living(server))
        return call()

    server.around = around
    assert api.call("PUT", f"{PATH}/password", {"password": "looking-glass"}).status == 204
    server.around = lambda _, call: call()
    late[0].assert_dead()


@pytest.mark.parametrize("password", ["", "short", None, 12345678, "x" * 1025])
def test_a_password_that_is_none_is_refused(api: Api, living: Living, password: Any) -> None:
    assert api.call("PUT", f"{PATH}/password", {"password": password}).status == 400
    living.assert_alive()


def give_factors(server: Server) -> Factors:
    passkeys = (Passkey(b"id", b"key", "A key", 1), Passkey(b"id-2", b"key", "Another", 1))
    factors = Factors(ALICE, Totp(b"wrapped", 1), frozenset({"hash"}), passkeys)
    assert server.factors.replace(factors)
    return factors


def test_an_operator_is_told_which_factors_there_are_and_no_secret(server: Server, api: Api) -> None:
    none = {"authenticator_app": False, "recovery_codes": 0, "passkeys": 0}
    assert api.get(f"{PATH}/factors") == none
    assert server.factors.replace(Factors(ALICE, Totp(b"wrapped")))
    assert api.get(f"{PATH}/factors") == none
    server.factors.remove(ALICE)
    give_factors(server)
    assert api.get(f"{PATH}/factors") == {"authenticator_app": True, "recovery_codes": 1, "passkeys": 2}


def test_who_lost_every_factor_signs_in_by_password_again_and_whoever_has_them_is_out(
    server: Server, api: Api, living: Living
) -> None:
    give_factors(server)
    orders: list[MailOrder] = []
    server.services = replace(server.services, order_mail=orders.append)
    assert not signed_in_at_once(server)
    assert api.call("DELETE", f"{PATH}/factors").status == 204
    living.assert_dead()
    assert signed_in_at_once(server)
    assert server.factors.get(base64url(key_of(ALICE))) is None
    assert "factors_removed" in [one.kind for one in server.journal.activities(ALICE).items]
    told = [(one.kind, one.what, one.subject, one.address) for one in orders]
    assert told == [(CHANGED_BY_OPERATOR, "factors_removed", ALICE, "alice@example.com")]


def signed_in_at_once(server: Server) -> bool:
    """Whether the password is enough."""
    browser = Browser(server)
    response = browser.authorize()
    assert isinstance(response, GoTo)
    answer = browser.sign_in(response.request_handle)
    assert isinstance(answer, GoTo)
    return answer.page == "consent"


def test_removing_factors_that_is_interrupted_is_done_altogether_or_not_at_all(
    server: Server, api: Api, living: Living
) -> None:
    factors = give_factors(server)
    interrupted(server, api, crash_before, "withdrawals.remove_factors", "DELETE", f"{PATH}/factors", None)
    assert server.factors.get(base64url(key_of(ALICE))) == replace(factors, version=1)
    living.assert_alive()
    interrupted(server, api, crash_after, "withdrawals.remove_factors", "DELETE", f"{PATH}/factors", None)
    assert server.factors.get(base64url(key_of(ALICE))) is None
    living.assert_dead()
    assert api.call("DELETE", f"{PATH}/factors").status == 204
    assert server.factors.get(base64url(key_of(ALICE))) is None


def test_a_note_or_mail_that_fails_keeps_nobody_from_being_helped(server: Server, api: Api) -> None:
    give_factors(server)

    def order_mail(_: MailOrder) -> None:
        raise TemporarilyUnavailable("The mail could not be ordered", reason="test")

    server.services = replace(server.services, order_mail=order_mail)
    crash_before(server, "journal.note_activity")
    assert api.call("DELETE", f"{PATH}/factors").status == 204
    assert server.factors.get(base64url(key_of(ALICE))) is None


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nobody_has_no_factors(api: Api, method: str) -> None:
    assert api.call(method, "/admin/users/nobody/factors").status == 404


@pytest.mark.parametrize("password", ["password", "alice-2026", "alice@example.com", "iloveyou"])
def test_a_password_that_is_guessed_first_is_refused_and_why_is_told(api: Api, living: Living, password: str) -> None:
    answer = api.call("PUT", f"{PATH}/password", {"password": password})
    assert answer.status == 400
    assert answer.document["errors"][0]["field"] == "password"
    assert "guessed first" in answer.document["errors"][0]["detail"]
    assert api.call("POST", "/admin/users", {"username": password, "password": password}).status == 400
    living.assert_alive()


def test_an_operators_powers_end_with_what_they_granted(powerful: Api, living: Living) -> None:
    assert powerful.call("PATCH", PATH, {"operator": True}).document["operator"] is True
    living.assert_alive()
    assert powerful.call("PATCH", PATH, {"operator": False}).document["operator"] is False
    living.assert_dead()


NEARLY = Api.EVERY_POWER.replace("admin:keys", "admin:keys.read")
BY_LESS = pytest.mark.parametrize("scope", ["admin:users", "admin:users.write", NEARLY, "account partner"])


@BY_LESS
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PATCH", PATH, {"operator": True}), ("POST", "/admin/users", {"username": "mallory", "operator": True})],
    ids=["raised", "made"],
)
def test_who_may_change_users_makes_no_operator(
    server: Server, powerful: Api, scope: str, method: str, path: str, body: Any
) -> None:
    before = powerful.get("/admin/users")
    answer = Api(server, users.OPERATIONS, ALICE, scope=scope).call(method, path, body)
    assert (answer.status, answer.reason) == (403, "insufficient_scope")
    assert powerful.get("/admin/users") == before
    assert powerful.call(method, path, body).status in (200, 201)


@BY_LESS
@pytest.mark.parametrize(
    ("method", "beneath", "body"),
    [
        ("PATCH", "", {"operator": False}),
        ("PATCH", "", {"status": "disabled"}),
        ("PATCH", "", {"email": "mallory@example.com"}),
        ("DELETE", "", None),
        ("PUT", "/password", {"password": "known to mallory now"}),
        ("POST", "/identities", {"issuer": "https://idp.example", "subject": "mallory"}),
    ],
    ids=str,
)
def test_who_may_change_users_gets_hold_of_no_operators_account(
    server: Server, powerful: Api, living: Living, scope: str, method: str, beneath: str, body: Any
) -> None:
    server.withdrawals.change_user(ALICE, operator=True)
    before = server.users.get(ALICE)
    answer = Api(server, users.OPERATIONS, "mallory", scope=scope).call(method, PATH + beneath, body)
    assert (answer.status, answer.reason) == (403, "insufficient_scope")
    assert server.users.get(ALICE) == before
    assert server.users.find_by_identity("https://idp.example", "mallory") is None
    living.assert_alive()
    assert powerful.call(method, PATH + beneath, body).status in (200, 201, 204)


def test_a_change_of_the_name_ends_nothing(api: Api, living: Living) -> None:
    assert api.call("PATCH", PATH, {"name": "Alice P", "email": "a@new.example"}).status == 200
    living.assert_alive()


def test_deleting_ends_everything_for_good(server: Server, api: Api, living: Living) -> None:
    server.organisations.put_membership(Membership("acme", ALICE))
    assert api.call("DELETE", PATH).status == 204
    assert api.call("GET", PATH).status == 404
    assert server.organisations.membership("acme", ALICE) is None
    living.assert_dead()
    assert not signed_in(server, "alice", PASSWORD)
    # The name is free again, for somebody else; a user with the old identifier would be ended from the start.
    answer: Answered = api.call("POST", "/admin/users", {"username": "alice", "password": PASSWORD})
    assert answer.document["sub"] != ALICE
    assert signed_in(server, "alice", PASSWORD)


def test_identifier_of_a_removed_user_is_nobodys_ever_after(api: Api) -> None:
    assert api.call("DELETE", PATH).status == 204
    again = api.call("POST", "/admin/users", {"username": "somebody", "password": PASSWORD, "sub": ALICE})
    assert again.status == 409


def test_deleting_that_is_interrupted_is_done_altogether_or_not_at_all(
    server: Server, api: Api, living: Living
) -> None:
    interrupted(server, api, crash_before, "withdrawals.delete_user", "DELETE", PATH, None)
    living.assert_alive()
    interrupted(server, api, crash_after, "withdrawals.delete_user", "DELETE", PATH, None)
    living.assert_dead()
    assert api.call("DELETE", PATH).status == 404
