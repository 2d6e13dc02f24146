"""Mails that go no further than a page, and functions that are invoked without anybody waiting."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.errors import RefusedError
from local.http_server import Request, Response
from local.outbox import Outbox
from local.permissions import Access, allowed, read_role
from tests.development import DevelopmentServer

from .conftest import Project

type Clients = Callable[[Any], Any]

IDENTITY = "arn:aws:ses:eu-central-1:1:identity/"


def mail(**changes: Any) -> dict[str, Any]:
    """What SendEmail takes."""
    given: dict[str, Any] = {
        "sender": "from@a.example",
        "to": ["to@b.example"],
        "subject": "Hello",
        "text": "Look: http://127.0.0.1/x?a=1&b=<2>",
        **changes,
    }
    body = {"Text": {"Data": given["text"]}, "Html": {"Data": f"<p>{given['text']}</p>"}}
    return {
        "FromEmailAddress": given["sender"],
        "Destination": {"ToAddresses": given["to"]},
        "Content": {"Simple": {"Subject": {"Data": given["subject"]}, "Body": body}},
    }


def ask(outbox: Outbox, path: str = "/outbox", method: str = "GET", **headers: str) -> Response:
    handler = outbox.beside(lambda _: Response(418))
    return handler(Request(method, path, "", "HTTP/1.1", tuple(headers.items()), b"", "127.0.0.1"))


def test_mails_are_shown_the_newest_first_as_text_with_links() -> None:
    outbox = Outbox()
    for subject in ("First", "<b>Second</b>"):
        assert outbox.take(mail(subject=subject)).status == 200
    page = ask(outbox).body.decode()
    assert page.index("&lt;b&gt;Second") < page.index("First")
    assert '<a href="http://127.0.0.1/x?a=1&amp;b=' in page
    assert "<2>" not in page
    listed = json.loads(ask(outbox, Accept="application/json").body)
    assert [(one["subject"], one["to"]) for one in listed] == [
        ("<b>Second</b>", ["to@b.example"]),
        ("First", ["to@b.example"]),
    ]


def test_outbox_takes_no_other_request() -> None:
    outbox = Outbox()
    assert [ask(outbox, path).status for path in ("/outbox/", "/out", "/")] == [418] * 3
    assert ask(outbox, method="POST").status == 418


@pytest.mark.parametrize(
    "changes",
    [
        {"to": ["a@b.example\r\nBcc: c@d.example"]},
        {"to": ["a@b.example, c@d.example"]},
        {"to": ["A <a@b.example>"]},
        {"to": []},
        {"sender": ""},
        {"subject": "Hello\r\nBcc: c@d.example"},
    ],
)
def test_what_ses_would_not_send_is_not_taken(changes: dict[str, Any]) -> None:
    outbox = Outbox()
    assert outbox.take(mail(**changes)).status == 400
    assert outbox.take({"Content": {"Raw": {}}}).status == 400
    assert outbox.mails == []


def test_sending_is_held_to_the_address_that_the_role_says() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "ses:SendEmail",
        "Resource": f"{IDENTITY}*",
        "Condition": {"StringEquals": {"ses:FromAddress": "from@a.example"}},
    }
    role = {"Policies": [{"PolicyName": "P", "PolicyDocument": {"Statement": statement}}]}
    for sender, is_allowed in (("from@a.example", True), ("ceo@a.example", False)):
        access = Access("ses:SendEmail", f"{IDENTITY}{sender}", {"ses:FromAddress": (sender,)})
        assert allowed(read_role(role, "Role"), access) == is_allowed


def test_a_route_where_the_outbox_is_is_refused(project: Project) -> None:
    project.replace("Path: /only-get,", "Path: /outbox,")
    with pytest.raises(RefusedError, match="/outbox"), DevelopmentServer(template=project.template):
        pass


@pytest.fixture
def client(server: DevelopmentServer) -> Iterator[Clients]:
    """Clients of an unknown function, whose connections are closed."""
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    session = boto3.Session("anybody", "anybody", region_name="eu-central-1")
    with ExitStack() as closing:

        def made(service: Any) -> Any:
            client: Any = session.client(service, endpoint_url=server.endpoint_url, config=config)
            closing.callback(client.close)
            return client

        yield made


def test_mail_is_sent_by_the_sdk_and_shown(server: DevelopmentServer, client: Clients) -> None:
    assert client("sesv2").send_email(**mail(subject="By the SDK"))["MessageId"]
    listed = httpx.get(server.outbox, headers={"Accept": "application/json"}).json()
    assert listed[0]["subject"] == "By the SDK"
    with pytest.raises(ClientError) as refused:
        client("sesv2").send_email(**mail(to=["nobody"]))
    assert refused.value.response["Error"]["Code"] == "BadRequestException"


def test_a_function_is_invoked_later_and_nobody_hears_of_it(server: DevelopmentServer, client: Clients) -> None:
    invoke = client("lambda").invoke
    answer = invoke(FunctionName="authserver-Tick", InvocationType="Event", Payload=b'{"detail-type": "later"}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    done, deadline = {"TableName": server.reference("Things"), "Key": {"id": {"S": "later"}}}, time.monotonic() + 30
    while "Item" not in client("dynamodb").get_item(**done):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(ClientError) as refused:
        invoke(FunctionName="authserver-Nothing", InvocationType="Event", Payload=b"{}")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_function_that_is_waited_for_answers(server: DevelopmentServer, client: Clients) -> None:
    invoke = client("lambda").invoke
    answer = invoke(FunctionName="authserver-Tick", Payload=b'{"detail-type": "now"}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (200, b"null")
    assert "Item" in client("dynamodb").get_item(TableName=server.reference("Things"), Key={"id": {"S": "now"}})
    failed = invoke(FunctionName="authserver-Tick", Payload=b"{}")
    assert (failed["FunctionError"], failed["Payload"].read() != b"") == ("Unhandled", True)
    with pytest.raises(ClientError) as refused:
        invoke(FunctionName="authserver-Nothing", Payload=b"{}")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
