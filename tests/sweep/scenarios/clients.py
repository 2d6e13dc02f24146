"""Clients: what they may ask for, their secrets, and whether they are here at all."""

import json
from typing import Any

from authserver.management.client_records import secret_identifier
from authserver.management.registration.operations import serve as serve_registration
from authserver.models.clients import ClientSecret
from authserver.values import sha256
from authserver.wire.http import HttpRequest
from tests.fakes import CLIENT_SECRET, START, client
from tests.sweep.estate import REGISTRATION_TOKEN, Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import named

scenario = Register()

OWN = named("web: ")
GRANTED_TO_WEB = named("web of ", "alice: consent to web", "alice: open consent page")
SECRET = secret_identifier(ClientSecret(sha256(CLIENT_SECRET), START))


# ------------------------------------------------------------------ by operators


@scenario(
    "PATCH /admin/clients/{client_id}",
    "an operator cuts a scope",
    takes=named("web of alice: write"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/clients/web", {"scope": "openid read"})


@scenario(
    "PATCH /admin/clients/{client_id}",
    "an operator disables a client",
    takes=OWN | GRANTED_TO_WEB,
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/clients/web", {"status": "disabled"})


@scenario(
    "PATCH /admin/clients/{client_id}",
    "an operator enables a client",
    takes=frozenset(),
    gives=OWN | named("alice: open consent page"),
)
def _(estate: Estate) -> Act:
    estate.ask("op", "PATCH", "/admin/clients/web", {"status": "disabled"})
    return lambda: estate.ask("op", "PATCH", "/admin/clients/web", {"status": "active"})


@scenario(
    "PATCH /admin/clients/{client_id}",
    "an operator takes a client's verification",
    takes=named("alice: consent to web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/clients/web", {"verification": "test"})


@scenario(
    "PATCH /admin/clients/{client_id}",
    "an operator gives a client to somebody else",
    takes=named("dev: owner of web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/clients/web", {"owner": "sub-of-bob"})


@scenario(
    "DELETE /admin/clients/{client_id}",
    "an operator deletes a client",
    takes=OWN | GRANTED_TO_WEB | named("dev: owner of web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/clients/web")


@scenario(
    "DELETE /admin/clients/{client_id}",
    "an operator deletes a machine",
    takes=named("robot: "),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/clients/robot")


@scenario(
    "DELETE /admin/clients/{client_id}/secrets/{secret}",
    "an operator deletes a secret",
    takes=named("web: secret"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", f"/admin/clients/web/secrets/{SECRET}")


@scenario(
    "POST /admin/clients/{client_id}/secrets",
    "an operator makes another secret in place of the one",
    takes=named("robot: secret"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "POST", "/admin/clients/robot/secrets", {"overlap": 0})


@scenario(
    "DELETE /admin/clients/{client_id}/registration-access-token",
    "an operator takes a registration access token back",
    takes=named("web: registration token"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/clients/web/registration-access-token")


@scenario(
    "DELETE /admin/initial-access-tokens/{id}",
    "an operator takes an initial access token back",
    takes=named("initial access token"),
)
def _(estate: Estate) -> Act:
    (token,) = estate.api("op").get("/admin/initial-access-tokens")["items"]
    return lambda: estate.ask("op", "DELETE", f"/admin/initial-access-tokens/{token['id']}")


# ------------------------------------------------------------------ by their owners


@scenario(
    "PATCH /partner/apps/{client_id}",
    "an owner cuts a scope",
    takes=named("web of alice: write", "alice: consent to web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("dev", "PATCH", "/partner/apps/web", {"scope": "openid read"})


@scenario(
    "DELETE /partner/apps/{client_id}",
    "an owner deletes an app",
    takes=OWN | GRANTED_TO_WEB | named("dev: owner of web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("dev", "DELETE", "/partner/apps/web")


@scenario(
    "DELETE /partner/apps/{client_id}/secrets/{secret}",
    "an owner deletes a secret",
    takes=named("web: secret"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("dev", "DELETE", f"/partner/apps/web/secrets/{SECRET}")


@scenario(
    "POST /partner/apps/{client_id}/secrets",
    "an owner makes another secret in place of the one",
    takes=named("web: secret", "web of alice: refresh", "web of alice: code", "web of bob: refresh"),
)
def _(estate: Estate) -> Act:
    other = next(one for one in estate.secrets_of("web") if one != SECRET)
    estate.ask("dev", "DELETE", f"/partner/apps/web/secrets/{other}")
    return lambda: estate.ask("dev", "POST", "/partner/apps/web/secrets", {"overlap": 0})


@scenario(
    "/developer/apps/{client_id}/settings save",
    "an owner cuts a scope on the page",
    takes=named("web of alice: write", "alice: consent to web"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["dev"], "/developer/apps/{client_id}/settings", client_id="web")
    kept = estate.form_of_web() | {"scope": ("openid", "read")}
    return lambda: page.act("save", **kept)


@scenario(
    "/developer/apps/{client_id}/secrets drop",
    "an owner deletes a secret on the page",
    takes=named("web: secret"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["dev"], "/developer/apps/{client_id}/secrets", client_id="web")
    return lambda: page.act("drop", secret=SECRET)


@scenario(
    "/developer/apps/{client_id}/secrets add",
    "an owner makes another secret in place of the one, on the page",
    takes=named("web: secret", "web of alice: refresh", "web of alice: code", "web of bob: refresh"),
)
def _(estate: Estate) -> Act:
    other = next(one for one in estate.secrets_of("web") if one != SECRET)
    estate.ask("dev", "DELETE", f"/partner/apps/web/secrets/{other}")
    page = estate.page(estate.held.cookies["dev"], "/developer/apps/{client_id}/secrets", client_id="web")
    return lambda: page.act("add", known=SECRET, overlap="0")


@scenario(
    "/developer/apps/{client_id}/delete delete",
    "an owner deletes an app on the page",
    takes=OWN | GRANTED_TO_WEB | named("dev: owner of web"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["dev"], "/developer/apps/{client_id}/delete", client_id="web")
    return lambda: page.act("delete", name=client().client_name)


# ------------------------------------------------------------------ by themselves


def registration(estate: Estate, method: str, document: Any = None) -> Act:
    """A call of the client configuration endpoint: RFC 7592."""
    request = HttpRequest(
        method,
        "ANY /register/{client_id}",
        headers={"authorization": f"Bearer {REGISTRATION_TOKEN}", "content-type": "application/json"},
        body=json.dumps(document).encode(),
        path_parameters={"client_id": "web"},
        source="192.0.2.1",
    )
    return estate.tolerant(lambda: serve_registration(request, estate.services))


@scenario(
    "PUT /register/{client_id}",
    "a client cuts its own scope",
    takes=named("web of alice: write", "alice: consent to web"),
)
def _(estate: Estate) -> Act:
    document = {"client_id": "web", "client_name": client().client_name, "scope": "openid read"}
    uris, grants = [one.text for one in client().redirect_uris], client().grant_types
    return registration(estate, "PUT", {**document, "redirect_uris": uris, "grant_types": grants})


@scenario(
    "DELETE /register/{client_id}",
    "a client deletes itself",
    takes=OWN | GRANTED_TO_WEB | named("dev: owner of web"),
)
def _(estate: Estate) -> Act:
    return registration(estate, "DELETE")
