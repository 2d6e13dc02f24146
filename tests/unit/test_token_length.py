"""Nothing is issued that our own authorizer, introspection or revocation would refuse for its length."""

from typing import Any, cast

import jwt
import pytest

from authserver.errors import InvalidScope
from authserver.messages.browser import ConsentPage
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.tokens.access_token import ENTITIES_BUDGET
from authserver.tokens.jwt import MAX_LENGTH
from authserver.values import Scope
from tests.fakes import client
from tests.unit.server import App, Browser, Server

HEADERS = 10_240  # octets that API Gateway takes, of all headers together
OTHERS = 2_000  # of them, for those that are not the Authorization header


def companies(number: int, length: int = 36) -> list[str]:
    return [f"c{position:03d}-".ljust(length, "x") for position in range(number)]


def server_with(number: int, length: int = 36) -> Server:
    """An organisation with so many companies, which Alice administers, and a client that acts for such."""
    server = Server(client(preferred_subject_type="organisation"))
    ids = companies(number, length)
    server.organisations.create(Organisation("acme", "Acme", dict.fromkeys(ids, "A company")))
    server.organisations.put_membership(Membership("acme", "sub-of-alice", ADMINISTRATOR, epoch="epoch"))
    return server


def consent_to(server: Server, chosen: list[str], **parameters: str) -> Any:
    browser = Browser(server)
    asked: Any = browser.authorize(**cast("Any", parameters))  # the browser is not signed in yet
    handle = asked.request_handle
    browser.sign_in(handle)
    return browser.decide(handle, organisation="acme", entities=tuple(chosen))


def tokens_for(server: Server, chosen: list[str], **parameters: str) -> Any:
    return App(server).exchange(consent_to(server, chosen, **parameters).parameters["code"])


DETAILS = {"authorization_details": '[{"type": "organisation", "identifier": "acme"}]'}


@pytest.mark.parametrize("parameters", [{}, DETAILS], ids=["plain", "authorization_details"])
@pytest.mark.parametrize("length", [1, 36, 64])
def test_a_token_for_as_many_companies_as_can_be_chosen_is_taken_by_everybody(
    length: int, parameters: dict[str, str]
) -> None:
    length = max(length, 5)
    server = server_with(100, length)
    tokens = tokens_for(server, companies(100, length), **parameters)
    token = tokens.access_token.reveal()
    assert len(f"Authorization: Bearer {token}") <= HEADERS - OTHERS
    assert set(server.access(token).entities) == set(companies(100, length))
    told = App(server).introspect(token)
    assert told["active"] is True
    assert set(told["entities"]) == set(companies(100, length))
    App(server).revoke(token)
    assert App(server).introspect(token) == {"active": False}


def test_a_token_names_few_companies_and_says_where_it_leaves_many_out() -> None:
    def claims(number: int) -> dict[str, Any]:
        tokens = tokens_for(server_with(number), companies(number), **DETAILS)
        return jwt.decode(tokens.access_token.reveal(), options={"verify_signature": False})

    few, many = claims(3), claims(100)
    assert few["entities"] == companies(3)
    assert few["authorization_details"][0]["entities"] == companies(3)
    assert "entities_omitted" not in few
    assert (many["org"], many["entities_omitted"]) == ("acme", True)
    assert not {"entities", "authorization_details"} & many.keys()


@pytest.mark.rfc("9396", "7")
def test_the_token_response_tells_all_that_was_granted_whatever_the_token_names() -> None:
    tokens = tokens_for(server_with(100), companies(100), **DETAILS)
    (details,) = tokens.members()["authorization_details"]
    assert details["entities"] == companies(100)


def test_the_longest_list_that_a_token_names_is_within_the_budget() -> None:
    length = 36
    most = ENTITIES_BUDGET // (length + 3)
    for number, is_omitted in ((most, False), (most + 1, True)):
        tokens = tokens_for(server_with(number), companies(number))
        claims = jwt.decode(tokens.access_token.reveal(), options={"verify_signature": False})
        assert ("entities_omitted" in claims) is is_omitted


def test_a_token_that_would_be_too_long_is_not_issued_and_nothing_is_spent() -> None:
    scope = Scope(tuple(f"scope-{number:04d}-{'x' * 80}" for number in range(80)))
    server = Server(client(scope=scope))
    app = App(server)
    with pytest.raises(InvalidScope):
        app.token("client_credentials", scope=str(scope))
    token = app.token("client_credentials", scope=scope.tokens[0]).access_token.reveal()
    assert len(token) <= MAX_LENGTH
    code = Browser(server).code(scope=str(scope))
    with pytest.raises(InvalidScope):
        app.exchange(code)
    assert server.authorization_of(code).redeemed_by is None


def test_more_companies_than_can_be_chosen_bring_the_form_back_with_all_that_was_ticked() -> None:
    server = server_with(120)
    page = consent_to(server, companies(101))
    assert isinstance(page, ConsentPage)
    assert page.problem
    assert page.entities == frozenset(companies(101))
    assert page.offer is not None
    assert page.offer.most == 100


def test_the_page_takes_as_many_companies_as_it_says() -> None:
    server = server_with(120)
    page = consent_to(server, companies(101))
    assert isinstance(page, ConsentPage)
    assert page.offer is not None
    assert "code" in consent_to(server, companies(page.offer.most)).parameters
