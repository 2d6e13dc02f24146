"""What a seed file may hold, and what is said of one that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.seed import SeedError, read

CLIENT: dict[str, Any] = {"client_id": "c", "client_secret": "s", "redirect_uris": ["https://app.example/callback"]}
USER: dict[str, Any] = {"username": "u", "password": "p"}
PROVIDER: dict[str, Any] = {"id": "work", "name": "Work", "issuer": "https://idp.example", "client_id": "c"}

UNUSABLE = [
    ({"identity_providers": [PROVIDER | {"id": "Work"}]}, "identity_providers.0.id: "),
    ({"identity_providers": [PROVIDER | {"issuer": "http://idp.example"}]}, "issuer: must be an https URL"),
    ({"identity_providers": [PROVIDER | {"issuer": "http://localhost.example"}]}, "issuer: must be an https URL"),
    ({"identity_providers": [PROVIDER | {"issuer": "https://idp.example?x"}]}, "issuer: must be an https URL"),
    ({"identity_providers": [PROVIDER | {"scope": "email"}]}, "scope: must have openid in it"),
    ({"identity_providers": [PROVIDER | {"domains": ["example"]}]}, "domains.0: must be a domain"),
    ({"identity_providers": [PROVIDER | {"domains": ["a.example", "A.example"]}]}, "one is there twice"),
    ({"identity_providers": [PROVIDER | {"claims": {"sub": "oid"}}]}, "claims.sub"),
    (
        {"identity_providers": [PROVIDER | {"client_secret": "x", "token_endpoint_auth_method": "none"}]},
        "means that there is no client_secret",
    ),
    ({"organisations": [{"name": "Acme"}]}, "organisations.0.id: "),
    (
        {"organisations": [{"id": "acme", "name": "Acme", "members": {"alice": "owner"}}]},
        "organisations.0.members.alice",
    ),
    ({"organisations": [{"id": "acme", "name": "Acme", "companies": {"a b": "A"}}]}, "organisations.0.companies"),
    ({"scopes": [{"name": "orders"}]}, "scopes.0.description: "),
    ({"scopes": [{"name": "two words", "description": "x"}]}, "scopes.0.name: "),
    ({"resources": [{"id": "orders", "identifier": "orders"}]}, "resources.0.identifier: must be an absolute URI"),
    ({"resources": [{"identifier": "https://orders.example"}]}, "resources.0.id: "),
    ({"theme": {"colour": "#000000"}}, "theme.colour: is not known"),
    ({"theme": {"accent": "#ffd400"}}, "theme.accent: link text #ffd400 on cards #ffffff has a contrast of 1.4 to 1"),
    ({"users": [USER | {"operator": "yes"}]}, "users.0.operator: "),
    ([], "must be an object with users and clients"),
    ({"people": []}, "people: is not known"),
    ({"users": [USER, USER | {"username": "U"}]}, "two have the same username"),
    ({"users": [USER | {"admin": True}]}, "users.0.admin: is not known"),
    (
        {"clients": [CLIENT | {"post_logout_redirect_uris": ["http://app.example/"]}]},
        "clients.0.post_logout_redirect_uris.0: redirect URI must",
    ),
    (
        {"clients": [CLIENT | {"redirect_uris": ["http://app.example/"]}]},
        "clients.0.redirect_uris.0: redirect URI must",
    ),
    ({"clients": [CLIENT | {"policy_uri": "javascript:alert(1)"}]}, "clients.0.policy_uri: must be an https URL"),
    ({"clients": [CLIENT | {"resources": ["orders"]}]}, "clients.0.resources.0: must be an absolute URI"),
    ({"clients": [CLIENT | {"require_pkce": "no"}]}, "clients.0.require_pkce: "),
    ({"clients": [CLIENT | {"access_token_lifetime": "600"}]}, "clients.0.access_token_lifetime: "),
    ({"clients": [CLIENT | {"token_endpoint_auth_method": "none"}]}, "means that there is no client_secret"),
    ({"clients": [CLIENT | {"client_secret": None}]}, "needs a client_secret"),
    ({"clients": [CLIENT | {"grant_types": ["device"]}]}, "clients.0.grant_types.0: must be one of"),
    ({"clients": [CLIENT | {"grant_types": ["implicit"]}]}, "clients.0.response_types: must have one of token"),
    ({"clients": [CLIENT | {"scope": "read", "default_scope": "write"}]}, "default_scope must be within scope"),
]


@pytest.mark.parametrize(("document", "message"), UNUSABLE)
def test_file_that_cannot_be_used_is_refused_by_its_field(tmp_path: Path, document: Any, message: str) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SeedError) as refusal:
        read(path)
    assert message in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_file_that_is_no_json_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text('{\n"users": [}')
    with pytest.raises(SeedError, match="line 2, column 11: not JSON"):
        read(path)


def test_secrets_and_passwords_are_not_repeated_in_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps({"clients": [CLIENT | {"client_secret": "ünutterable", "scope": 5}]}))
    with pytest.raises(SeedError) as refusal:
        read(path)
    assert "nutterable" not in str(refusal.value)


def test_response_types_follow_from_the_grants_where_they_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    machine = {"client_id": "m", "client_secret": "s", "grant_types": ["client_credentials"]}
    path.write_text(json.dumps({"clients": [CLIENT, machine]}))
    web, other = (client.client(0) for client in read(path).clients)
    assert (web.response_types, other.response_types) == (("code",), ())
