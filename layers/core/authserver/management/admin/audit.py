"""The audit, for operators: /admin/audit. It is read-only."""

import re

from authserver.documents import audit as documents
from authserver.management import Answer, Call, Invalid, Operation, page_of
from authserver.services import Services
from authserver.settings import DAY
from authserver.storage.audit import Wanted

INSTANT = re.compile(r"[0-9]{1,11}")
ACT = re.compile(r"[a-z_]{1,64}(\.[a-z_]{1,64}){0,3}\.?")
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
)
