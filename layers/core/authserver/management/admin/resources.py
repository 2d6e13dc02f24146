"""The resources, for operators: /admin/resources.

They are one item with a version, as the scope catalogue is, and each change is conditional on it. Every function has
seen a change by the time that it is answered.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from authserver.documents import resource as documents
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation
from authserver.management.audited import act
from authserver.resources import Resource, ResourceCatalogue
from authserver.scopes import DEFAULT, OFFLINE_ACCESS, ScopeCatalogue
from authserver.services import Services
from authserver.values import resource_among

ATTEMPTS = 4
MAX_OCTETS = 300_000  # of all that there are, as text; an item of DynamoDB has 400 KB
MAX_RESOURCES = 1000
MAX_REMOVED = 1000

type Change = Callable[[ResourceCatalogue], ResourceCatalogue]


def list_resources(_call: Call, services: Services) -> Answer:
    """Every resource that is stored. Those that parameters name need not be."""
    return Answer(document={"items": [_write(one) for one in _catalogue(services).definitions]})


def get_resource(call: Call, services: Services) -> Answer:
    """A resource."""
    return Answer(document=_write(_of(call, services)))


@act("resource.set", "resource_id")
def put_resource(call: Call, services: Services) -> Answer:
    """Describes a resource, or replaces its description. From then on there are tokens for it."""
    resource = described(_id(call), call.read(documents.NewResource), _scopes(services))
    if resource.routes and resource_among(resource.identifier, (services.settings.resource,)):
        raise Invalid("routes", "are those of the parameter RouteScopes, for this server's own API")
    _change(lambda catalogue: with_resource(catalogue, resource, services.settings.known_resources), services)
    return Answer(document=_write(resource))


@act("resource.removed", "resource_id")
def delete_resource(call: Call, services: Services) -> Answer:
    """Removes a resource: the server issues no more tokens for it, and existing ones are refused.

    They do again if a resource of the same identifier is put back. One that a parameter names is described no more.
    """
    resource = _of(call, services)
    _change(lambda catalogue: _without(catalogue, resource.id, services.settings.known_resources), services)
    return Answer()


def described(resource_id: str, wanted: documents.NewResource, scopes: ScopeCatalogue) -> Resource:
    """The resource that a document is of. Raises `Problem` on scopes that are not there, or are not told."""
    _require_known("scopes", wanted.scopes, scopes)
    for route, asked in wanted.routes.items():
        _require_known(f"routes.{route}", asked.split(), scopes)
        if not set(asked.split()) <= set(wanted.scopes):
            raise Invalid(f"routes.{route}", "must name scopes of this resource")
    names = tuple(dict.fromkeys(wanted.scopes))
    return Resource(
        resource_id, wanted.identifier, wanted.name, names, dict(wanted.routes), token_profile=wanted.token_profile
    )


def with_resource(catalogue: ResourceCatalogue, resource: Resource, fixed: Iterable[str] = ()) -> ResourceCatalogue:
    """The catalogue with this resource in it, in its place or at the end. Raises `Problem`.

    `fixed` are those of the parameters, which no change removes.
    """
    of_identifier = catalogue.get(resource.identifier)
    if of_identifier and of_identifier.id != resource.id:
        raise Conflict("Another resource has this identifier", reason="identifier_taken")
    known = {one.id: one for one in catalogue.definitions}
    before = known.get(resource.id)
    known[resource.id] = resource
    removed = (one for one in catalogue.removed if resource_among(one, (resource.identifier,)) is None)
    ended = before.identifier if before and resource_among(before.identifier, (resource.identifier,)) is None else ""
    return _of_all(known.values(), catalogue.version, removed, ended, fixed)


def _without(catalogue: ResourceCatalogue, resource_id: str, fixed: Iterable[str]) -> ResourceCatalogue:
    known = {one.id: one for one in catalogue.definitions}
    before = known.pop(resource_id, None)
    return _of_all(known.values(), catalogue.version, catalogue.removed, before.identifier if before else "", fixed)


def _of_all(
    definitions: Iterable[Resource], version: int, removed: Iterable[str], ended: str, fixed: Iterable[str]
) -> ResourceCatalogue:
    """The catalogue of these, in which one identifier has ended, unless a parameter names it. Raises `Problem`."""
    more = (ended,) if ended and resource_among(ended, fixed) is None else ()
    catalogue = ResourceCatalogue(tuple(definitions), version, (*removed, *more))
    if len(catalogue.definitions) > MAX_RESOURCES or len(catalogue.removed) > MAX_REMOVED:
        raise Conflict(f"There are at most {MAX_RESOURCES} resources, and as many that were", reason="too_many")
    if len(repr((catalogue.definitions, catalogue.removed)).encode()) > MAX_OCTETS:
        raise Conflict("All resources together are too long", reason="too_many")
    return catalogue


def _require_known(field: str, names: Iterable[str], scopes: ScopeCatalogue) -> None:
    for name in names:
        if name == OFFLINE_ACCESS or scopes.get(name) is None:
            raise Invalid(field, "must name scopes of the catalogue, and not offline_access")


def _change(change: Change, services: Services) -> None:
    """Writes what `change` makes of the resources as they are stored now."""
    for _ in range(ATTEMPTS):
        if services.withdrawals.change_resources(change(_catalogue(services))):
            services.settle()  # whatever begins after the answer sees the change
            return
    raise Conflict("The resources are being changed by others")


def _catalogue(services: Services) -> ResourceCatalogue:
    """What is stored now; an instance's memory of it may be older."""
    return services.configuration.resources() or ResourceCatalogue(())


def _scopes(services: Services) -> ScopeCatalogue:
    return (services.configuration.scopes() or DEFAULT).with_built_in()


def _of(call: Call, services: Services) -> Resource:
    found = {one.id: one for one in _catalogue(services).definitions}.get(call.path["resource_id"])
    if found is None:
        raise NotFound("resource")
    return found


def _id(call: Call) -> str:
    try:
        return documents.ResourcePath(resource_id=call.path["resource_id"]).resource_id
    except ValidationError:
        raise Invalid("resource_id", "must be 1 to 64 lower-case letters, digits and hyphens") from None


def _write(resource: Resource) -> dict[str, Any]:
    return documents.Resource.of(resource).model_dump(mode="json")


READ, WRITE = "admin:resources.read", "admin:resources.write"

OPERATIONS = (
    Operation("GET /admin/resources", "List resources", READ, list_resources, answer=documents.Resources),
    Operation("GET /admin/resources/{resource_id}", "Read a resource", READ, get_resource, answer=documents.Resource),
    Operation(
        "PUT /admin/resources/{resource_id}",
        "Describe a resource",
        WRITE,
        put_resource,
        body=documents.NewResource,
        answer=documents.Resource,
    ),
    Operation("DELETE /admin/resources/{resource_id}", "Remove a resource", WRITE, delete_resource, status=204),
)
