"""Webhooks, for operators: /admin/webhooks. Their secrets are told once, where they are made.

They are one item with a version, and each change is conditional on it. A change counts from the next delivery on.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from authserver.documents import webhook as documents
from authserver.events import CONFIGURATION, Change, Event
from authserver.identity.addresses import is_public
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem
from authserver.management.audited import act
from authserver.models import ACTIVE
from authserver.models.webhooks import MOST, OPERATOR, Webhook, Webhooks, WebhookSecret
from authserver.services import Services
from authserver.values import base64url

ATTEMPTS = 4
MOST_REMOVED = 100  # identifiers that are remembered
TEST = "webhook.test"

type Changed = Callable[[Webhook], Webhook]


def list_webhooks(_call: Call, services: Services) -> Answer:
    """Every webhook, oldest first."""
    return Answer(document={"items": [_write(one, services) for one in _stored(services).all]})


@act("webhook.created")
def create_webhook(call: Call, services: Services) -> Answer:
    """Adds a webhook. Its secret is in the answer, once. Events from now on are sent to it."""
    wanted = call.read(documents.NewWebhook)
    _require_reachable(wanted.url, services)
    now, identifier = services.now(), call.new_identifier(services, 8)
    services.is_about(identifier)
    secret, told = _new_secret(identifier, services)
    made = Webhook(
        identifier,
        wanted.url,
        tuple(dict.fromkeys(wanted.types)),
        wanted.description,
        wanted.status,
        _disabled_reason(wanted.status),
        (secret,),
        created_at=now,
        updated_at=now,
    )
    repeatable = bool(call.idempotency_key)
    webhook = _of(_change(lambda stored: _with(made, stored, is_repeatable=repeatable), services), identifier)
    return Answer(201, _write_with_secret(webhook, told, services))


def get_webhook(call: Call, services: Services) -> Answer:
    """A webhook."""
    return Answer(document=_write(_of(_stored(services), call.path["webhook"]), services))


@act("webhook.changed", "webhook")
def change_webhook(call: Call, services: Services) -> Answer:
    """Changes a webhook. While it is disabled, it is sent nothing, and what happens meanwhile is not sent later."""

    def changed(webhook: Webhook) -> Webhook:
        fields = {"url", "types", "description", "status"}
        current = documents.DescribedWebhook.of(webhook, services.now()).model_dump(mode="json", include=fields)
        wanted = call.patched(documents.ChangedWebhook, current)
        if wanted.version not in (None, webhook.version):
            raise Conflict("The webhook was changed meanwhile", reason="changed_meanwhile")
        if wanted.url != webhook.url:
            _require_reachable(wanted.url, services)
        disabled_reason = (
            webhook.disabled_reason if wanted.status == webhook.status else _disabled_reason(wanted.status)
        )
        return replace(
            webhook,
            url=wanted.url,
            types=tuple(dict.fromkeys(wanted.types)),
            description=wanted.description,
            status=wanted.status,
            disabled_reason=disabled_reason,
        )

    return Answer(document=_write(_change_one(call.path["webhook"], changed, services), services))


@act("webhook.deleted", "webhook")
def delete_webhook(call: Call, services: Services) -> Answer:
    """Removes a webhook. What is on its way to it is not delivered any more."""
    identifier = call.path["webhook"]

    def without(stored: Webhooks) -> Webhooks:
        gone = _of(stored, identifier)
        removed = (*stored.removed, identifier)[-MOST_REMOVED:]
        return replace(stored, all=tuple(one for one in stored.all if one is not gone), removed=removed)

    _change(without, services)
    return Answer()


@act("webhook.secret.made", "webhook")
def rotate_webhook_secret(call: Call, services: Services) -> Answer:
    """Makes another secret, told once. Until the overlap is over, deliveries are signed with the one before, too."""
    asked = call.read(documents.NewWebhookSecret)
    identifier = call.path["webhook"]
    _of(_stored(services), identifier)
    secret, told = _new_secret(identifier, services)
    webhook = _change_one(identifier, lambda one: _with_secret(one, secret, asked.overlap), services)
    return Answer(201, _write_with_secret(webhook, told, services))


@act("webhook.tried", "webhook")
def send_test_event(call: Call, services: Services) -> Answer:
    """Sends the webhook an event of the type `webhook.test`, whichever types it has, on the way that all events go."""
    webhook = _of(_stored(services), call.path["webhook"])
    if not webhook.is_active:
        raise Conflict("The webhook is disabled", reason="webhook_disabled")
    if services.order_delivery is None:
        raise ValueError("only functions that order deliveries try webhooks")
    change = Change(CONFIGURATION, "webhooks", {}, {}, "0", services.now())
    event = Event(base64url(services.random(16)), TEST, f"webhook/{webhook.id}", {"webhook": webhook.id}, change)
    services.order_delivery(webhook.id, event, services.settings.issuer)
    if services.note is not None:  # nothing is written that the event of the audit could come with
        services.audit.record(services.note.event)
    return Answer(202, {"id": event.id})


# ------------------------------------------------------------------ what is stored


def _stored(services: Services) -> Webhooks:
    return services.configuration.webhooks() or Webhooks()


def _of(stored: Webhooks, identifier: str) -> Webhook:
    webhook = stored.get(identifier)
    if webhook is None:
        raise NotFound("webhook")
    return webhook


def _with(made: Webhook, stored: Webhooks, *, is_repeatable: bool) -> Webhooks:
    """The webhooks with one more. Made by the same Idempotency-Key before, it gets another secret, since it is not
    known which of the answers arrived. Raises `Conflict`."""
    existing = stored.get(made.id)
    if existing is None:
        if made.id in stored.removed:
            raise Conflict("What this Idempotency-Key made has ended", reason="webhook_ended")
        if len(stored.all) >= MOST:
            raise Conflict(f"There are at most {MOST} webhooks", reason="too_many")
        return replace(stored, all=(*stored.all, made))
    if not is_repeatable or (existing.url, existing.types) != (made.url, made.types):
        raise Conflict("There is such a webhook already", reason="conflict")
    again = _next(_with_secret(existing, made.secrets[0], documents.DAY), made.updated_at)
    return _in_place(stored, again)


def _with_secret(webhook: Webhook, secret: WebhookSecret, overlap: int) -> Webhook:
    """The webhook with a newer secret; of the others the newest goes on for the overlap."""
    newest = webhook.secrets[0]
    if newest == secret:
        return webhook  # the answer to the write was lost
    kept = (replace(newest, until=secret.created_at + overlap),) if overlap else ()
    return replace(webhook, secrets=(secret, *kept))


def _change_one(identifier: str, changed: Changed, services: Services) -> Webhook:
    """Writes what `changed` makes of one webhook. Raises `Problem`."""

    def all_changed(stored: Webhooks) -> Webhooks:
        before = _of(stored, identifier)
        after = changed(before)
        return stored if after == before else _in_place(stored, _next(after, services.now()))

    return _of(_change(all_changed, services), identifier)


def _change(change: Callable[[Webhooks], Webhooks], services: Services) -> Webhooks:
    """Writes what `change` makes of the webhooks as they are stored now. Raises `Conflict` if others keep being
    quicker."""
    for _ in range(ATTEMPTS):
        stored = _stored(services)
        wanted = change(stored)
        if wanted == stored or services.configuration.put_webhooks(wanted):
            return wanted
    raise Conflict("The webhooks are being changed by others", reason="changed_meanwhile")


def _in_place(stored: Webhooks, webhook: Webhook) -> Webhooks:
    return replace(stored, all=tuple(webhook if one.id == webhook.id else one for one in stored.all))


def _next(webhook: Webhook, now: int) -> Webhook:
    return replace(webhook, updated_at=now, version=webhook.version + 1)


def _disabled_reason(status: str) -> str:
    return "" if status == ACTIVE else OPERATOR


def _new_secret(identifier: str, services: Services) -> tuple[WebhookSecret, str]:
    from authserver.identity.webhooks import new_secret

    secret, told = new_secret(identifier, services)
    return secret, told.reveal()


def _require_reachable(url: str, services: Services) -> None:
    """Raises `Invalid` on an address that no delivery would go to, as far as its text shows. Names are resolved with
    each delivery."""
    parts = urlsplit(url)
    if services.settings.loopback_upstreams and (parts.scheme == "http" or parts.hostname == "localhost"):
        return
    if parts.scheme != "https":
        raise Invalid("url", "must be an https URL")
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return
    if not is_public(address):
        raise Invalid("url", "must be at a public address")


# ------------------------------------------------------------------ what is answered


def _write(webhook: Webhook, services: Services) -> dict[str, Any]:
    return documents.DescribedWebhook.of(webhook, services.now()).model_dump(mode="json")


def _write_with_secret(webhook: Webhook, secret: str, services: Services) -> dict[str, Any]:
    return documents.WebhookWithSecret.with_secret(webhook, secret, services.now()).model_dump(mode="json")


def _where_there_are_any(operation: Operation) -> Operation:
    """The same operation, which answers 404 in a deployment without webhooks."""
    perform = operation.perform

    @wraps(perform)
    def guarded(call: Call, services: Services) -> Answer:
        if not services.settings.webhook_queue:
            raise Problem(404, "There are no webhooks in this deployment", reason="webhooks_off")
        return perform(call, services)

    return replace(operation, perform=guarded)


READ, WRITE = "admin:webhooks.read", "admin:webhooks.write"
ONE = "/admin/webhooks/{webhook}"

OPERATIONS = tuple(
    map(
        _where_there_are_any,
        (
            Operation("GET /admin/webhooks", "List webhooks", READ, list_webhooks, answer=documents.DescribedWebhooks),
            Operation(
                "POST /admin/webhooks",
                "Add a webhook",
                WRITE,
                create_webhook,
                body=documents.NewWebhook,
                answer=documents.WebhookWithSecret,
                status=201,
                is_create=True,
            ),
            Operation(f"GET {ONE}", "Read a webhook", READ, get_webhook, answer=documents.DescribedWebhook),
            Operation(
                f"PATCH {ONE}",
                "Change a webhook",
                WRITE,
                change_webhook,
                body=documents.ChangedWebhook,
                answer=documents.DescribedWebhook,
            ),
            Operation(f"DELETE {ONE}", "Remove a webhook", WRITE, delete_webhook, status=204),
            Operation(
                f"POST {ONE}/secrets",
                "Make another secret of a webhook",
                WRITE,
                rotate_webhook_secret,
                body=documents.NewWebhookSecret,
                answer=documents.WebhookWithSecret,
                status=201,
            ),
            Operation(
                f"POST {ONE}/test",
                "Send a test event",
                WRITE,
                send_test_event,
                answer=documents.WebhookTest,
                status=202,
            ),
        ),
    )
)
