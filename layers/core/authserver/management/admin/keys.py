"""The server's keys, for operators: /admin/keys."""

from typing import Any, Literal

from authserver.documents import key as documents
from authserver.management import Answer, Call, Conflict, NotFound, Operation
from authserver.management.admin.powers import require_powers
from authserver.management.audited import act
from authserver.models.keys import Key, Ring
from authserver.services import Services
from authserver.values import base64url

ATTEMPTS = 4


def list_keys(_call: Call, services: Services) -> Answer:
    """Every key, ring by ring, oldest first; never what is wrapped."""
    rings = services.keys.rings()
    return Answer(document={"items": [_write(key, ring, services.now()) for ring in rings for key in ring.keys]})


@act("keys.rotated")
def rotate_keys(_call: Call, services: Services) -> Answer:
    """Gives every ring a new key, which is published now and used in about 70 minutes.

    A ring whose newest key is not in use yet gets none; so the same call twice is one rotation.
    """
    return Answer(
        document=documents.Rotation(rotated=services.keys.rotate(at_once=True, note=services.note)).model_dump(
            mode="json"
        )
    )


@act("key.withdrawn", "kid")
def withdraw_key(call: Call, services: Services) -> Answer:
    """Withdraws a key that others may have: it leaves the key set now, another one takes over at once, and
    within a minute no function trusts it.

    What it protects ends with it: tokens that it signed, or the sessions, codes and refresh tokens that it made. Others
    may hold a copy of the key set for an hour.
    """
    kid = call.path["kid"]
    for _ in range(ATTEMPTS):
        ring = services.keys.withdrawn(kid)
        if ring is None:
            raise NotFound("key")
        if services.withdrawals.withdraw_key(ring):
            services.settle()
            told = documents.Withdrawal(kid=kid, ring=ring.name, successor=ring.keys[-1].kid)
            return Answer(document=told.model_dump(mode="json"))
    raise Conflict("The keys are being changed by somebody else")


@act("deployment.everything_ended")
def end_everything(call: Call, services: Services) -> Answer:
    """Ends all that was begun here until now: every session, token, consent, approval and link, machines' tokens among
    it.

    For a disaster, and after tables were restored from a backup, which would else bring back what was ended since.
    Users, clients, organisations, keys and settings stay. Takes every administrative scope.
    """
    require_powers(call, services)
    services.withdrawals.end_everything(base64url(services.random(16)))
    services.settle()
    return Answer()


def _write(key: Key, ring: Ring, now: int) -> dict[str, Any]:
    return documents.Key.of_record(
        key,
        ring=ring.name,
        state=_state(key, ring, now),
    ).model_dump(mode="json")


def _state(key: Key, ring: Ring, now: int) -> Literal["next", "current", "retired"]:
    if key.use_from > now:
        return "next"
    newest = max(one.use_from for one in ring.keys if one.use_from <= now)
    return "current" if key.use_from == newest else "retired"


READ, WRITE = "admin:keys.read", "admin:keys.write"

OPERATIONS = (
    Operation("GET /admin/keys", "List keys", READ, list_keys, answer=documents.Keys),
    Operation("POST /admin/keys/rotation", "Rotate the keys", WRITE, rotate_keys, answer=documents.Rotation),
    Operation(
        "POST /admin/keys/{kid}/withdrawal",
        "Withdraw a key that was stolen",
        WRITE,
        withdraw_key,
        answer=documents.Withdrawal,
    ),
    Operation("POST /admin/end-everything", "End everything that was begun", WRITE, end_everything, status=204),
)
