"""Laws of clients: any text may be asked for, and only the very same one is found."""

import unicodedata
from dataclasses import replace

import pytest

from authserver.models import ClientSecret
from authserver.storage import ClientStore
from tests.contract.records import identifier
from tests.fakes import client

HOSTILE = [
    *("", "#", "client_id#x", "a#b", "\x00", "a\x00b", "\n", " web", "web ", "../web", '{"S":"web"}', "*"),
    *("ä", "a\u0308", "\uff37\uff25\uff22", "🦄", "\u202eweb", "\ufffd"),
    *("x" * 1024, "x" * 1025, "x" * 2000, "ä" * 1000),
]


def test_put_is_found(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    clients.put(record)
    assert clients.get(record.client_id) == record


def test_put_again_replaces(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    clients.put(record)
    clients.put(replace(record, client_name="Another name", contacts=("a@example.com",)))
    clients.put(replace(record, client_name="A third name"))
    assert clients.get(record.client_id) == replace(record, client_name="A third name")


IMPORTED = ClientSecret(b"", 1, encoded="$2b$12$hash")
OURS = (ClientSecret(bytes(32), 2, 3), ClientSecret(b"x" * 32, 4))


def test_imported_secret_is_found_as_it_was_put(clients: ClientStore) -> None:
    record = client(client_id=identifier(), secrets=(IMPORTED, *OURS))
    clients.put(record)
    assert clients.get(record.client_id) == record


def test_rehash_replaces_the_imported_secret_that_is_there_and_nothing_else(clients: ClientStore) -> None:
    record = client(client_id=identifier(), secrets=(OURS[0], IMPORTED))
    clients.put(record)
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


@pytest.mark.parametrize("around", ["#{}", "{}#", "{}\x00", " {}", "{} ", "{}\u200b", "client_id#{}"])
def test_get_of_what_surrounds_a_client_id_is_none(clients: ClientStore, around: str) -> None:
    record = client(client_id=identifier())
    clients.put(record)
    assert clients.get(around.format(record.client_id)) is None


def test_get_compares_octets_and_not_letters(clients: ClientStore) -> None:
    composed = "é" + identifier()
    clients.put(client(client_id=composed))
    assert clients.get(unicodedata.normalize("NFD", composed)) is None
    assert clients.get(composed.upper()) is None
    assert clients.get(composed) is not None


def test_create_is_found_and_does_not_replace(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    assert not clients.create(replace(record, client_name="Another name"))
    assert clients.get(record.client_id) == record


@pytest.mark.parametrize("client_id", ["", "x" * 1025])
def test_create_of_what_is_no_key_is_refused(clients: ClientStore, client_id: str) -> None:
    assert not clients.create(client(client_id=client_id))


def test_replace_counts_versions_and_is_refused_on_another(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    renamed = replace(record, client_name="Another name")
    assert clients.replace(renamed)
    stored = replace(renamed, version=1)
    assert clients.get(record.client_id) == stored
    assert not clients.replace(replace(record, client_name="Of one who read it before"))
    assert not clients.replace(replace(record, version=2))
    assert clients.get(record.client_id) == stored
    assert clients.replace(replace(stored, client_name="A third name"))
    assert clients.get(record.client_id) == replace(stored, client_name="A third name", version=2)


def test_replace_of_nobody_makes_no_client(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    assert not clients.replace(record)
    assert clients.get(record.client_id) is None


def test_keep_takes_the_end_of_a_registration_away_and_nothing_else(clients: ClientStore) -> None:
    record = client(client_id=identifier(), expires_at=2_000_000_000)
    assert clients.create(record)
    for _ in range(2):
        clients.keep(record.client_id)
        assert clients.get(record.client_id) == replace(record, expires_at=None, version=1)


def test_change_under_way_does_not_bring_the_end_of_a_kept_registration_back(clients: ClientStore) -> None:
    record = client(client_id=identifier(), expires_at=2_000_000_000)
    assert clients.create(record)
    clients.keep(record.client_id)
    assert not clients.replace(replace(record, client_name="Of one who read it before"))


def test_keep_of_nobody_makes_no_client(clients: ClientStore) -> None:
    client_id = identifier()
    clients.keep(client_id)
    assert clients.get(client_id) is None


def test_delete_removes_and_can_be_repeated(clients: ClientStore) -> None:
    record = client(client_id=identifier())
    assert clients.create(record)
    for _ in range(2):
        clients.delete(record.client_id)
        assert clients.get(record.client_id) is None
