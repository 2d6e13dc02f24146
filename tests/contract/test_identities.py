"""Laws of linked identities: listed as they are, and taken away in the write that ends what their user had."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from authserver.aws.table import Table
from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.models.browsers import Session
from authserver.models.factors import Factors, Passkey
from authserver.models.users import Identity, Source, User
from authserver.storage.users import MOST_IDENTITIES
from tests.contract.implementations import Stores
from tests.contract.records import NOW, configured, identifier, key, session, user
from tests.contract.test_races import all_at_once

ISSUER = "https://idp.example"
ROUNDS = 8
NONE = Factors("nobody")


def made(stores: Stores, count: int = 1, **overrides: Any) -> tuple[User, list[Identity]]:
    """A user with so many identities, oldest first."""
    person = user(**overrides)
    assert stores.users.create(person)
    identities = [Identity.of(person.sub, ISSUER, identifier(), NOW + age) for age in range(count)]
    assert all(map(stores.users.link, identities))
    return person, identities


def signed_in(stores: Stores, sub: str, **overrides: Any) -> Session:
    record = session(subject=sub, **overrides)
    stores.browsers.put_session(record)
    return record


def successor_of(before: Session) -> Session:
    return replace(before, id=identifier(), begun=replace(before.begun, subject=before.begun.subject + 1))


def stands(stores: Stores, record: Session) -> bool:
    state = stores.browsers.browser_state(session_id=record.id, subject_key=key(record.subject))
    return state.session == record and state.ends.stand(record.begun, record.sessions)


def passkey(name: str = "phone") -> Passkey:
    return Passkey(name.encode(), b"public", name, NOW)


def with_passkey(stores: Stores, sub: str) -> Factors:
    assert stores.factors.replace(Factors(sub, passkeys=(passkey(),)))
    stored = stores.factors.get(key(sub))
    assert stored is not None
    return stored


# ------------------------------------------------------------------ listed


@pytest.mark.parametrize("subject", ["1", "ä#\x00🦄", "x" * 255])
def test_an_identity_is_listed_whole(subject: str, stores: Stores) -> None:
    person = user()
    assert stores.users.create(person)
    identity = Identity.of(person.sub, ISSUER, subject + identifier(), NOW)
    assert stores.users.link(identity)
    assert stores.users.identities(person.sub) == (identity,)


def test_identities_are_listed_oldest_first_and_nobody_elses(stores: Stores) -> None:
    person, identities = made(stores, 3)
    made(stores, 2)
    assert stores.users.identities(person.sub) == tuple(identities)
    assert stores.users.identities(identifier()) == ()


def test_the_identity_of_a_first_sign_in_is_since_the_account_is(stores: Stores) -> None:
    person, subject = user(username="", created_at=NOW + 7), identifier()
    assert stores.users.create_federated(person, ISSUER, subject, configured(stores.identity_providers), None)
    assert stores.users.identities(person.sub) == (Identity.of(person.sub, ISSUER, subject, NOW + 7),)


def test_an_identity_that_is_linked_again_stays_as_it_is(stores: Stores) -> None:
    person, (identity,) = made(stores)
    assert stores.users.link(replace(identity, created_at=NOW + 99))
    assert stores.users.identities(person.sub) == (identity,)


def test_a_user_has_no_more_identities_than_there_may_be(stores: Stores) -> None:
    person, identities = made(stores, MOST_IDENTITIES)
    one_more = Identity.of(person.sub, ISSUER, identifier())
    assert not stores.users.link(one_more)
    assert stores.users.find_by_identity(ISSUER, one_more.subject) is None
    assert stores.withdrawals.unlink(person.sub, identities[0].id)
    assert stores.users.link(one_more)
    stores.withdrawals.delete_user(person.sub, NOW)
    assert stores.users.get(person.sub) is None
    assert not [one for one in identities if stores.users.find_by_identity(one.issuer, one.subject)]


# ------------------------------------------------------------------ taken away


def test_unlinking_frees_the_identity_and_ends_all_that_the_user_had(stores: Stores) -> None:
    person, (first, second) = made(stores, 2)
    record = signed_in(stores, person.sub)
    assert stands(stores, record)
    assert stores.withdrawals.unlink(person.sub, first.id)
    assert stores.users.identities(person.sub) == (second,)
    assert stores.users.find_by_identity(ISSUER, first.subject) is None
    assert stores.users.find_by_identity(ISSUER, second.subject) == person
    assert not stands(stores, record)
    other, _ = made(stores)
    assert stores.users.link(Identity.of(other.sub, ISSUER, first.subject))


def test_what_is_not_the_users_is_not_unlinked_and_ends_nothing(stores: Stores) -> None:
    (person, _), (other, (theirs,)) = made(stores), made(stores)
    records = [signed_in(stores, one.sub) for one in (person, other)]
    assert not stores.withdrawals.unlink(person.sub, theirs.id)
    assert not stores.withdrawals.unlink(person.sub, identifier())
    assert not stores.withdrawals.unlink(identifier(), theirs.id)
    assert all(stands(stores, one) for one in records)
    assert stores.users.find_by_identity(ISSUER, theirs.subject) == other


def test_the_last_identity_is_unlinked_and_the_user_stays(stores: Stores) -> None:
    person, (identity,) = made(stores, username="", password_hash="")
    assert stores.withdrawals.unlink(person.sub, identity.id)
    assert (stores.users.get(person.sub), stores.users.identities(person.sub)) == (person, ())
    assert not stores.withdrawals.unlink(person.sub, identity.id)
    assert stores.users.link(identity)


def test_of_many_who_unlink_at_once_one_does(stores: Stores) -> None:
    person, (identity,) = made(stores)

    def unlink(_: int) -> bool:
        try:
            return stores.withdrawals.unlink(person.sub, identity.id)
        except TemporarilyUnavailable:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(unlink, range(8))) == 1
    assert stores.browsers.ends(key(person.sub)).subject.epoch == 1


def test_an_identity_that_is_linked_while_its_user_is_deleted_does_not_stay_behind(stores: Stores) -> None:
    other, _ = made(stores, 0)
    for _ in range(ROUNDS):
        person, _ = made(stores)
        identity, barrier = Identity.of(person.sub, ISSUER, identifier()), Barrier(2)

        def link(identity: Identity = identity, barrier: Barrier = barrier) -> None:
            barrier.wait()
            with suppress(TemporarilyUnavailable):
                stores.users.link(identity)

        def delete(sub: str = person.sub, barrier: Barrier = barrier) -> None:
            barrier.wait()
            with suppress(TemporarilyUnavailable):
                stores.withdrawals.delete_user(sub, NOW)

        with ThreadPoolExecutor(2) as pool:
            for act in (link, delete):
                pool.submit(act)
        stores.withdrawals.delete_user(person.sub, NOW)
        assert stores.users.link(replace(identity, sub=other.sub))


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize("change", ["another", "one less", "one in place of another"])
def test_a_user_is_deleted_with_the_identities_that_there_are_when_it_is_written(
    before: int, change: str, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set is compared with the set that was read, whatever it has in common with it."""
    if stores.dynamodb is None:
        pytest.skip("the fakes read and write at once")
    person, identities = made(stores, before)
    late, (other, _) = Identity.of(person.sub, ISSUER, identifier()), made(stores, 0)
    transact = Table.transact

    def later(table: Table, writes: Any) -> Any:
        monkeypatch.undo()
        if change != "another":
            assert stores.withdrawals.unlink(person.sub, identities[0].id)
        if change != "one less":
            assert stores.users.link(late)
        return transact(table, writes)

    monkeypatch.setattr(Table, "transact", later)
    stores.withdrawals.delete_user(person.sub, NOW)
    assert stores.users.get(person.sub) is None
    for identity in (*identities, late):
        assert stores.users.link(replace(identity, sub=other.sub)), "it was left behind"


# ------------------------------------------------------------------ by its user


def test_whoever_unlinks_their_own_goes_on_in_one_session_alone(stores: Stores) -> None:
    person, (first, second) = made(stores, 2)
    mine, other = signed_in(stores, person.sub), signed_in(stores, person.sub)
    after = successor_of(mine)
    assert stores.by(mine).withdrawals.unlink_own(first, NONE, mine, after)
    assert stores.users.identities(person.sub) == (second,)
    assert stands(stores, after)
    assert not stands(stores, mine)
    assert not stands(stores, other)


WAYS: list[tuple[dict[str, str], int, bool, bool]] = [
    ({}, 1, False, True),  # a password
    ({"username": ""}, 1, False, False),  # a password that no name goes with
    ({"password_hash": ""}, 1, False, False),
    ({"password_hash": ""}, 1, True, True),
    ({"username": "", "password_hash": ""}, 2, False, True),
    ({"username": "", "password_hash": ""}, 1, True, True),
    ({"username": "", "password_hash": ""}, 1, False, False),
]


@pytest.mark.parametrize(("fields", "count", "has_passkey", "may"), WAYS)
def test_nobody_unlinks_their_only_way_to_sign_in(
    fields: dict[str, str], count: int, has_passkey: bool, may: bool, stores: Stores
) -> None:
    person, identities = made(stores, count, **fields)
    factors = with_passkey(stores, person.sub) if has_passkey else NONE
    mine = signed_in(stores, person.sub)
    assert stores.withdrawals.unlink_own(identities[0], factors, mine, successor_of(mine)) is may
    assert len(stores.users.identities(person.sub)) == count - may
    assert stands(stores, mine) is not may


def test_passkeys_that_changed_meanwhile_keep_an_identity_from_being_unlinked(stores: Stores) -> None:
    person, (identity,) = made(stores, username="", password_hash="")
    read = with_passkey(stores, person.sub)
    assert stores.factors.replace(replace(read, passkeys=()))
    mine = signed_in(stores, person.sub)
    assert not stores.withdrawals.unlink_own(identity, read, mine, successor_of(mine))
    assert stores.users.identities(person.sub) == (identity,)
    stores.withdrawals.remove_factors(person.sub)
    again = signed_in(stores, person.sub, begun=Begun(subject=1))
    assert not stores.withdrawals.unlink_own(identity, read, again, successor_of(again))
    assert stands(stores, again)


def test_a_session_that_was_ended_unlinks_nothing(stores: Stores) -> None:
    person, (identity, _) = made(stores, 2)
    signed_out, ended = signed_in(stores, person.sub), signed_in(stores, person.sub)
    stores.withdrawals.end_session(signed_out.id)
    assert not stores.withdrawals.unlink_own(identity, NONE, signed_out, successor_of(signed_out))
    stores.withdrawals.end_sessions(person.sub)
    assert not stores.withdrawals.unlink_own(identity, NONE, ended, successor_of(ended))
    assert len(stores.users.identities(person.sub)) == 2
    assert stores.browsers.ends(key(person.sub)).subject.epoch == 0


def test_of_two_who_unlink_their_last_two_at_once_one_does(stores: Stores) -> None:
    person, identities = made(stores, 2, username="", password_hash="")
    mine = [signed_in(stores, person.sub) for _ in identities]

    def unlink(number: int) -> bool:
        try:
            return stores.withdrawals.unlink_own(identities[number], NONE, mine[number], successor_of(mine[number]))
        except TemporarilyUnavailable:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(unlink, range(2))) == 1
    assert len(stores.users.identities(person.sub)) == 1


def source(identity: str) -> str:
    return str(Source(identity, "work", "epoch"))


def told(stores: Stores, **attributes: Any) -> tuple[User, Identity]:
    """A user with two identities, of whom the first has provided these attributes."""
    person = User(f"sub-{identifier()}", identifier(), "hash", attributes={"badge": 7, "nickname": "Al"})
    assert stores.users.create(person)
    first, second = (Identity.of(person.sub, "https://idp.example", identifier(), NOW) for _ in range(2))
    assert stores.users.link(first)
    assert stores.users.link(second)
    provided = dict.fromkeys(attributes, source(first.id))
    changed = stores.users.update(person.sub, identity=first.id, attributes=attributes, provided=provided)
    assert changed is not None
    assert (changed.attributes, changed.provided) == ({**person.attributes, **attributes}, provided)
    assert stores.users.update(person.sub, attributes={"other": "x"}, provided={"other": source(second.id)})
    return person, first


def test_what_an_identity_provided_goes_with_it_in_one_write(stores: Stores) -> None:
    person, identity = told(stores, groups=("a", "b"), level=0)
    assert stores.withdrawals.change_user(person.sub, attributes={"level": 1}, provided={"level": None})
    assert stores.withdrawals.unlink(person.sub, identity.id)
    left = stores.users.get(person.sub)
    assert left is not None
    assert left.attributes == {"badge": 7, "nickname": "Al", "level": 1, "other": "x"}
    assert left.provided.keys() == {"other"}
    assert not stores.withdrawals.unlink(person.sub, identity.id)


def test_an_identity_that_is_not_the_users_provides_nothing(stores: Stores) -> None:
    person, identity = told(stores, groups=("a",))
    assert stores.withdrawals.unlink(person.sub, identity.id)
    before = stores.users.get(person.sub)
    for known in (identity.id, identifier()):
        given: dict[str, Any] = {"attributes": {"groups": ("b",)}, "provided": {"groups": source(known)}}
        assert stores.users.update(person.sub, identity=known, **given) is None
    bare = User(f"sub-{identifier()}", "", "hash")
    assert stores.users.create(bare)
    assert stores.users.update(bare.sub, identity=identity.id, attributes={"groups": ("b",)}) is None
    assert (stores.users.get(person.sub), stores.users.get(bare.sub)) == (before, bare)


def test_of_what_is_provided_while_the_identity_goes_nothing_stays(stores: Stores) -> None:
    person, identity = told(stores, groups=("a",))

    def take_part(number: int) -> None:
        while True:
            try:
                if number == 0:
                    assert stores.withdrawals.unlink(person.sub, identity.id)
                else:
                    name = f"new{number}"
                    given: dict[str, Any] = {"attributes": {name: number}, "provided": {name: source(identity.id)}}
                    stores.users.update(person.sub, identity=identity.id, **given)
            except TemporarilyUnavailable:  # in conflict, or contended
                continue
            return

    all_at_once(take_part, 4)
    left = stores.users.get(person.sub)
    assert left is not None
    assert left.attributes == {"badge": 7, "nickname": "Al", "other": "x"}


def test_what_is_provided_between_the_reading_and_the_write_goes_as_well(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stores.dynamodb is None:
        pytest.skip("the fakes read and write at once")
    person, identity = told(stores, groups=("a",))
    transact = Table.transact

    def later(table: Table, writes: Any) -> Any:
        monkeypatch.undo()
        given: dict[str, Any] = {"attributes": {"new": 1}, "provided": {"new": source(identity.id)}}
        assert stores.users.update(person.sub, identity=identity.id, **given)
        return transact(table, writes)

    monkeypatch.setattr(Table, "transact", later)
    assert stores.withdrawals.unlink(person.sub, identity.id)
    left = stores.users.get(person.sub)
    assert left is not None
    assert left.attributes == {"badge": 7, "nickname": "Al", "other": "x"}
