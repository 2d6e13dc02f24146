"""The items of users, and what they are known as at identity providers."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.primary_keys import identity_key
from authserver.aws.items.records import attributes_of, record_of, typed
from authserver.aws.table import Item, encode_item
from authserver.models.users import Identity, User


def subject_of(item: Mapping[str, Any]) -> str:
    return str(typed(item["sub"], str, "sub"))


def user_of(item: Mapping[str, Any]) -> User:
    attributes = {
        name: tuple(value) if isinstance(value, list) else value for name, value in item.get("attributes", {}).items()
    }
    return record_of(User, {"username": "", "password_hash": "", **item, "attributes": attributes})


def identity_item(identity: Identity) -> Item:
    return encode_item({**attributes_of(identity), "id": identity_key(identity.id)})


def identity_of(item: Mapping[str, Any]) -> Identity:
    return record_of(Identity, {**item, "id": item["id"].removeprefix("identity#")})
