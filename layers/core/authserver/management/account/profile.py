"""Who the user is: /account/profile."""

from typing import Any

from authserver.documents import profile as documents
from authserver.identity.activity import PROFILE_CHANGED
from authserver.management import Answer, Call, NotFound, Operation
from authserver.management.account.acting import acting_user, note_own
from authserver.management.audited import SELF, act
from authserver.models.users import User
from authserver.services import Services


def get_profile(call: Call, services: Services) -> Answer:
    """The user."""
    return Answer(document=_write(acting_user(call, services)))


@act("user.profile.changed", SELF)
def change_profile(call: Call, services: Services) -> Answer:
    """Changes the name."""
    user = acting_user(call, services)
    wanted = call.patched(documents.ProfileChanges, {"name": user.name} if user.name else {})
    changes: dict[str, Any] = {"name": wanted.name}
    if wanted.name != user.name:
        changes["updated_at"] = services.now()
    changed = services.users.update(user.sub, **changes)
    if changed is None:
        raise NotFound("user")
    if changed.name != user.name:
        note_own(call, services, PROFILE_CHANGED)
    return Answer(document=_write(changed))


def _write(user: User) -> dict[str, Any]:
    return documents.Profile.of_record(user).model_dump(mode="json")


READ, WRITE = "account.read", "account.write"

OPERATIONS = (
    Operation("GET /account/profile", "Read one's profile", READ, get_profile, answer=documents.Profile),
    Operation(
        "PATCH /account/profile",
        "Change one's profile",
        WRITE,
        change_profile,
        body=documents.ProfileChanges,
        answer=documents.Profile,
    ),
)
