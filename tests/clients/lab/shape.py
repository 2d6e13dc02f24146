"""What a client sends, kept as data: from the wire, with placeholders for whatever differs from run to run."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from authserver.aliases import path_of
from tests.clients.lab.wire import Exchange, Wire

FOLDER = Path(__file__).parent.parent / "shapes" / "wire"
PORT = re.compile(r"(?<=http://127\.0\.0\.1:)\d+|(?<=http://localhost:)\d+")
ANY_PORT = "49152"
OF_THE_CLIENT = frozenset({"/register", "/authorize", "/token", "/userinfo", "/revoke", "/logout", "/auth/authority"})
SECRETS = ("client_id", "client_secret", "state", "nonce", "code", "code_verifier", "code_challenge", "refresh_token")
STANDS_FOR = {"token": "{refresh_token}", "id_token_hint": "{id_token}"}
HEADERS = (
    "accept",
    "content-type",
    "origin",
    "mcp-protocol-version",
    "access-control-request-method",
    "access-control-request-headers",
)


def keep(name: str, client: str, version: str, registered: Any, wire: Wire, issuer: str, resource: str) -> None:
    """Writes the shape, if it differs from the one that was kept."""
    requests: list[dict[str, Any]] = []
    paths = OF_THE_CLIENT if registered is None else OF_THE_CLIENT - {"/register"}
    for one in wire.exchanges:
        if one.status < 400 and (path_of(f"ANY {one.path}") in paths or one.path.startswith("/.well-known/")):
            told = _request(one, issuer, resource)
            if told not in requests:
                requests.append(told)
    shape = {
        "client": client,
        "version": version,
        "source": "recorded by `make lab`",
        "date": datetime.now(UTC).date().isoformat(),
        "registered": registered,
        "requests": requests,
    }
    path = FOLDER / f"{name}.json"
    if not path.exists() or {**json.loads(path.read_text()), "date": shape["date"]} != json.loads(json.dumps(shape)):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(json.dumps(shape, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def with_any_port(registered: dict[str, Any]) -> dict[str, Any]:
    """What an operator was told, with one port for all redirect URIs of loopback."""
    told: dict[str, Any] = json.loads(PORT.sub(ANY_PORT, json.dumps(registered)))
    return told | {"redirect_uris": list(dict.fromkeys(told["redirect_uris"]))}


def _request(one: Exchange, issuer: str, resource: str) -> dict[str, Any]:
    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: _placeholder(name, one) or clean(each) for name, each in value.items()}
        if isinstance(value, list):
            return [clean(each) for each in value]
        if isinstance(value, str):
            return PORT.sub(ANY_PORT, value.replace(issuer, "{issuer}").replace(resource, "{resource}"))
        return value

    told: dict[str, Any] = {"api": one.api, "method": one.method, "path": one.path, "status": one.status}
    told["headers"] = {name: clean(one.headers[name]) for name in HEADERS if name in one.headers}
    if one.path not in ("/register", "/authorize") and one.authentication == "client_secret_basic":
        told["authentication"] = "client_secret_basic"
    if one.headers.get("authorization", "").lower().startswith("bearer "):
        told["authentication"] = "bearer"
    if one.query:
        told["query"] = clean(dict(one.query))
    if one.form:
        told["form"] = clean(one.form)
    if one.path == "/register":
        told["json"] = clean(one.json)
    return told


def _placeholder(name: str, one: Exchange) -> str:
    """For what each run draws anew; a registration has none of it."""
    if one.path == "/register":
        return ""
    if name in STANDS_FOR:
        return STANDS_FOR[name]
    return f"{{{name}}}" if name in SECRETS else ""
