"""The Configuration table: identity providers, and the e-mail domains and paths that lead to them."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from authserver.aws.dynamodb.lists import MAX_PAGE, Index
from authserver.aws.dynamodb.memberships import is_still_administrator
from authserver.aws.items.configuration import giving_of, provider_of
from authserver.aws.items.primary_keys import key_text, organisation_end_key, shard_of
from authserver.aws.items.records import attributes_of, read
from authserver.aws.service import Service
from authserver.aws.table import (
    UNGUARDED,
    Guard,
    Item,
    Placed,
    Table,
    Write,
    assignments,
    decode_item,
    encode_item,
)
from authserver.errors import TemporarilyUnavailable
from authserver.models import ACTIVE
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import Membership
from authserver.storage.configuration import GIVING_FIELDS, PROVIDER_FIELDS, CallbackTaken, DomainTaken, ProviderOver
from authserver.values import base64url, sha256

LISTED = "idp"
GONE = "gone"  # the attribute of what is left of a provider that was removed
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
ATTEMPTS = 3


class DynamoIdentityProviders:
    """Implements `storage.configuration.IdentityProviderStore`."""

    def __init__(self, dynamodb: Service, table: str, users_table: str, guard: Guard = UNGUARDED) -> None:
        self._users_table = users_table
        self._table = Table(dynamodb, table, guard)
        self._all = Index(dynamodb, table, "id", "by_kind", "listed")

    def get(self, provider_id: str) -> IdentityProvider | None:
        if not IDENTIFIER.fullmatch(provider_id):
            return None
        item = self._stored(provider_id)
        return None if item is None or GONE in item else read(provider_of, item)

    def giving(self, provider_id: str) -> IdentityProvider | None:
        if not IDENTIFIER.fullmatch(provider_id):
            return None
        item = self._table.get({"id": f"idp#{provider_id}"}, ("provider", *GIVING_FIELDS))
        return read(giving_of, item or None)  # what is left of a provider that was removed has none of these

    def ended(self, provider_id: str) -> str | None:
        item = self._stored(provider_id) if IDENTIFIER.fullmatch(provider_id) else None
        return str(decode_item(item).get("made_by", "")) if item is not None and GONE in item else None

    def by_domain(self, domain: str) -> IdentityProvider | None:
        provider = self._owner(domain_key(domain))
        return provider if provider and domain in provider.domains else None

    def by_callback(self, path: str) -> IdentityProvider | None:
        provider = self._owner(callback_key(path))
        return provider if provider and path == provider.callback_path else None

    def put(self, provider: IdentityProvider) -> bool:
        for _ in range(ATTEMPTS):
            stored = self._stored(provider.id)
            if provider.version != (0 if stored is None or GONE in stored else _version(stored)):
                return False
            if not self._table.write_all(_writes(provider, stored)):
                return True
            if any(self._is_anothers(domain_key(domain), provider) for domain in provider.domains):
                raise DomainTaken
            if provider.callback_path and self._is_anothers(callback_key(provider.callback_path), provider):
                raise CallbackTaken
        raise TemporarilyUnavailable("The store did not answer", reason="identity_provider_contended")

    def change(self, provider: IdentityProvider, by: Membership, **changes: Any) -> IdentityProvider | None:
        if changes.get("claims"):
            raise ValueError("only an operator maps claims")
        expression, names, values = assignments(changes, PROVIDER_FIELDS)
        change = Write.update(
            {"id": f"idp#{provider.id}"},
            f"{expression} ADD version :one",
            "version = :version AND organisation = :organisation",
            {**values, ":one": 1, ":version": provider.version, ":organisation": by.organisation},
            names,
        )
        administers = is_still_administrator(by.organisation, by.subject, by.epoch)
        refused = self._table.transact([(self._table.name, change), (self._users_table, administers)])
        return None if refused else replace(provider, **changes, version=provider.version + 1)

    def delete(self, provider_id: str) -> None:
        for _ in range(ATTEMPTS):
            stored = self._stored(provider_id)
            if stored is None or GONE in stored or not self._table.write_all(_deletes(provider_id, stored)):
                return
        raise TemporarilyUnavailable("The store did not answer", reason="identity_provider_contended")

    def list(self) -> tuple[IdentityProvider, ...]:
        found: list[IdentityProvider] = []
        cursor = None
        while True:
            page = self._all.page(LISTED, provider_of, limit=MAX_PAGE, cursor=cursor)
            found += page.items
            cursor = page.next
            if cursor is None:
                return tuple(found)

    def _stored(self, provider_id: str) -> Item | None:
        return self._table.get({"id": f"idp#{provider_id}"})

    def _owner(self, key: str) -> IdentityProvider | None:
        owner = self._owner_id(key)
        return self.get(owner) if owner else None

    def _is_anothers(self, key: str, provider: IdentityProvider) -> bool:
        return self._owner_id(key) not in (None, provider.id)

    def _owner_id(self, key: str) -> str | None:
        item = self._table.get({"id": key})
        return None if item is None else str(decode_item(item)["provider"])


def write_by(
    table: Table, writes: list[Placed], provider: IdentityProvider, configuration_table: str, tokens_table: str
) -> bool:
    """Makes all the writes or none; tells whether. Raises `ProviderOver` unless an organisation's provider lets people
    in as it was read: it has not changed since, it is active, and its organisation is not suspended."""
    refused = table.transact([*writes, *_lets_people_in(provider, configuration_table, tokens_table)])
    if any(position >= len(writes) for position in refused):
        raise ProviderOver
    return not refused


def _lets_people_in(provider: IdentityProvider, configuration_table: str, tokens_table: str) -> list[Placed]:
    """No condition for a provider without an organisation: one item bears only so many a second."""
    if not provider.organisation:
        return []
    is_as_read = Write.check(
        {"id": f"idp#{provider.id}"},
        "version = :version AND #status = :active",
        {":version": provider.version, ":active": ACTIVE},
        {"#status": "status"},
    )
    end = {"pk": organisation_end_key(key_text(provider.organisation), shard_of(provider.id))}
    return [(configuration_table, is_as_read), (tokens_table, Write.check(end, "attribute_not_exists(suspended)"))]


def domain_key(domain: str) -> str:
    return f"domain#{base64url(sha256(domain))}"


def callback_key(path: str) -> str:
    return f"callback#{base64url(sha256(path))}"


def _claims(domains: Iterable[str], callback_path: str) -> list[str]:
    """The keys of the items by which what leads to one provider leads to no other."""
    return [*map(domain_key, domains), *([callback_key(callback_path)] if callback_path else [])]


def _writes(provider: IdentityProvider, stored: Item | None) -> list[Write]:
    """The provider in place of what is stored, what leads to it if that leads to no other, and no longer what did."""
    claims = _claims(provider.domains, provider.callback_path)
    item = encode_item(
        {
            **attributes_of(provider),
            "id": f"idp#{provider.id}",
            "provider": provider.id,
            "scope": str(provider.scope),
            "listed": LISTED,
            "version": _version(stored) + 1,
        }
    )
    unclaimed = "attribute_not_exists(id) OR provider = :provider"
    writes = [Write.put(item, *_unchanged(stored))]
    writes += [
        Write.put(encode_item({"id": key, "provider": provider.id}), unclaimed, {":provider": provider.id})
        for key in claims
    ]
    return writes + _releases(provider.id, [key for key in _claims_of(stored) if key not in claims])


def _deletes(provider_id: str, stored: Item) -> list[Write]:
    """In place of the provider stays what remembers by which key it was made: to repeat that does not undo this."""
    gone = {GONE: True, "made_by": decode_item(stored).get("made_by", ""), "version": _version(stored) + 1}
    return [
        Write.put(encode_item({"id": f"idp#{provider_id}", **gone}), *_unchanged(stored)),
        *_releases(provider_id, _claims_of(stored)),
    ]


def _releases(provider_id: str, keys: list[str]) -> list[Write]:
    return [Write.delete({"id": key}, "provider = :provider", {":provider": provider_id}) for key in keys]


def _unchanged(stored: Item | None) -> tuple[str, dict[str, int]]:
    if stored is None:
        return "attribute_not_exists(id)", {}
    return "version = :version", {":version": _version(stored)}


def _claims_of(stored: Item | None) -> list[str]:
    before = decode_item(stored) if stored else {}
    return _claims(before.get("domains", ()), before.get("callback_path", ""))


def _version(stored: Item | None) -> int:
    return int(decode_item(stored)["version"]) if stored else 0
