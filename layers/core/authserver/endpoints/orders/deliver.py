"""One attempt to deliver an event to a webhook (Standard Webhooks), and what follows from its outcome."""

from __future__ import annotations

from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

from authserver.errors import TemporarilyUnavailable
from authserver.identity.audit import by_itself
from authserver.identity.webhooks import signed_headers
from authserver.messages.deliveries import Delivered, Delivery
from authserver.models import DISABLED
from authserver.models.webhooks import GONE, Webhooks
from authserver.ports import FetchFailed
from authserver.records import replace

if TYPE_CHECKING:
    from authserver.identity.webhooks import OpenedSecrets
    from authserver.models.webhooks import Webhook
    from authserver.services import Services

# Seconds after the first attempt until the second, and so on: some 28 hours in all. With the variation they stay within
# the twelve hours for which a queue of SQS can hide a message.
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
LEAST, MOST = 0.85, 1.15  # of a wait: at random, so that what failed together does not come back together
SOONEST = tuple(LEAST * waited for waited in accumulate(WAITS, initial=0))  # age before which no such attempt can be
SECONDS = 10.0  # for an answer
ATTEMPTS = 4  # at disabling a webhook while others are changed


def deliver(delivery: Delivery, opened: OpenedSecrets, services: Services) -> Delivered:
    """Sends the event, signed, unless the webhook is deleted or disabled by now. Raises `TemporarilyUnavailable`."""
    webhook = (services.configuration.webhooks() or Webhooks()).get(delivery.webhook_id)
    if webhook is None or not webhook.is_active:
        return Delivered("webhook_dropped")
    attempt = attempts_before(delivery.received, delivery.age)
    status, retry_after, failure = _send(delivery, webhook, opened, services)
    if 200 <= status < 300:
        return Delivered("webhook_delivered", status=status, attempt=attempt + 1)
    if status == 410 and disable_gone(webhook, services):
        return Delivered("webhook_gone", is_given_up=True, status=status, attempt=attempt + 1)
    wait = wait_after(attempt, retry_after, services)
    reason = "webhook_failed" if wait else "webhook_given_up"
    return Delivered(reason, wait, not wait, status, attempt + 1, failure)


def _send(delivery: Delivery, webhook: Webhook, opened: OpenedSecrets, services: Services) -> tuple[int, int, str]:
    """The status of the answer and its Retry-After; or 0, 0 and why there is none."""
    if services.fetcher is None:
        raise ValueError("only functions that go out deliver")
    secrets = opened.of(webhook, services)
    if not secrets:
        raise TemporarilyUnavailable("The store did not answer", reason="webhooks_malformed")
    headers = signed_headers(delivery.event_id, services.now(), delivery.body, secrets)
    try:
        sent = services.fetcher.send(webhook.url, delivery.body, headers, seconds=SECONDS)
    except FetchFailed as failed:
        return 0, 0, failed.reason
    return sent.status, sent.retry_after, ""


def attempts_before(received: int, age: float) -> int:
    """How many attempts there were before this one: at most as many as the queue gave the message out before, and at
    most as many as there was time for, so that what a throttled function received is not taken for an attempt."""
    had_time_for = sum(soonest <= age for soonest in SOONEST) - 1
    return max(0, min(received - 1, had_time_for))


def wait_after(attempt: int, retry_after: int, services: Services) -> int:
    """For how many seconds to wait after the attempt of this number, from 0; 0 after the last.

    The receiver's own wish (RFC 9110 section 10.2.3) may make it longer, but no longer than the wait after it.
    """
    if attempt >= len(WAITS):
        return 0
    chance = int.from_bytes(services.random(2)) / 65_536
    wait = WAITS[attempt] * (LEAST + (MOST - LEAST) * chance)
    longest = WAITS[min(attempt + 1, len(WAITS) - 1)]
    return ceil(max(wait, min(retry_after, longest)))


def disable_gone(webhook: Webhook, services: Services) -> bool:
    """Disables a webhook that does not want to be called any more, unless it was changed meanwhile; tells whether."""
    noting = by_itself(services, "webhook.disabled", "webhook", object_id=webhook.id)
    for _ in range(ATTEMPTS):
        stored = noting.configuration.webhooks() or Webhooks()
        if stored.get(webhook.id) != webhook:
            return False
        disabled = replace(
            webhook, status=DISABLED, disabled_reason=GONE, updated_at=services.now(), version=webhook.version + 1
        )
        changed = tuple(disabled if one.id == webhook.id else one for one in stored.all)
        if noting.configuration.put_webhooks(replace(stored, all=changed)):
            return True
    return False
