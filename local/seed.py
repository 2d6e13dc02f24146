"""Plants users, clients and what belongs to them from a JSON file: into the development server, or into a stack.

    python -m local.seed --stack authserver my-seed.json

The file has ``users`` (``username``, ``password``, ``email``, ``email_verified``, ``name``, ``operator``, and what
docs/claims.md has of people), ``clients``
(RFC 7591 metadata with ``client_id`` and, where the client has one, ``client_secret``), ``organisations`` (``id``,
``name``, ``companies``, ``members``: the role by username), ``scopes`` (``name`` and docs/admin-api.md),
``resources`` (``id`` and docs/resources.md), ``identity_providers`` (docs/federation.md) and ``theme`` (docs/theme.md).
Users and organisations that exist are left alone.
"""

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import boto3
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from authserver.aws.boto import BotoService
from authserver.aws.dynamodb import DynamoStores
from authserver.aws.dynamodb.reader import Reader, Tables
from authserver.aws.kms import KmsOpener
from authserver.aws.table import Guard
from authserver.documents import Identifier, refusals
from authserver.documents.client import OF_ANY_DEPLOYMENT, ClientMetadata, Objection, Scopes, objections
from authserver.documents.identity_provider import IdentityProvider
from authserver.documents.organisation import NewOrganisation, Role
from authserver.documents.resource import NewResource, ResourceId
from authserver.documents.scope import NewScope, ScopeName
from authserver.documents.theme import NewTheme
from authserver.documents.user import BoundedProfile, require_own_name
from authserver.identity.audit import identifier
from authserver.identity.password import Argon2Passwords
from authserver.identity.providers import wrap_secret
from authserver.management import Problem
from authserver.management.admin.resources import described, with_resource
from authserver.management.admin.scopes import with_scope
from authserver.models.audit import AuditEvent
from authserver.models.clients import Client, ClientSecret
from authserver.models.organisations import Membership, Organisation
from authserver.models.users import User, address_name
from authserver.resources import ResourceCatalogue
from authserver.scopes import DEFAULT
from authserver.settings import DAY
from authserver.storage.api_keys import ApiKeyStore
from authserver.storage.audit import Note
from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore
from authserver.storage.configuration import ConfigurationStore, DomainTaken, IdentityProviderStore
from authserver.storage.organisations import OrganisationStore
from authserver.storage.revocations import RevocationStore
from authserver.storage.tokens import TokenStore
from authserver.storage.users import FactorStore, UserStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.theme import DEFAULT as DEFAULT_THEME
from authserver.theme import objections as objections_to_theme
from authserver.values import Secret, normalised_username, sha256
from authserver_cli.region import take_region
from local import sdk
from local.errors import StartupError


class SeedError(StartupError):
    """The seed file cannot be used; the message names the file and the field."""

    exit_code = 2


class UserSeed(BoundedProfile):
    """A demo user."""

    username: str = Field(min_length=1, max_length=256)
    password: str = Field(min_length=1, max_length=1024)
    email: str = ""
    email_verified: bool = False
    name: str = ""
    operator: bool = False

    @model_validator(mode="after")
    def _name_is_no_others_address(self) -> "UserSeed":
        require_own_name(self.username, self.email, verified=self.email_verified)
        return self

    @property
    def login_names(self) -> set[str]:
        """What the user signs in with."""
        own = address_name(self.email, verified=self.email_verified)
        return {normalised_username(self.username), *([own] if own else [])}


class OrganisationSeed(NewOrganisation):
    """An organisation, with the role of each member by username."""

    id: Identifier
    members: dict[str, Role] = Field(default={})


class ScopeSeed(NewScope):
    """A scope of the catalogue."""

    name: ScopeName


class ClientSeed(ClientMetadata):
    """What any client is registered with, its identifier, and the secret if it has one."""

    client_id: str = Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")
    client_secret: str | None = Field(default=None, min_length=1, max_length=1024, pattern=r"^[\x20-\x7e]+$")
    scope: Scopes = "openid profile email read write"
    owner: str = ""

    def faults(self) -> Iterator[Objection]:
        """What speaks against it, by field."""
        yield from objections(self, OF_ANY_DEPLOYMENT)
        method = self.token_endpoint_auth_method
        has_secret = method.startswith("client_secret_")
        if not has_secret and self.client_secret is not None:
            yield "client_secret", f"token_endpoint_auth_method {method} means that there is no client_secret"
        if has_secret and not self.client_secret:
            yield "client_secret", f"token_endpoint_auth_method {method} needs a client_secret"

    def client(self, now: int) -> Client:
        """The client as it is stored: the secret as its hash."""
        secrets = (ClientSecret(sha256(self.client_secret), now),) if self.client_secret else ()
        return self.applied_to(Client(self.client_id, "", secrets=secrets, owner=self.owner, created_at=now))


class ResourceSeed(NewResource):
    """A resource; docs/resources.md explains the fields."""

    id: ResourceId


class Seed(BaseModel):
    """The file, whole."""

    model_config = ConfigDict(extra="forbid")

    users: list[UserSeed] = []
    clients: list[ClientSeed] = []
    identity_providers: list[IdentityProvider] = []
    organisations: list[OrganisationSeed] = []
    scopes: list[ScopeSeed] = []
    resources: list[ResourceSeed] = []
    theme: NewTheme | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> "Seed":
        names = [name for user in self.users for name in user.login_names]
        if len(set(names)) < len(names):
            raise ValueError("users: two have the same username or verified email, but for case or Unicode form")
        return self


@dataclass(frozen=True)
class Planted:
    """What is there now."""

    users: tuple[UserSeed, ...]
    clients: tuple[ClientSeed, ...]
    organisations: tuple[OrganisationSeed, ...]


def read(path: Path) -> Seed:
    """The seed in a file. Raises `SeedError`, naming each field that is wrong, never its value."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise SeedError(f"{path}: must be an object with users and clients")
        seed = Seed.model_validate_json(json.dumps(document))
    except OSError as error:
        raise SeedError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SeedError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise SeedError(f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from error
    except ValidationError as error:
        raise _unusable(
            path, [("", fault["field"], _in_our_words(fault["detail"])) for fault in refusals(error)]
        ) from error
    faults = [(f"clients.{at}.", *fault) for at, client in enumerate(seed.clients) for fault in client.faults()]
    if seed.theme:
        faults += [("theme.", *fault) for fault in objections_to_theme(seed.theme.record(0))]
    if faults:
        raise _unusable(path, faults)
    return seed


def _unusable(path: Path, faults: list[tuple[str, str, str]]) -> SeedError:
    return SeedError("\n".join([f"{path}: cannot be used:", *(f"  {at}{field}: {said}" for at, field, said in faults)]))


AUDIT_DAYS = 400


def _in_our_words(message: str) -> str:
    return message.replace("Extra inputs are not permitted", "is not known")


@dataclass(frozen=True)
class Place:
    """Where to plant: the stack's tables, and the key that wraps what is secret. `endpoint_url` is a local one."""

    clients_table: str
    users_table: str
    tokens_table: str
    configuration_table: str
    audit_table: str
    wrapping_key: str
    endpoint_url: str | None = None

    def client(self, service: Literal["dynamodb", "kms"]) -> Any:
        return boto3.client(service) if self.endpoint_url is None else sdk.client(service, self.endpoint_url)


@dataclass(frozen=True)
class Stores:
    """What is planted in."""

    clients: ClientStore
    users: UserStore
    factors: FactorStore
    organisations: OrganisationStore
    tokens: TokenStore
    browsers: BrowserStore
    revocations: RevocationStore
    api_keys: ApiKeyStore
    withdrawals: WithdrawalStore
    identity_providers: IdentityProviderStore
    configuration: ConfigurationStore


def hash_quickly(password: Secret) -> str:
    """A hash at the least cost that argon2 has."""
    return PasswordHasher.from_parameters(CHEAPEST).hash(password.reveal())


def plant(seed: Seed, place: Place, hash_password: Callable[[Secret], str] | None = None) -> Planted:
    """Writes what a seed has. Raises `SeedError`, naming what does not fit to what is there, but not the file.

    Passwords are hashed as deployments do, unless `hash_password` is given.
    """
    with closing(place.client("dynamodb")) as client:
        dynamodb = BotoService(client)
        tables = Tables(place.clients_table, place.users_table, place.tokens_table)
        reader = Reader(dynamodb, tables, lambda: (time.time(), time.monotonic()), lambda: 0)
        made = DynamoStores(dynamodb, tables, place.configuration_table, "", place.audit_table, reader)
        stores = Stores(**made.guarded(Guard(noting=made.noting(_note()))))
        _plant_users(seed, stores.users, hash_password or Argon2Passwords().hash)
        _plant_clients(seed, stores)
        _plant_organisations(seed, stores)
        configuration = stores.configuration
        _plant_scopes(seed, configuration, stores.withdrawals)
        _plant_resources(seed, configuration, stores.withdrawals)
        _plant_theme(seed, configuration)
        if seed.identity_providers:
            _plant_identity_providers(seed, stores.identity_providers, place)
    return Planted(tuple(seed.users), tuple(seed.clients), tuple(seed.organisations))


def _note() -> Note:
    """The server was planted from a seed: the event comes with the first of it that was not there yet."""
    now = int(time.time())
    expires_at = now + AUDIT_DAYS * DAY
    return Note(
        AuditEvent(
            identifier(now, os.urandom(10)), now, expires_at, "deployment.seeded", "system", "seed", "deployment"
        )
    )


def _plant_users(seed: Seed, users: UserStore, hash_password: Callable[[Secret], str]) -> None:
    for user in seed.users:
        users.create(
            User(
                sub=str(uuid.uuid4()),
                username=user.username,
                password_hash=hash_password(Secret(user.password)),
                name=user.name,
                email=user.email,
                email_verified=user.email_verified,
                operator=user.operator,
                created_at=int(time.time()),
                attributes=user.stored(),
            )
        )


def _plant_organisations(seed: Seed, stores: Stores) -> None:
    organisations, users = stores.organisations, stores.users
    now = int(time.time())
    for organisation in seed.organisations:
        organisations.create(
            Organisation(
                organisation.id,
                organisation.name,
                organisation.companies,
                api_keys=organisation.api_keys,
                created_at=now,
            )
        )
        for username, role in organisation.members.items():
            user = users.find(username)
            if user is None:
                raise SeedError(f"organisations: {organisation.id} has a member that is no user: {username}")
            if organisations.membership(organisation.id, user.sub) is None:
                membership = Membership(organisation.id, user.sub, role, now, epoch=uuid.uuid4().hex)
                stores.withdrawals.set_membership(membership)


def _plant_scopes(seed: Seed, configuration: ConfigurationStore, withdrawals: WithdrawalStore) -> None:
    before = (configuration.scopes() or DEFAULT).with_built_in()
    catalogue = before
    for scope in seed.scopes:
        try:
            catalogue = with_scope(catalogue, scope.name, scope)
        except Problem as problem:
            raise SeedError(f"scopes: {scope.name}: {problem.title}") from problem
    if catalogue != before and not withdrawals.change_scopes(catalogue):
        raise SeedError("scopes: the catalogue was changed meanwhile; try again")


def _plant_resources(seed: Seed, configuration: ConfigurationStore, withdrawals: WithdrawalStore) -> None:
    before = configuration.resources() or ResourceCatalogue(())
    scopes = (configuration.scopes() or DEFAULT).with_built_in()
    catalogue = before
    for resource in seed.resources:
        try:
            catalogue = with_resource(catalogue, described(resource.id, resource, scopes))
        except Problem as problem:
            raise SeedError(f"resources: {resource.id}: {problem.title}") from problem
    if catalogue != before and not withdrawals.change_resources(catalogue):
        raise SeedError("resources: they were changed meanwhile; try again")


def _plant_theme(seed: Seed, configuration: ConfigurationStore) -> None:
    if seed.theme is None:
        return
    before = configuration.theme() or DEFAULT_THEME
    theme = seed.theme.record(before.version)
    if theme != before and not configuration.put_theme(theme):
        raise SeedError("theme: it was changed meanwhile; try again")


def _plant_clients(seed: Seed, stores: Stores) -> None:
    """Each in place of what was planted under its identifier before."""
    now = int(time.time())
    for planted in seed.clients:
        client = planted.client(now)
        if stores.clients.create(client):
            continue
        before = stores.clients.get(client.client_id)
        if before is None or not stores.withdrawals.change_client(replace(client, version=before.version)):
            raise SeedError(f"clients: {client.client_id} was removed or is being changed; its identifier is taken")


def _plant_identity_providers(seed: Seed, providers: IdentityProviderStore, place: Place) -> None:
    """Each in place of what is there under its identifier."""
    now = int(time.time())
    with closing(place.client("kms")) as client:
        opener = KmsOpener(BotoService(client), place.wrapping_key)
        for provider in seed.identity_providers:
            secret = provider.client_secret
            wrapped = wrap_secret(provider.id, Secret(secret), opener) if secret else b""
            before = providers.get(provider.id)
            record = replace(provider.record(wrapped, now), version=before.version if before else 0)
            try:
                is_planted = providers.put(record)
            except DomainTaken:
                raise SeedError(f"identity_providers: a domain of {provider.id} is another provider's") from None
            if not is_planted:
                raise SeedError(f"identity_providers: {provider.id} was changed meanwhile; try again")


def describe(planted: Planted, issuer: str, resource: str) -> str:
    """What a developer needs to begin: who may sign in, which clients there are, lines to paste."""
    users = [(user.username, user.password, _part_of(user, planted.organisations)) for user in planted.users]
    clients = [
        (client.client_id, client.client_secret or "(public)", " ".join(client.grant_types))
        for client in planted.clients
    ]
    return "\n".join(
        ["Users", *_table(users), "Clients", *_table(clients), *_lines_to_paste(planted, issuer, resource)]
    )


def _part_of(user: UserSeed, organisations: Iterable[OrganisationSeed]) -> str:
    parts = [(one.members.get(user.username), one.name) for one in organisations]
    return ", ".join(f"{role} of {name}" for role, name in parts if role)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [f"  {line.rstrip()}" for line in lines] or ["  none"]


def _lines_to_paste(planted: Planted, issuer: str, resource: str) -> list[str]:
    machines = [
        client
        for client in planted.clients
        if "client_credentials" in client.grant_types and client.token_endpoint_auth_method == "client_secret_basic"
    ]
    lines = ["", "Try it", f"  curl -s {issuer}/.well-known/openid-configuration"]
    if machines:
        machine = machines[0]
        ask = f"curl -s -u {machine.client_id}:{machine.client_secret} -d grant_type=client_credentials {issuer}/token"
        pick = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""
        lines += [f"  {ask}", f'  curl -s -H "Authorization: Bearer $({ask} | {pick})" {resource}/me']
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Plants a seed file in a deployed stack, whose tables its outputs name."""
    parser = argparse.ArgumentParser(prog="python -m local.seed", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="JSON file with users and clients")
    parser.add_argument("--stack", required=True, help="name of the CloudFormation stack")
    options = parser.parse_args(arguments)
    outputs = _outputs(options.stack)
    try:
        place = Place(
            *(
                outputs[name]
                for name in (
                    "ClientsTable",
                    "UsersTable",
                    "TokensTable",
                    "ConfigurationTable",
                    "AuditTable",
                    "WrappingKey",
                )
            )
        )
        planted = plant(read(options.file), place)
    except SeedError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{len(planted.users)} users and {len(planted.clients)} clients are in stack {options.stack}")
    return 0


def _outputs(stack: str) -> dict[str, str]:
    take_region()
    description = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}


if __name__ == "__main__":
    sys.exit(main())
