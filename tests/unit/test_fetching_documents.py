"""Attempts to fetch the same document at the same instant."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from authserver.aws.document_orders import CONNECT_TIMEOUT, READ_TIMEOUT
from authserver.management.client_documents import SECONDS, fetch_document
from authserver.messages.documents import DocumentOrder
from authserver.models.documents import CONTENDED
from authserver.ports import Fetched, FetchFailed
from tests.unit.server import Server

if TYPE_CHECKING:
    from authserver.services import Services

CLIENT_ID = "https://app.example/c.json"


def metadata(redirect_uri: str) -> dict[str, Any]:
    return {"client_id": CLIENT_ID, "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}


class Slow:
    """A fetcher whose first answer is under way while something else happens; `answers` are the next ones."""

    def __init__(self, *answers: Any, meanwhile: Callable[[], None]) -> None:
        self._answers = list(answers)
        self._meanwhile = [meanwhile]

    def within(self, _seconds: float) -> "Slow":
        return self

    def get_dated(self, _url: str, *, most: int, filed: bool = False) -> Fetched:
        assert isinstance(filed, bool)
        answer = self._answers.pop(0)
        if self._meanwhile:
            self._meanwhile.pop()()
        if isinstance(answer, FetchFailed):
            raise answer
        assert most > 0
        return Fetched(answer, 86_400)


@pytest.mark.parametrize("slower", [metadata("https://app.example/old"), FetchFailed("timeout")])
def test_a_slower_answer_does_not_take_the_place_of_a_later_one(slower: Any) -> None:
    made: list[Services] = []

    def fetch_it_elsewhere() -> None:
        assert fetch_document(DocumentOrder(CLIENT_ID), made[0]) == ""

    fetcher: Any = Slow(slower, metadata("https://app.example/new"), meanwhile=fetch_it_elsewhere)
    services = replace(Server(client_documents=("*",)).services, fetcher=fetcher)
    made.append(services)
    assert fetch_document(DocumentOrder(CLIENT_ID), services) == CONTENDED
    kept = services.documents.find(CLIENT_ID)
    assert kept is not None
    assert kept.client is not None
    assert [uri.text for uri in kept.client.redirect_uris] == ["https://app.example/new"]
    assert kept.error == ""


def test_two_orders_of_a_request_leave_its_function_time_to_answer() -> None:
    template = (Path(__file__).parents[2] / "template.yaml").read_text()
    (timeout,) = re.findall(r"^    Timeout: (\d+)", template, re.MULTILINE)  # that of all functions, which say no other
    assert SECONDS < READ_TIMEOUT
    assert int(timeout) > 2 * (CONNECT_TIMEOUT + READ_TIMEOUT)
