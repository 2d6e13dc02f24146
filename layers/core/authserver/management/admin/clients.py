"""/admin/clients: every client, for operators. /admin/initial-access-tokens: who may register one (RFC 7591 section 3).

A caller cannot give a client an operator's scope that the caller's token lacks, nor make a secret of a client that has
one: otherwise every caller who may register clients could do everything.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from authserver.client_authentication import BARE_SHA256
from authserver.documents import Document, Identifier
from authserver.documents.client import ClientMetadata, Line, Terms, metadata_of
from authserver.identity import hashes
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, Conflict, NotFound, Operation, Problem, page_of
from authserver.management.audited import act
from authserver.management.client_records import (
    IssuedSecret,
    NewSecret,
    SecretDescription,
    add_secret,
    change,
    create,
    describe_secret,
    describe_secrets,
    drop_secret,
    existing,
    patchable,
    require_acceptable,
    require_change_acceptable,
)
from authserver.management.registration.initial_access import new_initial_access_token
from authserver.models.clients import VERIFIED, Client, ClientSecret
from authserver.models.registration import InitialAccessToken
from authserver.scopes import OPERATOR
from authserver.services import Services
from authserver.storage.lists import Page
from authserver.values import Scope

READ, WRITE = "admin:clients.read", "admin:clients.write"
SHA256 = re.compile(re.escape(BARE_SHA256) + "[0-9a-f]{64}")
ADMINISTERED = ("owner", "status", "verification")


def _hash(encoded: str) -> str:
    if not SHA256.fullmatch(encoded):
        hashes.parse(encoded)
    return encoded


ImportedHash = Annotated[str, StringConstraints(max_length=hashes.MAX_ENCODED_LENGTH), AfterValidator(_hash)]


class AdministeredClient(ClientMetadata):
    """A client's metadata and what operators decide about it."""

    owner: Line = ""
    status: Literal["active", "disabled"] = "active"
    verification: Literal["verified", "test"] = "verified"


class NewClient(AdministeredClient):
    """A client to be; one from another system brings its identifier, and the hash of its secret."""

    client_id: Identifier | None = None
    client_secret_hash: ImportedHash | None = None


class ClientDescription(AdministeredClient):
    """A client as it is registered. `client_secret` is there where it has just been made, and never again."""

    client_id: str
    client_secret: str | None = None
    secrets: list[SecretDescription] = Field(default=[])
    created_at: int = 0
    expires_at: int | None = None
    has_registration_access_token: bool = Field(
        default=False, description="Whether who registered it may change and delete it (RFC 7592)"
    )


class NewInitialAccessToken(Document):
    """Asks for a token that lets `uses` clients be registered within `lifetime` seconds."""

    uses: int = Field(default=1, ge=1, le=1000)
    lifetime: int = Field(default=86_400, ge=60, le=90 * 86_400)


class IssuedInitialAccessToken(Document):
    """The token, told once."""

    initial_access_token: str
    id: str
    uses: int
    expires_at: int


class InitialAccessTokenDescription(Document):
    """A token that registers clients. It cannot be read again."""

    id: str
    remaining: int = Field(description="How many clients can still be registered")
    created_at: int
    expires_at: int


# ------------------------------------------------------------------ use cases


def list_clients(call: Call, services: Services) -> Answer:
    """Every client, or those of an owner."""
    page = services.clients.list(owner=call.query.get("owner"), limit=call.limit, cursor=call.cursor)
    return page_of(page, lambda client: describe(client, services))


@act("client.created")
def create_client(call: Call, services: Services) -> Answer:
    """Registers a client. Its secret is in the answer, once."""
    document = call.read(NewClient)
    _require_hash_fits(document)
    require_acceptable(document, Terms.for_operators(services))
    client_id = document.client_id or call.new_identifier(services)
    if document.client_id and _is_a_users(client_id, services):
        # Else a client's own token could be taken for the user's (RFC 9700 section 4.15).
        raise Conflict("A user has this identifier")
    wanted = _administered(Client(client_id=client_id, client_name="", created_at=services.now()), document)
    if document.client_secret_hash:
        wanted = replace(wanted, secrets=(ClientSecret(b"", services.now(), encoded=document.client_secret_hash),))
    _require_power_over(wanted, call, services)
    repeatable = bool(call.idempotency_key) and document.client_id is None
    client, secret = create(wanted, services, repeatable=repeatable)
    return Answer(201, describe(client, services, secret))


def get_client(call: Call, services: Services) -> Answer:
    """One client."""
    return Answer(document=describe(existing(call.path["client_id"], services), services))


@act("client.changed", "client_id")
def patch_client(call: Call, services: Services) -> Answer:
    """Changes a client by a merge patch; disabling it ends everything issued to it, at once."""
    client_id = call.path["client_id"]
    decides = isinstance(call.body, dict) and call.body.keys() <= {*ADMINISTERED}

    def changed(client: Client) -> Client:
        after = _decided(client, call) if decides else _patched(client, call, services)
        _require_power_over(client, call, services)
        _require_power_over(after, call, services)
        return after

    client, secret = change(lambda: existing(client_id, services), changed, services)
    return Answer(document=describe(client, services, secret))


def _decided(client: Client, call: Call) -> Client:
    """The client with what the operator decides about it; its metadata, whatever it is, stays."""
    document = call.patched(AdministeredClient, {name: getattr(client, name) for name in ADMINISTERED})
    return _with_decisions(client, document)


def _patched(client: Client, call: Call, services: Services) -> Client:
    document = call.patched(AdministeredClient, _patchable(client, call.body))
    require_change_acceptable(document, Terms.for_operators(services, client), client)
    return _administered(client, document)


@act("client.deleted", "client_id")
def delete_client(call: Call, services: Services) -> Answer:
    """Ends a client: nothing issued to it stands, and its identifier is never given again."""
    services.withdrawals.delete_client(existing(call.path["client_id"], services).client_id)
    return Answer()


@act("client.secret.made", "client_id")
def create_secret(call: Call, services: Services) -> Answer:
    """Another secret, told once; the others end after the overlap."""
    asked = call.read(NewSecret)

    def find() -> Client:
        client = existing(call.path["client_id"], services)
        _require_power_over(client, call, services)
        return client

    stored, secret = add_secret(find, asked.overlap, services)
    return Answer(201, {**describe_secret(stored), "client_secret": secret})


@act("client.secret.ended", "client_id")
def delete_secret(call: Call, services: Services) -> Answer:
    """Ends one of the client's secrets at once."""
    drop_secret(lambda: existing(call.path["client_id"], services), call.path["secret"], services)
    return Answer()


@act("initial_access_token.made")
def create_initial_access_token(call: Call, services: Services) -> Answer:
    """A token for the registration endpoint (RFC 7591 section 3), kept as its hash."""
    asked = call.read(NewInitialAccessToken)
    token, record = new_initial_access_token(asked.uses, asked.lifetime, services)
    services.is_about(record.id)
    services.tokens.put_initial_access_token(record)
    document = IssuedInitialAccessToken(
        initial_access_token=token, id=record.id, uses=asked.uses, expires_at=record.expires_at
    )
    return Answer(201, document.model_dump())


def list_initial_access_tokens(call: Call, services: Services) -> Answer:
    """The initial access tokens that can still register clients, oldest first."""
    page = services.tokens.initial_access_tokens(limit=call.limit, cursor=call.cursor)
    now, era = services.now(), services.deployment().era
    usable = tuple(one for one in page.items if one.remaining > 0 and one.expires_at > now and one.begun.era == era)
    return page_of(Page(usable, page.next), _write_initial_access_token)


@act("initial_access_token.revoked", "id")
def revoke_initial_access_token(call: Call, services: Services) -> Answer:
    """Ends the initial access token; the clients that it registered stay."""
    if not services.withdrawals.revoke_initial_access_token(call.path["id"]):
        raise NotFound("initial access token")
    return Answer()


@act("client.registration_token.revoked", "client_id")
def revoke_registration_access_token(call: Call, services: Services) -> Answer:
    """Withdraws the client's registration access token (RFC 7592); the client itself keeps working."""

    def changed(client: Client) -> Client:
        return replace(client, registration_token_hash=b"")

    change(lambda: existing(call.path["client_id"], services), changed, services)
    return Answer()


# ------------------------------------------------------------------ rules


def _is_a_users(identifier: str, services: Services) -> bool:
    """Whether a user has the identifier, or had it before they were removed."""
    end = services.browsers.ends(key_text(identifier)).subject
    return bool(end.suspended) or services.users.get(identifier) is not None


def _require_hash_fits(document: NewClient) -> None:
    if document.client_secret_hash and not document.token_endpoint_auth_method.startswith("client_secret_"):
        errors = [{"field": "client_secret_hash", "detail": "is for a client that authenticates by a secret"}]
        raise Problem(400, "The request is not valid", reason="invalid", errors=errors)


def _require_power_over(client: Client, call: Call, services: Services) -> None:
    """Raises `Problem` if the client has an operator's scope that the caller's token has not."""
    catalogue = services.scopes()
    granted = catalogue.expand(call.scope)
    for name in client.scope:
        if OPERATOR in catalogue.grantable_by(Scope((name,))) and name not in granted:
            raise Problem(403, "This needs the client's own scopes in the access token", reason="insufficient_scope")


# ------------------------------------------------------------------ documents


def _administered(client: Client, document: AdministeredClient) -> Client:
    """The client as the operator wants it."""
    return _with_decisions(document.applied_to(client), document)


def _with_decisions(client: Client, document: AdministeredClient) -> Client:
    """A client that an operator verifies is kept, used or not."""
    after = replace(client, **{name: getattr(document, name) for name in ADMINISTERED})
    return replace(after, expires_at=None) if after.verification == VERIFIED else after


def _patchable(client: Client, patch: Any) -> Mapping[str, Any]:
    return {**patchable(client, patch), **{name: getattr(client, name) for name in ADMINISTERED}}


def describe(client: Client, services: Services, secret: str | None = None) -> dict[str, Any]:
    """The client as operators see it."""
    document = {
        "client_id": client.client_id,
        "client_secret": secret,
        **metadata_of(client),
        **{name: getattr(client, name) for name in ADMINISTERED},
        "secrets": describe_secrets(client.secrets, services.now()),
        "created_at": client.created_at,
        "expires_at": client.expires_at,
        "has_registration_access_token": bool(client.registration_token_hash),
    }
    return {name: value for name, value in document.items() if value not in (None, "")}


def _write_initial_access_token(token: InitialAccessToken) -> dict[str, Any]:
    return InitialAccessTokenDescription(
        id=token.id, remaining=token.remaining, created_at=token.created_at, expires_at=token.expires_at
    ).model_dump()


LIST = {"owner": "only those of this owner"}
OPERATIONS = (
    Operation(
        "GET /admin/clients", "List clients", READ, list_clients, answer=ClientDescription, query=LIST, is_list=True
    ),
    Operation(
        "POST /admin/clients",
        "Register a client",
        WRITE,
        create_client,
        body=NewClient,
        answer=ClientDescription,
        status=201,
        is_create=True,
    ),
    Operation("GET /admin/clients/{client_id}", "See a client", READ, get_client, answer=ClientDescription),
    Operation(
        "PATCH /admin/clients/{client_id}",
        "Change a client",
        WRITE,
        patch_client,
        body=AdministeredClient,
        answer=ClientDescription,
    ),
    Operation("DELETE /admin/clients/{client_id}", "Delete a client", WRITE, delete_client, status=204),
    Operation(
        "POST /admin/clients/{client_id}/secrets",
        "Make another secret",
        WRITE,
        create_secret,
        body=NewSecret,
        answer=IssuedSecret,
        status=201,
    ),
    Operation("DELETE /admin/clients/{client_id}/secrets/{secret}", "End a secret", WRITE, delete_secret, status=204),
    Operation(
        "POST /admin/initial-access-tokens",
        "Let somebody register clients",
        WRITE,
        create_initial_access_token,
        body=NewInitialAccessToken,
        answer=IssuedInitialAccessToken,
        status=201,
    ),
    Operation(
        "GET /admin/initial-access-tokens",
        "List who may register clients",
        READ,
        list_initial_access_tokens,
        answer=InitialAccessTokenDescription,
        is_list=True,
    ),
    Operation(
        "DELETE /admin/initial-access-tokens/{id}",
        "End an initial access token",
        WRITE,
        revoke_initial_access_token,
        status=204,
    ),
    Operation(
        "DELETE /admin/clients/{client_id}/registration-access-token",
        "Take a registration access token back",
        WRITE,
        revoke_registration_access_token,
        status=204,
    ),
)
