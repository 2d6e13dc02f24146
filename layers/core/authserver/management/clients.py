"""/admin/clients: every client, for operators. /admin/initial-access-tokens: who may register one (RFC 7591 section 3).

Nobody gives a client an operator's scope that the token in hand does not have, nor takes a secret of a client that has
one: or else whoever may register clients could do everything.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from authserver.documents import Document, Identifier
from authserver.documents.client import ClientMetadata, Line, Terms, metadata_of
from authserver.identity import hashes
from authserver.identity.cutoffs import resume
from authserver.management import Answer, Call, Conflict, Operation, Problem, page_of
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
    end,
    existing,
    patchable,
    require_acceptable,
)
from authserver.management.initial_access import new_initial_access_token
from authserver.models import ACTIVE, DISABLED, VERIFIED, Client, ClientSecret
from authserver.scopes import OPERATOR, REFUSAL_AGE
from authserver.services import Services
from authserver.values import Scope

READ, WRITE = "admin:clients.read", "admin:clients.write"
ADMINISTERED = ("owner", "status", "verification")


def _hash(encoded: str) -> str:
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


class NewInitialAccessToken(Document):
    """Asks for a token that lets `uses` clients be registered within `lifetime` seconds."""

    uses: int = Field(default=1, ge=1, le=1000)
    lifetime: int = Field(default=86_400, ge=60, le=90 * 86_400)


class IssuedInitialAccessToken(Document):
    """The token, told once."""

    initial_access_token: str
    uses: int
    expires_at: int


# ------------------------------------------------------------------ use cases


def list_clients(call: Call, services: Services) -> Answer:
    """Every client, or those of an owner."""
    page = services.clients.list(owner=call.query.get("owner"), limit=call.limit, cursor=call.cursor)
    return page_of(page, lambda client: describe(client, services))


def create_client(call: Call, services: Services) -> Answer:
    """Registers a client. Its secret is in the answer, once."""
    document = call.read(NewClient)
    _require_hash_fits(document)
    require_acceptable(document, Terms.for_operators(services))
    client_id = document.client_id or call.new_identifier(services)
    if document.client_id and services.users.get(client_id) is not None:
        # Else a client's own token could be taken for the user's (RFC 9700 section 4.15).
        raise Conflict("A user has this identifier")
    wanted = _administered(Client(client_id=client_id, client_name="", created_at=services.now()), document)
    if document.client_secret_hash:
        wanted = replace(wanted, secrets=(ClientSecret(b"", services.now(), encoded=document.client_secret_hash),))
    _require_power_over(wanted, call, services)
    repeatable = bool(call.idempotency_key) and document.client_id is None
    client, secret = create(wanted, services, repeatable=repeatable)
    if document.client_id and client.status == ACTIVE:
        # An identifier that was there before is suspended for good; what it had then stays dead.
        resume(services, client_id=client_id)
    return Answer(201, describe(client, services, secret))


def get_client(call: Call, services: Services) -> Answer:
    """One client."""
    return Answer(document=describe(existing(call.path["client_id"], services), services))


def patch_client(call: Call, services: Services) -> Answer:
    """Changes a client by a merge patch; disabling it ends everything issued to it, at once."""
    client_id = call.path["client_id"]

    def changed(client: Client) -> Client:
        document = call.patched(AdministeredClient, _patchable(client, call.body))
        require_acceptable(document, Terms.for_operators(services))
        after = _administered(client, document)
        _require_power_over(client, call, services)
        _require_power_over(after, call, services)
        if "status" in call.body:
            _suspend_or_resume(after, services)
        return after

    client, secret = change(lambda: existing(client_id, services), changed, services)
    return Answer(document=describe(client, services, secret))


def delete_client(call: Call, services: Services) -> Answer:
    """Ends a client: nothing issued to it stands, and its identifier is free for an operator alone."""
    end(existing(call.path["client_id"], services), services)
    return Answer()


def create_secret(call: Call, services: Services) -> Answer:
    """Another secret, told once; the others end after the overlap."""
    asked = call.read(NewSecret)

    def find() -> Client:
        client = existing(call.path["client_id"], services)
        _require_power_over(client, call, services)
        return client

    stored, secret = add_secret(find, asked.overlap, services)
    return Answer(201, {**describe_secret(stored), "client_secret": secret})


def delete_secret(call: Call, services: Services) -> Answer:
    """Ends one of the client's secrets at once."""
    drop_secret(lambda: existing(call.path["client_id"], services), call.path["secret"], services)
    return Answer()


def create_initial_access_token(call: Call, services: Services) -> Answer:
    """A token for the registration endpoint (RFC 7591 section 3), kept as its hash."""
    asked = call.read(NewInitialAccessToken)
    token, record = new_initial_access_token(asked.uses, asked.lifetime, services)
    services.tokens.put_initial_access_token(record)
    document = IssuedInitialAccessToken(initial_access_token=token, uses=asked.uses, expires_at=record.expires_at)
    return Answer(201, document.model_dump())


# ------------------------------------------------------------------ rules


def _require_hash_fits(document: NewClient) -> None:
    if document.client_secret_hash and document.token_endpoint_auth_method == "none":
        errors = [{"field": "client_secret_hash", "detail": "is for a confidential client"}]
        raise Problem(400, "The request is not valid", reason="invalid", errors=errors)


def _require_power_over(client: Client, call: Call, services: Services) -> None:
    """Raises `Problem` if the client has an operator's scope that the caller's token has not."""
    catalogue = services.scopes(younger_than=REFUSAL_AGE)
    granted = catalogue.expand(call.scope)
    for name in client.scope:
        if OPERATOR in catalogue.grantable_by(Scope((name,))) and name not in granted:
            raise Problem(403, "This needs the client's own scopes in the access token", reason="insufficient_scope")


def _suspend_or_resume(client: Client, services: Services) -> None:
    """Before the write of the status, either way.

    To disable: whatever fails then, nothing issued stands, and the call is repeated. To enable: the client is still
    disabled until that write, so that nothing is issued in between; what it had before stays dead.
    """
    if client.status == DISABLED:
        services.tokens.suspend(client_id=client.client_id)
    else:
        resume(services, client_id=client.client_id)


# ------------------------------------------------------------------ documents


def _administered(client: Client, document: AdministeredClient) -> Client:
    """The client as the operator wants it. One that somebody vouches for is kept, used or not."""
    after = replace(document.applied_to(client), **{name: getattr(document, name) for name in ADMINISTERED})
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
    }
    return {name: value for name, value in document.items() if value not in (None, "")}


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
)
