"""The rooms of a building and their systems. What the caller may do, the authorizer has checked.

The answers are private: with `BearerTokenIn=HeaderOrQuery` no cache sees an Authorization header to beware of.
"""

import json
from typing import Any

SYSTEMS = ({"id": "sys-1", "name": "Lobby screens"}, {"id": "sys-2", "name": "Meeting room 2.01"})


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    if event["httpMethod"] == "GET":
        return _answer(200, {"items": SYSTEMS})
    return _add(event["body"] or "")


def _add(body: str) -> dict[str, Any]:
    """Answers as if a system was added; this example keeps nothing."""
    try:
        name = json.loads(body)["name"]
    except (KeyError, TypeError, ValueError):
        return _answer(400, {"error": "the body must be a JSON object with a name"})
    return _answer(201, {"id": f"sys-{len(SYSTEMS) + 1}", "name": name})


def _answer(status: int, document: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(document)}
