"""Laws of second factors: each change by version, each use once; what cannot be read is never taken for none."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import SubjectEnd
from authserver.errors import TemporarilyUnavailable
from authserver.models.factors import Factors, Passkey, Totp
from authserver.storage.users import AccountState, FactorStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, key, user

CODES = frozenset({"hash-one", "hash-two"})


def passkey(**overrides: Any) -> Passkey:
    defaults: dict[str, Any] = {
        "id": identifier().encode(),
        "public_key": b"\x01\x02",
        "name": "A telephone",
        "created_at": NOW,
        "transports": ("internal", "hybrid"),
    }
    return Passkey(**{**defaults, **overrides})


def stored(factors: FactorStore, **fields: Any) -> Factors:
    """Factors as they are read again."""
    record = Factors(f"sub-{identifier()}", **fields)
    assert factors.replace(record)
    found = factors.get(key(record.subject))
    assert found is not None
    return found


# ------------------------------------------------------------------ changes


def test_factors_are_got_whole(factors: FactorStore) -> None:
    totp = Totp(b"wrapped", NOW, 7)
    older, newer = passkey(created_at=NOW - 1, sign_count=3, backed_up=True), passkey(transports=())
    record = Factors(f"sub-{identifier()}#a", totp, CODES, (older, newer))
    assert factors.replace(record)
    assert factors.get(key(record.subject)) == replace(record, version=1)


def test_factors_of_nothing_are_got_as_such(factors: FactorStore) -> None:
    record = stored(factors)
    assert record == Factors(record.subject, version=1)
    assert not record.asks_for_code


@pytest.mark.parametrize("text", ["", "nobody", "A" * 22, "#" * 22, "x" * 3000, "../../etc/passwd-of-22", "\x00"])
def test_get_of_nobody_is_none(factors: FactorStore, text: str) -> None:
    assert factors.get(text) is None


def test_replace_is_of_the_version_that_was_read(factors: FactorStore) -> None:
    record = stored(factors)
    assert factors.replace(replace(record, totp=Totp(b"a")))
    assert not factors.replace(replace(record, totp=Totp(b"b")))
    assert not factors.replace(Factors(record.subject, Totp(b"c")))
    found = factors.get(key(record.subject))
    assert found == replace(record, totp=Totp(b"a"), version=2)


def test_replace_that_was_written_is_no_conflict_to_its_own_retry(factors: FactorStore) -> None:
    phones = (passkey(created_at=NOW + 1), passkey(created_at=NOW))
    record = Factors(f"sub-{identifier()}", Totp(b"a"), CODES, tuple(sorted(phones, key=lambda one: one.created_at)))
    assert [factors.replace(record), factors.replace(record)] == [True, True]
    changed = replace(record, totp=Totp(b"b", NOW), version=1)
    assert [factors.replace(changed), factors.replace(changed), factors.replace(record)] == [True, True, False]


def test_all_factors_are_removed_at_once_whatever_was_changed_meanwhile(
    factors: FactorStore, withdrawals: WithdrawalStore
) -> None:
    read = stored(factors, totp=Totp(b"a", NOW), recovery_codes=CODES, passkeys=(passkey(),))
    other = stored(factors, recovery_codes=CODES)
    assert factors.replace(replace(read, recovery_codes=frozenset()))
    for _ in range(2):
        withdrawals.remove_factors(read.subject)
    assert factors.get(key(read.subject)) is None
    assert factors.get(key(other.subject)) == other


def test_what_was_removed_signs_nobody_in(factors: FactorStore, withdrawals: WithdrawalStore) -> None:
    """By a request that read it the moment before; nor does their change bring it back."""
    read = stored(factors, totp=Totp(b"a", NOW), recovery_codes=CODES, passkeys=(passkey(),))
    withdrawals.remove_factors(read.subject)
    assert not factors.use_totp_step(read, 9, "claim")
    assert not factors.spend_recovery_code(read, "hash-one", "claim")
    assert not factors.note_passkey_use(read, read.passkeys[0].id, 1, "claim", NOW)
    assert not factors.replace(read)
    assert factors.get(key(read.subject)) is None


def test_replace_of_what_vanished_makes_nothing(factors: FactorStore) -> None:
    record = Factors(f"sub-{identifier()}", version=3)
    assert not factors.replace(record)
    assert factors.get(key(record.subject)) is None


def test_what_was_taken_out_is_gone(factors: FactorStore) -> None:
    record = stored(factors, totp=Totp(b"a", NOW), recovery_codes=CODES, passkeys=(passkey(),))
    assert factors.replace(Factors(record.subject, version=record.version))
    assert factors.get(key(record.subject)) == Factors(record.subject, version=2)


# ------------------------------------------------------------------ use, once


@pytest.mark.rfc("6238", "5.2")
def test_a_time_step_is_used_once_and_none_before_it(factors: FactorStore) -> None:
    record = stored(factors, totp=Totp(b"a", NOW, 10))
    assert not factors.use_totp_step(record, 10, "claim")
    assert factors.use_totp_step(record, 12, "claim")
    assert not factors.use_totp_step(record, 12, "another claim")
    assert not factors.use_totp_step(record, 11, "another claim")
    used = replace(record, totp=Totp(b"a", NOW, 12), version=2)
    assert factors.get(key(record.subject)) == used
    assert not factors.use_totp_step(used, 12, "another claim")
    assert factors.use_totp_step(used, 13, "another claim")
    assert factors.get(key(record.subject)) == replace(used, totp=Totp(b"a", NOW, 13), version=3)


def test_a_use_that_was_written_is_no_replay_to_its_own_retry(factors: FactorStore) -> None:
    phone = passkey()
    record = stored(factors, totp=Totp(b"a", NOW), recovery_codes=CODES, passkeys=(phone,))
    uses: tuple[Any, ...] = (
        lambda read, claim: factors.use_totp_step(read, 12, claim),
        lambda read, claim: factors.spend_recovery_code(read, "hash-one", claim),
        lambda read, claim: factors.note_passkey_use(read, phone.id, 4, claim, NOW),
    )
    for use in uses:
        claim, read = identifier(), factors.get(key(record.subject))
        assert [use(read, claim), use(read, claim), use(read, identifier())] == [True, True, False]


def test_a_change_that_was_under_way_brings_nothing_back_that_was_used(factors: FactorStore) -> None:
    phone = passkey()
    record = stored(factors, totp=Totp(b"a", NOW), recovery_codes=CODES, passkeys=(phone,))
    uses: tuple[Any, ...] = (
        lambda read: factors.use_totp_step(read, 12, identifier()),
        lambda read: factors.spend_recovery_code(read, "hash-one", identifier()),
        lambda read: factors.note_passkey_use(read, phone.id, 4, identifier(), NOW),
    )
    for use in uses:
        read = factors.get(key(record.subject))
        assert read is not None
        assert use(read)
        assert not factors.replace(replace(read, passkeys=()))


def test_a_time_step_of_a_secret_that_was_changed_meanwhile_is_refused(factors: FactorStore) -> None:
    record = stored(factors, totp=Totp(b"old", NOW))
    assert factors.replace(replace(record, totp=Totp(b"new", NOW)))
    assert not factors.use_totp_step(record, 12, "claim")
    assert factors.replace(Factors(record.subject, version=2))
    assert not factors.use_totp_step(record, 12, "claim")


def test_a_recovery_code_is_spent_once_and_the_others_stay(factors: FactorStore) -> None:
    record = stored(factors, recovery_codes=CODES)
    assert not factors.spend_recovery_code(record, "hash-three", "claim")
    assert factors.spend_recovery_code(record, "hash-one", "claim")
    assert not factors.spend_recovery_code(record, "hash-one", "another claim")
    used = replace(record, recovery_codes=CODES - {"hash-one"}, version=2)
    assert factors.get(key(record.subject)) == used
    assert factors.spend_recovery_code(used, "hash-two", "another claim")
    spent = replace(record, recovery_codes=frozenset(), version=3)
    assert factors.get(key(record.subject)) == spent
    assert not factors.spend_recovery_code(spent, "hash-one", "a third claim")


def test_a_recovery_code_that_was_replaced_meanwhile_is_refused(factors: FactorStore) -> None:
    record = stored(factors, recovery_codes=CODES)
    assert factors.replace(replace(record, recovery_codes=frozenset({"hash-one", "another"})))
    assert not factors.spend_recovery_code(record, "hash-one", "claim")


@pytest.mark.rfc("WebAuthn", "7.2")
@pytest.mark.parametrize(
    ("noted", "count", "taken"), [(0, 0, True), (0, 1, True), (4, 5, True), (4, 4, False), (4, 3, False), (4, 0, False)]
)
def test_a_passkeys_count_grows_or_is_none(factors: FactorStore, noted: int, count: int, taken: bool) -> None:
    phone, key_ring = passkey(sign_count=noted), passkey(created_at=NOW - 1)
    record = stored(factors, passkeys=(phone, key_ring))
    assert factors.note_passkey_use(record, phone.id, count, "claim", NOW + 5) is taken
    found = factors.get(key(record.subject))
    used = replace(phone, sign_count=count, last_used_at=NOW + 5) if taken else phone
    assert found == replace(record, passkeys=(key_ring, used), version=1 + taken)


def test_a_passkey_that_was_removed_meanwhile_is_refused_and_not_brought_back(factors: FactorStore) -> None:
    phone = passkey(id=b"\xff" * 1023)
    record = stored(factors, passkeys=(phone,))
    assert factors.replace(Factors(record.subject, version=1))
    assert not factors.note_passkey_use(record, phone.id, 1, "claim", NOW)
    assert factors.get(key(record.subject)) == Factors(record.subject, version=2)


# ------------------------------------------------------------------ with the user


def test_user_and_factors_come_together(stores: Stores) -> None:
    person = user()
    assert stores.users.create(person)
    assert stores.users.account_state(person.sub) == AccountState(person, None, SubjectEnd())
    assert stores.factors.replace(Factors(person.sub, Totp(b"a", NOW)))
    both = AccountState(person, Factors(person.sub, Totp(b"a", NOW), version=1), SubjectEnd())
    assert stores.users.account_state(person.sub) == both


@pytest.mark.parametrize("text", ["", "nobody", "a#b", "x" * 500])
def test_nobody_has_no_factors(stores: Stores, text: str) -> None:
    assert stores.users.account_state(text) == AccountState(None, None, SubjectEnd())


def test_deleting_a_user_takes_the_factors_along(stores: Stores) -> None:
    person = user()
    assert stores.users.create(person)
    assert stores.factors.replace(Factors(person.sub, Totp(b"a", NOW)))
    stores.withdrawals.delete_user(person.sub, NOW)
    assert stores.factors.get(key(person.sub)) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"totp": {"S": "no map"}},
        {"totp": {"M": {"secret": {"S": "text"}}}},
        {"passkeys": {"L": []}},
        {"recovery_codes": {"S": "one"}},
        {"version": {"S": "1"}},
    ],
)
def test_factors_that_cannot_be_read_are_not_none(stores: Stores, attributes: dict[str, Any]) -> None:
    """A password alone would be enough otherwise."""
    if stores.dynamodb is None:
        pytest.skip("the fakes have no items")
    person = user()
    assert stores.users.create(person)
    item = {"id": {"S": f"factors#{key(person.sub)}"}, "subject": {"S": person.sub}, "version": {"N": "1"}}
    stores.dynamodb.put_item(TableName="UsersTable", Item={**item, "passkeys": {"M": {}}, **attributes})
    for reading in (
        lambda: stores.factors.get(key(person.sub)),
        lambda: stores.users.account_state(person.sub),
    ):
        with pytest.raises(TemporarilyUnavailable):
            reading()
