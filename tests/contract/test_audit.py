"""The audit: its events come with the first write of their act, are listed by what they are about, and never change."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.aws.dynamodb.users import make_user_maps
from authserver.identity.audit import identifier as audit_identifier
from authserver.models.audit import AuditEvent
from authserver.settings import DAY
from authserver.storage.audit import Note, Wanted
from authserver.storage.guards import SessionOver
from authserver.storage.lists import BadCursor
from tests.contract.estate import built
from tests.contract.implementations import GUARDED, Stores
from tests.contract.records import NOW, event, identifier
from tests.contract.verbs import PORTS, READ, VERBS, verbs_of
from tests.fakes import client, user

NOTED = [f"{port}.{verb}" for port in GUARDED for verb in verbs_of(PORTS[port]) if VERBS[f"{port}.{verb}"].kind != READ]


def about(stores: Stores, one: AuditEvent) -> tuple[AuditEvent, ...]:
    """What is listed of the event's object."""
    wanted = Wanted(0, 2**40, object_kind=one.object_kind, object_id=one.object_id)
    return stores.audit.events(wanted, limit=50).items


# ------------------------------------------------------------------ with the act


def test_every_write_of_every_store_brings_its_event_along(own_stores: Stores) -> None:
    silent = []
    for name in NOTED:
        estate, note = built(own_stores, raised=False), Note(event())
        VERBS[name].call(estate, own_stores.noting(note, None))
        if about(own_stores, note.event) != (note.event,):
            silent.append(name)
    assert silent == []


def test_an_act_has_one_event_however_often_it_writes(stores: Stores) -> None:
    note = Note(event())
    noting = stores.noting(note, None)
    for _ in range(2):
        assert noting.clients.create(client(client_id=identifier()))
    assert about(stores, note.event) == (note.event,)


def test_a_write_that_is_refused_has_no_event_and_what_is_written_instead_has(stores: Stores) -> None:
    taken, note = client(client_id=identifier()), Note(event())
    noting = stores.noting(note, None)
    assert stores.clients.create(taken)
    assert not noting.clients.create(taken)
    assert about(stores, note.event) == ()
    assert noting.clients.create(client(client_id=identifier()))
    assert about(stores, note.event) == (note.event,)


def test_what_is_made_ready_for_an_act_has_no_event_yet(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act may still be refused, or fail, once there is room for what it changes."""
    if stores.dynamodb is None:
        pytest.skip("what is in memory needs no room")
    somebody, note = user(sub=identifier(), username=identifier()), Note(event())
    assert stores.users.create(somebody)
    seen: list[tuple[AuditEvent, ...]] = []

    def make_room(*arguments: Any) -> bool:
        made = make_user_maps(*arguments)
        seen.append(about(stores, note.event))
        return made

    monkeypatch.setattr("authserver.aws.dynamodb.withdrawals.users.make_user_maps", make_room)
    assert stores.noting(note, None).withdrawals.change_user(somebody.sub, attributes={"department": "Sales"})
    assert seen == [()]
    assert about(stores, note.event) == (note.event,)


def test_what_a_session_may_not_write_any_more_has_no_event(own_stores: Stores) -> None:
    estate, note = built(own_stores, raised=False), Note(event())
    own_stores.withdrawals.end_session(estate.session.id)
    with pytest.raises(SessionOver):
        own_stores.noting(note, estate.session).users.update(estate.alice.sub, name="Another")
    assert about(own_stores, note.event) == ()


def test_a_write_whose_answer_was_lost_is_known_by_its_event(stores: Stores) -> None:
    """The same transaction, asked for once more, as clients of DynamoDB do."""
    if stores.dynamodb is None:
        pytest.skip("nothing is lost on the way to what is in memory")
    made, note = client(client_id=identifier()), Note(event())
    noting = stores.noting(note, None)
    assert noting.clients.create(made)
    note.is_written = False
    assert noting.clients.create(made)
    assert note.is_written


def test_a_key_ring_brings_its_event_along(own_stores: Stores) -> None:
    estate, note = built(own_stores, raised=False), Note(event())
    ring = own_stores.keys.get(estate.ring.name)
    assert ring
    assert not own_stores.keys.put(ring, note)
    assert about(own_stores, note.event) == ()
    assert own_stores.keys.put(replace(ring, version=ring.version + 1), note)
    assert about(own_stores, note.event) == (note.event,)


# ------------------------------------------------------------------ what is kept


def test_an_event_is_read_as_it_was_written_and_never_changed(stores: Stores) -> None:
    kept = event(organisation="acme", source="c291cmNl", request="JKJaXmPLvHcESHA=", outcome="refused", reason="why")
    stores.audit.record(kept)
    stores.audit.record(replace(kept, act="client.deleted"))
    assert about(stores, kept) == (kept,)


def test_events_are_found_by_actor_object_act_and_time(stores: Stores) -> None:
    kept = event()
    later = event(actor=kept.actor, act="client.secret.made", created_at=NOW + 5)
    for one in (kept, later, event()):
        stores.audit.record(one)

    def found(since: int = 0, until: int = 2**40, **narrowed: str) -> tuple[AuditEvent, ...]:
        return stores.audit.events(Wanted(since, until, **narrowed), limit=50).items

    assert found(actor=kept.actor) == (later, kept)
    assert found(actor=kept.actor, until=NOW + 4) == (kept,)
    assert found(actor=kept.actor, since=NOW + 5) == (later,)
    assert found(actor=kept.actor, act="client.secret.") == (later,)
    assert found(actor=kept.actor, act="client.secret") == ()
    assert found(actor=identifier(), object_kind="client", object_id=kept.object_id) == ()


def test_all_events_are_listed_in_parts_day_by_day_the_newest_first(own_stores: Stores) -> None:
    days = [NOW, NOW - DAY, NOW - 9 * DAY]
    kept = [
        event(id=audit_identifier(day - at, bytes(9) + bytes([day % 7 + at])), created_at=day - at)
        for day in days
        for at in range(3)
    ]
    for one in kept:
        own_stores.audit.record(one)
    wanted, found, cursor = Wanted(NOW - 9 * DAY - 1, NOW), list[AuditEvent](), None
    for _ in range(30):
        page = own_stores.audit.events(wanted, limit=2, cursor=cursor)
        assert len(page.items) <= 2
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    assert cursor is None
    assert [one.created_at for one in found] == [one.created_at for one in kept][:-1]


@pytest.mark.parametrize("cursor", ["x", "1", ".", "99999999999999.", f"{NOW}.x"])
def test_a_cursor_of_another_list_is_refused(cursor: str, stores: Stores) -> None:
    if stores.dynamodb is None:
        pytest.skip("cursors of what is in memory are numbers")
    with pytest.raises(BadCursor):
        stores.audit.events(Wanted(NOW - 1, NOW), limit=5, cursor=cursor)


def test_the_key_of_sources_is_drawn_once(own_stores: Stores) -> None:
    assert own_stores.audit.draw_source_key("first")
    assert not own_stores.audit.draw_source_key("second")
    assert own_stores.deployment().source_key == "first"
