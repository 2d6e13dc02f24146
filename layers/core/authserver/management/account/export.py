"""All that is kept of a user, for the user to take along: articles 15 and 20 of the GDPR. Never a secret or a hash."""

from collections.abc import Iterable
from typing import Any

from authserver.documents import authorization as documents
from authserver.management.pages import one_after_the_other
from authserver.management.present import PresentEnds
from authserver.models.api_keys import ApiKey
from authserver.models.browsers import Consent, OneTimeLink, Session
from authserver.models.clients import Client
from authserver.models.factors import Factors
from authserver.models.journal import Activity
from authserver.models.organisations import Membership
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.lists import Page
from authserver.tokens.opaque import key_of
from authserver.values import base64url

PART = 500  # records of one file


@dataclass(frozen=True, slots=True)
class Export:
    """A file of what is kept of a user; `next` begins another, where one would be too long."""

    document: dict[str, Any]
    next: str | None


def export_account(user: User, services: Services, cursor: str | None = None) -> Export:
    """A part of everything, of at most `PART` records beside the profile; times are epoch seconds. What was allowed is
    listed for as long as it is kept. Raises `BadCursor`.
    """
    tokens, browsers, organisations, sub = services.tokens, services.browsers, services.organisations, user.sub
    found, following = one_after_the_other(
        (
            lambda size, at: tokens.authorizations(subject=sub, limit=size, cursor=at),
            lambda size, at: browsers.consents(sub, limit=size, cursor=at),
            lambda size, at: browsers.sessions(sub, limit=size, cursor=at),
            lambda size, at: browsers.links(sub, limit=size, cursor=at),
            lambda size, at: services.journal.activities(sub, limit=size, cursor=at),
            lambda size, at: organisations.memberships_of(sub, limit=size, cursor=at),
            lambda size, at: services.clients.list(owner=sub, limit=size, cursor=at),
            lambda size, at: _keys_of(sub, size, at, services),
        ),
        limit=PART,
        cursor=cursor,
    )
    granted, consents, sessions, links, activities, memberships, clients, api_keys = found
    ends = PresentEnds(services, (*granted, *consents))
    document = {
        "exported_at": services.now(),
        "goes_on": following is not None,
        "profile": _profile(user),
        "second_factors": _factors(services.factors.get(_key(user.sub))),
        "identities": _identities(user, services),
        "organisations": _memberships(memberships),
        "applications": [
            documents.Authorization.of(one, stands=ends.let_stand(one)).model_dump(mode="json") for one in granted
        ],
        "remembered_consents": list(_consents(consents, ends, services)),
        "sessions": _sessions(sessions),
        "links": _links(links),
        "activity": _activity(activities),
        "own_applications": _own_applications(user, clients),
        "api_keys": _api_keys(api_keys),
    }
    return Export(document, following)


def _profile(user: User) -> dict[str, Any]:
    names = (
        *("sub", "username", "preferred_username", "name", "email", "email_verified", "pending_email"),
        *("status", "operator", "created_at", "updated_at"),
    )
    profile = {name: getattr(user, name) for name in names}
    return {**profile, "attributes": dict(user.attributes), "has_password": bool(user.password_hash)}


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
    """The user's identities at identity providers."""
    names = ("issuer", "subject", "created_at")
    return [{name: getattr(one, name) for name in names} for one in services.users.identities(user.sub)]


def _links(links: Iterable[OneTimeLink]) -> list[dict[str, Any]]:
    """The links that were sent by mail, for as long as they are kept."""
    names = ("purpose", "address", "created_at", "expires_at")
    return [{name: getattr(one, name) for name in names} for one in links]


def _memberships(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    return [
        {"organisation": one.organisation, "role": one.role, "groups": sorted(one.groups), "since": one.created_at}
        for one in memberships
    ]


def _consents(consents: Iterable[Consent], ends: PresentEnds, services: Services) -> Iterable[dict[str, Any]]:
    """The consents that stand: after a disconnection, the user is asked again."""
    for one in consents:
        if one.expires_at > services.now() and ends.let_consent_stand(one):
            yield {
                "client_id": one.client_id,
                "scope": str(one.scope),
                "resource": sorted(one.resource),
                "expires_at": one.expires_at,
            }


def _sessions(sessions: Iterable[Session]) -> list[dict[str, Any]]:
    names = ("id", "auth_time", "created_at", "expires_at", "device", "source")
    return [{name: getattr(one, name) for name in names} for one in sessions]


def _activity(activities: Iterable[Activity]) -> list[dict[str, Any]]:
    names = ("kind", "created_at", "device", "source", "about")
    return [{name: getattr(one, name) for name in names} for one in activities]


def _own_applications(user: User, clients: Iterable[Client]) -> list[dict[str, Any]]:
    """The applications that the user registered as their developer."""

    def described(client: Client) -> dict[str, Any]:
        names = ("client_id", "client_name", "client_uri", "policy_uri", "tos_uri", "contacts", "status", "created_at")
        uris = [one.text for one in client.redirect_uris]
        return {**{name: getattr(client, name) for name in names}, "scope": str(client.scope), "redirect_uris": uris}

    return [described(client) for client in clients if client.owner == user.sub]


def _keys_of(sub: str, limit: int, cursor: str | None, services: Services) -> Page[ApiKey]:
    """None where the deployment has no keys: then nothing may read any."""
    if not services.settings.api_keys:
        return Page(())
    return services.api_keys.api_keys(subject=sub, limit=limit, cursor=cursor)


def _api_keys(keys: Iterable[ApiKey]) -> list[dict[str, Any]]:
    """The user's, and those of organisations that the user carries."""
    names = ("id", "name", "organisation", "created_at", "expires_at")
    return [
        {
            **{name: getattr(one, name) for name in names},
            **{name: sorted(getattr(one, name)) for name in ("resource", "entities", "networks")},
            "scope": str(one.scope),
            "last_used_at": one.used_at or None,
        }
        for one in keys
    ]


def _key(text: str) -> str:
    return base64url(key_of(text))
