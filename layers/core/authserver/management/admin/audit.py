"""The audit, for operators: /admin/audit. It is read-only."""

import re

from authserver.documents import audit as documents
from authserver.management import Answer, Call, Invalid, Operation, page_of
from authserver.models.audit import day_of
from authserver.services import Services
from authserver.settings import DAY
from authserver.storage.audit import Wanted
from authserver.storage.lists import BadCursor, Page

INSTANT = re.compile(r"[0-9]{1,11}")
ACT = re.compile(r"[a-z_]{1,64}(\.[a-z_]{1,64}){0,3}\.?")
DAY_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DAYS_AT_ONCE = 5
LINKS_AT_ONCE = 20  # of fifty events each
RECENT = 30 * DAY  # what is listed unless the call says from when


def list_events(call: Call, services: Services) -> Answer:
    """What was done, the newest first. A part may be short or empty and still have a `next` one."""
    until = _instant("to", call, services.now())
    kind, _, identifier = call.query.get("object", "").partition(":")
    act = call.query.get("act", "")
    if act and not ACT.fullmatch(act):
        raise Invalid("act", "must be the name of an act, or the beginning of one with a dot at its end")
    if "object" in call.query and not (kind and identifier):
        raise Invalid("object", "must be a kind and an identifier, such as client:web")
    since = _instant("from", call, max(0, until - RECENT))
    if since > until:
        raise Invalid("from", "must not be later than `to`")
    wanted = Wanted(
        since=since,
        until=until,
        actor=call.query.get("actor", ""),
        object_kind=kind,
        object_id=identifier,
        act=act,
    )
    page = services.audit.events(wanted, limit=call.limit, cursor=call.cursor)
    return page_of(page, lambda event: documents.Event.of(event).model_dump(mode="json"))


def list_audit_heads(call: Call, services: Services) -> Answer:
    """How far the chain goes on each day. Without AuditChain there is nothing."""
    until = _instant("to", call, services.now())
    since = _instant("from", call, max(0, until - RECENT))
    at = _at(call.cursor, since // DAY * DAY)
    days = [day_of(one) for one in range(at, min(until, at + DAYS_AT_ONCE * DAY - 1) + 1, DAY)]
    after = at + DAYS_AT_ONCE * DAY
    page = Page(services.chain.heads(days), str(after) if after <= until else None)
    return page_of(page, lambda head: documents.ChainHead.of_record(head).model_dump(mode="json"))


def list_audit_links(call: Call, services: Services) -> Answer:
    """The links of a day, by shard and number, each with its events."""
    from authserver.models.chain import Place  # most calls are others

    day = call.query.get("day", "")
    if not DAY_NAME.fullmatch(day):
        raise Invalid("day", "must be a day such as 2026-11-30")
    heads = services.chain.heads([day])
    places = [Place(head.shard, day, number + 1) for head in heads for number in range(head.number)]
    first, most = _at(call.cursor, 0), min(call.limit, LINKS_AT_ONCE)
    links = services.chain.links(places[first : first + most])
    events = services.chain.events([one for link in links for one in link.ids])
    page = Page(links, str(first + most) if first + most < len(places) else None)
    return page_of(page, lambda link: documents.SealedBatch.of(link, events).model_dump(mode="json"))


def _at(cursor: str | None, default: int) -> int:
    """Where a list of the chain goes on. Raises `BadCursor`."""
    if cursor is None:
        return default
    if not INSTANT.fullmatch(cursor):
        raise BadCursor("cursor")
    return int(cursor)


def _instant(name: str, call: Call, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not INSTANT.fullmatch(text):
        raise Invalid(name, "must be a time in epoch seconds")
    return int(text)


OPERATIONS = (
    Operation(
        "GET /admin/audit",
        "List who did what",
        "admin:audit.read",
        list_events,
        answer=documents.Event,
        query={
            "from": "not before this time, in epoch seconds; 30 days before `to` without it",
            "to": "not after this time; now without it",
            "actor": "by this user, client or IAM principal",
            "object": "done to this, as its kind and its identifier: `client:web`",
            "act": "this act, or with a dot at its end all whose names begin so: `client.secret.`",
        },
        is_list=True,
    ),
    Operation(
        "GET /admin/audit/heads",
        "List how far the chain of the audit goes",
        "admin:audit.read",
        list_audit_heads,
        answer=documents.ChainHead,
        query={
            "from": "the day of this time and later, in epoch seconds; 30 days before `to` without it",
            "to": "the day of this time and earlier; today without it",
        },
        is_list=True,
    ),
    Operation(
        "GET /admin/audit/links",
        "List the links of a day with their events",
        "admin:audit.read",
        list_audit_links,
        answer=documents.SealedBatch,
        query={"day": "in UTC, such as `2026-11-30`"},
        is_list=True,
    ),
)
