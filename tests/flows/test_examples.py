"""The examples, walked through."""

import re
from pathlib import Path

import httpx
import pytest

from examples.walk import answered, run
from tests.flows.person import Deployment, Person, demo_app

CREDENTIAL = re.compile(r"eyJ[\w-]{20}|\b(ac|at|rt)_[\w-]{20}")


@pytest.mark.parametrize(("name", "steps"), [("placeos", 13), ("pleo", 10)])
def test_example_happens_as_it_is_told(name: str, steps: int, tmp_path: Path) -> None:
    told: list[str] = []
    assert run(name, log=tmp_path / "server.log", say=told.append) == steps
    assert not any(CREDENTIAL.search(line) for line in told)


def test_page_is_told_by_its_status_and_headings(deployment: Deployment) -> None:
    refused = httpx.get(f"{deployment.issuer}/authorize", params={"client_id": "nobody"})
    assert re.fullmatch(r"400: [A-Z][^<>]{10,200}", answered(refused))

    person = Person(deployment)
    page = person.follow(person.authorize(**demo_app(deployment).request()[0]))
    again = person.sign_in(page, password="guessed")
    assert re.fullmatch(r"\d{3}: Sign in[^<>]*: [A-Z][^<>]{10,200}", answered(again))
    assert "guessed" not in answered(again)


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (httpx.Response(400, json={"error": "invalid_grant", "error_description": "over"}), "400: invalid_grant: over"),
        (httpx.Response(409, json={"type": "t", "title": "Taken", "detail": "x"}), "409: Taken: x"),
        (httpx.Response(200, json={"access_token": "secret"}), "200"),
        (httpx.Response(502, text="Bad Gateway\nby somebody"), "502: Bad Gateway"),
        (httpx.Response(204), "204"),
    ],
)
def test_document_is_told_by_its_status_and_reason(response: httpx.Response, told: str) -> None:
    assert answered(response) == told
