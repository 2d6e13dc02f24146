"""Laws of what developers are told: refusals by day and kind, bounded; and which secret is in use."""

from dataclasses import replace

from authserver.models.clients import ClientSecret
from authserver.models.journal import Refusal
from authserver.storage.clients import ClientStore
from authserver.storage.journal import JournalStore
from tests.contract.records import NOW, identifier
from tests.fakes import client

DAY = 86_400
TODAY = NOW // DAY * DAY
FIRST = Refusal(TODAY, "invalid_grant", "code_expired", count=1, last_at=NOW, reference="req-1")


def test_refusals_of_a_kind_are_counted_and_the_last_is_told(journal: JournalStore) -> None:
    name = identifier()
    assert journal.note_refusal(name, FIRST, 10, NOW + DAY)
    assert journal.note_refusal(name, replace(FIRST, last_at=NOW + 5, reference="req-2"), 10, NOW + DAY)
    other = replace(FIRST, error="invalid_client", reason="client_secret", last_at=NOW + 7, reference="")
    assert journal.note_refusal(name, other, 10, NOW + DAY)
    assert set(journal.refusals(name, [TODAY])) == {
        replace(FIRST, count=2, last_at=NOW + 5, reference="req-2"),
        other,
    }


def test_refusals_are_of_their_client_and_day(journal: JournalStore) -> None:
    name = identifier()
    yesterday = replace(FIRST, day=TODAY - DAY)
    journal.note_refusal(name, FIRST, 10, NOW + DAY)
    journal.note_refusal(name, yesterday, 10, NOW + DAY)
    assert journal.refusals(name, [TODAY]) == (FIRST,)
    assert set(journal.refusals(name, [TODAY, TODAY - DAY, TODAY - 2 * DAY])) == {FIRST, yesterday}
    assert journal.refusals(f"{name}#", [TODAY]) == journal.refusals(identifier(), [TODAY]) == ()


def test_a_day_has_no_more_refusals_than_its_bound_of_whatever_kind(journal: JournalStore) -> None:
    name = identifier()
    noted = [
        journal.note_refusal(name, replace(FIRST, reason=f"reason_{number % 2}"), 3, NOW + DAY) for number in range(5)
    ]
    assert noted == [True, True, True, False, False]
    assert sum(one.count for one in journal.refusals(name, [TODAY])) == 3


def test_a_use_is_noted_at_the_secret_that_is_there_and_nothing_else(clients: ClientStore) -> None:
    secrets = (ClientSecret(b"1" * 32, created_at=5), ClientSecret(b"2" * 32, created_at=6))
    record = client(client_id=identifier(), secrets=secrets)
    clients.create(record)
    assert not clients.note_use(record.client_id, 0, secrets[1], NOW)
    assert not clients.note_use(record.client_id, 2, secrets[1], NOW)
    assert clients.note_use(record.client_id, 1, secrets[1], NOW)
    found = clients.get(record.client_id)
    assert found == record, "nothing that decides anything is another, its version among it"
    assert [one.used_at for one in found.secrets] == [None, NOW]


def test_a_use_of_nobodys_secret_makes_no_client(clients: ClientStore) -> None:
    name = identifier()
    assert not clients.note_use(name, 0, ClientSecret(b"1" * 32, created_at=5), NOW)
    assert clients.get(name) is None
