"""Laws of approvals: one question of a member for a client; its first answer is final, and only of what was asked."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import Begun
from authserver.models.invitations import Approval
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership
from authserver.storage.browsers import BrowserStore
from authserver.storage.tokens import TokenStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, key, listed, membership, user


def approval(**overrides: Any) -> Approval:
    defaults: dict[str, Any] = {
        "organisation": f"org-{identifier()}",
        "client_id": f"client-{identifier()}",
        "subject": f"sub-{identifier()}",
        "scope": Scope.parse("read write"),
        "resource": ("https://api.example",),
        "entities": frozenset({"a", "b"}),
        "created_at": NOW,
        "expires_at": NOW + 1000,
    }
    return Approval(**{**defaults, **overrides})


def asked(browsers: BrowserStore, **overrides: Any) -> Approval:
    record = approval(**overrides)
    browsers.ask_approval(record)
    return record


def stored(browsers: BrowserStore, record: Approval) -> Approval | None:
    return browsers.approval(record.organisation, record.client_id, record.subject)


def boss(withdrawals: WithdrawalStore, organisation: str, role: str = ADMINISTRATOR) -> Membership:
    """The membership of somebody who has this role there."""
    made = membership(organisation, f"sub-{identifier()}", role)
    withdrawals.set_membership(made)
    return made


UNDER = Begun(era="era", subject=1, membership="epoch", approver="the approver's key", approval=2)


def answer(
    stores: Stores, asked_for: Approval, by: Membership, decision: str = "allow", now: int = NOW, until: int = NOW + 500
) -> bool:
    return stores.browsers.answer_approval(asked_for, decision, by, UNDER, now, until)


def test_what_was_asked_is_found(stores: Stores) -> None:
    for overrides in ({}, {"scope": Scope(), "resource": (), "entities": frozenset()}, {"entities": frozenset({"*"})}):
        record = asked(stores.browsers, begun=Begun(era="era", organisation=3), **overrides)
        assert stored(stores.browsers, record) == record
        assert answer(stores, record, boss(stores.withdrawals, record.organisation))


def test_nothing_asked_is_none(browsers: BrowserStore) -> None:
    record = asked(browsers)
    assert browsers.approval(record.organisation, record.client_id, "another") is None
    assert browsers.approval(record.client_id, record.organisation, record.subject) is None


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_the_first_answer_is_final_and_what_it_was_begun_under_is_kept(stores: Stores, decision: str) -> None:
    record = asked(stores.browsers)
    ada, gil = boss(stores.withdrawals, record.organisation), boss(stores.withdrawals, record.organisation)
    assert answer(stores, record, ada, decision, NOW + 5)
    answered = replace(
        record,
        decision=decision,
        decided_by=ada.subject,
        decided_at=NOW + 5,
        expires_at=NOW + 500,
        begun=UNDER,
    )
    assert stored(stores.browsers, record) == answered
    assert not answer(stores, record, gil, "deny", NOW + 6, NOW + 900)
    assert stored(stores.browsers, record) == answered


def test_an_answer_comes_in_time_or_not_at_all(stores: Stores) -> None:
    record = asked(stores.browsers, expires_at=NOW + 10)
    ada = boss(stores.withdrawals, record.organisation)
    assert not answer(stores, record, ada, now=NOW + 10)
    assert answer(stores, record, ada, now=NOW + 9)


def test_an_answer_to_nothing_makes_nothing(stores: Stores) -> None:
    record = approval()
    assert not answer(stores, record, boss(stores.withdrawals, record.organisation))
    assert stored(stores.browsers, record) is None


def test_an_answer_of_who_is_no_administrator_changes_nothing(stores: Stores) -> None:
    """Nor of one who is another by now: who was removed and came back, or was demoted and promoted."""
    record = asked(stores.browsers)
    member = boss(stores.withdrawals, record.organisation, MEMBER)
    elsewhere = boss(stores.withdrawals, f"org-{identifier()}")
    ada = boss(stores.withdrawals, record.organisation)
    stores.withdrawals.set_membership(replace(ada, epoch=identifier()))
    stranger = membership(record.organisation, f"sub-{identifier()}", ADMINISTRATOR)
    for who in (member, replace(elsewhere, organisation=record.organisation), ada, stranger):
        assert not answer(stores, record, who)
    assert stored(stores.browsers, record) == record


@pytest.mark.parametrize(
    "changed",
    [
        {"created_at": NOW + 1},
        {"scope": Scope.parse("read write admin")},
        {"entities": frozenset({"a", "b", "c"})},
        {"entities": frozenset({"*"})},
        {"resource": ("https://files.example",)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_answer_counts_for_what_was_seen_alone(stores: Stores, changed: dict[str, Any]) -> None:
    seen = asked(stores.browsers)
    ada = boss(stores.withdrawals, seen.organisation)
    now = replace(seen, **changed)
    stores.browsers.ask_approval(now)
    assert not answer(stores, seen, ada, now=NOW + 5)
    assert stored(stores.browsers, seen) == now
    assert answer(stores, now, ada, now=NOW + 5)


def test_asked_again_after_an_answer_it_is_open_again(stores: Stores) -> None:
    record = asked(stores.browsers)
    assert answer(stores, record, boss(stores.withdrawals, record.organisation), "deny", NOW + 5)
    again = replace(record, created_at=NOW + 20)
    stores.browsers.ask_approval(again)
    assert stored(stores.browsers, record) == again


def test_they_are_listed_by_organisation_newest_first(tokens: TokenStore, browsers: BrowserStore) -> None:
    organisation = f"org-{identifier()}"
    records = [asked(browsers, organisation=organisation, created_at=NOW + age) for age in (3, 1, 2)]
    asked(browsers)
    found = listed(lambda limit, at: browsers.approvals(organisation, limit=limit, cursor=at))
    assert found == sorted(records, key=lambda one: -one.created_at)
    assert tokens.authorizations(organisation=organisation).items == ()


@pytest.mark.parametrize("first", ["one application", "all applications"])
@pytest.mark.parametrize("then", ["end", "set_password"])
def test_disconnecting_is_not_undone_by_an_end_of_the_member(stores: Stores, first: str, then: str) -> None:
    """An approval stands whatever password the member has, so that what it is compared with must never fall."""
    person, client_id = user(), f"client-{identifier()}"
    assert stores.users.create(person)
    client_key, subject_key = key(client_id), key(person.sub)

    def stands() -> bool:
        ends = stores.tokens.standing(client_key=client_key, subject_key=subject_key).ends
        return ends.stand(replace(begun, subject=ends.subject.epoch))

    begun = stores.tokens.standing(client_key=client_key, subject_key=subject_key).ends.begun()
    assert stands()
    if first == "one application":
        stores.withdrawals.end(subject=person.sub, client_id=client_id)
    else:
        stores.withdrawals.end_grants(person.sub)
    assert not stands()
    if then == "end":
        stores.withdrawals.end(subject=person.sub)
    else:
        assert stores.withdrawals.set_password(person.sub, "another hash")
    assert not stands()
