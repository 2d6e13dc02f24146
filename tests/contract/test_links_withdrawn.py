"""Laws of links in mails that are listed and taken back."""

from dataclasses import replace
from typing import Any

from authserver.messages.mail import EMAIL_VERIFICATION, PASSWORD_RESET
from authserver.models.browsers import WITHDRAWN, OneTimeLink
from authserver.models.users import User
from authserver.storage.browsers import BrowserStore
from authserver.values import sha256
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, key, listed, user

OLD, NEW = "old@b.example", "new@b.example"


def put(browsers: BrowserStore, sub: str, **overrides: Any) -> OneTimeLink:
    made = OneTimeLink(identifier(), sha256("secret"), PASSWORD_RESET, sub, OLD, NOW, NOW + 60)
    made = replace(made, **overrides)
    assert browsers.put_link(made)
    return made


def person(stores: Stores, **overrides: Any) -> User:
    made = user(email=OLD, **overrides)
    assert stores.users.create(made)
    return made


def stored(stores: Stores, link: OneTimeLink) -> OneTimeLink | None:
    return stores.browsers.link(link.id, key(link.subject)).link


def test_links_are_listed_by_age_and_nobody_elses(stores: Stores) -> None:
    sub = identifier()
    mine = [put(stores.browsers, sub, created_at=NOW + age) for age in (3, 1, 2)]
    put(stores.browsers, identifier())
    found = listed(lambda limit, cursor: stores.browsers.links(sub, limit=limit, cursor=cursor))
    assert found == sorted(mine, key=lambda one: one.created_at)


def test_a_link_that_was_used_is_listed_as_such(stores: Stores) -> None:
    alice = person(stores)
    link = put(stores.browsers, alice.sub)
    assert stores.withdrawals.reset_password(link, "claim", "another hash", NOW)
    assert [one.spent_by for one in stores.browsers.links(alice.sub).items] == ["claim"]


def test_a_link_that_was_taken_back_sets_no_password(stores: Stores) -> None:
    alice = person(stores)
    link = put(stores.browsers, alice.sub)
    assert stores.withdrawals.withdraw_link(link)
    assert not stores.withdrawals.reset_password(link, "claim", "another hash", NOW)
    assert stores.users.get(alice.sub) == alice
    assert stored(stores, link) == replace(link, spent_by=WITHDRAWN)


def test_a_link_that_was_taken_back_is_not_brought_back_by_its_order(stores: Stores) -> None:
    link = put(stores.browsers, identifier())
    assert stores.withdrawals.withdraw_link(link)
    assert not stores.browsers.put_link(link)
    assert stored(stores, link) == replace(link, spent_by=WITHDRAWN)


def test_a_link_that_was_taken_back_confirms_no_address_and_none_is_wanted(stores: Stores) -> None:
    alice = person(stores, pending_email=NEW)
    link = put(stores.browsers, alice.sub, purpose=EMAIL_VERIFICATION, address=NEW)
    assert stores.withdrawals.withdraw_link(link)
    assert not stores.users.confirm_email(link, "claim", NOW)
    assert stores.users.get(alice.sub) == replace(alice, pending_email="")


def test_the_address_that_is_wanted_by_now_stays_wanted(stores: Stores) -> None:
    alice = person(stores, pending_email=NEW)
    link = put(stores.browsers, alice.sub, purpose=EMAIL_VERIFICATION, address="other@b.example")
    assert stores.withdrawals.withdraw_link(link)
    assert stores.users.get(alice.sub) == alice
    assert not stores.withdrawals.withdraw_link(link)


def test_a_link_to_a_password_leaves_the_address_that_is_wanted(stores: Stores) -> None:
    alice = person(stores, pending_email=OLD)
    assert stores.withdrawals.withdraw_link(put(stores.browsers, alice.sub))
    assert stores.users.get(alice.sub) == alice


def test_what_was_used_is_another_subjects_or_none_is_not_taken_back(stores: Stores) -> None:
    alice = person(stores)
    used, other = put(stores.browsers, alice.sub), put(stores.browsers, identifier())
    assert stores.withdrawals.reset_password(used, "claim", "another hash", NOW)
    assert not stores.withdrawals.withdraw_link(used)
    assert not stores.withdrawals.withdraw_link(replace(other, subject=alice.sub))
    assert not stores.withdrawals.withdraw_link(replace(other, id=identifier()))
    assert stored(stores, used) == replace(used, spent_by="claim")
    assert stored(stores, other) == other
