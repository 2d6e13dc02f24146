"""What an instance remembers is never older than what it would read, costs one unit to be sure of, and is bounded.

On those implementations that remember anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from authserver.aws.dynamodb import reader
from authserver.models import DISABLED
from authserver.models.clients import Client, ClientSecret
from authserver.models.organisations import Organisation
from authserver.values import Scope
from tests.contract.implementations import Clocks, Stores, on_dynamodb
from tests.contract.meddling import READS, Meddler
from tests.contract.records import NOW, identifier, key
from tests.fakes import client

pytestmark = pytest.mark.parametrize("own_stores", ["ministack"], indirect=True)  # what is shown is of our calls


class Counted(Meddler):
    """Counts the items that are asked for: each costs a unit, whether it is there or not."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.units = 0

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if name == "get_item":
            self.units += 1
        elif name == "batch_get_item":
            self.units += sum(len(wanted["Keys"]) for wanted in arguments["RequestItems"].values())
        return operation(**arguments)


@dataclass(frozen=True)
class Instance:
    """A function instance, whose clocks stand still until somebody moves them, and what it asks for."""

    stores: Stores
    beneath: Counted
    clocks: Clocks

    def units_of[R](self, read: Callable[[Stores], R]) -> tuple[R, int, int]:
        """What a read answers, the units that it costs, and in how many calls."""
        self.beneath.calls.clear()
        before = self.beneath.units
        answer = read(self.stores)
        return answer, self.beneath.units - before, self.beneath.count(READS)


def instance(stores: Stores) -> Instance:
    """One that knows the deployment already."""
    beneath, clocks = Counted(stores.dynamodb), Clocks()
    made = Instance(on_dynamodb(stores.name, beneath.as_client, clocks), beneath, clocks)
    made.stores.deployment()
    return made


def registered(stores: Stores, **fields: Any) -> Client:
    record = client(client_id=identifier(), **fields)
    assert stores.clients.create(record)
    return record


def founded(stores: Stores) -> Organisation:
    record = Organisation(f"org-{identifier()}", "A customer", {"a": "A", "b": "B"})
    assert stores.organisations.create(record)
    return record


def companies(stores: Stores, organisation: str) -> Organisation | None:
    return stores.tokens.standing(organisation_key=key(organisation), companies=True).organisation


def stored(stores: Stores, record: Client) -> Client:
    found = stores.clients.get(record.client_id)
    assert found is not None
    return found


CHANGES: dict[str, Callable[[Stores, Client], object]] = {
    "scope": lambda s, c: s.withdrawals.change_client(replace(stored(s, c), scope=Scope.parse("read"))),
    "secrets": lambda s, c: s.withdrawals.change_client(replace(stored(s, c), secrets=(ClientSecret(b"2" * 32, NOW),))),
    "status": lambda s, c: s.withdrawals.change_client(replace(stored(s, c), status=DISABLED)),
    "logo": lambda s, c: s.withdrawals.change_client(replace(stored(s, c), logo_uri="data:,x")),
    "kept": lambda s, c: s.clients.keep(c.client_id),
    "ended": lambda s, c: s.withdrawals.end(client_id=c.client_id),
    "deleted": lambda s, c: s.withdrawals.delete_client(c.client_id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_client_that_another_instance_changes_is_seen_by_the_next_call(own_stores: Stores, change: str) -> None:
    first, second = instance(own_stores), instance(own_stores)
    record = registered(own_stores, expires_at=NOW + 10**9)
    for _ in range(2):
        assert first.stores.clients.find(record.client_id) == record
    CHANGES[change](second.stores, record)
    now = own_stores.new_instance().clients.find(record.client_id)
    assert first.stores.clients.find(record.client_id) == now
    assert first.stores.tokens.standing(client_id=record.client_id).client == now
    assert (now and now.epoch, now) != (0, record)


ORGANISATION_CHANGES: dict[str, Callable[[Stores, Organisation], object]] = {
    "company less": lambda s, o: s.withdrawals.drop_company(o.id, "a"),
    "company more": lambda s, o: s.organisations.put_company(o.id, "c", "C", 9),
    "name": lambda s, o: s.withdrawals.change_organisation(o.id, name="Another"),
    "status": lambda s, o: s.withdrawals.change_organisation(o.id, status=DISABLED),
    "deleted": lambda s, o: s.withdrawals.delete_organisation(o.id, NOW),
}


@pytest.mark.parametrize("change", ORGANISATION_CHANGES)
def test_an_organisation_that_another_instance_changes_is_seen_by_the_next_call(
    own_stores: Stores, change: str
) -> None:
    first, second = instance(own_stores), instance(own_stores)
    record = founded(own_stores)
    for _ in range(2):
        assert companies(first.stores, record.id) == record
    ORGANISATION_CHANGES[change](second.stores, record)
    now = own_stores.organisations.get(record.id)
    assert now != record
    assert companies(first.stores, record.id) == now


def test_a_remembered_client_costs_one_unit_and_one_call(own_stores: Stores) -> None:
    first = instance(own_stores)
    record = registered(own_stores)
    assert first.units_of(lambda s: s.clients.find(record.client_id)) == (record, 2, 1)
    for _ in range(3):
        assert first.units_of(lambda s: s.clients.find(record.client_id)) == (record, 1, 1)
        standing, units, calls = first.units_of(lambda s: s.tokens.standing(client_id=record.client_id))
        assert (standing.client, units, calls) == (record, 1, 1)


def test_a_remembered_organisation_costs_one_unit_and_one_call(own_stores: Stores) -> None:
    first = instance(own_stores)
    record = founded(own_stores)
    assert first.units_of(lambda s: companies(s, record.id)) == (record, 2, 1)
    assert first.units_of(lambda s: companies(s, record.id)) == (record, 1, 1)


def test_a_changed_client_is_read_with_its_end_by_one_more_call_and_remembered_again(own_stores: Stores) -> None:
    first = instance(own_stores)
    record = registered(own_stores)
    first.stores.clients.find(record.client_id)
    assert own_stores.withdrawals.change_client(replace(record, client_name="Another"))
    changed = replace(record, client_name="Another", version=1)
    assert first.units_of(lambda s: s.clients.find(record.client_id)) == (changed, 3, 2)
    assert first.units_of(lambda s: s.clients.find(record.client_id)) == (changed, 1, 1)


def test_what_decides_beside_a_remembered_client_costs_a_unit_each(own_stores: Stores) -> None:
    """An authorization for an organisation: what RECORD says of the authorizer, and the two records remembered."""
    first = instance(own_stores)
    web, acme = registered(own_stores), founded(own_stores)

    def check(stores: Stores) -> object:
        return stores.tokens.standing(
            client_id=web.client_id,
            subject_key=key("somebody"),
            organisation_key=key(acme.id),
            authorization_id=identifier(),
            companies=True,
        ).organisation

    check(first.stores)
    assert first.units_of(check) == (acme, 5, 1), "authorization, subject, client, organisation, membership"


def test_what_is_asked_for_without_its_record_leaves_the_record_remembered(own_stores: Stores) -> None:
    first = instance(own_stores)
    web, acme = registered(own_stores), founded(own_stores)
    first.stores.clients.find(web.client_id)
    companies(first.stores, acme.id)
    first.stores.tokens.standing(client_key=key(web.client_id), organisation_key=key(acme.id))
    assert first.units_of(lambda s: s.clients.find(web.client_id)) == (web, 1, 1)
    assert first.units_of(lambda s: companies(s, acme.id)) == (acme, 1, 1)


def test_a_deleted_client_is_forgotten_and_stays_deleted(own_stores: Stores) -> None:
    first = instance(own_stores)
    record = registered(own_stores)
    first.stores.clients.find(record.client_id)
    own_stores.withdrawals.delete_client(record.client_id)
    for _ in range(2):
        assert first.stores.clients.find(record.client_id) is None
    assert not own_stores.clients.create(record)
    assert first.stores.clients.find(record.client_id) is None


def test_nobody_who_is_not_there_is_remembered_as_that(own_stores: Stores) -> None:
    first = instance(own_stores)
    record = client(client_id=identifier())
    assert first.stores.clients.find(record.client_id) is None
    assert own_stores.clients.create(record)
    assert first.stores.clients.find(record.client_id) == record


def test_a_use_of_a_secret_is_seen_by_the_instance_that_noted_it(own_stores: Stores) -> None:
    """No version tells of it: else each use of the secret would make the write again."""
    first = instance(own_stores)
    record = registered(own_stores, secrets=(ClientSecret(b"1" * 32, NOW), ClientSecret(b"", NOW, encoded="hash")))
    first.stores.clients.find(record.client_id)
    assert first.stores.clients.note_use(record.client_id, 0, record.secrets[0], NOW + 5)
    ours = ClientSecret(b"3" * 32, NOW)
    assert first.stores.clients.rehash(record.client_id, 1, "hash", ours)
    found = first.stores.clients.find(record.client_id)
    assert found is not None
    assert [(one.used_at, one.encoded) for one in found.secrets] == [(NOW + 5, ""), (None, "")]


def test_what_is_remembered_has_no_logo_of_its_own(own_stores: Stores) -> None:
    """However large a logo is, what a function remembers of a client is not."""
    first = instance(own_stores)
    record = registered(own_stores, logo_uri="data:," + "x" * 20_000)
    found = first.stores.clients.find(record.client_id)
    assert found is not None
    assert found.logo_uri == "data:"
    assert first.stores.clients.get(record.client_id) == record


def test_memory_is_bounded_and_keeps_what_was_used_last(own_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "REMEMBERED", 3)
    first = instance(own_stores)
    records = [registered(own_stores) for _ in range(4)]
    used = records[0]
    for record in records:
        first.stores.clients.find(record.client_id)
        first.stores.clients.find(used.client_id)

    def units_of(record: Client) -> int:
        return first.units_of(lambda s: s.clients.find(record.client_id))[1]

    assert [units_of(record) for record in (*records[2:], used)] == [1, 1, 1]
    assert units_of(records[1]) == 2, "the one not used for longest"
    organisations = [founded(own_stores) for _ in range(4)]
    for acme in organisations:
        companies(first.stores, acme.id)

    def units_for(acme: Organisation) -> int:
        return first.units_of(lambda s: companies(s, acme.id))[1]

    assert [units_for(acme) for acme in organisations[::-1]] == [1, 1, 1, 2]


# ------------------------------------------------------------------ the deployment


@pytest.mark.parametrize(
    ("wall", "monotonic", "is_recent"),
    [(0.0, 0.0, True), (0.9, 0.9, True), (1.0, 0.0, False), (0.0, 1.0, False), (1.0, 1.0, False), (-500.0, 0.9, True)],
)
def test_the_deployment_is_remembered_for_a_second_by_whichever_clock_went_further(
    own_stores: Stores, wall: float, monotonic: float, is_recent: bool
) -> None:
    first = instance(own_stores)
    before = first.stores.deployment()
    own_stores.withdrawals.end_everything(identifier())
    first.clocks.wall += wall
    first.clocks.monotonic += monotonic
    told, units, _ = first.units_of(lambda s: s.deployment())
    assert told == (before if is_recent else own_stores.deployment())
    assert units == (0 if is_recent else 1)
    again, units, _ = first.units_of(lambda s: s.deployment())
    assert (again, units) == (told, 0)


def test_the_deployment_is_read_again_with_whatever_is_read_once_a_second_has_passed(own_stores: Stores) -> None:
    first = instance(own_stores)
    record = registered(own_stores)
    first.stores.clients.find(record.client_id)
    own_stores.withdrawals.end_everything(identifier())
    first.clocks.monotonic += 1
    standing, units, calls = first.units_of(lambda s: s.tokens.standing(client_id=record.client_id))
    assert (standing.ends.deployment, units, calls) == (own_stores.deployment(), 2, 1)
    assert first.units_of(lambda s: s.deployment()) == (own_stores.deployment(), 0, 0)


class Slow(Meddler):
    """A second passes while something is read."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.clocks = Clocks()

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        answer = operation(**arguments)
        self.clocks.monotonic += 1
        return answer


def test_the_second_begins_before_the_read(own_stores: Stores) -> None:
    """However long an answer takes: what it tells was so when it was asked for, and maybe not later."""
    slow = Slow(own_stores.dynamodb)
    stores = on_dynamodb(own_stores.name, slow.as_client, slow.clocks)
    before = stores.deployment()
    own_stores.withdrawals.end_everything(identifier())
    assert stores.deployment() == own_stores.deployment() != before


def test_whoever_writes_the_deployment_changes_every_copy(own_stores: Stores) -> None:
    for era in ("one", "two"):
        own_stores.withdrawals.end_everything(era)
        first = instance(own_stores)
        seen = set()
        for _ in range(16):
            first.clocks.wall += 1
            seen.add(first.stores.deployment())
        assert {one.era for one in seen} == {era}
