"""Laws of questions to administrators: members find their questions, and take back unanswered ones."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import Begun
from authserver.models.browsers import Session
from authserver.models.invitations import Approval
from authserver.models.organisations import ADMINISTRATOR
from authserver.storage.browsers import BrowserStore
from authserver.storage.guards import SessionOver
from authserver.storage.lists import BadCursor
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, key, listed, membership
from tests.contract.test_approvals import asked, stored


def answered(stores: Stores, question: Approval, decision: str = "allow") -> None:
    administrator = membership(question.organisation, f"sub-{identifier()}", ADMINISTRATOR)
    stores.withdrawals.set_membership(administrator)
    assert stores.browsers.answer_approval(question, decision, administrator, Begun(), NOW, NOW + 500)


def test_a_question_is_taken_back_once(browsers: BrowserStore) -> None:
    question, other = asked(browsers), asked(browsers)
    assert browsers.take_approval_back(question)
    assert stored(browsers, question) is None
    assert not browsers.take_approval_back(question)
    assert stored(browsers, other) == other


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_what_somebody_has_answered_is_not_taken_back(stores: Stores, decision: str) -> None:
    question = asked(stores.browsers)
    answered(stores, question, decision)
    kept = stored(stores.browsers, question)
    assert kept is not None
    for known_as in (question, kept):
        assert not stores.browsers.take_approval_back(known_as)
    assert stored(stores.browsers, question) == kept


@pytest.mark.parametrize("changed", ["created_at", "scope", "entities", "resource"])
def test_what_took_the_place_of_a_question_is_not_taken_back_with_it(browsers: BrowserStore, changed: str) -> None:
    question = asked(browsers)
    others: dict[str, Any] = {
        "created_at": NOW + 1,
        "scope": question.scope - type(question.scope).parse("write"),
        "entities": frozenset({"*"}),
        "resource": ("https://other.example",),
    }
    successor = replace(question, **{changed: others[changed]})
    browsers.ask_approval(successor)
    assert not browsers.take_approval_back(question)
    assert stored(browsers, question) == successor


def test_taking_back_ends_nothing_else(stores: Stores) -> None:
    question = asked(stores.browsers)
    member = membership(question.organisation, question.subject)
    stores.withdrawals.set_membership(member)
    assert stores.browsers.take_approval_back(question)
    assert stores.organisations.membership(question.organisation, question.subject) == member


def test_of_taking_back_and_answering_one_is_done(stores: Stores) -> None:
    question = asked(stores.browsers)
    administrator = membership(question.organisation, f"sub-{identifier()}", ADMINISTRATOR)
    stores.withdrawals.set_membership(administrator)
    assert stores.browsers.take_approval_back(question)
    assert not stores.browsers.answer_approval(question, "allow", administrator, Begun(), NOW, NOW + 500)
    assert stored(stores.browsers, question) is None


def test_whose_session_is_over_takes_nothing_back(stores: Stores) -> None:
    question = asked(stores.browsers)
    session = Session(
        id=identifier(),
        secret_hash=b"x" * 32,
        subject=question.subject,
        auth_time=NOW,
        created_at=NOW,
        expires_at=NOW + 1000,
        signed_in_for="",
    )
    with pytest.raises(SessionOver):
        stores.by(session).browsers.take_approval_back(question)
    assert stored(stores.browsers, question) == question
    stores.browsers.put_session(session)
    assert stores.by(session).browsers.take_approval_back(question)


# ------------------------------------------------------------------ the list


def test_whoever_asked_finds_what_they_asked_newest_first_wherever(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    mine = [asked(browsers, subject=subject, created_at=NOW + number) for number in range(5)]
    asked(browsers, organisation=mine[0].organisation)
    found = listed(lambda limit, cursor: browsers.own_approvals(subject, limit=limit, cursor=cursor))
    assert [one.organisation for one in found] == [one.organisation for one in reversed(mine)]


def test_what_was_answered_is_listed_and_what_was_taken_back_is_not(stores: Stores) -> None:
    subject = f"sub-{identifier()}"
    first, second, third = (asked(stores.browsers, subject=subject, created_at=NOW + number) for number in range(3))
    answered(stores, first)
    stores.browsers.take_approval_back(second)
    found = stores.browsers.own_approvals(subject).items
    assert [(one.organisation, one.decision) for one in found] == [
        (third.organisation, ""),
        (first.organisation, "allow"),
    ]
    assert stores.browsers.own_approvals(key(subject)).items == ()


def test_a_place_in_the_list_that_is_none_is_refused(browsers: BrowserStore) -> None:
    with pytest.raises(BadCursor):
        browsers.own_approvals(f"sub-{identifier()}", cursor="x")
