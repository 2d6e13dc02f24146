"""Verifies the chain of the audit: whether every event is as it was sealed, and every link where it was made.

What it looks at are documents as the admin API, exports and the archive have them. docs/operations/audit.md says what a
link is made of.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from authserver.identity.sealing import SWEPT_DAYS
from authserver.models.chain import digest_of
from authserver.settings import DAY

PENDING = 15 * 60  # seconds in which an event is sealed, or an alarm tells that it is not

type Document = Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """What is wrong: `kind` is a word, `what` the event, the link (shard and number) or the day that it is about."""

    day: str
    kind: str
    what: str


@dataclass
class Evidence:
    """What there is to look at. `heads` are by day and shard, `published` the heads of days as they were kept before.

    `since` is when the first link of all was made, as far as heads tell; `listed` are events whether sealed or not.
    """

    heads: dict[tuple[str, str], Document] = field(default_factory=dict)
    batches: list[Document] = field(default_factory=list)
    listed: list[Document] = field(default_factory=list)
    published: list[Document] = field(default_factory=list)

    def take(self, line: Document) -> None:
        """Takes a line of a file for what it is. Raises `ValueError` if it is none of ours."""
        if "link" in line:
            self.batches.append(line)
        elif "heads" in line:
            self.published.append(line)
            for shard, head in line["heads"].items():
                self.heads[line["day"], shard] = {"day": line["day"], "shard": shard, **head}
        elif "act" in line:
            self.listed.append(line)
        else:
            raise ValueError("neither an event, nor a sealed batch, nor the heads of a day")

    @property
    def links(self) -> Iterator[Document]:
        return (batch["link"] for batch in self.batches)

    @property
    def days(self) -> tuple[str, ...]:
        """The days with links or heads."""
        return tuple(sorted({day for day, _ in self.heads} | {link["day"] for link in self.links}))

    @property
    def events(self) -> Iterator[Document]:
        return (event for batch in self.batches for event in batch["events"])


def faults_of(evidence: Evidence, now: int) -> list[Fault]:
    """All that is wrong with the evidence at `now`, in epoch seconds: none if it is whole."""
    chains: dict[tuple[str, str], dict[int, Document]] = {}
    faults = []
    for link in evidence.links:
        chain = chains.setdefault((link["day"], link["shard"]), {})
        if chain.setdefault(link["number"], link) != link:
            faults.append(Fault(link["day"], "link twice", _place(link)))
    for place in sorted({*chains, *evidence.heads}):
        faults += _faults_of_chain(place, chains, evidence.heads, now)
    faults += _faults_of_events(evidence, now)
    faults += _faults_of_published(evidence)
    return faults


def expired(evidence: Evidence, day: str, now: int) -> bool:
    """Whether the links of a day may have been removed by now, for their age."""
    heads = (head for (of, _), head in evidence.heads.items() if of == day)
    kept = [
        one["kept_until"]
        for one in (*heads, *(link for link in evidence.links if link["day"] == day))
        if "kept_until" in one
    ]
    return bool(kept) and max(kept) <= now


def _faults_of_chain(
    place: tuple[str, str],
    chains: Mapping[tuple[str, str], Mapping[int, Document]],
    heads: Mapping[tuple[str, str], Document],
    now: int,
) -> Iterator[Fault]:
    """Those of one shard on one day: a link that is not there, or that another one or the head says was different."""
    day, shard = place
    links, head = chains.get(place, {}), heads.get(place)
    is_old = min([one["kept_until"] for one in (*links.values(), head or {}) if "kept_until" in one], default=now + 1)
    if head and is_old <= now and len(links) < head["number"]:
        return  # they are removed one by one
    for number in range(1, max([*links, head["number"] if head else 0]) + 1):
        link = links.get(number)
        if link is None:
            yield Fault(day, "link missing", f"{shard}/{number}")
            continue
        following = links.get(number + 1)
        if following is not None and following["previous"] != digest_of(link):
            yield Fault(day, "link changed", _place(link))
        if head and number == head["number"] and head["digest"] != digest_of(link):
            yield Fault(day, "link changed", _place(link))
        if head and number > head["number"]:
            yield Fault(day, "link added", _place(link))
    first = links.get(1)
    if first is not None and first["before"]:
        yield from _faults_of_seam(first, chains, heads)


def _faults_of_seam(
    first: Document,
    chains: Mapping[tuple[str, str], Mapping[int, Document]],
    heads: Mapping[tuple[str, str], Document],
) -> Iterator[Fault]:
    """Whether a shard's first link of a day follows on the last one of the day that it names."""
    before = (first["before"], first["shard"])
    links, head = chains.get(before, {}), heads.get(before)
    if head is None and not links:
        if min(day for day, _ in (*chains, *heads)) <= first["before"]:
            yield Fault(first["before"], "day missing", f"shard {first['shard']}")
        return
    last = head["digest"] if head else digest_of(links[max(links)])
    if first["previous"] != last:
        yield Fault(first["before"], "link missing", f"{first['shard']}, its last")


def _faults_of_events(evidence: Evidence, now: int) -> Iterator[Fault]:
    """Events that are not as they were sealed, are gone before their time, or were not sealed when they were made."""
    there = {event["id"]: event for event in (*evidence.listed, *evidence.events)}
    sealed: dict[str, str] = {}
    for link in evidence.links:
        for entry in link["entries"]:
            event_id, digest, expires_at = entry.split(" ")
            event = there.get(event_id)
            if sealed.setdefault(event_id, _place(link)) != _place(link):
                yield Fault(link["day"], "event twice", event_id)
            if event is None:
                if int(expires_at) > now:
                    yield Fault(link["day"], "event missing", event_id)
            elif digest_of(event) != digest:
                yield Fault(link["day"], "event changed", event_id)
            elif link["sealed_at"] - event["time"] > SWEPT_DAYS * DAY:
                yield Fault(link["day"], "event backdated", event_id)
    for event in there.values():
        if event["id"] not in sealed and is_due(event, evidence, now):
            yield Fault("", "event unsealed", event["id"])


def is_due(event: Document, evidence: Evidence, now: int) -> bool:
    """Whether an event is of a time in which events were sealed."""
    begun = [head["since"] for head in evidence.heads.values() if "since" in head]
    begun += [link["sealed_at"] for link in evidence.links]
    return bool(begun) and min(begun) <= event["time"] <= now - PENDING


def _faults_of_published(evidence: Evidence) -> Iterator[Fault]:
    """Days whose heads are not those that somebody kept."""
    for line in evidence.published:
        found = {shard: _told(head) for (day, shard), head in evidence.heads.items() if day == line["day"]}
        if line["digest"] != digest_of(line["heads"]) or found != line["heads"]:
            yield Fault(line["day"], "heads differ", line["digest"])


def _told(head: Document) -> Document:
    return {"number": head["number"], "digest": head["digest"]}


def _place(link: Document) -> str:
    return f"{link['day']} {link['shard']}/{link['number']}"


def lines_of(faults: Iterable[Fault]) -> list[dict[str, str]]:
    return [{"day": fault.day, "fault": fault.kind, "what": fault.what} for fault in faults]
