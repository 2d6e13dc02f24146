"""Public clients, which have no secret and send only their identifier: RFC 6749 section 3.2.1, RFC 7591 section 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.messages.token import ClientRequest, PresentedSecret

if TYPE_CHECKING:
    from authserver.models.clients import Client
    from authserver.services import Services

METHOD: str = "none"


def presented(request: ClientRequest) -> PresentedSecret | None:
    client_id = request.parameters.get("client_id")
    others = {"client_secret", "client_assertion", "client_assertion_type"} & request.parameters.keys()
    if client_id is None or request.authorization is not None or others:
        return None
    return PresentedSecret(client_id, None)


def verify(client: Client, presented: PresentedSecret, services: Services) -> bool:  # noqa: ARG001 - the shape of a method
    return client.is_public
