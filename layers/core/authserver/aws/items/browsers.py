"""The items of what is begun with a browser."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import begun_of, record_of, typed
from authserver.models.browsers import Consent, Federation, OneTimeLink, PendingRequest, Session
from authserver.values import Scope


def federation_of(item: Mapping[str, Any]) -> Federation:
    return record_of(Federation, {**item, "id": item["pk"].partition("#")[2]})


def link_of(item: Mapping[str, Any]) -> OneTimeLink:
    return record_of(OneTimeLink, {**item, "id": item["pk"].partition("#")[2], "begun": begun_of(item)})


def request_of(item: Mapping[str, Any]) -> PendingRequest:
    resource = tuple(item.get("resource", ()))
    return record_of(PendingRequest, {"parameters": {}, **item, "resource": resource, "begun": begun_of(item)})


def session_of(item: Mapping[str, Any]) -> Session:
    return record_of(Session, {"signed_in_for": "", **item, "begun": begun_of(item)})


def consent_of(item: Mapping[str, Any]) -> Consent:
    scopes = typed(item.get("scopes", frozenset()), frozenset[str], "scopes")
    declined = typed(item.get("declined", frozenset()), frozenset[str], "declined")
    return record_of(
        Consent,
        {
            **item,
            "scope": Scope.of(sorted(scopes - declined)),
            "declined": Scope.of(sorted(declined)),
            "resource": item.get("resource_indicators", frozenset()),
            "begun": begun_of(item),
        },
    )
