"""Many callers at once: each conditional write is one step, whatever else happens.

The fakes have a lock and MiniStack runs one call after another of itself, so that these show that each verb is *one*
call with the right condition. On moto the calls wait for each other on a lock of ours, since moto alone is not atomic:
there they show the same, but nothing about moto.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event

from authserver.storage import AlreadyExists, BrowserStore, CounterStore, Refused, TokenStore
from authserver.values import Scope
from tests.contract.records import (
    CODE_HASH,
    END,
    IDLE,
    NOW,
    authorization,
    created,
    find,
    identifier,
    key,
    pending_request,
    redeemed,
)

CROWD = 32


def all_at_once[R](attempt: Callable[[int], R], crowd: int = CROWD) -> list[R]:
    """The outcomes of `crowd` callers who begin together."""
    barrier = Barrier(crowd)

    def wait_and_attempt(number: int) -> R:
        barrier.wait()
        return attempt(number)

    with ThreadPoolExecutor(crowd) as pool:
        return list(pool.map(wait_and_attempt, range(crowd)))


def test_create_by_many_at_once_stores_the_one_that_all_others_are_told_of(tokens: TokenStore) -> None:
    rivals = [authorization(id=identifier(), client_id=f"client-{number}") for number in range(CROWD)]
    one_id = rivals[0].id
    rivals = [authorization(id=one_id, subject="one", client_id=f"client-{number}") for number in range(CROWD)]

    def create(number: int) -> AlreadyExists | None:
        try:
            tokens.create(rivals[number])
        except AlreadyExists as conflict:
            return conflict
        return None

    outcomes = all_at_once(create)
    assert outcomes.count(None) == 1
    winner = rivals[outcomes.index(None)]
    assert [conflict.existing for conflict in outcomes if conflict] == [winner] * (CROWD - 1)
    assert find(tokens, winner) == winner


def test_redeem_by_many_at_once_has_one_winner_and_every_loser_learns_of_it(tokens: TokenStore) -> None:
    record = created(tokens)

    def redeem(number: int) -> Refused | None:
        try:
            tokens.redeem(record.id, CODE_HASH, f"claim {number}", NOW, IDLE, END)
        except Refused as refusal:
            return refusal
        return None

    outcomes = all_at_once(redeem)
    assert outcomes.count(None) == 1
    winner = f"claim {outcomes.index(None)}"
    told = {refusal.existing.redeemed_by for refusal in outcomes if refusal and refusal.existing}
    assert told == {winner}
    assert sum(refusal is not None and refusal.existing is not None for refusal in outcomes) == CROWD - 1


def test_redeem_by_many_with_one_claim_at_once_succeeds_for_all(tokens: TokenStore) -> None:
    record = created(tokens)
    all_at_once(lambda _: tokens.redeem(record.id, CODE_HASH, "one claim", NOW, IDLE, END))
    stored = find(tokens, record)
    assert stored is not None
    assert (stored.generation, stored.redeemed_by) == (1, "one claim")


def test_rotate_by_many_at_once_makes_one_successor(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    for generation in (1, 2, 3):
        outcomes = all_at_once(partial(rotate, tokens, record.id, generation))
        assert outcomes.count(None) == 1
        told = [refusal.existing for refusal in outcomes if refusal]
        assert {(one.generation, one.rotated_by) if one else None for one in told} == {
            (generation + 1, f"claim {outcomes.index(None)}")
        }


def rotate(tokens: TokenStore, authorization_id: str, generation: int, number: int) -> Refused | None:
    try:
        tokens.rotate(authorization_id, generation, f"claim {number}", NOW, IDLE, frozenset())
    except Refused as refusal:
        return refusal
    return None


def test_revoke_among_rotates_ends_them_all(tokens: TokenStore) -> None:
    """After `revoke` has answered, no rotate that begins then succeeds, and none of those under way moves it on."""
    for _ in range(5):
        record = redeemed(tokens)
        revoked = Event()

        def take_part(number: int, authorization_id: str = record.id, revoked: Event = revoked) -> bool:
            """Number 0 revokes; the others rotate until they are told so. Whether one that began after it succeeded."""
            if number == 0:
                assert tokens.revoke(authorization_id, NOW)
                revoked.set()
                return False
            generation = 1
            while True:
                began_after = revoked.is_set()
                refusal = rotate(tokens, authorization_id, generation, number)
                if refusal is None:
                    if began_after:
                        return True
                    generation += 1
                elif refusal.existing is None or refusal.existing.revoked_at is not None:
                    return False
                else:
                    generation = refusal.existing.generation

        assert not any(all_at_once(take_part, 8))
        after = find(tokens, record)
        assert after is not None
        assert after.revoked_at == NOW
        assert rotate(tokens, record.id, after.generation, 0) is not None


def test_revoke_access_token_by_many_at_once_keeps_the_bound(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    noted = all_at_once(lambda n: tokens.revoke_access_token(record.id, record.client_id, f"{n}.x", 8))
    assert noted.count(True) == 8
    stored = find(tokens, record)
    assert stored is not None
    assert stored.revoked_access_tokens == {f"{number}.x" for number in range(CROWD) if noted[number]}


def test_answer_request_by_many_at_once_has_one_answer(browsers: BrowserStore) -> None:
    request = pending_request()
    browsers.put_request(request)
    answers = ["allow" if number % 2 else "deny" for number in range(CROWD)]
    taken = all_at_once(lambda number: browsers.answer_request(request.id, answers[number], NOW))
    stored = browsers.browser_state(request_id=request.id).request
    assert stored is not None
    assert {answer for answer, was_taken in zip(answers, taken, strict=True) if was_taken} == {stored.answer}
    assert taken.count(True) == CROWD // 2


def test_remember_consent_by_many_at_once_forgets_none(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    api = frozenset({"https://api.example"})
    all_at_once(lambda n: browsers.remember_consent(subject, "web", NOW, Scope((f"s{n}",)), api, NOW, NOW + 100))
    consent = browsers.browser_state(subject_key=key(subject), client_key=key("web")).consent
    assert consent is not None
    assert set(consent.scope) == {f"s{number}" for number in range(CROWD)}


def test_count_by_many_at_once_counts_each(counters: CounterStore) -> None:
    name = identifier()
    assert sorted(all_at_once(lambda _: counters.count(name, NOW, 1, NOW + 100))) == list(range(1, CROWD + 1))
