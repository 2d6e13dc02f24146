"""Laws of suspensions: while one lasts nothing stands; after it only what is issued then."""

from typing import Any

import pytest

from authserver.storage import BrowserStore, TokenStore
from tests.contract.records import END, NOW, identifier, key

FAR = NOW + 10**9  # later than any token could be issued

KINDS: list[tuple[str, ...]] = [
    ("subject",),
    ("client_id",),
    ("organisation",),
    ("subject", "client_id"),
    ("subject", "organisation"),
    ("client_id", "organisation"),
]


def not_before(tokens: TokenStore, **who: str) -> int:
    return tokens.standing(
        subject_key=key(who["subject"]), client_key=key(who["client_id"]), organisation_key=key(who["organisation"])
    ).not_before


def somebody() -> dict[str, str]:
    return {name: f"{name}-{identifier()}" for name in ("subject", "client_id", "organisation")}


@pytest.mark.parametrize("kind", KINDS, ids="+".join)
def test_suspended_is_dead_until_resumed(tokens: TokenStore, kind: tuple[str, ...]) -> None:
    who = somebody()
    whose: dict[str, Any] = {name: who[name] for name in kind}
    for _ in range(2):
        tokens.suspend(**whose)
        assert not_before(tokens, **who) > FAR
    tokens.resume(**whose, now=NOW, expires_at=END)
    assert not_before(tokens, **who) == NOW


@pytest.mark.parametrize("kind", KINDS, ids="+".join)
def test_suspension_touches_nobody_else(tokens: TokenStore, kind: tuple[str, ...]) -> None:
    who = somebody()
    tokens.suspend(**{name: who[name] for name in kind})
    for name in kind:
        assert not_before(tokens, **who | {name: "another"}) == 0


def test_resume_without_suspension_does_nothing(tokens: TokenStore) -> None:
    who = somebody()
    tokens.resume(subject=who["subject"], now=NOW, expires_at=END)
    assert not_before(tokens, **who) == 0
    tokens.cut_off(subject=who["subject"], not_before=NOW + 50, expires_at=END)
    tokens.resume(subject=who["subject"], now=NOW, expires_at=END)
    assert not_before(tokens, **who) == NOW + 50


def test_client_is_suspended_until_it_is_resumed(tokens: TokenStore) -> None:
    client_id, other = identifier(), identifier()
    assert not tokens.is_suspended(client_id=client_id)
    tokens.cut_off(client_id=client_id, not_before=NOW, expires_at=END)
    assert not tokens.is_suspended(client_id=client_id)
    tokens.suspend(client_id=client_id)
    tokens.suspend(subject=other)
    assert tokens.is_suspended(client_id=client_id)
    assert not tokens.is_suspended(client_id=other)
    tokens.resume(client_id=client_id, now=NOW + 1, expires_at=END)
    assert not tokens.is_suspended(client_id=client_id)


def test_cut_off_does_not_end_a_suspension(tokens: TokenStore) -> None:
    who = somebody()
    tokens.suspend(subject=who["subject"])
    tokens.cut_off(subject=who["subject"], not_before=NOW + 50, expires_at=END)
    assert not_before(tokens, **who) > FAR


def test_suspension_after_a_cutoff_lasts_until_resumed(tokens: TokenStore) -> None:
    who = somebody()
    tokens.cut_off(client_id=who["client_id"], not_before=NOW, expires_at=END)
    tokens.suspend(client_id=who["client_id"])
    assert not_before(tokens, **who) > FAR
    tokens.resume(client_id=who["client_id"], now=NOW + 60, expires_at=END)
    assert not_before(tokens, **who) == NOW + 60


def test_browser_of_a_suspended_subject_is_signed_out(tokens: TokenStore, browsers: BrowserStore) -> None:
    subject = f"sub-{identifier()}"
    tokens.suspend(subject=subject)
    assert browsers.browser_state(subject_key=key(subject)).not_before > FAR


@pytest.mark.parametrize("whose", [{}, {"subject": "s", "client_id": "c", "organisation": "o"}], ids=["none", "all"])
def test_suspension_is_of_one_or_two(tokens: TokenStore, whose: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        tokens.suspend(**whose)


def test_resume_moves_no_cutoff_back(tokens: TokenStore) -> None:
    """By an instance whose clock is behind that of the one which cut off."""
    subject = f"sub-{identifier()}"
    tokens.cut_off(subject=subject, not_before=NOW + 5, expires_at=END)
    tokens.suspend(subject=subject)
    tokens.resume(subject=subject, now=NOW, expires_at=END)
    assert tokens.standing(subject_key=key(subject), client_key=key("web")).not_before == NOW + 5
