"""What a seed file plants beside users and clients."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from authserver.aws.dynamodb.configuration import DynamoConfiguration
from authserver.scopes import ScopeDefinition
from local.seed import Place, SeedError, plant, read
from tests.functions.given import stores_of
from tests.functions.world import World


def planted(world: World, tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "more.json"
    path.write_text(json.dumps(document))
    names = ("Clients", "Users", "Tokens", "Configuration", "Audit")
    clients, users, tokens, configuration, audit = (f"authserver-{name}Table" for name in names)
    place = Place(clients, users, tokens, configuration, audit, wrapping_key="")
    with patch.object(Place, "client", lambda _, service: world.aws.client(service)):
        plant(read(path), place)


def test_organisations_and_scopes_are_planted_once(world: World, tmp_path: Path) -> None:
    document = {
        "users": [{"username": "opal", "password": "operates-this", "operator": True}],
        "organisations": [
            {"id": "acme", "name": "Acme", "companies": {"one": "One Ltd"}, "members": {"opal": "administrator"}}
        ],
        "scopes": [
            {"name": "orders.read", "description": "See orders"},
            {"name": "orders", "description": "Orders", "grantable_by": "administrator"},
        ],
    }
    for _ in range(2):
        planted(world, tmp_path, document)
    stores = stores_of(world)
    opal = stores.users.find("opal")
    assert opal is not None
    assert opal.operator
    membership = stores.organisations.membership("acme", opal.sub)
    assert membership is not None
    assert membership.role == "administrator"
    catalogue = DynamoConfiguration(world.aws.service("dynamodb"), "authserver-ConfigurationTable").scopes()
    assert catalogue is not None
    assert catalogue.version == 1
    assert catalogue.get("orders") == ScopeDefinition(
        "orders", "Orders", ("orders.read",), grantable_by="administrator"
    )


def test_a_theme_is_planted_once(world: World, tmp_path: Path) -> None:
    for _ in range(2):
        planted(world, tmp_path, {"theme": {"name": "Wonderland", "accent": "#7a1f5c"}})
    theme = DynamoConfiguration(world.aws.service("dynamodb"), "authserver-ConfigurationTable").theme()
    assert theme is not None
    assert (theme.name, theme.accent, theme.version) == ("Wonderland", "#7a1f5c", 1)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"organisations": [{"id": "acme", "name": "Acme", "members": {"nobody": "member"}}]}, "nobody"),
        ({"scopes": [{"name": "admin:users", "description": "Harmless"}]}, "this server's own"),
        ({"scopes": [{"name": "orders", "description": "x", "implies": ["admin:users"]}]}, "scopes: orders"),
    ],
)
def test_what_does_not_fit_what_is_there_is_refused(
    world: World, tmp_path: Path, document: dict[str, Any], message: str
) -> None:
    with pytest.raises(SeedError) as refusal:
        planted(world, tmp_path, document)
    assert message in str(refusal.value)
