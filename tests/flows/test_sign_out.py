"""Signing out over HTTP: OpenID Connect RP-Initiated Logout 1.0."""

import httpx
import pytest

from tests.flows.person import App, Deployment, Person, answer_of, hidden_fields

LOGOUT = "OIDC RP-Initiated Logout"
BYE = "http://127.0.0.1:8081/signed-out"


def is_signed_in(person: Person, web: App) -> bool:
    request, _ = web.request(prompt="none")
    return answer_of(person.authorize(**request)).get("error") != "login_required"


@pytest.mark.rfc(LOGOUT, "2.1")
def test_the_endpoint_is_where_the_metadata_says(deployment: Deployment) -> None:
    metadata = httpx.get(f"{deployment.issuer}/.well-known/openid-configuration", timeout=60).json()
    assert metadata["end_session_endpoint"] == f"{deployment.issuer}/logout"


@pytest.mark.rfc(LOGOUT, "2")
@pytest.mark.rfc(LOGOUT, "3")
def test_an_application_signs_its_user_out_and_gets_them_back(web: App, person: Person, deployment: Deployment) -> None:
    wanted = {"id_token_hint": web.tokens_for(person)["id_token"], "post_logout_redirect_uri": BYE, "state": "xyz"}
    assert is_signed_in(person, web)
    cookie = person.browser.cookies["__Host-session"]
    answer = person.browser.get(f"{deployment.issuer}/logout", params=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BYE}?state=xyz")
    assert person.browser.cookies["__Host-session"] == ""
    person.browser.cookies["__Host-session"] = cookie
    assert not is_signed_in(person, web), "the session is over on the server, even for a browser that kept the cookie"


@pytest.mark.rfc(LOGOUT, "2")
def test_a_person_is_asked_and_answers(web: App, person: Person, deployment: Deployment) -> None:
    web.tokens_for(person)
    wanted = {"client_id": web.client_id, "post_logout_redirect_uri": BYE, "state": "<x>"}
    page = person.browser.get(f"{deployment.issuer}/logout", params=wanted)
    assert "Do you want to sign out?" in page.text
    assert is_signed_in(person, web)
    answer = person.browser.post(f"{deployment.issuer}/logout", data=hidden_fields(page))
    assert answer.headers["location"] == f"{BYE}?state=%3Cx%3E"
    assert not is_signed_in(person, web)


@pytest.mark.rfc(LOGOUT, "3")
def test_nobody_is_sent_where_the_application_did_not_register(
    web: App, person: Person, deployment: Deployment
) -> None:
    for uri in ("https://evil.example/", f"{BYE}/../x", web.redirect_uri):
        hint = web.tokens_for(person)["id_token"]
        wanted = {"id_token_hint": hint, "post_logout_redirect_uri": uri}
        answer = person.browser.get(f"{deployment.issuer}/logout", params=wanted)
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "You are signed out" in answer.text
        assert not is_signed_in(person, web)


@pytest.mark.rfc(LOGOUT, "3")
def test_a_person_whom_nobody_sent_by_name_can_sign_out(web: App, person: Person, deployment: Deployment) -> None:
    web.tokens_for(person)
    page = person.browser.get(f"{deployment.issuer}/logout", params={"post_logout_redirect_uri": BYE})
    assert "Do you want to sign out?" in page.text
    answer = person.browser.post(f"{deployment.issuer}/logout", data=hidden_fields(page))
    assert "You are signed out" in answer.text
    assert not is_signed_in(person, web)


@pytest.mark.rfc("9700", "4.7")
def test_a_form_from_elsewhere_signs_nobody_out(web: App, person: Person, deployment: Deployment) -> None:
    web.tokens_for(person)
    assert person.browser.post(f"{deployment.issuer}/logout", data={"csrf": "x"}).status_code == 400
    assert person.browser.post(f"{deployment.issuer}/logout", data={"junk": "x"}).headers["location"] == "logout"
    assert is_signed_in(person, web)
