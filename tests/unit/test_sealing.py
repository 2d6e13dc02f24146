"""The chain of the audit: made by consumers that meet events in any way, and verified by what they made."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.identity.sealing import SWEPT_DAYS, archive, next_link, published_heads, seal, sweep
from authserver.models.audit import AuditEvent, day_of
from authserver.models.chain import SHARDS, Head, Link, Place, digest_of, shard_of, told, told_link
from authserver.services import Services
from authserver.settings import DAY
from authserver_cli.chain import Evidence, faults_of
from tests.contract.implementations import IMPLEMENTATIONS, Stores
from tests.contract.records import NOW, event
from tests.fakes import Clock, FakeArchive, Intercepted, services, settings

NOON = NOW // DAY * DAY + DAY // 2


@pytest.fixture(params=["fakes", "ministack"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    with IMPLEMENTATIONS[request.param]() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.time = NOON
    return clock


@pytest.fixture
def server(stores: Stores, clock: Clock) -> Services:
    return services(settings=settings(), audit=stores.audit, chain=stores.chain, now=clock, archive=FakeArchive())


def acts(server: Services, count: int, at: int = NOON) -> list[AuditEvent]:
    """Events that are stored."""
    made = [event(created_at=at + number, expires_at=at + 400 * DAY) for number in range(count)]
    for one in made:
        server.audit.record(one)
    return made


def consume(server: Services, events: Sequence[AuditEvent]) -> None:
    """What the function does with a batch of the stream."""
    for shard in SHARDS:
        batch = [one for one in events if shard_of(one.id) == shard]
        if batch:
            seal(shard, batch, server)


def evidence(server: Services, days: Sequence[str]) -> Evidence:
    """What the admin API tells of these days."""
    heads = server.chain.heads(days)
    found = Evidence({(one.day, one.shard): _document(one) for one in heads}, may_expire=True)
    places = [Place(head.shard, head.day, number + 1) for head in heads for number in range(head.number)]
    for link in server.chain.links(places):
        events = server.chain.events(link.ids)
        found.batches.append({"link": told_link(link), "events": [told(one) for one in link.of(events)]})
    return found


def _document(head: Any) -> dict[str, Any]:
    return {name: getattr(head, name) for name in ("shard", "day", "number", "digest", "kept_until", "since")}


def kinds(found: Evidence, now: int = NOON + DAY) -> set[str]:
    return {fault.kind for fault in faults_of(found, now)}


def entries(found: Evidence) -> list[str]:
    return sorted(entry.partition(" ")[0] for link in found.links for entry in link["entries"])


def assert_whole(server: Services, events: Sequence[AuditEvent], *days: str) -> Evidence:
    """Each event is in one link, and the chains of the days are whole."""
    found = evidence(server, days or [day_of(NOON)])
    found.listed = [told(one) for one in events]
    assert faults_of(found, NOON + DAY) == []
    assert entries(found) == sorted(one.id for one in events)
    return found


# ------------------------------------------------------------------ how it is made


def test_batches_that_come_twice_and_out_of_order_are_sealed_once(server: Services) -> None:
    events = acts(server, 40)
    order = random.Random(1)  # noqa: S311 - repeatable
    for _ in range(6):
        batch = order.choices(events, k=20)
        consume(server, batch)
        consume(server, batch[::-1])
    consume(server, events)
    assert_whole(server, events)


def test_a_batch_that_is_longer_than_a_link_has_several(server: Services) -> None:
    (like,) = acts(server, 1)
    events = [_of_shard(server, "0", like) for _ in range(60)]
    seal("0", events, server)
    (head,) = server.chain.heads([day_of(NOON)])
    assert head.number == 2


def test_consumers_at_once_make_one_chain(stores: Stores, clock: Clock) -> None:
    server = services(audit=stores.audit, chain=stores.chain, now=clock)
    events = acts(server, 60)
    failed: list[BaseException] = []

    def run(seed: int) -> None:
        order = random.Random(seed)  # noqa: S311 - repeatable
        batch = order.sample(events, k=len(events))
        for at in range(0, len(batch), 7):
            for _ in range(20):  # as Lambda does
                try:
                    consume(server, batch[at : at + 7])
                except TemporarilyUnavailable as error:
                    last: BaseException = error
                else:
                    break
            else:
                failed.append(last)

    threads = [Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert_whole(server, events)


@pytest.mark.parametrize("is_made", [False, True])
def test_calls_that_fail_leave_the_chain_whole(stores: Stores, clock: Clock, is_made: bool) -> None:
    """One call in five fails, before or after it is made; the caller cannot tell. Lambda gives the batch again."""
    chance, kept = random.Random(2), FakeArchive()  # noqa: S311 - repeatable

    def around(_verb: str, call: Callable[[], Any]) -> Any:
        fails = chance.random() < 0.2
        if not fails or is_made:
            answer = call()
        if fails:
            raise TemporarilyUnavailable("The store did not answer", reason="dynamodb_unreachable")
        return answer

    server = services(
        audit=stores.audit,
        chain=Intercepted(stores.chain, around).as_store,
        archive=Intercepted(kept, around).as_store,
        now=clock,
    )
    events, failures = acts(server, 40), 0
    by_shard = {shard: [one for one in events if shard_of(one.id) == shard] for shard in SHARDS}
    for shard, batch in by_shard.items():
        while True:
            try:
                seal(shard, batch, server)
            except TemporarilyUnavailable:
                failures += 1
            else:
                break
    assert failures > 0
    server = replace(server, chain=stores.chain)
    found = assert_whole(server, events)
    assert len(kept.files) == len(found.batches)
    assert_archived(kept, events)


def assert_archived(kept: FakeArchive, events: Sequence[AuditEvent]) -> None:
    found = Evidence()
    for content in kept.files.values():
        for line in content.splitlines():
            found.take(json.loads(line))
    assert faults_of(found, NOON + DAY) == []
    assert sorted(one["id"] for one in found.events) == sorted(one.id for one in events)


def test_what_crashed_before_it_was_archived_is_archived_by_the_daily_run(server: Services, clock: Clock) -> None:
    events = acts(server, 20)
    consume(replace(server, archive=None), events)
    clock.time = NOON + DAY
    kept = server.archive
    assert isinstance(kept, FakeArchive)
    assert kept.files == {}
    *_, head_of_day = sweep(server)
    assert json.loads(kept.files[f"heads/{day_of(NOON)}.{head_of_day['digest']}.jsonl"]) == head_of_day
    assert_archived(kept, events)


def test_a_daily_run_archives_what_the_runs_of_the_days_before_did_not(server: Services, clock: Clock) -> None:
    events = acts(server, 20)
    consume(server, events[:5])
    consume(replace(server, archive=None), events[5:])
    clock.time = NOON + SWEPT_DAYS * DAY
    sweep(server)
    kept = server.archive
    assert isinstance(kept, FakeArchive)
    assert [name for name in kept.files if name.startswith(f"heads/{day_of(NOON)}.")]
    assert_archived(kept, events)


@pytest.mark.parametrize("stores", ["fakes"], indirect=True)
def test_an_archive_tells_that_the_table_was_restored_to_an_earlier_time(server: Services, clock: Clock) -> None:
    """Then there are two links in one place, and the archive has both."""
    (like,) = acts(server, 1)
    before, lost, after = (_of_shard(server, "7", like) for _ in range(3))
    fork = replace(server, chain=services().chain)
    seal("7", [before], server)
    seal("7", [before], fork)
    seal("7", [lost], server)
    seal("7", [after], fork)
    clock.time = NOON + DAY
    sweep(fork)
    found = Evidence()
    assert isinstance(server.archive, FakeArchive)
    for content in server.archive.files.values():
        found.take(json.loads(content))
    assert {one["id"] for one in found.events} >= {before.id, lost.id, after.id}
    assert "link twice" in kinds(found)


@pytest.mark.parametrize("stores", ["fakes"], indirect=True)
def test_an_archive_of_an_earlier_chain_gets_the_whole_chain_of_a_restored_table(
    server: Services, clock: Clock
) -> None:
    """Its links have other digests, though the archive has a link in each place."""
    (like,) = acts(server, 1)
    consume(server, [_of_shard(server, "7", like) for _ in range(2)])
    restored = replace(server, chain=services().chain)
    others = [_of_shard(server, "7", like) for _ in range(2)]
    for one in others:
        seal("7", [one], replace(restored, archive=None))
    clock.time = NOON + DAY
    sweep(restored)
    assert isinstance(server.archive, FakeArchive)
    kept = "".join(content.decode() for content in server.archive.files.values())
    assert all(f'["{one.id} ' in kept for one in others)


def test_the_daily_run_seals_what_never_came_by_the_stream(server: Services, clock: Clock) -> None:
    events = acts(server, 20)
    consume(server, events[:5])
    clock.time = NOON + DAY
    sweep(server)
    assert_whole(server, events, day_of(NOON), day_of(NOON + DAY))


def test_an_event_is_in_the_chain_of_the_day_on_which_it_is_sealed(server: Services, clock: Clock) -> None:
    first, late = acts(server, 2)
    shard = shard_of(first.id)
    late = _of_shard(server, shard, late)
    seal(shard, [first], server)
    (closed,) = server.chain.heads([day_of(NOON)])
    clock.time = NOON + DAY
    seal(shard, [late], server)
    clock.time = NOON  # of an instance whose clock is behind
    seal(shard, [_of_shard(server, shard, late)], server)
    assert server.chain.heads([day_of(NOON)]) == (closed,), "the head of a day that is over is final"
    assert [head.number for head in server.chain.heads([day_of(NOON + DAY)])] == [2]
    assert kinds(evidence(server, [day_of(NOON), day_of(NOON + DAY)])) == set()


def _of_shard(server: Services, shard: str, like: AuditEvent) -> AuditEvent:
    """Another event, of this shard."""
    while shard_of((one := replace(like, id=event().id)).id) != shard:
        pass
    server.audit.record(one)
    return one


def test_a_head_that_others_move_each_time_is_an_error_and_no_fork(server: Services) -> None:
    (one,) = acts(server, 1)
    shard = shard_of(one.id)

    def overtaken(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "append":
            other = _of_shard(server, shard, one)
            head = server.chain.head(shard)
            assert server.chain.append(next_link(shard, head, [other], server), head)
        return call()

    behind = replace(server, chain=Intercepted(server.chain, overtaken).as_store)
    with pytest.raises(TemporarilyUnavailable):
        seal(shard, [one], behind)
    assert kinds(evidence(server, [day_of(NOON)])) == set()
    assert server.chain.places([one.id]) == {}


# ------------------------------------------------------------------ what it tells

in_memory = pytest.mark.parametrize("stores", ["fakes"], indirect=True)


@pytest.fixture
def chained(server: Services, clock: Clock) -> tuple[Services, list[AuditEvent], list[str]]:
    """Three days of one shard, of five links each, by their days."""
    events, days = list[AuditEvent](), list[str]()
    for day in range(3):
        clock.time = NOON + day * DAY
        days.append(day_of(clock.time))
        for _ in range(5):
            (one,) = acts(server, 1, clock.time)
            one = _of_shard(server, "7", one)
            events.append(one)
            seal("7", [one], server)
    return server, events, days


type Tampering = Callable[[Evidence], None]


def _change(found: Evidence) -> None:
    event = dict(found.batches[2]["events"][0], act="nothing.happened")
    found.batches[2] = {**found.batches[2], "events": [event]}


def _remove_event(found: Evidence) -> None:
    found.batches[2] = {**found.batches[2], "events": []}


def _shorten(found: Evidence) -> None:
    """So that DynamoDB removes it."""
    found.batches[2] = {**found.batches[2], "events": [dict(found.batches[2]["events"][0], expires_at=NOON)]}


def _remove_link(found: Evidence) -> None:
    del found.batches[2]


def _remove_last_link(found: Evidence) -> None:
    del found.batches[4]


def _remove_day(found: Evidence) -> None:
    del found.batches[5:10]
    del found.heads[day_of(NOON + DAY), "7"]


def _move(found: Evidence) -> None:
    first, second = found.batches[1], found.batches[2]
    found.batches[1] = {**second, "link": {**second["link"], "number": first["link"]["number"]}}
    found.batches[2] = {**first, "link": {**first["link"], "number": second["link"]["number"]}}


def _insert(found: Evidence) -> None:
    found.listed.append(told(event(created_at=NOON + 5, expires_at=NOON + 400 * DAY)))


def _link_in(found: Evidence) -> None:
    """An event more in a link that was made."""
    batch = found.batches[2]
    other = event(created_at=NOON, expires_at=NOON + 400 * DAY)
    link = {**batch["link"], "entries": [*batch["link"]["entries"], f"{other.id} x {other.expires_at}"]}
    found.batches[2] = {"link": link, "events": batch["events"]}


def _rewrite_all(found: Evidence) -> None:
    """An attacker who can write everything can make another chain, but not with the heads that were kept elsewhere."""
    kept = list(published(found))
    event = dict(found.batches[2]["events"][0], act="nothing.happened")
    entry = f"{event['id']} {digest_of(event)} {event['expires_at']}"
    found.batches[2] = {"link": {**found.batches[2]["link"], "entries": [entry]}, "events": [event]}
    rebuild(found)
    assert kinds(found, NOON + 3 * DAY) == set()
    found.published += kept


def _rewrite_kept(found: Evidence) -> None:
    """Heads whose digest is not theirs."""
    (first, *_) = published(found)
    heads = {shard: {**head, "digest": "the one that was kept"} for shard, head in first["heads"].items()}
    found.published.append({**first, "heads": heads})


def published(found: Evidence) -> Iterator[dict[str, Any]]:
    """The heads of each day, as they are kept elsewhere."""
    for day in found.days:
        heads = [head for (of, _), head in found.heads.items() if of == day]
        yield published_heads(day, [Head(**head) for head in heads])


def rebuild(found: Evidence, first: int = 0) -> None:
    """Makes the chain of one shard anew, of the links there are from the batch `first` on, with the heads."""
    previous, before = "", ""
    for number, batch in enumerate(found.batches):
        link = dict(batch["link"])
        if number >= max(first, 1):
            link |= {"previous": previous, "before": before}
        found.batches[number] = {**batch, "link": link}
        previous, before = digest_of(link), link["day"]
        place = (link["day"], link["shard"])
        found.heads[place] = {**found.heads[place], "number": link["number"], "digest": previous}


@in_memory
@pytest.mark.parametrize(
    ("tamper", "told_as"),
    [
        (_change, {"event changed"}),
        (_remove_event, {"event missing"}),
        (_shorten, {"event changed"}),
        (_remove_link, {"link missing"}),
        (_remove_last_link, {"link missing"}),
        (_remove_day, {"day missing"}),
        (_move, {"link changed"}),
        (_insert, {"event unsealed"}),
        (_link_in, {"link changed", "event missing"}),
        (_rewrite_all, {"heads differ"}),
        (_rewrite_kept, {"heads differ"}),
    ],
)
def test_whatever_is_done_to_the_audit_is_told(
    chained: tuple[Services, list[AuditEvent], list[str]], tamper: Tampering, told_as: set[str]
) -> None:
    server, _, days = chained
    found = evidence(server, days)
    assert kinds(found, NOON + 3 * DAY) == set()
    tamper(found)
    assert kinds(found, NOON + 3 * DAY) == told_as


@in_memory
def test_an_event_that_is_backdated_is_told_by_when_it_was_sealed(
    chained: tuple[Services, list[AuditEvent], list[str]],
) -> None:
    server, _, days = chained
    seal("7", [_of_shard(server, "7", event(created_at=NOON - 30 * DAY, expires_at=NOON + DAY))], server)
    assert kinds(evidence(server, days), NOON + 3 * DAY) == {"event backdated"}


@in_memory
def test_an_event_that_the_last_run_for_its_day_seals_is_not_backdated(server: Services, clock: Clock) -> None:
    midnight = NOON // DAY * DAY
    (one,) = acts(server, 1, midnight)
    clock.time = midnight + SWEPT_DAYS * DAY - 1

    def slow(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "places":
            clock.time = midnight + SWEPT_DAYS * DAY + 30
        return call()

    sweep(replace(server, chain=Intercepted(server.chain, slow).as_store))
    assert entries(found := evidence(server, [day_of(clock.time)])) == [one.id]
    assert kinds(found, clock.time) == set()


@in_memory
def test_what_expires_is_no_tampering(chained: tuple[Services, list[AuditEvent], list[str]]) -> None:
    """DynamoDB removes an event within days of its time, in any order; a week later its link, one by one."""
    server, events, days = chained
    found = evidence(server, days)
    kept_until = next(found.links)["kept_until"]
    for batch in found.batches:
        batch["events"].clear()
    assert kinds(found, events[0].expires_at - 1) == {"event missing"}
    assert kinds(found, events[-1].expires_at) == set()
    del found.batches[1]
    assert kinds(found, kept_until - 1) == {"link missing"}
    assert kinds(found, kept_until) == set()
    assert min(int(entry.split()[2]) for link in found.links for entry in link["entries"]) < kept_until


def test_an_archive_is_never_written_over(server: Services) -> None:
    (one,) = acts(server, 1)
    consume(server, [one])
    kept = server.archive
    assert isinstance(kept, FakeArchive)
    before = dict(kept.files)
    consume(server, [replace(one, act="nothing.happened")])
    archive({link.place for link in _links(server)}, server)
    assert kept.files == before


def _links(server: Services) -> Sequence[Link]:
    (head,) = server.chain.heads([day_of(NOON)])
    return server.chain.links([Place(head.shard, head.day, 1)])
