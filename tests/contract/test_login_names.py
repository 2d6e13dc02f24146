"""Laws of login names: usernames and confirmed addresses are one namespace, and each is one user's at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.models.browsers import OneTimeLink
from authserver.models.users import Identity, User
from authserver.storage.users import AddressTaken, Confirmation
from authserver.values import sha256
from tests.contract.implementations import Stores
from tests.contract.records import NOW, configured, identifier, user
from tests.contract.test_races import all_at_once

HASH = sha256("secret")
ISSUER = "https://idp.example"


def address(mark: str = "") -> str:
    return f"{mark or identifier().lower()}@names.example"


def made(stores: Stores, **overrides: Any) -> User:
    person = user(**overrides)
    assert stores.users.create(person)
    return person


def confirmed(stores: Stores, **overrides: Any) -> User:
    return made(stores, **{"email": address(), "email_verified": True, **overrides})


def link_of(stores: Stores, person: User, to: str, purpose: str = "email_verification") -> OneTimeLink:
    link = OneTimeLink(identifier(), HASH, purpose, person.sub, to, NOW, NOW + 60)
    assert stores.browsers.put_link(link)
    return link


def confirm(stores: Stores, person: User, to: str) -> Confirmation | None:
    assert stores.users.update(person.sub, pending_email=to)
    return stores.users.confirm_email(link_of(stores, person, to), "claim", NOW)


def reset(stores: Stores, person: User) -> bool:
    link = link_of(stores, person, person.email, "password_reset")
    return stores.withdrawals.reset_password(link, "claim", "another hash", NOW)


def stored(stores: Stores, person: User) -> User:
    found = stores.users.get(person.sub)
    assert found is not None
    return found


# ------------------------------------------------------------------ what is a login name


@pytest.mark.parametrize(
    ("email", "typed"),
    [
        ("ann.lee+x{}@names.example", "Ann.Lee+X{}@NAMES.Example"),
        ("ann{}@xn--bcher-kva.example", "ann{}@BÜCHER.example"),
        ("ann{}@names.example", "  ann{}\uff20\uff4eames.example "),
    ],
)
def test_a_confirmed_address_finds_its_user_however_it_is_typed(stores: Stores, email: str, typed: str) -> None:
    mark = identifier().lower()
    person = confirmed(stores, email=email.format(mark))
    assert stores.users.identify(typed.format(mark)) == person.sub
    assert stores.users.find(typed.format(mark)) == person
    assert stores.users.find(person.username) == person


LOOK_ALIKE = ["annlee{}@names.example", "ann.lee{}+x@names.example", "\u0430nn.lee{}@names.example"]


@pytest.mark.parametrize("other", LOOK_ALIKE)
def test_what_only_looks_like_an_address_is_another(stores: Stores, other: str) -> None:
    """No dots, no tags and no letters of other scripts are taken for the same."""
    mark = identifier().lower()
    confirmed(stores, email=f"ann.lee{mark}@names.example")
    assert stores.users.identify(other.format(mark)) == ""


@pytest.mark.parametrize("email", ["ann@bücher.example", "änn@names.example", "ann@localhost", "a b@names.example"])
def test_an_address_that_no_mail_can_be_sent_to_is_no_login_name(stores: Stores, email: str) -> None:
    mark = identifier().lower()
    confirmed(stores, email=mark + email)
    assert stores.users.identify(mark + email) == ""
    confirmed(stores, email=mark + email)


def test_an_address_that_is_not_confirmed_is_no_login_name(stores: Stores) -> None:
    one, other = address(), address()
    made(stores, email=one, pending_email=other)
    assert stores.users.identify(one) == stores.users.identify(other) == ""


# ------------------------------------------------------------------ one namespace


def test_create_with_an_address_that_is_confirmed_is_refused_and_takes_nothing(stores: Stores) -> None:
    first = confirmed(stores)
    second = user(email=first.email.upper(), email_verified=True)
    assert not stores.users.create(second)
    assert stores.users.get(second.sub) is None
    assert stores.users.identify(second.username) == ""
    assert stores.users.find(first.email) == first


def test_a_username_and_an_address_are_not_two_peoples(stores: Stores) -> None:
    name = address()
    first = made(stores, username=name)
    assert not stores.users.create(user(email=name, email_verified=True))
    assert stores.users.find(name) == first
    second = confirmed(stores)
    assert not stores.users.create(user(username=second.email))
    assert stores.users.find(second.email) == second


def test_a_username_may_be_ones_own_address(stores: Stores, withdrawals: Any) -> None:
    name = address()
    person = confirmed(stores, username=name.upper(), email=name)
    assert stores.users.find(name) == person
    other = address()
    assert withdrawals.change_user(person.sub, email=other)
    assert stores.users.identify(name) == stores.users.identify(other) == person.sub
    assert withdrawals.change_user(person.sub, email=name)
    assert (stores.users.identify(name), stores.users.identify(other)) == (person.sub, "")
    withdrawals.delete_user(person.sub, NOW)
    assert stores.users.identify(name) == ""


# ------------------------------------------------------------------ taken and given back


GIVEN_BACK: dict[str, Callable[[Stores, User], object]] = {
    "another address, by a link": lambda stores, person: confirm(stores, person, address()),
    "another address, by an operator": lambda stores, person: stores.withdrawals.change_user(
        person.sub, email=address(), email_verified=True
    ),
    "not confirmed any more": lambda stores, person: stores.withdrawals.change_user(person.sub, email_verified=False),
    "no address": lambda stores, person: stores.withdrawals.change_user(person.sub, email=""),
    "another address, by a provider": lambda stores, person: stores.users.update(person.sub, email=address()),
    "deleted": lambda stores, person: stores.withdrawals.delete_user(person.sub, NOW),
}


@pytest.mark.parametrize("way", GIVEN_BACK)
def test_what_takes_an_address_away_gives_the_name_back(stores: Stores, way: str) -> None:
    person = confirmed(stores)
    assert GIVEN_BACK[way](stores, person)
    assert stores.users.identify(person.email) == ""
    after = stores.users.get(person.sub)
    if after is not None:
        assert stores.users.identify(person.username) == person.sub
        assert stores.users.identify(after.email) == (person.sub if after.email and after.email_verified else "")
    other = made(stores)
    assert confirm(stores, other, person.email) == Confirmation()
    assert stores.users.identify(person.email) == other.sub


TAKEN: dict[str, Callable[[Stores, User], object]] = {
    "by a link": lambda stores, person: confirm(stores, person, person.email),
    "by an operator": lambda stores, person: stores.withdrawals.change_user(person.sub, email_verified=True),
    "by a provider": lambda stores, person: stores.users.update(person.sub, email_verified=True),
    "by a new password": reset,
}


@pytest.mark.parametrize("way", TAKEN)
def test_what_confirms_an_address_makes_it_a_login_name(stores: Stores, way: str) -> None:
    person = made(stores, email=address())
    assert TAKEN[way](stores, person)
    assert stored(stores, person).email_verified
    assert stores.users.identify(person.email) == stores.users.identify(person.username) == person.sub


@pytest.mark.parametrize("way", ["by a link", "by an operator"])
def test_an_address_that_somebody_has_confirmed_is_taken(stores: Stores, way: str) -> None:
    first = confirmed(stores)
    second = made(stores, email=first.email)
    with pytest.raises(AddressTaken):
        TAKEN[way](stores, second)
    after = replace(stored(stores, second), pending_email="")
    assert (after, stored(stores, first)) == (second, first)
    assert stores.users.identify(first.email) == first.sub


def test_an_operators_word_takes_no_username_from_anybody(stores: Stores) -> None:
    name = address()
    first, second = made(stores, username=name), made(stores, email=name)
    with pytest.raises(AddressTaken):
        stores.withdrawals.change_user(second.sub, email_verified=True)
    assert stores.users.find(name) == first


def test_a_providers_word_counts_but_takes_no_login_name_from_anybody(stores: Stores) -> None:
    first = confirmed(stores)
    second = made(stores)
    changed = stores.users.update(second.sub, email=first.email, email_verified=True)
    assert changed == replace(second, email=first.email, email_verified=True)
    assert stores.users.identify(first.email) == first.sub
    assert stores.withdrawals.change_user(second.sub, email="")
    assert stores.users.identify(first.email) == first.sub, "a user cannot give back an address of another"
    stores.withdrawals.delete_user(second.sub, NOW)
    assert stores.users.identify(first.email) == first.sub


def test_a_new_password_by_a_link_verifies_no_address_of_somebody_else(stores: Stores) -> None:
    first = confirmed(stores)
    second = made(stores, email=first.email)
    assert reset(stores, second)
    assert stored(stores, second) == replace(second, password_hash="another hash")
    assert stores.users.identify(first.email) == first.sub


@pytest.mark.parametrize("is_free", [True, False])
def test_who_comes_from_a_provider_has_the_address_if_nobody_does(stores: Stores, is_free: bool) -> None:
    first = made(stores) if is_free else confirmed(stores)
    email = address() if is_free else first.email
    person = user(username="", password_hash="", email=email, email_verified=True)
    assert stores.users.create_federated(person, ISSUER, identifier(), configured(stores.identity_providers), None)
    assert stores.users.get(person.sub) == person
    assert stores.users.identify(email) == (person.sub if is_free else first.sub)


# ------------------------------------------------------------------ who gives way


def test_a_username_gives_way_to_whoever_confirms_that_address(stores: Stores) -> None:
    name = address("ann." + identifier().lower())
    holder = made(stores, username=name.upper(), email="somewhere@else.example")
    person = made(stores)
    confirmation = confirm(stores, person, name)
    after = stored(stores, holder)
    assert confirmation == Confirmation(renamed=after)
    assert after == replace(holder, username=after.username, updated_at=NOW)
    local = name.partition("@")[0]
    assert after.username.startswith(f"{local}-")
    assert len(after.username) == len(local) + 9
    assert stores.users.find(name) == stored(stores, person)
    assert stores.users.find(after.username) == after
    stores.withdrawals.delete_user(holder.sub, NOW)
    assert stores.users.identify(after.username) == ""
    assert stores.users.identify(name) == person.sub


def test_a_username_that_is_ones_own_address_gives_way_to_nobody(stores: Stores) -> None:
    name = address()
    holder = confirmed(stores, username=name, email=name)
    person = made(stores)
    with pytest.raises(AddressTaken):
        confirm(stores, person, name)
    assert stored(stores, holder) == holder


def test_the_retry_of_a_confirmation_takes_nothing_twice(stores: Stores) -> None:
    name = address()
    made(stores, username=name)
    person = made(stores, pending_email=name)
    link = link_of(stores, person, name)
    answers = [stores.users.confirm_email(link, claim, NOW) for claim in ("claim", "claim", "other")]
    assert [answer is not None for answer in answers] == [True, True, False]
    assert stores.users.identify(name) == person.sub


def test_a_link_that_is_over_takes_no_name_from_anybody(stores: Stores) -> None:
    name = address()
    holder = made(stores, username=name)
    person = made(stores, pending_email=name)
    link = link_of(stores, person, name)
    assert stores.users.confirm_email(link, "claim", NOW + 60) is None
    assert stores.users.find(name) == holder


# ------------------------------------------------------------------ at once


def test_of_many_who_confirm_one_address_one_has_it(stores: Stores) -> None:
    name = address()
    people = [made(stores, pending_email=name) for _ in range(6)]
    links = [link_of(stores, person, name) for person in people]

    def attempt(number: int) -> bool:
        try:
            return stores.users.confirm_email(links[number], "claim", NOW) is not None
        except (AddressTaken, TemporarilyUnavailable):
            return False

    won = all_at_once(attempt, len(people))
    assert won.count(True) == 1
    winner = people[won.index(True)]
    assert stores.users.identify(name) == winner.sub
    assert [stored(stores, person).email_verified for person in people] == won


def test_an_address_that_changes_hands_leaves_no_name_behind(stores: Stores) -> None:
    """One is deleted, and changed, at the same moment."""
    for _ in range(4):
        person = confirmed(stores)
        others = [address(), address()]

        def act(number: int, person: User = person, others: list[str] = others) -> None:
            try:
                if number == 2:
                    stores.withdrawals.delete_user(person.sub, NOW)
                else:
                    stores.withdrawals.change_user(person.sub, email=others[number], email_verified=True)
            except TemporarilyUnavailable:
                pass

        all_at_once(act, 3)
        after = stores.users.get(person.sub)
        found = {name for name in (person.email, *others) if stores.users.identify(name)}
        assert found == ({after.email} if after else set())


def test_an_identity_stays_what_it_was(stores: Stores) -> None:
    """A change of an address by a provider is on the condition of the identity."""
    person = made(stores)
    identity = Identity.of(person.sub, ISSUER, identifier(), NOW)
    assert stores.users.link(identity)
    name = address()
    assert stores.users.update(person.sub, identity=identity.id, email=name, email_verified=True)
    assert stores.withdrawals.unlink(person.sub, identity.id)
    assert stores.users.update(person.sub, identity=identity.id, email=address(), email_verified=True) is None
    assert stores.users.identify(name) == person.sub
