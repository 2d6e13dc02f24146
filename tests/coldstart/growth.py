"""An estate in which there is much of everything, and what is asked of it: each with what it may cost at most, however
much there is. The benchmark measures the same at sizes that take too long here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from authserver.aws.dynamodb.clients import client_item
from authserver.aws.dynamodb.users import user_attributes
from authserver.aws.items.api_keys import api_key_item
from authserver.aws.items.audit import event_write
from authserver.aws.items.organisations import membership_item
from authserver.aws.items.tokens import authorization_item
from authserver.aws.table import encode_item
from authserver.ends import Begun
from authserver.identity.audit import identifier as audit_identifier
from authserver.models.clients import Client
from authserver.models.configuration import CALLBACK
from authserver.models.invitations import Approval
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.users import User
from authserver.values import Scope
from tests.contract.records import api_key, authorization, event, identity_provider
from tests.functions.events import request_authorizer_event
from tests.functions.gateway import Gateway
from tests.functions.given import begun_now, give_organisations, make_member, stores_of
from tests.functions.journey import Browser, admin, parameters_of, portal, web
from tests.functions.sign_in_flows import choose
from tests.functions.world import World

OPERATOR = "admin:scopes admin:orgs admin:grants admin:audit.read"
PROVIDERS = 100  # that operators map from PlaceOS, at most: they are made one by one
APPS = 30  # that a person, or an organisation, connected over and over
ASKED = 150  # requests for an administrator's word, at most: they are made one by one
LATER = 10**8  # seconds for which all of it is there


@dataclass(frozen=True)
class Estate:
    """Alice, who administers Acme, and those who act by her tokens and by an operator's."""

    world: World
    alice: str
    gateway: Gateway
    browser: Browser
    account: str
    operator: str
    of_acme: str  # an access token that she granted for Acme


def estate(world: World, number: int) -> Estate:
    """With so many clients, users, members of Acme, and grants of Alice's, of one client and for Acme."""
    alice, now = give_organisations(world), int(world.clock.time())
    stores_of(world).organisations.create(Organisation("globex", "Globex"))
    make_member(world, "acme", alice, ADMINISTRATOR)
    gateway, browser = Gateway(world), Browser(Gateway(world))
    app = web(gateway)
    of_acme = app.exchange(parameters_of(choose(app, browser, "one"))["code"]).json()["access_token"]
    account = portal(gateway).tokens(scope="openid account organisation")["access_token"]
    operator = admin(gateway).own_token(scope=OPERATOR).json()["access_token"]
    for at in range(number):
        _one_more(world, alice, at, now - number + at)
    for at in range(min(number, ASKED)):
        _one_more_asks(world, at, now)
    for at in range(min(number, PROVIDERS)):
        mapped = identity_provider(
            id=f"idp-{at}", domains=(f"{at}.example",), callback_path=f"{CALLBACK}/strategy-{at}"
        )
        assert stores_of(world).identity_providers.put(mapped)
    return Estate(world, alice, gateway, browser, account, operator, of_acme)


def _one_more(world: World, alice: str, at: int, since: int) -> None:
    """A client, a member, a grant of Alice's, one of the member's to demo-web, and one for Acme."""
    subject, app = f"member-{at}", f"client-{at % APPS}"
    user = User(subject, subject, "", created_at=since)
    world.aws.put("ClientsTable", client_item(Client(f"client-{at}", f"Client {at}", created_at=since)))
    world.aws.put("UsersTable", encode_item(user_attributes(user)))
    for organisation in ("acme", "globex"):
        world.aws.put("UsersTable", membership_item(Membership(organisation, subject, MEMBER, since, "an epoch")))
    times = {"created_at": since, "rotated_at": since, "idle_expires_at": since + LATER, "expires_at": since + LATER}
    for_acme = {"organisation": "acme", "entities": frozenset({"one"}), "begun": Begun(membership="an epoch")}
    for granted in (
        authorization(subject=alice, client_id=app, **times),
        authorization(subject=subject, client_id="demo-web", **times),
        authorization(subject=subject, client_id=app, **times, **for_acme),
    ):
        world.aws.put("TokensTable", authorization_item(granted))
    whose = {"created_at": since, "expires_at": since + LATER, "subject": alice}
    for key in (api_key(**whose), api_key(**whose, organisation="acme"), api_key(**whose | {"client_id": "demo-web"})):
        world.aws.put("TokensTable", api_key_item(key))
    happened = event(
        id=audit_identifier(since, f"{at:010}".encode()),
        created_at=since,
        expires_at=since + LATER,
        actor=alice,
        object_id="demo-web",
    )
    world.aws.put("AuditTable", event_write(happened).arguments["Item"])


def _one_more_asks(world: World, at: int, now: int) -> None:
    subject = f"member-{at}"
    begun = begun_now(world, "acme", f"client-{at % APPS}", subject)
    asked = Approval(
        "acme",
        f"client-{at % APPS}",
        subject,
        Scope.parse("read"),
        (),
        frozenset({"one"}),
        now,
        now + LATER,
        begun=begun,
    )
    stores_of(world).browsers.ask_approval(asked)


@dataclass(frozen=True)
class Question:
    """`ask` asks it; the answer has this status, or none, and costs at most so many calls, read and write units."""

    ask: Callable[[Estate], Any]
    status: int | None
    calls: int
    read: float
    write: float = 0


@dataclass(frozen=True)
class Cost:
    """What the functions behind an API cost, without its authorizer; `octets` of the answer."""

    calls: int
    read: float
    write: float
    octets: int
    status: int | None


def cost(estate: Estate, question: Question) -> Cost:
    calls = estate.world.aws.calls
    calls.clear()
    answer = question.ask(estate)
    made = [call for call in calls if call.service == "dynamodb" and (call.function != "authorizer" or len(calls) == 1)]
    read, write = sum(call.read for call in made), sum(call.write for call in made)
    return Cost(len(made), read, write, len(getattr(answer, "body", "")), getattr(answer, "status", None))


def is_within(found: Cost, question: Question) -> bool:
    most = (question.calls, question.read, question.write)
    return found.status == question.status and all(
        one <= bound for one, bound in zip((found.calls, found.read, found.write), most, strict=True)
    )


def _by_account(route: str, **path: str) -> Callable[[Estate], Any]:
    return lambda estate: estate.gateway.manage(route, estate.account, **path)


def _by_operator(route: str, name: str = "", value: str = "", **path: str) -> Callable[[Estate], Any]:
    def ask(estate: Estate) -> Any:
        method, _, template = route.partition(" ")
        options: dict[str, Any] = {"path": template.format(**path), "path_parameters": path}
        if name:
            options["query"] = {name: [value or estate.alice]}
        return estate.gateway.call(method, template, f"Bearer {estate.operator}", **options)

    return ask


def _page(path: str) -> Callable[[Estate], Any]:
    return lambda estate: estate.browser.visit(path)


def _check(estate: Estate) -> Any:
    headers = {"Authorization": f"Bearer {estate.of_acme}"}
    event = request_authorizer_event("GET", "/me", resource=estate.world.resource, headers=headers)
    return estate.world.invoke("authorizer", event)


def _ask_userinfo(estate: Estate) -> Any:
    return estate.gateway.send("GET", "/userinfo", headers={"authorization": f"Bearer {estate.account}"})


def _at_a_path_of_placeos(estate: Estate) -> Any:
    return estate.gateway.send("GET", f"{CALLBACK}/strategy-1", query={"state": "garbage", "code": "x"})


ACME = "/account/organisations/{organisation}"
# A hundred grants for an organisation name a hundred members: a unit for each grant, user, membership and end.
LOOKS = {
    "one's applications": Question(_by_account("GET /account/applications"), 200, 7, 121),
    "one of one's applications": Question(
        _by_account("GET /account/applications/{client_id}", client_id="client-1"), 200, 26, 1016
    ),
    "an organisation": Question(_by_account(f"GET {ACME}", organisation="acme"), 200, 8, 10),
    "its applications": Question(_by_account(f"GET {ACME}/applications", organisation="acme"), 200, 28, 500),
    "its members": Question(_by_account(f"GET {ACME}/members", organisation="acme"), 200, 7, 105),
    "its requests": Question(_by_account(f"GET {ACME}/approvals", organisation="acme"), 200, 10, 250),
    "grants of a client": Question(_by_operator("GET /admin/authorizations", "client_id", "demo-web"), 200, 19, 115),
    "grants of a user": Question(_by_operator("GET /admin/authorizations", "subject"), 200, 3, 85),
    "the audit": Question(_by_operator("GET /admin/audit"), 200, 17, 60),
    "the audit of an actor": Question(_by_operator("GET /admin/audit", "actor"), 200, 2, 55),
    "the audit of a client": Question(_by_operator("GET /admin/audit", "object", "client:demo-web"), 200, 2, 55),
    "an answer at a path of PlaceOS": Question(_at_a_path_of_placeos, 400, 2, 2),
    "/my": Question(_page("/my"), 200, 16, 155),
    "/my/apps": Question(_page("/my/apps"), 200, 12, 130),
    "/my/apps/{client_id}": Question(_page("/my/apps/client-1"), 200, 30, 1025),
    "/my/export": Question(_page("/my/export"), 200, 24, 560),
    "/my/delete": Question(_page("/my/delete"), 200, 9, 12),
    "/organisations/acme": Question(_page("/organisations/acme"), 200, 46, 960),
    "/organisations/acme/apps": Question(_page("/organisations/acme/apps"), 200, 38, 500),
    "/organisations/acme/members": Question(_page("/organisations/acme/members"), 200, 20, 120),
    "/organisations/acme/requests": Question(_page("/organisations/acme/requests"), 200, 20, 490),
    "/organisations/acme/companies": Question(_page("/organisations/acme/companies"), 200, 38, 500),
    # The user's item has neither grants nor factors nor activity in it, however many there are.
    "userinfo": Question(_ask_userinfo, 200, 1, 4),
    "a check of a token for an organisation": Question(_check, None, 1, 5),
}
# Where there are API keys.
KEY_LOOKS = {
    "one's API keys": Question(_by_account("GET /account/api-keys"), 200, 4, 55),
    "an organisation's API keys": Question(_by_account(f"GET {ACME}/api-keys", organisation="acme"), 200, 6, 60),
    "API keys of a user": Question(_by_operator("GET /admin/api-keys", "subject"), 200, 3, 60),
    "API keys of a client": Question(_by_operator("GET /admin/api-keys", "client_id", "demo-web"), 200, 3, 55),
    "/my/api-keys": Question(_page("/my/api-keys"), 200, 6, 110),
    "/organisations/acme/api-keys": Question(_page("/organisations/acme/api-keys"), 200, 19, 125),
}
# Each writes its event in the audit as well, by the same call: five units, of which three are of its indexes.
ACTS = {
    "remove a scope": Question(_by_operator("DELETE /admin/scopes/{scope}", scope="write"), 204, 4, 3, 53),
    "delete an organisation": Question(
        _by_operator("DELETE /admin/organisations/{organisation}", organisation="globex"), 204, 4, 5, 82
    ),
    "end all of a client": Question(
        _by_operator("DELETE /admin/authorizations", "client_id", "demo-web"), 204, 2, 2, 35
    ),
    "end all for an organisation": Question(
        _by_operator("DELETE /admin/authorizations", "organisation", "acme"), 204, 2, 2, 35
    ),
    "disconnect an application": Question(
        _by_account("DELETE /account/applications/{client_id}", client_id="client-1"), 204, 6, 4, 11
    ),
    "disconnect an organisation's application": Question(
        _by_account(f"DELETE {ACME}/applications/{{client_id}}", organisation="acme", client_id="client-2"),
        204,
        *(6, 6, 35),
    ),
    "sign out everywhere": Question(_by_account("DELETE /account/sessions"), 204, 4, 2, 11),
    "disconnect every application": Question(_by_account("DELETE /account/applications"), 204, 4, 2, 11),
    "end all of a user": Question(_by_operator("DELETE /admin/authorizations", "subject"), 204, 2, 2, 6),
}
QUESTIONS = LOOKS | ACTS
