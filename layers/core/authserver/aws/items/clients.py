"""The items of clients, and what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.records import attributes_of, record_of, typed
from authserver.models.clients import Client, ClientSecret
from authserver.values import RedirectUri, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping


def client_of(item: Mapping[str, Any]) -> Client:
    tuples = ("grant_types", "response_types", "resources", "contacts")
    return record_of(
        Client,
        {
            "client_name": "",
            **item,
            **{name: tuple(item[name]) for name in tuples if name in item},
            "redirect_uris": _uris(item, "redirect_uris"),
            "post_logout_redirect_uris": _uris(item, "post_logout_redirect_uris"),
            "scope": Scope.parse(item.get("scope", "")),
            "default_scope": Scope.parse(item.get("default_scope", "")),
            "optional_scope": Scope.parse(item.get("optional_scope", "")),
            "secrets": tuple(record_of(ClientSecret, secret) for secret in item.get("secrets", ())),
            # Their defaults are not "none": a client without them registered none.
            "grant_types": tuple(item.get("grant_types", ())),
            "response_types": tuple(item.get("response_types", ())),
        },
    )


def client_attributes(client: Client) -> dict[str, Any]:
    """What `client_of` reads."""
    return {
        **attributes_of(client),
        "epoch": None,
        "redirect_uris": tuple(uri.text for uri in client.redirect_uris),
        "post_logout_redirect_uris": tuple(uri.text for uri in client.post_logout_redirect_uris),
        "scope": str(client.scope),
        "default_scope": str(client.default_scope),
        "optional_scope": str(client.optional_scope),
        "secrets": tuple(map(secret_attribute, client.secrets)),
    }


def _uris(item: Mapping[str, Any], name: str) -> tuple[RedirectUri, ...]:
    return tuple(map(RedirectUri, typed(tuple(item.get(name, ())), tuple[str, ...], name)))


def secret_attribute(secret: ClientSecret) -> dict[str, Any]:
    return {name: value for name, value in attributes_of(secret).items() if value not in (None, "")}
