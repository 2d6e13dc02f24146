"""The developer portal over HTTP: an app is registered, and walked through in the playground, without a script."""

import re
from html import unescape
from urllib.parse import urljoin

import httpx

from tests.flows.person import App, Deployment, Person, hidden_fields

FIELD = re.compile(r'<input (?=[^>]*name="([^"]*)")(?=[^>]*value="([^"]*)")')
APP = {
    "client_name": "Tea planner",
    "redirect_uris": "https://tea.example/callback",
    "token_endpoint_auth_method": "client_secret_post",
    "preferred_subject_type": "user",
}
LISTS = "&grant_types=authorization_code&grant_types=refresh_token&scope=openid&scope=read"


class Developer(Person):
    """Somebody in the portal."""

    def visit(self, path: str) -> httpx.Response:
        page = self.follow(self.browser.get(f"{self.deployment.issuer}/{path}"))
        return self.follow(self.sign_in(page)) if 'name="password"' in page.text else page

    def act(self, page: httpx.Response, action: str, **form: str) -> httpx.Response:
        token = re.search(r'name="csrf" value="([^"]*)"', page.text)
        assert token
        return self.browser.post(str(page.url), {"csrf": token[1], "action": action, **form})


def form_of(page: httpx.Response, endpoint: str) -> dict[str, str]:
    """The first form of a page that goes to `endpoint`, as a browser without a script sends it."""
    found = re.search(rf'<form [^>]*action="[./]*{endpoint}"(.*?)</form>', page.text, re.DOTALL)
    assert found, page.text
    return {unescape(name): unescape(value) for name, value in FIELD.findall(found[1])}


def copied(page: httpx.Response, name: str) -> str:
    found = re.search(rf'<code id="{name}"[^>]*>([^<]*)</code>', page.text)
    assert found, page.text
    return found[1]


def registered(developer: Developer) -> App:
    page = developer.visit("developer/apps/new")
    fields = hidden_fields(page) | APP
    with httpx.Client() as http:
        body = str(httpx.QueryParams(fields)) + LISTS
        cookies = "; ".join(f"{name}={value}" for name, value in developer.browser.cookies.items())
        headers = {"content-type": "application/x-www-form-urlencoded", "cookie": cookies}
        told = http.post(str(page.url), content=body, headers=headers)
    assert told.status_code == 200, told.text
    issuer = developer.deployment.issuer
    callback = f"{issuer}/developer/playground/callback"
    return App(
        developer.deployment, copied(told, "client_id"), copied(told, "client_secret"), callback, "client_secret_post"
    )


def test_the_playground_walks_through_the_code_flow(deployment: Deployment) -> None:
    developer = Developer(deployment)
    app = registered(developer)
    page = developer.visit(f"developer/playground?client_id={app.client_id}")
    page = developer.follow(developer.act(page, "add_callback", client_id=app.client_id))
    asked = developer.follow(developer.authorize(**form_of(page, "authorize")))
    decided = developer.decide(asked)
    answer = developer.browser.get(urljoin(str(decided.url), decided.headers["location"]))
    assert "The state is the one that was sent" in answer.text

    tokens = httpx.post(
        f"{deployment.issuer}/token", data=form_of(answer, "token") | {"client_secret": app.secret or ""}
    )
    assert tokens.status_code == 200, tokens.text
    access_token = tokens.json()["access_token"]
    decoded = developer.act(developer.visit("developer/playground"), "decode", token=access_token)
    assert app.client_id in decoded.text
    assert app.post("/introspect", token=access_token).json()["active"]
    assert app.call("/userinfo", access_token).status_code == 200
    renewed = app.refresh(tokens.json()["refresh_token"])
    assert renewed.status_code == 200
    assert app.post("/revoke", token=renewed.json()["refresh_token"]).status_code == 200
    assert app.refresh(renewed.json()["refresh_token"]).json()["error"] == "invalid_grant"

    told = developer.visit(f"developer/apps/{app.client_id}/activity")
    assert "invalid_grant" in told.text
    used = developer.visit(f"developer/apps/{app.client_id}/secrets")
    assert "Never" not in used.text
