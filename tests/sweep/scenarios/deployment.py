"""What is for everybody: scopes, keys, and the end of everything."""

from authserver.endpoints.orders.deliver import disable_gone
from authserver.models.webhooks import Webhooks
from tests.sweep.estate import Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import PROBES, named

scenario = Register()

BROWSERS = frozenset(name for name in PROBES if name.endswith(" browser"))
GRANTED = named("web of", "phone of", "team of", "console of")
REFRESH_TOKENS = frozenset(name for name in PROBES if name.endswith("refresh token"))
OPAQUE = named("phone of alice: access token", "drone: access token")
SIGNED = GRANTED - REFRESH_TOKENS - OPAQUE - named("web of alice: code") | named("robot: access token")
UNDER_WAY = named(
    "web of alice: code", "alice: open consent page", "alice: mailed link", "bob: mailed link", "tom: password typed"
)


@scenario(
    "PUT /admin/scopes/{scope}",
    "an operator lets only operators grant a scope",
    takes=named("web of alice: write", "alice: consent to web", "alice: open consent page"),
)
def _(estate: Estate) -> Act:
    definition = {"description": "Change things", "grantable_by": "operator"}
    return lambda: estate.ask("op", "PUT", "/admin/scopes/write", definition)


@scenario("DELETE /admin/scopes/{scope}", "an operator removes a scope", takes=frozenset())
def _(estate: Estate) -> Act:
    estate.ask("op", "PUT", "/admin/scopes/spare", {"description": "No client has it"})
    return lambda: estate.ask("op", "DELETE", "/admin/scopes/spare")


@scenario("PUT /admin/resources/{resource_id}", "an operator moves a resource", takes=frozenset())
def _(estate: Estate) -> Act:
    estate.ask("op", "PUT", "/admin/resources/spare", {"identifier": "https://spare.example"})
    return lambda: estate.ask("op", "PUT", "/admin/resources/spare", {"identifier": "https://moved.example"})


@scenario("DELETE /admin/resources/{resource_id}", "an operator removes a resource", takes=frozenset())
def _(estate: Estate) -> Act:
    estate.ask("op", "PUT", "/admin/resources/spare", {"identifier": "https://spare.example"})
    return lambda: estate.ask("op", "DELETE", "/admin/resources/spare")


@scenario(
    "POST /admin/keys/{kid}/withdrawal",
    "an operator withdraws a key that signs",
    takes=SIGNED,
)
def _(estate: Estate) -> Act:
    kid = estate.kid_of("ES256")
    return lambda: estate.ask("op", "POST", f"/admin/keys/{kid}/withdrawal")


@scenario(
    "POST /admin/keys/{kid}/withdrawal",
    "an operator withdraws the key of sessions and refresh tokens",
    takes=BROWSERS | REFRESH_TOKENS | UNDER_WAY,
)
def _(estate: Estate) -> Act:
    kid = estate.kid_of("token")
    return lambda: estate.ask("op", "POST", f"/admin/keys/{kid}/withdrawal")


@scenario(
    "POST /admin/keys/{kid}/withdrawal",
    "an operator withdraws the key of opaque access tokens",
    takes=OPAQUE,
)
def _(estate: Estate) -> Act:
    kid = estate.kid_of("access_token")
    return lambda: estate.ask("op", "POST", f"/admin/keys/{kid}/withdrawal")


@scenario(
    "POST /admin/end-everything",
    "an operator ends everything",
    takes=BROWSERS
    | named("key of ")
    | GRANTED
    | UNDER_WAY
    | SIGNED
    | OPAQUE
    | named("alice: consent", "alice: approval", "dev: invitation", "initial access token"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "POST", "/admin/end-everything")


# ------------------------------------------------------------------ webhooks

TO_THE_WEBHOOK = named("webhook: secret")


@scenario("PATCH /admin/webhooks/{webhook}", "an operator disables a webhook", takes=TO_THE_WEBHOOK)
def _(estate: Estate) -> Act:
    path = f"/admin/webhooks/{estate.held.webhook['id']}"
    return lambda: estate.ask("op", "PATCH", path, {"status": "disabled"})


@scenario("DELETE /admin/webhooks/{webhook}", "an operator removes a webhook", takes=TO_THE_WEBHOOK)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", f"/admin/webhooks/{estate.held.webhook['id']}")


@scenario(
    "POST /admin/webhooks/{webhook}/secrets", "an operator ends the secret of a webhook at once", takes=TO_THE_WEBHOOK
)
def _(estate: Estate) -> Act:
    path = f"/admin/webhooks/{estate.held.webhook['id']}/secrets"
    return lambda: estate.ask("op", "POST", path, {"overlap": 0})


@scenario("function deliver", "a webhook answers that it is gone", takes=TO_THE_WEBHOOK)
def _(estate: Estate) -> Act:
    identifier = estate.held.webhook["id"]
    webhook = (estate.services.configuration.webhooks() or Webhooks()).get(identifier)
    assert webhook
    return lambda: disable_gone(webhook, estate.services)
