"""What a deletion leaves, what is found of it, and how it is brought to its end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import SUSPENDED_DELETED, Begun
from authserver.management import deletion
from authserver.models.browsers import Consent, OneTimeLink, Session
from authserver.models.clients import Client
from authserver.models.erasures import Erasure
from authserver.models.factors import Factors
from authserver.models.invitations import Approval, Invitation
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.users import User
from authserver.storage import erasures as kinds
from authserver.storage.erasures import KINDS, LISTED, PAGE
from authserver.storage.guards import SessionOver
from authserver.storage.withdrawals import Others
from authserver.tokens.opaque import key_of
from authserver.values import Scope, base64url, normalised_username
from tests import fakes
from tests.contract.implementations import Stores
from tests.contract.records import (
    NOW,
    access_token,
    activity,
    api_key,
    authorization,
    configured,
    identifier,
    key,
    membership,
    session,
    user,
)

LATER = NOW + 3600


def made(stores: Stores, **overrides: Any) -> User:
    """A user who is stored."""
    person = user(**overrides)
    assert stores.users.create(person)
    return person


def deleted(stores: Stores, **overrides: Any) -> tuple[User, Erasure]:
    """A user who was deleted, and what that left."""
    person = made(stores, **overrides)
    assert stores.withdrawals.delete_user(person.sub, NOW)
    return person, left_of(stores, person)


def left_of(stores: Stores, person: User) -> Erasure:
    left = stores.erasures.get(key(person.sub))
    assert left is not None
    return left


def organisation(stores: Stores) -> str:
    place = Organisation(f"org-{identifier()}", "Acme", created_at=NOW)
    assert stores.organisations.create(place)
    return place.id


def member(stores: Stores, organisation: str, subject: str, role: str = MEMBER) -> Membership:
    membership = Membership(organisation, subject, role, NOW, epoch=identifier())
    stores.withdrawals.set_membership(membership)
    return membership


def invitation(stores: Stores, name: str, invited_by: str = "", created_at: int = NOW - 5) -> Invitation:
    offered = Invitation(
        id=f"{identifier()}{identifier()}"[:43],
        organisation=organisation(stores),
        name=normalised_username(name),
        role=MEMBER,
        invited_by=invited_by or f"sub-{identifier()}",
        created_at=created_at,
        expires_at=NOW + 600,
    )
    stores.organisations.invite(offered)
    return offered


def approval(stores: Stores, subject: str, organisation: str = "") -> Approval:
    asked = Approval(
        organisation or f"org-{identifier()}",
        f"client-{identifier()}",
        subject,
        Scope.parse("read"),
        ("https://api.example",),
        frozenset({"one"}),
        NOW,
        NOW + 600,
    )
    stores.browsers.ask_approval(asked)
    return asked


def stored_approval(stores: Stores, asked: Approval) -> Approval | None:
    return stores.browsers.approval(asked.organisation, asked.client_id, asked.subject)


def answered(stores: Stores, by: str) -> Approval:
    """What somebody else asked, and `by` answered."""
    place = organisation(stores)
    administrator = member(stores, place, by, ADMINISTRATOR)
    asked = approval(stores, f"sub-{identifier()}", place)
    begun = Begun(approver=key(by))
    assert stores.browsers.answer_approval(asked, "allow", administrator, begun, NOW, NOW + 600)
    return asked


# What names somebody: how it is made, and how it is looked for.
type Made = Callable[[Stores, str], Callable[[], object]]


def _authorization(stores: Stores, sub: str) -> Callable[[], object]:
    record = authorization(subject=sub)
    stores.tokens.create(record)
    return lambda: stores.tokens.find(record.id)


def _access_token(stores: Stores, sub: str) -> Callable[[], object]:
    record = access_token(subject=sub)
    stores.tokens.put_access_token(record)
    return lambda: stores.tokens.standing(access_token_id=record.id).access_token


def _api_key(stores: Stores, sub: str) -> Callable[[], object]:
    record = api_key(subject=sub, organisation=f"org-{identifier()}")
    assert stores.api_keys.create(record)
    return lambda: stores.api_keys.find(record.id)


def _session(stores: Stores, sub: str) -> Callable[[], object]:
    record = session(subject=sub)
    stores.browsers.put_session(record)
    return lambda: stores.browsers.browser_state(session_id=record.id).session


def _consent(stores: Stores, sub: str) -> Callable[[], object]:
    record = Consent(sub, f"client-{identifier()}", Scope.parse("read"), frozenset(), NOW, NOW + 600)
    stores.browsers.remember_consent(record, NOW)
    return lambda: stores.browsers.browser_state(subject_key=key(sub), client_key=key(record.client_id)).consent


def _activity(stores: Stores, sub: str) -> Callable[[], object]:
    stores.journal.note_activity(activity(subject=sub))
    return lambda: stores.journal.activities(sub).items


def _link(stores: Stores, sub: str) -> Callable[[], object]:
    record = OneTimeLink(identifier(), b"hash", "password_reset", sub, "a@a.example", NOW, NOW + 600)
    assert stores.browsers.put_link(record)
    return lambda: stores.browsers.link(record.id, key(sub)).link


def _approval(stores: Stores, sub: str) -> Callable[[], object]:
    asked = approval(stores, sub)
    return lambda: stored_approval(stores, asked)


def _invitation_sent(stores: Stores, sub: str) -> Callable[[], object]:
    offered = invitation(stores, "somebody", sub)
    return lambda: stores.organisations.invitation(offered.id)


def _factors(stores: Stores, sub: str) -> Callable[[], object]:
    assert stores.factors.replace(Factors(sub, recovery_codes=frozenset({"hash"})))
    return lambda: stores.factors.get(key(sub))


MADE: dict[str, Made] = {
    kinds.AUTHORIZATIONS: _authorization,
    kinds.ACCESS_TOKENS: _access_token,
    kinds.API_KEYS: _api_key,
    kinds.SESSIONS: _session,
    kinds.CONSENTS: _consent,
    kinds.ACTIVITY: _activity,
    kinds.LINKS: _link,
    kinds.APPROVALS: _approval,
    kinds.INVITATIONS_SENT: _invitation_sent,
    kinds.FACTORS: _factors,
}


def all_of(stores: Stores, erasure: Erasure, kind: str) -> int:
    """Erases a kind to its end; how much there was."""
    found, cursor = 0, None
    while True:
        step = stores.erasures.erase(erasure, kind, cursor)
        assert step.found <= PAGE
        found, cursor = found + step.found, step.next
        if cursor is None:
            return found


# ------------------------------------------------------------------ what a deletion leaves


def test_a_deletion_leaves_what_there_is_to_be_done(stores: Stores) -> None:
    person, left = deleted(stores, username="Some One", email="Some@A.example", email_verified=True)
    assert (left.subject, left.requested_at, left.finished_at) == (person.sub, NOW, None)
    assert left.left == frozenset(KINDS)
    assert left.names == {key("some one"), key("some@a.example")}
    assert left.addresses == {key("some@a.example")}


def test_an_address_that_is_not_known_to_be_theirs_is_no_name_of_theirs(stores: Stores) -> None:
    _, left = deleted(stores, username="unverified", email="other@a.example", pending_email="next@a.example")
    assert left.names == {key("unverified")}
    assert left.addresses == {key("other@a.example"), key("next@a.example")}


def test_what_was_never_a_user_leaves_nothing(stores: Stores) -> None:
    sub = f"sub-{identifier()}"
    assert stores.withdrawals.delete_user(sub, NOW)
    assert stores.erasures.get(key(sub)) is None


def test_a_deletion_made_again_leaves_what_the_first_one_did(stores: Stores) -> None:
    person, left = deleted(stores)
    stores.erasures.note(left, frozenset({kinds.ACTIVITY}))
    assert stores.withdrawals.delete_user(person.sub, LATER)
    assert left_of(stores, person) == replace(left, left=frozenset({kinds.ACTIVITY}))


def test_a_session_that_was_ended_deletes_nobody(stores: Stores) -> None:
    person = made(stores)
    ended = session(subject=person.sub)
    stores.browsers.put_session(ended)
    stores.withdrawals.end_session(ended.id)
    with pytest.raises(SessionOver):
        stores.by(ended).withdrawals.delete_user(person.sub, NOW, Others())
    assert stores.users.get(person.sub) == person
    assert stores.erasures.get(key(person.sub)) is None


def test_a_session_that_stands_deletes_its_user_in_one_write(stores: Stores) -> None:
    person = made(stores)
    standing = session(subject=person.sub)
    stores.browsers.put_session(standing)
    assert stores.by(standing).withdrawals.delete_user(person.sub, NOW, Others())
    assert stores.users.get(person.sub) is None
    assert left_of(stores, person).subject == person.sub
    state = stores.browsers.browser_state(session_id=standing.id, subject_key=key(person.sub))
    assert not state.ends.stand(standing.begun, standing.sessions)


# ------------------------------------------------------------------ who is left behind


def test_an_operator_leaves_while_another_one_is_there(stores: Stores) -> None:
    person, other = made(stores, operator=True), made(stores, operator=True)
    for others in (Others(), Others(operator=person.sub), Others(operator=made(stores).sub)):
        assert not stores.withdrawals.delete_user(person.sub, NOW, others)
    assert stores.users.get(person.sub) == person
    assert stores.withdrawals.delete_user(person.sub, NOW, Others(operator=other.sub))
    assert stores.users.get(person.sub) is None


@pytest.mark.parametrize("changes", [{"status": "disabled"}, {"operator": False}])
def test_an_operator_who_is_none_any_more_is_nobody_to_leave_behind(stores: Stores, changes: dict[str, Any]) -> None:
    person, other = made(stores, operator=True), made(stores, operator=True)
    stores.withdrawals.change_user(other.sub, **changes)
    assert not stores.withdrawals.delete_user(person.sub, NOW, Others(operator=other.sub))
    assert stores.users.get(person.sub) == person
    assert stores.erasures.get(key(person.sub)) is None


def test_an_administrator_leaves_while_another_one_is_there(stores: Stores) -> None:
    person, place, other = made(stores), organisation(stores), f"sub-{identifier()}"
    member(stores, place, person.sub, ADMINISTRATOR)
    member(stores, place, other)
    for administrators in ({}, {place: other}, {place: person.sub}, {place: "nobody"}):
        assert not stores.withdrawals.delete_user(person.sub, NOW, Others(administrators=administrators))
    assert stores.organisations.membership(place, person.sub) is not None
    member(stores, place, other, ADMINISTRATOR)
    assert stores.withdrawals.delete_user(person.sub, NOW, Others(administrators={place: other}))
    assert stores.organisations.membership(place, person.sub) is None
    assert stores.organisations.membership(place, other) is not None


def test_an_administrator_leaves_an_organisation_that_nobody_needs(stores: Stores) -> None:
    person, place = made(stores), organisation(stores)
    member(stores, place, person.sub, ADMINISTRATOR)
    assert stores.withdrawals.delete_user(person.sub, NOW, Others(administrators={place: ""}))
    assert stores.organisations.membership(place, person.sub) is None


def test_a_member_needs_nobody(stores: Stores) -> None:
    person, place = made(stores), organisation(stores)
    member(stores, place, person.sub)
    assert stores.withdrawals.delete_user(person.sub, NOW, Others())
    assert stores.organisations.membership(place, person.sub) is None


def test_an_administrator_of_many_organisations_is_deleted_altogether_or_not_at_all(stores: Stores) -> None:
    """More memberships than fit into one transaction are left to be erased; the user is deleted at once."""
    person, other = made(stores), f"sub-{identifier()}"
    places = [organisation(stores) for _ in range(6)]
    for place in places:
        member(stores, place, person.sub, ADMINISTRATOR)
        member(stores, place, other, ADMINISTRATOR)
    alone = {**dict.fromkeys(places, other), places[-1]: "nobody"}
    assert not stores.withdrawals.delete_user(person.sub, NOW, Others(administrators=alone))
    assert None not in [stores.organisations.membership(place, person.sub) for place in places]
    assert stores.withdrawals.delete_user(person.sub, NOW, Others(administrators=dict.fromkeys(places, other)))
    assert stores.users.get(person.sub) is None
    assert stores.browsers.ends(key(person.sub)).subject.suspended == SUSPENDED_DELETED
    assert kinds.MEMBERSHIPS in left_of(stores, person).left
    for left in stores.organisations.memberships_of(person.sub).items:
        stores.withdrawals.delete_membership(left.organisation, person.sub)
    assert [stores.organisations.membership(place, person.sub) for place in places] == [None] * 6


def test_an_operators_word_needs_nobody(stores: Stores) -> None:
    person, place = made(stores, operator=True), organisation(stores)
    member(stores, place, person.sub, ADMINISTRATOR)
    assert stores.withdrawals.delete_user(person.sub, NOW)
    assert stores.users.get(person.sub) is None


def test_operators_are_listed(stores: Stores) -> None:
    first, second, none = made(stores, operator=True), made(stores), made(stores)

    def listed() -> set[str]:
        found: list[User] = []
        cursor = None
        while True:
            page = stores.users.operators(limit=2, cursor=cursor)
            found += page.items
            cursor = page.next
            if cursor is None:
                return {one.sub for one in found} & {first.sub, second.sub, none.sub}

    assert listed() == {first.sub}
    stores.withdrawals.change_user(second.sub, operator=True)
    assert listed() == {first.sub, second.sub}
    stores.withdrawals.change_user(first.sub, operator=False)
    assert listed() == {second.sub}
    stores.withdrawals.delete_user(second.sub, NOW)
    assert listed() == set()


# ------------------------------------------------------------------ what is found


def test_every_kind_is_looked_for() -> None:
    assert {*MADE, kinds.DECISIONS, kinds.INVITATIONS} == set(LISTED)
    assert set(KINDS) - set(LISTED) == {kinds.MEMBERSHIPS, kinds.CLIENTS}


@pytest.mark.parametrize("kind", MADE)
def test_what_names_the_subject_is_removed_and_nothing_else_is(stores: Stores, kind: str) -> None:
    person, left = deleted(stores)
    count = 1 if kind == kinds.FACTORS else 3
    theirs = [MADE[kind](stores, person.sub) for _ in range(count)]
    anothers = MADE[kind](stores, f"sub-{identifier()}")
    others = [MADE[other](stores, person.sub) for other in MADE if other != kind]
    assert all_of(stores, left, kind) == count
    assert not any(find() for find in theirs)
    assert anothers()
    assert all(find() for find in others)
    assert all_of(stores, left, kind) == 0


def test_there_may_be_more_than_fits_into_one_step(stores: Stores) -> None:
    person, left = deleted(stores)
    for _ in range(2 * PAGE + 3):
        stores.journal.note_activity(activity(subject=person.sub))
    first = stores.erasures.erase(left, kinds.ACTIVITY)
    assert (first.found, first.next is None) == (PAGE, False)
    assert all_of(stores, left, kinds.ACTIVITY) == PAGE + 3
    assert stores.journal.activities(person.sub).items == ()


def test_a_decision_stays_and_tells_no_more_whose_it_was(stores: Stores) -> None:
    person = made(stores)
    decided, anothers = answered(stores, person.sub), answered(stores, f"sub-{identifier()}")
    before = stored_approval(stores, decided)
    assert before is not None
    stores.withdrawals.delete_user(person.sub, NOW)
    left = left_of(stores, person)
    assert all_of(stores, left, kinds.DECISIONS) == 1
    assert stored_approval(stores, decided) == replace(before, decided_by="")
    assert stored_approval(stores, anothers) != replace(anothers, decided_by="")
    assert all_of(stores, left, kinds.DECISIONS) == 0


def test_a_question_that_was_asked_anew_is_nobodys_decision(stores: Stores) -> None:
    person = made(stores)
    decided = answered(stores, person.sub)
    stores.browsers.ask_approval(replace(decided, created_at=NOW + 1))
    stores.withdrawals.delete_user(person.sub, NOW)
    assert all_of(stores, left_of(stores, person), kinds.DECISIONS) == 0
    assert stored_approval(stores, decided) == replace(decided, created_at=NOW + 1)


def test_invitations_are_found_by_what_may_call_the_person(stores: Stores) -> None:
    name, address = f"Name {identifier()}", f"{identifier()}@A.example".lower()
    theirs = [invitation(stores, name), invitation(stores, name), invitation(stores, address)]
    anothers = invitation(stores, f"another-{identifier()}")
    _, left = deleted(stores, username=name, email=address, email_verified=True)
    later = invitation(stores, name, created_at=NOW + 1)  # for the user who has the name since
    assert all_of(stores, left, kinds.INVITATIONS) == 3
    assert not any(stores.organisations.invitation(one.id) for one in theirs)
    assert stores.organisations.invitation(anothers.id) == anothers
    assert stores.organisations.invitation(later.id) == later


def test_whoever_has_no_name_is_not_invited(stores: Stores) -> None:
    person = replace(user(username="", password_hash=""), email="unverified@a.example")
    provider = configured(stores.identity_providers)
    assert stores.users.create_federated(person, "https://idp.example", identifier(), provider, None)
    stores.withdrawals.delete_user(person.sub, NOW)
    assert all_of(stores, left_of(stores, person), kinds.INVITATIONS) == 0


def test_a_clients_own_token_is_nobodys(stores: Stores) -> None:
    own = access_token(subject="client#x", client_id="client#x")
    stores.tokens.put_access_token(own)
    assert stores.tokens.standing(access_token_id=own.id).access_token == own


def test_a_kind_that_there_is_not_is_refused(stores: Stores) -> None:
    _, left = deleted(stores)
    for kind in ("users", kinds.MEMBERSHIPS, kinds.CLIENTS):
        with pytest.raises(ValueError, match=kind):
            stores.erasures.erase(left, kind)


# ------------------------------------------------------------------ how it goes


def listed(stores: Stores, *, only_open: bool) -> Iterator[Erasure]:
    verb, cursor = stores.erasures.open if only_open else stores.erasures.list, None
    while True:
        page = verb(limit=2, cursor=cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def test_progress_is_kept(stores: Stores) -> None:
    person, left = deleted(stores)
    stores.erasures.note(left, frozenset({kinds.SESSIONS, kinds.CLIENTS}))
    assert left_of(stores, person) == replace(left, left=frozenset({kinds.SESSIONS, kinds.CLIENTS}))
    stores.erasures.note(left, frozenset())
    assert left_of(stores, person) == replace(left, left=frozenset())


def test_what_is_done_names_nobody_any_more(stores: Stores) -> None:
    person, left = deleted(stores, email="theirs@a.example", email_verified=True)
    assert stores.erasures.finish(left, LATER - 5, LATER, LATER + 600)
    done = left_of(stores, person)
    assert done == Erasure(key(person.sub), NOW, checked_at=LATER - 5, finished_at=LATER, expires_at=LATER + 600)
    assert person.sub not in repr(done)


def test_what_is_done_stays_done(stores: Stores) -> None:
    person, left = deleted(stores)
    assert stores.erasures.finish(left, LATER, LATER, LATER + 600)
    done = left_of(stores, person)
    assert not stores.erasures.finish(left, LATER + 5, LATER + 5, LATER + 605)
    stores.erasures.note(left, frozenset({kinds.SESSIONS}))
    assert left_of(stores, person) == done


def test_nothing_is_kept_of_what_is_not_there(stores: Stores) -> None:
    nobody = Erasure(key(f"sub-{identifier()}"), NOW, "nobody")
    stores.erasures.note(nobody, frozenset({kinds.SESSIONS}))
    assert not stores.erasures.finish(nobody, LATER, LATER, LATER + 600)
    assert stores.erasures.get(nobody.subject_key) is None


def test_those_that_are_open_are_listed_and_those_that_are_done_are_in_the_whole_list(stores: Stores) -> None:
    first, second, third = (deleted(stores)[1] for _ in range(3))
    ours = {one.subject_key for one in (first, second, third)}
    assert {one.subject_key for one in listed(stores, only_open=True)} >= ours
    stores.erasures.finish(second, LATER, LATER, LATER + 600)
    assert {one.subject_key for one in listed(stores, only_open=True)} & ours == ours - {second.subject_key}
    everything = [one for one in listed(stores, only_open=False) if one.subject_key in ours]
    assert {one.subject_key for one in everything} == ours
    assert [one.subject_key for one in everything if one.finished_at] == [second.subject_key]


def test_of_two_who_finish_one_does(stores: Stores) -> None:
    _, left = deleted(stores)
    assert [stores.erasures.finish(left, LATER, LATER, LATER + 600) for _ in range(2)] == [True, False]


def test_an_owner_who_is_nobody_lists_clients(stores: Stores) -> None:
    """What an erasure leaves of a client's owner is an owner like any other: operators list by it."""
    owned = Client(f"client-{identifier()}", "An app", owner="(deleted user)", created_at=NOW)
    assert stores.clients.create(owned)
    assert owned.client_id in {one.client_id for one in stores.clients.list(owner="(deleted user)", limit=100).items}


def test_a_session_of_theirs_is_gone_for_good(stores: Stores) -> None:
    person = made(stores)
    one: Session = session(subject=person.sub)
    stores.browsers.put_session(one)
    stores.withdrawals.delete_user(person.sub, NOW)
    assert all_of(stores, left_of(stores, person), kinds.SESSIONS) == 1
    assert stores.browsers.sessions(person.sub).items == ()


# ------------------------------------------------------------------ organisations


def test_the_deletion_of_an_organisation_leaves_its_members_offers_and_keys(stores: Stores) -> None:
    acme, globex = (f"org-{identifier()}" for _ in range(2))
    for one in (acme, globex):
        assert stores.organisations.create(Organisation(one, "A customer"))
        for role in (ADMINISTRATOR, MEMBER):
            for _ in range(kinds.PAGE):
                stores.withdrawals.set_membership(membership(one, f"sub-{identifier()}", role))
        name = identifier()
        stores.organisations.invite(
            Invitation(base64url(key_of(one) + key_of(name)), one, name, MEMBER, "sub", NOW, NOW + 60)
        )
        assert stores.api_keys.create(api_key(organisation=one))
    stores.withdrawals.delete_organisation(acme, NOW)
    left = stores.erasures.get(f"organisation#{key(acme)}")
    every = frozenset({kinds.MEMBERS, kinds.OFFERS, kinds.KEYS_OF_ORGANISATION})
    assert left == Erasure(f"organisation#{key(acme)}", NOW, left=every, organisation=acme)
    assert left in listed(stores, only_open=True)
    assert all_of(stores, left, kinds.MEMBERS) == 2 * kinds.PAGE
    assert all_of(stores, left, kinds.OFFERS) == 1
    assert all_of(stores, left, kinds.KEYS_OF_ORGANISATION) == 1
    assert [all_of(stores, left, kind) for kind in kinds.KINDS_OF_ORGANISATION] == [0, 0, 0]
    assert len(stores.api_keys.api_keys(organisation=globex).items) == 1
    assert stores.organisations.members_of(acme).items == ()
    assert stores.organisations.invitations_of(acme).items == ()
    assert stores.organisations.members_counted(globex).number == 2 * kinds.PAGE
    assert len(stores.organisations.invitations_of(globex).items) == 1
    assert stores.erasures.finish(left, NOW + 1, NOW + 2, LATER)
    assert stores.erasures.get(left.subject_key) == Erasure(
        left.subject_key, NOW, checked_at=NOW + 1, finished_at=NOW + 2, expires_at=LATER
    )


# ------------------------------------------------------------------ of administrators of many organisations


@pytest.mark.parametrize("by_operator", [True, False])
def test_whoever_administers_many_organisations_is_an_administrator_of_none_afterwards(
    own_stores: Stores, by_operator: bool
) -> None:
    """More than fit into the deletion's one write: what was left of them would count as somebody who stays."""
    leaving, staying = made(own_stores), made(own_stores)
    places = [organisation(own_stores) for _ in range(6)]
    for place in places:
        member(own_stores, place, leaving.sub, ADMINISTRATOR)
        member(own_stores, place, staying.sub, ADMINISTRATOR)
    services = fakes.services(
        users=own_stores.users, organisations=own_stores.organisations, withdrawals=own_stores.withdrawals
    )
    others = None if by_operator else Others(administrators=dict.fromkeys(places, staying.sub))
    assert deletion.delete(leaving, services, others)
    assert [own_stores.organisations.membership(place, leaving.sub) for place in places] == [None] * 6
    assert not deletion.delete(staying, services, Others(administrators=dict.fromkeys(places, leaving.sub)))
    assert own_stores.users.get(staying.sub) is not None
    assert own_stores.organisations.membership(places[0], staying.sub) is not None


def test_the_last_operator_stays_however_many_organisations_they_hand_over(own_stores: Stores) -> None:
    operator, no_operator = made(own_stores, operator=True), made(own_stores)
    places = [organisation(own_stores) for _ in range(40)]
    for place in places:
        member(own_stores, place, operator.sub, ADMINISTRATOR)
        member(own_stores, place, no_operator.sub, ADMINISTRATOR)
    others = Others(operator=no_operator.sub, administrators=dict.fromkeys(places, no_operator.sub))
    assert not own_stores.withdrawals.delete_user(operator.sub, NOW, others)
    assert own_stores.users.get(operator.sub) is not None
