"""The example of a token hook, on the development server: the question and the answer of docs/token-hook.md."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.token_hook.app import PLANS, lambda_handler
from tests.development import DevelopmentServer
from tests.flows.person import Deployment, Person, demo_machine, demo_web, other_web

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "token_hook"
PAGE = (ROOT / "docs" / "token-hook.md").read_text()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("hook") / "log"
    with DevelopmentServer(seed=ROOT / "local" / "seed.json", log=log, token_hook=EXAMPLE) as server:
        yield Deployment(server.issuer, server.resource)


def claims_in(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_example_adds_a_claim_in_three_places_and_to_no_machine(deployment: Deployment) -> None:
    tokens = demo_web(deployment).tokens_for(Person(deployment))
    assert claims_in(tokens["id_token"])["plan"] == claims_in(tokens["access_token"])["plan"] == "free"
    for origin in (deployment.issuer, deployment.resource):
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert httpx.get(f"{origin}/userinfo", headers=headers, timeout=60).json()["plan"] == "free"
    refreshed = demo_web(deployment).refresh(tokens["refresh_token"], "/refresh").json()
    assert claims_in(refreshed["access_token"])["plan"] == "free"
    own = demo_machine(deployment).post("/token", grant_type="client_credentials").json()
    assert "plan" not in claims_in(own["access_token"])


def test_example_refuses_an_application(deployment: Deployment) -> None:
    app = other_web(deployment)
    request, proof = app.request(scope="openid")
    answer = app.exchange(Person(deployment).go_through(**request)["code"], proof)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "This application is to be used no more"


def test_page_shows_the_example_and_a_question_that_it_can_answer() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert (EXAMPLE / "app.py").read_text().endswith(code)
    question = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    assert lambda_handler(question, None)["claims"]["id_token"] == {"plan": PLANS[question["subject"]]}
