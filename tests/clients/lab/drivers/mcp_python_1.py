"""The MCP Python SDK 1.x, by its guide for clients: OAuthClientProvider, which discovers, registers and signs in."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
from lab import given
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp_application import signs_in


async def asked(auth: OAuthClientProvider) -> dict[str, Any]:
    async with (
        httpx.AsyncClient(auth=auth, timeout=30) as http,
        streamable_http_client(given["mcp"], http_client=http) as (read, write, _),
        ClientSession(read, write) as client,
    ):
        begun = await client.initialize()
        result = await client.call_tool("whoami", {})
        return {"revision": begun.protocolVersion, "caller": json.loads(result.content[0].text)}


def result(values: Mapping[str, str]) -> tuple[str, str | None]:
    return values["code"], values.get("state")


asyncio.run(signs_in(asked, result))
