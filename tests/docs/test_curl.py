"""Every `curl` command of the documentation is run.

This module runs those of the pages in `RUN`, `test_quickstart` the quickstart's, and `make recipes` the blocks `run` of
the recipes.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.clients.recipes import Recipe
from tests.development import DevelopmentServer
from tests.docs.pages import every_page, name_of
from tests.docs.shell import ROOT, blocks, run
from tests.docs.test_quickstart import commands
from tests.flows.person import App, Deployment, Person

# The pages whose commands this module runs, and how many of their blocks have one.
RUN = {
    "docs/admin-api.md": 1,
    "docs/api-keys.md": 1,
    "docs/device.md": 2,
    "docs/protect-your-api.md": 1,
    "docs/registration.md": 1,
}
# Where a shell may have a command: at the start of a line, or after an operator or a prompt.
CURL = re.compile(r"(?:^|[|;&({]|\$ )[ \t]*(?:\w+=)?(?:\$\()?curl ", re.MULTILINE)
BLOCK = re.compile(r"^( *```)[^\n]*\n(.*?)^\1 *$", re.MULTILINE | re.DOTALL)
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


def with_curl(text: str) -> list[str]:
    """The blocks of a page with a `curl` command."""
    return [block for _, block in BLOCK.findall(text) if CURL.search(block)]


def test_every_block_with_curl_is_run() -> None:
    """What `RUN` counts is taken apart by the tests below, which fail if a page has another block."""
    found = {}
    for page in every_page():
        text, name = page.read_text(encoding="utf-8"), name_of(page)
        assert not CURL.search(BLOCK.sub("", text)), f"{name} has a command outside of a block, which no test runs"
        if name.startswith("docs/recipes/"):
            ran = "".join(Recipe.read(page.stem).commands("run"))
        else:
            ran = commands() if name == "docs/quickstart.md" else ""
        found[name] = len([block for block in with_curl(text) if block not in ran])
    assert {name: count for name, count in found.items() if count} == RUN


@pytest.mark.parametrize(
    "command",
    ["curl -s /", "  curl -s /", "TOKEN=$(curl -s /)", "$ curl /", "cat a | curl -d @- /", "call() { curl /; }"],
)
def test_commands_are_found(command: str) -> None:
    assert with_curl(f"Text\n\n```sh\ncd folder\n{command}\n```\n")
    assert CURL.search(f"Text\n\n    {command}\n")


def test_words_about_curl_are_no_commands() -> None:
    assert not CURL.search("every flow by `curl`, as curl does it\n# with curl on each machine\n")


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


def test_api_keys(tmp_path: Path) -> None:
    """A user's application makes a key with `read`, which works from its networks alone."""
    document = json.loads((ROOT / "local" / "seed.json").read_text(encoding="utf-8"))
    [portal] = [client for client in document["clients"] if client["client_id"] == "demo-portal"]
    portal["scope"] = "openid account read"
    document["scopes"] = [{"name": "read", "description": "Read your items", "api_keys": True}]
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(document), encoding="utf-8")
    parameters = {"ApiKeys": "On", "BearerTokenIn": "HeaderOrApiKey", "AuthorizerCacheSeconds": "0"}
    with DevelopmentServer(
        port=0, resource_port=0, seed=seed, log=tmp_path / "server.log", parameters=parameters
    ) as server:
        deployment = Deployment(server.issuer, server.resource)
        app = App(deployment, "demo-portal", redirect_uri=portal["redirect_uris"][0])
        token = app.tokens_for(Person(deployment), scope=portal["scope"])["access_token"]
        [script] = [block for block in blocks("api-keys.md", "sh") if "curl" in block]
        made = json.loads(run(at(server, script), tmp_path, {"TOKEN": token}))
        assert made["scope"] == "read"
        assert made["networks"] == ["192.0.2.0/24"]
        assert app.call("/items", made["api_key"]).status_code == 401
        here = at(server, script).replace("192.0.2.0/24", "127.0.0.0/8")
        made = json.loads(run(here, tmp_path, {"TOKEN": token}))
        assert app.call("/items", made["api_key"]).status_code == 200
