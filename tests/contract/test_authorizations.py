"""Laws of an authorization's life: create, redeem, rotate, revoke."""

from dataclasses import replace

import pytest

from authserver.ends import Begun
from authserver.models.organisations import ADMINISTRATOR, Organisation
from authserver.storage.guards import SessionOver
from authserver.storage.standing import Ends
from authserver.storage.tokens import AlreadyExists, Refused, TokenStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope, sha256
from tests.contract.implementations import Stores
from tests.contract.records import (
    CODE_HASH,
    CODE_LIFETIME,
    END,
    IDLE,
    NOW,
    authorization,
    created,
    find,
    identifier,
    key,
    membership,
    redeemed,
    session,
)

LATER = NOW + 10
NOTHING: frozenset[str] = frozenset()


def test_create_of_a_new_identifier_stores_the_record(tokens: TokenStore) -> None:
    record = created(tokens)
    assert find(tokens, record) == record


def test_create_of_a_taken_identifier_keeps_and_tells_the_first(tokens: TokenStore) -> None:
    first = created(tokens)
    with pytest.raises(AlreadyExists) as conflict:
        tokens.create(replace(first, client_id="thief", scope=Scope.parse("write"), code_hash=sha256("other")))
    assert conflict.value.existing == first
    assert find(tokens, first) == first


def test_create_by_a_session_is_refused_once_it_is_over(stores: Stores) -> None:
    signed_in, first, second = session(), authorization(), authorization()
    stores.browsers.put_session(signed_in)
    stores.tokens.create(first, signed_in.id)
    assert stores.tokens.find(first.id) == first
    with pytest.raises(AlreadyExists) as conflict:
        stores.tokens.create(replace(first, client_id="thief"), signed_in.id)
    assert conflict.value.existing == first
    stores.withdrawals.end_session(signed_in.id)
    for one in (first, second):
        with pytest.raises(SessionOver):
            stores.tokens.create(one, signed_in.id)
    assert stores.tokens.find(second.id) is None


def test_create_of_an_identical_record_is_a_conflict_too(tokens: TokenStore) -> None:
    record = created(tokens)
    with pytest.raises(AlreadyExists) as conflict:
        tokens.create(record)
    assert conflict.value.existing == record


def test_authorization_that_begins_active_has_no_code_to_redeem_and_can_be_refreshed(tokens: TokenStore) -> None:
    record = created(
        tokens,
        code_hash=b"",
        code_expires_at=NOW,
        redeemed_by="claim",
        generation=1,
        rotated_at=NOW,
        idle_expires_at=IDLE,
        expires_at=END,
    )
    assert find(tokens, record) == record
    for code_hash, claim in ((b"", "claim"), (b"", "another"), (sha256(""), "claim")):
        with pytest.raises(Refused):
            tokens.redeem(record.id, code_hash, claim, NOW, IDLE, END)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    assert find(tokens, record) == replace(record, generation=2, rotated_at=LATER, rotated_by="claim")


# ------------------------------------------------------------------ redeem


def test_redeem_of_a_fresh_code_sets_generation_and_ends(tokens: TokenStore) -> None:
    record = created(tokens)
    tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    assert find(tokens, record) == replace(
        record, redeemed_by="claim", generation=1, rotated_at=LATER, idle_expires_at=IDLE, expires_at=END
    )


def test_redeem_forgets_session_and_nonce_and_keeps_what_it_was_begun_under(tokens: TokenStore) -> None:
    under = Begun(era="era", subject=3, client=2, grant=1)
    record = created(tokens, sessions=4, nonce="of the sign-in", begun=under)
    assert find(tokens, record) == record
    tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    stored = find(tokens, record)
    assert stored is not None
    assert (stored.sessions, stored.nonce, stored.begun) == (None, None, under)


def test_redeem_by_the_same_claim_is_the_retry_of_a_lost_answer(tokens: TokenStore) -> None:
    record = created(tokens)
    tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    before = find(tokens, record)
    tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    assert find(tokens, record) == before


def test_redeem_by_another_claim_is_refused_and_tells_who_was_first(tokens: TokenStore) -> None:
    record = created(tokens)
    tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    before = find(tokens, record)
    with pytest.raises(Refused) as refusal:
        tokens.redeem(record.id, CODE_HASH, "another claim", LATER, IDLE + 1, END + 1)
    assert refusal.value.existing == before
    assert find(tokens, record) == before


def test_redeem_with_a_wrong_hash_changes_nothing(tokens: TokenStore) -> None:
    record = created(tokens)
    with pytest.raises(Refused) as refusal:
        tokens.redeem(record.id, sha256("guessed"), "claim", LATER, IDLE, END)
    assert refusal.value.existing == record
    assert find(tokens, record) == record


def test_redeem_in_the_last_second_of_the_code_works(tokens: TokenStore) -> None:
    record = created(tokens)
    tokens.redeem(record.id, CODE_HASH, "claim", NOW + CODE_LIFETIME - 1, IDLE, END)
    stored = find(tokens, record)
    assert stored is not None
    assert stored.generation == 1


@pytest.mark.parametrize("late", [0, 1, 10**6])
def test_redeem_of_an_expired_code_changes_nothing_though_the_item_is_there(tokens: TokenStore, late: int) -> None:
    record = created(tokens)
    with pytest.raises(Refused) as refusal:
        tokens.redeem(record.id, CODE_HASH, "claim", NOW + CODE_LIFETIME + late, IDLE, END)
    assert refusal.value.existing == record
    assert find(tokens, record) == record


def test_redeem_of_a_revoked_authorization_is_refused(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = created(tokens)
    assert withdrawals.revoke(record.id, NOW)
    with pytest.raises(Refused) as refusal:
        tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    assert refusal.value.existing == replace(record, revoked_at=NOW)


def test_redeem_by_its_own_claim_after_a_revocation_is_refused(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke(record.id, NOW)
    with pytest.raises(Refused):
        tokens.redeem(record.id, CODE_HASH, "the redeemer", NOW, IDLE, END)
    assert find(tokens, record) == replace(record, revoked_at=NOW)


def test_redeem_of_what_is_not_there_makes_nothing(tokens: TokenStore) -> None:
    record = authorization()
    with pytest.raises(Refused) as refusal:
        tokens.redeem(record.id, CODE_HASH, "claim", LATER, IDLE, END)
    assert refusal.value.existing is None
    assert find(tokens, record) is None


# ------------------------------------------------------------------ rotate


def test_rotate_of_the_newest_generation_makes_the_next(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE + 10, NOTHING)
    assert find(tokens, record) == replace(
        record, generation=2, rotated_at=LATER, rotated_by="claim", idle_expires_at=IDLE + 10
    )


def test_rotate_never_moves_the_absolute_end(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    for generation in range(1, 6):
        tokens.rotate(record.id, generation, f"claim {generation}", LATER + generation, END - 1, NOTHING)
    stored = find(tokens, record)
    assert stored is not None
    assert (stored.generation, stored.expires_at) == (6, END)


@pytest.mark.parametrize("generation", [0, 1, 3, 4, 2**32 - 1])
def test_rotate_of_any_other_generation_changes_nothing(tokens: TokenStore, generation: int) -> None:
    record = redeemed(tokens)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    before = find(tokens, record)
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, generation, "another", LATER, IDLE + 7, NOTHING)
    assert refusal.value.existing == before
    assert find(tokens, record) == before


def test_rotate_by_its_own_claim_again_is_refused_and_tells_the_claim(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    assert refusal.value.existing is not None
    assert (refusal.value.existing.rotated_by, refusal.value.existing.generation) == ("claim", 2)


def test_rotate_of_a_code_that_was_never_redeemed_is_refused(tokens: TokenStore) -> None:
    record = created(tokens)
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, 0, "claim", LATER, IDLE, NOTHING)
    assert refusal.value.existing == record
    assert find(tokens, record) == record


@pytest.mark.parametrize("now", [IDLE, IDLE + 1])
def test_rotate_of_what_lay_idle_too_long_is_refused(tokens: TokenStore, now: int) -> None:
    record = redeemed(tokens)
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, 1, "claim", now, IDLE + 100, NOTHING)
    assert refusal.value.existing == record
    assert find(tokens, record) == record


def test_rotate_in_the_last_idle_second_works(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    tokens.rotate(record.id, 1, "claim", IDLE - 1, END, NOTHING)
    stored = find(tokens, record)
    assert stored is not None
    assert stored.generation == 2


@pytest.mark.parametrize("now", [END, END + 1])
def test_rotate_after_the_absolute_end_is_refused_however_fresh(tokens: TokenStore, now: int) -> None:
    record = redeemed(tokens)
    tokens.rotate(record.id, 1, "claim", LATER, END + 1000, NOTHING)
    before = find(tokens, record)
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, 2, "claim", now, END + 1000, NOTHING)
    assert refusal.value.existing == before


def test_rotate_of_a_revoked_authorization_is_refused(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke(record.id, LATER)
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    assert refusal.value.existing == replace(record, revoked_at=LATER)


def test_rotate_of_what_is_not_there_makes_nothing(tokens: TokenStore) -> None:
    record = authorization()
    with pytest.raises(Refused) as refusal:
        tokens.rotate(record.id, 0, "claim", LATER, IDLE, NOTHING)
    assert refusal.value.existing is None
    assert find(tokens, record) is None


def test_rotate_drops_the_expired_revocations_and_keeps_the_others(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    record = redeemed(tokens)
    for entry in ("100.a", "200.b", "300.c"):
        assert withdrawals.revoke_access_token(record.id, record.client_id, entry, 8)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE, frozenset({"100.a", "200.b"}))
    stored = find(tokens, record)
    assert stored is not None
    assert stored.revoked_access_tokens == {"300.c"}


def test_rotate_that_drops_every_revocation_leaves_none(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 8)
    tokens.rotate(record.id, 1, "claim", LATER, IDLE, frozenset({"100.a", "200.never-noted"}))
    stored = find(tokens, record)
    assert stored is not None
    assert stored.revoked_access_tokens == frozenset()


def test_rotate_that_is_refused_drops_no_revocation(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 8)
    with pytest.raises(Refused):
        tokens.rotate(record.id, 7, "claim", LATER, IDLE, frozenset({"100.a"}))
    stored = find(tokens, record)
    assert stored is not None
    assert stored.revoked_access_tokens == {"100.a"}


# ------------------------------------------------------------------ revoke


def test_revoke_twice_keeps_the_first_time(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke(record.id, LATER)
    assert withdrawals.revoke(record.id, LATER + 100)
    assert find(tokens, record) == replace(record, revoked_at=LATER)


def test_revoke_at_the_epoch_counts_as_revoked(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke(record.id, 0)
    with pytest.raises(Refused):
        tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    assert find(tokens, record) == replace(record, revoked_at=0)


def test_revoke_by_the_owner_works(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke(record.id, LATER, record.client_id)
    assert find(tokens, record) == replace(record, revoked_at=LATER)


@pytest.mark.parametrize("stranger", ["another", ""])
def test_revoke_by_another_client_changes_nothing(
    tokens: TokenStore, stranger: str, withdrawals: WithdrawalStore
) -> None:
    record = redeemed(tokens)
    assert not withdrawals.revoke(record.id, LATER, stranger)
    assert find(tokens, record) == record


@pytest.mark.parametrize("client_id", [None, "somebody"])
def test_revoke_of_what_is_not_there_makes_nothing(
    tokens: TokenStore, client_id: str | None, withdrawals: WithdrawalStore
) -> None:
    record = authorization()
    assert not withdrawals.revoke(record.id, LATER, client_id)
    assert find(tokens, record) is None


def test_revoked_authorization_is_never_revived_by_any_verb(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens)
    assert withdrawals.revoke(record.id, LATER)
    with pytest.raises(AlreadyExists):
        tokens.create(record)
    with pytest.raises(Refused):
        tokens.redeem(record.id, CODE_HASH, "the redeemer", NOW, IDLE, END)
    with pytest.raises(Refused):
        tokens.rotate(record.id, 1, "claim", LATER, IDLE, NOTHING)
    withdrawals.revoke_access_token(record.id, record.client_id, "1.a", 8)
    withdrawals.revoke(record.id, LATER + 5)
    stored = find(tokens, record)
    assert stored is not None
    assert stored.revoked_at == LATER
    assert stored.generation == 1


def test_revoke_before_redemption_stops_the_code(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = created(tokens)
    assert withdrawals.revoke(record.id, NOW, record.client_id)
    assert find(tokens, record) == replace(record, revoked_at=NOW)


def test_find_gives_the_record_and_nothing_for_other_text(tokens: TokenStore) -> None:
    record = redeemed(tokens)
    assert tokens.find(record.id) == record
    for text in ("", "x", record.id[:-1], record.id + "A", f"{record.id[:-1]}#", "x" * 3000):
        assert tokens.find(text) is None


def test_set_entities_changes_them_until_it_is_revoked(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens, organisation="org", entities=frozenset({"a"}))
    was = record.entities
    for entities in (frozenset({"a", "b"}), frozenset({"*"}), frozenset[str](), frozenset({"c"})):
        expected = replace(record, entities=entities)
        assert withdrawals.set_entities(record.id, "org", entities, was) == expected
        assert tokens.find(record.id) == expected
        was = entities
    withdrawals.revoke(record.id, NOW + 1)
    assert withdrawals.set_entities(record.id, "org", frozenset(), was) is None
    assert tokens.find(record.id) == replace(record, entities=frozenset({"c"}), revoked_at=NOW + 1)


def test_set_entities_of_another_organisation_is_refused(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens, organisation="org", entities=frozenset({"a"}))
    personal = redeemed(tokens)
    assert withdrawals.set_entities(record.id, "another", frozenset(), record.entities) is None
    for organisation in ("another", "org"):
        assert withdrawals.set_entities(personal.id, organisation, frozenset({"b"}), frozenset()) is None
    assert tokens.find(record.id) == record
    assert tokens.find(personal.id) == personal


def test_set_entities_of_nothing_makes_nothing(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = authorization(organisation="org")
    for unknown in (record.id, "x"):
        assert withdrawals.set_entities(unknown, "org", frozenset({"a"}), frozenset()) is None
        assert tokens.find(unknown) is None


def test_set_entities_from_what_they_no_longer_are_is_refused(tokens: TokenStore, withdrawals: WithdrawalStore) -> None:
    record = redeemed(tokens, organisation="org", entities=frozenset({"a", "b"}))
    for was in (frozenset({"a"}), frozenset({"a", "b", "c"}), frozenset[str]()):
        assert withdrawals.set_entities(record.id, "org", frozenset({"a"}), was) is None
    assert tokens.find(record.id) == record
    assert withdrawals.set_entities(record.id, "org", frozenset(), record.entities) is not None
    assert withdrawals.set_entities(record.id, "org", frozenset({"b"}), record.entities) is None
    assert withdrawals.set_entities(record.id, "org", frozenset({"b"}), frozenset()) is not None


def test_an_administrator_widens_a_grant_for_as_long_as_they_are_one(stores: Stores) -> None:
    acme, ada = Organisation(f"org-{identifier()}", "Acme"), membership("", f"sub-{identifier()}", ADMINISTRATOR)
    ada = replace(ada, organisation=acme.id)
    assert stores.organisations.create(acme)
    stores.withdrawals.set_membership(ada)
    record = redeemed(stores.tokens, organisation=acme.id, entities=frozenset({"a"}))
    stores.withdrawals.set_membership(membership(acme.id, record.subject))

    def ends() -> Ends:
        return stores.tokens.standing(
            client_key=key(record.client_id), subject_key=key(record.subject), organisation_key=key(acme.id)
        ).ends

    begun, every = replace(ends().begun(), widener=key(ada.subject)), frozenset({"*"})
    for stale in (replace(record, entities=frozenset({"b"})), replace(record, begun=Begun(era="another"))):
        assert stores.tokens.widen(stale, every, ada, begun) is None
    for other in (replace(ada, epoch="another"), replace(ada, subject=record.subject), replace(ada, epoch="")):
        assert stores.tokens.widen(record, every, other, begun) is None
    assert stores.tokens.find(record.id) == record
    widened = replace(record, entities=every, begun=begun)
    assert stores.tokens.widen(record, every, ada, begun) == widened
    assert ends().stand(widened.begun)
    stores.withdrawals.set_membership(membership(acme.id, ada.subject))
    assert not ends().stand(widened.begun)
    assert ends().begun("", key(ada.subject)).widening == 1
    assert stores.tokens.widen(widened, frozenset({"a"}), ada, begun) is None
    again, other = replace(ada, epoch=identifier()), membership(acme.id, f"sub-{identifier()}", ADMINISTRATOR)
    for one in (again, other):
        stores.withdrawals.set_membership(one)
        anew = replace(begun, widener=key(one.subject), widening=ends().begun("", key(one.subject)).widening)
        assert stores.tokens.widen(widened, frozenset({"a"}), one, anew) is None, "what was over comes back"
    assert not ends().stand(widened.begun)
    third = redeemed(stores.tokens, organisation=acme.id, entities=frozenset({"a"}), begun=replace(begun, widening=1))
    by_other = replace(begun, widener=key(other.subject))
    assert stores.tokens.widen(third, every, other, by_other) == replace(third, entities=every, begun=by_other)


def test_what_was_revoked_is_not_widened(stores: Stores) -> None:
    acme, ada = Organisation(f"org-{identifier()}", "Acme"), f"sub-{identifier()}"
    assert stores.organisations.create(acme)
    own = membership(acme.id, ada, ADMINISTRATOR)
    stores.withdrawals.set_membership(own)
    record = redeemed(stores.tokens, organisation=acme.id, entities=frozenset({"a"}))
    stores.withdrawals.revoke(record.id, NOW)
    begun = Begun(widener=key(ada))
    assert stores.tokens.widen(record, frozenset({"*"}), own, begun) is None
    assert stores.tokens.widen(authorization(organisation=acme.id), frozenset({"*"}), own, begun) is None


def test_revoke_by_whoever_has_the_token_is_of_public_clients_alone(
    tokens: TokenStore, withdrawals: WithdrawalStore
) -> None:
    confidential, public = redeemed(tokens), redeemed(tokens, is_public=True)
    for record, is_done in ((confidential, False), (public, True)):
        noted = withdrawals.revoke_access_token(record.id, record.client_id, "100.a", 8, only_public=True)
        assert noted is is_done
        assert withdrawals.revoke(record.id, LATER, record.client_id, only_public=True) is is_done
    assert find(tokens, confidential) == confidential
    revoked = replace(public, revoked_at=LATER, revoked_access_tokens=frozenset({"100.a"}))
    assert find(tokens, public) == revoked
