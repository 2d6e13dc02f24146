"""API keys: each is put once, stands as long as nothing ended it, and is carried by an administrator who is one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.aws.items.api_keys import api_key_item
from authserver.ends import Begun
from authserver.models.api_keys import ApiKey
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.storage.api_keys import USED_EVERY, KeyStanding
from authserver.storage.guards import SessionOver
from authserver.storage.lists import BadCursor
from tests.contract.implementations import Stores
from tests.contract.records import NOW, api_key, identifier, key, membership, session, user


def standing(stores: Stores, made: ApiKey, subject: str = "") -> KeyStanding:
    """As the credential of `subject`, or of who carries the key, asks for it."""
    return stores.api_keys.standing(
        made.id,
        subject_key=key(subject or made.subject) if made.subject else "",
        client_key=key(made.client_id) if made.client_id else "",
        organisation_key=key(made.organisation) if made.organisation else "",
    )


def acme(stores: Stores, *administrators: str) -> tuple[Organisation, tuple[Membership, ...]]:
    organisation = Organisation(f"org-{identifier()}", "Acme", {"a": "A"}, created_at=NOW, api_keys=True)
    assert stores.organisations.create(organisation)
    members = tuple(membership(organisation.id, one, ADMINISTRATOR) for one in administrators)
    for one in members:
        stores.withdrawals.set_membership(one)
    return organisation, members


def begun(stores: Stores, by: Membership) -> Begun:
    ends = stores.tokens.standing(subject_key=key(by.subject), organisation_key=key(by.organisation)).ends
    return ends.of_api_keys().begun(key(by.subject))


def made_for(stores: Stores, by: Membership) -> ApiKey:
    made = api_key(subject=by.subject, organisation=by.organisation, entities=frozenset({"a"}), begun=begun(stores, by))
    assert stores.api_keys.create(made, by)
    return made


def two() -> tuple[str, str]:
    return f"sub-{identifier()}", f"sub-{identifier()}"


def test_what_was_put_is_read_and_is_put_once(stores: Stores) -> None:
    made = api_key(networks=("192.0.2.0/24",), resource=("https://a.example", "https://b.example"))
    assert stores.api_keys.create(made)
    assert stores.api_keys.find(made.id) == made
    assert not stores.api_keys.create(replace(made, name="Another"))
    assert stores.api_keys.find(made.id) == made
    assert stores.api_keys.find(identifier()) is None


def test_key_is_read_with_all_that_decides_about_it(stores: Stores) -> None:
    ada, _ = two()
    organisation, (own,) = acme(stores, ada)
    made = made_for(stores, own)
    found = standing(stores, made)
    assert (found.key, found.organisation) == (made, stores.organisations.get(organisation.id))
    assert found.stands
    nothing = stores.api_keys.standing(identifier(), subject_key=key(ada))
    assert (nothing.key, nothing.stands) == (None, False)


def test_keys_are_listed_by_whose_they_are(stores: Stores) -> None:
    ada, _ = two()
    organisation, (own,) = acme(stores, ada)
    ours = made_for(stores, own)
    mine = [replace(api_key(subject=ada), created_at=NOW + number) for number in (1, 2)]
    clients = api_key(client_id=f"client-{identifier()}")
    for one in (*mine, clients):
        assert stores.api_keys.create(one)
    assert stores.api_keys.api_keys(subject=ada).items == (ours, *mine)
    assert stores.api_keys.api_keys(organisation=organisation.id).items == (ours,)
    assert stores.api_keys.api_keys(client_id=clients.client_id).items == (clients,)
    first = stores.api_keys.api_keys(subject=ada, limit=2)
    assert first.items == (ours, mine[0])
    assert stores.api_keys.api_keys(subject=ada, limit=2, cursor=first.next).items == (mine[1],)
    with pytest.raises(BadCursor):
        stores.api_keys.api_keys(subject=ada, cursor="no cursor")


def test_all_keys_of_a_user_end_and_no_tokens(stores: Stores) -> None:
    ada, max_ = two()
    _, (own, others) = acme(stores, ada, max_)
    mine, ours, theirs = api_key(subject=ada), made_for(stores, own), made_for(stores, others)
    assert stores.api_keys.create(mine)
    stores.withdrawals.end_api_keys(ada)
    assert [standing(stores, one).stands for one in (mine, ours, theirs)] == [False, False, True]
    assert stores.browsers.ends(key(ada)).subject.epoch == 0


def test_new_password_ends_no_key(stores: Stores) -> None:
    person = user()
    assert stores.users.create(person)
    made = api_key(subject=person.sub)
    assert stores.api_keys.create(made)
    assert stores.withdrawals.set_password(person.sub, "another hash")
    stores.withdrawals.end_sessions(person.sub)
    stores.withdrawals.end_grants(person.sub)
    assert standing(stores, made).stands


def test_account_that_is_disabled_loses_its_keys_for_good(stores: Stores) -> None:
    person = user()
    assert stores.users.create(person)
    made = api_key(subject=person.sub)
    assert stores.api_keys.create(made)
    for status in ("disabled", "active"):
        assert stores.withdrawals.change_user(person.sub, status=status)
        assert not standing(stores, made).stands


def test_ended_key_is_gone_and_is_ended_once(stores: Stores) -> None:
    made = api_key()
    assert stores.api_keys.create(made)
    assert stores.withdrawals.end_api_key(made.id)
    assert not stores.withdrawals.end_api_key(made.id)
    assert not standing(stores, made).stands
    stores.api_keys.note_use(made.id, NOW)
    assert stores.api_keys.find(made.id) is None


def test_use_is_noted_once_in_a_while(stores: Stores) -> None:
    made = api_key()
    assert stores.api_keys.create(made)
    for at, noted in ((NOW, NOW), (NOW + USED_EVERY - 1, NOW), (NOW + USED_EVERY, NOW + USED_EVERY), (NOW, None)):
        stores.api_keys.note_use(made.id, at)
        found = stores.api_keys.find(made.id)
        assert found is not None
        assert found.used_at == (noted or NOW + USED_EVERY)


# ------------------------------------------------------------------ of organisations


def test_only_an_administrator_makes_one(stores: Stores) -> None:
    ada, max_ = two()
    organisation, (own, _) = acme(stores, ada, max_)
    made = api_key(subject=ada, organisation=organisation.id)
    assert not stores.api_keys.create(made, replace(own, epoch="another"))
    stores.withdrawals.delete_membership(organisation.id, ada)
    assert not stores.api_keys.create(made, own)
    assert stores.api_keys.find(made.id) is None


def test_key_falls_with_its_carriers_part_and_not_with_anothers(stores: Stores) -> None:
    ada, max_ = two()
    organisation, (own, others) = acme(stores, ada, max_)
    ours, theirs = made_for(stores, own), made_for(stores, others)
    assert stores.withdrawals.change_role(membership(organisation.id, ada), witness=max_)
    assert [standing(stores, one).stands for one in (ours, theirs)] == [False, True]


def test_key_that_is_taken_over_falls_with_the_other_one(stores: Stores) -> None:
    ada, max_ = two()
    organisation, (own, others) = acme(stores, ada, max_)
    made = made_for(stores, own)
    taken = stores.api_keys.take_over(made, others, begun(stores, others))
    assert taken == replace(made, subject=max_, begun=begun(stores, others))
    stores.withdrawals.delete_membership(organisation.id, ada)
    stores.withdrawals.end_api_keys(ada)
    found = standing(stores, taken, subject=ada)  # as its credential names who made it
    assert (found.key, found.stands) == (taken, True)
    assert stores.api_keys.api_keys(subject=ada).items == ()
    assert stores.api_keys.api_keys(subject=max_).items == (taken,)
    stores.withdrawals.delete_membership(organisation.id, max_)
    assert not standing(stores, taken, subject=ada).stands


def test_key_that_fell_is_taken_over_by_nobody(stores: Stores) -> None:
    ada, max_ = two()
    organisation, (own, others) = acme(stores, ada, max_)
    made = made_for(stores, own)
    stores.withdrawals.delete_membership(organisation.id, ada)
    assert stores.api_keys.take_over(made, others, begun(stores, others)) is None
    assert stores.api_keys.find(made.id) == made


@pytest.mark.parametrize(
    "end",
    [
        lambda stores, ada: stores.withdrawals.end_api_keys(ada),
        lambda stores, ada: stores.withdrawals.end(subject=ada),
    ],
    ids=["all keys", "everything"],
)
def test_key_that_its_carrier_ended_is_taken_over_by_nobody(stores: Stores, end: Callable[[Stores, str], Any]) -> None:
    """Even if the administrator who takes it over read it as valid a moment before."""
    ada, max_ = two()
    _, (own, others) = acme(stores, ada, max_)
    made, under = made_for(stores, own), begun(stores, others)
    end(stores, ada)
    assert stores.api_keys.take_over(made, others, under) is None
    assert not standing(stores, made).stands


def test_key_of_an_organisation_that_ended_what_it_had_is_taken_over_by_nobody(stores: Stores) -> None:
    ada, max_ = two()
    organisation, (own, others) = acme(stores, ada, max_)
    made = made_for(stores, own)
    stores.withdrawals.end(organisation=organisation.id)
    assert stores.api_keys.take_over(made, others, begun(stores, others)) is None


def test_who_is_no_administrator_any_more_takes_nothing_over(stores: Stores) -> None:
    ada, max_ = two()
    organisation, (own, others) = acme(stores, ada, max_)
    made, under = made_for(stores, own), begun(stores, others)
    stores.withdrawals.delete_membership(organisation.id, max_)
    assert stores.api_keys.take_over(made, others, under) is None


def test_of_two_who_take_over_at_once_one_does(stores: Stores) -> None:
    ada, max_ = two()
    mia = f"sub-{identifier()}"
    _, (own, one, other) = acme(stores, ada, max_, mia)
    made = made_for(stores, own)
    assert stores.api_keys.take_over(made, one, begun(stores, one)) is not None
    assert stores.api_keys.take_over(made, other, begun(stores, other)) is None


# ------------------------------------------------------------------ as a session decides, and in one unit


def test_session_that_was_ended_makes_no_key(stores: Stores) -> None:
    ended = session()
    stores.browsers.put_session(ended)
    stores.withdrawals.end_session(ended.id)
    made = api_key(subject=ended.subject)
    with pytest.raises(SessionOver):
        stores.by(ended).api_keys.create(made)
    assert stores.api_keys.find(made.id) is None


def test_longest_key_is_read_with_one_unit() -> None:
    """4 KB, strongly consistent: with all that `management.api_keys` lets it have."""
    longest = api_key(
        organisation=f"org-{identifier()}",
        name="\N{GRINNING FACE}" * 100,
        entities=frozenset(f"{number:012}" for number in range(100)),
        networks=tuple(f"2001:db8:{number:x}:ffff:ffff:ffff:ffff:ffff/128" for number in range(0xF000, 0xF014)),
        begun=Begun("e" * 22, 10**9, organisation=10**9, approver="k" * 22, approval=10**9),
    )
    item = api_key_item(replace(longest, resource=("https://api.example",)))
    scope = 800 - len(item["scope"]["S"])
    assert _size(item) + scope < 4096


def _size(value: object) -> int:
    """Octets of names and values, as DynamoDB counts them within a few of each."""
    match value:
        case dict():
            return sum(len(name) + _size(one) + 1 for name, one in value.items())
        case list():
            return sum(_size(one) + 1 for one in value)
        case _:
            return len(str(value).encode())
