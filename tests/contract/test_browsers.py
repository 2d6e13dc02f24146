"""Laws of what is known of a browser: pending requests, sessions, consents."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import Begun, SubjectEnd
from authserver.models.browsers import Consent
from authserver.storage.browsers import BrowserStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope, sha256
from tests.contract.records import NOW, consent, identifier, key, listed, pending_request, session

API, FILES = frozenset({"https://api.example"}), frozenset({"https://files.example"})
UNDER = Begun(era="era", subject=2)


# ------------------------------------------------------------------ requests


def test_answer_request_once_is_recorded(browsers: BrowserStore) -> None:
    request = pending_request()
    browsers.put_request(request)
    assert browsers.answer_request(request.id, "allow", NOW)
    assert browsers.browser_state(request_id=request.id).request == replace(request, answer="allow")


def test_answer_request_again_the_same_way_is_true(browsers: BrowserStore) -> None:
    request = pending_request()
    browsers.put_request(request)
    assert browsers.answer_request(request.id, "deny", NOW)
    assert browsers.answer_request(request.id, "deny", NOW + 1)


def test_answer_request_differently_is_refused_and_the_first_stays(browsers: BrowserStore) -> None:
    request = pending_request()
    browsers.put_request(request)
    assert browsers.answer_request(request.id, "deny", NOW)
    assert not browsers.answer_request(request.id, "allow", NOW)
    assert browsers.browser_state(request_id=request.id).request == replace(request, answer="deny")


@pytest.mark.parametrize("late", [0, 1])
def test_answer_request_that_has_expired_is_refused_and_not_revived(browsers: BrowserStore, late: int) -> None:
    request = pending_request()
    browsers.put_request(request)
    assert not browsers.answer_request(request.id, "allow", request.expires_at + late)
    assert browsers.browser_state(request_id=request.id).request == request


def test_answer_request_in_its_last_second_works(browsers: BrowserStore) -> None:
    request = pending_request()
    browsers.put_request(request)
    assert browsers.answer_request(request.id, "allow", request.expires_at - 1)


def test_answer_request_that_vanished_makes_nothing(browsers: BrowserStore) -> None:
    missing = identifier()
    assert not browsers.answer_request(missing, "allow", NOW)
    assert browsers.browser_state(request_id=missing).request is None


def test_note_password_is_the_last_ones_and_leaves_the_rest(browsers: BrowserStore) -> None:
    request = pending_request()
    browsers.put_request(request)
    assert browsers.note_password(request.id, "alice", UNDER, 3, NOW)
    under = Begun(era="era", subject=7)
    assert browsers.note_password(request.id, "bob", under, 4, NOW + 1)
    noted = replace(request, password_of="bob", password_at=NOW + 1, begun=under, sessions=4)
    assert browsers.browser_state(request_id=request.id).request == noted


def test_note_password_of_what_expired_or_vanished_makes_nothing(browsers: BrowserStore) -> None:
    request, missing = pending_request(), identifier()
    browsers.put_request(request)
    assert not browsers.note_password(request.id, "alice", UNDER, 0, request.expires_at)
    assert not browsers.note_password(missing, "alice", UNDER, 0, NOW)
    assert browsers.browser_state(request_id=request.id).request == request
    assert browsers.browser_state(request_id=missing).request is None


# ------------------------------------------------------------------ sessions


def test_put_session_is_found_and_deleted_once_and_again(browsers: BrowserStore, withdrawals: WithdrawalStore) -> None:
    record = session()
    browsers.put_session(record)
    assert browsers.browser_state(session_id=record.id).session == record
    withdrawals.end_session(record.id)
    assert browsers.browser_state(session_id=record.id).session is None
    withdrawals.end_session(record.id)


def test_a_session_is_renewed_once_for_each_secret_and_is_the_same_to_whoever_ends_it(
    browsers: BrowserStore, withdrawals: WithdrawalStore
) -> None:
    first = session(begun=UNDER, sessions=2)
    second, third = (replace(first, secret_hash=sha256(secret), signed_in_for=secret) for secret in ("two", "three"))
    browsers.put_session(first)
    assert browsers.renew_session(first, second)
    assert browsers.browser_state(session_id=first.id).session == second
    assert not browsers.renew_session(first, third)
    assert browsers.browser_state(session_id=first.id).session == second
    withdrawals.end_session(first.id)
    assert not browsers.renew_session(second, third)
    assert browsers.browser_state(session_id=first.id).session is None


def test_browser_state_still_tells_what_has_expired(browsers: BrowserStore) -> None:
    record = session(expires_at=1)
    browsers.put_session(record)
    assert browsers.browser_state(session_id=record.id).session == record


def test_browser_state_tells_everything_in_one_answer(browsers: BrowserStore) -> None:
    request, record = pending_request(), session()
    browsers.put_request(request)
    browsers.put_session(record)
    allowed = consent(subject=record.subject, client_id="web")
    browsers.remember_consent(allowed, NOW)
    state = browsers.browser_state(
        request_id=request.id, session_id=record.id, subject_key=key(record.subject), client_key=key("web")
    )
    assert (state.request, state.session, state.consent) == (request, record, allowed)
    assert state.ends.stand(record.begun, record.sessions)


def test_browser_state_of_strangers_is_empty(browsers: BrowserStore) -> None:
    state = browsers.browser_state(
        request_id=identifier(), session_id=identifier(), subject_key=key(identifier()), client_key=key("web")
    )
    assert (state.request, state.session, state.consent) == (None, None, None)
    assert state.ends.subject == SubjectEnd()


def test_identifiers_of_requests_are_none_of_sessions(browsers: BrowserStore) -> None:
    request, record = pending_request(), session()
    browsers.put_request(request)
    browsers.put_session(record)
    state = browsers.browser_state(request_id=record.id, session_id=request.id)
    assert (state.request, state.session) == (None, None)


# ------------------------------------------------------------------ consents


def consent_of(browsers: BrowserStore, subject: str, client_id: str = "web") -> Consent | None:
    return browsers.browser_state(subject_key=key(subject), client_key=key(client_id)).consent


def allow(browsers: BrowserStore, subject: str, scope: str, now: int = NOW, **overrides: Any) -> Consent:
    """Remembers that the subject has allowed the client "web" so much, from `now` until 100 seconds later."""
    given = {"created_at": now, "expires_at": now + 100, "client_id": "web", "scope": Scope.parse(scope), **overrides}
    made = consent(subject=subject, **given)
    browsers.remember_consent(made, now)
    return made


def test_remember_consent_adds_to_what_was_allowed(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    allow(browsers, subject, "read")
    allow(browsers, subject, "openid write", NOW + 1, resource=FILES)
    remembered = consent_of(browsers, subject)
    assert remembered is not None
    assert set(remembered.scope) == {"read", "openid", "write"}
    assert remembered.resource == API | FILES
    assert (remembered.created_at, remembered.expires_at) == (NOW, NOW + 101)


def test_remember_consent_that_has_expired_is_replaced_and_not_revived(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    allow(browsers, subject, "read write")
    later = allow(browsers, subject, "openid", NOW + 100, resource=FILES)
    assert consent_of(browsers, subject) == later


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Begun(), Begun(subject=1)),
        (Begun(subject=1), Begun(subject=2)),
        (Begun(subject=1), Begun(subject=1, client=1)),
        (Begun(subject=1, grant=1), Begun(subject=1, grant=2)),
        (Begun(era="one"), Begun(era="another")),
        (Begun(subject=1), Begun()),
    ],
    ids=lambda begun: ",".join(begun.as_attributes()) or "nothing",
)
def test_remember_consent_that_something_has_ended_is_replaced_and_not_revived(
    browsers: BrowserStore, before: Begun, now: Begun
) -> None:
    subject = f"sub-{identifier()}"
    allow(browsers, subject, "read write", begun=before, declined=Scope.parse("email"))
    later = allow(browsers, subject, "openid", NOW + 2, resource=FILES, begun=now)
    assert consent_of(browsers, subject) == later


def test_remember_consent_begun_under_the_same_is_added_to(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    under = Begun(era="era", subject=3, client=2, grant=1)
    allow(browsers, subject, "read", begun=under)
    allow(browsers, subject, "write", NOW + 1, begun=under)
    remembered = consent_of(browsers, subject)
    assert remembered is not None
    assert (set(remembered.scope), remembered.begun) == ({"read", "write"}, under)


@pytest.mark.parametrize("under", [Begun(), Begun(era="era", subject=1)], ids=["first", "later"])
def test_remember_consent_keeps_what_was_declined_apart_from_what_was_allowed(
    browsers: BrowserStore, under: Begun
) -> None:
    """The last word counts, whichever it is, and says nothing of what it did not speak of."""
    subject = f"sub-{identifier()}"

    def say(scope: str, declined: str) -> tuple[set[str], set[str]]:
        allow(browsers, subject, scope, declined=Scope.parse(declined), begun=under)
        remembered = consent_of(browsers, subject)
        assert remembered is not None
        return set(remembered.scope), set(remembered.declined)

    assert say("openid", "email") == ({"openid"}, {"email"})
    assert say("openid email", "") == ({"openid", "email"}, set())
    assert say("openid read", "email write") == ({"openid", "read"}, {"email", "write"})
    assert say("openid write", "read") == ({"openid", "write"}, {"email", "read"})


def test_remember_consent_that_has_expired_forgets_what_was_declined(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    allow(browsers, subject, "openid", declined=Scope.parse("email read"))
    later = allow(browsers, subject, "openid", NOW + 100, declined=Scope.parse("read"))
    assert consent_of(browsers, subject) == later


def test_remember_consent_of_one_client_is_none_of_another(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    allow(browsers, subject, "read")
    assert consent_of(browsers, subject, "another") is None
    assert consent_of(browsers, "another") is None


def test_remember_consent_without_scope_remembers_the_resource(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    made = allow(browsers, subject, "")
    assert consent_of(browsers, subject) == made


@pytest.mark.parametrize(("subject", "client_id"), [("a#b", "c"), ("a", "b#c"), ("\x00", "\x00"), ("ä", "a\u0308")])
def test_remember_consent_of_hostile_names_collides_with_none(
    browsers: BrowserStore, subject: str, client_id: str
) -> None:
    mark = identifier()
    allow(browsers, subject + mark, "read", client_id=client_id)
    assert consent_of(browsers, subject + mark, client_id) is not None
    assert consent_of(browsers, subject, client_id + mark) is None
    assert consent_of(browsers, client_id, subject + mark) is None


def test_consents_are_listed_by_subject(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    made = [allow(browsers, subject, "read", NOW + age, client_id=f"client-{age}") for age in (3, 1, 2)]
    allow(browsers, f"sub-{identifier()}", "read")
    found = listed(lambda limit, at: browsers.consents(subject, limit=limit, cursor=at))
    assert found == sorted(made, key=lambda one: one.created_at)
