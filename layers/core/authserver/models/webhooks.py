"""The webhooks that operators register: one item of the Configuration table has them all."""

from __future__ import annotations

from dataclasses import field

from authserver.models import ACTIVE
from authserver.records import dataclass

MOST = 10  # webhooks of a deployment
EVERY = "*"  # in the place of a type: every event
OPERATOR, GONE = "operator", "gone"  # why a webhook is disabled


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A secret that deliveries are signed with, `wrapped` by the key service; `until` is 0 if it has no end."""

    wrapped: bytes = field(repr=False)
    created_at: int
    until: int = 0

    def is_valid(self, now: int) -> bool:
        """Whether deliveries are still signed with it."""
        return not self.until or now < self.until


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is sent events.

    `types` are types of events, beginnings of them such as ``user.*``, or `EVERY`. `disabled_reason` says why it is
    disabled: `OPERATOR`, or `GONE` after an answer 410; empty while it is active. `secrets` has the newest first: one,
    or two while they are rotated. `version` increases by one with each change.
    """

    id: str
    url: str = field(repr=False)
    types: tuple[str, ...] = (EVERY,)
    description: str = ""
    status: str = ACTIVE
    disabled_reason: str = ""
    secrets: tuple[WebhookSecret, ...] = ()
    created_at: int = 0
    updated_at: int = 0
    version: int = 1

    @property
    def is_active(self) -> bool:
        return self.status == ACTIVE

    def wants(self, event_type: str) -> bool:
        """Whether it is sent events of this type."""
        return any(_covers(wanted, event_type) for wanted in self.types)


def _covers(wanted: str, event_type: str) -> bool:
    if wanted == EVERY:
        return True
    return event_type.startswith(wanted[:-1]) if wanted.endswith(".*") else wanted == event_type


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Every webhook, oldest first.

    `removed` are identifiers of some that there were, the latest last. `version` is that of them all, on which each
    write is conditional; 0 if there never were any.
    """

    all: tuple[Webhook, ...] = ()
    removed: tuple[str, ...] = ()
    version: int = 0

    def get(self, webhook_id: str) -> Webhook | None:
        """The webhook of this identifier."""
        return next((one for one in self.all if one.id == webhook_id), None)
