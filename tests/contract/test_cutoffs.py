"""Laws of cutoffs: what ends everything of a subject, of a client, or of one client for one subject."""

import itertools

import pytest

from authserver.storage import BrowserStore, TokenStore
from tests.contract.records import END, NOW, identifier, key


def test_cut_off_of_a_subject_touches_every_client_of_it(tokens: TokenStore) -> None:
    subject = f"sub-{identifier()}"
    tokens.cut_off(subject=subject, client_id=None, not_before=NOW, expires_at=END)
    for client_id in ("one", "another"):
        assert tokens.standing(subject_key=key(subject), client_key=key(client_id)).not_before == NOW
    assert tokens.standing(subject_key=key("somebody else"), client_key=key("one")).not_before == 0


def test_sessions_end_without_what_applications_have(tokens: TokenStore, browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    browsers.end_sessions(subject, not_before=NOW, expires_at=END)
    browsers.end_sessions(subject, not_before=NOW - 1, expires_at=END)  # an end never moves back
    assert browsers.browser_state(subject_key=key(subject)).not_before == NOW
    assert tokens.standing(subject_key=key(subject), client_key=key("one")).not_before == 0
    tokens.cut_off(subject=subject, not_before=NOW - 2, expires_at=END)
    assert browsers.browser_state(subject_key=key(subject)).not_before == NOW
    assert tokens.standing(subject_key=key(subject), client_key=key("one")).not_before == NOW - 2
    tokens.cut_off(subject=subject, not_before=NOW + 1, expires_at=END)
    assert browsers.browser_state(subject_key=key(subject)).not_before == NOW + 1


def test_sessions_of_somebody_suspended_stay_dead(tokens: TokenStore, browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    tokens.suspend(subject=subject)
    browsers.end_sessions(subject, not_before=NOW, expires_at=END)
    assert browsers.browser_state(subject_key=key(subject)).not_before > NOW
    tokens.resume(subject=subject, now=NOW + 5, expires_at=END)
    assert browsers.browser_state(subject_key=key(subject)).not_before == NOW + 5


def test_cut_off_of_a_client_touches_every_subject_of_it(tokens: TokenStore) -> None:
    client_id = f"client-{identifier()}"
    tokens.cut_off(subject=None, client_id=client_id, not_before=NOW, expires_at=END)
    for subject in ("alice", "bob"):
        assert tokens.standing(subject_key=key(subject), client_key=key(client_id)).not_before == NOW
    assert tokens.standing(subject_key=key("alice"), client_key=key("another")).not_before == 0


def test_cut_off_of_a_pair_touches_that_pair_alone(tokens: TokenStore) -> None:
    subject, client_id = f"sub-{identifier()}", f"client-{identifier()}"
    tokens.cut_off(subject=subject, client_id=client_id, not_before=NOW, expires_at=END)
    assert tokens.standing(subject_key=key(subject), client_key=key(client_id)).not_before == NOW
    assert tokens.standing(subject_key=key(subject), client_key=key("another")).not_before == 0
    assert tokens.standing(subject_key=key("another"), client_key=key(client_id)).not_before == 0


@pytest.mark.parametrize("order", list(itertools.permutations((NOW, NOW + 1, NOW + 2))))
def test_standing_with_three_cutoffs_tells_the_latest(tokens: TokenStore, order: tuple[int, int, int]) -> None:
    subject, client_id = f"sub-{identifier()}", f"client-{identifier()}"
    of_subject, of_client, of_pair = order
    tokens.cut_off(subject=subject, client_id=None, not_before=of_subject, expires_at=END)
    tokens.cut_off(subject=None, client_id=client_id, not_before=of_client, expires_at=END)
    tokens.cut_off(subject=subject, client_id=client_id, not_before=of_pair, expires_at=END)
    assert tokens.standing(subject_key=key(subject), client_key=key(client_id)).not_before == NOW + 2


def test_cut_off_again_moves_it_on(tokens: TokenStore) -> None:
    subject = f"sub-{identifier()}"
    for not_before in (NOW, NOW + 50):
        tokens.cut_off(subject=subject, client_id=None, not_before=not_before, expires_at=END)
        assert tokens.standing(subject_key=key(subject), client_key=key("c")).not_before == not_before


def test_cut_off_with_an_earlier_time_revives_nothing(tokens: TokenStore) -> None:
    subject = f"sub-{identifier()}"
    tokens.cut_off(subject=subject, client_id=None, not_before=NOW, expires_at=END)
    tokens.cut_off(subject=subject, client_id=None, not_before=NOW - 100, expires_at=END - 100)
    assert tokens.standing(subject_key=key(subject), client_key=key("c")).not_before == NOW


def test_cut_off_of_a_subject_that_is_named_as_a_client_touches_only_the_subject(tokens: TokenStore) -> None:
    name = f"name-{identifier()}"
    tokens.cut_off(subject=name, client_id=None, not_before=NOW, expires_at=END)
    assert tokens.standing(subject_key=key("alice"), client_key=key(name)).not_before == 0
    tokens.cut_off(subject=None, client_id=name, not_before=NOW + 1, expires_at=END)
    assert tokens.standing(subject_key=key(name), client_key=key("web")).not_before == NOW


def test_browser_state_tells_the_cutoff_of_its_subject_alone(tokens: TokenStore, browsers: BrowserStore) -> None:
    subject, client_id = f"sub-{identifier()}", f"client-{identifier()}"
    tokens.cut_off(subject=None, client_id=client_id, not_before=NOW + 7, expires_at=END)
    tokens.cut_off(subject=subject, client_id=client_id, not_before=NOW + 8, expires_at=END)
    state = browsers.browser_state(subject_key=key(subject), client_key=key(client_id))
    assert state.not_before == 0
    tokens.cut_off(subject=subject, client_id=None, not_before=NOW, expires_at=END)
    state = browsers.browser_state(subject_key=key(subject), client_key=key(client_id))
    assert state.not_before == NOW
