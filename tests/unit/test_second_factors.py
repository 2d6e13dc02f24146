"""Signing in with a code after the password, with a recovery code, with a passkey; and all that must not work."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import CLOCK_SKEW
from authserver.errors import InvalidGrant, InvalidRequest, TemporarilyUnavailable
from authserver.identity import passkeys, recovery_codes, totp
from authserver.identity.passkeys import Ceremony
from authserver.identity.second_factors import ChangedMeanwhile, rename_passkey
from authserver.messages.browser import CodePage, ConsentPage, GoTo, LoginPage
from authserver.models import ACTIVE, DISABLED
from authserver.models.factors import Factors, Totp
from authserver.tokens.opaque import key_of
from authserver.values import Secret, base64url
from tests.authenticator import Authenticator
from tests.fakes import ISSUER, PASSWORD, FakePasswords, user
from tests.unit.server import App, Browser, Server, all_at_once
from tests.unit.test_password_grant import serving, told
from tests.unit.test_sign_in import at_login

SUB = "sub-of-alice"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODES = ("0123-4567-89ab-cdef", "aaaa-bbbb-cccc-dddd")


def code_at(now: int, secret: str = SECRET) -> str:
    from pyotp import TOTP

    return TOTP(secret).at(now)


def give_totp(server: Server, subject: str = SUB, secret: str = SECRET, *, confirmed: bool = True) -> None:
    wrapped = totp.wrap_secret(subject, secret, server.services)
    hashes = frozenset(map(recovery_codes.hash_of, CODES))
    assert server.factors.replace(Factors(subject, Totp(wrapped, server.clock() if confirmed else 0), hashes))


def at_code(server: Server) -> tuple[Browser, str]:
    browser, handle = at_login(server)
    answer = browser.sign_in(handle)
    assert isinstance(answer, GoTo)
    assert answer.page == "login/code"
    return browser, handle


def is_signed_in(browser: Browser, handle: str) -> bool:
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage | GoTo)
    return isinstance(page, ConsentPage)


def refused(answer: Any) -> bool:
    assert isinstance(answer, CodePage | LoginPage), answer
    return answer.status == 401


# ------------------------------------------------------------------ the app's code


@pytest.mark.rfc("6238", "4")
def test_password_and_code_sign_in_together() -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    assert browser.session is None
    assert not is_signed_in(browser, handle)
    answer = browser.enter_code(handle, code=code_at(server.clock()))
    assert isinstance(answer, GoTo)
    assert answer.page == "consent"
    assert is_signed_in(browser, handle)


def test_secret_that_was_never_confirmed_asks_for_nothing() -> None:
    server = Server()
    give_totp(server, confirmed=False)
    browser, handle = at_login(server)
    browser.sign_in(handle)
    assert is_signed_in(browser, handle)


@pytest.mark.rfc("6238", "5.2")
@pytest.mark.parametrize(("drift", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_one_step_of_drift_is_forgiven(drift: int, taken: bool) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    answer = browser.enter_code(handle, code=code_at(server.clock() + drift))
    assert isinstance(answer, GoTo) is taken


@pytest.mark.rfc("6238", "5.2")
def test_a_code_works_once() -> None:
    server = Server()
    give_totp(server)
    code = code_at(server.clock())
    browser, handle = at_code(server)
    assert isinstance(browser.enter_code(handle, code=code), GoTo)
    thief, other = at_code(server)
    assert refused(thief.enter_code(other, code=code))
    assert refused(thief.enter_code(other, code=code_at(server.clock() - 30)))
    server.clock.advance(30)
    assert isinstance(thief.enter_code(other, code=code_at(server.clock())), GoTo)


def test_of_many_who_send_one_code_at_once_one_is_signed_in() -> None:
    server = Server()
    give_totp(server)
    attempts = [at_code(server) for _ in range(5)]
    code = code_at(server.clock())
    answers = all_at_once(lambda number: attempts[number][0].enter_code(attempts[number][1], code=code), 5)
    assert [isinstance(answer, GoTo) for answer in answers].count(True) == 1


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "000000 ", "-12345", "\x00" * 6, "9" * 9000]
)
def test_what_is_no_code_is_refused(code: str) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    assert refused(browser.enter_code(handle, code=code))
    assert not is_signed_in(browser, handle)


@pytest.mark.parametrize("written", ["{0}", "{0} ", " {1} {2}", "{1} {2}"])
def test_a_code_is_understood_as_apps_show_it(written: str) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    code = code_at(server.clock())
    assert isinstance(browser.enter_code(handle, code=written.format(code, code[:3], code[3:])), GoTo)


def test_code_of_another_user_is_refused() -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    give_totp(server)
    give_totp(server, "sub-of-bob", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")
    browser, handle = at_code(server)
    assert refused(browser.enter_code(handle, code=code_at(server.clock(), "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")))


def test_form_made_for_one_user_is_none_for_the_next_who_types_a_password() -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    for subject in (SUB, "sub-of-bob"):
        give_totp(server, subject)
    browser, handle = at_code(server)
    page = browser.code_page(handle)
    assert isinstance(page, CodePage)
    browser.sign_in(handle, username="bob")
    with pytest.raises(InvalidRequest):
        browser.enter_code(handle, csrf=page.csrf, code=code_at(server.clock()))


def test_whoever_has_not_typed_the_password_is_asked_for_it_first() -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_login(server)
    for answer in (browser.code_page(handle), browser.enter_code(handle, csrf="x", code=code_at(server.clock()))):
        assert isinstance(answer, GoTo)
        assert (answer.page, answer.session) == ("login", None)


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
def test_form_of_another_page_or_browser_is_refused() -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    login: Any = browser.login_page(handle)
    for form in ({"csrf": ""}, {"csrf": login.csrf}, {"browser_secret": "x"}):
        with pytest.raises(InvalidRequest):
            browser.enter_code(handle, code=code_at(server.clock()), **form)
    assert not is_signed_in(browser, handle)


def test_password_that_was_changed_meanwhile_signs_nobody_in() -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    assert server.withdrawals.set_password(SUB, FakePasswords().hash(Secret("another")))
    browser.enter_code(handle, csrf="x", code=code_at(server.clock()))
    assert not is_signed_in(browser, handle)


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.set_password(SUB, FakePasswords().hash(Secret(PASSWORD))),
        lambda server: server.withdrawals.end_sessions(SUB),
        lambda server: [server.withdrawals.change_user(SUB, status=status) for status in (DISABLED, ACTIVE)],
        lambda server: server.withdrawals.end_everything("another era"),
    ],
    ids=["password", "sessions", "disabled and enabled", "everything"],
)
@pytest.mark.parametrize("verb", ["users.account_state", "factors.use_totp_step", "browsers.put_session"])
def test_whatever_ends_while_a_code_is_checked_ends_the_session_that_it_begins(
    verb: str, end: Callable[[Server], None]
) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    page: Any = browser.code_page(handle)
    server.after(verb, lambda: end(server))
    browser.enter_code(handle, csrf=page.csrf, code=code_at(server.clock()))
    assert not is_signed_in(browser, handle)


def test_user_who_was_disabled_meanwhile_is_not_signed_in() -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    server.withdrawals.change_user(SUB, status=DISABLED)
    answer = browser.enter_code(handle, csrf="x", code=code_at(server.clock()))
    assert isinstance(answer, GoTo)
    assert answer.page == "login"


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
def test_codes_are_slowed_down_by_account_and_the_owners_browser_is_not() -> None:
    server = Server()
    give_totp(server)
    owner, handle = at_code(server)
    owner.enter_code(handle, code=code_at(server.clock()))
    server.clock.advance(30)
    thief, stolen = at_code(server)
    statuses = []
    for number in range(7):
        page = thief.enter_code(stolen, code=f"{number:06}")
        assert isinstance(page, CodePage)
        statuses.append((page.status, page.retry_after))
    assert statuses == [(401, None)] * 5 + [(429, 1)] * 2
    pending: Any = owner.authorize(prompt="login")
    owner.sign_in(pending.request_handle)
    assert isinstance(owner.enter_code(pending.request_handle, code=code_at(server.clock())), GoTo)


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
@pytest.mark.rfc("6238", "5.1")
def test_device_cookies_collected_before_there_was_a_second_factor_do_not_multiply_guesses() -> None:
    """A person with the password signs in without limit while it is enough, and gets a cookie each time."""
    server = Server()
    cookies = []
    for _ in range(12):
        thief, handle = at_login(server)
        thief.sign_in(handle)
        cookies.append(thief.device_cookie)
    give_totp(server)
    looked_at = 0
    for cookie in cookies:
        thief, handle = at_code(server)
        thief.device_cookie = cookie
        pages: list[Any] = [thief.enter_code(handle, code="000000") for _ in range(5)]
        looked_at += [page.status for page in pages].count(401)
    assert looked_at == 20 + 5  # of all browsers that are known, and then of the account


@pytest.mark.rfc("ASVS 5.0", "7.2.4")
def test_session_changes_and_the_old_one_dies_with_the_code_not_with_the_password() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    old = browser.session
    give_totp(server)
    pending: Any = browser.authorize(prompt="login")
    browser.sign_in(pending.request_handle)
    assert browser.session == old
    assert not is_signed_in(browser, pending.request_handle)
    browser.enter_code(pending.request_handle, code=code_at(server.clock()))
    assert browser.session != old
    browser.session = old
    assert browser.go_through(prompt="none")["error"] == "login_required"


@pytest.mark.rfc("6749", "4.3.2")
def test_password_grant_is_no_way_around_the_code() -> None:
    server = serving()
    give_totp(server)
    refusal = told(server)
    assert isinstance(refusal, InvalidGrant)
    assert (refusal.description, refusal.reason) == (told(server, password="wrong").description, "second_factor_owed")


@pytest.mark.parametrize(
    "verb", ["users.account_state", "counters.attempt", "factors.use_totp_step", "browsers.put_session"]
)
def test_storage_that_fails_signs_nobody_in(verb: str) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    page: Any = browser.code_page(handle)
    server.around = _failing(verb)
    with pytest.raises(TemporarilyUnavailable):
        browser.enter_code(handle, csrf=page.csrf, code=code_at(server.clock()))
    server.around = lambda verb, call: call()
    assert not is_signed_in(browser, handle)


def _failing(verb: str) -> Callable[[str, Callable[[], Any]], Any]:
    def fail(called: str, call: Callable[[], Any]) -> Any:
        if called == verb:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    return fail


# ------------------------------------------------------------------ recovery codes


def test_ten_codes_are_random_readable_and_not_stored() -> None:
    drawn: list[int] = []

    def random(octets: int) -> bytes:
        drawn.append(octets)
        return len(drawn).to_bytes(octets)

    codes = recovery_codes.new_codes(random)
    assert len(set(codes)) == 10
    assert drawn == [10] * 10  # 80 bits each
    assert codes[0] == "0000-0000-0000-0001"
    assert all(set(code) <= set(recovery_codes.ALPHABET) | {"-"} for code in codes)


@pytest.mark.parametrize(
    "written", ["0123-4567-89ab-cdef", "0123456789ABCDEF", " o123 4567 89ab cdef ", "OL23-4567-89AB-CDEF"]
)
def test_a_recovery_code_signs_in_once_however_it_is_written(written: str) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    assert isinstance(browser.enter_code(handle, recovery_code=written), GoTo)
    again, other = at_code(server)
    assert refused(again.enter_code(other, recovery_code=written))
    assert isinstance(again.enter_code(other, recovery_code=CODES[1]), GoTo)
    third, handle = at_code(server)
    page = third.code_page(handle)
    assert isinstance(page, CodePage)
    assert not page.has_recovery_codes


@pytest.mark.parametrize("written", ["", "0123", "0123-4567-89ab-cdee", "x" * 9000, "0123-4567-89ab-cdef-0"])
def test_what_is_no_recovery_code_is_refused(written: str) -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    assert refused(browser.enter_code(handle, recovery_code=written))


@pytest.mark.parametrize("use", ["code", "recovery code"])
def test_what_was_used_is_not_brought_back_by_a_change_that_was_under_way(use: str) -> None:
    """A page that renames a passkey writes the factors as it read them."""
    server, device = Server(), Authenticator(ISSUER)
    give_totp(server)
    give_passkey(server, device)
    entered = {"code": code_at(server.clock())} if use == "code" else {"recovery_code": CODES[0]}
    browser, handle = at_code(server)
    server.before("factors.replace", lambda: browser.enter_code(handle, **entered))
    with pytest.raises(ChangedMeanwhile):
        rename_passkey(SUB, base64url(device.id), "Another", server.services)
    again, other = at_code(server)
    assert refused(again.enter_code(other, **entered))


# ------------------------------------------------------------------ passkeys


def give_passkey(server: Server, device: Authenticator, subject: str = SUB) -> None:
    """Registers the device's passkey for a user, as the account's page does."""
    ceremony, person = Ceremony("add", "a session"), server.users.get(subject)
    assert person
    before = server.factors.get(base64url(key_of(subject))) or Factors(subject)
    options = passkeys.creation_options(ceremony, person, before, "Authserver", server.services)
    made = passkeys.take_registration(device.register(options), ceremony, "A device", server.services)
    assert server.factors.replace(replace(before, passkeys=(*before.passkeys, made)))


def at_passkey(server: Server, device: Authenticator) -> tuple[Browser, str, LoginPage]:
    give_passkey(server, device)
    return at_the_page(server)


def at_the_page(server: Server) -> tuple[Browser, str, LoginPage]:
    browser, handle = at_login(server)
    page = browser.login_page(handle)
    assert isinstance(page, LoginPage)
    return browser, handle, page


@pytest.mark.rfc("WebAuthn", "7.2")
@pytest.mark.parametrize("counts", [True, False])
def test_a_passkey_signs_in_without_password_or_code(counts: bool) -> None:
    server, device = Server(), Authenticator(ISSUER, counts=counts)
    give_totp(server)
    give_passkey(server, device)
    for _ in range(2):
        browser, handle, page = at_the_page(server)
        answer = browser.present_passkey(handle, device.sign(page.passkey))
        assert isinstance(answer, GoTo), answer
        assert answer.page == "consent"
        assert is_signed_in(browser, handle)
        assert browser.device_cookie


@pytest.mark.rfc("WebAuthn", "7.2")
@pytest.mark.rfc("ASVS 5.0", "7.2.4")
def test_a_passkey_begins_a_new_session_and_ends_the_old_one() -> None:
    server, device = Server(), Authenticator(ISSUER)
    give_passkey(server, device)
    browser = Browser(server)
    browser.code()
    old = browser.session
    pending: Any = browser.authorize(prompt="login")
    page = browser.login_page(pending.request_handle)
    assert isinstance(page, LoginPage)
    browser.present_passkey(pending.request_handle, device.sign(page.passkey))
    assert browser.session != old
    browser.session = old
    assert browser.go_through(prompt="none")["error"] == "login_required"


def test_an_answer_works_once_even_where_the_device_does_not_count() -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    signed = device.sign(page.passkey)
    assert isinstance(browser.present_passkey(handle, signed), GoTo)
    browser.session = None
    assert refused(browser.present_passkey(handle, signed, csrf=page.csrf))
    assert browser.session is None


@pytest.mark.rfc("WebAuthn", "7.2")
def test_of_many_who_send_one_answer_at_once_one_is_signed_in() -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    signed = device.sign(page.passkey)
    answers = all_at_once(lambda _: browser.present_passkey(handle, signed, csrf=page.csrf), 8)
    assert [isinstance(answer, GoTo) for answer in answers].count(True) == 1


@pytest.mark.rfc("WebAuthn", "7.2")
@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://evil.example"},
        {"origin": f"{ISSUER}.evil.example"},
        {"type": "webauthn.create"},
        {"challenge": "AAAA"},
        {"challenge": base64url(b"ch_" + b"A" * 75)},
        {"handle": b""},
        {"handle": b"x" * 16},
        {"handle": SUB.encode()},
    ],
)
def test_an_answer_to_anything_else_is_refused(changed: dict[str, Any]) -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    assert refused(browser.present_passkey(handle, device.sign(page.passkey, **changed)))
    assert browser.session is None
    assert isinstance(browser.present_passkey(handle, device.sign(page.passkey)), GoTo)


@pytest.mark.rfc("WebAuthn", "7.2")
@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04])
def test_a_user_who_was_not_verified_is_refused(flags: int) -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    device.flags = flags
    assert refused(browser.present_passkey(handle, device.sign(page.passkey)))


@pytest.mark.rfc("WebAuthn", "7.2")
def test_a_device_whose_count_falls_behind_is_refused() -> None:
    server, device = Server(), Authenticator(ISSUER, counts=True)
    browser, handle, page = at_passkey(server, device)
    assert isinstance(browser.present_passkey(handle, device.sign(page.passkey)), GoTo)
    device.count = 0
    browser, handle, page = at_the_page(server)
    assert refused(browser.present_passkey(handle, device.sign(page.passkey)))


def test_a_challenge_is_good_for_five_minutes_in_its_own_browser_for_its_own_request_and_purpose() -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    other, other_handle, other_page = at_the_page(server)
    assert refused(other.present_passkey(other_handle, device.sign(page.passkey)))
    person = server.users.get(SUB)
    assert person
    creation = passkeys.creation_options(Ceremony("add", "x"), person, None, "Authserver", server.services)
    stolen = {**page.passkey, "challenge": creation["challenge"]}
    assert refused(browser.present_passkey(handle, device.sign(stolen)))
    server.clock.advance(299)
    assert isinstance(browser.present_passkey(handle, device.sign(page.passkey)), GoTo)
    server.clock.advance(1)
    assert refused(other.present_passkey(other_handle, device.sign(other_page.passkey)))


def test_anothers_passkey_does_not_sign_in_by_naming_somebody_else() -> None:
    server, device, other = Server(), Authenticator(ISSUER), Authenticator(ISSUER, name="another")
    server.users.create(user(sub="sub-of-bob", username="bob"))
    give_passkey(server, device)
    give_passkey(server, other, "sub-of-bob")
    browser, handle, page = at_the_page(server)
    handle_of_alice = key_of(SUB)
    assert refused(browser.present_passkey(handle, other.sign(page.passkey, handle=handle_of_alice)))
    other.id = device.id
    assert refused(browser.present_passkey(handle, other.sign(page.passkey, handle=handle_of_alice)))


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"response": {}}',
        '{"response": []}',
        "[" * 5000,
        '{"response": {"clientDataJSON": "e30"}}',
        "\ud800",
    ],
)
def test_garbage_is_refused(garbage: str) -> None:
    server = Server()
    browser, handle, _ = at_passkey(server, Authenticator(ISSUER))
    assert refused(browser.present_passkey(handle, garbage))


def test_disabled_and_deleted_users_have_no_passkeys() -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    server.withdrawals.change_user(SUB, status=DISABLED)
    assert refused(browser.present_passkey(handle, device.sign(page.passkey)))
    server.withdrawals.delete_user(SUB, server.clock())
    browser, handle, page = at_the_page(server)
    assert refused(browser.present_passkey(handle, device.sign(page.passkey)))


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
def test_answer_without_the_pages_form_is_refused() -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    with pytest.raises(InvalidRequest):
        browser.present_passkey(handle, device.sign(page.passkey), csrf="x")


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:3000", "http://[::1]:3000"])
def test_an_address_offers_no_passkeys(issuer: str) -> None:
    assert at_the_page(Server(issuer=issuer))[2].passkey == {}


@pytest.mark.parametrize(
    "verb", ["factors.get", "factors.note_passkey_use", "counters.spend", "users.get", "browsers.put_session"]
)
def test_storage_that_fails_lets_no_passkey_in(verb: str) -> None:
    server, device = Server(), Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    server.around = _failing(verb)
    with pytest.raises(TemporarilyUnavailable):
        browser.present_passkey(handle, device.sign(page.passkey), csrf=page.csrf)
    server.around = lambda verb, call: call()
    assert not is_signed_in(browser, handle)


@pytest.mark.rfc("WebAuthn", "7.1")
@pytest.mark.parametrize("by", [CLOCK_SKEW, 2 * CLOCK_SKEW])
def test_a_challenge_by_a_clock_ahead_is_answered_once_however_long_others_take_it(by: int) -> None:
    server, ceremony = Server(), Ceremony("add", "a session")
    person = server.users.get(SUB)
    assert person
    ahead = server.new_instance(lambda: server.clock() + by)
    signed = Authenticator(ISSUER).register(passkeys.creation_options(ceremony, person, None, "Authserver", ahead))
    passkeys.take_registration(signed, ceremony, "A device", server.services)
    server.clock.advance(by + passkeys.CHALLENGE_LIFETIME - 1)
    server.counters.vanish(server.clock())
    with pytest.raises(passkeys.PasskeyRefused, match="passkey_replayed"):
        passkeys.take_registration(signed, ceremony, "A device", server.services)


@pytest.mark.rfc("WebAuthn", "7.1")
@pytest.mark.parametrize(
    "changed", [{"origin": "https://evil.example"}, {"type": "webauthn.get"}, {"challenge": "AAAA"}]
)
def test_registration_of_anything_else_is_refused(changed: dict[str, Any]) -> None:
    server, ceremony = Server(), Ceremony("add", "a session")
    person = server.users.get(SUB)
    assert person
    options = passkeys.creation_options(ceremony, person, None, "Authserver", server.services)
    device = Authenticator(ISSUER)
    with pytest.raises(passkeys.PasskeyRefused):
        passkeys.take_registration(device.register(options, **changed), ceremony, "A device", server.services)
    signed = device.register(options)
    with pytest.raises(passkeys.PasskeyRefused):
        passkeys.take_registration(signed, Ceremony("add", "another session"), "A device", server.services)
    assert passkeys.take_registration(signed, ceremony, "A device", server.services).name == "A device"
    with pytest.raises(passkeys.PasskeyRefused):
        passkeys.take_registration(signed, ceremony, "A device", server.services)


def test_registration_asks_for_another_device_than_those_there_are() -> None:
    server, device = Server(), Authenticator(ISSUER)
    give_passkey(server, device)
    person, factors = server.users.get(SUB), server.factors.get(base64url(key_of(SUB)))
    assert person
    options = passkeys.creation_options(Ceremony("add", "x"), person, factors, "Authserver", server.services)
    assert [one["id"] for one in options["excludeCredentials"]] == [base64url(device.id)]
    assert options["user"]["id"] == base64url(key_of(SUB))
    assert options["authenticatorSelection"]["userVerification"] == "required"


def test_app_gets_its_tokens_after_all_this() -> None:
    server = Server()
    give_totp(server)
    browser, handle = at_code(server)
    browser.enter_code(handle, code=code_at(server.clock()))
    answer: Any = browser.decide(handle)
    assert App(server).exchange(answer.parameters["code"]).id_token
