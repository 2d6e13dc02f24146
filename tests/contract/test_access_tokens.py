"""Laws of access tokens, of their revocation one by one, and of everything that decides whether they stand."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import Begun, ClientEnd, OrganisationEnd, SubjectEnd
from authserver.models.organisations import Organisation
from authserver.storage.standing import Ends, Standing
from authserver.storage.tokens import TokenStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.implementations import Stores
from tests.contract.records import (
    END,
    access_token,
    authorization,
    created,
    find,
    identifier,
    key,
    membership,
    redeemed,
)
from tests.fakes import client


def test_revoke_access_token_notes_it_once(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 3)
    assert withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 3)
    assert find(tokens, record) == replace(record, revoked_access_tokens=frozenset({"100.a"}))


def test_revoke_access_token_beyond_the_bound_is_false_and_changes_nothing(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    record = redeemed(tokens)
    noted = frozenset({"100.a", "200.b", "300.c"})
    for entry in sorted(noted):
        assert withdrawals.revoke_access_token(record.id, record.client_id, entry, 3)
    assert not withdrawals.revoke_access_token(record.id, record.client_id, "400.d", 3)
    assert find(tokens, record) == replace(record, revoked_access_tokens=noted)


def test_revoke_access_token_noted_before_is_true_at_the_bound_too(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    record = redeemed(tokens)
    for entry in ("100.a", "200.b"):
        assert withdrawals.revoke_access_token(record.id, record.client_id, entry, 2)
    assert withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 2)
    assert not withdrawals.revoke_access_token(record.id, record.client_id, "100.aa", 2)


def test_revoke_access_token_by_another_client_changes_nothing(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    record = redeemed(tokens)
    assert not withdrawals.revoke_access_token(record.id, "another", "100.a", 8)
    assert find(tokens, record) == record


def test_revoke_access_token_without_authorization_makes_nothing(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    record = authorization()
    assert not withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 8)
    assert find(tokens, record) is None


def test_revoke_jwt_shows_in_the_standing_of_that_token_alone(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    revoked, other = identifier(), identifier()
    withdrawals.revoke_jwt(revoked, END)
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), jti=revoked).is_revoked
    assert not tokens.standing(subject_key=key("s"), client_key=key("c"), jti=other).is_revoked
    assert not tokens.standing(subject_key=key("s"), client_key=key("c")).is_revoked


def test_revoke_jwt_twice_is_no_error(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    jti = identifier()
    withdrawals.revoke_jwt(jti, END)
    withdrawals.revoke_jwt(jti, END + 5)
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), jti=jti).is_revoked


def test_put_access_token_is_found_by_its_identifier_alone(tokens: TokenStore) -> None:
    record = access_token()
    tokens.put_access_token(record)
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=record.id).access_token == record
    assert tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=identifier()).access_token is None


def test_revoke_opaque_marks_that_token_alone(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record, other = access_token(), access_token()
    for token in (record, other):
        tokens.put_access_token(token)
    for _ in range(2):
        withdrawals.revoke_opaque(record.id)
        found = tokens.standing(access_token_id=record.id)
        assert found.access_token == replace(record, is_revoked=True)
    assert tokens.standing(access_token_id=other.id).access_token == other


def test_revoke_opaque_of_nothing_makes_nothing(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    missing = identifier()
    withdrawals.revoke_opaque(missing)
    assert tokens.standing(access_token_id=missing).access_token is None


def test_standing_of_what_was_never_stored_is_empty(tokens: TokenStore) -> None:
    subject, client = key(identifier()), key(identifier())
    standing = tokens.standing(
        subject_key=subject,
        client_key=client,
        authorization_id=authorization().id,
        access_token_id=identifier(),
        jti=identifier(),
    )
    assert standing == Standing(replace(standing.ends, subject=SubjectEnd(), client=ClientEnd()))
    assert standing.ends.stand(Begun(era=standing.ends.deployment.era))


def test_standing_of_a_client_that_is_not_there_has_none(tokens: TokenStore) -> None:
    for client_id in ("", identifier(), "x" * 3000):
        assert tokens.standing(client_id=client_id, subject_key=key("s")).client is None


def test_standing_tells_everything_in_one_answer(stores: Stores) -> None:
    acme = Organisation(f"org-{identifier()}", "A customer", {"a": "A"})
    web = client(client_id=identifier())
    assert stores.organisations.create(acme)
    assert stores.clients.create(web)
    record = redeemed(stores.tokens, client_id=web.client_id, organisation=acme.id)
    token = access_token(subject=record.subject, client_id=record.client_id, authorization_id=record.id)
    member = membership(acme.id, record.subject)
    stores.tokens.put_access_token(token)
    stores.withdrawals.set_membership(member)
    stores.withdrawals.revoke_jwt(token.id, END)
    stores.withdrawals.end(subject=record.subject)
    stores.withdrawals.end(subject=record.subject, client_id=web.client_id)
    stores.withdrawals.end(client_id=web.client_id)
    stores.withdrawals.end(organisation=acme.id, client_id=web.client_id)
    standing = stores.tokens.standing(
        client_id=web.client_id,
        subject_key=key(record.subject),
        organisation_key=key(acme.id),
        authorization_id=record.id,
        access_token_id=token.id,
        jti=token.id,
        companies=True,
    )
    assert standing == Standing(
        ends=Ends(
            deployment=stores.deployment(),
            subject=SubjectEnd(epoch=1, grants={key(web.client_id): 1}, api_keys=1),
            client=ClientEnd(epoch=1),
            organisation=OrganisationEnd(clients={key(web.client_id): 1}),
            membership=member,
            client_key=key(web.client_id),
            organisation_key=key(acme.id),
        ),
        client=replace(web, epoch=1),
        authorization=record,
        access_token=token,
        is_revoked=True,
        organisation=acme,
    )
    assert standing.client is not None
    assert standing.client.epoch == 1


def test_standing_has_the_records_only_where_they_are_asked_for(stores: Stores) -> None:
    acme, web = Organisation(f"org-{identifier()}", "A customer"), client(client_id=identifier())
    assert stores.organisations.create(acme)
    assert stores.clients.create(web)
    standing = stores.tokens.standing(client_key=key(web.client_id), organisation_key=key(acme.id))
    assert (standing.client, standing.organisation) == (None, None)


def test_standing_sees_a_write_at_once(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = created(tokens)
    for expected in range(1, 20):
        assert withdrawals.revoke_access_token(record.id, record.client_id, f"{expected}.x", 100)
        stored = find(tokens, record)
        assert stored is not None
        assert len(stored.revoked_access_tokens) == expected


@pytest.mark.parametrize("kind", ["authorization", "access_token"])
def test_identifiers_of_one_kind_are_none_of_another(tokens: TokenStore, kind: str) -> None:
    record = created(tokens)
    token = access_token()
    tokens.put_access_token(token)
    wrong: dict[str, dict[str, Any]] = {
        "authorization": {"access_token_id": record.id, "jti": record.id},
        "access_token": {"jti": token.id},
    }
    standing = tokens.standing(subject_key=key("s"), client_key=key("c"), **wrong[kind])
    assert (standing.authorization, standing.access_token, standing.is_revoked) == (None, None, False)
