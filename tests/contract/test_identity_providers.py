"""Laws of identity providers and of what hangs on them: each domain leads to one, each answer is taken once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.users import Identity
from authserver.storage.browsers import BrowserStore
from authserver.storage.configuration import CallbackTaken, DomainTaken, IdentityProviderStore, ProviderOver
from authserver.storage.users import UserStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope
from tests.contract.implementations import Stores
from tests.contract.records import NOW, configured, federation, identifier, identity_provider, membership, session, user

ISSUER = "https://idp.example"
OLD_PATH = "/auth/oauth2/callback"


def domain() -> str:
    return f"{identifier()}.example".lower().replace("_", "-")


# ------------------------------------------------------------------ providers


def test_put_is_got_whole(identity_providers: IdentityProviderStore) -> None:
    provider = configured(
        identity_providers,
        token_endpoint_auth_method="none",
        scope=Scope.parse("openid email"),
        claims={"email": "upn"},
        domains=(domain(), domain()),
        organisation="acme",
        sign_up=True,
        trusts_email=True,
        shown=False,
        status="disabled",
    )
    assert identity_providers.get(provider.id) == provider
    assert [identity_providers.by_domain(one) for one in provider.domains] == [provider] * 2
    assert provider in identity_providers.list()


def test_what_it_gives_is_got_alone(identity_providers: IdentityProviderStore) -> None:
    """None once it is removed, and anew with another epoch: what the one gave is not what the other gives."""
    given: dict[str, Any] = {"claims": {"groups": "roles"}, "epoch": "first"}
    provider = configured(identity_providers, **given, name="Work", organisation="acme", sign_up=True)
    bare = IdentityProvider(provider.id, "", "", "", **given, organisation="acme")
    assert identity_providers.giving(provider.id) == bare
    identity_providers.delete(provider.id)
    assert identity_providers.giving(provider.id) is None
    assert identity_providers.put(replace(provider, epoch="second", claims={}, organisation="", version=0))
    assert identity_providers.giving(provider.id) == IdentityProvider(provider.id, "", "", "", epoch="second")


def test_defaults_are_got_as_defaults(identity_providers: IdentityProviderStore) -> None:
    provider = configured(identity_providers, client_secret=b"")
    assert identity_providers.get(provider.id) == provider


@pytest.mark.parametrize("text", ["", "nobody", "WORK", "a#b", "idp#x", "x" * 3000, "\x00", "../x", "ﬁ"])
def test_get_of_nobody_is_none(identity_providers: IdentityProviderStore, text: str) -> None:
    assert identity_providers.get(text) is None
    assert identity_providers.giving(text) is None
    assert identity_providers.by_domain(text or "nowhere") is None


CHANGES: dict[str, Any] = {
    "name": "Renamed",
    "issuer": "https://another.example",
    "client_id": "another",
    "client_secret": b"another",
    "token_endpoint_auth_method": "client_secret_post",
    "sign_up": False,
    "trusts_email": False,
    "shown": False,
    "status": "disabled",
}


@pytest.fixture
def administrator(stores: Stores) -> Membership:
    """Of an organisation of their own."""
    made = membership(identifier(), identifier(), ADMINISTRATOR)
    stores.withdrawals.set_membership(made)
    return made


def test_an_administrator_changes_a_provider_of_the_organisation(
    identity_providers: IdentityProviderStore, administrator: Membership
) -> None:
    organisation, own = administrator.organisation, domain()
    provider = configured(
        identity_providers, organisation=organisation, domains=(own,), sign_up=True, trusts_email=True
    )
    changed = identity_providers.change(provider, administrator, **CHANGES)
    assert changed == identity_providers.get(provider.id) == replace(provider, **CHANGES, version=2)
    assert identity_providers.by_domain(own) == changed
    public = identity_providers.change(changed, administrator, client_secret=b"")
    assert public == identity_providers.get(provider.id) == replace(changed, client_secret=b"", version=3)
    assert identity_providers.put(replace(provider, version=3))
    assert identity_providers.get(provider.id) == replace(provider, version=4)


def test_a_provider_of_another_or_of_nobody_is_not_changed(
    identity_providers: IdentityProviderStore, administrator: Membership
) -> None:
    others, nobodys = configured(identity_providers, organisation="globex"), configured(identity_providers)
    unknown = identity_provider(organisation=administrator.organisation)
    for provider in (others, nobodys, unknown):
        assert identity_providers.change(provider, administrator, name="x") is None
        pretended = replace(provider, organisation=administrator.organisation)
        assert identity_providers.change(pretended, administrator, name="x") is None
    assert [identity_providers.get(one.id) for one in (others, nobodys, unknown)] == [others, nobodys, None]


def test_what_was_changed_or_removed_since_it_was_read_is_not_changed(
    identity_providers: IdentityProviderStore, administrator: Membership
) -> None:
    read = configured(identity_providers, organisation=administrator.organisation)
    assert identity_providers.put(replace(read, status="disabled"))
    assert identity_providers.change(read, administrator, status="active") is None
    assert identity_providers.get(read.id) == replace(read, status="disabled", version=2)
    identity_providers.delete(read.id)
    for version in (1, 2, 3):
        assert identity_providers.change(replace(read, version=version), administrator, name="x") is None
    assert identity_providers.get(read.id) is None


# What becomes of an administrator, by these stores.
ENDS: dict[str, Callable[[WithdrawalStore, Membership], None]] = {
    "removed": lambda s, one: s.delete_membership(one.organisation, one.subject),
    "made a member": lambda s, one: s.set_membership(replace(one, role=MEMBER, epoch="another")),
    "made an administrator again": lambda s, one: s.set_membership(replace(one, epoch="another")),
}


@pytest.mark.parametrize("end", ENDS)
def test_whoever_is_no_administrator_any_more_changes_no_provider(
    stores: Stores, administrator: Membership, end: str
) -> None:
    provider = configured(stores.identity_providers, organisation=administrator.organisation)
    ENDS[end](stores.withdrawals, administrator)
    assert stores.identity_providers.change(provider, administrator, name="x") is None
    assert stores.identity_providers.get(provider.id) == provider


@pytest.mark.parametrize("changes", [{}, {"created_at": 1}, {"domains": ()}, {"claims": {"a": "b"}}, {"scope": "x"}])
def test_what_is_an_operators_to_change_is_not_changed_so(
    identity_providers: IdentityProviderStore, administrator: Membership, changes: dict[str, Any]
) -> None:
    provider = configured(identity_providers, organisation=administrator.organisation)
    with pytest.raises(ValueError):
        identity_providers.change(provider, administrator, **changes)


def test_put_again_changes_it_and_frees_the_domains_it_no_longer_has(
    identity_providers: IdentityProviderStore,
) -> None:
    kept, dropped, added = domain(), domain(), domain()
    provider = configured(identity_providers, domains=(kept, dropped))
    changed = replace(provider, name="Another name", domains=(kept, added))
    assert identity_providers.put(changed)
    changed = replace(changed, version=2)
    assert identity_providers.get(provider.id) == changed
    assert identity_providers.by_domain(kept) == identity_providers.by_domain(added) == changed
    assert identity_providers.by_domain(dropped) is None
    assert identity_providers.put(identity_provider(domains=(dropped,)))


def test_put_with_a_domain_of_another_is_refused_and_changes_nothing(
    identity_providers: IdentityProviderStore,
) -> None:
    taken, free = domain(), domain()
    owner, before = (configured(identity_providers, domains=(one,)) for one in (taken, free))
    other = domain()
    with pytest.raises(DomainTaken):
        identity_providers.put(replace(before, name="Changed", domains=(other, taken)))
    assert identity_providers.get(before.id) == before
    assert identity_providers.by_domain(taken) == owner
    assert identity_providers.by_domain(free) == before
    assert identity_providers.by_domain(other) is None
    stranger = identity_provider(domains=(other, taken))
    with pytest.raises(DomainTaken):
        identity_providers.put(stranger)
    assert identity_providers.get(stranger.id) is None


@pytest.mark.rfc("9700", "4.4.2.2")
def test_at_each_path_one_provider_answers(identity_providers: IdentityProviderStore) -> None:
    path, free = (f"{OLD_PATH}/{identifier()}" for _ in range(2))
    owner = configured(identity_providers, callback_path=path)
    assert identity_providers.get(owner.id) == identity_providers.by_callback(path) == owner
    assert identity_providers.by_callback(free) is identity_providers.by_callback("") is None
    assert configured(identity_providers).callback_path == configured(identity_providers).callback_path == ""
    other = configured(identity_providers, callback_path=free)
    for wanted in (replace(other, callback_path=path), identity_provider(callback_path=path)):
        with pytest.raises(CallbackTaken):
            identity_providers.put(wanted)
    assert (identity_providers.by_callback(path), identity_providers.by_callback(free)) == (owner, other)


def test_path_that_a_provider_leaves_is_free(identity_providers: IdentityProviderStore) -> None:
    path = f"{OLD_PATH}?id={identifier()}"
    first = configured(identity_providers, callback_path=path)
    assert identity_providers.put(replace(first, callback_path=""))
    assert identity_providers.by_callback(path) is None
    second = configured(identity_providers, callback_path=path)
    identity_providers.delete(second.id)
    assert identity_providers.by_callback(path) is None
    third = configured(identity_providers, callback_path=path)
    assert identity_providers.by_callback(path) == third


def test_put_replaces_only_what_was_read(identity_providers: IdentityProviderStore) -> None:
    own = domain()
    read = configured(identity_providers, domains=(own,))
    assert identity_providers.put(replace(read, status="disabled"))
    disabled = replace(read, status="disabled", version=2)
    for version in (0, 1, 3):
        assert not identity_providers.put(replace(read, name="Changed", domains=(own, domain()), version=version))
    assert identity_providers.get(read.id) == identity_providers.by_domain(own) == disabled


def test_put_does_not_undo_what_an_administrator_changed(
    identity_providers: IdentityProviderStore, administrator: Membership
) -> None:
    read = configured(identity_providers, organisation=administrator.organisation)
    changed = identity_providers.change(read, administrator, status="disabled")
    assert changed
    assert not identity_providers.put(read)
    assert identity_providers.get(read.id) == changed


def test_put_brings_nothing_back_that_was_removed(identity_providers: IdentityProviderStore) -> None:
    own = domain()
    read = configured(identity_providers, domains=(own,), made_by="a key")
    identity_providers.delete(read.id)
    assert not identity_providers.put(read)
    assert identity_providers.get(read.id) is None
    assert identity_providers.by_domain(own) is None
    assert identity_providers.ended(read.id) == "a key"


def test_whoever_read_what_was_removed_does_not_replace_what_came_after(
    identity_providers: IdentityProviderStore,
) -> None:
    read = configured(identity_providers)
    identity_providers.delete(read.id)
    assert identity_providers.put(replace(read, name="Another", version=0))
    for version in (0, 1, 2):
        assert not identity_providers.put(replace(read, version=version))
    assert identity_providers.get(read.id) == replace(read, name="Another", version=3)


def test_of_many_who_replace_what_they_read_one_does(identity_providers: IdentityProviderStore) -> None:
    read = configured(identity_providers)
    barrier = Barrier(8)

    def put(number: int) -> bool:
        barrier.wait()
        try:
            return identity_providers.put(replace(read, name=f"Name {number}"))
        except TemporarilyUnavailable:
            return False

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(put, range(8)))
    assert made.count(True) == 1
    assert identity_providers.get(read.id) == replace(read, name=f"Name {made.index(True)}", version=2)


def test_delete_frees_the_domains_and_is_idempotent(identity_providers: IdentityProviderStore) -> None:
    own = domain()
    provider = configured(identity_providers, domains=(own,))
    for _ in range(2):
        identity_providers.delete(provider.id)
        assert identity_providers.get(provider.id) is None
        assert identity_providers.by_domain(own) is None
        assert provider not in identity_providers.list()
    assert identity_providers.put(identity_provider(domains=(own,)))


def test_list_has_the_oldest_first(identity_providers: IdentityProviderStore) -> None:
    younger, older = (configured(identity_providers, created_at=NOW + age) for age in (2, 1))
    listed = [one for one in identity_providers.list() if one in (younger, older)]
    assert listed == [older, younger]


def test_put_of_one_domain_by_many_at_once_makes_one_owner(identity_providers: IdentityProviderStore) -> None:
    wanted = domain()
    contenders = [identity_provider(domains=(wanted,)) for _ in range(8)]
    barrier = Barrier(len(contenders))

    def put(number: int) -> bool:
        barrier.wait()
        try:
            return identity_providers.put(contenders[number])
        except DomainTaken:
            return False
        except TemporarilyUnavailable:  # DynamoDB may find two transactions in conflict; neither has then happened
            return False

    with ThreadPoolExecutor(len(contenders)) as pool:
        made = list(pool.map(put, range(len(contenders))))
    assert made.count(True) == 1
    winner = contenders[made.index(True)]
    assert identity_providers.by_domain(wanted) == replace(winner, version=1)
    assert [identity_providers.get(one.id) for one in contenders if one is not winner] == [None] * 7


# ------------------------------------------------------------------ sign-ins under way


@pytest.mark.parametrize("since", [None, NOW - 60])
def test_an_answer_is_taken_once(browsers: BrowserStore, since: int | None) -> None:
    record = federation(signed_in_since=since)
    browsers.put_federation(record)
    taken = browsers.spend_federation(record.id, record.request_id, "work", None, "me", NOW)
    assert taken == replace(record, spent_by="me")
    assert browsers.spend_federation(record.id, record.request_id, "work", None, "another", NOW) is None


def test_who_took_an_answer_may_ask_again_for_a_lost_answer(browsers: BrowserStore) -> None:
    record = federation()
    browsers.put_federation(record)
    first, second = (browsers.spend_federation(record.id, record.request_id, "work", None, "me", NOW) for _ in range(2))
    assert first is not None
    assert first == second


@pytest.mark.rfc("9700", "4.4.2")
def test_an_answer_of_another_request_or_provider_or_too_late_is_refused_and_spends_nothing(
    browsers: BrowserStore,
) -> None:
    for own in (None, OLD_PATH):
        record = federation(callback=own)
        browsers.put_federation(record)
        for name, request, provider, callback, now in (
            (record.id, identifier(), "work", own, NOW),
            (record.id, record.request_id, "evil", own, NOW),
            (record.id, record.request_id, "work", own, record.expires_at),
            (identifier(), record.request_id, "work", own, NOW),
            (record.id, record.request_id, "work", None if own else OLD_PATH, NOW),
            (record.id, record.request_id, "work", f"{OLD_PATH}?id=another", NOW),
        ):
            assert browsers.spend_federation(name, request, provider, callback, "me", now) is None
        assert browsers.spend_federation(record.id, record.request_id, "work", own, "me", NOW) is not None


# ------------------------------------------------------------------ identities


@pytest.fixture
def provider(identity_providers: IdentityProviderStore) -> IdentityProvider:
    return configured(identity_providers)


@pytest.mark.rfc("OIDC Core", "5.7")
def test_a_federated_user_is_found_by_issuer_and_subject_together(users: UserStore, provider: IdentityProvider) -> None:
    person, subject = user(username="", password_hash="", email="a@b.example", preferred_username="alice"), identifier()
    assert users.create_federated(person, ISSUER, subject, provider, None)
    assert users.find_by_identity(ISSUER, subject) == users.get(person.sub) == person
    assert users.find_by_identity("https://other.example", subject) is None
    assert users.find_by_identity(ISSUER, subject + "x") is None
    assert users.find_by_identity(ISSUER + "\x00" + subject, "") is None
    assert users.find("") is None


@pytest.mark.rfc("OIDC Core", "5.7")
def test_one_identity_is_one_users(users: UserStore, provider: IdentityProvider) -> None:
    first, second, subject = user(username=""), user(username=""), identifier()
    assert users.create_federated(first, ISSUER, subject, provider, None)
    assert not users.create_federated(second, ISSUER, subject, provider, None)
    assert users.get(second.sub) is None
    assert users.find_by_identity(ISSUER, subject) == first


def test_a_taken_subject_is_refused_and_takes_no_identity(users: UserStore, provider: IdentityProvider) -> None:
    first = user()
    assert users.create(first)
    assert not users.create_federated(user(sub=first.sub, username=""), ISSUER, identifier(), provider, None)
    assert users.get(first.sub) == first


def test_the_membership_comes_with_the_user(stores: Stores, provider: IdentityProvider) -> None:
    person, subject = user(username=""), identifier()
    membership = Membership(identifier(), person.sub, "member", NOW)
    assert stores.users.create_federated(person, ISSUER, subject, provider, membership)
    assert stores.organisations.membership(membership.organisation, person.sub) == membership
    other = replace(membership, subject=identifier())
    assert not stores.users.create_federated(user(sub=other.subject, username=""), ISSUER, subject, provider, other)
    assert stores.organisations.membership(other.organisation, other.subject) is None


def test_deleting_a_user_frees_the_identity(
    users: UserStore, withdrawals: WithdrawalStore, provider: IdentityProvider
) -> None:
    first, second, subject = user(username=""), user(username=""), identifier()
    assert users.create_federated(first, ISSUER, subject, provider, None)
    withdrawals.delete_user(first.sub, NOW)
    assert users.find_by_identity(ISSUER, subject) is None
    assert users.create_federated(second, ISSUER, subject, provider, None)
    assert users.find_by_identity(ISSUER, subject) == second


def test_many_first_sign_ins_at_once_make_one_user(users: UserStore, provider: IdentityProvider) -> None:
    people, subject = [user(username="") for _ in range(8)], identifier()
    barrier = Barrier(len(people))

    def create(number: int) -> bool:
        barrier.wait()
        try:
            return users.create_federated(people[number], ISSUER, subject, provider, None)
        except TemporarilyUnavailable:
            return False

    with ThreadPoolExecutor(len(people)) as pool:
        made = list(pool.map(create, range(len(people))))
    assert made.count(True) == 1
    assert users.find_by_identity(ISSUER, subject) == people[made.index(True)]


def test_link_makes_an_identity_the_users_and_can_be_repeated(stores: Stores) -> None:
    users, person, subjects = stores.users, user(), [identifier(), identifier()]
    assert users.create(person)
    for subject in (*subjects, *subjects):
        assert users.link(Identity.of(person.sub, ISSUER, subject))
    assert [users.find_by_identity(ISSUER, subject) for subject in subjects] == [person, person]
    assert users.find(person.username) == person


def test_link_of_what_is_somebody_elses_is_refused(stores: Stores) -> None:
    users, first, second, subject = stores.users, user(), user(), identifier()
    assert users.create(first)
    assert users.create(second)
    assert users.link(Identity.of(first.sub, ISSUER, subject))
    assert not users.link(Identity.of(second.sub, ISSUER, subject))
    assert users.find_by_identity(ISSUER, subject) == first
    assert users.link(Identity.of(second.sub, "https://other.example", subject))


def test_link_to_nobody_makes_nobody(stores: Stores) -> None:
    sub, subject = identifier(), identifier()
    assert not stores.users.link(Identity.of(sub, ISSUER, subject))
    assert stores.users.get(sub) is None
    assert stores.users.find_by_identity(ISSUER, subject) is None


def test_delete_frees_every_identity(stores: Stores, withdrawals: WithdrawalStore, provider: IdentityProvider) -> None:
    users, first, linked = stores.users, identifier(), identifier()
    person = user(username="")
    assert users.create_federated(person, ISSUER, first, provider, None)
    assert users.link(Identity.of(person.sub, ISSUER, linked))
    withdrawals.delete_user(person.sub, NOW)
    other = user()
    assert users.create(other)
    for subject in (first, linked):
        assert users.find_by_identity(ISSUER, subject) is None
        assert users.link(Identity.of(other.sub, ISSUER, subject))


# ------------------------------------------------------------------ by whose word somebody is let in


def of_organisation(stores: Stores) -> IdentityProvider:
    """One of an organisation that there is, in which something was ended before."""
    acme = Organisation(f"org-{identifier()}", "Acme")
    assert stores.organisations.create(acme)
    stores.withdrawals.end(organisation=acme.id)
    return configured(stores.identity_providers, organisation=acme.id)


def let_in(stores: Stores, provider: IdentityProvider) -> tuple[bool, bool]:
    """Whether somebody who comes by this provider's word gets an account, and whether a session."""
    person, subject, signed_in = user(username=""), identifier(), session()
    member = Membership(provider.organisation, person.sub, MEMBER, NOW) if provider.organisation else None
    with suppress(ProviderOver):
        stores.users.create_federated(person, ISSUER, subject, provider, member)
    with suppress(ProviderOver):
        stores.browsers.put_session(signed_in, provider)
    found = stores.users.get(person.sub)
    assert stores.users.find_by_identity(ISSUER, subject) == found
    assert (stores.organisations.membership(provider.organisation, person.sub) is not None) == bool(found and member)
    return found is not None, stores.browsers.browser_state(session_id=signed_in.id).session == signed_in


def test_an_organisations_provider_lets_people_in_as_it_was_read(stores: Stores) -> None:
    provider = of_organisation(stores)
    assert let_in(stores, provider) == (True, True)
    assert stores.identity_providers.put(replace(provider, status="disabled"))
    assert let_in(stores, provider) == (False, False)
    present = replace(provider, version=2)
    assert let_in(stores, present) == (False, False)
    stores.identity_providers.delete(provider.id)
    for one in (provider, present, replace(provider, version=3)):
        assert let_in(stores, one) == (False, False)
    assert stores.identity_providers.put(replace(provider, version=0))
    assert let_in(stores, provider) == (False, False)
    assert let_in(stores, replace(provider, version=4)) == (True, True)


def test_a_suspended_organisations_provider_lets_nobody_in(stores: Stores) -> None:
    disabled, deleted, other = (of_organisation(stores) for _ in range(3))
    stores.withdrawals.change_organisation(disabled.organisation, status="disabled")
    stores.withdrawals.delete_organisation(deleted.organisation, NOW)
    assert [let_in(stores, one) for one in (disabled, deleted, other)] == [(False, False)] * 2 + [(True, True)]
    stores.withdrawals.change_organisation(disabled.organisation, status="active")
    assert let_in(stores, disabled) == (True, True)


def test_an_identity_that_somebody_has_is_not_taken_for_a_provider_that_is_over(stores: Stores) -> None:
    subject, users, provider = identifier(), stores.users, of_organisation(stores)
    assert users.create_federated(user(username=""), ISSUER, subject, provider, None)
    assert not users.create_federated(user(username=""), ISSUER, subject, provider, None)
    with pytest.raises(ProviderOver):
        users.create_federated(user(username=""), ISSUER, subject, replace(provider, version=2), None)
