"""API keys: who may make which, what they are worth at each call, what ends them, and what attacks on them come to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.machines.introspect import introspect_self
from authserver.errors import InsufficientScope, InvalidRequest, InvalidToken, TemporarilyUnavailable
from authserver.management.account import operations as account
from authserver.management.admin import api_keys as admin
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership
from authserver.scopes import ADMINISTRATOR as BY_ADMINISTRATOR
from authserver.scopes import DEFAULT, OPERATOR, ScopeCatalogue, ScopeDefinition
from authserver.storage.api_keys import USED_EVERY
from authserver.tokens import opaque
from authserver.tokens.keyring import API_KEY_RING
from authserver.values import Scope, base64url
from tests import fakes
from tests.fakes import RESOURCE, START
from tests.unit.api import Answered, Api
from tests.unit.server import App, Server
from tests.unit.tenants import Tenants

DAY = 86_400
CATALOGUE = (
    *(one for one in DEFAULT.definitions if one.name not in ("read", "write")),
    ScopeDefinition("read", "Read", api_keys=True),
    ScopeDefinition("write", "Write"),
    ScopeDefinition("export", "Export", grantable_by=BY_ADMINISTRATOR, api_keys=True),
    ScopeDefinition("audit", "Audit", grantable_by=OPERATOR, api_keys=True),
    ScopeDefinition("all", "Everything", implies=("read", "write"), api_keys=True),
)
ROUTES = {"GET /items": "read", "GET /export": "export", "GET /audit": "audit", "GET /any": ""}


class Keys(Tenants):
    """Acme and Globex, where there are API keys; Acme may have some."""

    def __init__(self, **settings: Any) -> None:
        on = {"api_keys": True, "accepts_api_key_header": True, "route_scopes": ROUTES}
        super().__init__(**{**on, **settings})
        self.define(CATALOGUE)
        self.users.create(fakes.user(sub="root", username="root", operator=True))
        self.withdrawals.change_user("root", operator=True)
        self.withdrawals.change_organisation("acme", api_keys=True)

    def define(self, definitions: tuple[ScopeDefinition, ...]) -> None:
        version = (self.configuration.scopes() or ScopeCatalogue(())).version
        assert self.withdrawals.change_scopes(ScopeCatalogue.of(definitions, version))

    def make(self, by: str = "max", **document: Any) -> Answered:
        """Somebody makes a key of their own, in the pages."""
        return self.pages(by).call("POST", "/account/api-keys", {"name": "Mine", "scope": ["read"], **document})

    def make_for(self, organisation: str = "acme", by: str = "ada", **document: Any) -> Answered:
        path = f"/account/organisations/{organisation}/api-keys"
        wanted = {"name": "Ours", "scope": ["read"], "entities": ["a1"], **document}
        return self.pages(by).call("POST", path, wanted)

    def make_as_operator(self, **document: Any) -> Answered:
        return self.operators.call("POST", "/admin/api-keys", {"name": "Given", "scope": ["read"], **document})

    def pages(self, name: str) -> Api:
        return Api(self, account.OPERATIONS, name, client_id="")

    @property
    def operators(self) -> Api:
        return Api(self, admin.OPERATIONS, "operator", "tool", Api.EVERY_POWER)

    def refusal(self, key: str, **request: Any) -> str:
        with pytest.raises(InvalidToken) as refused:
            self.access(key, **request)
        return refused.value.reason


@pytest.fixture
def server() -> Keys:
    return Keys()


def key_in(answered: Answered) -> str:
    assert answered.status == 201, answered
    key: str = answered.document["api_key"]
    return key


# ------------------------------------------------------------------ making them


def test_key_of_a_person_calls_what_it_was_given(server: Keys) -> None:
    made = server.make(name="max's report")
    token = server.access(key_in(made))
    assert (token.subject, token.client_id, str(token.scope)) == ("max", "", "read")
    assert token.api_key == token.jti == made.document["id"]
    assert (made.document["owner"], made.document["sub"], made.document["resource"]) == ("user", "max", [RESOURCE])
    with pytest.raises(InsufficientScope):
        server.access(key_in(made), "GET /export")


def test_secret_is_stored_nowhere_and_told_once(server: Keys) -> None:
    made = server.make()
    assert key_in(made).startswith("apikey_")
    assert len(key_in(made)) == len("apikey_") + 128
    listed = server.pages("max").call("GET", "/account/api-keys").document["items"]
    assert listed == [{name: value for name, value in made.document.items() if name != "api_key"}]
    secret = opaque.unseal(opaque.API_KEY, key_in(made), server.services.keys.token_keys(API_KEY_RING))
    assert secret is not None
    assert secret.text("secret") not in repr(server.api_keys.find(made.document["id"]))


def test_key_of_an_organisation_reaches_the_companies_that_it_has_of_those_chosen(server: Keys) -> None:
    key = key_in(server.make_for(entities=["a1", "a2"], scope=["read", "export"]))
    token = server.access(key, "GET /export", path_parameters={"organisation_id": "acme", "company_id": "a2"})
    assert (token.subject, token.organisation, token.entities) == ("ada", "acme", ("a1", "a2"))
    for path in ({"company_id": "a3"}, {"company_id": "g1"}, {"organisation_id": "globex"}):
        with pytest.raises(InsufficientScope):
            server.access(key, path_parameters=path)
    server.withdrawals.drop_company("acme", "a2")
    assert server.access(key).entities == ("a1",)


def test_key_of_a_client_is_worth_what_the_client_is(server: Keys) -> None:
    key = key_in(server.make_as_operator(client_id="web"))
    token = server.access(key)
    assert (token.client_id, token.subject, str(token.scope)) == ("web", "web", "read")
    client = server.clients.get("web")
    assert client is not None
    server.withdrawals.change_client(replace(client, scope=Scope.parse("openid write")))
    with pytest.raises(InsufficientScope):
        server.access(key)
    client = server.clients.get("web")
    assert client is not None
    server.withdrawals.change_client(replace(client, grant_types=("authorization_code",)))
    assert server.refusal(key) == "grant_type_withdrawn"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"scope": ["write"]}, "scope"),  # the catalogue lets no key have it
        ({"scope": ["all"]}, "scope"),  # nor what it is included in
        ({"scope": ["export"]}, "scope"),  # an administrator's word
        ({"scope": ["audit"]}, "scope"),  # an operator's
        ({"scope": ["account"]}, "scope"),  # this server's own
        ({"scope": ["openid"]}, "scope"),
        ({"scope": ["unknown"]}, "scope"),
        ({"scope": []}, "scope"),
        ({"resource": ["https://elsewhere.example"]}, "resource"),
        ({"networks": ["everywhere"]}, "networks.0"),
        ({"expires_at": START}, "expires_at"),
        ({"expires_at": START + 366 * DAY}, "expires_at"),
        ({"entities": ["a1"]}, "entities"),
        ({"sub": "ada"}, "sub"),
    ],
)
def test_person_makes_no_key_with_more_than_they_have(server: Keys, document: dict[str, Any], field: str) -> None:
    refused = server.make(**document)
    assert (refused.status, refused.fields) == (400, {field})
    assert server.api_keys.api_keys(subject="max").items == ()


def test_operator_gives_a_key_what_operators_grant_and_loses_it_with_the_role(server: Keys) -> None:
    key = key_in(server.make("root", scope=["audit", "read"]))
    assert server.access(key, "GET /audit")
    server.withdrawals.change_user("root", operator=False)
    with pytest.raises(InsufficientScope):
        server.access(key, "GET /audit")
    assert server.access(key, "GET /items")


THEIRS = ("POST", "/account/api-keys", {"name": "Theirs", "scope": ["read"]})
OURS = ("POST", "/account/organisations/acme/api-keys", {"name": "Ours", "scope": ["read"], "entities": ["a1"]})


@pytest.mark.parametrize(
    ("granted", "call", "answer"),
    [
        ({"scope": "account"}, THEIRS, (400, {"scope"})),
        ({}, THEIRS, (201, set())),
        ({"organisation": "acme", "entities": ["a1"]}, THEIRS, (403, set())),
        ({}, OURS, (201, set())),
        ({"organisation": "globex", "entities": ["a1"]}, OURS, (403, set())),
        ({"organisation": "acme", "entities": ["a2"]}, OURS, (400, {"entities"})),
        ({"organisation": "acme", "entities": ["a1"]}, OURS, (201, set())),
        ({"organisation": "acme", "entities": ["*"]}, OURS, (201, set())),
        ({}, (*THEIRS[:2], {**THEIRS[2], "resource": [fakes.OTHER_RESOURCE]}), (400, {"resource"})),
    ],
)
def test_application_makes_no_key_that_reaches_more_than_its_own_token(
    granted: dict[str, Any], call: tuple[str, str, Any], answer: tuple[int, set[str]]
) -> None:
    scope = granted.get("scope", "account organisation read")
    whom: dict[str, Any] = {name: value for name, value in granted.items() if name != "scope"}
    api = Api(Keys(), account.OPERATIONS, "ada", "portal", scope, **whom)
    made = api.call(*call)
    assert (made.status, made.fields) == answer, made


def test_application_takes_no_key_over_that_reaches_more_than_its_own_token(server: Keys) -> None:
    another_administrator(server)
    path = f"/account/organisations/acme/api-keys/{server.make_for(entities=['*']).document['id']}/carrier"
    cases: tuple[tuple[dict[str, Any], int], ...] = (
        ({"organisation": "globex", "entities": ["*"]}, 403),
        ({"organisation": "acme", "entities": ["a1"]}, 400),
    )
    for granted, status in cases:
        api = Api(server, account.OPERATIONS, "mia", "portal", "account organisation read", **granted)
        assert api.call("PUT", path).status == status
    assert server.pages("mia").call("PUT", path).status == 200


def test_key_with_what_only_operators_grant_is_taken_over_by_no_other(server: Keys) -> None:
    """Who carries it lost that word, and the key was worth less for it: another's word does not bring it back."""
    another_administrator(server)
    server.withdrawals.change_user("ada", operator=True)
    made = server.make_for(scope=["read", "audit"])
    path = f"/account/organisations/acme/api-keys/{made.document['id']}/carrier"
    refused = server.pages("mia").call("PUT", path)
    assert (refused.status, refused.fields) == (400, {"scope"})


@pytest.mark.parametrize(
    ("organisation", "name", "status"),
    [("acme", "max", 403), ("globex", "ada", 404), ("globex", "gil", 403), ("nowhere", "ada", 404)],
)
def test_only_administrators_of_organisations_that_may_have_keys_make_them(
    server: Keys, organisation: str, name: str, status: int
) -> None:
    assert server.make_for(organisation, name, entities=["*"]).status == status


@pytest.mark.parametrize("entities", [["g1"], ["a1", "*"], ["a1", "unknown"], []])
def test_key_of_an_organisation_names_companies_of_its_own(server: Keys, entities: list[str]) -> None:
    refused = server.make_for(entities=entities)
    assert (refused.status, refused.fields) == (400, {"entities"})


def test_who_makes_keys_for_others_needs_every_power(server: Keys) -> None:
    some = Api(server, admin.OPERATIONS, "operator", "tool", "admin:grants admin:users")
    assert some.call("POST", "/admin/api-keys", {"name": "x", "scope": ["read"], "sub": "max"}).status == 403
    made = server.make_as_operator(sub="max")
    assert server.access(key_in(made)).subject == "max"
    assert [one.kind for one in server.journal.activities("max").items] == ["key_given"]
    assert some.call("DELETE", f"/admin/api-keys/{made.document['id']}").status == 204
    assert server.refusal(key_in(made)) == "unknown"


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, 400),
        ({"client_id": "web", "sub": "max"}, 400),
        ({"client_id": "nobody"}, 404),
        ({"client_id": "web", "scope": ["export"]}, 400),
        ({"sub": "nobody"}, 404),
        ({"sub": "max", "scope": ["export"]}, 400),
        ({"sub": "max", "entities": ["a1"]}, 400),
        ({"sub": "max", "organisation": "acme", "entities": ["a1"]}, 400),
        ({"sub": "gil", "organisation": "acme", "entities": ["a1"]}, 400),
        ({"sub": "gil", "organisation": "globex", "entities": ["g1"]}, 403),
        ({"sub": "ada", "organisation": "nowhere", "entities": ["a1"]}, 404),
    ],
)
def test_operator_makes_no_key_that_its_owner_could_not_have(
    server: Keys, document: dict[str, Any], status: int
) -> None:
    assert server.make_as_operator(**document).status == status


def test_there_are_at_most_a_hundred_of_one_owner(server: Keys) -> None:
    for _ in range(100):
        key_in(server.make())
    assert (refused := server.make()).status == 409
    assert refused.reason == "too_many"
    assert server.make("mia").status == 201


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_where_they_are_off_there_are_none(method: str) -> None:
    on = Keys()
    key = key_in(on.make())
    off = Keys(api_keys=False)
    off.keys, off.api_keys, off.record.api_keys = on.keys, on.api_keys, on.record.api_keys
    assert off.pages("max").call(method, "/account/api-keys", {} if method == "POST" else None).status == 404
    off.calls.clear()
    assert off.refusal(key).startswith("jwt_")
    assert not [call for call in off.calls if call.startswith("api_keys")]


# ------------------------------------------------------------------ what ends them


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.end(subject="max"),
        lambda server: server.withdrawals.end_api_keys("max"),
        lambda server: server.withdrawals.change_user("max", status="disabled"),
        lambda server: server.withdrawals.delete_user("max", START),
        lambda server: server.withdrawals.end_everything("another era"),
        lambda server: server.pages("max").call("DELETE", "/account/api-keys"),
    ],
)
def test_key_of_a_person_falls_with_them(server: Keys, end: Any) -> None:
    key, other = key_in(server.make()), key_in(server.make("mia"))
    end(server)
    assert server.refusal(key) == "ended"
    if server.record.deployment.era == "":
        assert server.access(other)


def test_key_does_not_come_back_with_an_account_that_is_enabled_again(server: Keys) -> None:
    key = key_in(server.make())
    server.withdrawals.change_user("max", status="disabled")
    server.withdrawals.change_user("max", status="active")
    assert server.refusal(key) == "ended"


def test_key_of_a_person_survives_a_new_password_and_signing_out(server: Keys) -> None:
    key = key_in(server.make())
    server.withdrawals.set_password("max", "another hash")
    server.withdrawals.end_sessions("max")
    server.withdrawals.end_grants("max")
    server.withdrawals.remove_factors("max")
    assert server.access(key)


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.delete_membership("acme", "ada"),
        lambda server: server.withdrawals.set_membership(Membership("acme", "ada", MEMBER, START, epoch="another")),
        lambda server: server.withdrawals.change_user("ada", status="disabled"),
        lambda server: server.withdrawals.delete_user("ada", START),
        lambda server: server.withdrawals.change_organisation("acme", status="disabled"),
        lambda server: server.withdrawals.delete_organisation("acme", START),
        lambda server: server.withdrawals.end(organisation="acme"),
    ],
)
def test_key_of_an_organisation_falls_with_its_carriers_part_and_with_the_organisation(server: Keys, end: Any) -> None:
    key = key_in(server.make_for())
    assert server.access(key)
    end(server)
    assert server.refusal(key) == "ended"


def test_who_is_an_administrator_again_gets_no_key_back(server: Keys) -> None:
    key = key_in(server.make_for())
    server.withdrawals.delete_membership("acme", "ada")
    server.withdrawals.set_membership(Membership("acme", "ada", ADMINISTRATOR, START, epoch="another"))
    assert server.refusal(key) == "ended"


def test_organisation_that_may_have_none_any_more_has_none(server: Keys) -> None:
    key = key_in(server.make_for())
    server.withdrawals.change_organisation("acme", api_keys=False)
    assert server.refusal(key) == "organisation_without_keys"
    server.withdrawals.change_organisation("acme", api_keys=True)
    assert server.access(key)


def test_scope_that_keys_may_not_have_any_more_is_worth_nothing(server: Keys) -> None:
    key = key_in(server.make())
    server.define(tuple(replace(one, api_keys=False) for one in CATALOGUE))
    with pytest.raises(InsufficientScope):
        server.access(key)


def test_key_falls_with_its_client(server: Keys) -> None:
    for end in (lambda: server.withdrawals.end(client_id="web"), lambda: server.withdrawals.delete_client("web")):
        key = key_in(server.make_as_operator(client_id="web"))
        end()
        assert server.refusal(key) == "ended"


def test_expired_key_is_over_whether_or_not_it_is_there_still(server: Keys) -> None:
    key = key_in(server.make(expires_at=START + 60))
    server.clock.advance(59)
    assert server.access(key)
    server.clock.advance(1)
    assert server.refusal(key) == "expired"
    (listed,) = server.pages("max").call("GET", "/account/api-keys").document["items"]
    assert listed["stands"] is False


def test_ended_key_is_over_and_is_ended_once(server: Keys) -> None:
    made = server.make()
    path = f"/account/api-keys/{made.document['id']}"
    assert server.pages("max").call("DELETE", path).status == 204
    assert server.refusal(key_in(made)) == "unknown"
    assert server.pages("max").call("DELETE", path).status == 404
    assert {one.kind for one in server.journal.activities("max").items} == {"api_key_ended", "api_key_made"}


def test_nobody_sees_nor_ends_keys_of_others(server: Keys) -> None:
    own, ours = server.make().document["id"], server.make_for().document["id"]
    assert server.pages("mia").call("DELETE", f"/account/api-keys/{own}").status == 404
    assert server.pages("ada").call("DELETE", f"/account/api-keys/{ours}").status == 404  # not by this way
    for name, organisation, status in (("max", "acme", 403), ("gil", "acme", 404), ("gil", "globex", 404)):
        path = f"/account/organisations/{organisation}/api-keys/{ours}"
        assert server.pages(name).call("DELETE", path).status == status
        assert server.pages(name).call("PUT", f"{path}/carrier").status == status
    assert server.pages("mia").call("GET", "/account/api-keys").document["items"] == []
    assert server.pages("ada").call("GET", "/account/api-keys").document["items"] == []
    path = f"/account/organisations/acme/api-keys/{ours}"
    assert server.pages("ada").call("DELETE", path).status == 204


# ------------------------------------------------------------------ taking over


def another_administrator(server: Keys) -> None:
    server.withdrawals.set_membership(Membership("acme", "mia", ADMINISTRATOR, START, epoch="epoch of mia"))


def test_key_that_was_taken_over_stays_when_its_maker_goes(server: Keys) -> None:
    another_administrator(server)
    made = server.make_for()
    path = f"/account/organisations/acme/api-keys/{made.document['id']}/carrier"
    taken = server.pages("mia").call("PUT", path)
    assert (taken.status, taken.document["sub"], taken.document["stands"]) == (200, "mia", True)
    assert server.pages("mia").call("PUT", path).status == 200  # it is theirs already
    server.withdrawals.delete_membership("acme", "ada")
    assert server.access(key_in(made)).subject == "mia"
    server.withdrawals.delete_membership("acme", "mia")
    assert server.refusal(key_in(made)) == "ended"


def test_key_that_fell_is_taken_over_by_nobody(server: Keys) -> None:
    another_administrator(server)
    made = server.make_for()
    server.withdrawals.delete_membership("acme", "ada")
    path = f"/account/organisations/acme/api-keys/{made.document['id']}/carrier"
    refused = server.pages("mia").call("PUT", path)
    assert (refused.status, refused.reason) == (409, "api_key_ended")


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.delete_membership("acme", "ada"),
        lambda server: server.withdrawals.end_api_keys("ada"),
        lambda server: server.withdrawals.change_user("ada", status="disabled"),
        lambda server: server.withdrawals.end(subject="ada"),
    ],
    ids=["no member", "all ended", "disabled", "everything ended"],
)
def test_key_that_falls_while_it_is_taken_over_has_fallen(server: Keys, end: Callable[[Keys], object]) -> None:
    another_administrator(server)
    made = server.make_for()
    server.before("api_keys.take_over", lambda: end(server))
    path = f"/account/organisations/acme/api-keys/{made.document['id']}/carrier"
    assert server.pages("mia").call("PUT", path).status == 409
    assert server.refusal(key_in(made)) == "ended"


def test_who_ceases_to_be_an_administrator_while_making_a_key_makes_none(server: Keys) -> None:
    server.before("api_keys.create", lambda: server.withdrawals.delete_membership("acme", "ada"))
    assert server.make_for().status == 409
    assert server.api_keys.api_keys(organisation="acme").items == ()


def test_key_that_is_made_while_all_of_them_end_ends_as_well(server: Keys) -> None:
    server.before("api_keys.create", lambda: server.withdrawals.end_api_keys("max"))
    assert server.refusal(key_in(server.make())) == "ended"


# ------------------------------------------------------------------ how they are sent, and from where


@pytest.mark.rfc("6750", "2")
def test_key_is_taken_as_bearer_or_in_its_own_header_and_not_in_both(server: Keys) -> None:
    key = key_in(server.make())
    assert server.access("", authorization=None, api_keys=(key,)).api_key
    with pytest.raises(InvalidRequest):
        server.access(key, api_keys=(key,))
    with pytest.raises(InvalidRequest):
        server.access("", authorization=None, api_keys=(key, key))


def test_own_header_takes_nothing_but_keys(server: Keys) -> None:
    token = App(server, "personal").tokens(scope="read").access_token.reveal()
    assert server.refusal("", authorization=None, api_keys=(token,)) == "garbage"


def test_own_header_counts_for_nothing_where_it_is_not_taken() -> None:
    server = Keys(accepts_api_key_header=False)
    key = key_in(server.make())
    assert server.access(key).api_key
    assert server.access(key, api_keys=("whatever",)).api_key
    assert server.refusal("", authorization=None, api_keys=(key,)) == "token_missing"


def test_key_is_used_from_its_networks_alone(server: Keys) -> None:
    made = server.make(networks=["192.0.2.7/24", "2001:db8::/32"])
    assert made.document["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    key = key_in(made)
    for source in ("192.0.2.255", "2001:db8:1::1", "::ffff:192.0.2.1"):
        assert server.access(key, source=source)
    for source in ("198.51.100.1", "2001:db9::1", "", "nonsense", "192.0.2.1, 198.51.100.1"):
        assert server.refusal(key, source=source) == "network"


def test_networks_are_for_deployments_that_keep_no_answer() -> None:
    refused = Keys(accepts_api_key_header=False).make(networks=["192.0.2.0/24"])
    assert (refused.status, refused.fields) == (400, {"networks"})


def test_key_with_networks_is_refused_where_answers_may_be_kept(server: Keys) -> None:
    key = key_in(server.make(networks=["192.0.2.0/24"]))
    server.services = replace(server.services, settings=replace(server.services.settings, accepts_api_key_header=False))
    assert server.refusal(key, source="192.0.2.1") == "network"


# ------------------------------------------------------------------ attacks, and what they cost


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key + "A",
        lambda key: "apikey_" + base64url(bytes(96)),
        lambda key: "apikey_",
        lambda key: "apikey_" + "A" * 300,
    ],
)
def test_garbage_costs_no_read(server: Keys, change: Any) -> None:
    key = key_in(server.make())
    server.access(key)
    server.calls.clear()
    with pytest.raises(InvalidToken):
        server.access(change(key))
    assert not server.calls


def test_check_is_one_read(server: Keys) -> None:
    for key in (key_in(server.make()), key_in(server.make_for()), key_in(server.make_as_operator(client_id="web"))):
        server.access(key)
        server.calls.clear()
        server.access(key)
        assert server.calls == {"api_keys.standing": 1}


def test_who_has_the_ring_alone_can_make_no_key(server: Keys) -> None:
    """Nor turn a key of their own into one whose client cannot be ended: the record says whose it is."""
    made = server.make_as_operator(client_id="web")
    ring = server.services.keys.token_key(API_KEY_RING)
    own = opaque.unseal(opaque.API_KEY, key_in(made), (ring,))
    assert own is not None
    for forged in ({"secret": bytes(16)}, {"client": bytes(16)}, {"subject": opaque.key_of("max")}, {"id": bytes(16)}):
        credential = opaque.seal(opaque.API_KEY, ring, **{**own.fields, **forged})
        assert server.refusal(credential) == "unknown"


def test_keys_made_by_a_ring_key_that_is_withdrawn_are_over(server: Keys) -> None:
    key = key_in(server.make())
    (ring,) = [one for one in server.services.keys.rings() if one.name == API_KEY_RING]
    withdrawn = server.services.keys.withdrawn(ring.keys[-1].kid)
    assert withdrawn is not None
    assert server.withdrawals.withdraw_key(withdrawn)
    server.clock.advance(31)
    assert server.refusal(key) == "garbage"
    assert server.access(key_in(server.make()))


def test_key_outlives_the_rotation_of_its_ring(server: Keys) -> None:
    key = key_in(server.make())
    for _ in range(11):
        server.clock.advance(30 * DAY)
        server.rotate_keys()
    assert len(server.services.keys.token_keys(API_KEY_RING)) > 1
    assert server.access(key)


def test_key_for_another_resource_is_refused(server: Keys) -> None:
    key = key_in(server.make(resource=[fakes.OTHER_RESOURCE]))
    assert server.refusal(key) == "audience"
    assert server.access(key, audience=fakes.OTHER_RESOURCE)


# ------------------------------------------------------------------ when it was used


def test_use_is_noted_once_an_hour(server: Keys) -> None:
    made = server.make()
    for seconds, noted in ((0, START), (USED_EVERY - 1, START), (1, START + USED_EVERY)):
        server.clock.advance(seconds)
        server.access(key_in(made))
        key = server.api_keys.find(made.document["id"])
        assert key is not None
        assert key.used_at == noted
    assert server.calls["api_keys.note_use"] == 2


def test_check_does_not_fail_because_its_use_could_not_be_noted(server: Keys) -> None:
    key = key_in(server.make())

    def fail() -> None:
        raise TemporarilyUnavailable("The store did not answer", reason="down")

    server.before("api_keys.note_use", fail)
    assert server.access(key)


def test_use_of_a_key_that_was_just_ended_brings_nothing_back(server: Keys) -> None:
    made = server.make()
    server.before("api_keys.note_use", lambda: server.withdrawals.end_api_key(made.document["id"]))
    assert server.access(key_in(made))  # it stood when it was read
    assert server.api_keys.find(made.document["id"]) is None
    assert server.refusal(key_in(made)) == "unknown"


# ------------------------------------------------------------------ introspection


@pytest.mark.rfc("7662", "2.2")
def test_key_is_told_to_its_resource_server_and_to_its_client(server: Keys) -> None:
    server.clients.create(fakes.client(client_id="api", resources=(RESOURCE,), grant_types=()))
    own, ours = key_in(server.make()), key_in(server.make_for())
    machine = key_in(server.make_as_operator(client_id="web"))
    told = App(server, "api").introspect(own)
    assert {name: told.get(name) for name in ("active", "sub", "client_id", "scope", "token_type")} == {
        "active": True,
        "sub": "max",
        "client_id": None,
        "scope": "read",
        "token_type": "api_key",
    }
    assert App(server, "api").introspect(ours)["entities"] == ["a1"]
    assert App(server, "web").introspect(machine)["client_id"] == "web"
    for stranger, key in (("web", own), ("web", ours), ("personal", machine)):
        assert App(server, stranger).introspect(key) == {"active": False}


def test_key_that_does_not_stand_or_is_limited_to_networks_is_not_active(server: Keys) -> None:
    server.clients.create(fakes.client(client_id="api", resources=(RESOURCE,), grant_types=()))
    own, limited = key_in(server.make()), key_in(server.make(networks=["192.0.2.0/24"]))
    server.withdrawals.end_api_keys("max")
    assert App(server, "api").introspect(own) == {"active": False}
    assert App(server, "api").introspect(limited) == {"active": False}
    assert App(server, "api").introspect("apikey_x") == {"active": False}


@pytest.mark.rfc("8141", "2")
def test_key_says_of_itself_whom_it_acts_for(server: Keys) -> None:
    urns = {
        key_in(server.make(networks=["192.0.2.0/24"])): "urn:authserver:user:max",
        key_in(server.make_for()): "urn:authserver:organisation:acme",
        key_in(server.make_as_operator(client_id="web")): "urn:authserver:client:web",
    }
    for key, urn in urns.items():
        assert introspect_self(key, server.services, "192.0.2.1").members()["subject_urn"] == urn
    with pytest.raises(InvalidToken):
        introspect_self(next(iter(urns)), server.services, "198.51.100.1")


def test_nothing_is_asked_of_keys_in_a_deployment_without_them() -> None:
    server = Server(fakes.client(), fakes.client(client_id="api", resources=(RESOURCE,), grant_types=()))
    server.calls.clear()
    assert App(server, "api").introspect("apikey_" + "A" * 128) == {"active": False}
    assert not [call for call in server.calls if call.startswith("api_keys")]
