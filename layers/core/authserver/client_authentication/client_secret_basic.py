"""HTTP Basic: RFC 6749 section 2.3.1, RFC 7617."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from authserver.client_authentication import secret_is_live
from authserver.errors import InvalidClient
from authserver.messages.token import ClientRequest, PresentedSecret
from authserver.values import Secret, form_decoded

if TYPE_CHECKING:
    from authserver.models.clients import Client
    from authserver.services import Services

METHOD: str = "client_secret_basic"


def presented(request: ClientRequest) -> PresentedSecret | None:
    """The two halves, each form-decoded: appendix B says so, and a plus sign is a space."""
    scheme, _, credentials = (request.authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(credentials.strip(), validate=True).decode().partition(":")
        client_id = form_decoded(user)
        secret = form_decoded(password)
    except ValueError:
        raise InvalidClient("The Authorization header is not well-formed", reason="basic_malformed") from None
    if not colon or not client_id:
        raise InvalidClient("The Authorization header is not well-formed", reason="basic_malformed")
    return PresentedSecret(client_id, Secret(secret), request.source)


def verify(client: Client, presented: PresentedSecret, services: Services) -> bool:
    return secret_is_live(client, presented, services)
