"""Laws of withdrawals: the record and its end change in one write, and nothing where the condition does not hold."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.models import DISABLED
from authserver.models.keys import Ring
from authserver.models.organisations import ADMINISTRATOR, MEMBER
from authserver.models.users import User
from authserver.resources import ResourceCatalogue
from authserver.scopes import ScopeCatalogue
from authserver.storage.withdrawals import Others
from authserver.values import sha256
from tests.contract.estate import FAR, Estate, built
from tests.contract.implementations import Stores, on_dynamodb
from tests.contract.records import NOW, identifier, key, membership, session
from tests.contract.verbs import VERBS, WITHDRAWAL, call, successor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAMES = [name for name, verb in VERBS.items() if verb.kind == WITHDRAWAL]

# What is another after a withdrawal than before: the record, and the end that it raises.
CHANGED: dict[str, set[str]] = {
    "revoke": {"personal"},
    "revoke_access_token": {"personal"},
    "revoke_opaque": {"machine"},
    "revoke_jwt": {"jti"},
    "set_entities": {"tenant"},
    "end": {"end of alice"},
    "end_api_key": {"own_key"},
    "end_api_keys": {"end of alice"},
    "end_grants": {"end of alice"},
    "end_sessions": {"session", "end of alice"},
    "lessen_factors": {"factors of alice", "session", "end of alice"},
    "end_session": {"session"},
    "forget_consent": {"consent"},
    "withdraw_approval": {"approval", "member"},
    "set_password": {"alice", "end of alice"},
    "replace_password": {"alice", "session", "new_session", "end of alice"},
    "reset_password": {"alice", "reset", "end of alice"},
    "change_user": {"alice", "end of alice"},
    "delete_user": {
        *("alice", "member", "factors of alice", "identities of alice", "login name of alice", "end of alice"),
    },
    "unlink": {"identities of alice", "end of alice"},
    "unlink_own": {"identities of alice", "session", "new_session", "end of alice"},
    "withdraw_link": {"confirmation", "alice"},
    "remove_factors": {"factors of alice", "end of alice"},
    "revoke_initial_access_token": {"initial access tokens"},
    "change_client": {"web", "end of web"},
    "block_client": {"end of web"},
    "delete_client": {"web", "end of web"},
    "change_organisation": {"acme", "end of acme"},
    "delete_organisation": {"acme", "end of acme"},
    "drop_company": {"acme", "end of acme"},
    "set_membership": {"administrator", "end of acme"},
    "delete_membership": {"member"},
    "change_role": {"administrator", "end of acme"},
    "end_membership": {"administrator", "end of acme"},
    "withdraw_invitation": {"invitation"},
    "change_scopes": {"catalogue", "deployment"},
    "change_resources": {"resources", "deployment"},
    "withdraw_key": {"ring", "deployment"},
    "end_everything": {"deployment"},
}


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("name", NAMES)
def test_a_withdrawal_changes_its_record_and_the_end_of_it_and_can_be_repeated(own_stores: Stores, name: str) -> None:
    estate = built(own_stores, raised=False)
    before = estate.seen()
    call(name, estate, own_stores)
    once, standing = estate.seen(), estate.standing_things()
    assert changed(before, once) == CHANGED[name.partition(".")[2]]
    VERBS[name].call(estate, own_stores)
    assert estate.standing_things() == standing, "nothing comes back, and nothing else ends"
    twice = estate.seen()
    ends = {one for one in twice if one.startswith("end of ")} | {"deployment"}
    assert changed(once, twice) <= ends | {"acme", "administrator", "session"}


# ------------------------------------------------------------------ one write


class Mortal:
    """A DynamoDB client in whose place a process dies: before a write is made, or before its answer comes.

    `writes` has the writes that were made.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.dies = ""
        self.writes: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)
        if name not in ("put_item", "update_item", "delete_item", "transact_write_items"):
            return cast("Callable[..., Any]", operation)

        def call(**arguments: Any) -> Any:
            if self.dies == "before":
                raise EndpointConnectionError(endpoint_url="here")
            answer = operation(**arguments)
            self.writes.append(name)
            if self.dies == "after":
                raise EndpointConnectionError(endpoint_url="here")
            return answer

        return call


def mortal(stores: Stores) -> tuple[Stores, Mortal]:
    client = Mortal(stores.dynamodb)
    return on_dynamodb(stores.name, cast("DynamoDBClient", client)), client


@pytest.mark.parametrize("own_stores", ["ministack"], indirect=True)  # the fakes have a lock instead
@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_dies_leaves_a_withdrawal_done_or_not_begun(own_stores: Stores, name: str) -> None:
    stores, client = mortal(own_stores)
    estate = built(own_stores, raised=False)
    before, standing = estate.seen(), estate.standing_things()
    client.dies = "before"
    with pytest.raises(TemporarilyUnavailable):
        VERBS[name].call(estate, stores)
    assert (estate.seen(), client.writes) == (before, [])
    client.dies = "after"
    for writes in (1, 2):  # of which the first may make an empty map to count in, which is nothing to anybody
        with pytest.raises(TemporarilyUnavailable):
            VERBS[name].call(estate, stores)
        assert len(client.writes) == writes
        if estate.seen() != before:
            break
    assert changed(before, estate.seen()) == CHANGED[name.partition(".")[2]]
    assert standing - estate.standing_things() == set(VERBS[name].loses)


# ------------------------------------------------------------------ conditions

type Call = Callable[[Estate], object]


def _grown(estate: Estate, **fields: Any) -> Any:
    return replace(estate.web, **fields)


REFUSED: dict[str, list[Call]] = {
    "revoke": [
        lambda e: e.stores.withdrawals.revoke(e.new_authorization.id, NOW),
        lambda e: e.stores.withdrawals.revoke(e.personal.id, NOW, "another"),
        lambda e: e.stores.withdrawals.revoke(e.tenant.id, NOW, e.web.client_id, only_public=True),
    ],
    "revoke_access_token": [
        lambda e: e.stores.withdrawals.revoke_access_token(e.new_authorization.id, e.web.client_id, "1.a", 8),
        lambda e: e.stores.withdrawals.revoke_access_token(e.personal.id, "another", "1.a", 8),
        lambda e: e.stores.withdrawals.revoke_access_token(e.tenant.id, e.web.client_id, "1.a", 8, only_public=True),
    ],
    "revoke_opaque": [lambda e: e.stores.withdrawals.revoke_opaque(e.new_access_token.id)],
    "revoke_jwt": [],
    "set_entities": [
        lambda e: e.stores.withdrawals.set_entities(
            e.new_authorization.id, e.acme.id, frozenset({"a"}), e.tenant.entities
        ),
        lambda e: e.stores.withdrawals.set_entities(e.tenant.id, "another", frozenset({"a"}), e.tenant.entities),
        lambda e: e.stores.withdrawals.set_entities(e.personal.id, e.acme.id, frozenset({"a"}), e.tenant.entities),
        lambda e: e.stores.withdrawals.set_entities(e.tenant.id, e.acme.id, frozenset({"a"}), frozenset({"b"})),
    ],
    "end": [],
    "end_api_key": [],
    "end_api_keys": [],
    "end_grants": [],
    "end_sessions": [
        lambda e: e.stores.withdrawals.end_sessions(e.alice.sub, e.new_session),
        lambda e: e.stores.withdrawals.end_sessions(e.alice.sub, replace(e.session, sessions=9)),
        lambda e: e.stores.withdrawals.end_sessions(e.alice.sub, replace(e.session, begun=Begun(subject=9))),
    ],
    "lessen_factors": [
        lambda e: e.stores.withdrawals.lessen_factors(replace(e.factors, version=9), e.session),
        lambda e: e.stores.withdrawals.lessen_factors(e.factors, e.new_session),
        lambda e: e.stores.withdrawals.lessen_factors(e.factors, replace(e.session, sessions=9)),
    ],
    "end_session": [lambda e: e.stores.withdrawals.end_session(e.new_session.id)],
    "forget_consent": [lambda e: e.stores.withdrawals.forget_consent(e.alice.sub, e.new_client.client_id)],
    "withdraw_approval": [
        lambda e: e.stores.withdrawals.withdraw_approval(e.new_approval),
        lambda e: e.stores.withdrawals.withdraw_approval(replace(e.approval, created_at=NOW + 1)),
        lambda e: e.stores.withdrawals.withdraw_approval(replace(e.approval, entities=frozenset({"a", "b"}))),
        lambda e: e.stores.withdrawals.withdraw_approval(replace(e.approval, resource=())),
    ],
    "set_password": [lambda e: e.stores.withdrawals.set_password(e.new_user.sub, "a hash")],
    "replace_password": [
        lambda e: e.stores.withdrawals.replace_password(_unlike(e), "a hash", e.session, successor(e)),
        lambda e: e.stores.withdrawals.replace_password(e.alice, "a hash", e.new_session, successor(e, id="another")),
        lambda e: e.stores.withdrawals.replace_password(
            e.alice, "a hash", replace(e.session, sessions=e.session.sessions + 1), successor(e)
        ),
        lambda e: e.stores.withdrawals.replace_password(
            e.alice, "a hash", replace(e.session, begun=Begun(subject=9)), successor(e)
        ),
    ],
    "reset_password": [
        lambda e: e.stores.withdrawals.reset_password(e.new_link, "claim", "a hash", NOW),
        lambda e: e.stores.withdrawals.reset_password(
            replace(e.reset, secret_hash=sha256("guessed")), "claim", "a hash", NOW
        ),
        lambda e: e.stores.withdrawals.reset_password(e.reset, "claim", "a hash", FAR),
        lambda e: e.stores.withdrawals.reset_password(e.confirmation, "claim", "a hash", NOW),
        lambda e: e.stores.withdrawals.reset_password(replace(e.reset, begun=Begun(subject=9)), "claim", "hash", NOW),
        lambda e: e.stores.withdrawals.reset_password(replace(e.reset, sessions=9), "claim", "a hash", NOW),
    ],
    "change_user": [lambda e: e.stores.withdrawals.change_user(e.new_user.sub, status=DISABLED, operator=False)],
    "delete_user": [
        lambda e: e.stores.withdrawals.delete_user(e.ada.sub, NOW, Others()),
        lambda e: e.stores.withdrawals.delete_user(e.ada.sub, NOW, Others(operator=e.gil.sub)),
        lambda e: e.stores.withdrawals.delete_user(e.gil.sub, NOW, Others(administrators={e.acme.id: e.alice.sub})),
        lambda e: e.stores.withdrawals.delete_user(e.gil.sub, NOW, Others(administrators={e.acme.id: e.gil.sub})),
    ],
    "unlink": [
        lambda e: e.stores.withdrawals.unlink(e.alice.sub, e.new_identity.id),
        lambda e: e.stores.withdrawals.unlink(e.ada.sub, e.identities[0].id),
    ],
    "unlink_own": [
        lambda e: e.stores.withdrawals.unlink_own(e.new_identity, e.factors, e.session, successor(e)),
        lambda e: e.stores.withdrawals.unlink_own(e.identities[0], e.factors, e.new_session, successor(e, id="x")),
        lambda e: e.stores.withdrawals.unlink_own(
            e.identities[0], replace(e.factors, version=9), e.session, successor(e)
        ),
        lambda e: e.stores.withdrawals.unlink_own(
            e.identities[0], e.factors, replace(e.session, sessions=9), successor(e)
        ),
    ],
    "withdraw_link": [
        lambda e: e.stores.withdrawals.withdraw_link(e.new_link),
        lambda e: e.stores.withdrawals.withdraw_link(replace(e.confirmation, subject=e.ada.sub)),
    ],
    "remove_factors": [],
    "revoke_initial_access_token": [lambda e: e.stores.withdrawals.revoke_initial_access_token(e.new_initial.id)],
    "change_client": [
        lambda e: e.stores.withdrawals.change_client(e.new_client),
        lambda e: e.stores.withdrawals.change_client(_grown(e, version=1, status=DISABLED)),
        lambda e: e.stores.withdrawals.change_client(_grown(e, version=-1, status=DISABLED)),
    ],
    "block_client": [],
    "delete_client": [],
    "change_organisation": [lambda e: e.stores.withdrawals.change_organisation(e.new_organisation.id, status=DISABLED)],
    "delete_organisation": [],
    "drop_company": [
        lambda e: e.stores.withdrawals.drop_company(e.acme.id, "z"),
        lambda e: e.stores.withdrawals.drop_company(e.new_organisation.id, "a"),
    ],
    "set_membership": [],
    "delete_membership": [lambda e: e.stores.withdrawals.delete_membership(e.acme.id, e.new_user.sub)],
    "change_role": [
        lambda e: e.stores.withdrawals.change_role(membership(e.acme.id, e.ada.sub, MEMBER), witness=e.ada.sub),
        lambda e: e.stores.withdrawals.change_role(membership(e.acme.id, e.ada.sub, MEMBER), witness=e.alice.sub),
        lambda e: e.stores.withdrawals.change_role(membership(e.acme.id, e.ada.sub, MEMBER), witness=e.new_user.sub),
        lambda e: e.stores.withdrawals.change_role(
            membership(e.acme.id, e.new_user.sub, ADMINISTRATOR), witness=e.ada.sub
        ),
    ],
    "end_membership": [
        lambda e: e.stores.withdrawals.end_membership(e.acme.id, e.ada.sub, witness=e.ada.sub),
        lambda e: e.stores.withdrawals.end_membership(e.acme.id, e.ada.sub, witness=e.alice.sub),
        lambda e: e.stores.withdrawals.end_membership(e.acme.id, e.ada.sub, witness=""),
    ],
    "withdraw_invitation": [lambda e: e.stores.withdrawals.withdraw_invitation(e.new_invitation.id)],
    "change_scopes": [
        lambda e: e.stores.withdrawals.change_scopes(ScopeCatalogue((), e.catalogue.version - 1)),
        lambda e: e.stores.withdrawals.change_scopes(ScopeCatalogue((), e.catalogue.version + 1)),
        lambda e: e.stores.withdrawals.change_scopes(ScopeCatalogue((), 0)),
    ],
    "change_resources": [
        lambda e: e.stores.withdrawals.change_resources(ResourceCatalogue((), e.resources.version - 1)),
        lambda e: e.stores.withdrawals.change_resources(ResourceCatalogue((), e.resources.version + 1)),
        lambda e: e.stores.withdrawals.change_resources(ResourceCatalogue((), 0)),
    ],
    "withdraw_key": [
        lambda e: e.stores.withdrawals.withdraw_key(Ring(e.ring.name, e.ring.version, e.ring.keys[1:])),
        lambda e: e.stores.withdrawals.withdraw_key(Ring(e.ring.name, e.ring.version + 2, e.ring.keys[1:])),
        lambda e: e.stores.withdrawals.withdraw_key(Ring(e.new_ring.name, 2, e.ring.keys)),
    ],
    "end_everything": [],
}


def _unlike(estate: Estate) -> User:
    return replace(estate.alice, password_hash="of another password")


def test_every_withdrawal_is_known_with_what_refuses_it() -> None:
    assert set(REFUSED) == set(CHANGED) == {name.partition(".")[2] for name in NAMES}


def test_nothing_of_a_withdrawal_happens_where_its_condition_does_not_hold(own_stores: Stores) -> None:
    estate = built(own_stores)
    before, standing = estate.seen(), estate.standing_things()
    for name, calls in REFUSED.items():
        for number, refused in enumerate(calls):
            assert not refused(estate), f"{name}, {number}"
        assert changed(before, estate.seen()) == set(), name
    assert estate.standing_things() == standing


@pytest.mark.parametrize(
    "changes", [{}, {"username": "x"}, {"id": "x"}, {"password_hash": "x"}, {"name": "x", "pending_email": "y"}]
)
def test_what_is_none_of_theirs_to_change_is_an_error(own_stores: Stores, changes: dict[str, Any]) -> None:
    person = User(f"sub-{identifier()}", "", "hash")
    assert own_stores.users.create(person)
    with pytest.raises(ValueError):
        own_stores.withdrawals.change_user(person.sub, **changes)
    assert own_stores.users.get(person.sub) == person
    assert own_stores.browsers.ends(key(person.sub)).subject.epoch == 0


# ------------------------------------------------------------------ what stays


def test_the_survivor_of_signed_out_sessions_stays_under_the_counter_that_the_write_made(stores: Stores) -> None:
    subject = f"sub-{identifier()}"
    mine, other = session(subject=subject), session(subject=subject)
    for one in (mine, other):
        stores.browsers.put_session(one)
    for times in (1, 2, 3):
        survivor = stores.withdrawals.end_sessions(subject, mine)
        assert survivor == replace(mine, sessions=times)
        state = stores.browsers.browser_state(session_id=mine.id, subject_key=key(subject))
        assert state.session == survivor
        assert state.ends.stand(survivor.begun, survivor.sessions)
        assert not state.ends.stand(other.begun, other.sessions)
        assert stores.withdrawals.end_sessions(subject, mine) is None, "under the counter of before"
        mine = survivor


def test_a_user_who_sets_a_password_goes_on_in_one_session_alone(stores: Stores) -> None:
    person = User(f"sub-{identifier()}", "", "old hash")
    assert stores.users.create(person)
    mine, other = session(subject=person.sub), session(subject=person.sub)
    after = session(subject=person.sub, begun=Begun(subject=1))
    for one in (mine, other):
        stores.browsers.put_session(one)
    assert stores.withdrawals.replace_password(person, "new hash", mine, after)
    assert stores.users.get(person.sub) == replace(person, password_hash="new hash")
    for one, stands in ((mine, False), (other, False), (after, True)):
        state = stores.browsers.browser_state(session_id=one.id, subject_key=key(person.sub))
        is_there = state.session is not None
        assert (is_there and state.ends.stand(one.begun, one.sessions)) is stands
    assert not stores.withdrawals.replace_password(person, "a third hash", after, session(subject=person.sub))


def test_a_deleted_user_leaves_nothing_and_a_deleted_client_leaves_its_users(stores: Stores) -> None:
    estate = built(stores, raised=False)
    stores.withdrawals.delete_client(estate.web.client_id)
    assert stores.users.get(estate.alice.sub) == estate.alice
    assert stores.clients.get(estate.kept.client_id) == estate.kept
    assert stores.withdrawals.delete_user(estate.alice.sub, NOW)
    assert stores.users.find(estate.alice.username) is None
    assert stores.organisations.memberships_of(estate.alice.sub).items == ()
    assert stores.organisations.membership(estate.acme.id, estate.ada.sub) == estate.administrator


def test_whoever_administers_many_organisations_is_deleted_and_has_no_power_in_any(stores: Stores) -> None:
    """More memberships than fit into one transaction, each with sixteen copies of an end: the rest is to be erased."""
    person = User(f"sub-{identifier()}", identifier(), "hash")
    assert stores.users.create(person)
    places = [f"org-{identifier()}" for _ in range(8)]
    for place in places:
        stores.withdrawals.set_membership(membership(place, person.sub, ADMINISTRATOR))
    assert stores.withdrawals.delete_user(person.sub, NOW)
    assert stores.users.get(person.sub) is None
    left = [place for place in places if stores.organisations.membership(place, person.sub) is not None]
    assert len(left) < len(places)
    for place in places:
        ends = stores.tokens.standing(subject_key=key(person.sub), organisation_key=key(place)).ends
        assert ends.is_suspended
        assert ends.begun(key(person.sub)).approval == (0 if place in left else 1)
        stores.withdrawals.delete_membership(place, person.sub)
        ends = stores.tokens.standing(organisation_key=key(place)).ends
        assert ends.begun(key(person.sub)).approval == 1


def test_an_approval_falls_with_its_approver_and_comes_back_with_nobody(stores: Stores) -> None:
    """Demoted and promoted again, or removed and back: each time the word that was given before is worth nothing."""
    estate = built(stores, raised=False)
    counts = []
    for role in (MEMBER, ADMINISTRATOR, MEMBER, ADMINISTRATOR):
        assert stores.withdrawals.change_role(membership(estate.acme.id, estate.ada.sub, role), witness=estate.gil.sub)
        counts.append(estate.standing().ends.begun(key(estate.ada.sub)).approval)
        assert not {"tenant", "approval"} & estate.standing_things()
    assert counts == [1, 1, 2, 2], "how often she ceased to be one"
