"""Webhooks, as the admin API reads and writes them."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from authserver.documents import Document, Status, printable, status_of
from authserver.events.types import EVENT_TYPES
from authserver.models.webhooks import EVERY
from authserver.models.webhooks import Webhook as StoredWebhook
from authserver.values import HOST, LOOPBACK_LITERALS

MAX_TYPES = 32
MAX_URL = 1024
DAY = 86_400


def _url(text: str) -> str:
    """An https URL; http on this machine for development, where the deployment decides."""
    if not text.isascii() or not text.isprintable() or set(' "<>\\^`{|}#') & set(text):
        raise ValueError("must be an https URL without a fragment")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("must be an https URL") from None
    is_loopback = parts.scheme == "http" and parts.hostname in (*LOOPBACK_LITERALS, "localhost")
    if not HOST.fullmatch(parts.hostname or "") or not (parts.scheme == "https" or is_loopback):
        raise ValueError("must be an https URL")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or a password")
    return text


def _type(text: str) -> str:
    is_family = text.endswith(".*") and any(one.startswith(text[:-1]) for one in EVENT_TYPES)
    if text != EVERY and text not in EVENT_TYPES and not is_family:
        raise ValueError("must be a type of event, the beginning of some such as user.*, or *")
    return text


Url = Annotated[str, StringConstraints(max_length=MAX_URL), AfterValidator(_url)]
EventType = Annotated[str, StringConstraints(max_length=64), AfterValidator(_type)]
Description = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(printable)]


class NewWebhook(Document):
    """A webhook to be."""

    url: Url = Field(description="An https URL at a public address. It is not shown in logs")
    types: list[EventType] = Field(
        default=[EVERY],
        min_length=1,
        max_length=MAX_TYPES,
        description="Types of events, such as user.disabled; the beginning of some, such as user.*; or * for all",
    )
    description: Description = ""
    status: Status = "active"


class ChangedWebhook(NewWebhook):
    """What a change may set."""

    version: int | None = Field(
        default=None, description="The version that this changes. Left out: whatever version there is"
    )


class NewWebhookSecret(Document):
    """Asks for another secret. Deliveries are signed with the present one, too, for `overlap` seconds from now."""

    overlap: int = Field(default=DAY, ge=0, le=DAY)


class DescribedWebhook(Document):
    """A webhook in an answer, without its secrets."""

    id: str
    url: str
    types: tuple[str, ...]
    description: str
    status: Status
    disabled_reason: Literal["", "operator", "gone"] = Field(
        description="Why it is disabled: operator, or gone after an answer with the status 410"
    )
    secret_created_at: int
    previous_secret_until: int | None = Field(description="Until when deliveries are signed with the one before, too")
    created_at: int
    updated_at: int
    version: int

    @classmethod
    def fields_of(cls, webhook: StoredWebhook, now: int) -> dict[str, object]:
        newest, *earlier = webhook.secrets
        return {
            "id": webhook.id,
            "url": webhook.url,
            "types": webhook.types,
            "description": webhook.description,
            "status": status_of(webhook.status),
            "disabled_reason": webhook.disabled_reason,
            "secret_created_at": newest.created_at,
            "previous_secret_until": max((one.until for one in earlier if one.is_valid(now)), default=None),
            "created_at": webhook.created_at,
            "updated_at": webhook.updated_at,
            "version": webhook.version,
        }

    @classmethod
    def of(cls, webhook: StoredWebhook, now: int) -> Self:
        return cls.told(**cls.fields_of(webhook, now))


class WebhookWithSecret(DescribedWebhook):
    """A webhook whose `secret` has just been made: it is in this answer and never again."""

    secret: str = Field(repr=False)

    @classmethod
    def with_secret(cls, webhook: StoredWebhook, secret: str, now: int) -> Self:
        return cls.told(**cls.fields_of(webhook, now), secret=secret)


class DescribedWebhooks(Document):
    """Every webhook."""

    items: tuple[DescribedWebhook, ...]


class WebhookTest(Document):
    """The event that a test sends."""

    id: str = Field(description="Its identifier, which is the header webhook-id of the delivery")
