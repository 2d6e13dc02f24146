"""The shapes that plug-ins have.

A plug-in is a plain module: it has the Protocol's attributes and functions, and nothing is registered anywhere but in
the template (``GRANT_TYPES``, ``CLIENT_AUTH_METHODS``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.messages.authorization import Allowed, ValidatedAuthorizationRequest
    from authserver.messages.token import ClientRequest, PresentedSecret, TokenRequest, TokenResponse
    from authserver.models.clients import Client
    from authserver.services import AuthenticatedClient, Named, Services


@runtime_checkable
class GrantType(Protocol):
    """A grant type that clients bring to the token endpoint: ``grants/<name>.py``."""

    GRANT_TYPE: str
    PARAMETERS: tuple[str, ...]  # those that a request must have

    def named(self, request: TokenRequest, services: Services) -> Named:
        """What the request's credential names, of which nothing is true yet; nothing for garbage."""

    def issue(self, request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
        """Checks the grant and issues. Raises `OAuthError`."""


@runtime_checkable
class AuthorizationGrant(Protocol):
    """A grant type that begins at the authorization endpoint: ``grants/<name>.py``, which may be both."""

    GRANT_TYPE: str
    RESPONSE_TYPES: tuple[str, ...]  # as IANA registered them

    def answer(
        self, request: ValidatedAuthorizationRequest, allowed: Allowed, services: Services
    ) -> Mapping[str, str] | None:
        """The parameters of the authorization response; None if the same consent was answered before."""


class ClientAuthenticationMethod(Protocol):
    """A client authentication method: ``client_authentication/<name>.py``, named as IANA registered it."""

    METHOD: str

    def presented(self, request: ClientRequest) -> PresentedSecret | None:
        """The credentials that `request` carries by this method, or None."""

    def verify(self, client: Client, presented: PresentedSecret, services: Services) -> bool:
        """Whether they prove that the caller is `client`."""
