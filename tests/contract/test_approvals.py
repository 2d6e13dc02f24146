"""Laws of approvals: one question of a member for a client; its first answer is final, and only of what was asked."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.models import Approval
from authserver.storage import BrowserStore, TokenStore
from authserver.values import Scope
from tests.contract.records import NOW, identifier, listed


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


def test_what_was_asked_is_found(browsers: BrowserStore) -> None:
    for overrides in ({}, {"scope": Scope(), "resource": (), "entities": frozenset()}, {"entities": frozenset({"*"})}):
        record = asked(browsers, **overrides)
        assert stored(browsers, record) == record
        assert browsers.answer_approval(record, "allow", "an administrator", NOW, NOW + 500)


def test_nothing_asked_is_none(browsers: BrowserStore) -> None:
    record = asked(browsers)
    assert browsers.approval(record.organisation, record.client_id, "another") is None
    assert browsers.approval(record.client_id, record.organisation, record.subject) is None


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_the_first_answer_is_final(browsers: BrowserStore, decision: str) -> None:
    record = asked(browsers)
    assert browsers.answer_approval(record, decision, "an administrator", NOW + 5, NOW + 500)
    answered = replace(
        record, decision=decision, decided_by="an administrator", decided_at=NOW + 5, expires_at=NOW + 500
    )
    assert stored(browsers, record) == answered
    assert not browsers.answer_approval(record, "deny", "another", NOW + 6, NOW + 900)
    assert stored(browsers, record) == answered


def test_an_answer_comes_in_time_or_not_at_all(browsers: BrowserStore) -> None:
    record = asked(browsers, expires_at=NOW + 10)
    assert not browsers.answer_approval(record, "allow", "an administrator", NOW + 10, NOW + 500)
    assert browsers.answer_approval(record, "allow", "an administrator", NOW + 9, NOW + 500)


def test_an_answer_to_nothing_makes_nothing(browsers: BrowserStore) -> None:
    record = approval()
    assert not browsers.answer_approval(record, "allow", "an administrator", NOW, NOW + 500)
    assert stored(browsers, record) is None


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
def test_an_answer_counts_for_what_was_seen_alone(browsers: BrowserStore, changed: dict[str, Any]) -> None:
    seen = asked(browsers)
    now = replace(seen, **changed)
    browsers.ask_approval(now)
    assert not browsers.answer_approval(seen, "allow", "an administrator", NOW + 5, NOW + 500)
    assert stored(browsers, seen) == now
    assert browsers.answer_approval(now, "allow", "an administrator", NOW + 5, NOW + 500)


def test_asked_again_after_an_answer_it_is_open_again(browsers: BrowserStore) -> None:
    record = asked(browsers)
    assert browsers.answer_approval(record, "deny", "an administrator", NOW + 5, NOW + 500)
    again = replace(record, created_at=NOW + 20)
    browsers.ask_approval(again)
    assert stored(browsers, record) == again


def test_they_are_listed_by_organisation(tokens: TokenStore, browsers: BrowserStore) -> None:
    organisation = f"org-{identifier()}"
    records = [asked(browsers, organisation=organisation, created_at=NOW + age) for age in (3, 1, 2)]
    asked(browsers)
    found = listed(lambda limit, at: browsers.approvals(organisation, limit=limit, cursor=at))
    assert found == sorted(records, key=lambda one: one.created_at)
    assert tokens.authorizations(organisation=organisation).items == ()
