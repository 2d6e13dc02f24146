"""/my/security: what a person changes of what guards the account, and what that ends."""

import re
from itertools import pairwise
from typing import Any

import pytest

from authserver.errors import InvalidGrant, InvalidRequest, TemporarilyUnavailable, TooManyAttempts
from authserver.identity import recovery_codes
from authserver.management.admin import users
from authserver.messages.browser import GoTo
from authserver.messages.site import View, Visit
from authserver.models.factors import Factors
from authserver.site import Answer, serve
from authserver.site.security import NOTICES, SCREENS
from authserver.tokens.opaque import key_of
from authserver.values import Secret, base64url
from tests.authenticator import Authenticator
from tests.fakes import ISSUER, PASSWORD, FakePasswords, user
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server
from tests.unit.test_second_factors import SUB, at_code, at_the_page, code_at, give_passkey, give_totp

NEW = "a new and better one"
PASSWORD_PAGE, APP_PAGE, PASSKEYS_PAGE = "/my/security/password", "/my/security/app", "/my/security/passkeys"


class Person(Browser):
    """Alice, who looks at pages of ours."""

    def open(self, route: str, **query: str) -> Answer:
        return self._keep(serve(self._visit("GET", route, query=query), SCREENS, NOTICES, self.services))

    def act(self, route: str, action: str, **form: str) -> Answer:
        """Opens the page and presses a button; with a `csrf`, only the latter."""
        page = None if "csrf" in form else self.open(route)
        csrf = page.context["csrf"] if isinstance(page, View) else ""
        fields = {"action": action, "csrf": csrf, **form}
        visit = self._visit("POST", route, form={name: (value,) for name, value in fields.items()})
        return self._keep(serve(visit, SCREENS, NOTICES, self.services))

    def _visit(self, method: str, route: str, **more: Any) -> Visit:
        known: dict[str, Any] = {"session": self.session, "device_cookie": self.device_cookie, "source": "192.0.2.1"}
        return Visit(method, route, route[1:], **known, **more)


def signed_in(server: Server) -> Person:
    person = Person(server)
    person.code()
    return person


def view(answer: Answer) -> View:
    assert isinstance(answer, View), answer
    return answer


def gone_to(answer: Answer) -> tuple[str, str]:
    assert isinstance(answer, GoTo), answer
    return answer.page, answer.done


def factors_of(server: Server, subject: str = SUB) -> Factors:
    return server.factors.get(base64url(key_of(subject))) or Factors(subject)


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.route)
def test_whoever_is_not_signed_in_signs_in_first(screen: Any) -> None:
    assert gone_to(Person(Server()).open(screen.route)) == ("login", "")


@pytest.mark.rfc("ASVS 5.0", "7.5.1")
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.route)
def test_changes_take_a_sign_in_of_the_last_quarter_of_an_hour(screen: Any) -> None:
    server = Server()
    person = signed_in(server)
    server.clock.advance(899)
    assert view(person.open(screen.route)).status == 200
    server.clock.advance(1)
    assert isinstance(person.open(screen.route), GoTo) is bool(screen.acts)
    for action in screen.acts:
        assert gone_to(person.act(screen.route, action, csrf="any")) == ("login", "")


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
@pytest.mark.parametrize("screen", [one for one in SCREENS if one.acts], ids=lambda screen: screen.route)
def test_forms_of_nobody_and_of_another_session_are_refused(screen: Any) -> None:
    server = Server()
    person, other = signed_in(server), signed_in(server)
    theirs = view(other.open(screen.route)).context["csrf"]
    for csrf in ("", "x", theirs):
        for action in screen.acts:
            with pytest.raises(InvalidRequest):
                person.act(screen.route, action, csrf=csrf)


# ------------------------------------------------------------------ the password


@pytest.mark.rfc("ASVS 5.0", "7.4.3")
@pytest.mark.rfc("ASVS 5.0", "7.2.4")
@pytest.mark.rfc("9700", "4.14.2")
def test_another_password_ends_every_other_session_and_every_application() -> None:
    """SECURITY.md row 40."""
    server = Server()
    person, other = signed_in(server), signed_in(server)
    tokens, old = App(server).tokens(), person.session
    answer = person.act(PASSWORD_PAGE, "change", current=PASSWORD, new=NEW)
    assert gone_to(answer) == ("my/security", "password")
    with pytest.raises(InvalidGrant):
        App(server).refresh(tokens.refresh_token)
    assert gone_to(other.open("/my/security")) == ("login", "")
    assert view(person.open("/my/security")).status == 200
    assert person.session != old
    person.session = old
    assert gone_to(person.open("/my/security")) == ("login", "")
    assert isinstance(_sign_in(server, PASSWORD), str)
    assert isinstance(_sign_in(server, NEW), GoTo)


def test_one_browser_survives_any_number_of_new_passwords_in_one_second() -> None:
    """The one that sets them, each time by another cookie; the one from before is worth nothing."""
    server = Server()
    person, passwords = signed_in(server), [PASSWORD, *(f"{NEW} {number}" for number in range(6))]
    for current, wanted in pairwise(passwords):
        thief, other = Person(server), Person(server, password=current)
        other.code()
        thief.session = person.session
        assert gone_to(person.act(PASSWORD_PAGE, "change", current=current, new=wanted)) == ("my/security", "password")
        assert gone_to(thief.open("/my/security")) == gone_to(other.open("/my/security")) == ("login", "")
        assert view(person.open("/my/security")).status == 200
    assert isinstance(_sign_in(server, passwords[-1]), GoTo)
    assert isinstance(_sign_in(server, passwords[-2]), str)


def _sign_in(server: Server, password: str) -> GoTo | str:
    browser = Browser(server, password=password)
    pending: Any = browser.authorize()
    answer = browser.sign_in(pending.request_handle)
    return answer if isinstance(answer, GoTo) else answer.problem


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong", NEW, "current"),
        ("", NEW, "current"),
        (PASSWORD, "short", "new"),
        (PASSWORD, "", "new"),
        (PASSWORD, "x" * 1025, "new"),
        (PASSWORD, PASSWORD, "new"),
        (PASSWORD, "alicealice", None),
    ],
)
def test_what_cannot_be_a_password_is_told_at_its_field_and_changes_nothing(
    current: str, new: str, field: str | None
) -> None:
    server = Server()
    answer = signed_in(server).act(PASSWORD_PAGE, "change", current=current, new=new)
    if field is None:
        assert gone_to(answer)
        return
    assert view(answer).status == 400
    assert set(view(answer).context["wrong"]) == {field}
    assert isinstance(_sign_in(server, PASSWORD), GoTo)


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
def test_a_session_that_was_left_open_is_no_place_to_guess_the_password() -> None:
    server = Server()
    person = signed_in(server)
    for _ in range(5):
        assert view(person.act(PASSWORD_PAGE, "change", current="guessed", new=NEW)).status == 400
    with pytest.raises(TooManyAttempts):
        person.act(PASSWORD_PAGE, "change", current=PASSWORD, new=NEW)


def test_whoever_has_no_password_is_told_so() -> None:
    server = Server()
    person = signed_in(server)
    server.users.alter(SUB, password_hash="")
    assert view(person.open(PASSWORD_PAGE)).status == 200
    assert view(person.act(PASSWORD_PAGE, "change", current="", new=NEW)).status == 409
    assert view(person.act(APP_PAGE, "begin")).status == 409


def test_password_that_an_administrator_set_meanwhile_stays() -> None:
    server = Server()
    person = signed_in(server)
    theirs = FakePasswords().hash(Secret("an administrator's"))

    def set_first(verb: str, call: Any) -> Any:
        if verb == "withdrawals.replace_password":
            assert server.withdrawals.set_password(SUB, theirs)
        return call()

    server.around = set_first
    assert gone_to(person.act(PASSWORD_PAGE, "change", current=PASSWORD, new=NEW)) == ("login", "")
    changed = server.users.get(SUB)
    assert changed
    assert changed.password_hash == theirs
    assert gone_to(person.open("/my/security")) == ("login", "")


def test_password_that_is_stored_in_another_way_meanwhile_is_not_replaced_unseen() -> None:
    """A sign-in elsewhere renews an imported hash, and ends nothing."""
    server = Server()
    person, hashes = signed_in(server), FakePasswords()

    def renew(verb: str, call: Any) -> Any:
        if verb == "withdrawals.replace_password":
            assert server.users.rehash(SUB, hashes.hash(Secret(PASSWORD)), "renewed")
        return call()

    server.around = renew
    assert view(person.act(PASSWORD_PAGE, "change", current=PASSWORD, new=NEW)).status == 409
    changed = server.users.get(SUB)
    assert changed
    assert changed.password_hash == "renewed"
    assert view(person.open("/my/security")).status == 200


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_change_that_is_interrupted_is_made_altogether_or_not_at_all(is_written: bool) -> None:
    server = Server()
    person, other = signed_in(server), signed_in(server)
    tokens = App(server).tokens()

    def fail(verb: str, call: Any) -> Any:
        if verb != "withdrawals.replace_password":
            return call()
        if is_written:
            call()
        raise TemporarilyUnavailable("The store did not answer", reason="test")

    server.around = fail
    with pytest.raises(TemporarilyUnavailable):
        person.act(PASSWORD_PAGE, "change", current=PASSWORD, new=NEW)
    server.around = lambda verb, call: call()
    if not is_written:
        assert view(person.open("/my/security")).status == view(other.open("/my/security")).status == 200
        assert App(server).refresh(tokens.refresh_token)
        assert isinstance(_sign_in(server, PASSWORD), GoTo)
        return
    for browser in (person, other):  # nor has the one that changed it heard of its new cookie
        assert gone_to(browser.open("/my/security")) == ("login", "")
    with pytest.raises(InvalidGrant):
        App(server).refresh(tokens.refresh_token)
    assert isinstance(_sign_in(server, NEW), GoTo)


# ------------------------------------------------------------------ an authenticator app


def set_up(server: Server, person: Person) -> tuple[str, tuple[str, ...]]:
    """The secret and the recovery codes."""
    assert gone_to(person.act(APP_PAGE, "begin")) == ("my/security/app", "")
    secret = view(person.open(APP_PAGE)).context["secret"]
    told = view(person.act(APP_PAGE, "confirm", code=code_at(server.clock(), secret)))
    return secret, told.context["codes"]


def test_app_is_set_up_and_asked_for_from_then_on() -> None:
    server = Server()
    person = signed_in(server)
    secret, codes = set_up(server, person)
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    assert len(codes) == 10
    browser, handle = at_code(server)
    server.clock.advance(30)
    assert isinstance(browser.enter_code(handle, code=code_at(server.clock(), secret)), GoTo)
    again, handle = at_code(server)
    assert isinstance(again.enter_code(handle, recovery_code=codes[3]), GoTo)


@pytest.mark.rfc("6238", "5.2")
def test_code_that_confirmed_the_app_signs_nobody_in() -> None:
    server = Server()
    secret, _ = set_up(server, signed_in(server))
    browser, handle = at_code(server)
    assert not isinstance(browser.enter_code(handle, code=code_at(server.clock(), secret)), GoTo)


def test_secret_is_stored_wrapped_and_told_only_until_it_is_confirmed() -> None:
    server = Server()
    person = signed_in(server)
    secret, codes = set_up(server, person)
    stored = factors_of(server)
    assert stored.totp
    assert secret.encode() not in stored.totp.secret
    assert stored.recovery_codes == frozenset(map(recovery_codes.hash_of, codes))
    context = view(person.open(APP_PAGE)).context
    assert (context["secret"], context["uri"]) == ("", "")


def test_wrong_code_does_not_turn_the_app_on() -> None:
    server = Server()
    person = signed_in(server)
    person.act(APP_PAGE, "begin")
    assert set(view(person.act(APP_PAGE, "confirm", code="000000")).context["wrong"]) == {"code"}
    assert not factors_of(server).asks_for_code


def test_app_that_is_on_is_not_replaced_by_a_form_from_before() -> None:
    server = Server()
    person = signed_in(server)
    set_up(server, person)
    before = factors_of(server)
    assert view(person.act(APP_PAGE, "begin")).status == 409
    assert view(person.act(APP_PAGE, "confirm", code="000000")).status == 409
    assert factors_of(server) == before


def test_new_recovery_codes_end_the_old_ones() -> None:
    server = Server()
    person = signed_in(server)
    _, old = set_up(server, person)
    codes = view(person.act(APP_PAGE, "renew", **form_for_codes(person))).context["codes"]
    assert not set(codes) & set(old)
    assert factors_of(server).recovery_codes == frozenset(map(recovery_codes.hash_of, codes))


def form_for_codes(person: Person) -> dict[str, str]:
    """The hidden field of the form that asks for new recovery codes."""
    return {"version": str(view(person.open(APP_PAGE)).context["factors"].version)}


def test_form_for_new_codes_that_is_sent_twice_shows_none_that_do_not_work() -> None:
    server = Server()
    person = signed_in(server)
    set_up(server, person)
    form = form_for_codes(person)
    codes = view(person.act(APP_PAGE, "renew", **form)).context["codes"]
    again = view(person.act(APP_PAGE, "renew", **form))
    assert (again.status, "codes" in again.context) == (409, False)
    assert factors_of(server).recovery_codes == frozenset(map(recovery_codes.hash_of, codes))


def test_removed_app_is_asked_for_no_more() -> None:
    server = Server()
    person = signed_in(server)
    set_up(server, person)
    assert gone_to(person.act(APP_PAGE, "remove")) == ("my/security", "app-removed")
    assert view(person.act(APP_PAGE, "renew")).status == 409
    assert (factors_of(server).totp, factors_of(server).recovery_codes) == (None, frozenset())
    assert isinstance(_sign_in(server, PASSWORD), GoTo)


def test_change_of_what_was_changed_meanwhile_is_refused() -> None:
    server = Server()
    person = signed_in(server)
    set_up(server, person)
    raced: list[bool] = []

    def change_first(verb: str, call: Any) -> Any:
        if verb == "withdrawals.lessen_factors" and not raced:
            raced.append(server.factors.replace(factors_of(server)))
        return call()

    server.around = change_first
    assert view(person.act(APP_PAGE, "remove")).status == 409
    assert factors_of(server).asks_for_code


# ------------------------------------------------------------------ passkeys


def add(server: Server, person: Person, device: Authenticator, name: str = "A key") -> Answer:
    page = view(person.open(PASSKEYS_PAGE))
    signed = device.register(page.context["options"])
    return person.act(PASSKEYS_PAGE, "add", csrf=page.context["csrf"], credential=signed, name=name)


@pytest.mark.rfc("WebAuthn", "7.1")
def test_passkey_is_added_named_used_renamed_and_removed() -> None:
    server, device = Server(), Authenticator(ISSUER)
    person = signed_in(server)
    assert gone_to(add(server, person, device, " A key ")) == ("my/security/passkeys", "passkey-added")
    browser, handle, page = at_the_page(server)
    assert isinstance(browser.present_passkey(handle, device.sign(page.passkey)), GoTo)
    [(identifier, passkey)] = view(person.open(PASSKEYS_PAGE)).context["passkeys"]
    assert (passkey.name, passkey.last_used_at) == ("A key", server.clock())
    assert gone_to(person.act(PASSKEYS_PAGE, "rename", passkey=identifier, name="Another"))[1] == "passkey-renamed"
    assert [one.name for one in factors_of(server).passkeys] == ["Another"]
    assert gone_to(person.act(PASSKEYS_PAGE, "remove", passkey=identifier))[1] == "passkey-removed"
    assert factors_of(server).passkeys == ()
    browser, handle, page = at_the_page(server)
    assert not isinstance(browser.present_passkey(handle, device.sign(page.passkey)), GoTo)


@pytest.mark.parametrize("verb", ["factors.note_passkey_use", "counters.spend", "browsers.put_session"])
def test_a_sign_in_by_a_passkey_that_is_removed_meanwhile_begins_nothing(verb: str) -> None:
    server, device = Server(), Authenticator(ISSUER)
    person = signed_in(server)
    add(server, person, device)
    browser, handle, page = at_the_page(server)
    server.after(verb, lambda: person.act(PASSKEYS_PAGE, "remove", passkey=base64url(device.id)))
    browser.present_passkey(handle, device.sign(page.passkey))
    assert isinstance(browser.consent_page(handle), GoTo)
    assert view(person.open(PASSKEYS_PAGE)).context["passkeys"] == []


@pytest.mark.parametrize("factor", ["passkey", "app"])
def test_whoever_takes_a_factor_away_goes_on_in_one_browser_alone(factor: str) -> None:
    server, device = Server(), Authenticator(ISSUER)
    person, other = signed_in(server), signed_in(server)
    if factor == "passkey":
        add(server, person, device)
        person.act(PASSKEYS_PAGE, "remove", passkey=base64url(device.id))
    else:
        set_up(server, person)
        person.act(APP_PAGE, "remove")
    assert isinstance(person.open(PASSKEYS_PAGE), View)
    assert gone_to(other.open(PASSKEYS_PAGE))[0] == "login"


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb", "a\x1bb"])
def test_passkey_has_a_name_that_can_be_shown(name: str) -> None:
    server, device = Server(), Authenticator(ISSUER)
    person = signed_in(server)
    answer = view(add(server, person, device, name))
    assert (answer.status, set(answer.context["wrong"])) == (400, {"name"})
    assert factors_of(server).passkeys == ()


def test_passkey_that_was_made_for_another_session_or_twice_is_refused() -> None:
    server, device = Server(), Authenticator(ISSUER)
    person, other = signed_in(server), signed_in(server)
    stolen = device.register(view(other.open(PASSKEYS_PAGE)).context["options"])
    assert view(person.act(PASSKEYS_PAGE, "add", credential=stolen, name="A key")).status == 409
    assert gone_to(add(server, person, device))
    assert view(add(server, person, device)).status == 409
    assert len(factors_of(server).passkeys) == 1


@pytest.mark.parametrize("credential", ["", "{}", "null", "x" * 5000])
def test_what_is_no_passkey_is_refused(credential: str) -> None:
    person = signed_in(Server())
    assert view(person.act(PASSKEYS_PAGE, "add", credential=credential, name="A key")).status == 409


def test_nobody_changes_another_users_passkeys() -> None:
    server, device = Server(), Authenticator(ISSUER)
    server.users.create(user(sub="sub-of-bob", username="bob"))
    give_passkey(server, device, "sub-of-bob")
    person = signed_in(server)
    before = factors_of(server, "sub-of-bob")
    for action in ("rename", "remove"):
        person.act(PASSKEYS_PAGE, action, passkey=base64url(device.id), name="Mine")
    assert factors_of(server, "sub-of-bob") == before
    assert factors_of(server).passkeys == ()


@pytest.mark.parametrize("read", ["users.get", "factors.get"])
def test_form_that_was_under_way_puts_no_passkey_back_that_an_operator_takes_away(read: str) -> None:
    server, device = Server(), Authenticator(ISSUER)
    person = signed_in(server)
    give_passkey(server, Authenticator(ISSUER, name="another"))
    page = view(person.open(PASSKEYS_PAGE))
    signed = device.register(page.context["options"])
    server.after(read, lambda: operator_removes_factors(server))
    person.act(PASSKEYS_PAGE, "add", csrf=page.context["csrf"], credential=signed, name="A key")
    assert factors_of(server).passkeys == ()


def test_while_an_operator_takes_factors_away_nobody_who_is_signed_in_adds_one() -> None:
    server, device = Server(), Authenticator(ISSUER)
    person = signed_in(server)
    page = view(person.open(PASSKEYS_PAGE))
    signed = device.register(page.context["options"])

    def add_one() -> None:
        person.act(PASSKEYS_PAGE, "add", csrf=page.context["csrf"], credential=signed, name="A key")

    server.after("withdrawals.remove_factors", add_one)
    operator_removes_factors(server)
    assert factors_of(server).passkeys == ()


def operator_removes_factors(server: Server) -> None:
    operator = Api(server, users.OPERATIONS, "operator", scope="admin:users")
    assert operator.call("DELETE", f"/admin/users/{SUB}/factors").status == 204


def test_passkeys_are_bounded() -> None:
    server = Server()
    person = signed_in(server)
    for number in range(20):
        give_passkey(server, Authenticator(ISSUER, name=f"device {number}"))
    assert view(add(server, person, Authenticator(ISSUER))).status == 409
    assert len(factors_of(server).passkeys) == 20


def test_overview_tells_what_there_is() -> None:
    server = Server()
    give_totp(server)
    person = Person(server)
    browser, handle = at_code(server)
    browser.enter_code(handle, code=code_at(server.clock()))
    person.session = browser.session
    context = view(person.open("/my/security", done="password")).context
    assert context["factors"].asks_for_code
    assert context["notice"] == NOTICES["password"]


def test_every_change_is_noted_for_the_user() -> None:
    server, device = Server(), Authenticator(ISSUER)
    person = signed_in(server)
    set_up(server, person)
    person.act(APP_PAGE, "renew", **form_for_codes(person))
    person.act(APP_PAGE, "remove")
    add(server, person, device)
    person.act(PASSKEYS_PAGE, "remove", passkey=base64url(device.id))
    person.act(PASSWORD_PAGE, "change", current=PASSWORD, new=NEW)
    noted = [(one.kind, one.about) for one in server.journal.activities(SUB).items]
    assert set(CHANGES) <= set(noted)


CHANGES = [
    ("factor_added", "code"),
    ("recovery_codes_made", ""),
    ("factor_removed", "code"),
    ("factor_added", "passkey"),
    ("factor_removed", "passkey"),
    ("password_changed", ""),
]
