"""What is fetched for clients, when several functions fetch at once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from authserver.ends import SUSPENDED_DELETED
from authserver.models.documents import FetchedDocument
from authserver.storage.tokens import Whose
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier

FAR = NOW + 10_000_000


def metadata() -> FetchedDocument:
    address = f"https://a.example/{identifier()}"
    return FetchedDocument(address, address, fetched_at=NOW, checked_at=NOW, created_at=NOW, expires_at=FAR)


def keys() -> FetchedDocument:
    return replace(metadata(), uri="https://a.example/k", jwks="{}")


@pytest.mark.parametrize("make", [metadata, keys])
def test_no_answer_takes_the_place_of_a_later_one(stores: Stores, make: Callable[[], FetchedDocument]) -> None:
    documents, first = stores.documents, make()
    find = documents.find if make is metadata else documents.key_set
    quicker, slower = replace(first, checked_at=NOW + 60), replace(first, checked_at=NOW + 65, error="timeout")
    assert documents.put(first, None)
    assert not documents.put(slower, None)
    assert documents.put(quicker, first)
    assert not documents.put(slower, first)
    assert find(first.client_id) == quicker
    assert documents.put(slower, quicker)
    assert find(first.client_id) == slower


def test_what_was_dropped_meanwhile_is_kept_again(stores: Stores) -> None:
    one = metadata()
    assert stores.documents.put(one, replace(one, checked_at=NOW - 60))
    assert stores.documents.find(one.client_id) == one


def test_a_deleted_client_is_neither_blocked_nor_let_in_again(stores: Stores) -> None:
    withdrawals, client_id = stores.withdrawals, metadata().client_id

    def suspended() -> str:
        whose = Whose("", client_id, "")
        return stores.tokens.ends_of((whose,))[whose].client.suspended

    assert withdrawals.block_client(client_id, is_blocked=True)
    assert withdrawals.block_client(client_id, is_blocked=False)
    assert suspended() == ""
    withdrawals.delete_client(client_id)
    for is_blocked in (True, False):
        assert not withdrawals.block_client(client_id, is_blocked=is_blocked)
        assert suspended() == SUSPENDED_DELETED
