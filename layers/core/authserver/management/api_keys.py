"""API keys, as the account API and the admin API make, list and end them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from typing import Any

from authserver.documents import api_key as documents
from authserver.ends import Begun
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem
from authserver.models.api_keys import ApiKey
from authserver.models.organisations import EVERY_ENTITY, Membership, Organisation
from authserver.scopes import ADMINISTRATOR, OPERATOR
from authserver.services import Services
from authserver.storage.tokens import Whose
from authserver.tokens.api_keys import new_api_key
from authserver.tokens.opaque import key_of
from authserver.values import Scope, base64url

MOST_KEYS = 100  # of a user, a client or an organisation
MOST_OF_COMPANIES, MOST_OF_SCOPES = 1200, 800  # octets: a key is read with one unit, and has 4 KB


def where_there_are_any(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The same operations, which answer 404 in a deployment without API keys."""
    return tuple(replace(one, perform=_where_there_are_any(one.perform)) for one in operations)


def _where_there_are_any(perform: Callable[[Call, Services], Answer]) -> Callable[[Call, Services], Answer]:
    @wraps(perform)
    def guarded(call: Call, services: Services) -> Answer:
        if not services.settings.api_keys:
            raise Problem(404, "There are no API keys in this deployment", reason="api_keys_off")
        return perform(call, services)

    return guarded


def asked(wanted: documents.NewApiKey, call: Call, services: Services, **whose: Any) -> ApiKey:
    """The key that a call's document asks for, not made yet; `whose` names its owner. Raises `Invalid`."""
    now, longest = services.now(), services.settings.api_key_lifetime
    expires_at = now + longest if wanted.expires_at is None else wanted.expires_at
    if not now < expires_at <= now + longest:
        raise Invalid("expires_at", f"must be in the future, and at most {longest} seconds from now")
    if wanted.networks and not services.settings.accepts_api_key_header:
        raise Invalid("networks", "needs BearerTokenIn=HeaderOrApiKey or HeaderOrApiKeyOrQuery")
    return ApiKey(
        id=call.new_identifier(services),
        name=wanted.name,
        secret_hash=b"",
        scope=Scope(tuple(dict.fromkeys(wanted.scope))),
        resource=_resources(wanted, services),
        networks=tuple(dict.fromkeys(wanted.networks)),
        created_at=now,
        expires_at=expires_at,
        **whose,
    )


def made(key: ApiKey, services: Services, by: Membership | None = None) -> tuple[str, ApiKey]:
    """Makes the key: the credential, and the key as it is stored. Raises `Conflict`."""
    owner = {"client_id": key.client_id} if key.client_id else {"organisation": key.organisation}
    if not any(owner.values()):
        owner = {"subject": key.subject}
    if len(services.api_keys.api_keys(**owner, limit=MOST_KEYS).items) >= MOST_KEYS:
        raise Conflict("There are too many API keys; end some first", reason="too_many")
    credential, record = new_api_key(key, services)
    services.is_about(record.id)
    if not services.api_keys.create(record, by):
        if services.api_keys.find(record.id) is not None:
            raise Conflict("This made an API key before, which is shown once", reason="made_before")
        raise Conflict("The membership was changed meanwhile")
    return credential.reveal(), record


def possible(scope: Scope, services: Services, *, operator: bool, for_organisation: bool) -> Scope:
    """What of the scope API keys may have, and their maker has: by being an operator, or an administrator for the
    organisation."""
    catalogue = services.scopes()
    words = {*((OPERATOR,) if operator else ()), *((ADMINISTRATOR,) if for_organisation else ())}
    allowed = catalogue.present(catalogue.for_api_keys(scope))
    return Scope(tuple(name for name in allowed if catalogue.words_for(name) <= words))


def require_scope(key: ApiKey, services: Services, *, operator: bool = False) -> None:
    """Requires that the key's scope is within what is possible. Raises `Invalid`."""
    refuse_beyond(key, possible(key.scope, services, operator=operator, for_organisation=bool(key.organisation)))


def refuse_beyond(key: ApiKey, allowed: Scope) -> None:
    """Raises `Invalid` if the key is to have more than what is allowed."""
    if len(str(key.scope)) > MOST_OF_SCOPES:
        raise Invalid("scope", "is too long")
    beyond = key.scope - allowed
    if beyond:
        raise Invalid("scope", f"an API key of yours may not have {beyond}")


def require_companies(key: ApiKey, organisation: Organisation) -> None:
    """Raises `Invalid` unless an organisation's key reaches companies that there are, or all of them."""
    if not key.entities or (key.entities != {EVERY_ENTITY} and not key.entities <= {*organisation.companies}):
        raise Invalid("entities", "must be companies of the organisation, or * alone")
    if sum(map(len, key.entities)) > MOST_OF_COMPANIES:
        raise Invalid("entities", "are too many to be named; choose every one")


def begun_for(services: Services, *, subject: str = "", client_id: str = "", organisation: str = "") -> Begun:
    """The epochs that a key of these begins under now. Read them before the record that decides about the key."""
    ends = services.tokens.standing(
        subject_key=_key(subject), client_key=_key(client_id), organisation_key=_key(organisation)
    ).ends
    return ends.of_api_keys().begun(_key(subject) if organisation else "")


def written(credential: str, key: ApiKey) -> Answer:
    """The answer to a create."""
    document = documents.ApiKey.of(key, stands=True)
    return Answer(201, documents.MadeApiKey(**document.model_dump(), api_key=credential).model_dump(mode="json"))


def writer(keys: Iterable[ApiKey], services: Services) -> Callable[[ApiKey], dict[str, Any]]:
    """Writes each of these keys, with whether it stands."""
    keys = tuple(keys)
    ends = services.tokens.ends_of(map(_whose, keys))

    def write(key: ApiKey) -> dict[str, Any]:
        stands = key.expires_at > services.now() and ends[_whose(key)].of_api_keys().stand(key.begun)
        return documents.ApiKey.of(key, stands=stands).model_dump(mode="json")

    return write


def stands(key: ApiKey, services: Services) -> bool:
    """Whether nothing has ended the key, at this moment."""
    return services.api_keys.standing(
        key.id,
        subject_key=_key(key.subject),
        client_key=_key(key.client_id),
        organisation_key=_key(key.organisation),
    ).stands


def find(key_id: str, services: Services) -> ApiKey:
    """The key of this identifier. Raises `NotFound`."""
    key = services.api_keys.find(key_id)
    if key is None:
        raise NotFound("API key")
    return key


def end(key: ApiKey, services: Services) -> None:
    """Ends a key. Raises `NotFound` if another request ended it meanwhile."""
    if not services.withdrawals.end_api_key(key.id):
        raise NotFound("API key")


def _resources(wanted: documents.NewApiKey, services: Services) -> tuple[str, ...]:
    if not wanted.resource:
        return services.known_resources[:1]
    found = tuple(dict.fromkeys(map(services.known_resource, wanted.resource)))
    if None in found:
        raise Invalid("resource", "must be APIs that are known here")
    return tuple(one for one in found if one is not None)


def _whose(key: ApiKey) -> Whose:
    return Whose(key.subject, key.client_id, key.organisation)


def _key(identifier: str) -> str:
    """The hash of a subject in the keys of the record; empty for no subject."""
    return base64url(key_of(identifier)) if identifier else ""
