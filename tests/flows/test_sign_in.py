"""Sessions, prompts and what binds a form to its browser."""

import pytest

from tests.flows.person import App, Deployment, Person, answer_of, hidden_fields


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
def test_form_of_another_browser_is_refused(app: App, deployment: Deployment) -> None:
    attacker, victim = Person(deployment), Person(deployment)
    request, _ = app.request()
    page = attacker.follow(attacker.authorize(**request))
    assert victim.sign_in(page).status_code == 400


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
def test_form_without_its_csrf_token_is_refused(app: App, person: Person, deployment: Deployment) -> None:
    request, _ = app.request()
    login = person.follow(person.authorize(**request))
    form = hidden_fields(login) | {"csrf": "x", "username": person.username, "password": person.password}
    assert person.browser.post(f"{deployment.issuer}/login", data=form).status_code == 400
    consent = person.follow(person.sign_in(login))
    form = hidden_fields(consent) | {"csrf": hidden_fields(login)["csrf"], "decision": "allow"}
    assert person.browser.post(f"{deployment.issuer}/consent", data=form).status_code == 400


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
def test_wrong_password_and_unknown_user_get_one_answer(app: App, deployment: Deployment) -> None:
    answers = []
    for username in ("alice", "nobody-at-all"):
        person = Person(deployment, username, "wrong")
        request, _ = app.request()
        response = person.sign_in(person.follow(person.authorize(**request)))
        answers.append((response.status_code, response.text.count("not correct")))
    assert answers == [(401, 1), (401, 1)]


@pytest.mark.rfc("ASVS 5.0", "7.2.4")
def test_session_changes_at_sign_in_and_the_old_one_dies(web: App, person: Person) -> None:
    request, _ = web.request()
    person.go_through(**request)
    old = person.browser.cookies["__Host-session"]
    request, _ = web.request(prompt="login")
    person.follow(person.sign_in(person.follow(person.authorize(**request))))
    assert person.browser.cookies["__Host-session"] != old
    person.browser.cookies["__Host-session"] = old
    request, _ = web.request(prompt="none")
    assert answer_of(person.authorize(**request))["error"] == "login_required"


@pytest.mark.rfc("ASVS 5.0", "3.3.1")
def test_cookies_are_bound_to_this_host(app: App, person: Person) -> None:
    request, _ = app.request()
    first = person.authorize(**request)
    signed_in = person.sign_in(person.follow(first))
    for cookie in first.headers.get_list("set-cookie") + signed_in.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-")
        assert all(attribute in cookie for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        assert "Domain" not in cookie


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_none_gives_a_code_once_the_user_has_consented(web: App, person: Person) -> None:
    request, _ = web.request()
    person.go_through(**request)
    request, proof = web.request(prompt="none")
    answer = answer_of(person.authorize(**request))
    assert web.exchange(answer["code"], proof).status_code == 200


@pytest.mark.rfc("ASVS 5.0", "10.7.1")
@pytest.mark.rfc("8252", "8.6")
def test_public_client_on_loopback_asks_for_consent_every_time(app: App, person: Person) -> None:
    request, _ = app.request()
    person.go_through(**request)
    request, _ = app.request(prompt="none")
    assert answer_of(person.authorize(**request))["error"] == "consent_required"


@pytest.mark.rfc("ASVS 5.0", "10.3.4")
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_login_and_max_age_ask_for_the_password_again(web: App, person: Person) -> None:
    request, _ = web.request()
    person.go_through(**request)
    for again in ({"prompt": "login"}, {"max_age": "0"}, {"prompt": "select_account"}):
        request, _ = web.request(**again)
        page = person.follow(person.authorize(**request))
        assert 'name="password"' in page.text or again == {"max_age": "0"}


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_login_cannot_be_passed_by_going_to_consent(web: App, person: Person, deployment: Deployment) -> None:
    request, _ = web.request()
    person.go_through(**request)
    request, _ = web.request(prompt="login")
    login = person.follow(person.authorize(**request))
    handle = hidden_fields(login)["request"]
    response = person.browser.get(f"{deployment.issuer}/consent", params={"request": handle})
    assert response.headers["location"].startswith("login")


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_hint_of_another_user_is_not_answered_for_this_one(web: App, deployment: Deployment) -> None:
    alice, bob = Person(deployment), Person(deployment, "bob", "builder-demo")
    hint = web.tokens_for(alice)["id_token"]
    web.tokens_for(bob)
    request, _ = web.request(prompt="none", id_token_hint=hint)
    assert answer_of(bob.authorize(**request))["error"] == "login_required"
    assert "code" in answer_of(alice.authorize(**request))


def test_two_tabs_do_not_mix(app: App, person: Person) -> None:
    first_request, first_proof = app.request()
    second_request, second_proof = app.request()
    first_page = person.follow(person.authorize(**first_request))
    second_page = person.follow(person.authorize(**second_request))
    second = answer_of(person.decide(person.follow(person.sign_in(second_page))))
    first = answer_of(person.decide(person.follow(person.sign_in(first_page))))
    assert (first["state"], second["state"]) == (first_request["state"], second_request["state"])
    assert app.exchange(first["code"], first_proof).status_code == 200
    assert app.exchange(second["code"], second_proof).status_code == 200


def test_consent_submitted_twice_gives_one_code(app: App, person: Person) -> None:
    request, proof = app.request()
    consent = person.follow(person.sign_in(person.follow(person.authorize(**request))))
    first, second = answer_of(person.decide(consent)), answer_of(person.decide(consent))
    assert first["code"] == second["code"]
    tokens = app.exchange(first["code"], proof).json()
    assert person.decide(consent).status_code == 400
    assert person.decide(consent, "deny").status_code == 400
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_login_hint_is_filled_in_and_escaped(app: App, person: Person) -> None:
    request, _ = app.request(login_hint='"><script>alert(1)</script>')
    page = person.follow(person.authorize(**request))
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
@pytest.mark.rfc("ASVS 5.0", "6.1.1")
def test_guessing_one_account_is_slowed_down_and_does_not_lock_out_others(deployment: Deployment, app: App) -> None:
    guesser = Person(deployment, "carol-who-does-not-exist", "wrong")
    request, _ = app.request()
    page = guesser.follow(guesser.authorize(**request))
    statuses = [guesser.sign_in(page).status_code for _ in range(12)]
    assert statuses[:5] == [401] * 5
    assert 429 in statuses[5:]
    assert "id_token" in app.tokens_for(Person(deployment))
