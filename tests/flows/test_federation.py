"""Signing in through another provider: two of these servers, one of which is the other's client."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.development import DevelopmentServer
from tests.flows.conftest import SEED
from tests.flows.person import Deployment, Person, demo_web, hidden_fields

SECRET = "a-secret-between-two-servers"
CAROL = {"username": "carol", "password": "carols-password"}
LOOPBACK = {"LoopbackUpstreams": "true"}


@dataclass(frozen=True)
class Two:
    """`upstream` has the accounts; at `downstream` people sign in with them."""

    upstream: Deployment
    downstream: Deployment


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("federation")
    port = _free_port()
    client = {
        "client_id": "downstream",
        "client_secret": SECRET,
        "client_name": "The other server",
        "redirect_uris": [f"http://127.0.0.1:{port}/federate/callback/work"],
    }
    upstream_seed = _written(folder / "upstream.json", clients=[client], users=[CAROL])
    with DevelopmentServer(seed=upstream_seed, log=folder / "upstream.log") as upstream:
        provider = {
            "id": "work",
            "name": "Work",
            "issuer": upstream.issuer,
            "client_id": "downstream",
            "client_secret": SECRET,
            "domains": ["example.com"],
            "sign_up": True,
            "trusts_email": True,
        }
        seed = _written(folder / "downstream.json", identity_providers=[provider])
        with DevelopmentServer(port=port, seed=seed, log=folder / "downstream.log", parameters=LOOPBACK) as downstream:
            yield Two(
                Deployment(upstream.issuer, upstream.resource), Deployment(downstream.issuer, downstream.resource)
            )


def _written(path: Path, **more: list[dict[str, Any]]) -> Path:
    seed = json.loads(SEED.read_text())
    path.write_text(json.dumps({**seed, **{name: [*seed.get(name, []), *entries] for name, entries in more.items()}}))
    return path


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def arrive(person: Person, two: Two) -> tuple[httpx.Response, dict[str, str], Any]:
    """At the sign-in page downstream, for a new request."""
    app = demo_web(two.downstream)
    request, proof = app.request()
    return person.follow(person.authorize(**request)), request, proof


def choose(person: Person, two: Two, page: httpx.Response, **choice: str) -> httpx.Response:
    form = hidden_fields(page) | (choice or {"provider": "work"})
    return person.browser.post(f"{two.downstream.issuer}/federate", data=form)


def go_through_upstream(two: Two, url: str, username: str, password: str) -> str:
    """Signs in and allows at the provider; where it sends the browser."""
    person = Person(two.upstream, username, password)
    response = person.follow(person.browser.get(url))
    if 'name="password"' in response.text:
        response = person.follow(person.sign_in(response))
    if 'name="decision"' in response.text:
        response = person.decide(response)
    assert response.is_redirect, response.text
    return str(response.headers["location"])


def sign_in(two: Two, username: str = "bob", password: str = "builder-demo") -> dict[str, Any]:
    """The whole way, to the claims that the application gets from userinfo."""
    person = Person(two.downstream)
    page, request, proof = arrive(person, two)
    going = choose(person, two, page)
    assert going.status_code == 303, going.text
    back = go_through_upstream(two, going.headers["location"], username, password)
    response = person.follow(person.browser.get(back))
    if 'name="decision"' in response.text:
        assert f"{username}@example.com" in response.text
        response = person.decide(response)
    answer = dict(httpx.URL(response.headers["location"]).params)
    assert answer["state"] == request["state"]
    app = demo_web(two.downstream)
    tokens = app.exchange(answer["code"], proof).json()
    claims: dict[str, Any] = app.call("/userinfo", tokens["access_token"]).json()
    return claims


@pytest.mark.rfc("OIDC Core", "3.1")
@pytest.mark.rfc("9207", "2.4")
def test_somebody_from_elsewhere_signs_in_and_is_known_again(two: Two) -> None:
    first, second = sign_in(two), sign_in(two)
    assert first == second
    assert (first["name"], first["email"], first["preferred_username"]) == ("Bob Builder", "bob@example.com", "bob")
    assert first["email_verified"] is False
    assert sign_in(two, "alice", "wonderland-demo")["sub"] != first["sub"]


@pytest.mark.rfc("OIDC Core", "5.7")
def test_a_verified_address_of_a_local_user_opens_no_local_account(two: Two) -> None:
    """Alice of the provider has the address and the name of Alice here, and is somebody else."""
    local = Person(two.downstream)
    page, _, proof = arrive(local, two)
    response = local.follow(local.sign_in(page))
    response = local.decide(response) if 'name="decision"' in response.text else response
    app = demo_web(two.downstream)
    tokens = app.exchange(dict(httpx.URL(response.headers["location"]).params)["code"], proof).json()
    here = app.call("/userinfo", tokens["access_token"]).json()
    elsewhere = sign_in(two, "alice", "wonderland-demo")
    assert (here["email"], here["email_verified"]) == (elsewhere["email"], elsewhere["email_verified"])
    assert here["sub"] != elsewhere["sub"]


def test_an_address_leads_to_its_provider(two: Two) -> None:
    person = Person(two.downstream)
    page, _, _ = arrive(person, two)
    assert "Sign in with Work" in page.text
    going = choose(person, two, page, username="bob@example.com", by="email")
    assert going.headers["location"].startswith(f"{two.upstream.issuer}/authorize?")
    assert httpx.URL(going.headers["location"]).params["login_hint"] == "bob@example.com"


@pytest.mark.rfc("6749", "10.12")
def test_an_answer_is_good_in_one_browser_and_once(two: Two) -> None:
    attacker, victim = Person(two.downstream), Person(two.downstream)
    page, _, _ = arrive(attacker, two)
    going = choose(attacker, two, page)
    back = go_through_upstream(two, going.headers["location"], "bob", "builder-demo")
    arrive(victim, two)
    refused = victim.browser.get(back)
    assert refused.status_code == 400
    assert "__Host-session" not in victim.browser.cookies
    assert attacker.browser.get(back).status_code == 303
    session = attacker.browser.cookies["__Host-session"]
    again = attacker.browser.get(back)  # a browser that it signed in already goes on, and is not signed in twice
    assert (again.status_code, attacker.browser.cookies["__Host-session"]) == (303, session)
    del attacker.browser.cookies["__Host-session"]
    again = attacker.browser.get(back)
    assert (again.status_code, "used before" in again.text) == (400, True)


def test_who_refuses_there_finds_the_way_back(two: Two) -> None:
    person = Person(two.downstream)
    page, _, _ = arrive(person, two)
    going = choose(person, two, page)
    there = Person(two.upstream, **CAROL)
    at_consent = there.follow(there.sign_in(there.follow(there.browser.get(going.headers["location"]))))
    response = person.browser.get(there.decide(at_consent, "deny").headers["location"])
    assert response.status_code == 403
    assert "cancelled or refused" in response.text
    link = response.text.partition('href="')[2].partition('"')[0]
    assert "Sign in with Work" in person.browser.get(link).text
