"""Many callers at once: each conditional write is one step, whatever else happens.

The fakes have a lock and MiniStack runs one call after another of itself, so that these show that each verb is *one*
call with the right condition. On moto the calls wait for each other on a lock of ours, since moto alone is not atomic:
there they show the same, but nothing about moto.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier, Event
from typing import Any

import pytest

from authserver.ends import Begun
from authserver.models.browsers import OneTimeLink, Session
from authserver.models.invitations import Approval
from authserver.models.users import User
from authserver.storage.browsers import BrowserStore
from authserver.storage.guards import SessionOver
from authserver.storage.journal import CounterStore
from authserver.storage.tokens import AlreadyExists, Refused, TokenStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope
from tests.contract.implementations import Stores
from tests.contract.records import (
    CODE_HASH,
    END,
    IDLE,
    NOW,
    authorization,
    consent,
    created,
    find,
    identifier,
    key,
    membership,
    pending_request,
    redeemed,
    session,
    user,
)
from tests.fakes import client

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


def test_revoke_among_rotates_ends_them_all(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    """After `revoke` has answered, no rotate that begins then succeeds, and none of those under way moves it on."""
    for _ in range(5):
        record = redeemed(tokens)
        revoked = Event()

        def take_part(number: int, authorization_id: str = record.id, revoked: Event = revoked) -> bool:
            """Number 0 revokes; the others rotate until they are told so. Whether one that began after it succeeded."""
            if number == 0:
                assert withdrawals.revoke(authorization_id, NOW)
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


def test_revoke_access_token_by_many_at_once_keeps_the_bound(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    noted = all_at_once(lambda n: withdrawals.revoke_access_token(record.id, record.client_id, f"{n}.x", 8))
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

    def remember(number: int) -> None:
        browsers.remember_consent(consent(subject=subject, client_id="web", scope=Scope((f"s{number}",))), NOW)

    all_at_once(remember)
    found = browsers.browser_state(subject_key=key(subject), client_key=key("web")).consent
    assert found is not None
    assert set(found.scope) == {f"s{number}" for number in range(CROWD)}


def test_count_by_many_at_once_counts_each(counters: CounterStore) -> None:
    name = identifier()
    assert sorted(all_at_once(lambda _: counters.count(name, NOW, 1, NOW + 100))) == list(range(1, CROWD + 1))


# ------------------------------------------------------------------ withdrawals

FEW = 16


def signed_in(stores: Stores, **fields: Any) -> tuple[User, Session]:
    """Somebody, and the session of theirs."""
    person = user(**fields)
    assert stores.users.create(person)
    mine = session(subject=person.sub)
    stores.browsers.put_session(mine)
    return person, mine


def test_of_many_who_sign_all_others_out_by_one_session_one_does(stores: Stores) -> None:
    person, mine = signed_in(stores)
    survivors = all_at_once(lambda _: stores.withdrawals.end_sessions(person.sub, mine), FEW)
    assert [one for one in survivors if one is not None] == [replace(mine, sessions=1)]
    state = stores.browsers.browser_state(session_id=mine.id, subject_key=key(person.sub))
    assert (state.session, state.ends.subject.sessions) == (replace(mine, sessions=1), 1)


def test_of_many_who_set_their_password_by_one_session_one_does(stores: Stores) -> None:
    person, mine = signed_in(stores)
    successors = [session(subject=person.sub, begun=Begun(subject=1)) for _ in range(FEW)]

    def set_password(number: int) -> bool:
        return stores.withdrawals.replace_password(person, f"hash {number}", mine, successors[number])

    done = all_at_once(set_password, FEW)
    assert done.count(True) == 1
    winner = done.index(True)
    assert stores.users.get(person.sub) == replace(person, password_hash=f"hash {winner}")
    assert stores.browsers.ends(key(person.sub)).subject.epoch == 1
    there = [one for one in successors if stores.browsers.browser_state(session_id=one.id).session is not None]
    assert there == [successors[winner]]
    assert stores.browsers.browser_state(session_id=mine.id).session is None


def test_of_many_who_use_one_link_to_set_a_password_one_does(stores: Stores) -> None:
    person, _ = signed_in(stores, email="a@b.example")
    link = OneTimeLink(identifier(), b"hash", "password_reset", person.sub, "a@b.example", NOW, NOW + 60)
    assert stores.browsers.put_link(link)
    done = all_at_once(
        lambda number: stores.withdrawals.reset_password(link, f"claim {number}", f"hash {number}", NOW), FEW
    )
    assert done.count(True) == 1
    winner = done.index(True)
    assert stores.users.get(person.sub) == replace(person, password_hash=f"hash {winner}", email_verified=True)
    state = stores.browsers.link(link.id, key(person.sub))
    assert state.ends.subject.epoch == 1
    assert state.link is not None
    assert state.link.spent_by == f"claim {winner}"


@pytest.mark.parametrize(
    ("kind", "counter"),
    [
        (("subject",), "subject"),
        (("client_id",), "client"),
        (("organisation",), "organisation"),
        (("subject", "client_id"), "grant"),
        (("client_id", "organisation"), "installation"),
    ],
    ids=lambda one: one if isinstance(one, str) else "+".join(one),
)
def test_ends_raised_by_many_at_once_are_each_counted(stores: Stores, kind: tuple[str, ...], counter: str) -> None:
    """Counters are raised without a read, so that no increment is lost, not even the first of a map."""
    who = {name: f"{name}-{identifier()}" for name in ("subject", "client_id", "organisation")}
    wanted: dict[str, Any] = {name: who[name] for name in kind}
    all_at_once(lambda _: stores.withdrawals.end(**wanted), FEW)
    for _ in range(16):  # in every copy
        begun = stores.tokens.standing(
            subject_key=key(who["subject"]), client_key=key(who["client_id"]), organisation_key=key(who["organisation"])
        ).ends.begun()
        assert getattr(begun, counter) == FEW


def test_sessions_and_grants_and_passwords_ended_at_once_are_each_counted(stores: Stores) -> None:
    person, _ = signed_in(stores)
    acts: tuple[Callable[[], object], ...] = (
        lambda: stores.withdrawals.end_sessions(person.sub),
        lambda: stores.withdrawals.end(subject=person.sub),
        lambda: stores.withdrawals.set_password(person.sub, "a hash"),
        lambda: stores.withdrawals.remove_factors(person.sub),
    )
    all_at_once(lambda number: acts[number % 4](), FEW)
    end = stores.browsers.ends(key(person.sub)).subject
    assert (end.sessions, end.epoch) == (4, 12)


def test_of_many_who_change_a_client_one_does_and_record_and_end_agree(stores: Stores) -> None:
    record = client(client_id=identifier())
    assert stores.clients.create(record)

    def change(number: int) -> bool:
        return stores.withdrawals.change_client(replace(record, scope=Scope((f"s{number}",))))

    for version in (1, 2, 3):
        done = all_at_once(change, FEW)
        assert done.count(True) == 1
        found = stores.clients.find(record.client_id)
        assert found is not None
        end = stores.tokens.standing(client_key=key(record.client_id)).ends.client
        assert (found.scope, found.version) == (end.scope, end.version) == (Scope((f"s{done.index(True)}",)), version)
        record = found


def test_of_many_who_withdraw_one_approval_one_does(stores: Stores) -> None:
    acme, subject = f"org-{identifier()}", f"sub-{identifier()}"
    stores.withdrawals.set_membership(membership(acme, subject))
    asked = Approval(acme, "web", subject, Scope.parse("read"), (), frozenset(), NOW, NOW + 60)
    stores.browsers.ask_approval(asked)
    assert all_at_once(lambda _: stores.withdrawals.withdraw_approval(asked), FEW).count(True) == 1
    member = stores.organisations.membership(acme, subject)
    assert member is not None
    assert member.clients == {key("web"): 1}


def test_a_session_that_ends_while_it_decides_leaves_no_write_of_after(stores: Stores) -> None:
    """Of those under way each is made or refused; none that begins after the end has answered is made."""
    for _ in range(3):
        person, mine = signed_in(stores)
        over = Event()

        def take_part(number: int, person: User = person, mine: Session = mine, over: Event = over) -> bool:
            """Number 0 ends the session; the others write until they are refused. Whether one wrote after it."""
            if number == 0:
                stores.withdrawals.end(subject=person.sub)
                over.set()
                return False
            guarded = stores.by(mine)
            while True:
                began_after = over.is_set()
                try:
                    guarded.users.update(person.sub, name=f"name {number}")
                except SessionOver:
                    return False
                if began_after:
                    return True

        assert not any(all_at_once(take_part, 6))
