"""The scope catalogue, for operators: /admin/scopes.

The catalogue is one item with a version, and each change is conditional on it; one that loses is tried again on what
the winner wrote. Every function has seen a change by the time that it is answered.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from authserver.documents import scope as documents
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem
from authserver.management.audited import act
from authserver.scopes import BUILT_IN, DEFAULT, GRANTABLE_BY, OFFLINE, ScopeCatalogue, ScopeDefinition
from authserver.services import Services

ATTEMPTS = 4
MAX_SCOPES = 500

type Change = Callable[[ScopeCatalogue], ScopeCatalogue]


def list_scopes(_call: Call, services: Services) -> Answer:
    """The whole catalogue."""
    return Answer(document={"items": [_write(definition) for definition in _catalogue(services).definitions]})


def get_scope(call: Call, services: Services) -> Answer:
    """A scope."""
    definition = _catalogue(services).get(call.path["scope"])
    if definition is None:
        raise NotFound("scope")
    return Answer(document=_write(definition))


@act("scope.set", "scope")
def put_scope(call: Call, services: Services) -> Answer:
    """Defines or redefines a scope. A scope that was removed can be defined only as it was."""
    wanted, name = call.read(documents.NewScope), _name(call)
    changed = _change(lambda catalogue: with_scope(catalogue, name, wanted), services).get(name)
    return Answer(document=_write(changed) if changed else None)


@act("scope.removed", "scope")
def delete_scope(call: Call, services: Services) -> Answer:
    """Takes a scope out of the catalogue, unless another includes it.

    It is no longer granted, and what was granted by it is worth nothing, even to clients that are registered for it.
    Clients stay registered: if the removal was a slip, all of it is back with the scope.
    """
    name = _name(call)
    _require_changeable(name)
    definition = _catalogue(services).get(name)
    if definition is None:
        raise NotFound("scope")
    if definition == OFFLINE:
        raise Conflict("This scope is one of this server's own", reason="built_in")
    _change(lambda catalogue: _without_scope(catalogue, name), services)
    return Answer()


def with_scope(catalogue: ScopeCatalogue, name: str, wanted: documents.NewScope) -> ScopeCatalogue:
    """The catalogue with this scope in it, in its place or at the end. Raises `Problem`."""
    _require_changeable(name)
    definition = _definition(name, wanted, catalogue)
    _require_what_it_meant(definition, catalogue)
    known, removed = _by_name(catalogue.definitions), _by_name(catalogue.removed)
    if name not in known | removed and len(known | removed) >= MAX_SCOPES:
        raise Conflict(f"The catalogue has at most {MAX_SCOPES} scopes, removed ones included", reason="too_many")
    removed.pop(name, None)
    changed = ScopeCatalogue.of((known | {name: definition}).values(), catalogue.version, removed.values())
    _require_same_word(definition, changed)
    return changed


def _without_scope(catalogue: ScopeCatalogue, name: str) -> ScopeCatalogue:
    if any(name in definition.implies for definition in catalogue.definitions):
        raise Conflict("Another scope implies this one", reason="implied")
    known = _by_name(catalogue.definitions)
    removed = [known.pop(name)] if name in known else []
    return ScopeCatalogue.of(known.values(), catalogue.version, (*catalogue.removed, *removed))


def _by_name(definitions: Iterable[ScopeDefinition]) -> dict[str, ScopeDefinition]:
    return {definition.name: definition for definition in definitions}


def _change(change: Change, services: Services) -> ScopeCatalogue:
    """Writes what `change` makes of the catalogue as it is stored now."""
    for _ in range(ATTEMPTS):
        changed = change(_catalogue(services))
        if services.withdrawals.change_scopes(changed):
            services.settle()  # whatever begins after the answer sees the change
            return changed
    raise Conflict("The catalogue is being changed by others")


def _catalogue(services: Services) -> ScopeCatalogue:
    """What is stored now; an instance's memory of it may be older."""
    return (services.configuration.scopes() or DEFAULT).with_built_in()


def _definition(name: str, wanted: documents.NewScope, catalogue: ScopeCatalogue) -> ScopeDefinition:
    known = {definition.name for definition in catalogue.definitions}
    halves = tuple(half for half in (f"{name}.read", f"{name}.write") if half in known)
    implies = halves if wanted.implies is None else tuple(dict.fromkeys(wanted.implies))
    if not set(implies) <= known - {name}:
        raise Invalid("implies", "must name other scopes of the catalogue")
    if set(implies) & BUILT_IN:
        raise Invalid("implies", "must not name a scope of this server's own")
    claims = tuple(claim.definition() for claim in wanted.claims)
    if len({claim.name for claim in claims}) < len(claims):
        raise Invalid("claims", "must not name one twice")
    others = {claim for one in catalogue.definitions if one.name != name for claim in one.claims}
    if {claim.name for claim in others - {*claims}} & {claim.name for claim in claims}:
        raise Invalid("claims", "must mean the same as in the other scope that tells it")
    return ScopeDefinition(
        *(name, wanted.description, implies, wanted.sensitive, wanted.grantable_by, wanted.advertised, wanted.group),
        claims,
        wanted.api_keys,
    )


def _require_what_it_meant(definition: ScopeDefinition, catalogue: ScopeCatalogue) -> None:
    """A scope that was removed comes back as it was, which undoes a slip, and in no other meaning.

    Grants under its name still exist, and the users who gave them consented to the former meaning. Raises
    `Problem`, which tells what it was.
    """
    before = _by_name(catalogue.removed).get(definition.name)
    if before in (None, definition):
        return
    now, was = _write(definition), _write(before)
    changed = [{"field": name, "detail": f"was {json.dumps(was[name])}"} for name in was if was[name] != now[name]]
    title = "A scope of this name was removed: define it as it was, or choose another name"
    raise Problem(409, title, reason="scope_ended", errors=changed)


def _require_same_word(definition: ScopeDefinition, catalogue: ScopeCatalogue) -> None:
    """What takes an administrator or an operator does not come with a scope that takes less.

    Who granted the lesser one before was never asked for the other.
    """
    included = [one for one in catalogue.definitions if one.name in definition.implies]
    if any(_is_stricter(one, definition) for one in included):
        raise Invalid("implies", "must not name a scope that fewer people may grant")
    including = [one for one in catalogue.definitions if definition.name in one.implies]
    if any(_is_stricter(definition, one) for one in including):
        raise Invalid("grantable_by", "must not be stricter than that of a scope which implies this one")


def _is_stricter(one: ScopeDefinition, other: ScopeDefinition) -> bool:
    return GRANTABLE_BY.index(one.grantable_by) > GRANTABLE_BY.index(other.grantable_by)


def _name(call: Call) -> str:
    try:
        return documents.ScopePath(scope=call.path["scope"]).scope
    except ValidationError:
        raise Invalid("scope", "must be 1 to 128 characters of a scope token") from None


def _require_changeable(name: str) -> None:
    if name in BUILT_IN:
        raise Conflict("This scope is one of this server's own", reason="built_in")


def _write(definition: ScopeDefinition) -> dict[str, Any]:
    return documents.Scope.of(definition).model_dump(mode="json")


READ, WRITE = "admin:scopes.read", "admin:scopes.write"

OPERATIONS = (
    Operation("GET /admin/scopes", "List scopes", READ, list_scopes, answer=documents.Scopes),
    Operation("GET /admin/scopes/{scope}", "Read a scope", READ, get_scope, answer=documents.Scope),
    Operation(
        "PUT /admin/scopes/{scope}",
        "Define a scope",
        WRITE,
        put_scope,
        body=documents.NewScope,
        answer=documents.Scope,
    ),
    Operation("DELETE /admin/scopes/{scope}", "Remove a scope", WRITE, delete_scope, status=204),
)
