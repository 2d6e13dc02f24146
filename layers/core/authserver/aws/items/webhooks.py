"""The item of the webhooks that operators register."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import attributes_of, record_of, typed
from authserver.models.webhooks import Webhook, Webhooks, WebhookSecret


def webhooks_of(item: Mapping[str, Any]) -> Webhooks:
    removed = tuple(typed(one, str, "removed") for one in item.get("removed", ()))
    return Webhooks(tuple(map(_webhook_of, item["webhooks"])), removed, typed(item["version"], int, "version"))


def _webhook_of(attribute: Mapping[str, Any]) -> Webhook:
    secrets = tuple(record_of(WebhookSecret, one) for one in attribute["secrets"])
    return record_of(Webhook, {**attribute, "types": tuple(attribute["types"]), "secrets": secrets})


def webhooks_attributes(webhooks: Webhooks) -> dict[str, Any]:
    every = [
        {**attributes_of(one), "secrets": [attributes_of(secret) for secret in one.secrets]} for one in webhooks.all
    ]
    return {"webhooks": every, "removed": webhooks.removed}
