"""Where the user is signed in, and what happened to the account: /account/sessions and /account/activity."""

import re
from typing import Any

from authserver.documents import authorization as documents
from authserver.identity.activity import SESSION_ENDED, SESSIONS_ENDED
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, NotFound, Operation, page_of
from authserver.management.account.acting import acting_user, note_own
from authserver.management.audited import SELF, act
from authserver.models.browsers import Session
from authserver.models.journal import Activity
from authserver.services import Services
from authserver.storage.lists import Page

SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")
PARTS = 10  # of a list that are looked through for what is alive


def list_sessions(call: Call, services: Services) -> Answer:
    """The browsers in which the user is signed in."""
    user = acting_user(call, services)
    ends = services.browsers.ends(key_text(user.sub))
    alive: list[Session] = []
    cursor = call.cursor
    for _ in range(PARTS):  # of many that were signed out at once, those that are left come last
        page = services.browsers.sessions(user.sub, limit=call.limit - len(alive), cursor=cursor)
        alive += (one for one in page.items if one.expires_at > services.now() and ends.stand(one.begun, one.sessions))
        cursor = page.next
        if cursor is None or len(alive) >= call.limit:
            break
    return page_of(Page(tuple(alive), cursor), _write_session)


@act("session.ended", SELF)
def end_session(call: Call, services: Services) -> Answer:
    """Signs one browser out."""
    user = acting_user(call, services)
    identifier = call.path["id"] if SESSION_ID.fullmatch(call.path["id"]) else None
    session = services.browsers.browser_state(session_id=identifier).session
    if session is None or session.subject != user.sub:
        raise NotFound("session")
    services.withdrawals.end_session(session.id)
    note_own(call, services, SESSION_ENDED, about=session.device)
    return Answer()


@act("sessions.ended", SELF)
def end_sessions(call: Call, services: Services) -> Answer:
    """Signs every browser out, in one write; applications stay connected."""
    services.withdrawals.end_sessions(acting_user(call, services).sub)
    note_own(call, services, SESSIONS_ENDED)
    return Answer()


def list_activity(call: Call, services: Services) -> Answer:
    """What happened to the account in the last 90 days, the newest first."""
    user = acting_user(call, services)
    page = services.journal.activities(user.sub, limit=call.limit, cursor=call.cursor)
    kept = tuple(one for one in page.items if one.expires_at > services.now())
    return page_of(Page(kept, page.next), _write_activity)


def _write_session(session: Session) -> dict[str, Any]:
    return documents.Session.of_record(
        session,
        since=session.created_at,
        until=session.expires_at,
    ).model_dump(mode="json")


def _write_activity(activity: Activity) -> dict[str, Any]:
    return documents.Activity.of_record(
        activity,
        at=activity.created_at,
    ).model_dump(mode="json")


READ, WRITE = "account.read", "account.write"

OPERATIONS = (
    Operation(
        "GET /account/sessions", "List one's sessions", READ, list_sessions, answer=documents.Session, is_list=True
    ),
    Operation(
        "DELETE /account/sessions",
        "Sign out everywhere",
        WRITE,
        end_sessions,
        status=204,
    ),
    Operation("DELETE /account/sessions/{id}", "Sign one browser out", WRITE, end_session, status=204),
    Operation(
        "GET /account/activity",
        "List what happened to one's account",
        READ,
        list_activity,
        answer=documents.Activity,
        is_list=True,
    ),
)
