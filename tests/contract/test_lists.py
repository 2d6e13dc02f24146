"""Laws of lists: oldest first, but where people look for the newest; every record once, in parts of any size, from a
cursor that cannot be forged."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore
from authserver.storage.journal import JournalStore
from authserver.storage.lists import BadCursor
from authserver.storage.organisations import OrganisationStore
from authserver.storage.tokens import TokenStore
from authserver.storage.users import UserStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import base64url
from tests.contract.conftest import SHOWN_ON
from tests.contract.implementations import IMPLEMENTATIONS, Stores
from tests.contract.records import NOW, activity, created, identifier, listed, session, user
from tests.fakes import client

if TYPE_CHECKING:
    from authserver.models.clients import Client
    from authserver.models.users import User

AGES = (5, 2, 9, 2, 7)


@pytest.fixture(scope="module", params=SHOWN_ON)
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Of this file alone: to list what all the other tests have made takes moto half a minute."""
    with IMPLEMENTATIONS[request.param]() as stores:
        yield stores


def test_authorizations_are_listed_by_subject_client_and_organisation(tokens: TokenStore) -> None:
    subject, client_id, organisation = f"sub-{identifier()}", f"client-{identifier()}", f"org-{identifier()}"
    by_subject = [created(tokens, subject=subject, created_at=NOW + age) for age in AGES]
    by_client = [created(tokens, client_id=client_id, created_at=NOW + age) for age in AGES]
    by_organisation = [created(tokens, organisation=organisation, created_at=NOW + age) for age in AGES]
    for whose, records in (
        ({"subject": subject}, by_subject),
        ({"client_id": client_id}, by_client),
        ({"organisation": organisation}, by_organisation),
    ):
        found = listed(lambda limit, at, whose=whose: tokens.authorizations(**whose, limit=limit, cursor=at))  # type: ignore[misc]  # not inferred
        assert [one.created_at - NOW for one in found] == sorted(AGES)
        assert {one.id for one in found} == {one.id for one in records}


def test_a_revoked_authorization_is_still_listed(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = created(tokens)
    assert withdrawals.revoke(record.id, NOW + 3)
    assert tokens.authorizations(subject=record.subject).items == (replace(record, revoked_at=NOW + 3),)


def test_a_subject_that_is_named_as_a_client_lists_its_own_alone(tokens: TokenStore) -> None:
    name = f"name-{identifier()}"
    own, other = created(tokens, subject=name), created(tokens, client_id=name)
    assert tokens.authorizations(subject=name).items == (own,)
    assert tokens.authorizations(client_id=name).items == (other,)
    assert tokens.authorizations(organisation=name).items == ()


def test_the_latest_authorizations_of_a_client_come_first(tokens: TokenStore) -> None:
    name = identifier()
    made = [created(tokens, client_id=name, created_at=NOW + number) for number in range(5)]
    found = listed(lambda limit, at: tokens.authorizations(client_id=name, limit=limit, cursor=at, newest_first=True))
    assert found == made[::-1]


def test_sessions_are_listed_by_subject_and_not_among_its_authorizations(
    tokens: TokenStore, browsers: BrowserStore, withdrawals: WithdrawalStore
) -> None:
    subject = f"sub-{identifier()}"
    records = [session(subject=subject, created_at=NOW + age) for age in AGES]
    for record in (*records, session()):
        browsers.put_session(record)
    granted = created(tokens, subject=subject)
    found = listed(lambda limit, at: browsers.sessions(subject, limit=limit, cursor=at))
    assert {one.id for one in found} == {one.id for one in records}
    assert tokens.authorizations(subject=subject).items == (granted,)
    withdrawals.end_session(records[0].id)
    assert records[0] not in browsers.sessions(subject).items


def test_what_happened_to_an_account_is_listed_newest_first_and_not_among_sessions(
    tokens: TokenStore, browsers: BrowserStore, journal: JournalStore
) -> None:
    subject = f"sub-{identifier()}"
    records = [activity(subject=subject, created_at=NOW + age) for age in AGES]
    for record in (*records, activity()):
        journal.note_activity(record)
    signed_in = session(subject=subject)
    browsers.put_session(signed_in)
    found = listed(lambda limit, at: journal.activities(subject, limit=limit, cursor=at))
    assert [one.created_at - NOW for one in found] == sorted(AGES, reverse=True)
    assert {one.id for one in found} == {one.id for one in records}
    assert browsers.sessions(subject).items == (signed_in,)
    assert tokens.authorizations(subject=subject).items == ()


def test_clients_are_listed_by_owner(clients: ClientStore) -> None:
    owner = f"owner-{identifier()}"
    records = [client(client_id=identifier(), owner=owner, created_at=NOW + age) for age in AGES]
    for record in (*records, client(client_id=identifier(), owner="somebody else")):
        clients.create(record)
    found: list[Client] = listed(lambda limit, at: clients.list(owner=owner, limit=limit, cursor=at))
    assert [one.created_at - NOW for one in found] == sorted(AGES)
    everyone = listed(lambda limit, at: clients.list(limit=limit, cursor=at))
    assert {one.client_id for one in everyone} >= {one.client_id for one in records}


def test_users_are_listed(users: UserStore, withdrawals: WithdrawalStore) -> None:
    records = [user(created_at=NOW + age) for age in AGES]
    for record in records:
        assert users.create(record)
    found: list[User] = listed(lambda limit, at: users.list(limit=limit, cursor=at))
    assert [one.created_at - NOW for one in found if one in records] == sorted(AGES)
    withdrawals.delete_user(records[0].sub, NOW)
    assert records[0] not in listed(lambda limit, at: users.list(limit=limit, cursor=at))


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "\x00", "=", *(base64url(text.encode()) for text in ("[]", "1", "{}", '["a"]', '["a","b"]', "[1,2]"))],
    ids=ascii,
)
def test_a_cursor_that_is_none_is_refused(
    tokens: TokenStore,
    browsers: BrowserStore,
    journal: JournalStore,
    clients: ClientStore,
    users: UserStore,
    organisations: OrganisationStore,
    cursor: str,
) -> None:
    for attempt in (
        lambda: tokens.authorizations(subject="s", cursor=cursor),
        lambda: browsers.sessions("s", cursor=cursor),
        lambda: journal.activities("s", cursor=cursor),
        lambda: browsers.approvals("o", cursor=cursor),
        lambda: clients.list(cursor=cursor),
        lambda: users.list(cursor=cursor),
        lambda: organisations.list(cursor=cursor),
        lambda: organisations.members_of("o", cursor=cursor),
        lambda: organisations.memberships_of("s", cursor=cursor),
    ):
        with pytest.raises(BadCursor):
            attempt()


def test_a_cursor_of_one_list_shows_nothing_of_another(tokens: TokenStore) -> None:
    """A cursor says where to begin, never what to list."""
    mine, theirs = f"sub-{identifier()}", f"sub-{identifier()}"
    for _ in range(3):
        created(tokens, subject=mine)
        created(tokens, subject=theirs)
    cursor = tokens.authorizations(subject=theirs, limit=1).next
    assert cursor is not None
    try:
        found = tokens.authorizations(subject=mine, cursor=cursor).items
    except BadCursor:
        return
    assert {one.subject for one in found} <= {mine}
