"""The flows of people on the pages of their organisation."""

import re
import secrets
from urllib.parse import quote

from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import ADMINISTRATOR, Organisation
from tests.functions.flowing import answered, flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import act_for_organisations, ask_approval, make_member, stores_of, subject_of_alice
from tests.functions.journey import Browser, hidden_fields, parameters_of, web
from tests.functions.world import World

ACME = "/organisations/acme"


def acme_of_alice(world: World) -> str:
    """Acme, where Alice is an administrator and demo-web acts for organisations; her subject."""
    alice = administered_by_alice(world)
    act_for_organisations(world)
    return alice


def administered_by_alice(world: World) -> str:
    """Acme, where Alice is an administrator; her subject."""
    alice = subject_of_alice(world)
    stores_of(world).organisations.create(Organisation("acme", "Acme", {"one": "One Ltd", "two": "Two Ltd"}))
    make_member(world, "acme", alice, ADMINISTRATOR)
    return alice


def done(answer: Answer) -> str:
    """The tag of what a form did."""
    assert answer.status == 303, answer
    return answer.location.partition("done=")[2]


@flow
def see_to_members_on_pages(world: World) -> None:
    """By an administrator, and by somebody who is invited."""
    alice = acme_of_alice(world)
    with world.using(organisations=world.load("organisations")):
        administrator = Browser(Gateway(world))
        for path in ("/organisations", ACME, f"{ACME}/companies", f"{ACME}/members"):
            answered(200, administrator.visit(path))
        page = administrator.visit(f"{ACME}/invite")
        for _ in range(2):
            assert done(administrator.act(page, f"{ACME}/invite", "invite", name="Bob", role="member")) == "invited"
            listed = administrator.visit(f"{ACME}/members")
            (invitation,) = re.findall(r'name="invitation" value="([^"]*)"', listed.body)
            assert done(administrator.act(listed, f"{ACME}/members", "withdraw", invitation=invitation)) == "withdrawn"
        administrator.act(page, f"{ACME}/invite", "invite", name="bob", role="member")
        bob = Browser(Gateway(world), "bob", "builder-demo")
        page = bob.visit("/organisations")
        assert done(bob.act(page, "/organisations", "accept", invitation=invitation)) == "accepted"
        answered(200, bob.visit(ACME))
        answered(403, bob.visit(f"{ACME}/members"))
        (sub,) = set(re.findall(rf"{ACME[1:]}/members/([^\"]+)\"", administrator.visit(f"{ACME}/members").body)) - {
            alice
        }
        one = f"{ACME}/members/{sub}"
        page = administrator.visit(one)
        for role in ("administrator", "member"):
            assert done(administrator.act(page, one, "role", role=role)) == "role"
        assert done(administrator.act(page, one, "groups", groups="guests")) == "groups"
        answered(409, administrator.act(page, ACME, "leave"))
        assert done(administrator.act(page, one, "remove")) == "removed"
        answered(404, bob.visit(ACME))


@flow
def see_to_apps_and_requests_on_pages(world: World) -> None:
    alice = acme_of_alice(world)
    with world.using(organisations=world.load("organisations")):
        gateway = Gateway(world)
        administrator, app = Browser(gateway), web(gateway)
        page = administrator.follow(administrator.sign_in(administrator.follow(administrator.authorize(app.request()))))
        pairs = [*(hidden_fields(page) | {"decision": "allow", "entities": "one"}).items()]
        tokens = app.exchange(parameters_of(administrator.send("POST", "/consent", form=pairs))["code"]).json()
        one = f"{ACME}/apps/demo-web"
        answered(200, administrator.visit(f"{ACME}/apps"))
        page = administrator.visit(one)
        (grant,) = re.findall(r'name="grant" value="([^"]*)"', page.body)
        assert done(administrator.act(page, one, "companies", grant=grant, entities="two")) == "companies"
        assert app.post("/introspect", token=tokens["access_token"]).json()["entities"] == ["two"]
        ask_approval(world, alice)
        listed = administrator.visit(f"{ACME}/requests")
        (request,) = re.findall(rf"{ACME[1:]}/requests/([^\"]+)\"", listed.body)
        request = f"{ACME}/requests/{quote(request)}"
        page = administrator.visit(request)
        assert done(administrator.act(page, request, "deny")) == "denied"
        answered(409, administrator.act(page, request, "allow"))
        answered(303, administrator.act(administrator.visit(request), request, "withdraw"))
        answered(409, administrator.visit(f"{ACME}/requests/AAAA"))
        assert done(administrator.act(page, one, "disconnect")) == "disconnected"
        answered(400, app.refresh(tokens["refresh_token"]))


@flow
def see_to_the_identity_provider_on_pages(world: World) -> None:
    acme_of_alice(world)
    provider = IdentityProvider("work", "Work", "https://idp.example", "authserver", b"x", organisation="acme")
    stores_of(world).identity_providers.put(provider)
    with world.using(organisations=world.load("organisations")):
        administrator = Browser(Gateway(world))
        assert "Work" in administrator.visit(f"{ACME}/sign-in").body
        one = f"{ACME}/sign-in/work"
        page = administrator.visit(one)
        form = {
            "name": "Work",
            "issuer": "https://idp.example",
            "client_id": "another",
            "client_secret": secrets.token_urlsafe(),
            "token_endpoint_auth_method": "client_secret_post",
            "enabled": "yes",
        }
        assert done(administrator.act(page, one, "change", **form)) == "provider"
        answered(400, administrator.act(page, one, "change", **form | {"issuer": "http://idp.example"}))
        answered(404, administrator.visit(f"{ACME}/sign-in/another"))
