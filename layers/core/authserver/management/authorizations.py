"""What was granted to clients, for operators: /admin/authorizations."""

from typing import Any

from authserver import models
from authserver.documents import authorization as documents
from authserver.identity.cutoffs import cut_off
from authserver.management import Answer, Call, Invalid, NotFound, Operation, page_of
from authserver.management.pages import everything
from authserver.services import Services

OF = {
    "subject": "Of this user",
    "client_id": "To this client",
    "organisation": "For this organisation",
}


def list_authorizations(call: Call, services: Services) -> Answer:
    """Those of a subject, of a client or of an organisation; revoked and expired ones for as long as they are kept."""
    page = services.tokens.authorizations(**_whose(call), limit=call.limit, cursor=call.cursor)
    return page_of(page, _write)


def get_authorization(call: Call, services: Services) -> Answer:
    """An authorization."""
    authorization = services.tokens.find(call.path["id"])
    if authorization is None:
        raise NotFound("authorization")
    return Answer(document=_write(authorization))


def revoke_authorization(call: Call, services: Services) -> Answer:
    """Revokes an authorization and all that hangs on it."""
    if services.tokens.find(call.path["id"]) is None:
        raise NotFound("authorization")
    services.tokens.revoke(call.path["id"], services.now())
    return Answer()


def revoke_authorizations(call: Call, services: Services) -> Answer:
    """Revokes everything of a subject, of a client or of an organisation."""
    end_authorizations(services, **_whose(call))
    return Answer()


def end_authorizations(
    services: Services, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
) -> set[str]:
    """Ends all that was granted until now by one of the three, or by two of them; the subjects who had granted it.

    The cutoff comes first and is what counts: with it everything is dead, whatever becomes of the rest. Then each
    authorization that the list has is marked as revoked, which lists show.
    """
    now = cut_off(services, subject=subject, client_id=client_id, organisation=organisation)
    whose = [("subject", subject), ("organisation", organisation), ("client_id", client_id)]
    listed = dict([next((name, value) for name, value in whose if value is not None)])
    subjects = set()
    for one in everything(lambda cursor: services.tokens.authorizations(**listed, limit=100, cursor=cursor)):
        if client_id not in (None, one.client_id) or organisation not in (None, one.organisation):
            continue
        subjects.add(one.subject)
        if one.created_at <= now and one.revoked_at is None:
            services.tokens.revoke(one.id, now)
    return subjects


def _whose(call: Call) -> dict[str, str]:
    given = {name: call.query[name] for name in OF if name in call.query}
    if len(given) != 1:
        detail = f"must have exactly one of {', '.join(OF)}"
        raise Invalid("(query)", detail)
    return given


def _write(authorization: models.Authorization) -> dict[str, Any]:
    return documents.Authorization.of(authorization).model_dump(mode="json")


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
