"""The account pages over HTTP: what people end there is over for everybody."""

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
def alice(deployment: Deployment) -> AtHome:
    return AtHome(deployment)


def test_a_page_asks_who_is_there_and_is_shown_then(alice: AtHome, deployment: Deployment) -> None:
    assert alice.browser.get(f"{deployment.issuer}/my/activity").headers["location"].startswith("../login?request=")
    page = alice.open("my/activity")
    assert (page.status_code, str(page.url)) == (200, f"{deployment.issuer}/my/activity")
    assert "Signed in" in page.text


@pytest.mark.rfc("9700", "4.14.2")
def test_an_app_that_was_disconnected_can_do_nothing_more(alice: AtHome, web: App, deployment: Deployment) -> None:
    tokens = web.tokens_for(alice)
    assert "Demo web application" in alice.open("my/apps").text
    assert "has to ask you again" in alice.press("my/apps/demo-web", "disconnect").text
    assert web.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert web.post("/introspect", token=tokens["access_token"]).json() == {"active": False}
    assert alice.open("my/apps/demo-web").status_code == 404


def test_the_other_browsers_are_signed_out_and_this_one_is_not(alice: AtHome, deployment: Deployment) -> None:
    other = AtHome(deployment)
    assert other.open("my").status_code == 200
    page = alice.press("my/sessions", "end-others")
    assert "All other browsers were signed out" in page.text
    assert other.browser.get(f"{deployment.issuer}/my").status_code == 303
    assert alice.browser.get(f"{deployment.issuer}/my").status_code == 200


def test_the_data_comes_as_a_file(alice: AtHome) -> None:
    file = alice.press("my/export", "download")
    assert file.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert file.headers["cache-control"] == "no-store"
    assert file.json()["profile"]["username"] == "alice"
