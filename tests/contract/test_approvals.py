"""Laws of approvals: one question of a member for a client; its first answer is final, and only of what was asked."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.models import Approval
from authserver.storage import TokenStore
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


def asked(tokens: TokenStore, **overrides: Any) -> Approval:
    record = approval(**overrides)
    tokens.ask_approval(record)
    return record


def stored(tokens: TokenStore, record: Approval) -> Approval | None:
    return tokens.approval(record.organisation, record.client_id, record.subject)


def test_what_was_asked_is_found(tokens: TokenStore) -> None:
    for overrides in ({}, {"scope": Scope(), "resource": (), "entities": frozenset()}, {"entities": frozenset({"*"})}):
        record = asked(tokens, **overrides)
        assert stored(tokens, record) == record
        assert tokens.answer_approval(record, "allow", "an administrator", NOW, NOW + 500)


def test_nothing_asked_is_none(tokens: TokenStore) -> None:
    record = asked(tokens)
    assert tokens.approval(record.organisation, record.client_id, "another") is None
    assert tokens.approval(record.client_id, record.organisation, record.subject) is None


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_the_first_answer_is_final(tokens: TokenStore, decision: str) -> None:
    record = asked(tokens)
    assert tokens.answer_approval(record, decision, "an administrator", NOW + 5, NOW + 500)
    answered = replace(
        record, decision=decision, decided_by="an administrator", decided_at=NOW + 5, expires_at=NOW + 500
    )
    assert stored(tokens, record) == answered
    assert not tokens.answer_approval(record, "deny", "another", NOW + 6, NOW + 900)
    assert stored(tokens, record) == answered


def test_an_answer_comes_in_time_or_not_at_all(tokens: TokenStore) -> None:
    record = asked(tokens, expires_at=NOW + 10)
    assert not tokens.answer_approval(record, "allow", "an administrator", NOW + 10, NOW + 500)
    assert tokens.answer_approval(record, "allow", "an administrator", NOW + 9, NOW + 500)


def test_an_answer_to_nothing_makes_nothing(tokens: TokenStore) -> None:
    record = approval()
    assert not tokens.answer_approval(record, "allow", "an administrator", NOW, NOW + 500)
    assert stored(tokens, record) is None


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
def test_an_answer_counts_for_what_was_seen_alone(tokens: TokenStore, changed: dict[str, Any]) -> None:
    seen = asked(tokens)
    now = replace(seen, **changed)
    tokens.ask_approval(now)
    assert not tokens.answer_approval(seen, "allow", "an administrator", NOW + 5, NOW + 500)
    assert stored(tokens, seen) == now
    assert tokens.answer_approval(now, "allow", "an administrator", NOW + 5, NOW + 500)


def test_asked_again_after_an_answer_it_is_open_again(tokens: TokenStore) -> None:
    record = asked(tokens)
    assert tokens.answer_approval(record, "deny", "an administrator", NOW + 5, NOW + 500)
    again = replace(record, created_at=NOW + 20)
    tokens.ask_approval(again)
    assert stored(tokens, record) == again


def test_they_are_listed_by_organisation(tokens: TokenStore) -> None:
    organisation = f"org-{identifier()}"
    records = [asked(tokens, organisation=organisation, created_at=NOW + age) for age in (3, 1, 2)]
    asked(tokens)
    found = listed(lambda limit, at: tokens.approvals(organisation, limit=limit, cursor=at))
    assert found == sorted(records, key=lambda one: one.created_at)
    assert tokens.authorizations(organisation=organisation).items == ()
