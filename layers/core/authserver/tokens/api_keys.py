"""API keys: made, and checked against everything that may have ended them.

A key may do what it was given, as far as its user, client or carrier may do that now, and API keys may.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from authserver.errors import InvalidToken, TemporarilyUnavailable
from authserver.messages.access import ActiveAccessToken
from authserver.models.api_keys import CLIENT, ORGANISATION, ApiKey
from authserver.models.organisations import EVERY_ENTITY
from authserver.scopes import ADMINISTRATOR, OPERATOR
from authserver.storage.api_keys import USED_EVERY
from authserver.tokens import opaque
from authserver.tokens.keyring import API_KEY_RING
from authserver.tokens.worth import worth_of_machine
from authserver.values import Scope, Secret, base64url, from_base64url, sha256

if TYPE_CHECKING:
    from authserver.services import Services
    from authserver.storage.api_keys import KeyStanding


def new_api_key(key: ApiKey, services: Services) -> tuple[Secret, ApiKey]:
    """The credential of a new key, and the key's record with the hash of its secret."""
    secret = services.random(16)
    credential = opaque.seal(
        opaque.API_KEY,
        services.keys.token_key(API_KEY_RING),
        id=from_base64url(key.id),
        subject=_hash_of(key.subject),
        client=_hash_of(key.client_id),
        organisation=_hash_of(key.organisation),
        secret=secret,
    )
    return Secret(credential), replace(key, secret_hash=sha256(base64url(secret)))


def check_api_key(presented: str, services: Services, source: str = "") -> ActiveAccessToken:
    """What an API key stands for, if this server made it, it has not expired and nothing ended it. Garbage causes no
    read.

    The key is checked with the token keys at hand, and once more if one was withdrawn meanwhile. `source` is the
    address of the caller, which a key that is limited to networks requires. Raises `InvalidToken`.
    """
    credential, standing = _read(presented, services)
    if not services.keys.are_current():
        credential, standing = _read(presented, services)
    key = _proven(credential, standing.key)
    services.told.setdefault("client_id", key.client_id)  # unless another one asks about it
    services.told["subject"] = key.subject
    _require_standing(key, standing, services)
    _require_network(key, source, services)
    audience = services.present_audience(key.resource)
    if not audience:
        raise InvalidToken("The API key was revoked", reason="resource_removed")
    _note_use(key, services)
    return _token(key, standing, audience, services)


def worth_of_api_key(key: ApiKey, standing: KeyStanding, services: Services) -> Scope:
    """The part of its scope that the key's user, client, or carrier for the organisation, may give it now."""
    catalogue = services.scopes()
    scope = catalogue.for_api_keys(key.scope)
    if key.owner == CLIENT:
        return worth_of_machine(scope, standing.ends.client, services.scopes)
    words = {
        *((OPERATOR,) if standing.ends.subject.operator else ()),
        *((ADMINISTRATOR,) if key.owner == ORGANISATION else ()),
    }
    return Scope(tuple(name for name in scope if catalogue.words_for(name) <= words))


def _read(presented: str, services: Services) -> tuple[opaque.Credential, KeyStanding]:
    credential = opaque.unseal(opaque.API_KEY, presented, services.keys.token_keys(API_KEY_RING))
    if credential is None:
        raise InvalidToken("The API key is invalid", reason="garbage")
    subject, client, organisation = (
        "" if credential.fields[name] == opaque.NOTHING else credential.text(name)
        for name in ("subject", "client", "organisation")
    )
    standing = services.api_keys.standing(
        credential.text("id"), subject_key=subject, client_key=client, organisation_key=organisation
    )
    return credential, standing


def _proven(credential: opaque.Credential, key: ApiKey | None) -> ApiKey:
    """The key that was made with this credential's secret, for the user, client and organisation that the credential
    names.

    Another administrator may carry an organisation's key by now.
    """
    if key is None or not Secret(credential.text("secret")).matches(key.secret_hash):
        raise InvalidToken("The API key is invalid", reason="unknown")
    named = {"client": key.client_id, "organisation": key.organisation}
    if key.owner != ORGANISATION:
        named["subject"] = key.subject
    if any(credential.fields[name] != _hash_of(whose) for name, whose in named.items()):
        raise InvalidToken("The API key is invalid", reason="unknown")
    return key


def _require_standing(key: ApiKey, standing: KeyStanding, services: Services) -> None:
    if not standing.stands:
        raise InvalidToken("The API key was revoked", reason="ended")
    if key.expires_at <= services.now():
        raise InvalidToken("The API key has expired", reason="expired")
    if key.owner == CLIENT and not standing.ends.client.acts_for_itself:
        raise InvalidToken("The API key was revoked", reason="grant_type_withdrawn")
    if key.owner == ORGANISATION and (standing.organisation is None or not standing.organisation.api_keys):
        raise InvalidToken("The API key was revoked", reason="organisation_without_keys")


def _require_network(key: ApiKey, source: str, services: Services) -> None:
    """Refuses a call from outside the key's networks, and one whose answer may be cached for other callers."""
    if not key.networks:
        return
    if not services.settings.accepts_api_key_header or not _is_within(source, key.networks):
        raise InvalidToken("The API key may not be used from here", reason="network")


def _is_within(source: str, networks: tuple[str, ...]) -> bool:
    from ipaddress import IPv6Address, ip_address, ip_network

    try:
        address = ip_address(source)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ip_network(network) for network in networks)


def _note_use(key: ApiKey, services: Services) -> None:
    """Notes the use of a key once an hour. If the write fails, the next use repeats it."""
    if key.used_at <= services.now() - USED_EVERY:
        with suppress(TemporarilyUnavailable):
            services.api_keys.note_use(key.id, services.now())


def _token(key: ApiKey, standing: KeyStanding, audience: tuple[str, ...], services: Services) -> ActiveAccessToken:
    organisation = standing.organisation
    return ActiveAccessToken(
        client_id=key.client_id,
        subject=key.subject or key.client_id,
        scope=worth_of_api_key(key, standing, services),
        audience=audience,
        jti=key.id,
        issued_at=key.created_at,
        expires_at=key.expires_at,
        organisation=key.organisation,
        entities=organisation.companies_within(key.entities) if organisation else (),
        every_entity=EVERY_ENTITY in key.entities,
        api_key=key.id,
    )


def _hash_of(identifier: str) -> bytes:
    return opaque.key_of(identifier) if identifier else opaque.NOTHING
