"""What the authorization endpoint refuses, and where it says so."""

import pytest

from tests.flows.person import App, Deployment, Person, answer_of

UNREGISTERED = [
    "https://evil.example/callback",
    "http://127.0.0.1:8080/callback/../x",
    "http://127.0.0.1:8080/callback?extra=1",
    "http://127.0.0.1:8080/Callback",
    "http://user@127.0.0.1:8080/callback",
    "http://127.0.0.1.evil.example:8080/callback",
    "http://localhost:8080/callback",
    "http://127.0.0.1:8080/callback#fragment",
    "javascript:alert(1)",
    "com.example.demo://callback",
]


@pytest.mark.rfc("6749", "3.1.2.4")
@pytest.mark.rfc("9700", "2.1")
@pytest.mark.parametrize("uri", UNREGISTERED)
def test_unregistered_redirect_uri_never_gets_a_redirect(app: App, person: Person, uri: str) -> None:
    request, _ = app.request(redirect_uri=uri)
    response = person.authorize(**request)
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


@pytest.mark.rfc("6749", "4.1.2.1")
def test_unknown_client_never_gets_a_redirect(app: App, person: Person) -> None:
    request, _ = app.request(client_id="nobody")
    assert person.authorize(**request).status_code == 400


REDIRECTED = [
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"code_challenge": ""}, "invalid_request"),
    ({"code_challenge_method": ""}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"scope": "unheard-of"}, "invalid_scope"),
    ({"scope": 'bad"scope'}, "invalid_scope"),
    ({"resource": "not a uri"}, "invalid_target"),
    ({"resource": "https://elsewhere.example"}, "invalid_target"),
    ({"request": "x.y.z"}, "request_not_supported"),
    ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "surprise"}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"id_token_hint": "x.y.z"}, "invalid_request"),
    ({"nonce": "n" * 2049}, "invalid_request"),
]


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.rfc("9207", "2")
@pytest.mark.parametrize(("parameters", "error"), REDIRECTED)
def test_fault_of_a_known_client_is_told_by_redirect(
    app: App, person: Person, deployment: Deployment, parameters: dict[str, str], error: str
) -> None:
    request, _ = app.request(**parameters)
    response = person.authorize(**request)
    assert response.status_code == 303
    answer = answer_of(response)
    assert answer["error"] == error
    assert answer["state"] == request["state"]
    assert answer["iss"] == deployment.issuer


@pytest.mark.rfc("6749", "3.1")
def test_repeated_parameter_is_refused_and_an_unknown_one_ignored(app: App, person: Person) -> None:
    request, _ = app.request()
    assert answer_of(person.authorize(**request, prompt=["login", "login"]))["error"] == "invalid_request"
    assert "error" not in str(person.authorize(**request, unheard_of="x").headers["location"])
    repeated_state = answer_of(person.authorize(**{**request, "state": ["a", "b"]}))
    assert "state" not in repeated_state


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_scope_value_that_is_not_understood_is_ignored_and_told(app: App, person: Person) -> None:
    assert app.tokens_for(person, scope="openid unheard-of read")["scope"] == "openid read"


@pytest.mark.rfc("6749", "3.1.2.3")
def test_redirect_uri_is_required_where_several_are_registered(app: App, person: Person) -> None:
    request, _ = app.request(redirect_uri="", scope="read")
    assert person.authorize(**request).status_code == 400


@pytest.mark.rfc("9700", "4.16")
@pytest.mark.rfc("9700", "4.2.4")
def test_pages_are_neither_framed_nor_stored_nor_referred_from(app: App, person: Person) -> None:
    request, _ = app.request()
    login = person.follow(person.authorize(**request))
    consent = person.follow(person.sign_in(login))
    for page in (login, consent):
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "access-control-allow-origin" not in page.headers


def test_endpoint_answers_post_as_get_and_nothing_else(app: App, person: Person, deployment: Deployment) -> None:
    request, _ = app.request()
    response = person.browser.post(f"{deployment.issuer}/authorize", data=request)
    assert response.status_code == 303
