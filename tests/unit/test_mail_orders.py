"""Orders of mails on their way to the function that carries them out: they arrive as they were made."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from authserver.aws.mail_orders import MailOrders, delivery
from authserver.ends import Begun
from authserver.messages.mail import PASSWORD_RESET, MailOrder
from tests.fakes import ISSUER, START

ORDER = MailOrder(PASSWORD_RESET, "A" * 22, ISSUER, START, username="alice")


class Invoked:
    """Sits where a client of Lambda's sits."""

    def __init__(self) -> None:
        self.payload = b""

    def invoke(self, **arguments: Any) -> None:
        self.payload = arguments["Payload"]


def arrived(event: Mapping[str, Any]) -> list[MailOrder]:
    """What is carried out of an event."""
    orders: list[MailOrder] = []

    def carry_out(order: MailOrder) -> str:
        orders.append(order)
        return "sent"

    delivery(carry_out)(event, None)
    return orders


@pytest.mark.parametrize(
    "order",
    [
        ORDER,
        replace(ORDER, begun=Begun("era", subject=3), sessions=0),
        replace(ORDER, begun=Begun(*("era", 1, 2, 3, 4, 5), membership="m", approver="a"), sessions=7),
        replace(ORDER, what="member_made", about="Acme Ltd", subject="sub", address="a@b.example", languages="de"),
    ],
    ids=str,
)
def test_an_order_arrives_as_it_was_made(order: MailOrder) -> None:
    client: Any = Invoked()
    MailOrders(client, "mail")(order)
    assert arrived(json.loads(client.payload)) == [order]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 1},
        {"what": None},
        {"about": ["x"]},
        {"ordered_at": "now"},
        {"sessions": "1"},
        {"begun": {"nonsense": 1}},
        {"begun": None},
        {"nonsense": ""},
    ],
    ids=str,
)
def test_what_is_no_order_is_not_carried_out(changes: dict[str, Any]) -> None:
    assert arrived({**asdict(ORDER), **changes}) == []


def test_an_order_of_before_there_was_more_to_tell_is_carried_out() -> None:
    names = ("kind", "id", "issuer", "ordered_at", "username")
    assert arrived({name: getattr(ORDER, name) for name in names}) == [ORDER]
