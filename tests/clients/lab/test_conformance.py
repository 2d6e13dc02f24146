"""The conformance suite of MCP: of authorization servers, on this one; of MCP servers, on one behind the authorizer."""

import httpx
import pytest

from tests.clients.lab.clients import REGISTERED
from tests.clients.lab.conftest import Drive, Laboratory, free_port
from tests.clients.lab.table import Row
from tests.clients.lab.wire import LOOPBACK, relay, reserve
from tests.flows.person import Deployment, Person, demo_app

PACKAGE = "@modelcontextprotocol/conformance"
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
OF_AN_AUTHORIZATION_SERVER = ("authorization-server-metadata", "authorization-code-grant")
OF_AN_MCP_SERVER = ("server-initialize", "ping", "tools-list", "tools-call-simple-text")


@pytest.fixture(scope="module")
def row(rows: list[Row], versions: dict[str, str]) -> Row:
    remarks = (
        f"its scenarios for authorization servers, at the revisions {', '.join(REVISIONS)}; of those for MCP servers "
        f"{', '.join(OF_AN_MCP_SERVER)}, through the authorizer"
    )
    found = Row(PACKAGE, versions[PACKAGE], "suite, MCP", "RFC 8414", "an operator", "`none`", "passes", remarks)
    rows.append(found)
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_authorization_server(lab: Laboratory, drive: Drive, row: Row, revision: str) -> None:
    port = free_port()
    uri = f"http://127.0.0.1:{port}/callback"
    client = lab.register(**REGISTERED, client_name=PACKAGE, redirect_uris=[uri], token_endpoint_auth_method="none")
    command = ["authorization", "--url", lab.issuer, "--client-id", client["client_id"], "--resource", lab.resource]
    run = drive("conformance.mjs", arguments=[*command, "--port", str(port), "--spec-version", revision])
    checks = {step: told for step, told in run.steps.items() if step != "ended"}
    failed = {step: told for step, told in checks.items() if told["status"] not in ("SUCCESS", "INFO")}
    assert failed == {}, run.said
    assert all(any(step.startswith(wanted) for step in checks) for wanted in OF_AN_AUTHORIZATION_SERVER), run.said


@pytest.mark.parametrize("scenario", OF_AN_MCP_SERVER)
def test_mcp_server_behind_the_authorizer(
    lab: Laboratory, drive: Drive, row: Row, tokens: dict[str, str], scenario: str
) -> None:
    listener, address = reserve(lab.authority.server(LOOPBACK))
    # The suite has no way to sign in for these; what stands before it brings a token, as a gateway would.
    with relay(listener, lab.behind, "", lab.wire, tokens["access_token"]):
        command = ["server", "--url", f"{address}/mcp", "--scenario", scenario, "--spec-version", "2025-11-25"]
        run = drive("conformance.mjs", arguments=command)
    statuses = {step: told["status"] for step, told in run.steps.items() if step != "ended"}
    assert statuses, run.said
    assert set(statuses.values()) <= {"SUCCESS", "INFO"}, run.said


@pytest.fixture(scope="module")
def tokens(lab: Laboratory) -> dict[str, str]:
    deployment = Deployment(lab.issuer, lab.resource)
    found: dict[str, str] = demo_app(deployment).tokens_for(Person(deployment))
    assert httpx.post(lab.mcp, json={}, timeout=60).status_code == 401
    return found
