"""Every `curl` command of the documentation is run, or is listed here with the reason why not.

Those of the quickstart are run by `test_quickstart`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.development import DevelopmentServer
from tests.docs.shell import ROOT, blocks, run

RUN = {"quickstart.md", "admin-api.md", "registration.md", "device.md", "protect-your-api.md"}
NOT_RUN = {
    "api-keys.md": "needs a catalogue that lets API keys have a scope; tests/functions/api_key_flows.py makes the call",
}
TOKEN = """curl -s -u demo-machine:demo-machine-secret-for-development-only -d grant_type=client_credentials \\
  -d resource=https://orders.example.com -d scope=read "$ISSUER/token"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    log = tmp_path_factory.mktemp("curl") / "server.log"
    parameters = {"Registration": "Open", "DeviceGrant": "true"}
    seed = ROOT / "local" / "seed.json"
    with DevelopmentServer(port=0, resource_port=0, seed=seed, log=log, parameters=parameters) as server:
        yield server


def at(server: DevelopmentServer, script: str) -> str:
    """A script with the addresses of this server in place of those of the page."""
    for page, here in (
        ("http://localhost:3000", server.issuer),
        ("http://localhost:3001", server.resource),
        ("https://auth.example.com", server.issuer),
    ):
        script = script.replace(page, here)
    return script


def environment(server: DevelopmentServer) -> dict[str, str]:
    return {
        "ISSUER": server.issuer,
        "AUTHSERVER_SERVER": server.issuer,
        "AUTHSERVER_CLIENT_ID": "demo-admin",
        "AUTHSERVER_CLIENT_SECRET": "demo-admin-secret-for-development-only",
    }


def test_every_page_with_curl_is_run_or_says_why_not() -> None:
    pages = {
        str(page.relative_to(ROOT / "docs"))
        for page in (ROOT / "docs").rglob("*.md")
        if re.search(r"^(?:\w+=\$\()?curl ", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert pages - RUN - set(NOT_RUN) - {one for one in pages if one.startswith(("recipes/", "operations/"))} == set()
    assert set(NOT_RUN) <= pages
    assert not re.search(r"^curl ", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_admin_api(server: DevelopmentServer, tmp_path: Path) -> None:
    [script] = [block for block in blocks("admin-api.md", "sh") if "curl" in block]
    users = json.loads(run(at(server, script), tmp_path))
    assert "alice" in [user["username"] for user in users["items"]]


def test_registration(server: DevelopmentServer, tmp_path: Path) -> None:
    [script] = [block for block in blocks("registration.md", "sh") if "curl" in block]
    assert json.loads(run(at(server, script), tmp_path))["client_id"]


def test_device(server: DevelopmentServer, tmp_path: Path) -> None:
    begin, poll = [block for block in blocks("device.md", "") if "curl" in block]
    begun = json.loads(run(at(server, begin), tmp_path))
    shown = next(block for block in blocks("device.md", "json") if '"device_code"' in block)
    assert set(begun) == set(json.loads(shown))
    answer = run(at(server, poll.replace("dc_…", begun["device_code"])), tmp_path)
    assert json.loads(answer)["error"] == "authorization_pending"


@pytest.fixture(scope="module")
def token(server: DevelopmentServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An access token for the API of the page about protecting one."""
    folder = tmp_path_factory.mktemp("token")
    describe = next(block for block in blocks("protect-your-api.md", "sh") if "resources set" in block)
    run(describe, folder, environment(server))
    return str(json.loads(run(TOKEN, folder, environment(server)))["access_token"])


def test_local_validation(server: DevelopmentServer, token: str) -> None:
    [code] = blocks("protect-your-api.md", "python")
    scope: dict[str, Any] = {}
    exec(at(server, code), scope)  # noqa: S102 - the page's own
    claims_of = scope["claims_of"]
    assert claims_of(token)["scope"] == "read"
    assert scope["allows"](claims_of(token), "read")
    assert not scope["allows"](claims_of(token), "rea")
    assert not scope["allows"]({}, "read")
    for wrong in (token[:-4] + "AAAA", token.replace(".", "..")):
        with pytest.raises(jwt.PyJWTError):
            claims_of(wrong)


def test_local_validation_refuses_a_token_for_another_api(server: DevelopmentServer, tmp_path: Path) -> None:
    [code] = blocks("protect-your-api.md", "python")
    scope: dict[str, Any] = {}
    exec(at(server, code), scope)  # noqa: S102 - the page's own
    other = run(TOKEN.replace("-d resource=https://orders.example.com ", ""), tmp_path, environment(server))
    with pytest.raises(jwt.InvalidAudienceError):
        scope["claims_of"](json.loads(other)["access_token"])


def test_introspection(server: DevelopmentServer, token: str, tmp_path: Path) -> None:
    scripts = blocks("protect-your-api.md", "sh")
    register, introspect = next(one for one in scripts if "clients create" in one), scripts[-1]
    registered = json.loads(run(register.rstrip() + " --json", tmp_path, environment(server)))
    introspect = introspect.replace("SECRET", registered["client_secret"]).replace("TOKEN", token)
    assert json.loads(run(at(server, introspect), tmp_path))["active"] is True
