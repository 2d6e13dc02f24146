"""/partner/apps: developers register and manage their own apps, and learn nothing about others.

The owner is the user of the token. A new app is a test app until an operator has verified it, and again once something
changes that its verification was about (`client_records.VERIFIED_FIELDS`): its name and links, which people read at
consent; its redirect URIs, to which their answers go, and they themselves once they have signed out; its scope, which
is what it may ask for. Not its contacts, its secrets, its grants or its token format: they change nothing of what a
user is shown or where an answer goes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from authserver.documents.client import ClientMetadata, Terms, metadata_of
from authserver.management import Answer, Call, NotFound, Operation, Problem, page_of
from authserver.management.audited import act
from authserver.management.client_records import (
    IssuedSecret,
    NewSecret,
    SecretDescription,
    add_secret,
    as_unverified,
    change,
    create,
    describe_secret,
    describe_secrets,
    drop_secret,
    end,
    existing,
    patchable,
    require_acceptable,
    require_change_acceptable,
)
from authserver.models.clients import TEST, Client
from authserver.services import Services

READ, WRITE = "partner.read", "partner.write"
MAX_APPS = 20
NEW_APPS_A_DAY = 10
DAY = 86_400


class AppDescription(ClientMetadata):
    """An app as it is registered. `client_secret` is there where it has just been made, and never again."""

    client_id: str
    client_secret: str | None = None
    status: str = "active"
    verification: str = "test"
    secrets: list[SecretDescription] = Field(default=[])
    created_at: int = 0


# ------------------------------------------------------------------ use cases


def list_apps(call: Call, services: Services) -> Answer:
    """The caller's apps."""
    page = services.clients.list(owner=_owner(call), limit=call.limit, cursor=call.cursor)
    owned = replace(page, items=tuple(client for client in page.items if client.owner == _owner(call)))
    return page_of(owned, lambda client: _describe(client, services))


@act("client.created")
def create_app(call: Call, services: Services) -> Answer:
    """Registers an app. Its secret is in the answer, once."""
    owner = _owner(call)
    document = call.read(ClientMetadata)
    require_acceptable(document, Terms.for_anybody(services))
    client_id = call.new_identifier(services)
    _require_room(owner, services)
    blank = Client(client_id=client_id, client_name="", owner=owner, verification=TEST, created_at=services.now())
    client, secret = create(document.applied_to(blank), services, repeatable=bool(call.idempotency_key))
    return Answer(201, _describe(client, services, secret))


def get_app(call: Call, services: Services) -> Answer:
    """One of the caller's apps."""
    return Answer(document=_describe(own_app(call, services), services))


@act("client.changed", "client_id")
def patch_app(call: Call, services: Services) -> Answer:
    """Changes an app by a merge patch. What it was verified for makes it a test app again."""

    def changed(client: Client) -> Client:
        document = call.patched(ClientMetadata, patchable(client, call.body))
        require_change_acceptable(document, Terms.for_anybody(services, client), client)
        return as_unverified(client, document.applied_to(client))

    client, secret = change(lambda: own_app(call, services), changed, services)
    return Answer(document=_describe(client, services, secret))


@act("client.deleted", "client_id")
def delete_app(call: Call, services: Services) -> Answer:
    """Ends an app, and all that was issued to it."""
    end(lambda: own_app(call, services), services)
    return Answer()


@act("client.secret.made", "client_id")
def create_secret(call: Call, services: Services) -> Answer:
    """Another secret, told once; the others end after the overlap."""
    asked = call.read(NewSecret)
    stored, secret = add_secret(lambda: own_app(call, services), asked.overlap, services)
    return Answer(201, {**describe_secret(stored), "client_secret": secret})


@act("client.secret.ended", "client_id")
def delete_secret(call: Call, services: Services) -> Answer:
    """Ends one of the app's secrets at once."""
    drop_secret(lambda: own_app(call, services), call.path["secret"], services)
    return Answer()


# ------------------------------------------------------------------ rules


def _owner(call: Call) -> str:
    """The user of the token. A client's own token has none, and a client identifier must not be taken for a user's."""
    if call.subject == call.client_id:
        raise Problem(403, "This needs the access token of a user", reason="user_required")
    return call.subject


def own_app(call: Call, services: Services) -> Client:
    """The app of the caller's that the path names. Raises `NotFound`, for another's as for one that there is not."""
    client = existing(call.path["client_id"], services)
    if client.owner != _owner(call):
        raise NotFound("client")
    return client


def _require_room(owner: str, services: Services) -> None:
    """Raises `Problem` beyond the quota.

    The list is of an index, which may lag: it bounds roughly what the day's counter, which is exact, lets grow.
    """
    now = services.now()
    today = now // DAY * DAY
    if services.counters.count(f"apps {owner}", today, 1, today + 2 * DAY) > NEW_APPS_A_DAY:
        raise Problem(429, "Too many apps were registered today", reason="quota_day")
    if len(services.clients.list(owner=owner, limit=MAX_APPS).items) >= MAX_APPS:
        raise Problem(403, "You have as many apps as one person may have. Delete one first.", reason="quota_apps")


def _describe(client: Client, services: Services, secret: str | None = None) -> Mapping[str, Any]:
    document = {
        "client_id": client.client_id,
        "client_secret": secret,
        **metadata_of(client),
        "status": client.status,
        "verification": client.verification,
        "secrets": describe_secrets(client.secrets, services.now()),
        "created_at": client.created_at,
    }
    return {name: value for name, value in document.items() if value not in (None, "")}


ONE = "/partner/apps/{client_id}"
OPERATIONS = (
    Operation("GET /partner/apps", "List your apps", READ, list_apps, answer=AppDescription, is_list=True),
    Operation(
        "POST /partner/apps",
        "Register an app",
        WRITE,
        create_app,
        body=ClientMetadata,
        answer=AppDescription,
        status=201,
        is_create=True,
    ),
    Operation(f"GET {ONE}", "See an app", READ, get_app, answer=AppDescription),
    Operation(f"PATCH {ONE}", "Change an app", WRITE, patch_app, body=ClientMetadata, answer=AppDescription),
    Operation(f"DELETE {ONE}", "Delete an app", WRITE, delete_app, status=204),
    Operation(
        f"POST {ONE}/secrets",
        "Make another secret",
        WRITE,
        create_secret,
        body=NewSecret,
        answer=IssuedSecret,
        status=201,
    ),
    Operation(f"DELETE {ONE}/secrets/{{secret}}", "End a secret", WRITE, delete_secret, status=204),
)
