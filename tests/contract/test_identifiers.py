"""The identifier of a deleted user is never used again: what was begun for one must not stand for another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from authserver.ends import SUSPENDED_DELETED
from authserver.models.organisations import Organisation
from tests.contract.implementations import Stores
from tests.contract.records import NOW, configured, created, identifier, key, membership, user
from tests.fakes import client


@dataclass(frozen=True)
class Kind:
    """How one is made by an identifier, removed, and found; and what tells that there was one."""

    create: Callable[[Stores, str], bool]
    delete: Callable[[Stores, str], object]
    get: Callable[[Stores, str], Any]
    suspended: Callable[[Stores, str], str]


def _subject(stores: Stores, sub: str) -> str:
    return stores.browsers.ends(key(sub)).subject.suspended


def _delete_user(stores: Stores, sub: str) -> bool:
    return stores.withdrawals.delete_user(sub, NOW)


def _federated(stores: Stores, sub: str) -> bool:
    member = membership(identifier(), sub)
    person = user(sub=sub, username="", password_hash="")
    return stores.users.create_federated(
        person, "https://idp.example", identifier(), configured(stores.identity_providers), member
    )


KINDS: dict[str, Kind] = {
    "user": Kind(
        lambda s, name: s.users.create(user(sub=name)), _delete_user, lambda s, name: s.users.get(name), _subject
    ),
    "operator": Kind(
        lambda s, name: s.users.create(user(sub=name, operator=True)),
        _delete_user,
        lambda s, name: s.users.get(name),
        _subject,
    ),
    "federated user": Kind(_federated, _delete_user, lambda s, name: s.users.get(name), _subject),
    "client": Kind(
        lambda s, name: s.clients.create(client(client_id=name)),
        lambda s, name: s.withdrawals.delete_client(name),
        lambda s, name: s.clients.get(name) or s.clients.find(name),
        lambda s, name: s.tokens.standing(client_key=key(name)).ends.client.suspended,
    ),
    "organisation": Kind(
        lambda s, name: s.organisations.create(Organisation(name, "A customer")),
        lambda s, name: s.withdrawals.delete_organisation(name, NOW),
        lambda s, name: s.organisations.get(name),
        lambda s, name: s.tokens.standing(organisation_key=key(name)).ends.organisation.suspended,
    ),
}
of_each = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@of_each
def test_a_deleted_identifier_is_given_to_nobody(stores: Stores, kind: Kind) -> None:
    name = f"name-{identifier()}"
    assert kind.create(stores, name)
    assert kind.suspended(stores, name) == ""
    for _ in range(2):
        kind.delete(stores, name)
        assert kind.get(stores, name) is None
        assert kind.suspended(stores, name) == SUSPENDED_DELETED
        for instance in (stores, stores.new_instance()):
            assert not kind.create(instance, name)
        assert kind.get(stores, name) is None


@of_each
def test_an_identifier_that_was_deleted_before_anybody_had_it_is_given_to_nobody(stores: Stores, kind: Kind) -> None:
    """A deletion cannot know whether a creation is under way."""
    name = f"name-{identifier()}"
    kind.delete(stores, name)
    assert not kind.create(stores, name)
    assert kind.get(stores, name) is None


@of_each
def test_identifiers_that_only_look_alike_are_free(stores: Stores, kind: Kind) -> None:
    name = f"name-{identifier()}"
    assert kind.create(stores, name)
    kind.delete(stores, name)
    for other in (name.upper(), name + " ", name + "#0"):
        assert kind.create(stores, other)


def test_names_of_one_kind_are_free_for_another(stores: Stores) -> None:
    name = f"name-{identifier()}"
    for deleted in KINDS.values():
        deleted.delete(stores, name)
    other = f"name-{identifier()}"
    KINDS["user"].delete(stores, other)
    assert KINDS["client"].create(stores, other)
    assert KINDS["organisation"].create(stores, other)


def test_what_was_begun_for_a_deleted_client_does_not_stand_for_the_next_attempt(stores: Stores) -> None:
    name = identifier()
    assert stores.clients.create(client(client_id=name))
    record = created(stores.tokens, client_id=name)
    stores.withdrawals.delete_client(name)
    stores.clients.create(client(client_id=name))
    standing = stores.tokens.standing(
        client_id=name, client_key=key(name), subject_key=key(record.subject), authorization_id=record.id
    )
    assert standing.client is None
    assert not standing.stands(record)


@pytest.mark.parametrize("stores", ["moto", "ministack"], indirect=True)  # in the fakes nothing vanishes on its own
@pytest.mark.parametrize("is_changed", [False, True])
def test_a_registration_that_nobody_used_leaves_its_identifier_free_unless_it_was_changed(
    stores: Stores, is_changed: bool
) -> None:
    """Time takes the record, and no end of it. One that was changed has left a version, which would be another's."""
    record = client(client_id=identifier(), expires_at=NOW)
    assert stores.clients.create(record)
    if is_changed:
        assert stores.withdrawals.change_client(replace(record, client_name="Changed"))
    assert stores.dynamodb is not None
    stores.dynamodb.delete_item(TableName="ClientsTable", Key={"client_id": {"S": record.client_id}})
    assert stores.clients.find(record.client_id) is None
    assert stores.clients.create(record) is not is_changed
    assert stores.clients.find(record.client_id) == (None if is_changed else record)


def test_the_login_name_and_the_identities_of_somebody_deleted_are_free(stores: Stores) -> None:
    """They name a person to us, and nothing was begun for a name."""
    person, other = user(), user()
    assert stores.users.create(person)
    stores.withdrawals.delete_user(person.sub, NOW)
    assert stores.users.create(replace(other, username=person.username))
    assert stores.users.find(person.username) == replace(other, username=person.username)
