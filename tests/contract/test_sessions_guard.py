"""What a session decides is written only while it stands: `stores.by(session)`, for every verb of every port."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from authserver.ends import Begun
from authserver.models import ACTIVE, DISABLED
from authserver.storage.clients import Licence, Unlicensed
from authserver.storage.guards import SessionOver
from authserver.storage.tokens import AlreadyExists, Refused
from tests.contract.estate import Estate, built
from tests.contract.implementations import GUARDED, Stores
from tests.contract.records import NOW, identifier
from tests.contract.verbs import PORTS, READ, VERBS, call, verbs_of

GUARDED_VERBS = [f"{port}.{verb}" for port in GUARDED for verb in verbs_of(PORTS[port])]
GUARDED_WRITES = [name for name in GUARDED_VERBS if VERBS[name].kind != READ]
GUARDED_READS = [name for name in GUARDED_VERBS if VERBS[name].kind == READ]

# What ends Alice's session.
ENDED_BY: dict[str, Callable[[Estate], object]] = {
    "sessions": lambda e: e.stores.withdrawals.end_sessions(e.alice.sub),
    "sessions but another": lambda e: e.stores.withdrawals.end_sessions(e.alice.sub, e.other_session),
    "everything": lambda e: e.stores.withdrawals.end(subject=e.alice.sub),
    "password": lambda e: e.stores.withdrawals.set_password(e.alice.sub, "of an operator"),
    "this session": lambda e: e.stores.withdrawals.end_session(e.session.id),
    "disabled": lambda e: e.stores.withdrawals.change_user(e.alice.sub, status=DISABLED),
    "disabled for a while": lambda e: (
        e.stores.withdrawals.change_user(e.alice.sub, status=DISABLED),
        e.stores.withdrawals.change_user(e.alice.sub, status=ACTIVE),
    ),
    "factors removed": lambda e: e.stores.withdrawals.remove_factors(e.alice.sub),
    "deleted": lambda e: e.stores.withdrawals.delete_user(e.alice.sub, NOW),
    "new era": lambda e: e.stores.withdrawals.end_everything(identifier()),
}


@pytest.mark.parametrize("by", ENDED_BY)
def test_once_the_session_is_over_every_write_is_refused_and_every_read_is_answered(
    own_stores: Stores, by: str
) -> None:
    estate = built(own_stores, raised=False)
    ENDED_BY[by](estate)
    guarded, before = own_stores.by(estate.session), estate.seen()
    not_refused = []
    for name in GUARDED_WRITES:
        try:
            VERBS[name].call(estate, guarded)
        except SessionOver:
            continue
        not_refused.append(name)
    assert set(not_refused) <= WRITES_NOTHING.get(by, set())
    assert estate.seen() == before
    for name in GUARDED_READS:
        assert VERBS[name].call(estate, guarded) == VERBS[name].call(estate, own_stores)


# Where there is nothing to write, or (so MiniStack) a map in which to write, the session is not checked.
WRITES_NOTHING = {
    "factors removed": {"factors.use_totp_step", "factors.note_passkey_use"},
    "deleted": {"factors.use_totp_step", "factors.note_passkey_use", "withdrawals.delete_membership"},
}


@pytest.mark.parametrize("name", GUARDED_WRITES)
def test_every_write_is_made_while_the_session_stands(own_stores: Stores, name: str) -> None:
    estate = built(own_stores, raised=False)
    call(name, estate, own_stores.by(estate.session))


# ------------------------------------------------------------------ what they answer


@pytest.fixture
def estate(own_stores: Stores) -> Estate:
    """One whose session stands: nothing here ends it."""
    return built(own_stores, raised=False)


@pytest.fixture
def guarded(estate: Estate) -> Stores:
    return estate.stores.by(estate.session)


def test_what_was_changed_is_answered_as_it_is_then(estate: Estate, guarded: Stores) -> None:
    alice, tenant = estate.alice, estate.tenant
    assert guarded.users.update(alice.sub, name="Alice L.") == replace(alice, name="Alice L.")
    some = frozenset({"a"})
    narrowed = guarded.withdrawals.set_entities(tenant.id, estate.acme.id, some, tenant.entities)
    assert narrowed == replace(tenant, entities=some)
    asked = estate.federation
    taken = guarded.browsers.spend_federation(asked.id, asked.request_id, asked.provider, asked.callback, "claim", NOW)
    assert taken == replace(asked, spent_by="claim")
    renamed = guarded.withdrawals.change_organisation(estate.acme.id, name="Acme")
    assert renamed == estate.stores.organisations.get(estate.acme.id)
    assert renamed is not None
    assert renamed == replace(estate.acme, name="Acme", version=renamed.version)


def test_what_a_condition_of_its_own_refuses_is_answered_as_that(estate: Estate, guarded: Stores) -> None:
    """And not as a session that is over: which of the two it was, is told apart."""
    with pytest.raises(AlreadyExists) as conflict:
        guarded.tokens.create(estate.personal)
    assert conflict.value.existing == estate.personal
    with pytest.raises(Refused) as refusal:
        guarded.tokens.redeem(estate.code.id, b"wrong", "claim", NOW, NOW, NOW)
    assert refusal.value.existing == estate.code
    assert guarded.users.update(identifier(), name="Nobody") is None
    assert not guarded.users.create(estate.alice)
    assert not guarded.clients.create(estate.web)
    assert not guarded.withdrawals.change_client(replace(estate.web, version=7))
    assert not guarded.withdrawals.set_password(identifier(), "a hash")
    assert guarded.withdrawals.end_sessions(estate.alice.sub, replace(estate.other_session, sessions=9)) is None
    assert not guarded.withdrawals.replace_password(
        replace(estate.alice, password_hash="another"), "a hash", estate.session, estate.new_session
    )
    with pytest.raises(Unlicensed):
        guarded.clients.create(estate.new_client, Licence(identifier(), b"", NOW))


def test_a_session_that_another_one_survives_writes_nothing_and_the_survivor_does(own_stores: Stores) -> None:
    estate = built(own_stores, raised=False)
    survivor = own_stores.by(estate.session).withdrawals.end_sessions(estate.alice.sub, estate.session)
    assert survivor is not None
    for ended in (estate.session, estate.other_session):
        with pytest.raises(SessionOver):
            own_stores.by(ended).users.update(estate.alice.sub, name="x")
    assert own_stores.by(survivor).users.update(estate.alice.sub, name="x") is not None


def test_a_session_decides_for_another_user_and_ends_with_its_own(own_stores: Stores) -> None:
    """An operator's, whose acts are about others."""
    estate = built(own_stores, raised=False)
    begun = Begun(era=own_stores.deployment().era)
    mine = replace(estate.new_session, subject=estate.ada.sub, begun=begun, sessions=0)
    own_stores.browsers.put_session(mine)
    assert own_stores.by(mine).withdrawals.set_password(estate.alice.sub, "one hash")
    own_stores.withdrawals.end(subject=estate.alice.sub)
    assert own_stores.by(mine).withdrawals.set_password(estate.alice.sub, "another hash")
    own_stores.withdrawals.end_sessions(estate.ada.sub)
    with pytest.raises(SessionOver):
        own_stores.by(mine).withdrawals.set_password(estate.alice.sub, "a third hash")
    found = own_stores.users.get(estate.alice.sub)
    assert found is not None
    assert found.password_hash == "another hash"
