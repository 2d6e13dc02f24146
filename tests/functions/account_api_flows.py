"""The flows of people who see to what is theirs, and to their organisation, by API."""

from tests.functions.flowing import answered, flow
from tests.functions.gateway import Gateway
from tests.functions.given import act_for_organisations, ask_approval, organisation_of_alice
from tests.functions.journey import Browser, hidden_fields, parameters_of, portal, web
from tests.functions.world import World


@flow
def see_to_ones_account(world: World) -> None:
    gateway = Gateway(world)
    connected = web(gateway).tokens()
    app = portal(gateway)
    token = app.tokens(scope="openid account organisation.read")["access_token"]
    bearer = f"Bearer {token}"
    answered(200, gateway.manage("PATCH /account/profile", token, {"name": "Alice P"}))
    for path in ("profile", "applications", "sessions", "activity", "organisations"):
        answered(200, gateway.call("GET", f"/account/{path}", bearer))
    one = "/account/applications/{client_id}"
    answered(200, gateway.manage(f"GET {one}", token, client_id="demo-web"))
    answered(204, gateway.manage(f"DELETE {one}", token, client_id="demo-web"))
    answered(404, gateway.manage(f"GET {one}", token, client_id="demo-web"))
    answered(400, web(gateway).refresh(connected["refresh_token"]))
    (session, *_) = gateway.call("GET", "/account/sessions", bearer).json()["items"]
    answered(204, gateway.manage("DELETE /account/sessions/{id}", token, id=session["id"]))
    answered(404, gateway.manage("DELETE /account/sessions/{id}", token, id=session["id"]))
    answered(204, gateway.call("DELETE", "/account/sessions", bearer))
    answered(204, gateway.call("DELETE", "/account/applications", bearer))


@flow
def see_to_the_members_of_ones_organisation(world: World) -> None:
    gateway = Gateway(world)
    alice = organisation_of_alice(world, gateway)
    token = portal(gateway).tokens(scope="openid organisation")["access_token"]
    browser = Browser(gateway, "bob", "builder-demo")
    theirs = portal(gateway).tokens(browser, scope="openid organisation")["access_token"]
    one = "/account/organisations/{organisation}"
    acme = {"organisation": "acme"}
    member, invitation = f"{one}/members/{{sub}}", "/account/invitations/{invitation}"
    answered(200, gateway.manage(f"GET {one}", token, **acme))
    answered(409, gateway.manage(f"PUT {member}", token, {"role": "member"}, sub=alice, **acme))
    made = gateway.manage(f"POST {one}/invitations", token, {"name": "Bob"}, **acme).json()
    answered(204, gateway.manage(f"DELETE {one}/invitations/{{invitation}}", token, invitation=made["id"], **acme))
    gateway.manage(f"POST {one}/invitations", token, {"name": "Bob", "role": "administrator"}, **acme)
    answered(200, gateway.manage(f"GET {one}/invitations", token, **acme))
    (offered,) = gateway.call("GET", "/account/invitations", f"Bearer {theirs}").json()["items"]
    answered(204, gateway.manage(f"PUT {invitation}", theirs, {"decision": "accept"}, invitation=offered["id"]))
    listed = gateway.manage(f"GET {one}/members", token, **acme).json()["items"]
    (bob,) = (one["sub"] for one in listed if one["username"] == "bob")
    for role in ("member", "administrator"):
        answered(200, gateway.manage(f"PUT {member}", token, {"role": role}, sub=bob, **acme))
        assert gateway.manage(f"GET {member}", token, sub=bob, **acme).json()["role"] == role
    for groups in (["guests"], []):
        part = {"role": "administrator", "groups": groups}
        assert gateway.manage(f"PUT {member}", token, part, sub=bob, **acme).json()["groups"] == groups
    answered(204, gateway.manage(f"DELETE {member}", token, sub=alice, **acme))
    answered(409, gateway.manage(f"DELETE {member}", theirs, sub=bob, **acme))


@flow
def see_to_ones_organisation(world: World) -> None:
    with world.using(account=world.load("account")):
        gateway = Gateway(world)
        subject = organisation_of_alice(world, gateway)
        act_for_organisations(world)
        token = portal(gateway).tokens(scope="openid organisation")["access_token"]
        acme = {"organisation": "acme"}
        organisation = "/account/organisations/{organisation}"

        browser, app = Browser(gateway), web(gateway)
        page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request()))))
        pairs = [*(hidden_fields(page) | {"decision": "allow", "entities": "one"}).items()]
        tokens = app.exchange(parameters_of(browser.send("POST", "/consent", form=pairs))["code"]).json()
        answered(200, gateway.call("GET", "/account/organisations", f"Bearer {token}"))
        (connected,) = gateway.manage(f"GET {organisation}/applications", token, **acme).json()["items"]
        (grant,) = connected["grants"]
        route = f"PUT {organisation}/authorizations/{{id}}/companies"
        answered(200, gateway.manage(route, token, {"entities": ["two"]}, id=grant["id"], **acme))
        assert app.post("/introspect", token=tokens["access_token"]).json()["entities"] == ["two"]

        ask_approval(world, subject)
        (asked,) = gateway.manage(f"GET {organisation}/approvals", token, **acme).json()["items"]
        answer = {"approval": asked["id"], **acme}
        answered(200, gateway.manage(f"GET {organisation}/approvals/{{approval}}", token, **answer))
        answered(
            200, gateway.manage(f"PUT {organisation}/approvals/{{approval}}", token, {"decision": "deny"}, **answer)
        )
        answered(
            409, gateway.manage(f"PUT {organisation}/approvals/{{approval}}", token, {"decision": "allow"}, **answer)
        )

        withdraw = f"DELETE {organisation}/approvals/{{approval}}"
        answered(204, gateway.manage(withdraw, token, **answer))
        answered(404, gateway.manage(withdraw, token, **answer))

        one = f"DELETE {organisation}/applications/{{client_id}}"
        answered(204, gateway.manage(one, token, client_id="demo-web", **acme))
        answered(400, app.refresh(tokens["refresh_token"]))
        answered(404, gateway.manage(one, token, client_id="demo-web", organisation="other"))
