"""A forgotten password, as people meet it: the mails are read where the development server shows them."""

import re
import secrets
import time
from html import unescape
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.flows.person import App, Deployment, Person, answer_of, hidden_fields

LINK = re.compile(r"https?://\S+/(?:recover|verify)/ml_\S+")
NEW_PASSWORD = "through-the-looking-glass"


@pytest.fixture(autouse=True)
def _here(deployment: Deployment) -> None:
    if deployment.kind != "development server":
        pytest.skip("mails are shown by the development server alone")


OLD_PASSWORD = "looking-glass"


@pytest.fixture
def forgetful(deployment: Deployment) -> Person:
    """A user that only this test signs in as, with an address."""
    operator = App(deployment, "demo-admin", "demo-admin-secret-for-development-only")
    token = operator.post("/token", grant_type="client_credentials", scope="admin:users").json()["access_token"]
    name = f"dora-{secrets.token_hex(4)}"
    body = {"username": name, "password": OLD_PASSWORD, "email": f"{name}@example.com"}
    assert operator.call("/admin/users", token, "POST", json=body).status_code == 201
    return Person(deployment, name, OLD_PASSWORD)


def outbox(deployment: Deployment) -> list[dict[str, Any]]:
    """The mails that were sent, the newest first."""
    response = httpx.get(f"{deployment.issuer}/outbox", headers={"Accept": "application/json"}, timeout=60)
    mails: list[dict[str, Any]] = response.json()
    return mails


def next_mail(deployment: Deployment, before: int) -> dict[str, Any]:
    """The mail after so many, which comes when it comes."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        mails = outbox(deployment)
        if len(mails) > before:
            return mails[-1 - before]
        time.sleep(0.05)
    raise AssertionError("no mail came")


def test_forgotten_password_from_the_sign_in_page_to_the_new_one(
    deployment: Deployment, web: App, forgetful: Person
) -> None:
    """What was signed in and granted with the old password is over, and the link signs no user in."""
    tokens, name = web.tokens_for(forgetful), forgetful.username
    before = len(outbox(deployment))

    somewhere = Person(deployment, name, NEW_PASSWORD)
    request, _ = web.request()
    login = somewhere.follow(somewhere.authorize(**request))
    found = re.search(r'href="(recover\?request=[^"]*)"', login.text)
    assert found
    page = somewhere.browser.get(urljoin(str(login.url), unescape(found[1])))
    back = f"login?request={hidden_fields(login)['request']}"
    assert back in page.text
    form = hidden_fields(page) | {"username": name}
    told = somewhere.follow(somewhere.browser.post(f"{deployment.issuer}/recover", data=form))
    assert "If there is an account" in told.text
    assert back in told.text

    mail = next_mail(deployment, before)
    assert mail["to"] == [f"{name}@example.com"]
    (link,) = set(LINK.findall(mail["text"]))
    assert link in mail["html"]
    for _ in range(3):  # as programs do that look into mails
        opened = httpx.get(link)
        assert (opened.status_code, opened.headers["referrer-policy"]) == (200, "no-referrer")
        assert "set-cookie" not in opened.headers
    changed = httpx.post(link, data={"password": NEW_PASSWORD}, timeout=60)
    assert changed.status_code == 303
    assert "set-cookie" not in changed.headers

    notice = next_mail(deployment, before + 1)
    assert (notice["to"], "was changed" in notice["subject"]) == ([f"{name}@example.com"], True)
    assert LINK.search(notice["text"]) is None
    assert web.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    request, _ = web.request(prompt="none")
    assert "login_required" in forgetful.authorize(**request).headers["location"]
    assert somewhere.sign_in(login, OLD_PASSWORD).status_code == 401
    assert httpx.post(link, data={"password": "yet-another-looking-glass"}, timeout=60).status_code == 400
    consent = somewhere.sign_in_after_a_cutoff(login)
    assert 'name="decision"' in consent.text  # what was remembered is over as well
    assert "code" in answer_of(somewhere.decide(consent))


def test_somebody_who_is_not_here_is_answered_alike(deployment: Deployment, forgetful: Person) -> None:
    before = len(outbox(deployment))
    answers = []
    for username in ("nobody-at-all", forgetful.username):
        answer = httpx.post(f"{deployment.issuer}/recover", data={"username": username}, timeout=60)
        headers = {name: value for name, value in answer.headers.items() if name != "apigw-requestid"}
        answers.append((answer.status_code, headers, answer.content))
    assert answers[0] == answers[1]
    assert next_mail(deployment, before)["to"] == [f"{forgetful.username}@example.com"]
    assert len(outbox(deployment)) == before + 1


def test_outbox_is_a_page_with_links(deployment: Deployment, forgetful: Person) -> None:
    before = len(outbox(deployment))
    httpx.post(f"{deployment.issuer}/recover", data={"username": forgetful.username}, timeout=60)
    (link,) = set(LINK.findall(next_mail(deployment, before)["text"]))
    page = httpx.get(f"{deployment.issuer}/outbox")
    assert page.headers["content-type"].startswith("text/html")
    assert f'<a href="{link}">' in page.text
