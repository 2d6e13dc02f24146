"""The paths of other systems: each answers as the endpoint that it stands for, to the byte."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest

from authserver.aliases import ALIASES, path_of
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import Browser, hidden_fields, machine, native, web
from tests.functions.world import World

RANDOM = re.compile(r"[A-Za-z0-9_-]{10,}(\.[A-Za-z0-9_-]{10,}){0,2}")  # handles, tokens, and long words with them
EVERY = [(alias, own) for paths in ALIASES.values() for alias, own in paths.items()]


def path(alias: str) -> str:
    return alias.replace("{realm}", "master")


def asked(gateway: Gateway, at: str, own: str) -> Iterator[Answer]:
    """What the endpoint is asked that it grants, refuses and does not serve, at one of its paths."""
    app, service, browser = web(gateway), machine(gateway), Browser(gateway)
    yield gateway.send("DELETE", at)
    yield gateway.send("OPTIONS", at)
    match own:
        case "/authorize":
            yield browser.send("GET", at, query=app.request())
            yield browser.send("POST", at, form=app.request())
            yield browser.send("GET", at, query=app.request(scope="nothing of the sort"))
            yield browser.send("GET", at, query=app.request(client_id="nobody"))
            yield browser.send("GET", at, query=app.request(prompt="none"))
        case "/token":
            yield service.post(at, grant_type="client_credentials")
            yield service.post(at, grant_type="another")
            yield gateway.post(at, {"grant_type": "client_credentials"})
            yield gateway.post(at, {"grant_type": "client_credentials"}, headers={"content-type": "text/plain"})
        case "/revoke" | "/introspect":
            yield service.post(at, token=service.own_token().json()["access_token"])
            yield service.post(at, token="garbage")
            yield service.post(at)
            yield gateway.post(at, {"token": "garbage"})
            yield gateway.send("GET", at, headers={"authorization": "Bearer garbage"})
        case "/userinfo":
            bearer = {"authorization": f"Bearer {native(gateway).tokens()['access_token']}"}
            yield gateway.send("GET", at, headers=bearer)
            yield gateway.post(at, {"a": "b"}, headers=bearer)
            yield gateway.send("GET", at)
            yield gateway.send("GET", at, headers={"authorization": "Bearer garbage"})
        case "/register":
            yield gateway.send("POST", at, body=b"{}", headers={"content-type": "application/json"})
        case "/logout":
            yield browser.send("GET", at)
            yield browser.send("GET", at, query={"post_logout_redirect_uri": "https://evil.example"})
            yield browser.send("POST", at, form={"client_id": "demo-web"})
            browser.visit("/my")
            page = browser.send("GET", at)
            yield page
            yield browser.send("POST", at, form=hidden_fields(page))
        case _:
            yield gateway.send("GET", at)
            yield gateway.send("HEAD", at)


def plain(answer: Answer, at: str) -> tuple[object, ...]:
    """An answer without what is drawn at random, each link of its as the address that it leads to from there."""

    def leads(match: re.Match[str]) -> str:
        return f'{match[1]}="{urljoin(f"https://here{at}", match[2])}"'

    headers = {name: RANDOM.sub("…", value) for name, value in answer.headers.items()}
    if answer.status == 303:
        headers["location"] = RANDOM.sub("…", urljoin(f"https://here{at}", answer.location))
    body = re.sub(r'(href|action)="([^"#][^"]*)"', leads, answer.body)
    return answer.status, headers, RANDOM.sub("…", body), tuple(RANDOM.sub("…", one) for one in answer.cookies)


def without_cors(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    status, headers, *rest = answer
    return status, {name: headers[name] for name in headers if not name.startswith("access-control-")}, *rest


@pytest.mark.rfc("6749", "3.1")
@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize(("alias", "own"), EVERY)
def test_an_alias_answers_as_its_endpoint(alias: str, own: str, world: World, gateway: Gateway) -> None:
    there = [plain(answer, path(alias)) for answer in asked(gateway, path(alias), own)]
    world.reset()
    here = [plain(answer, own) for answer in asked(gateway, own, own)]
    if alias == "/auth/logout":  # which pages of any origin may ask by a token
        there = [without_cors(answer) for answer in there[:1] + there[2:]]
        here = here[:1] + here[2:]
    assert there == here
    assert len({answer[0] for answer in here}) > 1


@pytest.mark.parametrize("preset", ALIASES)
def test_a_whole_sign_in_goes_through_aliases(preset: str, gateway: Gateway) -> None:
    """From an alias on, every page leads to the next one."""
    at = {own: path(alias) for alias, own in ALIASES[preset].items()}
    app, browser = native(gateway), Browser(gateway)
    page = browser.follow(browser.send("GET", at["/authorize"], query=app.request()))
    page = browser.follow(browser.sign_in(page))
    code = re.search(r"code=([^&]+)", browser.decide(page).location)
    assert code
    form = {"grant_type": "authorization_code", "code": code[1], "redirect_uri": app.redirect_uri}
    tokens = app.post(at["/token"], **form, code_verifier=app.verifier).json()
    userinfo = gateway.send("GET", at["/userinfo"], headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert userinfo.json()["name"] == "Alice Liddell"


def test_there_is_nothing_at_the_paths_of_another_realm(gateway: Gateway) -> None:
    """As API Gateway answers where there is nothing: without what a browser would need to read it."""
    for alias, own in ALIASES["keycloak"].items():
        for method in ("GET", "POST", "OPTIONS"):
            answer = gateway.send(
                method, alias.replace("{realm}", "another"), form={"grant_type": "client_credentials"}
            )
            assert (answer.status, answer.body) == (404, '{"message":"Not Found"}'), own
            assert answer.headers == {"content-type": "application/json"}
            assert not answer.cookies


@pytest.mark.rfc("8414", "2")
def test_the_metadata_tells_of_no_alias(gateway: Gateway) -> None:
    for at in ("/.well-known/openid-configuration", "/auth/.well-known/openid-configuration"):
        body = gateway.send("GET", at).body
        assert not [alias for alias, _ in EVERY if f'{gateway.world.issuer}{alias}"' in body]


def test_no_path_is_the_alias_of_two_endpoints() -> None:
    assert len(dict(EVERY)) == len(EVERY)
    assert all(path_of(f"ANY {alias}") == own for alias, own in EVERY)
    assert path_of("ANY /token") == "/token"
