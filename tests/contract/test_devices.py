"""Laws of a device that waits for its user: one code, one answer, one authorization."""

from dataclasses import replace

import pytest

from authserver.models.tokens import DENIED
from authserver.storage.guards import SessionOver
from authserver.storage.tokens import AlreadyExists, Refused, TokenStore
from authserver.values import sha256
from tests.contract.implementations import Stores
from tests.contract.records import NOW, authorization, device, session
from tests.contract.test_races import all_at_once


def test_device_is_read_by_its_identifier_alone_and_with_its_client(tokens: TokenStore) -> None:
    record = device()
    assert tokens.put_device(record)
    assert tokens.device(record.id) == record
    assert tokens.standing(client_id=record.client_id, device_id=record.id).device == record
    assert tokens.device(device().id) is None
    assert tokens.standing(client_id=record.client_id).device is None


def test_user_code_is_of_one_device_and_the_same_device_twice_is_one(tokens: TokenStore) -> None:
    record = device()
    assert tokens.put_device(record)
    assert not tokens.put_device(replace(record, secret_hash=sha256("another"), client_id="thief"))
    assert tokens.put_device(record), "the retry of a write whose answer was lost"
    assert tokens.device(record.id) == record


def test_interval_is_lengthened_once_by_those_who_saw_the_same(tokens: TokenStore) -> None:
    record = device()
    tokens.put_device(record)
    for _ in range(2):
        tokens.slow_device_down(record.id, 5, 10)
    assert tokens.device(record.id) == replace(record, interval=10)
    tokens.slow_device_down(record.id, 10, 15)
    assert tokens.device(record.id) == replace(record, interval=15)
    unknown = device()
    tokens.slow_device_down(unknown.id, 5, 10)
    assert tokens.device(unknown.id) is None


def test_denied_device_stays_denied(stores: Stores) -> None:
    record, signed_in = device(), session()
    stores.browsers.put_session(signed_in)
    stores.tokens.put_device(record)
    assert stores.tokens.deny_device(record.id, NOW)
    assert stores.tokens.deny_device(record.id, NOW)
    given = authorization()
    with pytest.raises(Refused):
        stores.tokens.allow_device(record.id, given, signed_in.id, NOW)
    assert stores.tokens.device(record.id) == replace(record, answer=DENIED)
    assert stores.tokens.find(given.id) is None


def test_allowed_device_has_one_authorization(stores: Stores) -> None:
    record, signed_in, given, another = device(), session(), authorization(), authorization()
    stores.browsers.put_session(signed_in)
    stores.tokens.put_device(record)
    stores.tokens.allow_device(record.id, given, signed_in.id, NOW)
    assert stores.tokens.device(record.id) == replace(record, answer=given.id)
    assert stores.tokens.find(given.id) == given
    with pytest.raises(AlreadyExists) as conflict:
        stores.tokens.allow_device(record.id, given, signed_in.id, NOW)
    assert conflict.value.existing == given
    with pytest.raises(Refused):
        stores.tokens.allow_device(record.id, another, signed_in.id, NOW)
    assert stores.tokens.find(another.id) is None
    assert not stores.tokens.deny_device(record.id, NOW)


def test_device_that_waits_no_longer_gets_no_answer(stores: Stores) -> None:
    record, signed_in, given = device(expires_at=NOW), session(), authorization()
    stores.browsers.put_session(signed_in)
    stores.tokens.put_device(record)
    assert not stores.tokens.deny_device(record.id, NOW)
    assert not stores.tokens.deny_device(device().id, NOW)
    for one in (record.id, device().id):
        with pytest.raises(Refused):
            stores.tokens.allow_device(one, given, signed_in.id, NOW)
    assert stores.tokens.device(record.id) == record
    assert stores.tokens.find(given.id) is None


def test_session_that_is_over_allows_nothing(stores: Stores) -> None:
    record, signed_in, given = device(), session(), authorization()
    stores.browsers.put_session(signed_in)
    stores.tokens.put_device(record)
    stores.withdrawals.end_session(signed_in.id)
    with pytest.raises(SessionOver):
        stores.tokens.allow_device(record.id, given, signed_in.id, NOW)
    assert (stores.tokens.device(record.id), stores.tokens.find(given.id)) == (record, None)


def test_of_answers_at_once_one_counts(stores: Stores) -> None:
    record, signed_in = device(), session()
    stores.browsers.put_session(signed_in)
    stores.tokens.put_device(record)
    given = [authorization() for _ in range(8)]

    def attempt(number: int) -> str:
        if number % 2:
            return DENIED if stores.tokens.deny_device(record.id, NOW) else ""
        try:
            stores.tokens.allow_device(record.id, given[number], signed_in.id, NOW)
        except Refused:
            return ""
        return given[number].id

    answers = {answer for answer in all_at_once(attempt, 8) if answer}
    stored = stores.tokens.device(record.id)
    assert stored is not None
    assert answers == {stored.answer}
    assert {one.id for one in given if stores.tokens.find(one.id)} == answers - {DENIED}
