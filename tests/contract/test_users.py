"""Laws of users: one login name, however it is written, for one person."""

import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.models.users import User
from authserver.storage.users import UserStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.records import NOW, identifier, user
from tests.contract.test_races import all_at_once


def test_create_is_found_by_subject_and_by_name(users: UserStore) -> None:
    person = user()
    assert users.create(person)
    assert users.get(person.sub) == person
    assert users.find(person.username) == person


def test_get_and_find_of_nobody_are_none(users: UserStore) -> None:
    assert users.told("nobody") is None
    assert users.get(identifier()) is None
    assert users.find(identifier()) is None


@pytest.mark.parametrize("number", [0, 1, 100, 120])
def test_get_all_finds_those_that_there_are(users: UserStore, number: int) -> None:
    people = [user() for _ in range(number)]
    for person in people:
        assert users.create(person)
    subs = [identifier(), *(person.sub for person in people), *(person.sub for person in people)]
    assert users.get_all(subs) == {person.sub: person for person in people}


@pytest.mark.parametrize(
    ("stored", "variant"),
    [
        ("alice", "ALICE"),
        ("Straße", "STRASSE"),
        ("ﬁnn", "finn"),
        ("Ångström", unicodedata.normalize("NFD", "ångström")),
        ("zoë", "ｚｏë"),
        ("bob", "  bob "),
        ("ς", "Σ"),
    ],
)
def test_create_of_a_name_taken_in_another_spelling_is_refused(users: UserStore, stored: str, variant: str) -> None:
    mark = identifier().lower()
    first, second = user(username=stored + mark), user(username=variant.rstrip() + mark)
    assert users.create(first)
    assert not users.create(second)
    assert users.get(second.sub) is None
    assert users.find(variant.rstrip() + mark) == first


def test_create_with_a_taken_subject_is_refused_and_takes_no_name(users: UserStore) -> None:
    first = user()
    assert users.create(first)
    second = user(sub=first.sub)
    assert not users.create(second)
    assert users.find(second.username) is None
    assert users.get(first.sub) == first


@pytest.mark.parametrize("username", ["a#b", "login#x", "user#x", "a\x00b", "x" * 3000, "🦄", "' OR 1=1"])
def test_names_that_look_like_keys_are_names(users: UserStore, username: str) -> None:
    mark = identifier().lower()
    person = user(username=username + mark)
    assert users.create(person)
    assert users.find(username + mark) == person
    assert users.find(username + mark + "x") is None


def test_identify_tells_the_subject_of_a_name_and_nothing_of_nobodys(users: UserStore) -> None:
    person = user()
    assert users.create(person)
    assert users.identify(person.username.upper()) == person.sub
    assert users.identify(person.sub) == users.identify(identifier()) == users.identify("") == ""


def test_find_of_a_subject_is_none(users: UserStore) -> None:
    person = user()
    assert users.create(person)
    assert users.find(person.sub) is None
    assert users.find(f"user#{person.sub}") is None


def test_rehash_replaces_the_hash_that_is_there_and_nothing_else(users: UserStore) -> None:
    person = user(password_hash="old", name="Alice")
    assert users.create(person)
    assert users.rehash(person.sub, "old", "new")
    assert users.get(person.sub) == replace(person, password_hash="new")
    assert not users.rehash(person.sub, "old", "newer")
    assert users.get(person.sub) == replace(person, password_hash="new")


def test_rehash_of_nobody_makes_nobody(users: UserStore) -> None:
    sub = identifier()
    assert not users.rehash(sub, "", "new")
    assert users.get(sub) is None


def test_create_by_sixteen_at_once_makes_one(users: UserStore) -> None:
    mark = identifier().lower()
    spellings = [f"ﬁnn{mark}", f"FINN{mark}", f"Finn{mark}", f"ﬁNN{mark}"] * 4
    people = [user(username=spelling) for spelling in spellings]
    barrier = Barrier(len(people))

    def create(number: int) -> bool:
        barrier.wait()
        try:
            return users.create(people[number])
        except TemporarilyUnavailable:  # DynamoDB may find two transactions in conflict; neither has then happened
            return False

    with ThreadPoolExecutor(len(people)) as pool:
        made = list(pool.map(create, range(len(people))))
    assert made.count(True) == 1
    winner = people[made.index(True)]
    assert users.find(f"finn{mark}") == winner
    assert [users.get(person.sub) for person in people if person is not winner] == [None] * (len(people) - 1)


def test_update_sets_what_it_names_and_nothing_else(users: UserStore) -> None:
    person = user(name="Alice", email="alice@example.com")
    assert users.create(person)
    wanted: dict[str, Any] = {
        "name": "",
        "email_verified": True,
        "preferred_username": "al",
        "pending_email": "b@example.com",
    }
    changed = replace(person, **wanted)
    assert users.update(person.sub, **wanted) == changed
    assert users.get(person.sub) == changed
    assert users.find(person.username) == changed


WRITERS = ["update", "change_user"]


def writer(name: str, users: UserStore, withdrawals: WithdrawalStore) -> Callable[..., User | None]:
    return users.update if name == "update" else withdrawals.change_user


@pytest.mark.parametrize("name", WRITERS)
def test_attributes_are_changed_one_by_one(name: str, users: UserStore, withdrawals: WithdrawalStore) -> None:
    person, change = user(), writer(name, users, withdrawals)
    assert users.create(person)
    first: dict[str, Any] = {"level": 0, "groups": ("a", "b"), "with-a.dot": "x", "address": {"country": "UK"}}
    changed = change(person.sub, attributes=first, name="Al")
    assert changed == replace(person, attributes=first, name="Al")
    changed = change(person.sub, attributes={"groups": ("c",), "active": False, "level": None, "nothing": None})
    left: dict[str, Any] = {"groups": ("c",), "active": False, "with-a.dot": "x", "address": {"country": "UK"}}
    assert changed == users.get(person.sub) == replace(person, attributes=left, name="Al")
    assert change(person.sub, attributes=dict.fromkeys(left)) == replace(person, name="Al")


@pytest.mark.parametrize("name", WRITERS)
def test_first_attribute_is_kept_whose_provider_is_taken_away(
    name: str, users: UserStore, withdrawals: WithdrawalStore
) -> None:
    """As an operator's change does, which no identity provider may undo."""
    person, change = user(), writer(name, users, withdrawals)
    assert users.create(person)
    given: dict[str, Any] = {"attributes": {"department": "Tea"}, "provided": {"department": None}}
    assert change(person.sub, **given) == users.get(person.sub) == replace(person, attributes={"department": "Tea"})


@pytest.mark.parametrize("name", WRITERS)
def test_attributes_of_nobody_make_nobody(name: str, users: UserStore, withdrawals: WithdrawalStore) -> None:
    sub = identifier()
    assert writer(name, users, withdrawals)(sub, attributes={"level": 1}) is None
    assert users.get(sub) is None


def test_of_many_who_change_attributes_at_once_none_undoes_another(
    users: UserStore, withdrawals: WithdrawalStore
) -> None:
    """Half of them take one away, which is final; the first to come make the map."""
    person = user(attributes={f"old{number}": number for number in range(4)})
    blank = user()
    assert users.create(person)
    assert users.create(blank)

    def change(number: int) -> None:
        by = writer(WRITERS[number % 2], users, withdrawals)
        attributes = {f"new{number}": number, f"old{number // 2}": None} if number < 8 else {f"new{number}": number}
        while True:
            try:
                assert by(person.sub, attributes=attributes)
                assert by(blank.sub, attributes={f"new{number}": number})
            except TemporarilyUnavailable:  # transactions in conflict
                continue
            return

    all_at_once(change, 10)
    for sub in (person.sub, blank.sub):
        stored = users.get(sub)
        assert stored is not None
        assert stored.attributes == {f"new{number}": number for number in range(10)}


def test_update_of_nobody_makes_nobody(users: UserStore) -> None:
    sub = identifier()
    assert users.update(sub, name="x") is None
    assert users.get(sub) is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"username": "x"},
        {"id": "x"},
        {"name": "x", "username": "y"},
        {"status": "disabled"},
        {"operator": True},
        {"password_hash": "x"},
    ],
)
def test_update_of_anything_but_the_profile_is_an_error(users: UserStore, changes: dict[str, Any]) -> None:
    person = user()
    assert users.create(person)
    with pytest.raises(ValueError):
        users.update(person.sub, **changes)
    assert users.get(person.sub) == person


def test_delete_gives_the_name_back_and_can_be_repeated(users: UserStore, withdrawals: WithdrawalStore) -> None:
    person = user()
    assert users.create(person)
    for _ in range(2):
        withdrawals.delete_user(person.sub, NOW)
        assert users.get(person.sub) is None
        assert users.find(person.username) is None
    assert users.create(user(username=person.username))


def test_users_without_a_username_have_no_name_to_be_found_by(users: UserStore, withdrawals: WithdrawalStore) -> None:
    people = [user(username=""), user(username="")]
    for person in people:
        assert users.create(person)
        assert users.get(person.sub) == person
    assert users.find("") is None
    withdrawals.delete_user(people[0].sub, NOW)
    assert users.get(people[0].sub) is None
