"""API keys of all users, for operators: /admin/api-keys.

An operator who makes a key in a user's name acts as that user, so the token needs every administrative scope.
"""

from typing import Any

from authserver.documents import api_key as documents
from authserver.identity.activity import KEY_GIVEN, KEY_TAKEN
from authserver.management import Answer, Call, Invalid, NotFound, Operation, api_keys, page_of
from authserver.management.account.api_keys import require_allowed
from authserver.management.admin.powers import require_powers
from authserver.management.admin.told import tell
from authserver.management.audited import act
from authserver.models import ACTIVE
from authserver.models.api_keys import ApiKey
from authserver.models.organisations import ADMINISTRATOR
from authserver.models.users import User
from authserver.services import Services
from authserver.values import Scope

OF = {
    "subject": "Of this user, those among them that the user carries for an organisation",
    "client_id": "Of this client",
    "organisation": "Of this organisation",
}


def list_api_keys(call: Call, services: Services) -> Answer:
    """The API keys of a user, of a client or of an organisation, oldest first, including ended ones."""
    whose = {name: call.query[name] for name in OF if name in call.query}
    if len(whose) != 1:
        detail = f"must have exactly one of {', '.join(OF)}"
        raise Invalid("(query)", detail)
    page = services.api_keys.api_keys(**whose, limit=call.limit, cursor=call.cursor)
    return page_of(page, api_keys.writer(page.items, services))


@act("api_key.made")
def make_api_key(call: Call, services: Services) -> Answer:
    """Makes a key for a user, a client or an organisation. The key itself is in the answer, and never told again."""
    require_powers(call, services)
    wanted = call.read(documents.NewApiKeyFor)
    if wanted.client_id is not None:
        return _make_for_client(wanted, wanted.client_id, call, services)
    if wanted.sub is None:
        raise Invalid("sub", "must be given, or a client_id")
    return _make_for_user(wanted, wanted.sub, call, services)


def get_api_key(call: Call, services: Services) -> Answer:
    """A key."""
    key = api_keys.find(call.path["api_key"], services)
    return Answer(document=api_keys.writer((key,), services)(key))


@act("api_key.ended", "api_key")
def end_api_key(call: Call, services: Services) -> Answer:
    """Ends a key; its user gets a mail."""
    key = api_keys.find(call.path["api_key"], services)
    api_keys.end(key, services)
    user = services.users.get(key.subject) if key.subject else None
    if user is not None:
        tell(user, KEY_TAKEN, services, about=key.name)
    return Answer()


def _make_for_client(wanted: documents.NewApiKeyFor, client_id: str, call: Call, services: Services) -> Answer:
    if wanted.sub is not None or wanted.organisation is not None or wanted.entities:
        raise Invalid("client_id", "must stand alone: a client's key is for the client itself")
    begun = api_keys.begun_for(services, client_id=client_id)
    client = services.clients.get(client_id)
    if client is None:
        raise NotFound("client")
    if not client.acts_for_itself or not client.is_active:
        raise Invalid("client_id", "must be an active client that may act for itself")
    key = api_keys.asked(wanted, call, services, client_id=client.client_id, begun=begun)
    catalogue = services.scopes()
    own = catalogue.expand(client.scope)
    allowed = [
        one for one in catalogue.for_api_keys(key.scope) if one in own and ADMINISTRATOR not in catalogue.words_for(one)
    ]
    api_keys.refuse_beyond(key, Scope(tuple(allowed)))
    return api_keys.written(*api_keys.made(key, services))


def _make_for_user(wanted: documents.NewApiKeyFor, sub: str, call: Call, services: Services) -> Answer:
    begun = api_keys.begun_for(services, subject=sub, organisation=wanted.organisation or "")
    user = services.users.get(sub)
    if user is None or user.status != ACTIVE:
        raise NotFound("user")
    if wanted.organisation is None:
        if wanted.entities:
            raise Invalid("entities", "are an organisation's")
        key = api_keys.asked(wanted, call, services, subject=user.sub, begun=begun)
        api_keys.require_scope(key, services, operator=user.operator)
        return _told(user, api_keys.made(key, services), services)
    organisation = services.organisations.get(wanted.organisation)
    if organisation is None or organisation.status != ACTIVE:
        raise NotFound("organisation")
    require_allowed(organisation)
    membership = services.organisations.membership(organisation.id, user.sub)
    if membership is None or membership.role != ADMINISTRATOR:
        raise Invalid("sub", "must be an administrator of the organisation, who carries the key")
    whose: dict[str, Any] = {"subject": user.sub, "organisation": organisation.id}
    key = api_keys.asked(wanted, call, services, **whose, entities=frozenset(wanted.entities), begun=begun)
    api_keys.require_companies(key, organisation)
    api_keys.require_scope(key, services, operator=user.operator)
    return _told(user, api_keys.made(key, services, membership), services)


def _told(user: User, made: tuple[str, ApiKey], services: Services) -> Answer:
    tell(user, KEY_GIVEN, services, about=made[1].name)
    return api_keys.written(*made)


READ, WRITE = "admin:grants.read", "admin:grants.write"
KEYS = "/admin/api-keys"

OPERATIONS = api_keys.where_there_are_any(
    (
        Operation(f"GET {KEYS}", "List API keys", READ, list_api_keys, answer=documents.ApiKey, query=OF, is_list=True),
        Operation(
            f"POST {KEYS}",
            "Make an API key",
            WRITE,
            make_api_key,
            body=documents.NewApiKeyFor,
            answer=documents.MadeApiKey,
            status=201,
        ),
        Operation(f"GET {KEYS}/{{api_key}}", "Read an API key", READ, get_api_key, answer=documents.ApiKey),
        Operation(f"DELETE {KEYS}/{{api_key}}", "End an API key", WRITE, end_api_key, status=204),
    )
)
