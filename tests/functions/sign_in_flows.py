"""The flows of people who sign in, here and elsewhere, and decide what an app may do."""

import secrets

from tests.functions.federation import federated, federated_person
from tests.functions.flowing import answered, flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import (
    LOGO,
    approve,
    change_client,
    give_organisations,
    import_password_of_alice,
    issue_opaque_tokens,
)
from tests.functions.journey import App, Browser, hidden_fields, native, parameters_of, web
from tests.functions.world import World


@flow
def sign_in_consent_and_exchange(world: World) -> None:
    native(Gateway(world)).tokens()


@flow
def sign_in_for_an_app_with_a_logo(world: World) -> None:
    """It is in the record itself, and apart from what each request reads."""
    change_client(world, "demo-app", logo_uri=LOGO)
    browser = Browser(Gateway(world))
    login = browser.follow(browser.authorize(native(browser.gateway).request()))
    consent = browser.follow(browser.sign_in(login))
    assert LOGO in login.body
    assert LOGO in consent.body


@flow
def remembered_consent(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    web(gateway).tokens(browser)
    web(gateway).tokens(browser)
    # From a sign-in on, too, the consent page has nothing to ask.
    web(gateway).tokens(Browser(gateway))


@flow
def remembered_consent_that_has_expired(world: World) -> None:
    """TTL has not removed it yet."""
    gateway = Gateway(world)
    web(gateway).tokens()
    (consent,) = [key for key in world.aws.items("TokensTable") if key.startswith("consent#")]
    world.aws.change("TokensTable", consent, expires_at={"N": "1000"})
    web(gateway).tokens()


@flow
def sign_in_again_when_asked_to(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    tokens = web(gateway).tokens(browser)
    web(gateway).tokens(browser, prompt="login", id_token_hint=tokens["id_token"])


@flow
def sign_in_with_a_wrong_password(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    for _ in range(3):  # the first ones of a source cost less
        answered(401, browser.sign_in(page, password=secrets.token_urlsafe()))
    answered(401, browser.sign_in(page, username="nobody", password=secrets.token_urlsafe()))
    answered(400, browser.sign_in(page, csrf=secrets.token_urlsafe()))


@flow
def deny(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(native(gateway).request()))))
    assert "error=access_denied" in browser.decide(page, "deny").location
    answered(400, browser.decide(page, "allow"))


@flow
def authorization_requests_that_are_refused(world: World) -> None:
    gateway = Gateway(world)
    app, browser = native(gateway), Browser(gateway)
    answered(400, browser.authorize(app.request(client_id="unknown")))
    answered(400, browser.authorize(app.request(redirect_uri="https://evil.example.com/")))
    assert "error=login_required" in browser.authorize(app.request(prompt="none")).location
    assert "error=invalid_request" in browser.authorize(app.request(code_challenge="")).location
    answered(400, browser.send("GET", "/login", query={"request": "rq_" + secrets.token_urlsafe(32)}))
    answered(400, browser.send("GET", "/consent", query={"request": "rq_" + secrets.token_urlsafe(32)}))


@flow
def sign_in_with_an_imported_password(world: World) -> None:
    import_password_of_alice(world)
    native(Gateway(world)).tokens()
    native(Gateway(world)).tokens()


def choose(app: App, browser: Browser, *entities: str) -> Answer:
    """Signs in if asked to, chooses the organisation Acme, then these companies; the answer to that."""
    page = browser.follow(browser.authorize(app.request()))
    if 'name="password"' in page.body:
        page = browser.follow(browser.sign_in(page))
    handle = hidden_fields(page)["request"]
    page = browser.send("GET", "/consent", query={"request": handle, "organisation": "acme"})
    pairs = [*(hidden_fields(page) | {"decision": "allow"}).items(), *(("entities", one) for one in entities)]
    return browser.send("POST", "/consent", form=pairs)


@flow
def choose_an_organisation(world: World) -> None:
    """A member allows one company, asks for all of them, and gets them once an administrator has allowed it."""
    alice = give_organisations(world)
    issue_opaque_tokens(world, "demo-web")
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    answered(400, choose(app, browser))
    answer = app.exchange(parameters_of(choose(app, browser, "one"))["code"]).json()
    answer |= app.refresh(answer["refresh_token"], "/refresh").json()
    assert app.post("/introspect", token=answer["access_token"]).json()["entities"] == ["one"]
    assert app.post("/introspect", token=answer["refresh_token"]).json()["active"] is True
    bearer = {"authorization": f"Bearer {answer['access_token']}"}
    assert gateway.send("GET", "/introspect", headers=bearer).json()["org"] == "acme"
    answered(200, gateway.call("GET", "/me", bearer["authorization"]))
    answered(200, choose(app, browser, "*"))
    approve(world, "acme", "demo-web", alice)
    assert "code" in parameters_of(choose(app, browser, "*"))


@flow
def sign_in_at_an_identity_provider(world: World) -> None:
    with federated(world) as provider:
        somebody = federated_person(world)
        assert "access_token" in somebody.tokens_from(provider)
        provider.person.claims["name"] = "Alice Renamed"
        assert "consent?request=" in somebody.sign_in_at(provider, prompt="login").location
    with federated(world, trusts_email=True) as provider:
        provider.person.subject = "another"
        for address in ("one@work.example", "another@work.example"):
            provider.person.claims.update(email=address, email_verified=True)
            somebody = federated_person(world)
            assert "consent?request=" in somebody.sign_in_at(provider).location
    with federated(world) as provider:
        by_address = federated_person(world)
        page = by_address.arrive(scope="openid profile not-registered")
        location = by_address.choose(page, email="alice@work.example").location
        assert "consent?request=" in by_address.come_back(provider.authorize(location)).location


@flow
def ask_for_a_resource(world: World) -> None:
    """By functions that have just started, and have to look which resources there are."""
    names = ("authorize", "login", "consent", "token", "refresh", "introspect")
    with world.using(**{name: world.load(name) for name in names}):
        app = web(Gateway(world))
        tokens = app.tokens(resource=world.resource)
        app.post("/introspect", token=tokens["access_token"])
        answered(200, app.refresh(tokens["refresh_token"], "/refresh"))
    with federated(world) as provider:
        assert "consent?request=" in federated_person(world).sign_in_at(provider, resource=world.resource).location


@flow
def sign_in_at_an_identity_provider_that_is_refused(world: World) -> None:
    with federated(world) as provider:
        somebody, other = federated_person(world), federated_person(world)
        location = provider.authorize(somebody.choose(somebody.arrive()).location)
        answered(400, other.come_back(location))
        assert "consent?request=" in somebody.come_back(location).location
        assert "consent?request=" in somebody.come_back(location).location  # loaded again, and signed in already
        del somebody.cookies["__Host-session"]
        answered(400, somebody.come_back(location))
        answered(404, other.choose(other.arrive(), provider="nobody"))
        answered(404, other.choose(other.arrive(), email="alice@elsewhere.example"))
        provider.claims = {"nonce": "another"}
        answered(502, federated_person(world).sign_in_at(provider))
        provider.parameters = {"error": "access_denied"}
        answered(403, federated_person(world).sign_in_at(provider))
