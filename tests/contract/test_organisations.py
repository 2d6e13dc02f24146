"""Laws of organisations: their companies, their members, and the lists of both."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from unittest.mock import patch

import pytest

from authserver.aws.table import Table
from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.models import DISABLED
from authserver.models.invitations import Invitation
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Organisation
from authserver.storage.lists import MOST_COUNTED, Counted
from authserver.storage.organisations import OrganisationStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.implementations import IMPLEMENTATIONS, Stores
from tests.contract.records import NOW, identifier, listed, membership

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


def test_change_sets_what_it_names(organisations: OrganisationStore, withdrawals: WithdrawalStore) -> None:
    record = created(organisations, a="A")
    disabled = withdrawals.change_organisation(record.id, status=DISABLED)
    assert disabled is not None
    assert disabled == replace(record, status=DISABLED, version=disabled.version)
    renamed = withdrawals.change_organisation(record.id, name="Renamed")
    assert renamed is not None
    assert renamed == replace(disabled, name="Renamed", version=renamed.version)
    assert organisations.get(record.id) == renamed
    assert len({one.version for one in (record, disabled, renamed)}) == 3


def test_change_of_nothing_makes_nothing(organisations: OrganisationStore, withdrawals: WithdrawalStore) -> None:
    unknown = identifier()
    assert withdrawals.change_organisation(unknown, name="x") is None
    assert organisations.get(unknown) is None


@pytest.mark.parametrize("changes", [{}, {"id": "x"}, {"companies": {}}, {"name": "x", "created_at": 1}])
def test_change_of_other_fields_is_an_error(
    organisations: OrganisationStore, withdrawals: WithdrawalStore, changes: dict[str, Any]
) -> None:
    record = created(organisations)
    with pytest.raises(ValueError):
        withdrawals.change_organisation(record.id, **changes)
    assert organisations.get(record.id) == record


@pytest.mark.parametrize("company", ["a", "size", "a.b", "a:b-c_d", "0", "name"])
def test_companies_are_added_renamed_and_dropped(
    organisations: OrganisationStore, company: str, withdrawals: WithdrawalStore
) -> None:
    record = created(organisations, other="Other")
    versions = {record.version}
    for name in ("First", "Second"):
        assert organisations.put_company(record.id, company, name, 2)
        stored = organisations.get(record.id)
        assert stored is not None
        assert stored.companies == {"other": "Other", company: name}
        versions.add(stored.version)
    assert withdrawals.drop_company(record.id, company)
    assert not withdrawals.drop_company(record.id, company)
    stored = organisations.get(record.id)
    assert stored is not None
    assert stored == replace(record, version=stored.version)
    assert len(versions | {stored.version}) == 4, "each change is a version"


def test_a_company_too_many_is_refused_and_a_name_of_one_is_not(organisations: OrganisationStore) -> None:
    record = created(organisations, a="A", b="B")
    assert not organisations.put_company(record.id, "c", "C", 2)
    assert organisations.put_company(record.id, "a", "Renamed", 2)
    stored = organisations.get(record.id)
    assert stored is not None
    assert stored == replace(record, companies={"a": "Renamed", "b": "B"}, version=stored.version)


def test_companies_of_no_organisation_make_none(organisations: OrganisationStore, withdrawals: WithdrawalStore) -> None:
    unknown = identifier()
    assert not organisations.put_company(unknown, "a", "A", 10)
    assert not withdrawals.drop_company(unknown, "a")
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


def test_membership_is_found_changed_and_ended(organisations: OrganisationStore, withdrawals: WithdrawalStore) -> None:
    record, subject = created(organisations), f"sub-{identifier()}"
    for role in (MEMBER, ADMINISTRATOR):
        made = membership(record.id, subject, role)
        withdrawals.set_membership(made)
        assert organisations.membership(record.id, subject) == made
    for _ in range(2):
        withdrawals.delete_membership(record.id, subject)
        assert organisations.membership(record.id, subject) is None


def test_membership_is_of_one_user_in_one_organisation(
    organisations: OrganisationStore, withdrawals: WithdrawalStore
) -> None:
    one, two = created(organisations), created(organisations)
    subject, other = f"sub-{identifier()}", f"sub-{identifier()}"
    withdrawals.set_membership(membership(one.id, subject, ADMINISTRATOR))
    for organisation_id, sub in ((one.id, other), (two.id, subject), (subject, one.id)):
        assert organisations.membership(organisation_id, sub) is None


def test_members_and_memberships_are_listed_oldest_first(
    organisations: OrganisationStore, withdrawals: WithdrawalStore
) -> None:
    record, elsewhere = created(organisations), created(organisations)
    subject = f"sub-{identifier()}"
    members = [membership(record.id, f"sub-{identifier()}", MEMBER, created_at=NOW + age) for age in (3, 1, 4, 2)]
    own = membership(elsewhere.id, subject, ADMINISTRATOR), membership(record.id, subject, MEMBER, created_at=NOW + 9)
    for one in (*members, *own):
        withdrawals.set_membership(one)
    of_record = [*sorted(members, key=lambda one: one.created_at), own[1]]
    assert listed(lambda limit, at: organisations.members_of(record.id, limit=limit, cursor=at)) == of_record
    assert listed(lambda limit, at: organisations.memberships_of(subject, limit=limit, cursor=at)) == list(own)
    withdrawals.delete_membership(record.id, subject)
    assert organisations.memberships_of(subject).items == own[:1]


def test_administrators_are_listed_as_long_as_they_are_some(
    organisations: OrganisationStore, withdrawals: WithdrawalStore
) -> None:
    record, elsewhere = created(organisations), created(organisations)
    ada, bob, cid, dot = (
        membership(record.id, f"sub-{identifier()}", ADMINISTRATOR, created_at=NOW + age) for age in range(4)
    )
    for one in (ada, bob, cid, dot, membership(record.id, f"sub-{identifier()}", MEMBER)):
        withdrawals.set_membership(one)
    withdrawals.set_membership(membership(elsewhere.id, ada.subject, ADMINISTRATOR))

    def administrators() -> list[str]:
        part = listed(lambda limit, at: organisations.administrators_of(record.id, limit=limit, cursor=at))
        return [one.subject for one in part]

    assert administrators() == [one.subject for one in (ada, bob, cid, dot)]
    assert withdrawals.change_role(replace(bob, role=MEMBER, epoch="another"), ada.subject)
    withdrawals.set_membership(replace(cid, role=MEMBER, epoch="another"))
    assert withdrawals.end_membership(record.id, ada.subject, dot.subject)
    assert administrators() == [dot.subject]
    assert withdrawals.change_role(replace(bob, epoch="a third"), dot.subject)
    assert administrators() == [bob.subject, dot.subject]


@pytest.mark.parametrize("number", [0, 1, MOST_COUNTED, MOST_COUNTED + 1, MOST_COUNTED + 2])
def test_members_are_counted_as_far_as_people_count(
    organisations: OrganisationStore, withdrawals: WithdrawalStore, number: int
) -> None:
    record = created(organisations)
    for _ in range(number):
        withdrawals.set_membership(membership(record.id, f"sub-{identifier()}", MEMBER))
    assert organisations.members_counted(record.id) == Counted(min(number, MOST_COUNTED), number > MOST_COUNTED)


def test_every_organisation_is_listed_and_no_membership(
    organisations: OrganisationStore, withdrawals: WithdrawalStore
) -> None:
    records = [created(organisations) for _ in range(3)]
    withdrawals.set_membership(membership(records[0].id, "alice", MEMBER))
    found = listed(lambda limit, at: organisations.list(limit=limit, cursor=at))
    assert [one for one in found if one in records] == sorted(records, key=found.index)
    assert len([one for one in found if one in records]) == 3
    assert all(isinstance(one, Organisation) for one in found)


# ------------------------------------------------------------------ an administrator is left


def staffed(stores: Stores, *roles: str) -> tuple[str, ...]:
    """An organisation with members of these roles; its identifier and theirs."""
    record = created(stores.organisations)
    subjects = tuple(f"sub-{identifier()}" for _ in roles)
    for subject, role in zip(subjects, roles, strict=True):
        stores.withdrawals.set_membership(membership(record.id, subject, role))
    return (record.id, *subjects)


def role_of(organisations: OrganisationStore, organisation_id: str, subject: str) -> str | None:
    found = organisations.membership(organisation_id, subject)
    return found.role if found else None


def test_a_role_is_changed_while_a_witness_is_an_administrator(stores: Stores) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    promoted = membership(acme, max_, ADMINISTRATOR, created_at=NOW + 9)
    assert stores.withdrawals.change_role(promoted, witness=ada)
    assert stores.organisations.membership(acme, max_) == replace(promoted, created_at=NOW)
    assert stores.withdrawals.change_role(membership(acme, ada, MEMBER), witness=max_)
    assert not stores.withdrawals.change_role(membership(acme, max_, MEMBER), witness=ada)
    assert role_of(stores.organisations, acme, max_) == ADMINISTRATOR


GROUPS = frozenset({"guests", "dreamers"})


def test_groups_are_set_by_an_administrator_or_an_operator_and_nothing_else_changes(stores: Stores) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    before = stores.organisations.membership(acme, max_)
    assert before
    for witness, groups in ((ada, GROUPS), ("", frozenset({"one"})), (ada, frozenset[str]()), ("", GROUPS)):
        assert stores.organisations.set_groups(acme, max_, groups, witness)
        assert stores.organisations.membership(acme, max_) == replace(before, groups=groups)
    assert stores.organisations.set_groups(acme, ada, GROUPS, witness=ada)
    for witness in (max_, identifier()):
        assert not stores.organisations.set_groups(acme, max_, frozenset(), witness)
        assert not stores.organisations.set_groups(acme, ada, frozenset(), witness)
    assert not stores.organisations.set_groups(acme, identifier(), GROUPS, ada)
    assert not stores.organisations.set_groups(acme, identifier(), GROUPS)
    assert [one.groups for one in stores.organisations.members_of(acme).items] == [GROUPS, GROUPS]


def test_groups_stay_with_another_role_and_go_with_the_membership(stores: Stores) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    promoted, demoted = membership(acme, max_, ADMINISTRATOR), membership(acme, max_, MEMBER)
    assert stores.organisations.set_groups(acme, max_, GROUPS)
    assert stores.withdrawals.change_role(promoted, ada)
    stores.withdrawals.set_membership(demoted)
    assert stores.organisations.membership(acme, max_) == replace(demoted, groups=GROUPS)
    assert stores.withdrawals.change_role(promoted, ada, frozenset({"one"}))
    assert stores.organisations.membership(acme, max_) == replace(promoted, groups=frozenset({"one"}))
    stores.withdrawals.set_membership(demoted, frozenset())
    stores.organisations.set_groups(acme, max_, GROUPS)
    stores.withdrawals.delete_membership(acme, max_)
    stores.withdrawals.set_membership(demoted)
    assert stores.organisations.membership(acme, max_) == demoted


def test_a_role_brings_no_group_back_that_was_taken_away_meanwhile() -> None:
    """Between the look at the membership and the write that gives it another role."""
    with IMPLEMENTATIONS["ministack"]() as stores:
        _change_groups_within_a_change_of_role(stores)


def _change_groups_within_a_change_of_role(stores: Stores) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    stores.organisations.set_groups(acme, max_, GROUPS)
    meanwhile = [frozenset({"guests"}), frozenset[str]()]

    def read_and_then(table: Any, key: Any) -> Any:
        item = get(table, key)
        if meanwhile and str(key.get("id", "")).startswith("membership#"):
            stores.organisations.set_groups(acme, max_, meanwhile.pop(0))
        return item

    get = Table.get
    with patch.object(Table, "get", read_and_then):
        assert stores.withdrawals.change_role(membership(acme, max_, ADMINISTRATOR), ada)
    after = stores.organisations.membership(acme, max_)
    assert after
    assert (after.role, after.groups, meanwhile) == (ADMINISTRATOR, frozenset(), [])


def test_nobody_is_their_own_witness(stores: Stores) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    assert not stores.withdrawals.change_role(membership(acme, ada, MEMBER), witness=ada)
    assert not stores.withdrawals.end_membership(acme, ada, witness=ada)
    assert not stores.withdrawals.end_membership(acme, ada, witness="")
    assert role_of(stores.organisations, acme, ada) == ADMINISTRATOR


@pytest.mark.parametrize("witness", ["member", "of another", "nobody"])
def test_who_is_no_administrator_of_it_is_no_witness(stores: Stores, witness: str) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    _, gil = staffed(stores, ADMINISTRATOR)
    subject = {"member": max_, "of another": gil, "nobody": identifier()}[witness]
    assert not stores.withdrawals.change_role(membership(acme, ada, MEMBER), witness=subject)
    assert not stores.withdrawals.end_membership(acme, ada, witness=subject)
    assert role_of(stores.organisations, acme, ada) == ADMINISTRATOR


def test_a_role_makes_nobody_a_member(stores: Stores) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    stranger = f"sub-{identifier()}"
    assert not stores.withdrawals.change_role(membership(acme, stranger, ADMINISTRATOR), witness=ada)
    assert stores.organisations.membership(acme, stranger) is None


def test_a_membership_is_ended_while_a_witness_is_an_administrator(stores: Stores) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    for _ in range(2):
        assert stores.withdrawals.end_membership(acme, max_, witness=ada)
        assert stores.organisations.membership(acme, max_) is None


def test_who_is_no_administrator_may_go_without_a_witness(stores: Stores) -> None:
    acme, max_ = staffed(stores, MEMBER)
    for _ in range(2):
        assert stores.withdrawals.end_membership(acme, max_, witness="")
    assert stores.organisations.membership(acme, max_) is None


def test_of_administrators_who_remove_each_other_at_once_one_stays(stores: Stores) -> None:
    acme, *admins = staffed(stores, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR)
    barrier = Barrier(3)

    def remove(number: int) -> bool:
        barrier.wait()
        try:
            return stores.withdrawals.end_membership(acme, admins[(number + 1) % 3], witness=admins[number])
        except TemporarilyUnavailable:  # of two transactions at once, one may be told to try again
            return False

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(remove, range(3)))
    assert any(role_of(stores.organisations, acme, one) == ADMINISTRATOR for one in admins)


# ------------------------------------------------------------------ invitations


def invitation(stores: Stores, organisation_id: str, invited_by: str, **overrides: Any) -> Invitation:
    """One that its sender makes now."""
    name, own = f"name-{identifier()}", stores.organisations.membership(organisation_id, invited_by)
    assert own is not None
    defaults: dict[str, Any] = {
        "id": (identifier() + identifier())[:43],
        "organisation": organisation_id,
        "name": name,
        "role": MEMBER,
        "invited_by": invited_by,
        "created_at": NOW,
        "expires_at": NOW + 100,
        "begun": Begun(era=stores.deployment().era, membership=own.epoch),
    }
    return Invitation(**{**defaults, **overrides})


def test_an_invitation_is_found_replaced_and_withdrawn(stores: Stores) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    first = invitation(stores, acme, ada)
    for offered in (first, replace(first, role=ADMINISTRATOR, created_at=NOW + 1)):
        stores.organisations.invite(offered)
        assert stores.organisations.invitation(first.id) == offered
    for _ in range(2):
        stores.withdrawals.withdraw_invitation(first.id)
        assert stores.organisations.invitation(first.id) is None


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_an_invitation_of_hostile_text_is_none(
    organisations: OrganisationStore, text: str, withdrawals: WithdrawalStore
) -> None:
    assert organisations.invitation(text) is None
    withdrawals.withdraw_invitation(text)


def test_invitations_are_listed_by_organisation_and_by_name(stores: Stores) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    globex, gil = staffed(stores, ADMINISTRATOR)
    mine = invitation(stores, acme, ada)
    same, other = (
        invitation(stores, globex, gil, name=mine.name, created_at=NOW + 1),
        invitation(stores, acme, ada, created_at=NOW + 2),
    )
    for one in (mine, same, other):
        stores.organisations.invite(one)
    of_acme = listed(lambda limit, at: stores.organisations.invitations_of(acme, limit=limit, cursor=at))
    for_name = listed(lambda limit, at: stores.organisations.invitations_for(mine.name, limit=limit, cursor=at))
    assert (of_acme, for_name) == ([mine, other], [mine, same])
    assert [one.subject for one in stores.organisations.members_of(acme).items] == [ada]


def test_an_invitation_is_accepted_once(stores: Stores) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    offered, subject = invitation(stores, acme, ada, role=ADMINISTRATOR), f"sub-{identifier()}"
    stores.organisations.invite(offered)
    made = membership(acme, subject, ADMINISTRATOR, created_at=NOW + 1)
    assert stores.organisations.accept_invitation(offered, made, NOW + 1)
    assert stores.organisations.membership(acme, subject) == made
    assert stores.organisations.invitation(offered.id) is None
    assert stores.withdrawals.end_membership(acme, subject, witness=ada)
    assert not stores.organisations.accept_invitation(offered, membership(acme, subject, offered.role), NOW + 1)
    assert stores.organisations.membership(acme, subject) is None


@pytest.mark.parametrize(
    "changed",
    [{"role": ADMINISTRATOR}, {"created_at": NOW + 1}, {"invited_by": "somebody else"}],
    ids=lambda changed: next(iter(changed)),
)
def test_only_what_was_read_is_accepted(stores: Stores, changed: dict[str, Any]) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    offered, subject = invitation(stores, acme, ada), f"sub-{identifier()}"
    stores.organisations.invite(replace(offered, **changed))
    assert not stores.organisations.accept_invitation(offered, membership(acme, subject, offered.role), NOW)
    assert stores.organisations.membership(acme, subject) is None


def test_an_invitation_that_is_over_or_withdrawn_is_not_accepted(stores: Stores) -> None:
    acme, ada = staffed(stores, ADMINISTRATOR)
    over, withdrawn = invitation(stores, acme, ada), invitation(stores, acme, ada)
    stores.organisations.invite(over)
    assert not stores.organisations.accept_invitation(over, membership(acme, "somebody"), over.expires_at)
    assert not stores.organisations.accept_invitation(withdrawn, membership(acme, "somebody"), NOW)
    assert stores.organisations.membership(acme, "somebody") is None


def test_an_invitation_stands_as_long_as_who_sent_it_is_an_administrator(stores: Stores) -> None:
    acme, ada, eve = staffed(stores, ADMINISTRATOR, ADMINISTRATOR)
    offered = invitation(stores, acme, eve)
    stores.organisations.invite(offered)
    assert stores.withdrawals.change_role(membership(acme, eve, MEMBER), witness=ada)
    assert not stores.organisations.accept_invitation(offered, membership(acme, "somebody"), NOW)
    assert stores.organisations.membership(acme, "somebody") is None


def test_who_is_a_member_keeps_the_role(stores: Stores) -> None:
    acme, ada, max_ = staffed(stores, ADMINISTRATOR, MEMBER)
    offered = invitation(stores, acme, ada, role=ADMINISTRATOR)
    stores.organisations.invite(offered)
    for subject in (max_, ada):
        before = stores.organisations.membership(acme, subject)
        assert not stores.organisations.accept_invitation(offered, membership(acme, subject, offered.role), NOW)
        assert stores.organisations.membership(acme, subject) == before


def test_an_administrator_who_is_one_again_gets_no_invitation_back(stores: Stores) -> None:
    acme, ada, eve = staffed(stores, ADMINISTRATOR, ADMINISTRATOR)
    demoted, removed = invitation(stores, acme, eve), invitation(stores, acme, eve)
    for one in (demoted, removed):
        stores.organisations.invite(one)
    for role in (MEMBER, ADMINISTRATOR):
        assert stores.withdrawals.change_role(membership(acme, eve, role), witness=ada)
    assert not stores.organisations.accept_invitation(demoted, membership(acme, "somebody"), NOW)
    stores.withdrawals.delete_membership(acme, eve)
    stores.withdrawals.set_membership(membership(acme, eve, ADMINISTRATOR))
    assert not stores.organisations.accept_invitation(removed, membership(acme, "somebody"), NOW)
    assert stores.organisations.membership(acme, "somebody") is None
    offered = invitation(stores, acme, eve)
    stores.organisations.invite(offered)
    assert stores.organisations.accept_invitation(offered, membership(acme, "somebody"), NOW)
