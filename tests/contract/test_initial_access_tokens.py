"""Initial access tokens: registering a client and taking a use of one is one write. They are listed, and taken back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.models.clients import Client
from authserver.models.registration import InitialAccessToken
from authserver.storage.clients import Licence, Unlicensed
from authserver.storage.tokens import TokenStore
from authserver.values import sha256
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, listed

SECRET = "secret"


def made(tokens: TokenStore, **overrides: Any) -> InitialAccessToken:
    token = InitialAccessToken(identifier(), sha256(SECRET), remaining=2, created_at=NOW, expires_at=NOW + 60)
    token = replace(token, **overrides)
    tokens.put_initial_access_token(token)
    return token


def licence(token: InitialAccessToken, secret: str = SECRET, now: int = NOW) -> Licence:
    return Licence(token.id, sha256(secret), now)


def client(**overrides: Any) -> Client:
    return Client(**{"client_id": identifier(), "client_name": "An app", **overrides})


def registers(stores: Stores, wanted: Client, licence: Licence) -> bool:
    """Whether the client is there afterwards: exactly if the store says so."""
    try:
        done = stores.clients.create(wanted, licence)
    except Unlicensed:
        done = False
    assert (stores.clients.get(wanted.client_id) == wanted) is done
    return done


def remaining(tokens: TokenStore, token: InitialAccessToken) -> int | None:
    """How many uses are left; None if there is no such token."""
    found = [one for one in every(tokens) if one.id == token.id]
    return found[0].remaining if found else None


def every(tokens: TokenStore) -> list[InitialAccessToken]:
    return listed(lambda limit, cursor: tokens.initial_access_tokens(limit=limit, cursor=cursor))


@pytest.mark.rfc("7591", "3.1")
def test_each_use_registers_one_client_and_then_none_is_registered(stores: Stores) -> None:
    token = made(stores.tokens)
    assert [registers(stores, client(), licence(token)) for _ in range(3)] == [True, True, False]
    assert remaining(stores.tokens, token) == 0


@pytest.mark.parametrize(
    ("known", "secret", "now"), [(False, SECRET, NOW), (True, "wrong", NOW), (True, SECRET, NOW + 60)]
)
def test_what_is_unknown_wrong_or_over_registers_nothing_and_takes_nothing(
    known: bool, secret: str, now: int, stores: Stores
) -> None:
    token = made(stores.tokens)
    presented = licence(token if known else replace(token, id=identifier()), secret, now)
    with pytest.raises(Unlicensed):
        stores.clients.create(client(), presented)
    assert remaining(stores.tokens, token) == 2


def test_a_registration_under_an_identifier_that_is_taken_takes_no_use(stores: Stores) -> None:
    token, taken = made(stores.tokens), client()
    assert stores.clients.create(taken)
    assert not stores.clients.create(replace(taken, client_name="Another"), licence(token))
    assert stores.clients.get(taken.client_id) == taken
    assert remaining(stores.tokens, token) == 2


def test_a_registration_under_the_identifier_of_a_client_that_ended_takes_no_use(stores: Stores) -> None:
    token, ended = made(stores.tokens), client()
    assert stores.clients.create(ended)
    stores.withdrawals.delete_client(ended.client_id)
    assert not stores.clients.create(ended, licence(token))
    assert remaining(stores.tokens, token) == 2


def test_the_same_registration_again_takes_no_second_use(stores: Stores) -> None:
    token, wanted = made(stores.tokens, remaining=1), client()
    assert stores.clients.create(wanted, licence(token))
    assert not stores.clients.create(wanted, licence(token))  # what is stored tells that it was this one
    assert stores.clients.get(wanted.client_id) == wanted
    assert remaining(stores.tokens, token) == 0


def test_many_at_once_register_no_more_than_there_are_uses(stores: Stores) -> None:
    token, wanted = made(stores.tokens), [client() for _ in range(8)]

    def register(one: Client) -> bool:
        try:
            return stores.clients.create(one, licence(token))
        except (Unlicensed, TemporarilyUnavailable):
            return False

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(register, wanted))
    assert 1 <= sum(done) <= 2
    assert [stores.clients.get(one.client_id) is not None for one in wanted] == done
    assert remaining(stores.tokens, token) == 2 - sum(done)


def test_tokens_are_listed_by_age_whole_and_those_that_are_over_are_among_them(stores: Stores) -> None:
    mine = [made(stores.tokens, created_at=NOW + age, remaining=age % 2) for age in (3, 1, 2)]
    found = [one for one in every(stores.tokens) if one in mine]
    assert found == sorted(mine, key=lambda one: one.created_at)


def test_a_token_that_was_taken_back_registers_nothing_and_is_not_listed(stores: Stores) -> None:
    token, other = made(stores.tokens), made(stores.tokens)
    assert stores.withdrawals.revoke_initial_access_token(token.id)
    assert not registers(stores, client(), licence(token))
    assert (remaining(stores.tokens, token), remaining(stores.tokens, other)) == (None, 2)
    assert not stores.withdrawals.revoke_initial_access_token(token.id)
    assert registers(stores, client(), licence(other))


@pytest.mark.parametrize("token_id", ["nobody's", "a#b", "ä" * 100])
def test_what_was_never_given_is_not_taken_back(token_id: str, stores: Stores) -> None:
    assert not stores.withdrawals.revoke_initial_access_token(token_id)
