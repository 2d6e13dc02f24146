"""Laws of what is known of a browser: pending requests, sessions, consents."""

from dataclasses import replace

import pytest

from authserver.models import Consent
from authserver.storage import BrowserState, BrowserStore
from authserver.values import Scope
from tests.contract.records import NOW, identifier, key, pending_request, session

API = frozenset({"https://api.example"})


def consent_of(browsers: BrowserStore, subject: str, client_id: str) -> Consent | None:
    return browsers.browser_state(subject_key=key(subject), client_key=key(client_id)).consent


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
    assert browsers.note_password(request.id, "alice", NOW)
    assert browsers.note_password(request.id, "bob", NOW + 1)
    noted = replace(request, password_of="bob", password_at=NOW + 1)
    assert browsers.browser_state(request_id=request.id).request == noted


def test_note_password_of_what_expired_or_vanished_makes_nothing(browsers: BrowserStore) -> None:
    request, missing = pending_request(), identifier()
    browsers.put_request(request)
    assert not browsers.note_password(request.id, "alice", request.expires_at)
    assert not browsers.note_password(missing, "alice", NOW)
    assert browsers.browser_state(request_id=request.id).request == request
    assert browsers.browser_state(request_id=missing).request is None


# ------------------------------------------------------------------ sessions


def test_put_session_is_found_and_deleted_once_and_again(browsers: BrowserStore) -> None:
    record = session()
    browsers.put_session(record)
    assert browsers.browser_state(session_id=record.id).session == record
    browsers.delete_session(record.id)
    assert browsers.browser_state(session_id=record.id).session is None
    browsers.delete_session(record.id)


def test_browser_state_still_tells_what_has_expired(browsers: BrowserStore) -> None:
    record = session(expires_at=1)
    browsers.put_session(record)
    assert browsers.browser_state(session_id=record.id).session == record


def test_browser_state_tells_everything_in_one_answer(browsers: BrowserStore) -> None:
    request, record = pending_request(), session()
    browsers.put_request(request)
    browsers.put_session(record)
    browsers.remember_consent(record.subject, "web", NOW, Scope.parse("read"), API, NOW, NOW + 9)
    state = browsers.browser_state(
        request_id=request.id, session_id=record.id, subject_key=key(record.subject), client_key=key("web")
    )
    assert state == BrowserState(request, record, Consent(Scope.parse("read"), API, NOW, NOW + 9), 0)


def test_browser_state_of_strangers_is_empty(browsers: BrowserStore) -> None:
    state = browsers.browser_state(
        request_id=identifier(), session_id=identifier(), subject_key=key(identifier()), client_key=key("web")
    )
    assert state == BrowserState()


def test_identifiers_of_requests_are_none_of_sessions(browsers: BrowserStore) -> None:
    request, record = pending_request(), session()
    browsers.put_request(request)
    browsers.put_session(record)
    assert browsers.browser_state(request_id=record.id, session_id=request.id) == BrowserState()


# ------------------------------------------------------------------ consents


def test_remember_consent_adds_to_what_was_allowed(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    files = frozenset({"https://files.example"})
    browsers.remember_consent(subject, "web", NOW, Scope.parse("read"), API, NOW, NOW + 100)
    browsers.remember_consent(subject, "web", NOW, Scope.parse("openid write"), files, NOW + 1, NOW + 101)
    remembered = consent_of(browsers, subject, "web")
    assert remembered is not None
    assert set(remembered.scope) == {"read", "openid", "write"}
    assert remembered.resource == API | files
    assert remembered.expires_at == NOW + 101


def test_remember_consent_that_has_expired_is_replaced_and_not_revived(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    files = frozenset({"https://files.example"})
    browsers.remember_consent(subject, "web", NOW, Scope.parse("read write"), API, NOW, NOW + 100)
    browsers.remember_consent(subject, "web", NOW, Scope.parse("openid"), files, NOW + 100, NOW + 200)
    assert consent_of(browsers, subject, "web") == Consent(Scope.parse("openid"), files, NOW, NOW + 200)


def test_remember_consent_to_another_client_of_the_same_identifier_is_replaced(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    browsers.remember_consent(subject, "web", NOW, Scope.parse("read write"), API, NOW, NOW + 100)
    browsers.remember_consent(subject, "web", NOW + 1, Scope.parse("openid"), API, NOW + 2, NOW + 100)
    assert consent_of(browsers, subject, "web") == Consent(Scope.parse("openid"), API, NOW + 1, NOW + 100)


def test_remember_consent_keeps_what_was_declined_apart_from_what_was_allowed(browsers: BrowserStore) -> None:
    """The last word counts, whichever it is, and says nothing of what it did not speak of."""
    subject = f"sub-{identifier()}"

    def say(scope: str, declined: str) -> tuple[set[str], set[str]]:
        browsers.remember_consent(
            subject, "web", NOW, Scope.parse(scope), API, NOW, NOW + 100, declined=Scope.parse(declined)
        )
        remembered = consent_of(browsers, subject, "web")
        assert remembered is not None
        return set(remembered.scope), set(remembered.declined)

    assert say("openid", "email") == ({"openid"}, {"email"})
    assert say("openid email", "") == ({"openid", "email"}, set())
    assert say("openid read", "email write") == ({"openid", "read"}, {"email", "write"})
    assert say("openid write", "read") == ({"openid", "write"}, {"email", "read"})


def test_remember_consent_that_has_expired_forgets_what_was_declined(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    browsers.remember_consent(
        subject, "web", NOW, Scope.parse("openid"), API, NOW, NOW + 100, Scope.parse("email read")
    )
    browsers.remember_consent(
        subject, "web", NOW, Scope.parse("openid"), API, NOW + 100, NOW + 200, Scope.parse("read")
    )
    expected = Consent(Scope.parse("openid"), API, NOW, NOW + 200, declined=Scope.parse("read"))
    assert consent_of(browsers, subject, "web") == expected


def test_remember_consent_of_one_client_is_none_of_another(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    browsers.remember_consent(subject, "web", NOW, Scope.parse("read"), API, NOW, NOW + 100)
    assert consent_of(browsers, subject, "another") is None
    assert consent_of(browsers, "another", "web") is None


def test_remember_consent_without_scope_remembers_the_resource(browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    browsers.remember_consent(subject, "web", NOW, Scope(), API, NOW, NOW + 100)
    assert consent_of(browsers, subject, "web") == Consent(Scope(), API, NOW, NOW + 100)


@pytest.mark.parametrize(("subject", "client_id"), [("a#b", "c"), ("a", "b#c"), ("\x00", ""), ("ä", "a\u0308")])
def test_remember_consent_of_hostile_names_collides_with_none(
    browsers: BrowserStore, subject: str, client_id: str
) -> None:
    mark = identifier()
    browsers.remember_consent(subject + mark, client_id, NOW, Scope.parse("read"), API, NOW, NOW + 100)
    assert consent_of(browsers, subject + mark, client_id) is not None
    assert consent_of(browsers, subject, client_id + mark) is None
    assert consent_of(browsers, client_id, subject + mark) is None
