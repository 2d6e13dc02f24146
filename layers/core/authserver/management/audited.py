"""What the audit notes of the operations that change something.

Such an operation's use case says which `act` it is. Each caller, the dispatcher of an API or a form of our own
pages, its event is written together with its first write; an operation that finds nothing to change writes none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authserver.management import Answer, Call, Perform, Problem

if TYPE_CHECKING:
    from authserver.services import Services
    from authserver.storage.audit import Note

FIELD = re.compile(r"[a-z_]{1,64}")
SELF = "self"  # the object is the user who acts
# What a parameter of a path identifies, where the first word of the act does not say so.
KINDS = {SELF: "user", "sub": "user", "client_id": "client", "organisation": "organisation"}
_acts: dict[Any, str] = {}
ACTS: Mapping[Any, str] = MappingProxyType(_acts)  # by the use case


def act(name: str, of: str = "") -> Callable[[Perform], Perform]:
    """Makes a use case leave an event with the act's `name`, which never changes: others filter by it.

    `of` is the parameter of the path that identifies what it is done to, or `SELF`; empty where the use case tells it
    itself (`Services.is_about`), or where there is but one.
    """

    def decorate(perform: Perform) -> Perform:
        @wraps(perform)
        def performed(call: Call, services: Services) -> Answer:
            note = _note(name, of, call, services)
            try:
                return perform(call, services.noting(note))
            except Problem as problem:
                _note_refusal(note, problem, call, services)
                raise

        return declared(name, performed)

    return decorate


def declared[P](name: str, perform: P) -> P:
    """Remembers which act it is that something performs: for the test that finds what has none."""
    _acts[perform] = name
    return perform


def _note(name: str, of: str, call: Call, services: Services) -> Note:
    from authserver.identity.audit import note_of  # most calls only read

    return note_of(
        services,
        name,
        _kind_of_actor(call),
        call.subject or call.client_id,
        KINDS.get(of) or name.partition(".")[0],
        source=call.source,
        object_id=call.subject if of == SELF else call.path.get(of, ""),
        client=call.client_id,
        organisation=call.path.get("organisation", call.organisation),
        fields=_fields(call.body),
        request=call.request_id,
    )


def _kind_of_actor(call: Call) -> Any:
    """An operator who invokes the admin function by IAM comes without a client."""
    if call.subject == call.client_id:
        return "client"
    return "iam" if call.is_administrative and not call.client_id else "user"


def _fields(body: Any) -> tuple[str, ...]:
    """The names of the fields that a call sets, as far as they are names. They are written once they were valid."""
    names = body if isinstance(body, Mapping) else ()
    return tuple(sorted(name for name in names if FIELD.fullmatch(name)))


def _note_refusal(note: Note, problem: Problem, call: Call, services: Services) -> None:
    """An administrative act that was refused is an event as well, unless the call was malformed.

    What the call names has not been looked at then: of what is not there, and of what was to be set, nothing is kept.

    Raises `TemporarilyUnavailable`.
    """
    if call.is_administrative and not note.is_written and problem.status != MALFORMED:
        services.audit.record(note.of_refusal(problem.reason, is_known=problem.status != NOT_FOUND))


MALFORMED, NOT_FOUND = 400, 404
