"""A user's own API keys, and those of the organisations that the user administers: /account.

A key has no more than its maker, nor, where an application makes it for its user, than the application's own token.
"""

from authserver.documents import api_key as documents
from authserver.identity.activity import API_KEY_ENDED, API_KEY_MADE, API_KEYS_ENDED
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem, api_keys, page_of
from authserver.management.account.acting import acting_user, administration, note_own
from authserver.management.audited import SELF, act
from authserver.models.api_keys import USER, ApiKey
from authserver.models.organisations import EVERY_ENTITY, Organisation
from authserver.scopes import covered
from authserver.services import Services
from authserver.storage.lists import Page


def list_api_keys(call: Call, services: Services) -> Answer:
    """The user's own keys, oldest first; expired ones and those that fell are among them."""
    page = services.api_keys.api_keys(subject=acting_user(call, services).sub, limit=call.limit, cursor=call.cursor)
    return _page(Page(tuple(one for one in page.items if one.owner == USER), page.next), services)


@act("api_key.made")
def make_api_key(call: Call, services: Services) -> Answer:
    """Makes a key for the user. The key itself is in the answer, and never told again."""
    wanted, begun = call.read(documents.NewApiKey), api_keys.begun_for(services, subject=call.subject)
    user = acting_user(call, services)
    key = api_keys.asked(wanted, call, services, subject=user.sub, begun=begun)
    api_keys.require_scope(key, services, operator=user.operator)
    require_granted(key, call, services)
    credential, key = api_keys.made(key, services)
    note_own(call, services, API_KEY_MADE, about=key.name)
    return api_keys.written(credential, key)


@act("api_key.ended", "api_key")
def end_api_key(call: Call, services: Services) -> Answer:
    """Ends one of the user's keys."""
    user, key = acting_user(call, services), api_keys.find(call.path["api_key"], services)
    if (key.owner, key.subject) != (USER, user.sub):
        raise NotFound("API key")
    api_keys.end(key, services)
    note_own(call, services, API_KEY_ENDED, about=key.name)
    return Answer()


@act("api_keys.ended", SELF)
def end_api_keys(call: Call, services: Services) -> Answer:
    """Ends all of the user's keys in one write, and those of organisations that the user carries."""
    services.withdrawals.end_api_keys(acting_user(call, services).sub)
    note_own(call, services, API_KEYS_ENDED)
    return Answer()


# ------------------------------------------------------------------ of an organisation


def list_api_keys_of_organisation(call: Call, services: Services) -> Answer:
    """The organisation's keys, oldest first; expired ones and those that fell are among them."""
    organisation, _ = administration(call, services)
    return _page(
        services.api_keys.api_keys(organisation=organisation.id, limit=call.limit, cursor=call.cursor), services
    )


@act("api_key.made")
def make_api_key_of_organisation(call: Call, services: Services) -> Answer:
    """Makes a key for the organisation. It falls when the user ceases to be an administrator, unless another takes it
    over."""
    wanted = call.read(documents.NewOrganisationApiKey)
    begun = api_keys.begun_for(services, subject=call.subject, organisation=call.path["organisation"])
    user = acting_user(call, services)
    organisation, own = administration(call, services)
    require_allowed(organisation)
    key = api_keys.asked(
        wanted,
        call,
        services,
        subject=user.sub,
        organisation=organisation.id,
        entities=frozenset(wanted.entities),
        begun=begun,
    )
    api_keys.require_companies(key, organisation)
    api_keys.require_scope(key, services, operator=user.operator)
    require_granted(key, call, services)
    credential, key = api_keys.made(key, services, own)
    note_own(call, services, API_KEY_MADE, about=key.name)
    return api_keys.written(credential, key)


@act("api_key.ended", "api_key")
def end_api_key_of_organisation(call: Call, services: Services) -> Answer:
    """Ends one of the organisation's keys, also one that another member carries."""
    organisation, _ = administration(call, services)
    key = _key_of(organisation, call, services)
    api_keys.end(key, services)
    note_own(call, services, API_KEY_ENDED, about=key.name)
    return Answer()


@act("api_key.taken_over", "api_key")
def take_over_api_key(call: Call, services: Services) -> Answer:
    """Has the user carry one of the organisation's keys, which stands: from then on it falls with the user's part."""
    begun = api_keys.begun_for(services, subject=call.subject, organisation=call.path["organisation"])
    organisation, own = administration(call, services)
    key = _key_of(organisation, call, services)
    if key.subject != own.subject:
        if not api_keys.stands(key, services):
            raise Conflict("The API key does not stand any more", reason="api_key_ended")
        api_keys.require_scope(key, services, operator=acting_user(call, services).operator)
        require_granted(key, call, services)
        taken = services.api_keys.take_over(key, own, begun)
        if taken is None:
            raise Conflict("The API key was changed meanwhile")
        key = taken
    return Answer(document=api_keys.writer((key,), services)(key))


def require_granted(key: ApiKey, call: Call, services: Services) -> None:
    """That a key reaches nothing that the token in hand does not: its scope, the API that it calls, and, where it was
    granted for an organisation, that one and its companies; one that was granted for none acts for its user in all of
    theirs. In the pages there is no token. Raises `Problem`, `Invalid`."""
    if not call.client_id:
        return
    if call.organisation:
        _require_reach(key, call)
    if key.resource != services.known_resources[:1]:
        raise Invalid("resource", "must be the API that the access token is for")
    api_keys.refuse_beyond(key, covered(key.scope, call.scope, services.scopes))


def _require_reach(key: ApiKey, call: Call) -> None:
    if key.organisation != call.organisation:
        raise Problem(403, "The access token was granted for an organisation alone", reason="organisation_not_granted")
    if EVERY_ENTITY not in call.entities and not key.entities <= call.entities:
        raise Invalid("entities", "must be companies that the access token reaches")


def require_allowed(organisation: Organisation) -> None:
    """Raises `Problem` unless operators let the organisation have keys."""
    if not organisation.api_keys:
        raise Problem(403, "The organisation may not have API keys", reason="organisation_without_keys")


def _key_of(organisation: Organisation, call: Call, services: Services) -> ApiKey:
    key = api_keys.find(call.path["api_key"], services)
    if key.organisation != organisation.id:
        raise NotFound("API key")
    return key


def _page(page: Page[ApiKey], services: Services) -> Answer:
    return page_of(page, api_keys.writer(page.items, services))


READ, WRITE = "account.read", "account.write"
READ_ORGANISATION, WRITE_ORGANISATION = "organisation.read", "organisation.write"
OWN = "/account/api-keys"
OF_ORGANISATION = "/account/organisations/{organisation}/api-keys"

OPERATIONS = api_keys.where_there_are_any(
    (
        Operation(f"GET {OWN}", "List one's API keys", READ, list_api_keys, answer=documents.ApiKey, is_list=True),
        Operation(
            f"POST {OWN}",
            "Make an API key",
            WRITE,
            make_api_key,
            body=documents.NewApiKey,
            answer=documents.MadeApiKey,
            status=201,
        ),
        Operation(f"DELETE {OWN}", "End all of one's API keys", WRITE, end_api_keys, status=204),
        Operation(f"DELETE {OWN}/{{api_key}}", "End an API key", WRITE, end_api_key, status=204),
        Operation(
            f"GET {OF_ORGANISATION}",
            "List an organisation's API keys",
            READ_ORGANISATION,
            list_api_keys_of_organisation,
            answer=documents.ApiKey,
            is_list=True,
        ),
        Operation(
            f"POST {OF_ORGANISATION}",
            "Make an API key for an organisation",
            WRITE_ORGANISATION,
            make_api_key_of_organisation,
            body=documents.NewOrganisationApiKey,
            answer=documents.MadeApiKey,
            status=201,
        ),
        Operation(
            f"PUT {OF_ORGANISATION}/{{api_key}}/carrier",
            "Take over an organisation's API key",
            WRITE_ORGANISATION,
            take_over_api_key,
            answer=documents.ApiKey,
        ),
        Operation(
            f"DELETE {OF_ORGANISATION}/{{api_key}}",
            "End an organisation's API key",
            WRITE_ORGANISATION,
            end_api_key_of_organisation,
            status=204,
        ),
    )
)
