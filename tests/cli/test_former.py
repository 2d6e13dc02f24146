"""What other systems export: every user and client as ours, and what cannot be one told with its reason."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from authserver.client_authentication import BARE_SHA256
from authserver.identity import hashes
from authserver_cli import former
from authserver_cli.records import KINDS, Record, read_former
from tests.cli.conftest import Run
from tests.cli.deployment import FakeDeployment

EXPORTS = Path(__file__).parent / "exports"
PASSWORD = b"a password from elsewhere"


def records(system: str, kind: str, file: str, scope: str = "") -> dict[str, Record]:
    """By identifier."""
    found = read_former((EXPORTS / file).read_text(encoding="utf-8"), KINDS[kind], system, scope)
    return {record.id: record for record in found}


def bodies(found: dict[str, Record]) -> list[Any]:
    """Of those that can be imported."""
    return [record.body for record in found.values() if not record.problems]


def problems(found: dict[str, Record]) -> dict[str, str]:
    """The first field that is wrong, by identifier."""
    return {record.id: record.problems[0][0] for record in found.values() if record.problems}


# ------------------------------------------------------------------ people


@pytest.mark.parametrize(
    ("system", "file", "count"),
    [("keycloak", "keycloak.json", 2), ("auth0", "auth0-users.ndjson", 2), ("doorkeeper", "devise-users.csv", 2)],
)
def test_passwords_come_along(system: str, file: str, count: int) -> None:
    kept = [one["password_hash"] for one in bodies(records(system, "users", file)) if "password_hash" in one]
    assert len(kept) == count
    for encoded in kept:
        assert hashes.parse(encoded).matches(PASSWORD)
        assert not hashes.parse(encoded).matches(b"another")


def test_people_of_keycloak() -> None:
    found = records("keycloak", "users", "keycloak.json")
    dora, emil = bodies(found)
    assert {name: dora[name] for name in ("username", "email", "email_verified", "name", "given_name")} == {
        "username": "dora",
        "email": "dora@example.com",
        "email_verified": True,
        "name": "Dora Diaz",
        "given_name": "Dora",
    }
    assert dora["attributes"] == {"department": "Sales", "sites": ["north", "south"]}
    assert (emil["username"], "email_verified" in emil) == (emil["sub"], False)
    assert problems(found) == {"8c1a2f9e-53a1-4a39-9a51-1d3f6c7e1003": "enabled"}


def test_people_of_auth0_whose_hashes_are_an_export_of_their_own() -> None:
    found = records("auth0", "users", "auth0-users.ndjson")
    dora, emil, gina = bodies(found)
    assert (dora["sub"], dora["username"], dora["nickname"]) == (
        "auth0|5dea9f9c82dd7c0e76e4ec93",
        "dora@example.com",
        "dora",
    )
    assert "password_hash" in dora
    assert emil == {
        "sub": "google-oauth2|103547991597142817347",
        "username": "emil@example.com",
        "email": "emil@example.com",
        "email_verified": True,
        "nickname": "emil",
    }
    assert (gina["sub"], gina["email"], gina["email_verified"]) == ("auth0|euclid", "gina@example.com", True)
    assert problems(found) == {"auth0|5dea9f9c82dd7c0e76e4ec95": "blocked"}


def test_people_of_cognito_have_no_passwords() -> None:
    found = records("cognito", "users", "cognito-users.json")
    dora, emil = bodies(found)
    assert (dora["username"], dora["attributes"]) == ("dora", {"department": "Sales"})
    assert (emil["username"], emil["sub"]) == ("emil@example.com", "c3a4b8e2-1001-70f1-9a51-1d3f6c7e0002")
    assert "phone_number_verified" not in emil
    assert not any("password_hash" in one for one in (dora, emil))
    assert problems(found) == {"c3a4b8e2-1001-70f1-9a51-1d3f6c7e0003": "Enabled"}


def test_people_of_devise() -> None:
    found = records("doorkeeper", "users", "devise-users.csv")
    dora, emil = bodies(found)
    assert (dora["sub"], dora["username"], dora["email_verified"]) == ("1", "dora@example.com", True)
    assert (emil["username"], emil["email"], "email_verified" in emil) == ("2", "emil@example.com", False)
    assert problems(found) == {"3": "locked_at"}


# ------------------------------------------------------------------ clients


SECRETS = {
    "time-sheets": b"kT8mYxW2vQnR4sLpZ7aBcD9eFgH3jK6u",
    "AaiyAPdpYdesoKnqjj8HJqRn4T5titww": b"MG_TNT2ver-SylNat-_VeMmd-4m0Waba0jr1troztBniSChEw0glxEmgEi2Kw40H",
    "1example23456789": b"9eaf43example34kf8f2jl1r0example3cftu6example5tlde9",
    "zM5oB3bXcVqkT8mYxW2vQnR4sLpZ7aBcD9eFgH3jK6u": b"pL2kTqW8vYxN4rSmZ7aBcD9eFgH3jK6uXoB3bXcVqk0",
    "hashed-app": PASSWORD,
    "sha-app": b"sha secret of 256 random bits, at least",
}
CLIENTS = [
    ("keycloak", "keycloak.json", {"planner-spa": "redirect_uris.0", "orders-api": "bearerOnly"}),
    ("auth0", "auth0-clients.json", {}),
    ("cognito", "cognito-clients.json", {"3example23456789": "AllowedOAuthFlows"}),
    ("doorkeeper", "doorkeeper-applications.csv", {"old-app": "secret"}),
]


@pytest.mark.parametrize(("system", "file", "refused"), CLIENTS)
def test_clients_keep_their_identifiers_and_secrets(system: str, file: str, refused: dict[str, str]) -> None:
    found = records(system, "clients", file)
    assert problems(found) == refused
    for body in bodies(found):
        assert {"authorization_code", "refresh_token"} <= set(body["grant_types"])
        assert not {"password", "implicit"} & set(body["grant_types"])
        assert (body["token_endpoint_auth_method"] == "none") == ("client_secret_hash" not in body)
        assert body["require_pkce"] == (body["token_endpoint_auth_method"] == "none")
        if "client_secret_hash" in body:
            assert is_hash_of(body["client_secret_hash"], SECRETS[body["client_id"]])
    again = records(system, "clients", file)
    assert bodies(again) == bodies(found), "an import that goes on would send them all again"


def is_hash_of(encoded: str, secret: bytes) -> bool:
    if encoded.startswith(BARE_SHA256):
        return encoded.removeprefix(BARE_SHA256) == sha256(secret).hexdigest()
    return hashes.parse(encoded).matches(secret)


def test_client_of_keycloak_is_what_it_was() -> None:
    (body,) = bodies(records("keycloak", "clients", "keycloak.json"))
    assert {name: body[name] for name in ("client_name", "redirect_uris", "post_logout_redirect_uris")} == {
        "client_name": "Time sheets",
        "redirect_uris": ["https://time.example/callback"],
        "post_logout_redirect_uris": ["https://time.example/bye", "https://time.example/"],
    }
    assert body["scope"] == "openid profile email address phone offline_access"
    assert body["default_scope"] == "openid profile email"
    assert "client_credentials" in body["grant_types"]


def test_scope_of_cognito_is_kept_but_for_its_own() -> None:
    time_sheets, _ = bodies(records("cognito", "clients", "cognito-clients.json"))
    assert time_sheets["scope"] == "email openid orders/read"


def test_scope_that_is_written_elsewhere_is_added_to_each_client() -> None:
    for body in bodies(records("auth0", "clients", "auth0-clients.json", "orders openid")):
        assert body["scope"] == "openid profile email offline_access orders"


def test_client_with_nothing_but_legacy_grants_keeps_them() -> None:
    realm = {"realm": "acme", "clients": [{"clientId": "old", "publicClient": True, "directAccessGrantsEnabled": True}]}
    (found,) = former.reader("keycloak", "clients")(json.dumps(realm))
    assert found.body["grant_types"] == ["password", "refresh_token"]


def test_short_secret_gets_a_slow_hash() -> None:
    long, short = former.secret_hash("a", "x" * 22), former.secret_hash("a", "hunter2")
    assert hashes.parse(short).matches(b"hunter2")
    assert (long.split("$")[2], short.split("$")[2]) == ("1000", "600000")
    assert former.secret_hash("b", "hunter2").split("$")[3] != short.split("$")[3]


# ------------------------------------------------------------------ the command


def test_import_of_an_export_sends_what_can_be_sent_and_tells_the_rest(
    run: Run, deployment: FakeDeployment, tmp_path: Path
) -> None:
    file = tmp_path / "realm.json"
    file.write_bytes((EXPORTS / "keycloak.json").read_bytes())
    result = run("import", "users", "--from", "keycloak", str(file))
    assert result.exit_code == 6
    assert result.stdout.splitlines()[:2] == ["2 imported, 1 refused.", f"{file}.refused says which, and why."]
    assert "1 have no name or confirmed address" in result.stdout
    assert sorted(asked.body["name"] for asked in deployment.asked if "name" in asked.body) == ["Dora Diaz"]
    (told,) = [json.loads(line) for line in Path(f"{file}.refused").read_text().splitlines()]
    assert told["errors"] == [{"field": "enabled", "detail": "is false there"}]
    deployment.asked.clear()
    run("import", "users", "--from", "keycloak", str(file))
    assert deployment.asked == []


@pytest.mark.parametrize("system", former.SYSTEMS)
@pytest.mark.parametrize("kind", ["users", "clients"])
@pytest.mark.parametrize("text", ["", "[]", "7", '{"a": 1}', "a,b\n1,2\n", "[{}]", '{"realm": 7, "users": [{}]}', "{"])
def test_file_that_is_no_export_is_no_traceback(
    run: Run, deployment: FakeDeployment, tmp_path: Path, system: str, kind: str, text: str
) -> None:
    file = tmp_path / "export"
    file.write_text(text)
    result = run("import", kind, "--from", system, "--dry-run", str(file))
    assert result.exit_code in (0, 2)
    assert deployment.asked == []
    if result.exit_code == 0:
        assert result.stdout == "0 valid, 0 refused.\n"
