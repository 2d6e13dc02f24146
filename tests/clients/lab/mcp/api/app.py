"""A Model Context Protocol server with tools, over Streamable HTTP without sessions: each POST is answered by JSON.

The authorizer has checked the caller and tells who it is.
"""

import json
from typing import Any

REVISIONS = ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26")
TOOLS = (
    {
        "name": "whoami",
        "description": "Tells whose token this is",
        "inputSchema": {"type": "object", "properties": {}},
    },
    {
        "name": "test_simple_text",
        "description": "Answers with a text",
        "inputSchema": {"type": "object", "properties": {}},
    },
)
METHOD_NOT_FOUND = -32601


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    if event["httpMethod"] != "POST":
        return _answer(405, {"error": "this server pushes nothing, and has no sessions to end"}, Allow="POST")
    call = json.loads(event["body"] or "{}")
    if "id" not in call:
        return {"statusCode": 202, "headers": {}, "body": ""}
    result = _result(call["method"], call.get("params") or {}, event["requestContext"]["authorizer"])
    if result is None:
        error = {"code": METHOD_NOT_FOUND, "message": f"there is no method {call['method']}"}
        return _answer(200, {"jsonrpc": "2.0", "id": call["id"], "error": error})
    return _answer(200, {"jsonrpc": "2.0", "id": call["id"], "result": result})


def _result(method: str, params: dict[str, Any], caller: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a request; None for a method that there is not."""
    match method:
        case "initialize":
            wanted = params.get("protocolVersion")
            revision = wanted if wanted in REVISIONS[1:] else REVISIONS[1]
            return {"protocolVersion": revision, **_introduction()}
        case "ping":
            return {}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call" if params["name"] == "whoami":
            told = json.dumps({name: caller.get(name) for name in ("sub", "client_id", "scope")})
            return {"content": [{"type": "text", "text": told}]}
        case "tools/call":
            return {"content": [{"type": "text", "text": "This is a simple text response for testing."}]}
        case _:
            return None


def _introduction() -> dict[str, Any]:
    return {"capabilities": {"tools": {}}, "serverInfo": {"name": "laboratory", "version": "1"}}


def _answer(status: int, document: dict[str, Any], **headers: str) -> dict[str, Any]:
    told = {"Content-Type": "application/json", "Cache-Control": "no-store", **headers}
    return {"statusCode": status, "headers": told, "body": json.dumps(document)}
