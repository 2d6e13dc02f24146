"""A device without a browser, from outside: it shows a code, a person types it elsewhere, and it gets its tokens."""

import re
from typing import Any

import httpx
import pytest

from tests.flows.person import App, Deployment, Person, hidden_fields

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def tool(deployment: Deployment) -> App:
    """A public client that can be used without a browser, as ``gh`` is."""
    return App(deployment, "demo-cli")


def begin(tool: App, **form: str) -> dict[str, Any]:
    response = tool.post("/device_authorization", **form)
    assert response.status_code == 200, response.text
    begun: dict[str, Any] = response.json()
    return begun


def poll(tool: App, begun: dict[str, Any]) -> httpx.Response:
    return tool.post("/token", grant_type=DEVICE_CODE, device_code=begun["device_code"])


def type_code(person: Person, code: str) -> httpx.Response:
    """Opens the page and types the code; the page that follows."""
    device = f"{person.deployment.issuer}/device"
    page = person.browser.get(device)
    assert 'name="user_code"' in page.text
    return person.follow(person.browser.post(device, data={"user_code": code}))


def answer_question(person: Person, page: httpx.Response, action: str) -> httpx.Response:
    """Says whether this person started it; the page that follows, signed in."""
    form = hidden_fields(page) | {"action": action}
    response = person.follow(person.browser.post(f"{person.deployment.issuer}/device", data=form))
    if 'name="password"' in response.text:
        response = person.follow(person.sign_in(response))
    return response


@pytest.mark.rfc("8628", "3.2")
@pytest.mark.rfc("8628", "3.4")
@pytest.mark.rfc("8628", "3.5")
def test_person_types_the_code_elsewhere_and_the_device_gets_tokens(
    tool: App, person: Person, deployment: Deployment
) -> None:
    begun = begin(tool, scope="openid profile read")
    assert begun["verification_uri"] == f"{deployment.issuer}/device"
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", begun["user_code"])
    assert (begun["expires_in"], begun["interval"]) == (900, 5)
    assert poll(tool, begun).json()["error"] == "authorization_pending"

    question = type_code(person, begun["user_code"].lower().replace("-", " "))
    assert "Did you start this?" in question.text
    assert "Demo command line" in question.text
    assert begun["user_code"] in question.text
    consent = answer_question(person, question, "confirm")
    assert "another device" in consent.text
    done = person.decide(consent)
    assert (done.status_code, "go back to your device" in done.text) == (200, True)

    tokens = poll(tool, begun).json()
    assert tokens["scope"] == "openid profile read"
    assert tool.call("/userinfo", tokens["access_token"]).json()["name"] == "Alice Liddell"
    refreshed = tool.refresh(tokens["refresh_token"]).json()
    assert tool.call("/items", refreshed["access_token"]).status_code == 200
    assert poll(tool, begun).json()["error"] == "invalid_grant"
    assert tool.call("/items", refreshed["access_token"]).status_code == 200

    assert tool.post("/revoke", token=refreshed["refresh_token"]).status_code == 200
    assert tool.refresh(refreshed["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.rfc("8628", "3.3.1")
def test_link_with_the_code_in_it_fills_it_in(tool: App, person: Person) -> None:
    begun = begin(tool)
    page = person.browser.get(begun["verification_uri_complete"])
    assert f'value="{begun["user_code"]}"' in page.text
    question = type_code(person, begun["user_code"])
    assert "Did you start this?" in question.text
    assert begun["user_code"] in question.text


@pytest.mark.rfc("8628", "5.4")
def test_whoever_allowed_the_app_before_is_asked_all_the_same(tool: App, person: Person) -> None:
    for _ in range(2):
        begun = begin(tool, scope="read")
        consent = answer_question(person, type_code(person, begun["user_code"]), "confirm")
        assert 'name="decision"' in consent.text
        person.decide(consent)
        assert poll(tool, begun).status_code == 200


@pytest.mark.rfc("8628", "3.5")
def test_device_hears_that_its_user_denied(tool: App, person: Person) -> None:
    begun = begin(tool)
    consent = answer_question(person, type_code(person, begun["user_code"]), "confirm")
    assert "Nothing was allowed" in person.decide(consent, "deny").text
    assert (poll(tool, begun).status_code, poll(tool, begun).json()["error"]) == (400, "access_denied")


@pytest.mark.rfc("8628", "5.4")
def test_whoever_did_not_start_it_stops_it_without_signing_in(tool: App, person: Person) -> None:
    begun = begin(tool)
    page = answer_question(person, type_code(person, begun["user_code"]), "deny")
    assert "Nothing was allowed" in page.text
    assert poll(tool, begun).json()["error"] == "access_denied"
    assert "This code is not correct" in type_code(Person(person.deployment), begun["user_code"]).text


@pytest.mark.rfc("8628", "3.5")
def test_polls_that_come_too_fast_are_told_to_slow_down(tool: App) -> None:
    begun = begin(tool)
    assert poll(tool, begun).json()["error"] == "authorization_pending"
    assert poll(tool, begun).json()["error"] == "slow_down"


@pytest.mark.rfc("8628", "3.1")
def test_client_that_is_not_registered_for_it_begins_nothing(app: App, deployment: Deployment) -> None:
    response = app.post("/device_authorization")
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    unknown = App(deployment, "nobody").post("/device_authorization")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
