"""Verifies the chain of the audit: whether every event is as it was sealed, and every link where it was made.

What it looks at are documents as the admin API, exports and the archive have them. docs/operations/audit.md says what a
link is made of.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from authserver.identity.sealing import KEPT_LONGER, LATE, SWEPT_DAYS
from authserver.models.audit import day_of
from authserver.models.chain import SHARDS, Link, digest_of
from authserver.settings import DAY

PENDING = 15 * 60  # seconds in which an event is sealed, or an alarm tells that it is not

# The members of each kind of document, and the types of those that are looked at: a document with another one, or with
# one more, would be read in another way elsewhere.
LINK: Mapping[str, type] = {
    **{one.name: str for one in fields(Link)},
    "number": int,
    "sealed_at": int,
    "kept_until": int,
    "entries": list,
}
HEAD: Mapping[str, type] = {"number": int, "digest": str, "kept_until": int}
EVENT: Mapping[str, type] = {
    "id": str,
    "time": int,
    "expires_at": int,
    "act": str,
    "outcome": str,
    "actor": dict,
    "object": dict,
    "fields": list,
    "source": object,
    "request": object,
    "reason": object,
}

type Document = Mapping[str, Any]
type Place = tuple[str, str]  # a day and a shard
type Chains = dict[Place, dict[int, Document]]
type Found = dict[str, dict[str, Document]]  # whatever there is of an event's identifier, by its digest


@dataclass(frozen=True)
class Fault:
    """What is wrong: `kind` is a word, `what` the event, the link (shard and number) or the day that it is about."""

    day: str
    kind: str
    what: str


@dataclass(frozen=True)
class Span:
    """What was looked at: all events of a time, in epoch seconds, and all links of its days.

    `begun` is when the first link of all was made, as far as heads tell. `following` has each shard's first link of a
    later day, which says what the last one is in the span.
    """

    since: int
    until: int
    begun: int | None = None
    following: tuple[Document, ...] = ()


@dataclass
class Evidence:
    """What there is to look at. `heads` are the latest by day and shard, `earlier_heads` others that files tell.

    `listed` are events whether sealed or not, `published` the heads of days as an operator kept them elsewhere.
    `may_expire` says that what is too old may be gone, as on a server; files lose nothing.
    """

    heads: dict[Place, Document] = field(default_factory=dict)
    earlier_heads: list[Document] = field(default_factory=list)
    batches: list[Document] = field(default_factory=list)
    listed: list[Document] = field(default_factory=list)
    published: list[Document] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    may_expire: bool = False

    def take(self, line: Document) -> None:
        """Takes a line of a file for what it is. Raises `ValueError` if it is none of ours."""
        if "link" in line:
            self.batches.append(batch_of(line))
        elif "heads" in line:
            for shard, head in heads_of(line).items():
                self._take_head({"day": line["day"], "shard": shard, **head})
        elif "act" in line:
            self.listed.append(_checked(line, EVENT, "an event"))
        elif "export" in line:
            self.spans.append(_span_of(_checked(line, {"export": dict}, "what an export is of")["export"]))
        else:
            raise ValueError("neither an event, nor a sealed batch, nor the heads of a day, nor what an export is of")

    def _take_head(self, head: Document) -> None:
        """Of a day that is exported before it is over, a later export has later heads."""
        place = (head["day"], head["shard"])
        known = self.heads.setdefault(place, head)
        if head["number"] > known["number"]:
            self.heads[place], head = head, known
        self.earlier_heads.append(head)

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


def batch_of(line: Document) -> Document:
    """A link with its events. Raises `ValueError` if it is not as one is written."""
    _checked(line, {"link": dict, "events": list}, "a sealed batch")
    link = _checked(line["link"], LINK, "a link")
    is_first = link["number"] == 1
    _require_place(link["day"], link["shard"], link["number"])
    if link["before"] and not (_is_day(link["before"]) and (link["before"] < link["day"]) == is_first):
        raise ValueError("a link that names no day before it")
    if bool(link["before"]) != bool(link["previous"]) or not (is_first or link["before"]):
        raise ValueError("a link that follows on none")
    if not all(isinstance(entry, str) and _is_entry(entry.split(" ")) for entry in link["entries"]):
        raise ValueError("a link with another entry than an event's")
    for event in line["events"]:
        _checked(event, EVENT, "an event")
    return line


def heads_of(line: Document) -> Mapping[str, Document]:
    """The heads of a day by their shards. Raises `ValueError` if they are not as they are written."""
    _checked(line, {"day": str, "digest": str, "heads": dict}, "the heads of a day")
    heads: Mapping[str, Document] = line["heads"]
    for shard, head in heads.items():
        _require_place(line["day"], shard, _checked(head, HEAD, "a head")["number"])
    if not _is_day(line["day"]) or line["digest"] != digest_of(heads):
        raise ValueError("heads of another digest or of no day")
    return heads


def _span_of(told: Document) -> Span:
    span = Span(**told)
    times = (span.since, span.until, span.begun or 0)
    if not all(type(one) is int for one in times) or span.begun is True or not isinstance(span.following, list):
        raise ValueError("an export of no time")
    for link in span.following:
        batch_of({"link": link, "events": []})
    return span


def _checked(found: Any, members: Mapping[str, type], what: str) -> Document:
    """An object with these members alone. Raises `ValueError`."""
    if not isinstance(found, dict) or found.keys() != members.keys():
        raise ValueError(f"{what} with other members")
    if not all(kind is object or type(found[name]) is kind for name, kind in members.items()):
        raise ValueError(f"{what} with a member of another type")
    return found


def _require_place(day: str, shard: str, number: int) -> None:
    if not (_is_day(day) and len(shard) == 1 and shard in SHARDS and number >= 1):
        raise ValueError("a place that is none of the chain")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_entry(parts: list[str]) -> bool:
    return len(parts) == 3 and all(parts) and parts[2].isascii() and parts[2].isdigit()


def faults_of(evidence: Evidence, now: int) -> list[Fault]:
    """All that is wrong with the evidence at `now`, in epoch seconds: none if it is whole."""
    chains: Chains = {}
    faults = []
    for link in evidence.links:
        chain = chains.setdefault((link["day"], link["shard"]), {})
        if chain.setdefault(link["number"], link) != link:
            faults.append(Fault(link["day"], "link twice", _place(link)))
    for place in sorted({*chains, *evidence.heads}):
        faults += _faults_of_chain(place, chains, evidence, now)
    firsts = [chain[1] for chain in chains.values() if 1 in chain]
    for link in (*firsts, *(link for span in evidence.spans for link in span.following)):
        faults += _faults_of_seam(link, chains, evidence)
    faults += _faults_of_heads(chains, evidence)
    faults += _faults_of_events(evidence, now)
    faults += _faults_of_published(evidence)
    return list(dict.fromkeys(faults))


def expired(evidence: Evidence, day: str, now: int) -> bool:
    """Whether links of a day may have been removed by now, for their age."""
    shards: dict[str, list[Document]] = {}
    for one in (*evidence.heads.values(), *evidence.links):
        if one["day"] == day:
            shards.setdefault(one["shard"], []).append(one)
    return evidence.may_expire and any(_is_over(kept, now) for kept in shards.values())


def begins_to_expire(evidence: Evidence, day: str, now: int) -> bool:
    """Whether links of a day, or events that they seal, may have been removed by now."""
    entries = (entry for link in evidence.links if link["day"] == day for entry in link["entries"])
    return expired(evidence, day, now) or any(int(entry.split(" ")[2]) <= now for entry in entries)


def unsealed(evidence: Evidence) -> list[Document]:
    """Events that no link has and one should have: of a time in which events were sealed, or of none that was asked
    for."""
    begun = _begun(evidence)
    sealed = {entry.partition(" ")[0] for link in evidence.links for entry in link["entries"]}

    def is_due(event: Document) -> bool:
        is_asked_for = any(span.since <= event["time"] <= span.until for span in evidence.spans)
        return not is_asked_for or (begun is not None and begun <= event["time"])

    loose = {event["id"]: event for event in evidence.listed if event["id"] not in sealed}
    return [event for event in loose.values() if is_due(event)]


def midnight_after(day: str) -> int:
    """The end of a day, in epoch seconds."""
    return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) + DAY


def _begun(evidence: Evidence) -> int | None:
    """When the first link of all was made, at the latest: a link that names the day before tells that one was made."""
    told = [span.begun for span in evidence.spans if span.begun is not None]
    told += [link["sealed_at"] for link in evidence.links]
    told += [midnight_after(link["before"]) for link in evidence.links if link["before"]]
    return min(told, default=None)


def _is_over(kept: Iterable[Document], now: int) -> bool:
    """Whether links of a shard's day, of which these are left, or its head, may have been removed, one by one.

    None is kept for less than `KEPT_LONGER`, whatever its record says.
    """
    ends = [max(one["kept_until"], midnight_after(one["day"]) + KEPT_LONGER) for one in kept]
    return max(ends, default=now + 1) <= now


def _faults_of_chain(place: Place, chains: Chains, evidence: Evidence, now: int) -> Iterator[Fault]:
    """Those of one shard on one day: a link that is not there, or that another one or the head says was different."""
    day, shard = place
    links, head = chains.get(place, {}), evidence.heads.get(place)
    if head is None and _has_heads(day, evidence):
        yield from (Fault(day, "link added", _place(link)) for link in links.values())
    elif head is None and not evidence.may_expire and day < max((of for of, _ in evidence.heads), default=""):
        yield Fault(day, "heads missing", shard)
    may_be_gone = evidence.may_expire and _is_over((*links.values(), head or {}), now)
    for number in range(1, max([*links, head["number"] if head else 0]) + 1):
        link = links.get(number)
        if link is None:
            if not may_be_gone:
                yield Fault(day, "link missing", f"{shard}/{number}")
            continue
        following = links.get(number + 1)
        if following is not None and following["previous"] != digest_of(link):
            yield Fault(day, "link changed", _place(link))
        if head and number == head["number"] and head["digest"] != digest_of(link):
            yield Fault(day, "link changed", _place(link))
        if head and number > head["number"]:
            yield Fault(day, "link added", _place(link))


def _has_heads(day: str, evidence: Evidence) -> bool:
    """Whether there must be a head where there is a link: the heads of a day are read, exported and kept together.

    The archive has none of a day that is not over, and none of one whose daily runs failed.
    """
    return any(of == day for of, _ in evidence.heads) or any(_covers(span, day) for span in evidence.spans)


def _covers(span: Span, day: str) -> bool:
    """Whether all links of a day were looked at."""
    return day_of(span.since) <= day and midnight_after(day) <= span.until + PENDING


def _faults_of_heads(chains: Chains, evidence: Evidence) -> Iterator[Fault]:
    """Heads of a time before a day was over, whose link is another one by now."""
    for head in evidence.earlier_heads:
        link = chains.get((head["day"], head["shard"]), {}).get(head["number"])
        if link is None or digest_of(link) != head["digest"]:
            yield Fault(head["day"], "link changed", f"{head['shard']}/{head['number']}")


def _faults_of_seam(first: Document, chains: Chains, evidence: Evidence) -> Iterator[Fault]:
    """Whether a shard's first link of a day follows on the last one of the day that it names, with none between."""
    between = {
        day
        for day, shard in {*chains, *evidence.heads}
        if shard == first["shard"] and first["before"] < day < first["day"]
    }
    for day in sorted(between):
        yield Fault(day, "link added", f"{first['shard']}, between {first['before'] or 'none'} and {first['day']}")
    if not first["before"]:
        return
    before = (first["before"], first["shard"])
    links, head = chains.get(before, {}), evidence.heads.get(before)
    # Of several exports together, one may have ended on that day; a server and the archive are read as a whole.
    is_whole = evidence.may_expire or not evidence.spans
    was_whole = is_whole or any(_covers(span, first["before"]) for span in evidence.spans)
    if head is None and not links:
        begins = min([*evidence.days, *(day_of(span.since) for span in evidence.spans)])
        if was_whole and begins <= first["before"]:
            yield Fault(first["before"], "day missing", f"shard {first['shard']}")
        return
    last = head["digest"] if head else digest_of(links[max(links)])
    if first["previous"] != last and was_whole:
        yield Fault(first["before"], "link missing", f"{first['shard']}, its last")


def _faults_of_events(evidence: Evidence, now: int) -> Iterator[Fault]:
    """Events that are not as they were sealed, are gone before their time, or were not sealed when they were made."""
    found: Found = {}
    for event in (*evidence.listed, *evidence.events):
        found.setdefault(event["id"], {})[digest_of(event)] = event
    sealed: dict[str, str] = {}
    for batch in evidence.batches:
        link = batch["link"]
        for entry in link["entries"]:
            event_id, digest, expires_at = entry.split(" ")
            may_be_gone = evidence.may_expire and int(expires_at) <= now
            if sealed.setdefault(event_id, _place(link)) != _place(link):
                yield Fault(link["day"], "event twice", event_id)
            if kind := _fault_of_event(digest, found.get(event_id, {}), link["sealed_at"], may_be_gone=may_be_gone):
                yield Fault(link["day"], kind, event_id)
        yield from _faults_of_batch(batch)
    for event_id, documents in found.items():
        if event_id not in sealed and len(documents) > 1:
            yield Fault("", "event twice", event_id)
    for event in unsealed(evidence):
        yield Fault("", "event unsealed", event["id"])


def _fault_of_event(digest: str, found: Mapping[str, Document], sealed_at: int, *, may_be_gone: bool) -> str:
    """The kind of what is wrong with an event that was sealed with this digest."""
    if not found:
        return "" if may_be_gone else "event missing"
    if list(found) != [digest]:
        return "event changed"
    time = found[digest]["time"]
    if time - sealed_at > LATE:
        return "event postdated"
    return "event backdated" if sealed_at - time > SWEPT_DAYS * DAY + LATE else ""


def _faults_of_batch(batch: Document) -> Iterator[Fault]:
    """Events that are with a link, but not those that it seals."""
    link = batch["link"]
    own = {entry.partition(" ")[0] for entry in link["entries"]}
    for event_id, times in Counter(event["id"] for event in batch["events"]).items():
        if event_id not in own or times > 1:
            yield Fault(link["day"], "event added", event_id)


def _faults_of_published(evidence: Evidence) -> Iterator[Fault]:
    """Days whose heads differ from those that an operator kept."""
    for line in evidence.published:
        found = {shard: _told(head) for (day, shard), head in evidence.heads.items() if day == line["day"]}
        if found != line["heads"]:
            yield Fault(line["day"], "heads differ", line["digest"])


def _told(head: Document) -> Document:
    return {name: head[name] for name in HEAD}


def _place(link: Document) -> str:
    return f"{link['day']} {link['shard']}/{link['number']}"


def lines_of(faults: Iterable[Fault]) -> list[dict[str, str]]:
    return [{"day": fault.day, "fault": fault.kind, "what": fault.what} for fault in faults]
