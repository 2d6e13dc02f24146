"""Credentials in the request body: RFC 6749 section 2.3.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.client_authentication import secret_is_live
from authserver.errors import InvalidClient
from authserver.messages.token import ClientRequest, PresentedSecret
from authserver.values import Secret

if TYPE_CHECKING:
    from authserver.models.clients import Client
    from authserver.services import Services

METHOD: str = "client_secret_post"


def presented(request: ClientRequest) -> PresentedSecret | None:
    secret = request.parameters.get("client_secret")
    if secret is None:
        return None
    if "client_id" not in request.parameters:
        raise InvalidClient("client_id is missing", reason="client_id_missing")
    return PresentedSecret(request.parameters["client_id"], Secret(secret), request.source)


def verify(client: Client, presented: PresentedSecret, services: Services) -> bool:
    return secret_is_live(client, presented, services)
