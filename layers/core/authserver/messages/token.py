"""Messages of clients at the back channel."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from authserver.records import dataclass
from authserver.values import Scope, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A form that a client posted, each parameter once (`resource` may repeat, RFC 8707 section 2).

    `source` is the address that API Gateway saw, `reference` what finds the request in the logs. `leaks`: a credential
    was in the address. `is_legacy`: it came by a path of PlaceOS.
    """

    parameters: Mapping[str, str] = field(repr=False)
    resource: tuple[str, ...] = ()
    authorization: str | None = field(default=None, repr=False)
    source: str = field(default="", kw_only=True)
    reference: str = field(default="", kw_only=True)
    leaks: bool = field(default=False, kw_only=True)
    is_legacy: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class TokenRequest(ClientRequest):
    """RFC 6749 section 4.1.3 and its like. `is_in_query`: its parameters were in the query instead of the body."""

    grant_type: str = ""
    is_in_query: bool = False


@dataclass(frozen=True, slots=True)
class TokenPresented(ClientRequest):
    """A request about a token: revocation (RFC 7009 section 2.1) or introspection (RFC 7662 section 2.1)."""

    token: Secret = Secret("")


@dataclass(frozen=True, slots=True)
class PresentedSecret:
    """The client identifier and secret that a request carries, by one authentication method, and where it is from."""

    client_id: str
    secret: Secret | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """RFC 6749 section 5.1. `expires_in` is in seconds."""

    access_token: Secret
    expires_in: int
    scope: Scope
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    authorization_details: tuple[Mapping[str, Any], ...] = ()  # as granted, where they were asked for (RFC 9396)

    def members(self) -> dict[str, Any]:
        """The JSON members of the answer. `scope` is always included, because it may differ from the request (section
        3.3)."""
        members: dict[str, Any] = {
            "access_token": self.access_token.reveal(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": str(self.scope),
        }
        if self.refresh_token:
            members["refresh_token"] = self.refresh_token.reveal()
        if self.id_token:
            members["id_token"] = self.id_token.reveal()
        if self.authorization_details:
            members["authorization_details"] = list(self.authorization_details)
        return members


@dataclass(frozen=True, slots=True)
class DeviceAuthorizationResponse:
    """RFC 8628 section 3.2. `expires_in` and `interval` are in seconds."""

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int

    def members(self) -> dict[str, Any]:
        """The JSON members of the answer."""
        return {
            "device_code": self.device_code.reveal(),
            "user_code": self.user_code,
            "verification_uri": self.verification_uri,
            "verification_uri_complete": self.verification_uri_complete,
            "expires_in": self.expires_in,
            "interval": self.interval,
        }


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object that is an answer in itself: introspection, userinfo, metadata, revocation's empty one."""

    content: Mapping[str, Any] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        return dict(self.content)
