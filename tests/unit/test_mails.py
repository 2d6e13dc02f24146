"""Mails: what is ordered, who gets one, what it says, and the link in it."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from authserver.endpoints.orders.mail import write_letter
from authserver.errors import TemporarilyUnavailable, TooManyAttempts
from authserver.identity.begin import begun_of, key_text
from authserver.identity.mail_links import OpenedLink, make_link, open_link
from authserver.identity.mails import (
    order_reset,
    order_verification,
    tell_of_new_address,
    tell_of_new_factors,
    tell_of_new_password,
)
from authserver.identity.new_password import refusal
from authserver.messages.mail import (
    EMAIL_CHANGED,
    EMAIL_VERIFICATION,
    FACTORS_CHANGED,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    Letter,
    MailOrder,
    NoLetter,
)
from authserver.models.browsers import Session
from authserver.models.users import User
from authserver.pages.mails import render_mail
from authserver.values import Secret, base64url, is_mail_address
from tests.fakes import (
    ISSUER,
    START,
    Clock,
    Counted,
    FakeCounters,
    FakeStores,
    Random,
    rings,
    services,
    user,
)

if TYPE_CHECKING:
    from authserver.services import Services

NEW = "new@example.com"


class Post:
    """A deployment whose mails are ordered and not sent."""

    def __init__(self, *users: User) -> None:
        self.clock = Clock()
        self.orders: list[MailOrder] = []
        self.stores = FakeStores.of(users=users or [user()], rings=rings())
        self.users = Counted(self.stores.users)
        self.browsers = Counted(self.stores.browsers)
        self.counters = Counted(FakeCounters())
        self.services: Services = services(
            users=self.users.as_store,
            tokens=self.stores.tokens,
            browsers=self.browsers.as_store,
            withdrawals=self.stores.withdrawals,
            counters=self.counters.as_store,
            key_store=self.stores.keys,
            record=self.stores.record,
            now=self.clock,
            order_mail=self.orders.append,
        )

    def order(self, kind: str = PASSWORD_RESET, **fields: Any) -> MailOrder:
        defaults: dict[str, Any] = {"id": base64url(Random(str(fields))(16)), "issuer": ISSUER, "ordered_at": START}
        return MailOrder(kind, **{**defaults, **fields})

    def session(self, sub: str = "sub-of-alice") -> Session:
        """One that begins now."""
        ends = self.stores.record.ends(key_text(sub))
        begun, sessions = begun_of(ends), ends.subject.sessions
        return Session("s", b"", sub, START, START, START + 3600, "", begun=begun, sessions=sessions)

    def letter(self, order: MailOrder) -> Letter:
        letter = write_letter(order, self.services)
        assert isinstance(letter, Letter)
        return letter

    def reason(self, order: MailOrder) -> str:
        letter = write_letter(order, self.services)
        assert isinstance(letter, NoLetter)
        return letter.reason

    def alice(self) -> User:
        alice = self.services.users.get("sub-of-alice")
        assert alice
        return alice


@pytest.fixture
def post() -> Post:
    return Post()


# ------------------------------------------------------------------ orders


@pytest.mark.parametrize("username", ["alice", "nobody", "", "ÅLICE", "x" * 5000])
def test_a_reset_is_ordered_whatever_the_name(username: str, post: Post) -> None:
    order_reset(username, "203.0.113.7", "de", post.services)
    (order,) = post.orders
    assert (order.kind, order.username, order.languages) == (PASSWORD_RESET, username, "de")
    subject = "sub-of-alice" if username == "alice" else ""
    assert (order.issuer, order.ordered_at, order.subject, order.address) == (ISSUER, START, subject, "")


def test_an_order_says_under_which_epochs_it_was_given(post: Post) -> None:
    """The function that sends it later must not look: something may have ended in between."""
    post.stores.withdrawals.end(subject="sub-of-alice")
    post.stores.withdrawals.end_sessions("sub-of-alice")
    session = post.session()
    order_reset("alice", "203.0.113.7", "", post.services)
    order_verification(post.alice(), session, NEW, "", post.services)
    reset, verification = post.orders
    assert (reset.begun.subject, reset.sessions) == (1, None)
    assert (verification.begun, verification.sessions) == (session.begun, 1)


def test_ordering_is_the_same_work_for_a_name_that_exists_and_one_that_does_not(post: Post) -> None:
    work = []
    for username in ("alice", "nobody"):
        post.users.calls.clear()
        post.browsers.calls.clear()
        post.counters.calls.clear()
        order_reset(username, "203.0.113.7", "", post.services)
        work.append((dict(post.users.calls), dict(post.browsers.calls), dict(post.counters.calls), len(post.orders)))
    assert work[0][:3] == work[1][:3] == ({"identify": 1}, {"ends": 1}, {"count": 4})
    assert [orders for *_, orders in work] == [1, 2]


def test_orders_differ(post: Post) -> None:
    order_reset("alice", "203.0.113.7", "", post.services)
    order_reset("bob", "203.0.113.7", "", post.services)
    assert len({order.id for order in post.orders}) == 2


def test_a_form_that_is_sent_twice_is_one_mail(post: Post) -> None:
    for username in ("alice", "alice", " ALICE"):
        order_reset(username, "203.0.113.7", "", post.services)
    assert len(post.orders) == 1


def test_whoever_asks_without_end_neither_floods_a_user_nor_keeps_them_from_a_link(post: Post) -> None:
    """There is always a mail whose link has half its time left."""
    for minute in range(120):
        for source in (f"203.0.113.{minute}", f"198.51.100.{minute}"):
            order_reset("alice", source, "", post.services)
        assert post.clock.time - post.orders[-1].ordered_at < 900
        post.clock.time += 60
    assert len(post.orders) == 2 * (3 + 3)


def test_a_source_cannot_have_any_number_of_mails_sent(post: Post) -> None:
    for number in range(50):
        order_reset(f"user-{number}", "2001:db8::1", "", post.services)
    order_reset("user-50", "2001:db8::2", "", post.services)
    with pytest.raises(TooManyAttempts) as refused:
        order_reset("user-51", "2001:db8::3", "", post.services)
    assert len(post.orders) == 51
    order_reset("alice", "203.0.113.7", "", post.services)
    post.clock.time += refused.value.retry_after
    order_reset("user-51", "2001:db8::3", "", post.services)
    assert [one.username for one in post.orders[51:]] == ["alice", "user-51"]


def test_nothing_is_ordered_where_no_mails_are_sent(post: Post) -> None:
    order_reset("alice", "203.0.113.7", "", replace(post.services, order_mail=None))
    assert post.orders == []


def test_who_wants_an_address_is_sent_a_link_there_and_keeps_the_old_one_until_then(post: Post) -> None:
    before = post.alice()
    assert order_verification(before, post.session(), NEW, "da", post.services)
    (order,) = post.orders
    assert (order.kind, order.subject, order.address, order.languages) == (EMAIL_VERIFICATION, before.sub, NEW, "da")
    assert post.alice() == replace(before, pending_email=NEW)


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "a@b.example\nbcc: c@d.example", "a b@c.example"])
def test_what_is_no_address_is_not_taken(address: str, post: Post) -> None:
    before = post.alice()
    assert not order_verification(before, post.session(), address, "", post.services)
    assert (post.orders, post.alice()) == ([], before)


def test_a_user_cannot_have_any_number_of_addresses_written_to(post: Post) -> None:
    for number in range(5):
        assert order_verification(post.alice(), post.session(), f"a{number}@b.example", "", post.services)
    with pytest.raises(TooManyAttempts):
        order_verification(post.alice(), post.session(), NEW, "", post.services)
    assert len(post.orders) == 5
    assert post.alice().pending_email == "a4@b.example"


@pytest.mark.rfc("ASVS 5.0", "2.4.1")
def test_many_accounts_cannot_have_any_number_of_mails_sent_to_one_address() -> None:
    people = [user(sub=f"sub-{number}", username=f"user-{number}") for number in range(5)]
    post, refused = Post(*people), 0
    for person in people:
        for written in (NEW, NEW.upper(), NEW):
            try:
                order_verification(person, post.session(), written, "", post.services)
            except TooManyAttempts:
                refused += 1
    assert (len(post.orders), refused) == (10, 5)


def test_what_was_changed_is_told_to_the_address_from_before(post: Post) -> None:
    for tell in (tell_of_new_password, tell_of_new_factors, tell_of_new_address):
        tell(post.alice(), "", post.services)
    assert [one.kind for one in post.orders] == [PASSWORD_CHANGED, FACTORS_CHANGED, EMAIL_CHANGED]
    assert {one.address for one in post.orders} == {"alice@example.com"}


@pytest.mark.parametrize("tell", [tell_of_new_password, tell_of_new_factors, tell_of_new_address])
def test_what_is_done_does_not_fail_for_want_of_a_mail(tell: Callable[..., None], post: Post) -> None:
    def refuse(_: MailOrder) -> None:
        raise TemporarilyUnavailable("The mail could not be ordered", reason="lambda_invoke")

    tell(post.alice(), "", replace(post.services, order_mail=refuse))


# ------------------------------------------------------------------ letters


def test_a_reset_goes_to_the_address_of_the_user(post: Post) -> None:
    letter = post.letter(post.order(username="ALICE"))
    assert (letter.kind, letter.to, letter.username) == (PASSWORD_RESET, "alice@example.com", "alice")
    assert letter.link.startswith(f"{ISSUER}/recover/ml_")
    assert letter.lifetime == 1800


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "disabled"}, "user_unknown"),
        ({"email": ""}, "address_missing"),
        ({"email": "a@b"}, "address_missing"),
        ({"email": "Alice <alice@example.com>"}, "address_missing"),
        ({"email": "alice@example.com\r\nBcc: mallory@example.com"}, "address_missing"),
        ({"email": "alice@example.com,mallory@example.com"}, "address_missing"),
    ],
)
def test_whoever_cannot_be_written_to_is_not(changes: dict[str, Any], reason: str) -> None:
    post = Post(user(**changes))
    assert post.reason(post.order(username="alice")) == reason
    assert post.browsers.calls == {}


@pytest.mark.parametrize("fields", [{"username": "nobody"}, {"username": ""}, {"subject": "nobody"}, {}])
def test_nobody_gets_no_mail(fields: dict[str, str], post: Post) -> None:
    assert post.reason(post.order(**fields)) == "user_unknown"


def test_an_unknown_kind_is_no_mail(post: Post) -> None:
    assert post.reason(post.order("greeting", username="alice")) == "kind_unknown"


def test_the_same_order_is_the_same_letter(post: Post) -> None:
    """Lambda carries out an order again whose answer it did not get."""
    order = post.order(username="alice")
    first = post.letter(order)
    post.clock.time += 180
    assert post.letter(order) == first
    opened = open_link(first.link.rpartition("/")[2], PASSWORD_RESET, post.services)
    assert opened
    assert opened.link.expires_at == START + 1800
    assert used(opened, "claim", post.services)
    assert post.reason(order) == "link_spent"


def test_links_of_two_orders_differ(post: Post) -> None:
    links = {post.letter(post.order(username="alice", id=base64url(bytes([n] * 16)))).link for n in range(2)}
    assert len(links) == 2


def test_an_address_that_the_user_does_not_want_any_more_is_not_written_to(post: Post) -> None:
    order_verification(post.alice(), post.session(), NEW, "", post.services)
    order_verification(post.alice(), post.session(), "newer@example.com", "", post.services)
    old, new = post.orders
    assert post.reason(old) == "address_unwanted"
    letter = post.letter(new)
    assert (letter.to, letter.lifetime) == ("newer@example.com", 86_400)
    assert letter.link.startswith(f"{ISSUER}/verify/ml_")


@pytest.mark.parametrize("kind", [PASSWORD_CHANGED, FACTORS_CHANGED, EMAIL_CHANGED])
def test_a_notice_has_no_link(kind: str, post: Post) -> None:
    letter = post.letter(post.order(kind, subject="sub-of-alice", address="old@example.com"))
    assert (letter.to, letter.link) == ("old@example.com", "")
    assert post.browsers.calls == {}


# ------------------------------------------------------------------ links


def link_of(post: Post, order: MailOrder | None = None) -> str:
    text = make_link(order or post.order(username="alice"), "sub-of-alice", "alice@example.com", post.services)
    assert text
    return text


def used(opened: OpenedLink, claim: str, services: "Services") -> bool:
    """Whether the link may be used, by a form that sets a password."""
    return services.withdrawals.reset_password(opened.link, claim, f"hash of {claim}", services.now())


def test_a_link_is_found_by_its_text_alone(post: Post) -> None:
    opened = open_link(link_of(post), PASSWORD_RESET, post.services)
    assert opened
    assert opened.is_live
    assert (opened.link.subject, opened.link.address) == ("sub-of-alice", "alice@example.com")


def test_a_link_is_for_its_purpose_alone(post: Post) -> None:
    assert open_link(link_of(post), EMAIL_VERIFICATION, post.services) is None


def test_garbage_costs_no_read(post: Post) -> None:
    text = link_of(post)
    post.browsers.calls.clear()
    flipped = ("B" if text[10] == "A" else "A").join((text[:10], text[11:]))
    for garbage in ("", "ml_", "ml_" + "A" * 86, text[:-1], text + "A", flipped, "se" + text[2:]):
        assert open_link(garbage, PASSWORD_RESET, post.services) is None
    assert post.browsers.calls == {}


def test_a_link_is_over_after_its_time(post: Post) -> None:
    text = link_of(post)
    for seconds, is_live in ((1799, True), (1, False)):
        post.clock.time += seconds
        opened = open_link(text, PASSWORD_RESET, post.services)
        assert opened
        assert opened.is_live == is_live
        assert used(opened, str(seconds), post.services) == is_live


@pytest.mark.parametrize("ended", ["before the order", "between", "after"])
def test_what_ended_everything_of_the_user_ended_the_link(ended: str, post: Post) -> None:
    """A newer password, for one. It counts from when the link was ordered, however late it was made."""
    if ended == "before the order":
        post.stores.withdrawals.end(subject="sub-of-alice")
    order_reset("alice", "203.0.113.7", "", post.services)
    if ended == "between":
        post.stores.withdrawals.end(subject="sub-of-alice")
    text = link_of(post, post.orders[0])
    if ended == "after":
        post.stores.withdrawals.end(subject="sub-of-alice")
    opened = open_link(text, PASSWORD_RESET, post.services)
    assert opened
    assert opened.is_live == (ended == "before the order")
    assert used(opened, "claim", post.services) == (ended == "before the order")


def test_a_link_for_a_forgotten_password_outlives_a_sign_out_everywhere(post: Post) -> None:
    """The user who signed out elsewhere may have asked for it."""
    text = link_of(post)
    post.stores.withdrawals.end_sessions("sub-of-alice")
    opened = open_link(text, PASSWORD_RESET, post.services)
    assert opened
    assert used(opened, "claim", post.services)


def test_a_link_that_is_stored_cannot_be_told_from_what_is_stored(post: Post) -> None:
    text = link_of(post)
    opened = open_link(text, PASSWORD_RESET, post.services)
    assert opened
    assert base64url(opened.secret) not in str(asdict(opened.link))
    assert base64url(opened.secret) not in repr(opened.link)


def test_one_form_is_one_use_however_often_it_is_sent(post: Post) -> None:
    opened = open_link(link_of(post), PASSWORD_RESET, post.services)
    assert opened
    uses = [used(opened, opened.claim(content), post.services) for content in ("one", "one", "two")]
    assert uses == [True, False, False]  # the second time it has been done, and nothing is done again
    assert post.alice().password_hash == f"hash of {opened.claim('one')}"


# ------------------------------------------------------------------ texts


@pytest.mark.parametrize("kind", [PASSWORD_RESET, EMAIL_VERIFICATION, PASSWORD_CHANGED, FACTORS_CHANGED, EMAIL_CHANGED])
@pytest.mark.parametrize("username", ["alice", ""])
def test_a_mail_tells_the_service_and_the_account_and_what_to_do_if_it_was_not_you(kind: str, username: str) -> None:
    link = f"{ISSUER}/recover/ml_x" if kind in (PASSWORD_RESET, EMAIL_VERIFICATION) else ""
    mail = render_mail(Letter(kind, "a@b.example", username, "Wonderland", ISSUER, "", link, 86_400))
    for form in (mail.text, mail.html):
        assert "Wonderland (as.example)" in form
        assert username in form
        assert "If it was not you" in form
        assert ("/recover/ml_x" in form) == bool(link)
    assert "Wonderland" in mail.subject
    assert f"\n{link}\n" in mail.text or not link
    assert "{" not in mail.text + mail.subject
    assert len(mail.html.encode()) < 4000


def test_a_mail_has_no_image_and_nothing_from_elsewhere() -> None:
    html = render_mail(
        Letter(PASSWORD_RESET, "a@b.example", "alice", "Wonderland", ISSUER, "", f"{ISSUER}/recover/ml_x", 1800)
    ).html
    assert not [tag for tag in ("<img", "<script", "<link", "url(", "@import") if tag in html]
    assert html.count("https://") == html.count(f"{ISSUER}/recover/ml_x") == 2


@pytest.mark.parametrize(
    "username", ["a\r\nBcc: b@c.example", "<a href='https://evil.example'>Click</a>", "%s {{ 7*7 }}"]
)
def test_a_name_is_text_whatever_it_is(username: str) -> None:
    mail = render_mail(Letter(PASSWORD_RESET, "a@b.example", username, "Wonderland", ISSUER, "", "https://x", 1800))
    assert "\r" not in mail.text + mail.subject
    assert "\n" not in mail.subject
    assert "<a href='" not in mail.html
    assert "49" not in mail.text
    assert " ".join(username.split()) in mail.text


@pytest.mark.rfc("5321", "4.5.3.1.3")
def test_addresses_that_mail_can_be_sent_to() -> None:
    assert all(
        map(is_mail_address, ("a@b.example", "a.b+c@d-e.example", "o'neill@x.y.example", "x" * 200 + "@b.example"))
    )
    wrong: tuple[str, ...] = (
        "a",
        "a@",
        "@b.example",
        "a@b",
        "a@@b.example",
        ".a@b.example",
        "a..b@c.example",
        '"a b"@c.example',
    )
    wrong += ("ä@b.example", "a@b.example.", "a@b..example", "a@b.example ", "a@b.example\n", "x" * 250 + "@b.example")
    assert not any(map(is_mail_address, wrong))


# ------------------------------------------------------------------ the rule of new passwords


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "at least 8"),
        ("seven77", "at least 8"),
        ("eight 88", ""),
        ("        ", ""),
        ("ü" * 512, ""),
        ("ü" * 513, "too long"),
        ("nul\x00in it", "cannot be used"),
        ("ALICE@example.com", "username and"),
        ("alice@example.com", "username and"),
        ("alice@example.com!", "username and"),
        ("1-ALICE-2026", "username and"),
        ("Wonderland!", "name of this service"),
        ("wonderland 2026", "name of this service"),
        ("alice in wonderland", ""),
        ("malice-2026", ""),
        ("superman", "most common"),
        ("SunShine", "most common"),
        ("1qaz2wsx", "most common"),
        ("qwertyuiop", "most common"),
        ("11111111", "most common"),
        ("correct horse battery staple", ""),
    ],
)
def test_what_may_become_a_password(password: str, words: str) -> None:
    said = refusal(Secret(password), "alice@example.com", "Wonderland")
    assert words in said
    assert bool(said) == bool(words)
    assert password == "" or password not in said


def test_who_has_no_username_may_choose_any_password() -> None:
    assert refusal(Secret("anything goes"), "", "Wonderland") == ""


@pytest.mark.rfc("ASVS 5.0", "6.2.4")
def test_at_least_the_three_thousand_most_common_passwords_of_enough_characters_are_refused() -> None:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    common = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= 8]
    assert len(common) > 3000
    assert all(refusal(Secret(one), "", "Wonderland") for one in common[:4000])
