"""All that is kept of a user, for the user to take along: articles 15 and 20 of the GDPR. Never a secret or a hash."""

from collections.abc import Iterable
from typing import Any

from authserver.documents import authorization as documents
from authserver.management.pages import everything
from authserver.management.present import PresentEnds
from authserver.models.clients import Client
from authserver.models.factors import Factors
from authserver.models.users import User
from authserver.services import Services
from authserver.tokens.opaque import key_of
from authserver.values import base64url


def export_account(user: User, services: Services) -> dict[str, Any]:
    """A document of everything; times are epoch seconds. What was allowed is listed for as long as it is kept."""
    tokens, ends = services.tokens, PresentEnds(services)
    granted = list(everything(lambda cursor: tokens.authorizations(subject=user.sub, limit=100, cursor=cursor)))
    return {
        "exported_at": services.now(),
        "profile": _profile(user),
        "second_factors": _factors(services.factors.get(_key(user.sub))),
        "identities": _identities(user, services),
        "organisations": _memberships(user, services),
        "applications": [
            documents.Authorization.of(one, stands=ends.let_stand(one)).model_dump(mode="json") for one in granted
        ],
        "remembered_consents": list(_consents(user, services)),
        "sessions": _sessions(user, services),
        "links": _links(user, services),
        "activity": _activity(user, services),
        "own_applications": _own_applications(user, services),
    }


def _profile(user: User) -> dict[str, Any]:
    names = (
        *("sub", "username", "preferred_username", "name", "email", "email_verified", "pending_email"),
        *("status", "operator", "created_at"),
    )
    return {**{name: getattr(user, name) for name in names}, "has_password": bool(user.password_hash)}


def _factors(factors: Factors | None) -> dict[str, Any]:
    if factors is None:
        return {"authenticator_app": None, "recovery_codes_left": 0, "passkeys": []}
    app = {"confirmed_at": factors.totp.confirmed_at} if factors.totp and factors.asks_for_code else None
    passkeys = [
        {"name": one.name, "created_at": one.created_at, "last_used_at": one.last_used_at or None}
        for one in factors.passkeys
    ]
    return {"authenticator_app": app, "recovery_codes_left": len(factors.recovery_codes), "passkeys": passkeys}


def _identities(user: User, services: Services) -> list[dict[str, Any]]:
    """Who the user is at identity providers."""
    names = ("issuer", "subject", "created_at")
    return [{name: getattr(one, name) for name in names} for one in services.users.identities(user.sub)]


def _links(user: User, services: Services) -> list[dict[str, Any]]:
    """Those that were sent by mail, for as long as they are kept."""
    names = ("purpose", "address", "created_at", "expires_at")
    listed = everything(lambda cursor: services.browsers.links(user.sub, limit=100, cursor=cursor))
    return [{name: getattr(one, name) for name in names} for one in listed]


def _memberships(user: User, services: Services) -> list[dict[str, Any]]:
    listed = everything(lambda cursor: services.organisations.memberships_of(user.sub, limit=100, cursor=cursor))
    return [{"organisation": one.organisation, "role": one.role, "since": one.created_at} for one in listed]


def _consents(user: User, services: Services) -> Iterable[dict[str, Any]]:
    """Those that stand: what was disconnected is asked anew."""
    ends = PresentEnds(services)
    for one in everything(lambda cursor: services.browsers.consents(user.sub, limit=100, cursor=cursor)):
        if one.expires_at > services.now() and ends.let_consent_stand(one):
            yield {
                "client_id": one.client_id,
                "scope": str(one.scope),
                "resource": sorted(one.resource),
                "expires_at": one.expires_at,
            }


def _sessions(user: User, services: Services) -> list[dict[str, Any]]:
    names = ("id", "auth_time", "created_at", "expires_at", "device", "source")
    listed = everything(lambda cursor: services.browsers.sessions(user.sub, limit=100, cursor=cursor))
    return [{name: getattr(one, name) for name in names} for one in listed]


def _activity(user: User, services: Services) -> list[dict[str, Any]]:
    names = ("kind", "created_at", "device", "source", "about")
    listed = everything(lambda cursor: services.journal.activities(user.sub, limit=100, cursor=cursor))
    return [{name: getattr(one, name) for name in names} for one in listed]


def _own_applications(user: User, services: Services) -> list[dict[str, Any]]:
    """Those that the user registered as their developer."""

    def described(client: Client) -> dict[str, Any]:
        names = ("client_id", "client_name", "client_uri", "policy_uri", "tos_uri", "contacts", "status", "created_at")
        uris = [one.text for one in client.redirect_uris]
        return {**{name: getattr(client, name) for name in names}, "scope": str(client.scope), "redirect_uris": uris}

    owned = everything(lambda cursor: services.clients.list(owner=user.sub, limit=100, cursor=cursor))
    return [described(client) for client in owned if client.owner == user.sub]


def _key(text: str) -> str:
    return base64url(key_of(text))
