"""Initial access tokens: a use is taken by one write, once for whoever takes it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from authserver.models import InitialAccessToken
from authserver.storage import TokenStore
from authserver.values import sha256
from tests.contract.records import NOW

TOKEN = InitialAccessToken("an-identifier", sha256("secret"), remaining=2, created_at=NOW, expires_at=NOW + 60)


@pytest.mark.rfc("7591", "3.1")
def test_each_use_is_taken_once_and_then_there_is_none(tokens: TokenStore) -> None:
    tokens.put_initial_access_token(TOKEN)
    assert [tokens.spend_initial_access_token(TOKEN.id, TOKEN.secret_hash, claim, NOW) for claim in "abc"] == [
        True,
        True,
        False,
    ]


def test_the_retry_of_a_write_whose_answer_was_lost_takes_no_second_use(tokens: TokenStore) -> None:
    tokens.put_initial_access_token(TOKEN)
    assert [tokens.spend_initial_access_token(TOKEN.id, TOKEN.secret_hash, claim, NOW) for claim in "aab"] == [True] * 3
    assert not tokens.spend_initial_access_token(TOKEN.id, TOKEN.secret_hash, "c", NOW)


@pytest.mark.parametrize(
    ("token_id", "secret", "now"),
    [("another", "secret", NOW), (TOKEN.id, "wrong", NOW), (TOKEN.id, "secret", NOW + 60)],
)
def test_what_is_unknown_wrong_or_over_takes_nothing(token_id: str, secret: str, now: int, tokens: TokenStore) -> None:
    tokens.put_initial_access_token(TOKEN)
    assert not tokens.spend_initial_access_token(token_id, sha256(secret), "a", now)
    assert tokens.spend_initial_access_token(TOKEN.id, TOKEN.secret_hash, "b", NOW)


def test_many_at_once_take_no_more_than_there_are(tokens: TokenStore) -> None:
    tokens.put_initial_access_token(TOKEN)
    with ThreadPoolExecutor(8) as pool:
        taken = pool.map(
            lambda claim: tokens.spend_initial_access_token(TOKEN.id, TOKEN.secret_hash, str(claim), NOW), range(8)
        )
        assert sum(taken) == 2
