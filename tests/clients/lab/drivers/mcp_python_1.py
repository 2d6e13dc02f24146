"""The MCP Python SDK 1.x, by its guide for clients: OAuthClientProvider, which discovers, registers and signs in."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from lab import browse, given, say
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl


class Storage:
    """What an application keeps of a sign-in."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Opens the address that the SDK made; `forged` replaces the state that comes back."""

    answer: dict[str, list[str]]

    def __init__(self, forged: str = "") -> None:
        self.forged = forged

    async def redirect(self, address: str) -> None:
        arrival = browse(address, given["redirect_uri"])
        self.answer = parse_qs(urlsplit(arrival["address"]).query)

    async def callback(self) -> tuple[str, str | None]:
        values = {name: values[0] for name, values in self.answer.items()}
        return values["code"], self.forged or values.get("state")


def provider(storage: Storage, person: Person) -> OAuthClientProvider:
    metadata = OAuthClientMetadata(
        client_name="An app of the MCP Python SDK",
        redirect_uris=[AnyUrl(given["redirect_uri"])],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        **given.get("metadata", {}),
    )
    return OAuthClientProvider(
        given["mcp"],
        metadata,
        storage,
        person.redirect,
        person.callback,
        client_metadata_url=given.get("client_metadata_url"),
    )


async def asked(auth: OAuthClientProvider) -> dict[str, Any]:
    """What the MCP server says of the caller."""
    async with (
        httpx.AsyncClient(auth=auth, timeout=30) as http,
        streamable_http_client(given["mcp"], http_client=http) as (read, write, _),
        ClientSession(read, write) as client,
    ):
        begun = await client.initialize()
        result = await client.call_tool("whoami", {})
        return {"revision": begun.protocolVersion, "caller": json.loads(result.content[0].text)}


async def main() -> None:
    storage = Storage()
    auth = provider(storage, Person())
    say("tools", **await asked(auth))
    assert storage.client is not None
    assert storage.tokens is not None
    say("registration", client_id=storage.client.client_id, method=storage.client.token_endpoint_auth_method)
    say("token", type=storage.tokens.token_type, scope=storage.tokens.scope)

    before = storage.tokens
    auth.context.token_expiry_time = 1  # as if its hour were over
    again = await asked(auth)
    say("refresh", another=storage.tokens.access_token != before.access_token, caller=again["caller"])

    try:
        await asked(provider(Storage(), Person(forged="another")))
    except BaseException as error:  # noqa: BLE001 a group of whatever it raises
        say("wrong state", refused=reason(error))


def reason(error: BaseException) -> str:
    """The message of the innermost of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__} {error}"


asyncio.run(main())
