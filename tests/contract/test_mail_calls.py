"""What is sent to SES and Lambda is what their models say: the functions' own clients do not check."""

import json
from dataclasses import asdict
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from authserver.aws.mail_orders import MailOrders, delivery
from authserver.aws.ses import SesMailer
from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.messages.mail import PASSWORD_RESET, Mail, MailOrder

ORDER = MailOrder(
    PASSWORD_RESET,
    "AAAAAAAAAAAAAAAAAAAAAA",
    "https://as.example",
    1,
    "Ålice\u202e",
    begun=Begun(era="era", subject=3),
    sessions=2,
)
MAIL = Mail("to@b.example", "Ein neues Paßwort", "text", "<p>html</p>")


def stubbed(service: Any) -> tuple[Any, Stubber]:
    client = boto3.Session("testing", "testing", region_name="eu-central-1").client(service)
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


def test_a_mail_is_sent_to_one_address_in_two_forms() -> None:
    client, stubber = stubbed("sesv2")
    utf8 = {"Charset": "UTF-8"}
    expected = {
        "FromEmailAddress": "from@a.example",
        "Destination": {"ToAddresses": ["to@b.example"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": MAIL.subject, **utf8},
                "Body": {"Text": {"Data": "text", **utf8}, "Html": {"Data": "<p>html</p>", **utf8}},
            }
        },
    }
    stubber.add_response("send_email", {"MessageId": "1"}, expected)
    SesMailer(client, "from@a.example").send(MAIL)
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["MessageRejected", "TooManyRequestsException", "AccountSuspendedException"])
def test_what_ses_says_of_an_address_goes_no_further(code: str) -> None:
    client, stubber = stubbed("sesv2")
    stubber.add_client_error("send_email", code, "Email address is not verified: to@b.example")
    with pytest.raises(TemporarilyUnavailable) as refused:
        SesMailer(client, "from@a.example").send(MAIL)
    assert refused.value.reason == f"ses_{code}"
    assert "to@b.example" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_an_order_is_an_asynchronous_invocation() -> None:
    client, stubber = stubbed("lambda")
    payload = json.dumps(asdict(ORDER)).encode()
    expected = {"FunctionName": "mail", "InvocationType": "Event", "Payload": payload}
    stubber.add_response("invoke", {"StatusCode": 202}, expected)
    MailOrders(client, "mail")(ORDER)
    stubber.assert_no_pending_responses()
    taken: list[MailOrder] = []

    def carry_out(order: MailOrder) -> str:
        taken.append(order)
        return "sent"

    delivery(carry_out)(json.loads(payload), None)
    assert taken == [ORDER]


def test_an_order_that_is_not_taken_is_unavailable() -> None:
    client, stubber = stubbed("lambda")
    stubber.add_client_error("invoke", "TooManyRequestsException")
    with pytest.raises(TemporarilyUnavailable):
        MailOrders(client, "mail")(ORDER)
