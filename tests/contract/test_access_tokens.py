"""Laws of access tokens, of their revocation one by one, and of everything that decides whether they stand."""

from dataclasses import replace

import pytest

from authserver.storage import Standing, TokenStore
from tests.contract.records import (
    END,
    NOW,
    access_token,
    authorization,
    created,
    find,
    identifier,
    key,
    redeemed,
)


def test_revoke_access_token_notes_it_once(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    assert tokens.revoke_access_token(record.id, record.client_id, "100.a", 3)
    assert tokens.revoke_access_token(record.id, record.client_id, "100.a", 3)
    assert find(tokens, record) == replace(record, revoked_access_tokens=frozenset({"100.a"}))


def test_revoke_access_token_beyond_the_bound_is_false_and_changes_nothing(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    noted = frozenset({"100.a", "200.b", "300.c"})
    for entry in sorted(noted):
        assert tokens.revoke_access_token(record.id, record.client_id, entry, 3)
    assert not tokens.revoke_access_token(record.id, record.client_id, "400.d", 3)
    assert find(tokens, record) == replace(record, revoked_access_tokens=noted)


def test_revoke_access_token_noted_before_is_true_at_the_bound_too(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    for entry in ("100.a", "200.b"):
        assert tokens.revoke_access_token(record.id, record.client_id, entry, 2)
    assert tokens.revoke_access_token(record.id, record.client_id, "100.a", 2)
    assert not tokens.revoke_access_token(record.id, record.client_id, "100.aa", 2)


def test_revoke_access_token_by_another_client_changes_nothing(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    assert not tokens.revoke_access_token(record.id, "another", "100.a", 8)
    assert find(tokens, record) == record


def test_revoke_access_token_without_authorization_makes_nothing(tokens: TokenStore) -> None:
    record = authorization()
    assert not tokens.revoke_access_token(record.id, record.client_id, "100.a", 8)
    assert find(tokens, record) is None


def test_put_revoked_shows_in_the_standing_of_that_token_alone(tokens: TokenStore) -> None:
    revoked, other = identifier(), identifier()
    tokens.put_revoked(revoked, END)
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), jti=revoked).is_revoked
    assert not tokens.standing(subject_key=key("s"), client_key=key("c"), jti=other).is_revoked
    assert not tokens.standing(subject_key=key("s"), client_key=key("c")).is_revoked


def test_put_revoked_twice_is_no_error(tokens: TokenStore) -> None:
    jti = identifier()
    tokens.put_revoked(jti, END)
    tokens.put_revoked(jti, END + 5)
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), jti=jti).is_revoked


def test_put_access_token_is_found_by_its_identifier_alone(tokens: TokenStore) -> None:
    record = access_token()
    tokens.put_access_token(record)
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=record.id).access_token == record
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=identifier()).access_token is None


def test_standing_of_what_was_never_stored_is_empty(tokens: TokenStore) -> None:
    standing = tokens.standing(
        subject_key=key(identifier()),
        client_key=key(identifier()),
        authorization_id=authorization().id,
        access_token_id=identifier(),
        jti=identifier(),
    )
    assert standing == Standing()


def test_standing_tells_everything_in_one_answer(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    token = access_token(subject=record.subject, client_id=record.client_id, authorization_id=record.id)
    tokens.put_access_token(token)
    tokens.put_revoked(token.id, END)
    tokens.cut_off(subject=record.subject, client_id=None, not_before=NOW - 9, expires_at=END)
    standing = tokens.standing(
        subject_key=key(record.subject),
        client_key=key(record.client_id),
        authorization_id=record.id,
        access_token_id=token.id,
        jti=token.id,
    )
    assert standing == Standing(record, token, NOW - 9, is_revoked=True)


def test_standing_sees_a_write_at_once(tokens: TokenStore) -> None:
    record = created(tokens)
    for expected in range(1, 20):
        assert tokens.revoke_access_token(record.id, record.client_id, f"{expected}.x", 100)
        stored = find(tokens, record)
        assert stored is not None
        assert len(stored.revoked_access_tokens) == expected


@pytest.mark.parametrize("kind", ["authorization", "access_token"])
def test_identifiers_of_one_kind_are_none_of_another(tokens: TokenStore, kind: str) -> None:
    record = created(tokens)
    token = access_token()
    tokens.put_access_token(token)
    wrong = {"authorization": {"access_token_id": record.id, "jti": record.id}, "access_token": {"jti": token.id}}
    standing = tokens.standing(subject_key=key("s"), client_key=key("c"), **wrong[kind])
    assert standing == Standing()
