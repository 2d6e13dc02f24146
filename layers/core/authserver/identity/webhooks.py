"""What a delivery to a webhook is signed with, and how: Standard Webhooks."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from authserver.models.webhooks import MOST, WebhookSecret
from authserver.values import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.models.webhooks import Webhook
    from authserver.services import Services

SECRETS = "webhook"  # stands in the encryption context where a key ring's name does
PREFIX = "whsec_"
SECRET_OCTETS = 32
REMEMBERED = 2 * MOST  # secrets
MEDIA_TYPE = "application/cloudevents+json"


def new_secret(webhook_id: str, services: Services) -> tuple[WebhookSecret, Secret]:
    """Another secret of a webhook: as it is stored, which opens for this webhook alone, and as its receiver has it."""
    octets = services.random(SECRET_OCTETS)
    wrapped = services.opener.wrap(octets, ring=SECRETS, kid=webhook_id)
    return WebhookSecret(wrapped, services.now()), Secret(PREFIX + base64.b64encode(octets).decode())


class OpenedSecrets:
    """The octets of secrets, as a function instance remembers them: the key service is asked for each once."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, bytes], bytes] = {}

    def of(self, webhook: Webhook, services: Services) -> tuple[bytes, ...]:
        """Those that deliveries to a webhook are signed with now. Raises `TemporarilyUnavailable`."""
        return tuple(self._open(webhook.id, one, services) for one in webhook.secrets if one.is_valid(services.now()))

    def _open(self, webhook_id: str, secret: WebhookSecret, services: Services) -> bytes:
        found = self._opened.get((webhook_id, secret.wrapped))
        if found is None:
            if len(self._opened) >= REMEMBERED:
                self._opened.clear()
            found = services.opener.unwrap(secret.wrapped, ring=SECRETS, kid=webhook_id)
            self._opened[webhook_id, secret.wrapped] = found
        return found


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
