"""Each client signs a person in, the way its documentation says; what it does is kept as a shape and as a row."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.clients.lab import shape
from tests.clients.lab.clients import CLIENTS, REGISTERED, Client
from tests.clients.lab.conftest import Drive, Laboratory, Run, free_port
from tests.clients.lab.table import Row, finds, method
from tests.clients.lab.wire import Exchange

FORGED = "any"  # the code of a forged answer


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.name} {client.variant}".strip())
def test_client(lab: Laboratory, drive: Drive, versions: dict[str, str], rows: list[Row], client: Client) -> None:
    given = _given(client)
    registered = _registered(client, given)
    if registered is not None:
        if registered.get("token_endpoint_auth_method") == "private_key_jwt":
            given["key"], registered["jwks"] = _key()
        made = lab.register(**registered)
        given |= {name: made[name] for name in ("client_id", "client_secret") if made.get(name)}
    if client.described:
        given["client_metadata_url"] = lab.home.describe(client.name, **_described(client))
    run = drive(client.driver, **given)
    problem = _problem(client, run, lab)
    package = client.package
    rows.append(
        Row(
            client=package.removesuffix("-5").removesuffix("-1"),
            version=versions[package],
            kind=client.kind,
            finds=finds(run.wire),
            registers=_registers(client, run),
            method=method(run.wire),
            result=f"**fails**: {problem}" if problem else "works",
            remarks=client.remarks,
        )
    )
    assert not problem, f"{problem}\n{run.said}"
    if not client.variant:
        kept = None if registered is None else shape.with_any_port(registered)
        shape.keep(client.name, package, versions[package], kept, run.wire, lab.issuer, lab.resource)


@pytest.mark.parametrize(
    "client",
    [one for one in CLIENTS if one.kind.startswith("MCP") and one.registered is None and not one.described],
    ids=lambda client: client.name,
)
def test_challenge_that_names_the_issuers_copy_will_do(
    lab: Laboratory, drive: Drive, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    """As the ResourceApi's does where it does not know its own address: docs/resources.md."""
    own, copy = f"{lab.resource}/.well-known/oauth-protected-resource", f"{lab.issuer}/resource-metadata"
    monkeypatch.setattr(lab.challenges, "instead", {own: copy})
    run = drive(client.driver, **_given(client))
    assert {one.status for one in run.wire.of("/resource-metadata")} == {200}, run.said
    assert not _problem(client, run, lab), run.said


def _given(client: Client) -> dict[str, Any]:
    address = f"http://127.0.0.1:{free_port()}"
    given = {name: value for name, value in client.given.items() if name not in ("other", "other_callback")}
    given["redirect_uri"] = address + client.callback
    if "other_callback" in client.given:
        given["other_uri"] = address + client.given["other_callback"]
    if "other" in client.given:
        given["other_port"] = free_port()
        given["other_uri"] = f"http://127.0.0.1:{given['other_port']}{client.callback}"
    return given


def _registered(client: Client, given: dict[str, Any]) -> dict[str, Any] | None:
    """What an operator is told of the application."""
    if client.registered is None:
        return None
    uris = [given[name] for name in ("redirect_uri", "other_uri") if name in given]
    home = given["redirect_uri"].removesuffix(client.callback)
    return {
        **REGISTERED,
        "client_name": f"An app of {client.package}",
        "redirect_uris": uris,
        "post_logout_redirect_uris": [f"{home}/signed-out"],
        **client.registered,
    }


def _described(client: Client) -> dict[str, Any]:
    """What the application's metadata document says of it."""
    return {
        "client_name": f"An app of {client.package}",
        "redirect_uris": [f"http://{host}{client.callback}" for host in ("127.0.0.1", "localhost")],  # at any port
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def _registers(client: Client, run: Run) -> str:
    """How the server came to know it."""
    if client.registered is not None:
        return "an operator"
    return "itself" if run.wire.of("/register") else "metadata document"


def _key() -> tuple[dict[str, Any], dict[str, Any]]:
    """A key of the application's own, and the set of what is public of it."""
    private = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    named = {name: private[name] for name in ("kty", "crv", "x", "y")} | {"kid": "a", "alg": "ES256", "use": "sig"}
    return named | {"d": private["d"]}, {"keys": [named]}


def _problem(client: Client, run: Run, lab: Laboratory) -> str:
    """What did not happen as it should; nothing, if all of it did."""
    missing = [step for step in client.steps if step not in run.steps]
    if missing:
        return f"it did not come to {missing[0]}"
    if run.exit_code:
        return f"it ended with exit code {run.exit_code}"
    if client.described and run.wire.of("/register"):
        return "it registered itself, for all its document"
    accepted = [step for step, told in run.steps.items() if told.get("accepted")]
    if accepted:
        return f"accepted: {accepted[0]}"
    if any(_is_forged(one) for one in run.wire.of("/token")):
        return "an answer that it did not ask for went to the token endpoint"
    user = run.steps.get("userinfo", {"email": "alice@example.com"})
    if user.get("email") != "alice@example.com":
        return f"it knows of the user {user}"
    if not run.steps.get("refresh", {"another": True})["another"]:
        return "refreshing gave the same access token"
    if client.registered and client.registered.get("grant_types") == ["client_credentials"]:
        [asked] = run.wire.of("/token")
        if not set(client.registered["scope"].split()) < set(asked.form["scope"].split()):
            return "it asked for no more than it is registered for"
    caller = run.steps.get("tools", {}).get("caller", {"scope": "read"})
    return "" if "read" in caller["scope"].split() else f"the MCP server was told {caller}"


def _is_forged(one: Exchange) -> bool:
    return one.form.get("code") == FORGED
