"""Laws of links in mails: used once, by one write, while nothing has ended them; and of what they change in a user."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from authserver.ends import Begun, SubjectEnd
from authserver.models.browsers import OneTimeLink
from authserver.models.users import User
from authserver.storage.browsers import BrowserStore
from authserver.values import sha256
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, key, user
from tests.contract.test_round_trips import ALL_OCTETS, FULL, TEXT, is_complete

HASH = sha256("secret")
ADDRESS = "a@b.example"


def link(**overrides: Any) -> OneTimeLink:
    made = OneTimeLink(identifier(), HASH, "password_reset", f"sub-{identifier()}", ADDRESS, NOW, NOW + 60)
    return replace(made, **overrides)


def stored(browsers: BrowserStore, **overrides: object) -> OneTimeLink:
    made = link(**overrides)
    assert browsers.put_link(made)
    return made


def reset(stores: Stores, used: OneTimeLink, claim: str = "a", now: int = NOW, password_hash: str = "new hash") -> bool:
    return stores.withdrawals.reset_password(used, claim, password_hash, now)


def confirm(stores: Stores, used: OneTimeLink, claim: str = "a", now: int = NOW) -> bool:
    return stores.users.confirm_email(used, claim, now) is not None


USES: dict[str, Callable[..., bool]] = {"reset": reset, "confirm": confirm}


def sent(stores: Stores, use: str, **overrides: Any) -> tuple[User, OneTimeLink]:
    """Somebody, and the link that was sent to them for this use."""
    mark = identifier()
    person = user(email=f"{mark}@b.example", pending_email=f"new-{mark}@b.example")
    assert stores.users.create(person)
    address = person.email if use == "reset" else person.pending_email
    return person, stored(stores.browsers, **{"subject": person.sub, "address": address, **overrides})


def after(person: User, use: str) -> User:
    """The person once the link was used."""
    if use == "reset":
        return replace(person, password_hash="new hash", email_verified=True)
    return replace(person, email=person.pending_email, email_verified=True, pending_email="", updated_at=NOW)


def spent_by(stores: Stores, used: OneTimeLink) -> str | None:
    found = stores.browsers.link(used.id, key(used.subject)).link
    assert found is not None
    return found.spent_by


def test_link_with_every_field(browsers: BrowserStore) -> None:
    made = OneTimeLink(identifier(), ALL_OCTETS, TEXT, TEXT, TEXT, 0, NOW, "claim", FULL, 7)
    assert is_complete(made)
    assert browsers.put_link(made)
    assert browsers.link(made.id, key(TEXT)).link == made


def test_unknown_link_is_none(browsers: BrowserStore) -> None:
    state = browsers.link(identifier(), key("nobody"))
    assert state.link is None
    assert state.ends.subject == SubjectEnd()


def test_link_is_told_with_what_ended_everything_of_its_subject(stores: Stores) -> None:
    made = stored(stores.browsers)

    def stands() -> bool:
        state = stores.browsers.link(made.id, key(made.subject))
        assert state.link == made
        return state.ends.stand(made.begun, made.sessions)

    assert stands()
    stores.withdrawals.end_sessions(made.subject)
    assert stands(), "no session ordered it"
    stores.withdrawals.end(subject=made.subject)
    assert not stands()


def test_link_that_a_session_ordered_ends_with_the_sessions(stores: Stores) -> None:
    made = stored(stores.browsers, sessions=0)
    assert stores.browsers.link(made.id, key(made.subject)).ends.stand(made.begun, made.sessions)
    stores.withdrawals.end_sessions(made.subject)
    assert not stores.browsers.link(made.id, key(made.subject)).ends.stand(made.begun, made.sessions)


@pytest.mark.parametrize("use", USES)
def test_link_is_used_once(stores: Stores, use: str) -> None:
    person, made = sent(stores, use)
    assert [USES[use](stores, made, claim) for claim in "abb"] == [True, False, False]
    assert stores.users.get(person.sub) == after(person, use)
    assert spent_by(stores, made) == "a"


def test_retry_of_a_confirmation_is_that_confirmation(stores: Stores) -> None:
    person, made = sent(stores, "confirm")
    assert [confirm(stores, made), confirm(stores, made)] == [True, True]
    assert stores.users.get(person.sub) == after(person, "confirm")


def test_retry_of_a_reset_resets_nothing_again(stores: Stores) -> None:
    """A request that is repeated after a lost answer finds that its own claim has used the link."""
    person, made = sent(stores, "reset")
    assert [reset(stores, made), reset(stores, made, password_hash="another")] == [True, False]
    assert stores.users.get(person.sub) == after(person, "reset")
    assert stores.browsers.ends(key(person.sub)).subject.epoch == 1
    assert spent_by(stores, made) == "a"


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(("secret", "now"), [("wrong", NOW), ("secret", NOW + 60), ("secret", NOW + 61)])
def test_wrong_or_over_is_not_used(stores: Stores, use: str, secret: str, now: int) -> None:
    person, made = sent(stores, use)
    assert not USES[use](stores, replace(made, secret_hash=sha256(secret)), "a", now)
    assert stores.users.get(person.sub) == person
    assert spent_by(stores, made) is None
    assert USES[use](stores, made, "b")


@pytest.mark.parametrize("use", USES)
def test_unknown_link_is_not_used(stores: Stores, use: str) -> None:
    person, made = sent(stores, use)
    missing = replace(made, id=identifier())
    assert not USES[use](stores, missing)
    assert stores.browsers.link(missing.id, key(missing.subject)).link is None
    assert stores.users.get(person.sub) == person


ENDED_BY: dict[str, Callable[[Stores, OneTimeLink], object]] = {
    "everything": lambda stores, made: stores.withdrawals.end(subject=made.subject),
    "a password": lambda stores, made: stores.withdrawals.set_password(made.subject, "of an operator"),
    "suspension": lambda stores, made: stores.withdrawals.change_user(made.subject, status="disabled"),
    "sessions": lambda stores, made: stores.withdrawals.end_sessions(made.subject),
}


@pytest.mark.parametrize("by", ENDED_BY)
@pytest.mark.parametrize("use", USES)
def test_link_that_was_ended_is_not_used(stores: Stores, use: str, by: str) -> None:
    person, made = sent(stores, use, sessions=0)
    ENDED_BY[by](stores, made)
    before, ends = stores.users.get(person.sub), stores.browsers.ends(key(person.sub))
    assert not USES[use](stores, made)
    assert (stores.users.get(person.sub), stores.browsers.ends(key(person.sub))) == (before, ends)
    assert spent_by(stores, made) is None


@pytest.mark.parametrize("use", USES)
def test_link_begun_under_later_epochs_is_used(stores: Stores, use: str) -> None:
    person, _ = sent(stores, use)
    stores.withdrawals.end(subject=person.sub)
    stores.withdrawals.end_sessions(person.sub)
    address = person.email if use == "reset" else person.pending_email
    made = stored(stores.browsers, subject=person.sub, address=address, begun=Begun(subject=1), sessions=1)
    assert USES[use](stores, made)
    assert stores.users.get(person.sub) == after(person, use)


@pytest.mark.parametrize("use", USES)
def test_link_is_stored_again_until_it_was_used(stores: Stores, use: str) -> None:
    _, made = sent(stores, use)
    later = replace(made, expires_at=NOW + 90)
    assert stores.browsers.put_link(later)
    assert stores.browsers.link(made.id, key(made.subject)).link == later
    assert USES[use](stores, later)
    assert not stores.browsers.put_link(made)
    assert not USES[use](stores, later, "b")


@pytest.mark.parametrize("use", USES)
def test_of_many_at_once_one_uses_it(stores: Stores, use: str) -> None:
    person, made = sent(stores, use)
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(lambda claim: USES[use](stores, made, str(claim)), range(8)))
    assert used.count(True) == 1
    assert stores.users.get(person.sub) == after(person, use)
    assert spent_by(stores, made) == str(used.index(True))


# ------------------------------------------------------------------ users


def test_password_is_reset_where_the_address_is_the_users(stores: Stores) -> None:
    person, _ = sent(stores, "reset")
    elsewhere = stored(stores.browsers, subject=person.sub, address="other@b.example")
    assert not reset(stores, elsewhere)
    assert stores.users.get(person.sub) == person
    assert spent_by(stores, elsewhere) is None


def test_address_that_the_user_does_not_want_any_more_is_not_confirmed(stores: Stores) -> None:
    person, made = sent(stores, "confirm")
    stores.users.update(person.sub, pending_email="another@b.example")
    assert not confirm(stores, made)
    assert stores.users.get(person.sub) == replace(person, pending_email="another@b.example")
    assert spent_by(stores, made) is None


@pytest.mark.parametrize("use", USES)
def test_link_of_nobody_makes_nobody(stores: Stores, use: str) -> None:
    made = stored(stores.browsers)
    assert not USES[use](stores, made)
    assert stores.users.get(made.subject) is None
    assert spent_by(stores, made) is None
