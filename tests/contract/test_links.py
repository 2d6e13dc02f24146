"""Laws of links in mails: used once, by one write, while nothing has ended them; and of what they change in a user."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from authserver.models import OneTimeLink
from authserver.storage import BrowserStore, TokenStore, UserStore
from authserver.values import sha256
from tests.contract.records import NOW, identifier, key, user
from tests.contract.test_round_trips import ALL_OCTETS, TEXT, is_complete

HASH = sha256("secret")


def link(**overrides: Any) -> OneTimeLink:
    made = OneTimeLink(identifier(), HASH, "password_reset", f"sub-{identifier()}", "a@b.example", NOW, NOW + 60)
    return replace(made, **overrides)


def stored(browsers: BrowserStore, **overrides: object) -> OneTimeLink:
    made = link(**overrides)
    assert browsers.put_link(made)
    return made


def test_link_with_every_field(browsers: BrowserStore) -> None:
    made = OneTimeLink(identifier(), ALL_OCTETS, TEXT, TEXT, TEXT, 0, NOW, "claim")
    assert is_complete(made)
    assert browsers.put_link(made)
    assert browsers.link(made.id, key(TEXT)).link == made


def test_unknown_link_is_none(browsers: BrowserStore) -> None:
    state = browsers.link(identifier(), key("nobody"))
    assert (state.link, state.not_before) == (None, 0)


def test_link_is_told_with_what_ended_everything_of_its_subject(tokens: TokenStore, browsers: BrowserStore) -> None:
    made = stored(browsers)
    tokens.cut_off(subject=made.subject, not_before=NOW + 5, expires_at=NOW + 100)
    assert browsers.link(made.id, key(made.subject)).not_before == NOW + 5
    tokens.suspend(subject=made.subject)
    assert browsers.link(made.id, key(made.subject)).not_before > NOW + 2**32


def test_link_is_used_once(browsers: BrowserStore) -> None:
    made = stored(browsers)
    assert [browsers.spend_link(made.id, HASH, claim, NOW) for claim in "abb"] == [True, False, False]
    spent = browsers.link(made.id, key(made.subject)).link
    assert spent == replace(made, spent_by="a")


def test_retry_of_the_same_use_is_that_use(browsers: BrowserStore) -> None:
    made = stored(browsers)
    assert [browsers.spend_link(made.id, HASH, "a", NOW) for _ in range(2)] == [True, True]


@pytest.mark.parametrize(("secret", "now"), [("wrong", NOW), ("secret", NOW + 60), ("secret", NOW + 61)])
def test_wrong_or_over_is_not_used(secret: str, now: int, browsers: BrowserStore) -> None:
    made = stored(browsers)
    assert not browsers.spend_link(made.id, sha256(secret), "a", now)
    assert browsers.spend_link(made.id, HASH, "b", NOW)


def test_unknown_link_is_not_used(browsers: BrowserStore) -> None:
    missing = link()
    assert not browsers.spend_link(missing.id, HASH, "a", NOW)
    assert browsers.link(missing.id, key(missing.subject)).link is None


def test_link_is_stored_again_until_it_was_used(browsers: BrowserStore) -> None:
    made = stored(browsers)
    later = replace(made, expires_at=NOW + 90)
    assert browsers.put_link(later)
    assert browsers.link(made.id, key(made.subject)).link == later
    assert browsers.spend_link(made.id, HASH, "a", NOW)
    assert not browsers.put_link(made)
    assert not browsers.spend_link(made.id, HASH, "b", NOW)


def test_of_many_at_once_one_uses_it(browsers: BrowserStore) -> None:
    made = stored(browsers)
    with ThreadPoolExecutor(8) as pool:
        used = pool.map(lambda claim: browsers.spend_link(made.id, HASH, str(claim), NOW), range(8))
        assert sum(used) == 1


# ------------------------------------------------------------------ users


def test_password_is_reset_where_the_address_is_the_users(users: UserStore) -> None:
    record = user(email="a@b.example")
    users.create(record)
    assert not users.reset_password(record.sub, "new hash", "other@b.example")
    assert users.get(record.sub) == record
    assert users.reset_password(record.sub, "new hash", "a@b.example")
    assert users.get(record.sub) == replace(record, password_hash="new hash", email_verified=True)


def test_password_of_nobody_is_not_reset(users: UserStore) -> None:
    missing = user()
    assert not users.reset_password(missing.sub, "new hash", "a@b.example")
    assert users.get(missing.sub) is None


def test_address_that_the_user_wants_is_confirmed(users: UserStore) -> None:
    record = user(email="a@b.example", pending_email="new@b.example")
    users.create(record)
    assert not users.confirm_email(record.sub, "a@b.example")
    assert users.confirm_email(record.sub, "new@b.example")
    confirmed = replace(record, email="new@b.example", email_verified=True, pending_email="")
    assert users.get(record.sub) == confirmed
    assert users.confirm_email(record.sub, "new@b.example")
    assert users.get(record.sub) == confirmed


def test_address_that_the_user_does_not_want_any_more_is_not_confirmed(users: UserStore) -> None:
    record = user(email="a@b.example", pending_email="old@b.example")
    users.create(record)
    users.update(record.sub, pending_email="new@b.example")
    assert not users.confirm_email(record.sub, "old@b.example")
    changed = users.get(record.sub)
    assert changed is not None
    assert (changed.email, changed.email_verified, changed.pending_email) == ("a@b.example", False, "new@b.example")


def test_address_of_nobody_is_not_confirmed(users: UserStore) -> None:
    missing = user()
    assert not users.confirm_email(missing.sub, "a@b.example")
    assert users.get(missing.sub) is None
