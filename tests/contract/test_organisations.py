"""Laws of organisations: their companies, their members, and the lists of both."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from authserver.models import ADMINISTRATOR, DISABLED, MEMBER, Membership, Organisation
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
