"""What was granted, as the account API describes it: by application, with what it permits."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from authserver.documents import authorization as documents
from authserver.management.present import Known, PresentEnds
from authserver.models.clients import VERIFIED, Client
from authserver.models.tokens import Authorization
from authserver.services import Services
from authserver.values import Scope


def grants_by_client(granted: Iterable[Authorization]) -> dict[str, list[Authorization]]:
    by_client: dict[str, list[Authorization]] = {}
    for authorization in granted:
        by_client.setdefault(authorization.client_id, []).append(authorization)
    return by_client


def alive_among(granted: Iterable[Authorization], ends: PresentEnds, services: Services) -> Iterator[Authorization]:
    """Those with tokens that still work: something may have ended what the record does not show."""
    now = services.now()
    for one in granted:
        if one.rotated_at and one.ends_at > now and ends.let_stand(one):
            yield one


def described(client_id: str, known: Known) -> dict[str, Any]:
    """What an application is, whatever it was granted."""
    client = known.client(client_id)
    links = ("logo_uri", "client_uri", "policy_uri", "tos_uri")
    return {
        "client_id": client_id,
        "name": known.client_name(client_id),
        **{name: (getattr(client, name) or None) if client else None for name in links},
        "verification": verification(client),
    }


def grants_of(granted: Iterable[Authorization], known: Known, services: Services) -> tuple[documents.Grant, ...]:
    return tuple(_grant(authorization, known, services) for authorization in granted)


def _grant(authorization: Authorization, known: Known, services: Services) -> documents.Grant:
    return documents.Grant(
        id=authorization.id,
        sub=authorization.subject,
        username=known.username(authorization.subject),
        permissions=permissions(authorization.scope, services),
        resource=authorization.resource,
        organisation=authorization.organisation or None,
        entities=tuple(sorted(authorization.entities)),
        since=authorization.created_at,
        last_used_at=authorization.rotated_at,
        until=authorization.ends_at,
    )


def permissions(scope: Iterable[str], services: Services) -> tuple[documents.Permission, ...]:
    """What a scope permits: what was removed of it permits nothing any more."""
    catalogue = services.scopes()
    return tuple(map(documents.Permission.of, catalogue.describe(catalogue.present(Scope.of(scope)))))


def verification(client: Client | None) -> Literal["verified", "test"]:
    return "verified" if client is not None and client.verification == VERIFIED else "test"
