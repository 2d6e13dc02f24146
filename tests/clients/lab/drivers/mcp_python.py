"""The MCP Python SDK, by its guide for clients: OAuthClientProvider, which discovers, registers and signs in."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx2
from lab import given
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_application import signs_in


async def asked(auth: OAuthClientProvider) -> dict[str, Any]:
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        Client(streamable_http_client(given["mcp"], http_client=http)) as client,
    ):
        result = await client.call_tool("whoami", {})
        return {"revision": client.protocol_version, "caller": json.loads(result.content[0].text)}


def result(values: Mapping[str, str]) -> AuthorizationCodeResult:
    return AuthorizationCodeResult(code=values["code"], state=values.get("state"), iss=values.get("iss"))


asyncio.run(signs_in(asked, result))
