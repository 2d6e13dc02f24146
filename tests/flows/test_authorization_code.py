"""The main job, from outside: sign in, consent, get tokens, call an API, refresh, revoke, be refused."""

import base64
import json
import re
from typing import Any

import pytest

from tests.flows.person import App, Deployment, Person, Proof, answer_of


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


@pytest.mark.rfc("6749", "4.1")
@pytest.mark.rfc("7636", "4.5")
def test_flow_of_a_public_client_ends_with_tokens_that_work_until_revoked(app: App, person: Person) -> None:
    tokens = app.tokens_for(person)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert app.call("/userinfo", tokens["access_token"]).json()["email"] == "alice@example.com"
    assert app.call("/items", tokens["access_token"]).status_code == 200

    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert app.call("/items", refreshed["access_token"]).status_code == 200

    assert app.post("/revoke", token=refreshed["refresh_token"]).status_code == 200
    assert app.refresh(refreshed["refresh_token"]).json()["error"] == "invalid_grant"
    for access_token in (tokens["access_token"], refreshed["access_token"]):
        assert app.call("/items", access_token).status_code in (401, 502)


def test_flow_of_a_confidential_client_ends_with_tokens(web: App, person: Person) -> None:
    tokens = web.tokens_for(person)
    assert web.call("/me", tokens["access_token"]).json()["client_id"] == "demo-web"


@pytest.mark.rfc("9207", "2")
def test_answer_names_the_issuer_and_returns_the_state(app: App, person: Person, deployment: Deployment) -> None:
    request, _ = app.request(state="a b&c=<d>é\r\nx")
    answer = person.go_through(**request)
    assert answer["iss"] == deployment.issuer
    assert answer["state"] == "a b&c=<d>é\r\nx"


@pytest.mark.rfc("6749", "4.1.2")
def test_state_that_was_not_sent_does_not_come_back(app: App, person: Person) -> None:
    request, _ = app.request(state="")
    assert "state" not in person.go_through(**request)


@pytest.mark.rfc("6749", "4.1.2")
def test_code_redeemed_twice_revokes_what_it_issued(app: App, person: Person) -> None:
    request, proof = app.request()
    code = person.go_through(**request)["code"]
    first = app.exchange(code, proof)
    second = app.exchange(code, proof)
    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["error"] == "invalid_grant"
    assert app.refresh(first.json()["refresh_token"]).json()["error"] == "invalid_grant"
    assert app.call("/me", first.json()["access_token"]).status_code in (401, 502)


@pytest.mark.rfc("7636", "4.6")
def test_thief_without_the_verifier_neither_gets_tokens_nor_burns_the_code(app: App, person: Person) -> None:
    request, proof = app.request()
    code = person.go_through(**request)["code"]
    assert app.exchange(code, Proof()).json()["error"] == "invalid_grant"
    assert app.exchange(code, proof).status_code == 200


@pytest.mark.rfc("6749", "5.2")
def test_code_of_another_client_is_refused(app: App, other: App, person: Person) -> None:
    request, proof = app.request()
    code = person.go_through(**request)["code"]
    assert other.exchange(code, proof, redirect_uri=app.redirect_uri).json()["error"] == "invalid_grant"


@pytest.mark.rfc("6749", "4.1.2.1")
def test_denied_consent_is_told_the_client(app: App, person: Person) -> None:
    request, _ = app.request()
    answer = person.go_through("deny", **request)
    assert answer["error"] == "access_denied"
    assert answer["state"] == request["state"]
    assert "code" not in answer


@pytest.mark.rfc("6749", "6")
@pytest.mark.rfc("9700", "4.14.2")
def test_refresh_endpoint_is_the_token_endpoint_with_the_refresh_grant_alone(app: App, person: Person) -> None:
    tokens = app.tokens_for(person)
    assert app.refresh(tokens["refresh_token"], "/refresh").status_code == 200
    other_grant = app.post("/refresh", grant_type="authorization_code", code="x")
    assert other_grant.json()["error"] == "unsupported_grant_type"


@pytest.mark.rfc("9700", "4.14.2")
def test_refresh_within_the_grace_gives_the_same_successor(web: App, person: Person) -> None:
    tokens = web.tokens_for(person)
    first, again = (web.refresh(tokens["refresh_token"]).json() for _ in range(2))
    assert first["refresh_token"] == again["refresh_token"]
    assert first["access_token"] != again["access_token"]


@pytest.mark.rfc("9700", "4.14.2")
def test_refresh_token_of_an_older_generation_revokes_everything(web: App, person: Person) -> None:
    tokens = web.tokens_for(person)
    second = web.refresh(tokens["refresh_token"]).json()
    third = web.refresh(second["refresh_token"]).json()
    assert web.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert web.refresh(third["refresh_token"]).json()["error"] == "invalid_grant"
    assert web.call("/me", third["access_token"]).status_code in (401, 502)


@pytest.mark.rfc("6749", "4.4")
def test_machine_gets_a_token_for_itself_and_no_refresh_token(machine: App) -> None:
    answer = machine.post("/token", grant_type="client_credentials", scope="read write").json()
    assert answer["scope"] == "read write"
    assert "refresh_token" not in answer
    added = machine.call("/items", answer["access_token"], "POST", json={"name": "a third"})
    assert added.json()["name"] == "a third"


@pytest.mark.rfc("6749", "3.3")
def test_request_without_a_scope_gets_the_default_and_is_told(machine: App) -> None:
    assert machine.post("/token", grant_type="client_credentials").json()["scope"] == "read"


@pytest.mark.rfc("9068", "2.2")
def test_access_token_says_what_the_profile_asks_for(app: App, person: Person, deployment: Deployment) -> None:
    token = app.tokens_for(person)["access_token"]
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    claims = claims_of(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert claims["iss"] == deployment.issuer
    assert claims["aud"] == deployment.resource
    assert claims["client_id"] == "demo-app"
    assert {"sub", "exp", "iat", "jti", "scope", "auth_time"} <= set(claims)


@pytest.mark.rfc("OIDC Core", "2")
@pytest.mark.parametrize(("client", "algorithm"), [("app", "ES256"), ("web", "RS256")])
def test_id_token_is_signed_as_the_client_registered(
    client: str, algorithm: str, request: pytest.FixtureRequest, person: Person
) -> None:
    tokens = request.getfixturevalue(client).tokens_for(person, nonce="n-1")
    header = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[0] + "=="))
    claims = claims_of(tokens["id_token"])
    assert header["alg"] == algorithm
    assert claims["nonce"] == "n-1"
    assert {"at_hash", "auth_time", "exp", "iat"} <= set(claims)


@pytest.mark.rfc("OIDC Core", "5.3.2")
def test_userinfo_names_the_subject_of_the_id_token(app: App, person: Person) -> None:
    tokens = app.tokens_for(person)
    subject = claims_of(tokens["id_token"])["sub"]
    for method in ("GET", "POST"):
        assert app.call("/userinfo", tokens["access_token"], method).json()["sub"] == subject


@pytest.mark.rfc("OIDC Core", "5.4")
def test_userinfo_gives_only_what_the_scope_asks_for(app: App, person: Person) -> None:
    tokens = app.tokens_for(person, scope="openid")
    assert set(app.call("/userinfo", tokens["access_token"]).json()) == {"sub"}


@pytest.mark.rfc("8252", "7.3")
def test_loopback_redirect_may_use_any_port(app: App, person: Person) -> None:
    app.redirect_uri = "http://127.0.0.1:54321/callback"
    assert "id_token" in app.tokens_for(person)


@pytest.mark.rfc("8252", "7.1")
def test_private_use_scheme_with_a_single_slash_works(app: App, person: Person) -> None:
    app.redirect_uri = "com.example.demo:/callback"
    request, proof = app.request()
    page = person.follow(person.authorize(**request))
    consent = person.follow(person.sign_in(page))
    response = person.decide(consent)
    assert response.headers["location"].startswith("com.example.demo:/callback?code=")
    assert app.exchange(answer_of(response)["code"], proof).status_code == 200


@pytest.mark.rfc("OAuth 2.0 Form Post Response Mode", "2")
def test_form_post_puts_the_answer_into_a_form_for_the_client(web: App, person: Person) -> None:
    request, proof = web.request(response_mode="form_post")
    page = person.follow(person.sign_in(person.follow(person.authorize(**request))))
    if 'name="decision"' in page.text:
        page = person.decide(page)
    assert f'action="{web.redirect_uri}"' in page.text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
    assert fields["state"] == request["state"]
    assert web.exchange(fields["code"], proof).status_code == 200
