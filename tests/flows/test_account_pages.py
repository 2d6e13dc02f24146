"""The account pages over HTTP: what people end there is over for everybody."""

import secrets

import httpx
import pytest

from tests.flows.person import App, Deployment, Person, hidden_fields


class AtHome(Person):
    """Somebody who looks after their account."""

    def open(self, path: str) -> httpx.Response:
        """Opens a page of ours, signing in if it asks."""
        page = self.follow(self.browser.get(f"{self.deployment.issuer}/{path}"))
        return self.follow(self.sign_in(page)) if 'name="password"' in page.text else page

    def press(self, path: str, action: str, **form: str) -> httpx.Response:
        """Presses a button of a page; where it leads."""
        csrf = hidden_fields(self.open(path))["csrf"]
        fields = {"csrf": csrf, "action": action, **form}
        return self.follow(self.browser.post(f"{self.deployment.issuer}/{path}", data=fields))


@pytest.fixture
def dora(deployment: Deployment) -> AtHome:
    """A user that only this test signs in as: what is ended here ends what others begin in the same second."""
    operator = App(deployment, "demo-admin", "demo-admin-secret-for-development-only")
    token = operator.post("/token", grant_type="client_credentials", scope="admin:users").json()["access_token"]
    body = {"username": f"dora-{secrets.token_hex(4)}", "password": "looking-glass"}
    assert operator.call("/admin/users", token, "POST", json=body).status_code == 201
    return AtHome(deployment, body["username"], body["password"])


def test_a_page_asks_who_is_there_and_is_shown_then(dora: AtHome, deployment: Deployment) -> None:
    assert dora.browser.get(f"{deployment.issuer}/my/activity").headers["location"].startswith("../login?request=")
    page = dora.open("my/activity")
    assert (page.status_code, str(page.url)) == (200, f"{deployment.issuer}/my/activity")
    assert "Signed in" in page.text


@pytest.mark.rfc("9700", "4.14.2")
def test_an_app_that_was_disconnected_can_do_nothing_more(dora: AtHome, web: App, deployment: Deployment) -> None:
    tokens = web.tokens_for(dora)
    assert "Demo web application" in dora.open("my/apps").text
    assert "has to ask you again" in dora.press("my/apps/demo-web", "disconnect").text
    assert web.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert web.post("/introspect", token=tokens["access_token"]).json() == {"active": False}
    assert dora.open("my/apps/demo-web").status_code == 404


def test_the_other_browsers_are_signed_out_and_this_one_is_not(dora: AtHome, deployment: Deployment) -> None:
    other = AtHome(deployment, dora.username, dora.password)
    assert other.open("my").status_code == 200
    page = dora.press("my/sessions", "end-others")
    assert "All other browsers were signed out" in page.text
    assert other.browser.get(f"{deployment.issuer}/my").status_code == 303
    assert dora.browser.get(f"{deployment.issuer}/my").status_code == 200


def test_the_data_comes_as_a_file(dora: AtHome) -> None:
    file = dora.press("my/export", "download")
    assert file.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert file.headers["cache-control"] == "no-store"
    assert file.json()["profile"]["username"] == dora.username
