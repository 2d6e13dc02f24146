"""Clients made by machine, from outside: the admin and partner APIs, and registration where it is turned on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person, answer_of

SEED = Path(__file__).parent.parent.parent / "local" / "seed.json"
CALLBACK = "https://new.example/callback"
DOCUMENT = {"client_name": "A new app", "redirect_uris": [CALLBACK], "scope": "openid profile email read"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment where anybody may register a client."""
    log = tmp_path_factory.mktemp("registration") / "log"
    parameters = {"Registration": "Open"}
    with DevelopmentServer(port=0, resource_port=0, seed=SEED, log=log, parameters=parameters) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture(scope="module")
def operator(there: Deployment) -> str:
    app = App(there, "demo-admin", "demo-admin-secret-for-development-only")
    return str(app.post("/token", grant_type="client_credentials").json()["access_token"])


@pytest.fixture(scope="module")
def partner(there: Deployment) -> str:
    app = App(there, "demo-portal", None, "http://127.0.0.1:8083/callback")
    return str(tokens_of(app, scope="openid partner")["access_token"])


def tokens_of(app: App, **parameters: str) -> dict[str, Any]:
    return app.tokens_for(Person(app.deployment), **parameters)


def send(method: str, url: str, token: str = "", document: Any = None, **headers: str) -> httpx.Response:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.request(method, url, json=document, headers=headers, timeout=60)


@pytest.mark.rfc("7396", "2")
@pytest.mark.rfc("9457", "3")
def test_operator_makes_changes_and_ends_a_client(there: Deployment, operator: str) -> None:
    clients = f"{there.resource}/admin/clients"
    made = send("POST", clients, operator, DOCUMENT, **{"Idempotency-Key": "one"})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    client_id, secret = made.json()["client_id"], made.json()["client_secret"]
    assert client_id in [one["client_id"] for one in send("GET", clients, operator).json()["items"]]
    held = tokens_of(App(there, client_id, secret, CALLBACK))["access_token"]
    assert send("GET", f"{there.resource}/me", held).status_code == 200
    wrong = send("PATCH", f"{clients}/{client_id}", operator, {"logo_uri": "javascript:alert(1)"})
    assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json")
    assert wrong.json()["errors"][0]["field"] == "logo_uri"
    assert send("PATCH", f"{clients}/{client_id}", operator, {"status": "disabled"}).status_code == 200
    assert send("GET", f"{there.resource}/me", held).status_code == 401
    assert send("POST", f"{clients}/{client_id}/secrets", operator, {"overlap": 0}).status_code == 201
    assert send("DELETE", f"{clients}/{client_id}", operator).status_code == 204
    assert send("GET", f"{clients}/{client_id}", operator).status_code == 404


def test_each_api_wants_its_own_scope(there: Deployment, operator: str, partner: str) -> None:
    assert send("GET", f"{there.resource}/admin/clients", partner).status_code == 403
    assert send("POST", f"{there.resource}/admin/initial-access-tokens", partner, {}).status_code == 403
    assert send("GET", f"{there.resource}/partner/apps", operator).status_code == 403
    assert send("GET", f"{there.resource}/admin/clients").status_code == 401


def test_partner_makes_and_ends_an_app(there: Deployment, partner: str) -> None:
    apps = f"{there.resource}/partner/apps"
    made = send("POST", apps, partner, DOCUMENT).json()
    assert made["verification"] == "test"
    assert tokens_of(App(there, made["client_id"], made["client_secret"], CALLBACK))["access_token"]
    assert [one["client_id"] for one in send("GET", apps, partner).json()["items"]] == [made["client_id"]]
    assert send("GET", f"{apps}/demo-web", partner).status_code == 404
    changed = send("PATCH", f"{apps}/{made['client_id']}", partner, {"contacts": ["dev@new.example"]})
    assert changed.json()["contacts"] == ["dev@new.example"]
    assert send("DELETE", f"{apps}/{made['client_id']}", partner).status_code == 204


@pytest.mark.parametrize("path", ["/admin/clients/x", "/partner/apps/x"])
def test_browsers_may_call_the_management_apis(path: str, there: Deployment) -> None:
    asked = {"Origin": "https://portal.example", "Access-Control-Request-Method": "PATCH"}
    answer = send("OPTIONS", there.resource + path, **asked)
    assert {"PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(","))
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.rfc("7592", "2")
def test_client_registers_works_and_ends_itself(there: Deployment) -> None:
    metadata = httpx.get(f"{there.issuer}/.well-known/oauth-authorization-server", timeout=60).json()
    answer = send(
        "POST", metadata["registration_endpoint"], document=DOCUMENT | {"unheard_of": 1}, Origin="https://a.example"
    )
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.headers["access-control-allow-origin"] == "*"
    made = answer.json()
    app = App(there, made["client_id"], made["client_secret"], CALLBACK)
    assert tokens_of(app)["id_token"]
    uri, token = made["registration_client_uri"], made["registration_access_token"]
    assert send("GET", uri, token).json()["client_name"] == "A new app"
    replaced = send("PUT", uri, token, DOCUMENT | {"client_id": made["client_id"], "client_name": "Renamed"})
    assert replaced.json()["client_name"] == "Renamed"
    assert send("GET", uri, "ra_wrong").status_code == 401
    assert send("DELETE", uri, token).status_code == 204
    refused = send("GET", uri, token)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.rfc("6749", "4.4")
def test_nobody_gets_at_the_apis_without_a_user_by_registering(there: Deployment) -> None:
    document = {"grant_types": ["client_credentials"], "scope": "read write"}
    wrong = send("POST", f"{there.issuer}/register", document=document)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.rfc("7591", "3.2.2")
def test_registration_that_is_refused_is_told_as_rfc_7591_says(there: Deployment) -> None:
    wrong = send("POST", f"{there.issuer}/register", document={"redirect_uris": ["javascript:alert(1)"]})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_redirect_uri")
    wrong = httpx.post(f"{there.issuer}/register", data={"redirect_uris": CALLBACK}, timeout=60)
    assert wrong.status_code == 415
    wrong = send("GET", f"{there.issuer}/register")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


@pytest.mark.rfc("9700", "4.11.2")
@pytest.mark.rfc("OIDC Core", "3.1.2.6")
def test_link_to_a_test_client_leads_nowhere_without_a_click_but_for_silent_requests(there: Deployment) -> None:
    native = "http://127.0.0.1:33418/"
    document = DOCUMENT | {"redirect_uris": [CALLBACK, native]}
    app = App(there, send("POST", f"{there.issuer}/register", document=document).json()["client_id"])

    def asks(uri: str, **parameters: str) -> httpx.Response:
        request, _ = app.request(redirect_uri=uri, resource="https://unknown.example", **parameters)
        return Person(there).authorize(**request)

    page = asks(CALLBACK)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert f'href="{CALLBACK}?error=invalid_target' in page.text
    for answer in (asks(CALLBACK, prompt="none"), asks(native)):
        assert answer_of(answer)["error"] == "invalid_target"


def test_registration_is_off_unless_it_is_turned_on(deployment: Deployment) -> None:
    metadata = httpx.get(f"{deployment.issuer}/.well-known/oauth-authorization-server", timeout=60).json()
    assert "registration_endpoint" not in metadata
    answer = send("POST", f"{deployment.issuer}/register", document=DOCUMENT)
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
