"""Laws of clients: any text may be asked for, and only the very same one is found."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from authserver.models.clients import LOGO_APART, ClientSecret
from authserver.storage.clients import ClientStore, Slot
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.implementations import Stores
from tests.contract.records import identifier
from tests.fakes import client

HOSTILE = [
    *("", "#", "client_id#x", "a#b", "\x00", "a\x00b", "\n", " web", "web ", "../web", '{"S":"web"}', "*"),
    *("ä", "a\u0308", "\uff37\uff25\uff22", "🦄", "\u202eweb", "\ufffd"),
    *("x" * 1024, "x" * 1025, "x" * 2000, "ä" * 1000),
]


def test_created_client_is_found_by_both_readers(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    assert clients.get(record.client_id) == clients.find(record.client_id) == record


def test_find_tells_the_epoch_of_the_end_and_get_does_not(clients: ClientStore, withdrawals: WithdrawalStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    for epoch in range(3):
        found, got = clients.find(record.client_id), clients.get(record.client_id)
        assert (found and found.epoch, got and got.epoch) == (epoch, 0)
        withdrawals.end(client_id=record.client_id)


def test_get_all_finds_those_that_there_are_as_get_does(clients: ClientStore) -> None:
    records = [client(client_id=identifier(), logo_uri=LOGO if number % 2 else "") for number in range(7)]
    for record in records:
        assert clients.create(record)
    names = [record.client_id for record in records]
    assert clients.get_all([identifier(), *names, *names, *HOSTILE]) == {one.client_id: one for one in records}
    assert clients.get_all([]) == {}


LOGO = "data:image/png;base64," + "A" * 8000


def test_logo_in_the_record_is_read_where_the_record_is_read_whole(stores: Stores) -> None:
    owner = f"owner-{identifier()}"
    record = client(client_id=identifier(), logo_uri=LOGO, owner=owner)
    assert stores.clients.create(record)
    assert stores.clients.get(record.client_id) == record
    assert stores.clients.list(owner=owner).items == (record,)
    assert stores.clients.find(record.client_id) == replace(record, logo_uri=LOGO_APART)
    elsewhere = replace(record, logo_uri="https://app.example/logo.png")
    assert stores.withdrawals.change_client(elsewhere)
    changed = replace(elsewhere, version=1)
    assert stores.clients.get(record.client_id) == stores.clients.find(record.client_id) == changed
    assert stores.clients.list(owner=owner).items == (changed,)
    assert stores.withdrawals.change_client(replace(changed, logo_uri=LOGO + "B"))
    assert stores.clients.get(record.client_id) == replace(record, logo_uri=LOGO + "B", version=2)


IMPORTED = ClientSecret(b"", 1, encoded="$2b$12$hash")
OURS = (ClientSecret(bytes(32), 2, 3), ClientSecret(b"x" * 32, 4))


def test_imported_secret_is_found_as_it_was_put(clients: ClientStore) -> None:
    record = client(client_id=identifier(), secrets=(IMPORTED, *OURS))
    clients.create(record)
    assert clients.get(record.client_id) == record


def test_rehash_replaces_the_imported_secret_that_is_there_and_nothing_else(clients: ClientStore) -> None:
    record = client(client_id=identifier(), secrets=(OURS[0], IMPORTED))
    clients.create(record)
    for position, old in ((0, IMPORTED.encoded), (2, IMPORTED.encoded), (1, "another"), (0, "")):
        assert not clients.rehash(record.client_id, position, old, OURS[1])
    assert clients.get(record.client_id) == record
    assert clients.rehash(record.client_id, 1, IMPORTED.encoded, OURS[1])
    assert clients.get(record.client_id) == replace(record, secrets=OURS)
    assert not clients.rehash(record.client_id, 1, IMPORTED.encoded, OURS[0])
    assert clients.get(record.client_id) == replace(record, secrets=OURS)


def test_rehash_of_nobody_makes_no_client(clients: ClientStore) -> None:
    client_id = identifier()
    assert not clients.rehash(client_id, 0, IMPORTED.encoded, OURS[0])
    assert clients.get(client_id) is None


@pytest.mark.parametrize("client_id", HOSTILE, ids=ascii)
def test_get_of_hostile_text_is_none(clients: ClientStore, client_id: str) -> None:
    assert clients.get(client_id) is None
    assert clients.find(client_id) is None


@pytest.mark.parametrize("around", ["#{}", "{}#", "{}\x00", " {}", "{} ", "{}\u200b", "client_id#{}"])
def test_get_of_what_surrounds_a_client_id_is_none(clients: ClientStore, around: str) -> None:
    record = client(client_id=identifier())
    clients.create(record)
    assert clients.get(around.format(record.client_id)) is None
    assert clients.find(around.format(record.client_id)) is None


def test_get_compares_octets_and_not_letters(clients: ClientStore) -> None:
    composed = "é" + identifier()
    clients.create(client(client_id=composed))
    assert clients.get(unicodedata.normalize("NFD", composed)) is None
    assert clients.get(composed.upper()) is None
    assert clients.get(composed) is not None


def test_create_is_found_and_does_not_replace(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    assert not clients.create(replace(record, client_name="Another name"))
    assert clients.get(record.client_id) == record


def test_slot_names_the_client_that_was_registered_for_it_last(clients: ClientStore) -> None:
    fingerprint, first, second = identifier(), client(client_id=identifier()), client(client_id=identifier())
    assert clients.shared(fingerprint) == ""
    assert clients.create(first, slot=Slot(fingerprint))
    assert clients.shared(fingerprint) == first.client_id
    assert clients.create(second, slot=Slot(fingerprint, first.client_id))
    assert clients.shared(fingerprint) == second.client_id
    assert clients.shared(identifier()) == ""


@pytest.mark.parametrize("instead_of", ["", "somebody else"])
def test_client_is_not_registered_for_a_slot_that_is_not_as_it_was_found(instead_of: str, clients: ClientStore) -> None:
    fingerprint, first, second = identifier(), client(client_id=identifier()), client(client_id=identifier())
    assert not clients.create(first, slot=Slot(fingerprint, "somebody else"))
    assert clients.get(first.client_id) is None
    assert clients.create(first, slot=Slot(fingerprint))
    assert not clients.create(second, slot=Slot(fingerprint, instead_of))
    assert clients.get(second.client_id) is None
    assert clients.shared(fingerprint) == first.client_id


def test_slot_stays_as_it_is_where_the_identifier_is_taken(clients: ClientStore) -> None:
    fingerprint, taken = identifier(), client(client_id=identifier())
    assert clients.create(taken)
    assert not clients.create(taken, slot=Slot(fingerprint))
    assert clients.shared(fingerprint) == ""


def test_one_of_many_is_registered_for_a_slot(clients: ClientStore) -> None:
    fingerprint, made = identifier(), [client(client_id=identifier()) for _ in range(8)]
    with ThreadPoolExecutor(len(made)) as pool:
        done = list(pool.map(lambda one: clients.create(one, slot=Slot(fingerprint)), made))
    [winner] = [one.client_id for one, is_done in zip(made, done, strict=True) if is_done]
    assert clients.shared(fingerprint) == winner


@pytest.mark.parametrize("client_id", ["", "x" * 1025])
def test_create_of_what_is_no_key_is_refused(clients: ClientStore, client_id: str) -> None:
    assert not clients.create(client(client_id=client_id))


def test_replace_counts_versions_and_is_refused_on_another(clients: ClientStore, withdrawals: WithdrawalStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    renamed = replace(record, client_name="Another name")
    assert withdrawals.change_client(renamed)
    stored = replace(renamed, version=1)
    assert clients.get(record.client_id) == stored
    assert not withdrawals.change_client(replace(record, client_name="Of one who read it before"))
    assert not withdrawals.change_client(replace(record, version=2))
    assert clients.get(record.client_id) == stored
    assert withdrawals.change_client(replace(stored, client_name="A third name"))
    assert clients.get(record.client_id) == replace(stored, client_name="A third name", version=2)


def test_replace_of_nobody_makes_no_client(clients: ClientStore, withdrawals: WithdrawalStore) -> None:
    record = client(client_id=identifier())
    assert not withdrawals.change_client(record)
    assert clients.get(record.client_id) is None


def test_keep_takes_the_end_of_a_registration_away_and_nothing_else(clients: ClientStore) -> None:
    record = client(client_id=identifier(), expires_at=2_000_000_000)
    assert clients.create(record)
    for _ in range(2):
        clients.keep(record.client_id)
        assert clients.get(record.client_id) == replace(record, expires_at=None, version=1)


def test_change_under_way_does_not_bring_the_end_of_a_kept_registration_back(
    clients: ClientStore, withdrawals: WithdrawalStore
) -> None:
    record = client(client_id=identifier(), expires_at=2_000_000_000)
    assert clients.create(record)
    clients.keep(record.client_id)
    assert not withdrawals.change_client(replace(record, client_name="Of one who read it before"))


def test_keep_of_nobody_makes_no_client(clients: ClientStore) -> None:
    client_id = identifier()
    clients.keep(client_id)
    assert clients.get(client_id) is None


def test_delete_of_a_version_is_refused_on_another_and_of_nobody(
    clients: ClientStore, withdrawals: WithdrawalStore
) -> None:
    record = client(client_id=identifier())
    assert not withdrawals.delete_client(record.client_id, 0)
    assert clients.create(record)
    assert withdrawals.change_client(replace(record, client_name="Another name"))
    for version in (0, 2):
        assert not withdrawals.delete_client(record.client_id, version)
    assert clients.find(record.client_id) == replace(record, client_name="Another name", version=1)
    assert withdrawals.delete_client(record.client_id, 1)
    assert clients.get(record.client_id) is None


def test_delete_removes_and_can_be_repeated(clients: ClientStore, withdrawals: WithdrawalStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    for _ in range(2):
        assert withdrawals.delete_client(record.client_id)
        assert clients.get(record.client_id) is None
