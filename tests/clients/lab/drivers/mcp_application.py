"""What applications of both MCP Python SDKs do alike: these differ in how a call is made and a sign-in is answered."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lab import browse, given, say
from mcp.client.auth import OAuthClientProvider
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

    answer: dict[str, str]

    def __init__(self, result: Callable[[Mapping[str, str]], Any], forged: str = "") -> None:
        self.result = result
        self.forged = {"state": forged} if forged else {}

    async def redirect(self, address: str) -> None:
        arrival = browse(address, given["redirect_uri"])
        self.answer = {name: values[0] for name, values in parse_qs(urlsplit(arrival["address"]).query).items()}

    async def callback(self) -> Any:
        return self.result(self.answer | self.forged)


def provider(storage: Storage, person: Person) -> OAuthClientProvider:
    metadata = OAuthClientMetadata(
        client_name="An app of the MCP Python SDK",
        redirect_uris=[AnyUrl(given["redirect_uri"])],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
    )
    url = given.get("client_metadata_url")
    return OAuthClientProvider(
        given["mcp"], metadata, storage, person.redirect, person.callback, client_metadata_url=url
    )


async def signs_in(
    asked: Callable[[OAuthClientProvider], Awaitable[dict[str, Any]]], result: Callable[[Mapping[str, str]], Any]
) -> None:
    """`asked` is what the MCP server says of the caller, `result` how the SDK is told what came back to it."""
    storage = Storage()
    auth = provider(storage, Person(result))
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
        await asked(provider(Storage(), Person(result, forged="another")))
    except BaseException as error:  # noqa: BLE001 a group of whatever it raises
        say("wrong state", refused=reason(error))


def reason(error: BaseException) -> str:
    """The message of the innermost of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__} {error}"
