"""What was granted to clients, for operators: /admin/authorizations."""

from typing import Any

from authserver.documents import authorization as documents
from authserver.management import Answer, Call, Invalid, NotFound, Operation, page_of
from authserver.management.audited import act
from authserver.management.present import PresentEnds
from authserver.models.tokens import Authorization
from authserver.services import Services

KINDS = {"subject": "user", "client_id": "client", "organisation": "organisation"}
OF = {
    "subject": "Of this user",
    "client_id": "To this client",
    "organisation": "For this organisation",
}


def list_authorizations(call: Call, services: Services) -> Answer:
    """The authorizations of a subject, a client or an organisation; revoked and expired ones while they are kept."""
    page = services.tokens.authorizations(**_whose(call), limit=call.limit, cursor=call.cursor, newest_first=False)
    ends = PresentEnds(services, page.items)
    return page_of(page, lambda one: _write(one, ends))


def get_authorization(call: Call, services: Services) -> Answer:
    """An authorization."""
    authorization = services.tokens.find(call.path["id"])
    if authorization is None:
        raise NotFound("authorization")
    return Answer(document=_write(authorization, PresentEnds(services)))


@act("authorization.revoked", "id")
def revoke_authorization(call: Call, services: Services) -> Answer:
    """Revokes an authorization and all that hangs on it."""
    authorization = services.tokens.find(call.path["id"])
    if authorization is None or not services.withdrawals.revoke(authorization.id, services.now()):
        raise NotFound("authorization")
    return Answer()


@act("authorizations.revoked")
def revoke_authorizations(call: Call, services: Services) -> Answer:
    """Revokes everything of a subject, of a client or of an organisation, in one write."""
    whose = _whose(call)
    _require_existing(whose, services)
    ((name, identifier),) = whose.items()
    services.is_about(identifier, KINDS[name])
    services.withdrawals.end(**whose)
    return Answer()


def _require_existing(whose: dict[str, str], services: Services) -> None:
    """Raises `NotFound` for a subject that does not exist: a mistyped name must not count as one without grants."""
    ((name, identifier),) = whose.items()
    match name:
        case "subject":
            found = services.users.get(identifier) is not None
        case "client_id":
            found = services.clients.get(identifier) is not None
        case _:
            found = services.organisations.get(identifier) is not None
    if not found:
        raise NotFound({"subject": "user", "client_id": "client"}.get(name, name))


def _whose(call: Call) -> dict[str, str]:
    given = {name: call.query[name] for name in OF if name in call.query}
    if len(given) != 1:
        detail = f"must have exactly one of {', '.join(OF)}"
        raise Invalid("(query)", detail)
    return given


def _write(authorization: Authorization, ends: PresentEnds) -> dict[str, Any]:
    return documents.Authorization.of(authorization, stands=ends.let_stand(authorization)).model_dump(mode="json")


READ, WRITE = "admin:grants.read", "admin:grants.write"

OPERATIONS = (
    Operation(
        "GET /admin/authorizations",
        "List what was granted",
        READ,
        list_authorizations,
        answer=documents.Authorization,
        query=OF,
        is_list=True,
    ),
    Operation(
        "DELETE /admin/authorizations",
        "Revoke everything of a user, of a client or of an organisation",
        WRITE,
        revoke_authorizations,
        query=OF,
        status=204,
    ),
    Operation(
        "GET /admin/authorizations/{id}",
        "Read an authorization",
        READ,
        get_authorization,
        answer=documents.Authorization,
    ),
    Operation("DELETE /admin/authorizations/{id}", "Revoke an authorization", WRITE, revoke_authorization, status=204),
)
