"""What a delivery to a webhook is signed with, and how: Standard Webhooks."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from authserver.models.webhooks import WebhookSecret
from authserver.values import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.models.webhooks import Webhook
    from authserver.services import Services

SECRETS = "webhook"  # stands in the encryption context where a key ring's name does
PREFIX = "whsec_"
SECRET_OCTETS = 32
MEDIA_TYPE = "application/cloudevents+json"


def new_secret(webhook_id: str, services: Services) -> tuple[WebhookSecret, Secret]:
    """Another secret of a webhook: as it is stored, which opens for this webhook alone, and as its receiver has it."""
    octets = services.random(SECRET_OCTETS)
    wrapped = services.opener.wrap(octets, ring=SECRETS, kid=webhook_id)
    return WebhookSecret(wrapped, services.now()), Secret(PREFIX + base64.b64encode(octets).decode())


def signing_secrets(webhook: Webhook, services: Services) -> tuple[bytes, ...]:
    """The octets of each secret that deliveries are signed with now. Raises `TemporarilyUnavailable`."""
    valid = (one for one in webhook.secrets if one.is_valid(services.now()))
    return tuple(services.opener.unwrap(one.wrapped, ring=SECRETS, kid=webhook.id) for one in valid)


def signed_headers(message_id: str, at: int, body: bytes, secrets: Iterable[bytes]) -> dict[str, str]:
    """The headers of a delivery at epoch second `at`, with a signature for each secret.

    `message_id` has no full stop in it: identifiers of events are base64url.
    """
    signed = b".".join((message_id.encode(), str(at).encode(), body))
    signatures = (base64.b64encode(hmac.digest(one, signed, "sha256")).decode() for one in secrets)
    return {
        "Content-Type": MEDIA_TYPE,
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": " ".join(f"v1,{one}" for one in signatures),
    }
