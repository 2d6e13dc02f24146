"""Pleo: developer partners' apps reach the accounting data of companies and organisations, with their consent."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from examples.walk import Application, Person, Site, answered, require

FOLDER = Path(__file__).parent
WORKERS = 16
DAY = 86_400


def walk(site: Site) -> None:
    """The story, from an empty deployment to a revoked app."""
    operator = _operator(site)
    _configure(site, operator)
    app = _register_app(site, operator)
    tokens = _connect(site, app)
    _call(site, tokens)
    _ask_itself(site, tokens)
    tokens = _refresh_by_many_workers(site, app, tokens)
    _change_companies(site, tokens)
    _ask_for_details(site, app)
    _ask_an_administrator(site, app)
    _see_and_revoke(site, app, tokens)


# ------------------------------------------------------------------ who is who


def _operator(site: Site) -> str:
    """The operator's access token, by client credentials."""
    client = Application(site, "operations", "operations-secret-for-development-only")
    return str(client.token(grant_type="client_credentials")["access_token"])


def _portal(site: Site, person: Person, scope: str) -> str:
    """The access token with which a user registers apps or manages an organisation, at our own portal."""
    portal = Application(site, "portal", "", "https://app.pleo.example/callback", scope)
    return str(portal.exchange(person.connects(portal.request()))["access_token"])


def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


# ------------------------------------------------------------------ the steps


def _configure(site: Site, operator: str) -> None:
    site.step("An operator stores the scope catalogue and the customers, by the admin API")
    scopes = _read("scopes.json")
    for name in sorted(scopes, key=lambda name: len(scopes[name].get("implies", []))):
        site.api("PUT", f"/admin/scopes/{name}", operator, document=scopes[name], expect=(200, 201))
    users = {user["username"]: user["sub"] for user in site.api("GET", "/admin/users", operator)["items"]}
    for organisation in _read("organisations.json"):
        created = {"id": organisation["id"], "name": organisation["name"]}
        site.api("POST", "/admin/organisations", operator, document=created, expect=201)
        base = f"/admin/organisations/{organisation['id']}"
        for company, name in organisation["companies"].items():
            site.api("PUT", f"{base}/companies/{company}", operator, document={"name": name}, expect=204)
        for username, role in organisation["members"].items():
            site.api("PUT", f"{base}/members/{users[username]}", operator, document={"role": role}, expect=(200, 201))


def _register_app(site: Site, operator: str) -> Application:
    site.step("Dana, a developer partner, registers a third-party app; an operator verifies it")
    dana = Person(site, "dana", "dana-builds-apps")
    token = _portal(site, dana, "openid partner")
    registered = site.api("POST", "/partner/apps", token, document=_read("app.json"), expect=201)
    site.show(f"client_id {registered['client_id']}, a secret that is shown once, {registered['verification']}")
    app = Application(
        site,
        registered["client_id"],
        registered["client_secret"],
        registered["redirect_uris"][0],
        "accounting",
    )
    require(registered["verification"] == "test", "an app begins in test")

    olivia = Person(site, "olivia", "olivia-runs-acme")
    page = olivia.to_consent(app.request())
    require("we have not verified" in page.text, "the consent page says that an app is in test")
    site.show("The consent page says: a test app that we have not verified")

    eve = _portal(site, Person(site, "eve", "eve-runs-globex"), "openid partner")
    site.api("GET", f"/partner/apps/{app.client_id}", eve, expect=404)
    site.show("Another partner does not see it")

    site.api(
        "PATCH",
        f"/admin/clients/{app.client_id}",
        operator,
        document={"verification": "verified", "access_token_format": "opaque"},
    )
    page = olivia.to_consent(app.request())
    require("we have not verified" not in page.text, "the consent page knows that an app is verified")
    site.show("Verified: the warning is gone. Its access tokens are opaque from now on")
    return app


def _connect(site: Site, app: Application) -> dict[str, Any]:
    site.step("Olivia, an administrator of Acme Group, connects the app to two of its three companies")
    olivia = Person(site, "olivia", "olivia-runs-acme")
    tokens = app.exchange(olivia.connects(app.request(), ["acme-dk", "acme-de"]))
    said = app.post("/introspect", token=tokens["access_token"]).json()
    site.show(f"org {said['org']}, entities {said['entities']}, scope {said['scope']!r}")
    require(tokens["access_token"].startswith("at_"), "the access token is opaque")
    require(said["urn:pleo:params:oauth:subject_urn"] == "urn:pleo:organisation:acme", f"introspection says {said}")
    require((said["org"], said["entities"]) == ("acme", ["acme-de", "acme-dk"]), f"introspection says {said}")
    return tokens


def _call(site: Site, tokens: dict[str, Any]) -> None:
    site.step("The app calls the accounting API; the authorizer lets it reach what was chosen and nothing else")
    token = tokens["access_token"]
    entries = site.api("GET", "/companies/acme-dk/entries", token)
    site.show(f"{entries['items']}")
    site.api("POST", "/companies/acme-de/entries", token, document={"text": "Lunch"}, expect=201)
    site.api("GET", "/companies/acme-uk/entries", token, expect=403)
    site.api("GET", "/companies/globex-se/entries", token, expect=403)
    site.api("GET", "/organisations/acme/employees", token, expect=403)


def _ask_itself(site: Site, tokens: dict[str, Any]) -> None:
    site.step("The app asks what its token is, with the token itself: GET /introspect")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    said = site.http.get(f"{site.issuer}/introspect", headers=bearer).json()
    site.show(f"{said['client_name']} ({said['client_id']}) for {said['subject_urn']}, scope {said['scope']!r}")
    site.show(f"expires at {said['exp']}, {said['exp'] - said['iat']} seconds after it was issued")
    require(said["subject_urn"] == "urn:pleo:organisation:acme", f"introspection says {said}")
    told = site.http.get(f"{site.issuer}/v1/introspect", headers=bearer).json()["data"]
    site.show(f"GET /v1/introspect  →  {told}")
    names = ["authMethod", "clientId", "scope", "applicationName", "subjectURN"]
    require(list(told) == names, f"the envelope has {list(told)}")
    require(told["subjectURN"] == said["subject_urn"], f"the envelope says {told}")


def _refresh_by_many_workers(site: Site, app: Application, tokens: dict[str, Any]) -> dict[str, Any]:
    site.step(f"{WORKERS} workers of the partner refresh with the same token at the same moment, without a lock")
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda _: app.refresh(tokens["refresh_token"]), range(WORKERS)))
    successors = {answer["refresh_token"] for answer in answers}
    site.show(f"{len(answers)} answers, {len(successors)} successor")
    require(len(successors) == 1, "every worker ends with the same successor")
    again = app.refresh(tokens["refresh_token"])
    require(again["refresh_token"] in successors, "a lost answer is given again")
    site.show("A worker whose answer got lost asks again and gets the same successor")
    newest = app.refresh(again["refresh_token"])
    said = app.post("/introspect", token=newest["refresh_token"]).json()
    site.show(f"A refresh token that is not used expires after {(said['exp'] - said['iat']) // DAY} days")
    require(said["exp"] - said["iat"] == 60 * DAY, f"introspection says {said}")
    return newest


def _change_companies(site: Site, tokens: dict[str, Any]) -> None:
    site.step("Olivia adds a company to the consent and drops another; the app's token stays the same")
    olivia = _portal(site, Person(site, "olivia", "olivia-runs-acme"), "openid organisation")
    connected = site.api("GET", "/account/organisations/acme/applications", olivia)
    (application,) = connected["items"]
    (grant,) = application["grants"]
    path = f"/account/organisations/acme/authorizations/{grant['id']}/companies"
    site.api("PUT", path, olivia, document={"entities": ["acme-de", "acme-uk"]})
    site.api("GET", "/companies/acme-uk/entries", tokens["access_token"])
    site.api("GET", "/companies/acme-dk/entries", tokens["access_token"], expect=403)


def _ask_for_details(site: Site, app: Application) -> None:
    site.step("The app asks for one company by authorization_details (RFC 9396), and learns what it got")
    olivia = Person(site, "olivia", "olivia-runs-acme")
    asked = [{"type": "organisation", "identifier": "acme", "entities": ["acme-uk"]}]
    request = app.request(authorization_details=json.dumps(asked))
    tokens = app.exchange(olivia.connects(request, ["acme-uk"]))
    site.show(f"authorization_details {tokens['authorization_details']}")
    require(tokens["authorization_details"] == asked, f"granted: {tokens['authorization_details']}")


def _ask_an_administrator(site: Site, app: Application) -> None:
    site.step("Max, a member, wants to connect every company; that takes an administrator's approval")
    max_ = Person(site, "max", "max-works-at-acme")
    page = max_.decide(max_.to_consent(app.request()), "allow", ["*"])
    require("administrator of Acme Group has been asked" in page.text, f"the page says {answered(page)}")
    site.show("The page says: an administrator of Acme Group has been asked")

    olivia = _portal(site, Person(site, "olivia", "olivia-runs-acme"), "openid organisation")
    waiting = site.api("GET", "/account/organisations/acme/approvals", olivia)["items"]
    (approval,) = waiting
    site.show(f"{approval['username']} asks for {approval['client_name']}, companies {approval['entities']}")
    path = f"/account/organisations/acme/approvals/{approval['id']}"
    own = _portal(site, Person(site, "max", "max-works-at-acme"), "openid organisation")
    site.api("PUT", path, own, document={"decision": "allow"}, expect=403)
    site.api("PUT", path, olivia, document={"decision": "allow"})
    tokens = app.exchange(max_.connects(app.request(), ["*"]))
    said = app.post("/introspect", token=tokens["access_token"]).json()
    site.show(f"Max connects the app: entities {said['entities']}")
    require(said["entities"] == ["*"], f"introspection says {said}")


def _see_and_revoke(site: Site, app: Application, tokens: dict[str, Any]) -> None:
    site.step(
        "Olivia sees which apps members connected for the organisation, and disconnects the app: tokens die at once"
    )
    site.api("GET", "/companies/acme-uk/entries", tokens["access_token"])
    olivia = _portal(site, Person(site, "olivia", "olivia-runs-acme"), "openid organisation")
    (application,) = site.api("GET", "/account/organisations/acme/applications", olivia)["items"]
    for grant in application["grants"]:
        scopes = ", ".join(permission["scope"] for permission in grant["permissions"])
        site.show(f"{application['name']}: granted by {grant['username']}, {scopes}, companies {grant['entities']}")
    eve = _portal(site, Person(site, "eve", "eve-runs-globex"), "openid organisation")
    site.api("DELETE", f"/account/organisations/acme/applications/{app.client_id}", eve, expect=404)
    site.show("An administrator of another organisation cannot")
    site.api("DELETE", f"/account/organisations/acme/applications/{app.client_id}", olivia, expect=204)
    site.api("GET", "/companies/acme-uk/entries", tokens["access_token"], expect=401)
    refused = app.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    site.show(f"POST /token, to refresh  →  {refused.status_code} {refused.json()['error']}")
    require(refused.json()["error"] == "invalid_grant", "refreshing ends at once")
