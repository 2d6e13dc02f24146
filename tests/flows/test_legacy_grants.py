"""The implicit and the password grant from outside: where an operator has turned them on, and where they are off."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person, answer_of, demo_app, demo_web, hidden_fields

SEED = Path(__file__).parent.parent.parent / "local" / "seed.json"
REDIRECT_URI = "https://legacy.example/callback"
LEGACY_APP = {
    "client_id": "legacy-app",
    "redirect_uris": [REDIRECT_URI],
    "grant_types": ["implicit", "password", "refresh_token"],
    "response_types": ["token", "id_token", "id_token token"],
    "token_endpoint_auth_method": "none",
    "scope": "openid profile email read",
}
LEGACY_WEB = {
    **LEGACY_APP,
    "client_id": "legacy-web",
    "client_secret": "legacy-web-secret",
    "token_endpoint_auth_method": "client_secret_basic",
    "id_token_signed_response_alg": "ES256",
    "access_token_format": "opaque",
}
type Make = Callable[[Deployment], App]
PASSWORD = {"grant_type": "password", "username": "alice", "password": "wonderland-demo"}


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("legacy") / "seed.json"
    document = json.loads(SEED.read_text())
    document["clients"] += [LEGACY_APP, LEGACY_WEB]
    file.write_text(json.dumps(document))
    return file


@pytest.fixture(scope="module")
def legacy(seed: Path) -> Iterator[Deployment]:
    """A deployment that has turned both on."""
    parameters = {"ImplicitGrant": "true", "PasswordGrant": "true"}
    with DevelopmentServer(
        port=0, resource_port=0, seed=seed, log=seed.with_name("log"), parameters=parameters
    ) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture(scope="module")
def default(seed: Path) -> Iterator[Deployment]:
    """One that has not, with the same clients."""
    with DevelopmentServer(port=0, resource_port=0, seed=seed, log=seed.with_name("default-log")) as server:
        yield Deployment(server.issuer, server.resource)


def public(deployment: Deployment) -> App:
    return App(deployment, "legacy-app", None, REDIRECT_URI)


def confidential(deployment: Deployment) -> App:
    return App(deployment, "legacy-web", "legacy-web-secret", REDIRECT_URI)


def request_of(app: App, response_type: str, **parameters: str) -> dict[str, str]:
    request, _ = app.request(response_type=response_type, **parameters)
    return {name: value for name, value in request.items() if not name.startswith("code_challenge")}


def metadata(deployment: Deployment) -> dict[str, list[str]]:
    document: dict[str, list[str]] = httpx.get(f"{deployment.issuer}/.well-known/openid-configuration").json()
    return document


# ------------------------------------------------------------------ implicit


@pytest.mark.rfc("6749", "4.2")
@pytest.mark.parametrize("make", [public, confidential])
def test_access_token_comes_in_the_fragment_and_works_until_it_is_revoked(make: Make, legacy: Deployment) -> None:
    app, person = make(legacy), Person(legacy)
    request = request_of(app, "token", scope="openid email read")
    answer = person.go_through(**request)
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (request["state"], legacy.issuer)
    assert (answer["token_type"], answer["scope"]) == ("Bearer", "openid email read")
    assert app.call("/userinfo", answer["access_token"]).json()["email"] == "alice@example.com"
    again = person.authorize(**request)
    assert urlsplit(again.headers["location"]).query == ""
    assert again.headers["location"].startswith(REDIRECT_URI + "#access_token=")
    assert again.headers["cache-control"] == "no-store"
    assert again.headers["referrer-policy"] == "no-referrer"
    assert app.post("/revoke", token=answer["access_token"]).status_code == 200
    assert app.call("/userinfo", answer["access_token"]).status_code == 401
    assert app.call("/userinfo", answer_of(again)["access_token"]).status_code == 200


@pytest.mark.rfc("OIDC Core", "3.2.2.5")
@pytest.mark.rfc("OIDC Core", "3.2.2.11")
@pytest.mark.parametrize("make", [public, confidential])
def test_id_token_is_signed_and_bound_to_the_request(make: Make, legacy: Deployment) -> None:
    app, person = make(legacy), Person(legacy)
    request = request_of(app, "token id_token")
    answer = person.go_through(**request)
    keys = jwt.PyJWKClient(f"{legacy.issuer}/.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(answer["id_token"])
    claims = jwt.decode(answer["id_token"], key, audience=app.client_id, issuer=legacy.issuer)
    assert claims["nonce"] == request["nonce"]
    assert claims["at_hash"] == left_half_hash(answer["access_token"])
    alone = person.go_through(**request_of(app, "id_token"))
    told = jwt.decode(alone["id_token"], key, audience=app.client_id, issuer=legacy.issuer)
    assert (told["email"], told["name"]) == ("alice@example.com", "Alice Liddell")
    assert "at_hash" not in told


def left_half_hash(text: str) -> str:
    half = hashlib.sha256(text.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


@pytest.mark.rfc("OAuth 2.0 Form Post Response Mode", "2")
def test_tokens_can_be_posted_instead(legacy: Deployment) -> None:
    person = Person(legacy)
    request = request_of(public(legacy), "id_token", response_mode="form_post", prompt="consent")
    page = person.follow(person.authorize(**request))
    answer = hidden_fields(person.decide(person.follow(person.sign_in(page))))
    assert answer.keys() == {"id_token", "state", "iss"}


@pytest.mark.rfc("6749", "4.2.2.1")
@pytest.mark.rfc("9207", "2")
@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": "token", "response_mode": "query"}, "invalid_request"),
        ({"response_type": "id_token", "nonce": ""}, "invalid_request"),
        ({"response_type": "id_token", "scope": "read"}, "invalid_request"),
        ({"response_type": "token", "scope": "unheard-of"}, "invalid_scope"),
        ({"response_type": "token", "prompt": "none"}, "login_required"),
        ({"response_type": "code token"}, "unsupported_response_type"),
    ],
)
def test_fault_is_told_in_the_fragment(parameters: dict[str, str], error: str, legacy: Deployment) -> None:
    request = request_of(public(legacy), **parameters)
    response = Person(legacy).authorize(**request)
    answer = answer_of(response)
    assert urlsplit(response.headers["location"]).query == ""
    assert (answer["error"], answer["state"], answer["iss"]) == (error, request["state"], legacy.issuer)


@pytest.mark.rfc("6749", "4.2.2.1")
def test_client_that_is_not_registered_for_it_is_unauthorized(legacy: Deployment) -> None:
    for app in (demo_app(legacy), demo_web(legacy)):
        answer = answer_of(Person(legacy).authorize(**request_of(app, "token")))
        assert answer["error"] == "unauthorized_client"
    request, _ = public(legacy).request()
    assert answer_of(Person(legacy).authorize(**request))["error"] == "unauthorized_client"


# ------------------------------------------------------------------ password


@pytest.mark.rfc("6749", "4.3")
@pytest.mark.parametrize("make", [public, confidential])
def test_password_gives_tokens_that_work_until_they_are_revoked(make: Make, legacy: Deployment) -> None:
    app = make(legacy)
    response = app.post("/token", **PASSWORD, scope="openid read")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    tokens = response.json()
    assert app.call("/userinfo", tokens["access_token"]).status_code == 200
    refreshed = app.refresh(tokens["refresh_token"], "/refresh").json()
    app.post("/revoke", token=refreshed["refresh_token"])
    for access_token in (tokens["access_token"], refreshed["access_token"]):
        assert app.call("/userinfo", access_token).status_code == 401


@pytest.mark.rfc("6749", "5.2")
def test_wrong_password_and_unknown_name_get_one_answer(legacy: Deployment) -> None:
    answers = [
        public(legacy).post("/token", **{**PASSWORD, **wrong})
        for wrong in ({"password": "guessed"}, {"username": "nobody"})
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"] == "invalid_grant"


@pytest.mark.rfc("6749", "4.3.2")
@pytest.mark.rfc("6585", "4")
def test_guessing_is_throttled_whoever_the_caller_says_to_be(legacy: Deployment) -> None:
    form = {**PASSWORD, "username": "bob", "client_id": "legacy-app"}

    def guess(number: int, password: str) -> httpx.Response:
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        return httpx.post(f"{legacy.issuer}/token", data={**form, "password": password}, headers=headers, timeout=60)

    guesses = [guess(number, "guessed") for number in range(12)]
    assert [answer.status_code for answer in guesses[:5]] == [400] * 5
    throttled = next(answer for answer in guesses if answer.status_code == 429)
    assert throttled.json()["error"] == "invalid_grant"
    assert 0 < int(throttled.headers["retry-after"]) <= 900


def test_client_that_is_not_registered_for_passwords_is_unauthorized(legacy: Deployment) -> None:
    assert demo_web(legacy).post("/token", **PASSWORD).json()["error"] == "unauthorized_client"


# ------------------------------------------------------------------ on and off


@pytest.mark.rfc("8414", "2")
def test_metadata_says_what_is_on(legacy: Deployment) -> None:
    document = metadata(legacy)
    device_code = "urn:ietf:params:oauth:grant-type:device_code"  # which the development server always has
    assert document["grant_types_supported"][-3:] == ["implicit", "password", device_code]
    assert document["response_types_supported"] == ["code", "token", "id_token", "id_token token"]
    assert document["response_modes_supported"] == ["query", "form_post", "fragment"]


@pytest.mark.rfc("9700", "2.1.2")
@pytest.mark.rfc("9700", "2.4")
def test_by_default_nothing_of_it_is_advertised_or_accepted(default: Deployment) -> None:
    """Whatever a client has registered."""
    document = metadata(default)
    assert not {"implicit", "password"} & set(document["grant_types_supported"])
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == ["query", "form_post"]
    app, person = public(default), Person(default)
    for response_type in LEGACY_APP["response_types"]:
        answer = answer_of(person.authorize(**request_of(app, response_type)))
        assert answer["error"] == "unsupported_response_type"
    assert app.post("/token", **PASSWORD).json()["error"] == "unsupported_grant_type"
