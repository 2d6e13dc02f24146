"""Deliveries to webhooks: what is asked of the function that carries them out, and what came of one."""

from __future__ import annotations

from dataclasses import field

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook: the `event_id`, its type, and `body`, the CloudEvent as it is sent.

    `received` is how often the queue has given it out, `age` for how many seconds the queue has had it.
    """

    webhook_id: str
    event_id: str
    event_type: str
    body: bytes = field(repr=False)
    received: int
    age: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of an attempt; `reason` is a tag for the log.

    `retry_in` is after how many seconds there is to be another; 0 if there is to be none. `is_given_up`: none, although
    it was not delivered. `status` is that of the answer, 0 if there was none; `attempt` is which one it was, from 1.
    """

    reason: str
    retry_in: int = 0
    is_given_up: bool = False
    status: int = 0
    attempt: int = 0
    failure: str = ""
