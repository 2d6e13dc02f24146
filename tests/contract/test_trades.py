"""Laws of what takes the place of another system's refresh token: one authorization for each, whatever races."""

from dataclasses import replace

import pytest

from authserver.storage.tokens import AlreadyExists, TokenStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import sha256
from tests.contract.records import NOW, authorization, find, identifier


def test_token_is_traded_for_one_authorization_alone(tokens: TokenStore) -> None:
    token, first, second = sha256(identifier()), authorization(), authorization()
    assert tokens.traded_for(token) is None
    tokens.trade(token, first)
    assert tokens.traded_for(token) == first.id
    with pytest.raises(AlreadyExists) as conflict:
        tokens.trade(token, second)
    assert conflict.value.existing == first
    assert find(tokens, second) is None
    assert tokens.traded_for(token) == first.id


def test_trade_made_again_as_after_a_lost_answer_tells_its_own(tokens: TokenStore) -> None:
    token, first = sha256(identifier()), authorization()
    tokens.trade(token, first)
    with pytest.raises(AlreadyExists) as conflict:
        tokens.trade(token, first)
    assert conflict.value.existing == first


def test_trade_replaces_no_authorization(tokens: TokenStore) -> None:
    token, first = sha256(identifier()), authorization()
    tokens.create(first)
    with pytest.raises(AlreadyExists):
        tokens.trade(token, replace(first, client_id="thief"))
    assert find(tokens, first) == first


def test_what_was_traded_stays_traded_whatever_becomes_of_it(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    token, first = sha256(identifier()), authorization()
    tokens.trade(token, first)
    withdrawals.revoke(first.id, NOW)
    with pytest.raises(AlreadyExists) as conflict:
        tokens.trade(token, authorization())
    assert conflict.value.existing is not None
    assert conflict.value.existing.revoked_at == NOW
