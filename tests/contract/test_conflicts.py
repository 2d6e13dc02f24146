"""Who writes the same item at the same instant is told to try again, does so a little later, and gives up in the end.

DynamoDB refuses one of two: in a transaction with a reason for each item, alone with an error of its own. Neither moto
nor MiniStack ever does, so that a client does it in their place.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from authserver.aws import table
from authserver.errors import TemporarilyUnavailable
from authserver.storage.guards import SessionOver
from tests.contract.estate import Estate, built
from tests.contract.implementations import Stores, on_dynamodb
from tests.contract.meddling import WRITES, Conflicting, Meddler, in_progress, transaction_conflict
from tests.contract.records import NOW, key
from tests.contract.verbs import READ, VERBS, call

pytestmark = pytest.mark.parametrize("own_stores", ["ministack"], indirect=True)  # what is shown is of our calls

ERRORS: dict[str, Callable[[str, dict[str, Any]], ClientError]] = {
    "conflict": transaction_conflict,
    "in progress": in_progress,
}
# One of each shape: a put, an update, a delete; transactions with one end and with sixteen, of two tables and of three.
SHAPES = (
    *("browsers.put_session", "tokens.redeem", "tokens.create", "withdrawals.end_session", "revocations.revoke"),
    *("withdrawals.set_password", "withdrawals.change_client", "withdrawals.end", "withdrawals.set_membership"),
    *("clients.create", "users.create", "revocations.revoke_jwt", "withdrawals.end_everything"),
)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited, and did not."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def conflicting(stores: Stores, error: str, times: int) -> tuple[Conflicting, Stores]:
    client = Conflicting(stores.dynamodb, ERRORS[error], times)
    return client, on_dynamodb(stores.name, client.as_client)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", SHAPES)
def test_a_write_that_conflicts_is_tried_again_after_a_pause_that_grows(
    own_stores: Stores, pauses: list[float], name: str, error: str
) -> None:
    estate = built(own_stores, raised=False)
    for times in (1, table.CONFLICT_ATTEMPTS - 1):
        estate = built(own_stores, raised=False) if times > 1 else estate
        client, stores = conflicting(own_stores, error, times)
        pauses.clear()
        call(name, estate, stores)
        assert client.times == 0
        assert len(pauses) == times
        bounds = [table.CONFLICT_PAUSE * 2**attempt for attempt in range(1, times + 1)]
        assert all(0 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))


def test_pauses_differ_so_that_those_who_met_do_not_meet_again(own_stores: Stores, pauses: list[float]) -> None:
    for _ in range(5):
        _, stores = conflicting(own_stores, "conflict", 3)
        stores.withdrawals.end(subject="somebody")
    assert len(set(pauses)) == 15


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", SHAPES)
def test_a_write_that_conflicts_for_too_long_is_given_up_with_nothing_done(
    own_stores: Stores, name: str, error: str
) -> None:
    estate = built(own_stores, raised=False)
    before = estate.seen()
    client, stores = conflicting(own_stores, error, 10**6)
    with pytest.raises(TemporarilyUnavailable):
        VERBS[name].call(estate, stores)
    assert client.count(WRITES) == table.CONFLICT_ATTEMPTS
    assert estate.seen() == before
    call(name, estate, own_stores)


def test_a_write_of_a_session_that_conflicts_is_not_taken_for_one_of_a_session_that_is_over(
    own_stores: Stores,
) -> None:
    estate = built(own_stores, raised=False)
    _, stores = conflicting(own_stores, "conflict", 3)
    assert stores.by(estate.session).users.update(estate.alice.sub, name="Another") is not None
    _, stores = conflicting(own_stores, "conflict", 10**6)
    with pytest.raises(TemporarilyUnavailable):
        stores.by(estate.session).users.update(estate.alice.sub, name="A third")
    own_stores.withdrawals.end(subject=estate.alice.sub)
    _, stores = conflicting(own_stores, "conflict", 3)
    with pytest.raises(SessionOver):
        stores.by(estate.session).users.update(estate.alice.sub, name="A third")


def test_a_condition_that_fails_beside_a_conflict_is_told_at_once(own_stores: Stores, pauses: list[float]) -> None:
    """Nothing would be another by trying again."""
    estate = built(own_stores, raised=False)

    def both(name: str, arguments: dict[str, Any]) -> ClientError:
        reasons = ["ConditionalCheckFailed", "TransactionConflict"]
        reasons += ["None"] * (len(arguments["TransactItems"]) - 2)
        answer: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
            "CancellationReasons": [{"Code": reason} for reason in reasons],
        }
        return ClientError(answer, name)

    client = Conflicting(own_stores.dynamodb, both, 1)
    assert not on_dynamodb(own_stores.name, client.as_client).withdrawals.set_password(estate.alice.sub, "a hash")
    assert pauses == []


@pytest.mark.parametrize(
    "reason", ["ThrottlingError", "ProvisionedThroughputExceeded", "ItemCollectionSizeLimitExceeded", "ValidationError"]
)
def test_a_transaction_that_is_cancelled_for_another_reason_is_no_answer(
    own_stores: Stores, pauses: list[float], reason: str
) -> None:
    """Least of all that its condition did not hold."""
    estate = built(own_stores, raised=False)

    def other(name: str, arguments: dict[str, Any]) -> ClientError:
        reasons = [{"Code": reason, "Message": "x"}, *[{"Code": "None"}] * (len(arguments["TransactItems"]) - 1)]
        answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        return ClientError(answer, name)

    before = estate.seen()
    client = Conflicting(own_stores.dynamodb, other, 10**6)
    with pytest.raises(TemporarilyUnavailable):
        on_dynamodb(own_stores.name, client.as_client).withdrawals.set_password(estate.alice.sub, "a hash")
    assert (pauses, client.count(WRITES)) == ([], 1)
    assert estate.seen() == before


class Meanwhile(Meddler):
    """Has somebody else write each time before a transaction of this client is made."""

    def __init__(self, client: Any, write: Callable[[], object], times: int) -> None:
        super().__init__(client)
        self._write = write
        self._times = times

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if name in WRITES and self._times:
            self._times -= 1
            self._write()
        return operation(**arguments)


def administrators(estate: Estate, stores: Stores) -> Iterator[None]:
    """Ada's membership, another each time."""
    for epoch in itertools.count():
        stores.withdrawals.set_membership(
            type(estate.administrator)(
                estate.acme.id, estate.ada.sub, ("administrator", "member")[epoch % 2], NOW, f"epoch {epoch}"
            )
        )
        yield


def test_a_membership_that_others_change_meanwhile_is_changed_as_it_is_then(own_stores: Stores) -> None:
    estate = built(own_stores, raised=False)
    others = administrators(estate, own_stores)
    client = Meanwhile(own_stores.dynamodb, lambda: next(others), 2)
    on_dynamodb(own_stores.name, client.as_client).withdrawals.delete_membership(estate.acme.id, estate.ada.sub)
    assert own_stores.organisations.membership(estate.acme.id, estate.ada.sub) is None
    approvals = own_stores.tokens.standing(organisation_key=key(estate.acme.id)).ends.begun(key(estate.ada.sub))
    assert approvals.approval >= 1, "she was an administrator, and ceased to be one"


def test_a_membership_that_others_change_without_end_is_given_up(own_stores: Stores) -> None:
    estate = built(own_stores, raised=False)
    others = administrators(estate, own_stores)
    client = Meanwhile(own_stores.dynamodb, lambda: next(others), 10**6)
    stores = on_dynamodb(own_stores.name, client.as_client)
    with pytest.raises(TemporarilyUnavailable):
        stores.withdrawals.delete_membership(estate.acme.id, estate.ada.sub)
    assert own_stores.organisations.membership(estate.acme.id, estate.ada.sub) is not None


def test_no_read_waits(own_stores: Stores, pauses: list[float]) -> None:
    """Readers are never in the way of a transaction, nor it in theirs."""
    estate = built(own_stores, raised=False)
    pauses.clear()
    _, stores = conflicting(own_stores, "conflict", 10**6)
    for verb in VERBS.values():
        if verb.kind == READ:
            verb.call(estate, stores)
    assert pauses == []
