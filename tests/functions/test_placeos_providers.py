"""Identity providers that PlaceOS had before: they answer at the path that is registered there, each at its own."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest

from authserver.models.configuration import CALLBACK
from tests.functions.federation import WORK, FederatedPerson, configure, federated, federated_person
from tests.functions.flowing import at_others_paths
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import stores_of
from tests.functions.journey import admin, native
from tests.functions.world import World
from tests.openid_provider import OpenIdProvider, serving

PATHS = (CALLBACK, f"{CALLBACK}/oauth_strat-1", f"{CALLBACK}?id=oauth_strat-1")
BY_QUERY = PATHS[2]
NOTHING_THERE = (404, '{"message":"Not Found"}', {"content-type": "application/json"})
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


def asked(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))


def moved(answer: str, path: str, world: World) -> str:
    """A provider's answer, as if it had come to another path of ours."""
    left = {name: value for name, value in asked(answer).items() if name != "id"}
    return f"{world.issuer}{path}{'&' if '?' in path else '?'}{urlencode(left)}"


def beneath(world: World, path: str) -> AbstractContextManager[None]:
    """The function for providers, of an issuer with this path."""
    parameters = {"LoopbackUpstreams": "true", "EndpointAliases": "placeos", "Issuer": f"{world.issuer}{path}"}
    return world.using(federate=world.load("federate", **parameters))


def is_nothing_there(answer: Answer) -> bool:
    return (answer.status, answer.body, answer.headers) == NOTHING_THERE and not answer.cookies


@pytest.mark.rfc("6749", "3.1.2.2")
@pytest.mark.parametrize("path", PATHS)
def test_a_provider_answers_where_it_is_registered_since_placeos(path: str, world: World) -> None:
    with federated(world, "oauth,placeos", callback_path=path) as provider:
        person = federated_person(world)
        there = person.choose(person.arrive()).location
        assert asked(there)["redirect_uri"] == f"{world.issuer}{path}"
        answer = provider.authorize(there)
        assert urljoin(answer, person.come_back(answer).location).startswith(f"{world.issuer}/consent?")
        assert person.cookies["__Host-session"]


@pytest.mark.parametrize("path", PATHS)
def test_where_a_provider_is_registered_is_not_beneath_the_issuers_path(path: str, world: World) -> None:
    """PlaceOS had the whole site. From there it goes on to the pages of this server, which are beneath."""
    with federated(world, "placeos", callback_path=path) as provider, beneath(world, "/idp"):
        person = federated_person(world)
        there = person.choose(person.arrive()).location
        assert asked(there)["redirect_uri"] == f"{world.issuer}{path}"
        assert person.come_back(provider.authorize(there)).location.startswith("/idp/consent?")
        refused = person.come_back(f"{world.issuer}{path}{'&' if '?' in path else '?'}error=access_denied&state=x")
        assert refused.status == 400
        assert "../" not in refused.body


def test_its_own_redirect_uri_is_beneath_the_issuers_path(world: World) -> None:
    with federated(world, "placeos") as provider, beneath(world, "/idp"):
        person = federated_person(world)
        there = person.choose(person.arrive()).location
        assert asked(there)["redirect_uri"] == f"{world.issuer}/idp/federate/callback/work"
        answer = provider.authorize(there).replace("/idp/", "/")  # what its mapping takes away
        assert person.come_back(answer).location.startswith("../../consent?")


def test_where_the_paths_of_placeos_are_not_answered_the_old_one_is_not_asked_for(world: World) -> None:
    with federated(world, "oauth", callback_path=BY_QUERY) as provider:
        person = federated_person(world)
        there = person.choose(person.arrive()).location
        assert asked(there)["redirect_uri"] == f"{world.issuer}/federate/callback/work"
        assert person.come_back(provider.authorize(there)).status == 303


def test_path_that_no_provider_has_is_not_there(world: World) -> None:
    with federated(world, "placeos", callback_path=BY_QUERY) as provider:
        person = federated_person(world)
        answer = provider.authorize(person.choose(person.arrive()).location)
        for path in (CALLBACK, f"{CALLBACK}/oauth_strat-1", f"{CALLBACK}?id=oauth_strat-2", f"{CALLBACK}?id="):
            assert is_nothing_there(person.come_back(moved(answer, path, world)))
            assert is_nothing_there(person.send("POST", path.partition("?")[0]))
        assert person.send("POST", CALLBACK, query={"id": "oauth_strat-1"}).status == 405
        assert person.send("GET", CALLBACK, query=b"id=oauth_strat-1&id=oauth_strat-1").status == 400
        assert person.come_back(answer).status == 303


@pytest.fixture
def two(world: World) -> Iterator[tuple[FederatedPerson, OpenIdProvider, OpenIdProvider]]:
    """A person at a deployment with two providers of PlaceOS's: ``work``, and the attacker's ``evil``."""
    with ExitStack() as stack:
        honest = stack.enter_context(federated(world, "placeos", callback_path=f"{CALLBACK}?id=work"))
        evil = stack.enter_context(serving(lambda issuer: OpenIdProvider(issuer, lambda: int(world.clock.time()))))
        record = replace(WORK, id="evil", name="Evil", domains=(), organisation="", callback_path=f"{CALLBACK}/evil")
        configure(world, replace(record, issuer=evil.issuer))
        yield federated_person(world), honest, evil


@pytest.mark.rfc("9700", "4.4.2.2")
def test_no_provider_answers_for_another(
    two: tuple[FederatedPerson, OpenIdProvider, OpenIdProvider], world: World
) -> None:
    """Mix-up: the person chose the attacker's, which sends them on to the honest one, whose code it wants."""
    person, honest, evil = two
    page = person.arrive()
    at_evil = asked(person.choose(page, provider="evil").location)
    assert at_evil["redirect_uri"] == f"{world.issuer}{CALLBACK}/evil"
    at_work = person.choose(page).location
    code_of_work = asked(honest.authorize(at_work))["code"]
    mixed = urlencode({"code": code_of_work, "state": at_evil["state"], "iss": honest.issuer})
    for path in (f"{CALLBACK}?id=work&", "/federate/callback/work?", "/federate/callback/evil?"):
        refused = person.come_back(f"{world.issuer}{path}{mixed}")
        assert refused.status == 400
        assert "__Host-session" not in person.cookies
    assert "/token" not in evil.fetched
    assert person.come_back(f"{world.issuer}{CALLBACK}/evil?{mixed}").status == 400  # it names the other issuer
    assert "/token" not in evil.fetched


@pytest.mark.rfc("9700", "4.7.1")
def test_an_answer_counts_once_and_in_the_browser_that_asked(world: World) -> None:
    with federated(world, "placeos", callback_path=BY_QUERY) as provider:
        person, other = federated_person(world), federated_person(world)
        answer = provider.authorize(person.choose(person.arrive()).location)
        assert other.come_back(answer).status == 400
        assert "__Host-session" not in other.cookies
        assert person.come_back(answer).status == 303
        person.cookies.pop("__Host-session")
        assert person.come_back(answer).status == 400
        assert "__Host-session" not in person.cookies
        assert provider.fetched.count("/token") == 1


def test_path_that_was_given_to_another_provider_meanwhile_lets_nobody_in(world: World) -> None:
    with federated(world, "placeos", callback_path=BY_QUERY) as provider:
        person = federated_person(world)
        answer = provider.authorize(person.choose(person.arrive()).location)
        providers = stores_of(world).identity_providers
        providers.delete("work")
        assert is_nothing_there(person.come_back(answer))
        heir = replace(WORK, id="heir", domains=(), organisation="", callback_path=BY_QUERY, issuer=provider.issuer)
        configure(world, heir)
        assert person.come_back(answer).status == 400
        assert "__Host-session" not in person.cookies
        assert "/token" not in provider.fetched


# ------------------------------------------------------------------ where a page names the provider


@pytest.fixture
def gateway(world: World) -> Iterator[Gateway]:
    with at_others_paths(world):
        yield Gateway(world)


def login_at(person: FederatedPerson, strategy: str, headers: dict[str, str]) -> Answer:
    query = {"continue": "/rooms/", "provider": "oauth2", "id": strategy}
    return person.send("GET", "/auth/login", query=query, headers=headers)


@pytest.mark.parametrize(("path", "strategy"), [*zip(PATHS, ("work", "oauth_strat-1", "oauth_strat-1"), strict=True)])
def test_page_of_this_origin_leads_to_the_provider_that_it_names(
    path: str, strategy: str, world: World, gateway: Gateway
) -> None:
    with federated(world, "placeos", callback_path=path, shown=False) as provider:
        person = FederatedPerson(gateway)
        there = person.follow(login_at(person, strategy, SAME_ORIGIN))
        assert there.location.startswith(provider.metadata["authorization_endpoint"])
        assert asked(there.location)["redirect_uri"] == f"{world.issuer}{path}"
        assert person.come_back(provider.authorize(there.location)).location == "/rooms/"
        assert login_at(person, strategy, SAME_ORIGIN).location == "/rooms/"


@pytest.mark.rfc("9700", "4.7")
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_link_of_another_site_signs_nobody_in_unasked(site: str, world: World, gateway: Gateway) -> None:
    """Its author could be signed in at the provider, and the person in an account of the author's."""
    with federated(world, "placeos", callback_path=BY_QUERY, shown=False) as provider:
        person = FederatedPerson(gateway)
        page = person.follow(login_at(person, "oauth_strat-1", {"sec-fetch-site": site} if site else {}))
        assert page.status == 200
        assert "Sign in with Work" in page.body
        assert person.come_back(provider.authorize(person.choose(page).location)).location == "/rooms/"


@pytest.mark.parametrize("strategy", ["", "unknown", "work"])
def test_provider_that_is_not_known_by_that_name_leads_to_the_plain_page(
    strategy: str, world: World, gateway: Gateway
) -> None:
    with federated(world, "placeos", callback_path=BY_QUERY, shown=False):
        person = FederatedPerson(gateway)
        page = person.follow(login_at(person, strategy, SAME_ORIGIN))
        assert page.status == 200
        assert "Sign in with Work" not in page.body
        assert 'name="password"' in page.body


def test_a_name_of_two_providers_leads_to_neither(world: World, gateway: Gateway) -> None:
    """One is called so here, the other by PlaceOS."""
    with federated(world, "placeos", callback_path=f"{CALLBACK}/other", shown=False) as provider:
        configure(world, replace(WORK, id="other", domains=(), organisation="", issuer=provider.issuer, shown=False))
        person = FederatedPerson(gateway)
        page = person.follow(login_at(person, "other", SAME_ORIGIN))
        assert page.status == 200
        assert "Sign in with Work" not in page.body


def test_nobody_is_led_to_a_provider_by_what_a_client_or_an_address_says(world: World) -> None:
    with federated(world, "placeos", callback_path=BY_QUERY):
        person = federated_person(world)
        arrived = person.authorize({**native(person.gateway).request(), "provider": "work"})
        handle = asked(arrived.location)["request"]
        for query in ({"request": handle}, {"request": handle, "provider": "work"}):
            led = person.send("GET", "/federate", query=query, headers=SAME_ORIGIN)
            assert led.location.startswith("login?request=")
        assert person.send("GET", "/federate", query={"request": "garbage"}).status == 400
        assert federated_person(world).send("GET", "/federate", query={"request": handle}).status == 400


def test_an_operator_gives_a_path_to_one_provider(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:idps").json()["access_token"]
    document = {"name": "One", "issuer": "https://one.example", "client_id": "a", "client_secret": "b"}
    made = gateway.manage("POST /admin/identity-providers", token, document | {"id": "one", "callback_path": BY_QUERY})
    assert (made.status, made.json()["callback_path"]) == (201, BY_QUERY)
    taken = gateway.manage("POST /admin/identity-providers", token, document | {"id": "two", "callback_path": BY_QUERY})
    assert taken.status == 409
    assert "callback_path" in json.dumps(taken.json())
    for path in (
        "/logout",
        "https://evil.example",
        f"{CALLBACK}/a/b",
        f"{CALLBACK}/..%2f",
        f"{CALLBACK}/.",
        f"{CALLBACK}/..",
        f"{CALLBACK}?id=a&b=c",
        "x",
    ):
        refused = gateway.manage("PATCH /admin/identity-providers/{idp}", token, {"callback_path": path}, idp="one")
        assert refused.status == 400, path
    cleared = gateway.manage("PATCH /admin/identity-providers/{idp}", token, {"callback_path": ""}, idp="one")
    assert cleared.json()["callback_path"] == ""
