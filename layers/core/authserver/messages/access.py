"""Spoken at the resource server."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.values import Scope


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A call to a protected route, as the authorizer receives it.

    `audience` is the resource identifier of the API that is called; `route` is ``METHOD /path`` as the API's own
    definition writes it. `api_keys` are the values of the header ``X-API-Key``, `source` is the address of the caller,
    empty if API Gateway does not say. `is_own` says that it is this server's own API, whose routes only the template
    describes.
    """

    authorization: str | None = field(repr=False)
    query_tokens: tuple[str, ...] = field(repr=False)
    route: str = ""
    audience: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    source: str = ""
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class ActiveAccessToken:
    """An access token that was verified and is not revoked: the claims of RFC 9068 section 2.2.

    `entities` are the companies of `organisation` that it reaches now; `every_entity` says that it reaches future ones
    too. The token of an API key has the key's identifier as `jti` and `api_key`; unless it is a client's, `client_id`
    is empty.
    """

    client_id: str
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    jti: str
    issued_at: int
    expires_at: int
    authorization_id: str | None = None
    auth_time: int | None = None
    organisation: str = ""
    entities: tuple[str, ...] = ()
    every_entity: bool = False
    details_requested: bool = False
    api_key: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)  # of the user, by the operator's catalogue
