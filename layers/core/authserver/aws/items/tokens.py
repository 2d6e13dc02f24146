"""The items of authorizations, access tokens and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import device_key, key_text, part_of
from authserver.aws.items.records import attributes_of, begun_of, record_of
from authserver.aws.table import Item, encode_item
from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
from authserver.values import CodeChallenge, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping


def authorization_item(authorization: Authorization) -> Item:
    challenge = authorization.code_challenge
    part = part_of(authorization.id)
    return encode_item(
        {
            **attributes_of(authorization),
            "pk": f"authorization#{authorization.id}",
            "id": None,
            "scope": str(authorization.scope),
            "not_granted": str(authorization.not_granted) or None,
            "code_challenge": challenge.text if challenge else None,
            "by_administrator": authorization.by_administrator or None,
            "details_requested": authorization.details_requested or None,
            "is_public": authorization.is_public or None,
            "listed_subject": key_text(authorization.subject),
            "listed_client": f"{key_text(authorization.client_id)}#{part}",
            "listed_organisation": f"{key_text(authorization.organisation)}#{part}"
            if authorization.organisation
            else None,
        }
    )


def authorization_of(item: Mapping[str, Any]) -> Authorization:
    challenge = item.get("code_challenge")
    return record_of(
        Authorization,
        {
            **item,
            "id": item["pk"].partition("#")[2],
            "begun": begun_of(item),
            "scope": Scope.parse(item.get("scope", "")),
            "not_granted": Scope.parse(item.get("not_granted", "")),
            "resource": tuple(item.get("resource", ())),
            "code_challenge": CodeChallenge.parse(challenge) if challenge else None,
        },
    )


def access_token_of(item: Mapping[str, Any]) -> AccessTokenRecord:
    return record_of(
        AccessTokenRecord,
        {
            **item,
            "scope": Scope.parse(item.get("scope", "")),
            "audience": tuple(item.get("audience", ())),
            "begun": begun_of(item),
        },
    )


def device_item(device: DeviceRequest) -> Item:
    attributes = attributes_of(device)
    return encode_item({**attributes, "pk": device_key(device.id), "id": None, "answer": device.answer or None})


def device_of(item: Mapping[str, Any]) -> DeviceRequest:
    resource = tuple(item.get("resource", ()))
    return record_of(
        DeviceRequest, {"parameters": {}, **item, "id": item["pk"].partition("#")[2], "resource": resource}
    )
