"""Laws of organisations: their companies, their members, and the lists of both."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.models import ADMINISTRATOR, DISABLED, MEMBER, Invitation, Membership, Organisation
from authserver.storage import OrganisationStore
from tests.contract.records import NOW, identifier, listed

HOSTILE = ["", "#", "organisation#x", "a#b", "\x00", "é", "🦄", "x" * 3000]


def organisation(**companies: str) -> Organisation:
    return Organisation(id=f"org-{identifier()}", name="A customer", companies=companies, created_at=NOW)


def created(organisations: OrganisationStore, **companies: str) -> Organisation:
    record = organisation(**companies)
    assert organisations.create(record)
    return record


def test_create_is_found(organisations: OrganisationStore) -> None:
    for record in (organisation(), organisation(a="Company A", b="Company B")):
        assert organisations.create(record)
        assert organisations.get(record.id) == record


def test_create_of_a_taken_identifier_is_refused(organisations: OrganisationStore) -> None:
    record = created(organisations, a="A")
    assert not organisations.create(replace(record, name="Another", companies={}))
    assert organisations.get(record.id) == record


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_get_of_hostile_text_is_none(organisations: OrganisationStore, text: str) -> None:
    assert organisations.get(text) is None
    assert organisations.get_all([text]) == {}


def test_get_all_finds_those_that_there_are(organisations: OrganisationStore) -> None:
    one, two = created(organisations), created(organisations, a="A")
    assert organisations.get_all([one.id, identifier(), two.id, one.id]) == {one.id: one, two.id: two}
    assert organisations.get_all([]) == {}


def test_update_sets_what_it_names(organisations: OrganisationStore) -> None:
    record = created(organisations, a="A")
    assert organisations.update(record.id, status=DISABLED) == replace(record, status=DISABLED)
    expected = replace(record, status=DISABLED, name="Renamed")
    assert organisations.update(record.id, name="Renamed") == expected
    assert organisations.get(record.id) == expected


def test_update_of_nothing_makes_nothing(organisations: OrganisationStore) -> None:
    unknown = identifier()
    assert organisations.update(unknown, name="x") is None
    assert organisations.get(unknown) is None


@pytest.mark.parametrize("changes", [{}, {"id": "x"}, {"companies": {}}, {"name": "x", "created_at": 1}])
def test_update_of_other_fields_is_an_error(organisations: OrganisationStore, changes: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        organisations.update(created(organisations).id, **changes)


@pytest.mark.parametrize("company", ["a", "size", "a.b", "a:b-c_d", "0", "name"])
def test_companies_are_added_renamed_and_dropped(organisations: OrganisationStore, company: str) -> None:
    record = created(organisations, other="Other")
    for name in ("First", "Second"):
        assert organisations.put_company(record.id, company, name, 2)
        assert organisations.get(record.id) == replace(record, companies={"other": "Other", company: name})
    assert organisations.drop_company(record.id, company)
    assert not organisations.drop_company(record.id, company)
    assert organisations.get(record.id) == record


def test_a_company_too_many_is_refused_and_a_name_of_one_is_not(organisations: OrganisationStore) -> None:
    record = created(organisations, a="A", b="B")
    assert not organisations.put_company(record.id, "c", "C", 2)
    assert organisations.put_company(record.id, "a", "Renamed", 2)
    assert organisations.get(record.id) == replace(record, companies={"a": "Renamed", "b": "B"})


def test_companies_of_no_organisation_make_none(organisations: OrganisationStore) -> None:
    unknown = identifier()
    assert not organisations.put_company(unknown, "a", "A", 10)
    assert not organisations.drop_company(unknown, "a")
    assert organisations.get(unknown) is None


def test_companies_at_once_stay_within_the_bound(organisations: OrganisationStore) -> None:
    record = created(organisations)
    barrier = Barrier(12)

    def put(number: int) -> bool:
        barrier.wait()
        return organisations.put_company(record.id, f"c{number}", "C", 5)

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(put, range(12))).count(True) == 5
    stored = organisations.get(record.id)
    assert stored is not None
    assert len(stored.companies) == 5


def test_membership_is_found_changed_and_ended(organisations: OrganisationStore) -> None:
    record, subject = created(organisations), f"sub-{identifier()}"
    for role in (MEMBER, ADMINISTRATOR):
        membership = Membership(record.id, subject, role, NOW)
        organisations.put_membership(membership)
        assert organisations.membership(record.id, subject) == membership
    for _ in range(2):
        organisations.delete_membership(record.id, subject)
        assert organisations.membership(record.id, subject) is None


def test_membership_is_of_one_user_in_one_organisation(organisations: OrganisationStore) -> None:
    one, two = created(organisations), created(organisations)
    subject, other = f"sub-{identifier()}", f"sub-{identifier()}"
    organisations.put_membership(Membership(one.id, subject, ADMINISTRATOR, NOW))
    for organisation_id, sub in ((one.id, other), (two.id, subject), (subject, one.id)):
        assert organisations.membership(organisation_id, sub) is None


def test_members_and_memberships_are_listed_oldest_first(organisations: OrganisationStore) -> None:
    record, elsewhere = created(organisations), created(organisations)
    subject = f"sub-{identifier()}"
    members = [Membership(record.id, f"sub-{identifier()}", MEMBER, NOW + age) for age in (3, 1, 4, 2)]
    own = Membership(elsewhere.id, subject, ADMINISTRATOR, NOW), Membership(record.id, subject, MEMBER, NOW + 9)
    for membership in (*members, *own):
        organisations.put_membership(membership)
    of_record = [*sorted(members, key=lambda one: one.created_at), own[1]]
    assert listed(lambda limit, at: organisations.members_of(record.id, limit=limit, cursor=at)) == of_record
    assert listed(lambda limit, at: organisations.memberships_of(subject, limit=limit, cursor=at)) == list(own)
    organisations.delete_membership(record.id, subject)
    assert organisations.memberships_of(subject).items == own[:1]


def test_every_organisation_is_listed_and_no_membership(organisations: OrganisationStore) -> None:
    records = [created(organisations) for _ in range(3)]
    organisations.put_membership(Membership(records[0].id, "alice", MEMBER, NOW))
    found = listed(lambda limit, at: organisations.list(limit=limit, cursor=at))
    assert [one for one in found if one in records] == sorted(records, key=found.index)
    assert len([one for one in found if one in records]) == 3
    assert all(isinstance(one, Organisation) for one in found)


# ------------------------------------------------------------------ an administrator is left


def staffed(organisations: OrganisationStore, *roles: str) -> tuple[str, ...]:
    """An organisation with members of these roles; its identifier and theirs."""
    record = created(organisations)
    subjects = tuple(f"sub-{identifier()}" for _ in roles)
    for subject, role in zip(subjects, roles, strict=True):
        organisations.put_membership(Membership(record.id, subject, role, NOW))
    return (record.id, *subjects)


def role_of(organisations: OrganisationStore, organisation_id: str, subject: str) -> str | None:
    membership = organisations.membership(organisation_id, subject)
    return membership.role if membership else None


def test_a_role_is_changed_while_a_witness_is_an_administrator(organisations: OrganisationStore) -> None:
    acme, ada, max_ = staffed(organisations, ADMINISTRATOR, MEMBER)
    assert organisations.change_role(acme, max_, ADMINISTRATOR, witness=ada)
    assert organisations.membership(acme, max_) == Membership(acme, max_, ADMINISTRATOR, NOW)
    assert organisations.change_role(acme, ada, MEMBER, witness=max_)
    assert not organisations.change_role(acme, max_, MEMBER, witness=ada)
    assert role_of(organisations, acme, max_) == ADMINISTRATOR


def test_nobody_is_their_own_witness(organisations: OrganisationStore) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    assert not organisations.change_role(acme, ada, MEMBER, witness=ada)
    assert not organisations.end_membership(acme, ada, witness=ada)
    assert not organisations.end_membership(acme, ada, witness="")
    assert role_of(organisations, acme, ada) == ADMINISTRATOR


@pytest.mark.parametrize("witness", ["member", "of another", "nobody"])
def test_who_is_no_administrator_of_it_is_no_witness(organisations: OrganisationStore, witness: str) -> None:
    acme, ada, max_ = staffed(organisations, ADMINISTRATOR, MEMBER)
    _, gil = staffed(organisations, ADMINISTRATOR)
    subject = {"member": max_, "of another": gil, "nobody": identifier()}[witness]
    assert not organisations.change_role(acme, ada, MEMBER, witness=subject)
    assert not organisations.end_membership(acme, ada, witness=subject)
    assert role_of(organisations, acme, ada) == ADMINISTRATOR


def test_a_role_makes_nobody_a_member(organisations: OrganisationStore) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    stranger = f"sub-{identifier()}"
    assert not organisations.change_role(acme, stranger, ADMINISTRATOR, witness=ada)
    assert organisations.membership(acme, stranger) is None


def test_a_membership_is_ended_while_a_witness_is_an_administrator(organisations: OrganisationStore) -> None:
    acme, ada, max_ = staffed(organisations, ADMINISTRATOR, MEMBER)
    for _ in range(2):
        assert organisations.end_membership(acme, max_, witness=ada)
        assert organisations.membership(acme, max_) is None


def test_who_is_no_administrator_may_go_without_a_witness(organisations: OrganisationStore) -> None:
    acme, max_ = staffed(organisations, MEMBER)
    for _ in range(2):
        assert organisations.end_membership(acme, max_, witness="")
    assert organisations.membership(acme, max_) is None


def test_of_administrators_who_remove_each_other_at_once_one_stays(organisations: OrganisationStore) -> None:
    acme, *admins = staffed(organisations, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR)
    barrier = Barrier(3)

    def remove(number: int) -> bool:
        barrier.wait()
        try:
            return organisations.end_membership(acme, admins[(number + 1) % 3], witness=admins[number])
        except TemporarilyUnavailable:  # of two transactions at once, one may be told to try again
            return False

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(remove, range(3)))
    assert any(role_of(organisations, acme, one) == ADMINISTRATOR for one in admins)


# ------------------------------------------------------------------ invitations


def invitation(organisation_id: str, invited_by: str, **overrides: Any) -> Invitation:
    name = f"name-{identifier()}"
    defaults: dict[str, Any] = {
        "id": (identifier() + identifier())[:43],
        "organisation": organisation_id,
        "name": name,
        "role": MEMBER,
        "invited_by": invited_by,
        "created_at": NOW,
        "expires_at": NOW + 100,
    }
    return Invitation(**{**defaults, **overrides})


def test_an_invitation_is_found_replaced_and_withdrawn(organisations: OrganisationStore) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    first = invitation(acme, ada)
    for offered in (first, replace(first, role=ADMINISTRATOR, created_at=NOW + 1)):
        organisations.invite(offered)
        assert organisations.invitation(first.id) == offered
    for _ in range(2):
        organisations.withdraw_invitation(first.id)
        assert organisations.invitation(first.id) is None


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_an_invitation_of_hostile_text_is_none(organisations: OrganisationStore, text: str) -> None:
    assert organisations.invitation(text) is None
    organisations.withdraw_invitation(text)


def test_invitations_are_listed_by_organisation_and_by_name(organisations: OrganisationStore) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    globex, gil = staffed(organisations, ADMINISTRATOR)
    mine = invitation(acme, ada)
    same, other = invitation(globex, gil, name=mine.name, created_at=NOW + 1), invitation(acme, ada, created_at=NOW + 2)
    for one in (mine, same, other):
        organisations.invite(one)
    assert listed(lambda limit, at: organisations.invitations_of(acme, limit=limit, cursor=at)) == [mine, other]
    assert listed(lambda limit, at: organisations.invitations_for(mine.name, limit=limit, cursor=at)) == [mine, same]
    assert organisations.members_of(acme).items == (Membership(acme, ada, ADMINISTRATOR, NOW),)


def test_an_invitation_is_accepted_once(organisations: OrganisationStore) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    offered, subject = invitation(acme, ada, role=ADMINISTRATOR), f"sub-{identifier()}"
    organisations.invite(offered)
    assert organisations.accept_invitation(offered, subject, NOW + 1)
    assert organisations.membership(acme, subject) == Membership(acme, subject, ADMINISTRATOR, NOW + 1)
    assert organisations.invitation(offered.id) is None
    assert organisations.end_membership(acme, subject, witness=ada)
    assert not organisations.accept_invitation(offered, subject, NOW + 1)
    assert organisations.membership(acme, subject) is None


@pytest.mark.parametrize(
    "changed",
    [{"role": ADMINISTRATOR}, {"created_at": NOW + 1}, {"invited_by": "somebody else"}],
    ids=lambda changed: next(iter(changed)),
)
def test_only_what_was_read_is_accepted(organisations: OrganisationStore, changed: dict[str, Any]) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    offered, subject = invitation(acme, ada), f"sub-{identifier()}"
    organisations.invite(replace(offered, **changed))
    assert not organisations.accept_invitation(offered, subject, NOW)
    assert organisations.membership(acme, subject) is None


def test_an_invitation_that_is_over_or_withdrawn_is_not_accepted(organisations: OrganisationStore) -> None:
    acme, ada = staffed(organisations, ADMINISTRATOR)
    over, withdrawn = invitation(acme, ada), invitation(acme, ada)
    organisations.invite(over)
    assert not organisations.accept_invitation(over, "somebody", over.expires_at)
    assert not organisations.accept_invitation(withdrawn, "somebody", NOW)
    assert organisations.membership(acme, "somebody") is None


def test_an_invitation_stands_as_long_as_who_sent_it_is_an_administrator(organisations: OrganisationStore) -> None:
    acme, ada, eve = staffed(organisations, ADMINISTRATOR, ADMINISTRATOR)
    offered = invitation(acme, eve)
    organisations.invite(offered)
    assert organisations.change_role(acme, eve, MEMBER, witness=ada)
    assert not organisations.accept_invitation(offered, "somebody", NOW)
    assert organisations.membership(acme, "somebody") is None


def test_who_is_a_member_keeps_the_role(organisations: OrganisationStore) -> None:
    acme, ada, max_ = staffed(organisations, ADMINISTRATOR, MEMBER)
    offered = invitation(acme, ada, role=ADMINISTRATOR)
    organisations.invite(offered)
    for subject in (max_, ada):
        before = organisations.membership(acme, subject)
        assert not organisations.accept_invitation(offered, subject, NOW)
        assert organisations.membership(acme, subject) == before
