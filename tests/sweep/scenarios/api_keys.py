"""API keys: of a person, and of an organisation."""

from tests.sweep.estate import Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import named

scenario = Register()

OF_ALICE, OF_ACME = named("key of alice"), named("key of acme")
OURS = "/account/organisations/acme/api-keys"


@scenario("DELETE /account/api-keys/{api_key}", "somebody ends an API key of theirs", takes=OF_ALICE)
def _(estate: Estate) -> Act:
    key = estate.held.key_of_alice["id"]
    return lambda: estate.ask("alice", "DELETE", f"/account/api-keys/{key}")


@scenario("DELETE /account/api-keys", "somebody ends all their API keys", takes=OF_ALICE)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("alice", "DELETE", "/account/api-keys")


@scenario("DELETE /account/api-keys", "the carrier of an organisation's key ends all of theirs", takes=OF_ACME)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("abe", "DELETE", "/account/api-keys")


@scenario(
    "DELETE /account/organisations/{organisation}/api-keys/{api_key}",
    "an administrator ends an API key that another one carries",
    takes=OF_ACME,
)
def _(estate: Estate) -> Act:
    key = estate.held.key_of_acme["id"]
    return lambda: estate.ask("ada", "DELETE", f"{OURS}/{key}")


@scenario(
    "PUT /account/organisations/{organisation}/api-keys/{api_key}/carrier",
    "an administrator takes an API key over, so that it stays when the other one goes",
    takes=named("abe: administrator"),
)
def _(estate: Estate) -> Act:
    key = estate.held.key_of_acme["id"]

    def act() -> None:
        estate.ask("ada", "PUT", f"{OURS}/{key}/carrier")
        estate.ask("ada", "DELETE", "/account/organisations/acme/members/sub-of-abe")

    return act


@scenario("/my/api-keys end", "somebody ends an API key of theirs on the page", takes=OF_ALICE)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/api-keys")
    return lambda: page.act("end", api_key=estate.held.key_of_alice["id"])


@scenario("/my/api-keys end-all", "somebody ends all their API keys on the page", takes=OF_ALICE)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/api-keys")
    return lambda: page.act("end-all")


@scenario(
    "/organisations/{organisation}/api-keys end",
    "an administrator ends an API key that another one carries, on the page",
    takes=OF_ACME,
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["ada"], "/organisations/{organisation}/api-keys", organisation="acme")
    return lambda: page.act("end", api_key=estate.held.key_of_acme["id"])


@scenario(
    "/organisations/{organisation}/api-keys take-over",
    "an administrator takes an API key over on the page, so that it stays when the other one goes",
    takes=named("abe: administrator"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["ada"], "/organisations/{organisation}/api-keys", organisation="acme")

    def act() -> None:
        page.act("take-over", api_key=estate.held.key_of_acme["id"])
        estate.ask("ada", "DELETE", "/account/organisations/acme/members/sub-of-abe")

    return act


@scenario("DELETE /admin/api-keys/{api_key}", "an operator ends somebody's API key", takes=OF_ALICE)
def _(estate: Estate) -> Act:
    key = estate.held.key_of_alice["id"]
    return lambda: estate.ask("op", "DELETE", f"/admin/api-keys/{key}")
