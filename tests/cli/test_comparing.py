"""What would work here of another server: told before anybody moves, and nothing is changed by asking."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import deployment as fake
from tests.cli.conftest import Run
from tests.cli.deployment import FakeDeployment

EXPORTS = Path(__file__).parent / "exports"
REALM = "/realms/acme"
HERE: dict[str, Any] = {
    "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
    "response_types_supported": ["code"],
    "scopes_supported": ["openid", "profile", "email", "offline_access"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
}


@pytest.fixture
def old() -> Any:
    """Another server, which has implicit and tells its discovery under its issuer."""
    with fake.running() as server:
        issuer = server.issuer + REALM
        document = {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/protocol/openid-connect/token",
            "authorization_endpoint": f"{server.issuer}/authorize",
            "jwks_uri": f"{issuer}/certs",
            "grant_types_supported": ["authorization_code", "implicit", "password"],
            "response_types_supported": ["code", "id_token"],
            "scopes_supported": ["openid", "phone"],
        }
        server.reply = lambda asked: (  # type: ignore[method-assign]  # a server that says something else
            (200, document) if asked.path == f"{REALM}/.well-known/openid-configuration" else (404, None)
        )
        yield server


@pytest.fixture(autouse=True)
def here(deployment: FakeDeployment) -> FakeDeployment:
    deployment.metadata |= HERE
    replied = deployment.reply

    def reply(asked: fake.Asked) -> tuple[int, Any]:
        deployment.asked.append(asked)
        if asked.path == fake.DISCOVERY:
            return replied(asked)
        return (405, None) if asked.path in ("/authorize", "/token") else (404, {"message": "Not Found"})

    deployment.reply = reply  # type: ignore[method-assign]  # a server that says something else
    return deployment


def test_report_tells_of_paths_of_what_is_offered_and_of_each_client(
    run: Run, deployment: FakeDeployment, old: FakeDeployment
) -> None:
    file = str(EXPORTS / "keycloak.json")
    result = run("import", "clients", "--from", "keycloak", file, "--check", old.issuer + REALM, "--json")
    assert result.exit_code == 6
    report = json.loads(result.stdout)
    assert (report["there"], report["here"]) == (old.issuer + REALM, deployment.issuer)
    assert report["missing_here"] == {
        "grant_types_supported": ["implicit", "password"],
        "response_types_supported": ["id_token"],
        "scopes_supported": ["phone"],
    }
    assert {one["path"]: one["answered"] for one in report["endpoints"]} == {
        f"{REALM}/protocol/openid-connect/token": False,
        "/authorize": True,
        f"{REALM}/certs": False,
    }
    clients = {one["client_id"]: one for one in report["clients"]}
    assert clients["time-sheets"]["problems"] == [
        {"field": "scope", "detail": "address is not offered here"},
        {"field": "scope", "detail": "phone is not offered here"},
    ]
    assert clients["planner-spa"]["problems"][0]["field"] == "redirect_uris.0"
    assert {asked.method for asked in deployment.asked} == {"GET"}
    assert not any("authorization" in asked.headers for asked in deployment.asked)


def test_report_for_people_says_the_same(run: Run, old: FakeDeployment) -> None:
    file = str(EXPORTS / "cognito-clients.json")
    address = f"{old.issuer}{REALM}/.well-known/openid-configuration"
    result = run("import", "clients", "--from", "cognito", file, "--check", address)
    lines = result.stdout.splitlines()
    assert "/authorize: answered" in lines
    assert f"{REALM}/certs: nothing is there" in lines
    assert "grant_types_supported: not here: implicit, password" in lines
    assert "1 of 3 clients would work." in lines
    assert "1example23456789: scope orders/read is not offered here" in lines


def test_where_all_would_work_the_exit_code_says_so(run: Run, old: FakeDeployment, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text(json.dumps({"sub": "1", "username": "dora"}))
    result = run("import", "users", str(file), "--check", old.issuer + REALM)
    assert result.exit_code == 0
    assert "1 of 1 users would work." in result.stdout


def test_what_is_no_discovery_document_is_told(run: Run, old: FakeDeployment) -> None:
    file = str(EXPORTS / "cognito-clients.json")
    result = run("import", "clients", "--from", "cognito", file, "--check", f"{old.issuer}/elsewhere")
    assert result.exit_code == 3
    assert "is no discovery document" in result.stderr
