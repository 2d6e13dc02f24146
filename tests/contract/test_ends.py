"""Laws of ends: what raises which counter and no other, what is suspended, and that no counter ever goes back."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from authserver.ends import (
    EVERY_CLIENT,
    SUSPENDED_DELETED,
    SUSPENDED_DISABLED,
    Begun,
    ClientEnd,
    OrganisationEnd,
    SubjectEnd,
)
from authserver.models import ACTIVE, DISABLED
from authserver.models.clients import Client
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.users import User
from authserver.storage.standing import Ends
from authserver.storage.tokens import Whose
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, key, membership, session, user
from tests.fakes import client


@dataclass(frozen=True)
class Trio:
    """A member of an organisation who uses a client there, and what their ends are."""

    stores: Stores
    person: User
    web: Client
    acme: Organisation
    member: Membership

    @property
    def who(self) -> dict[str, str]:
        return {"subject": self.person.sub, "client_id": self.web.client_id, "organisation": self.acme.id}

    def ends(self, **others: str) -> Ends:
        """The present ends of the three, or of `others` in their places; "" for none. A list finds the same."""
        who = self.who | others
        found = self.stores.tokens.standing(
            subject_key=key(who["subject"]) if who["subject"] else "",
            client_key=key(who["client_id"]) if who["client_id"] else "",
            organisation_key=key(who["organisation"]) if who["organisation"] else "",
        ).ends
        assert self.stores.tokens.ends_of([Whose(**who)]) == {Whose(**who): found}
        return found


def trio(stores: Stores, role: str = ADMINISTRATOR, **fields: Any) -> Trio:
    person, web = user(**fields), client(client_id=identifier())
    acme = Organisation(f"org-{identifier()}", "A customer", {"a": "A"})
    member = membership(acme.id, person.sub, role)
    assert stores.users.create(person)
    assert stores.clients.create(web)
    assert stores.organisations.create(acme)
    stores.withdrawals.set_membership(member)
    return Trio(stores, person, web, acme, member)


KINDS: list[tuple[str, ...]] = [
    ("subject",),
    ("client_id",),
    ("organisation",),
    ("subject", "client_id"),
    ("client_id", "organisation"),
]


def begun_after(kind: tuple[str, ...], times: int) -> dict[str, Any]:
    """The one counter that `end` of this kind raises."""
    name = {
        ("subject",): "subject",
        ("client_id",): "client",
        ("organisation",): "organisation",
        ("subject", "client_id"): "grant",
        ("client_id", "organisation"): "installation",
    }[kind]
    return {name: times}


# ------------------------------------------------------------------ end


def test_ends_of_strangers_end_nothing(stores: Stores) -> None:
    ends = stores.tokens.standing(subject_key=key(identifier()), client_key=key(identifier())).ends
    assert (ends.subject, ends.client, ends.organisation) == (SubjectEnd(), ClientEnd(), OrganisationEnd())
    assert ends.stand(Begun(era=ends.deployment.era))
    assert not ends.is_suspended


@pytest.mark.parametrize("kind", KINDS, ids="+".join)
def test_end_raises_one_counter_each_time_and_what_was_begun_before_stands_no_more(
    stores: Stores, kind: tuple[str, ...]
) -> None:
    three = trio(stores)
    wanted: dict[str, Any] = {name: three.who[name] for name in kind}
    first = three.ends().begun()
    begun = [first]
    for times in (1, 2, 3):
        stores.withdrawals.end(**wanted)
        ends = three.ends()
        assert ends.begun() == replace(first, **begun_after(kind, times))
        assert ends.stand(ends.begun())
        assert not any(ends.stand(one) for one in begun)
        begun.append(ends.begun())


@pytest.mark.parametrize("kind", KINDS, ids="+".join)
def test_end_touches_nobody_else(stores: Stores, kind: tuple[str, ...]) -> None:
    three, other = trio(stores), trio(stores)
    before = three.ends().begun()
    stores.withdrawals.end(**{name: three.who[name] for name in kind})
    assert other.ends().begun() == replace(before, membership=other.member.epoch)
    for name in kind:
        ends = three.ends(**{name: other.who[name]})
        changed = {one: getattr(ends.begun(), one) for one in begun_after(kind, 1)}
        assert changed == begun_after(kind, 0), f"with another {name}"


@pytest.mark.parametrize(
    "whose", [{}, {"subject": "s", "client_id": "c", "organisation": "o"}, {"subject": "s", "organisation": "o"}]
)
def test_an_end_is_of_one_or_between_a_client_and_another(withdrawals: WithdrawalStore, whose: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        withdrawals.end(**whose)


def test_names_of_one_kind_are_none_of_another(stores: Stores) -> None:
    name = f"name-{identifier()}"

    def counters() -> tuple[int, int]:
        begun = stores.tokens.standing(subject_key=key(name), client_key=key(name)).ends.begun()
        return begun.subject, begun.client

    stores.withdrawals.end(organisation=name)
    assert counters() == (0, 0)
    stores.withdrawals.end(subject=name)
    assert counters() == (1, 0)
    stores.withdrawals.end(client_id=name)
    stores.withdrawals.end(client_id=name)
    assert counters() == (1, 2)
    assert stores.tokens.standing(organisation_key=key(name)).ends.organisation == OrganisationEnd(epoch=1)


@pytest.mark.parametrize("name", ["a#b", "x" * 3000, "\x00", "ä", "*", "#0"])
def test_ends_of_hostile_names_are_theirs(stores: Stores, name: str) -> None:
    name = name + identifier()
    stores.withdrawals.end(subject=name)
    stores.withdrawals.end(subject=name, client_id=name)
    stores.withdrawals.end(client_id=name)
    ends = stores.tokens.standing(subject_key=key(name), client_key=key(name)).ends
    assert (ends.begun().subject, ends.begun().grant, ends.begun().client) == (1, 1, 1)
    assert stores.tokens.standing(subject_key=key(name + "x"), client_key=key(name + "x")).ends.begun().subject == 0


def test_end_of_a_grant_is_of_that_client_alone(stores: Stores) -> None:
    three = trio(stores)
    other = f"client-{identifier()}"
    for times in (1, 2):
        stores.withdrawals.end(subject=three.person.sub, client_id=three.web.client_id)
        assert three.ends().begun().grant == times
        assert three.ends(client_id=other).begun().grant == 0
    stores.withdrawals.end(subject=three.person.sub, client_id=other)
    assert (three.ends().begun().grant, three.ends(client_id=other).begun().grant) == (2, 1)


def test_end_of_all_grants_is_of_every_client_and_signs_nobody_out(stores: Stores) -> None:
    three = trio(stores)
    signed_in = session(subject=three.person.sub, begun=three.ends(client_id="", organisation="").begun())
    stores.browsers.put_session(signed_in)
    other = f"client-{identifier()}"
    stores.withdrawals.end(subject=three.person.sub, client_id=three.web.client_id)
    of_web, of_other = three.ends().begun(), three.ends(client_id=other).begun()
    for _ in range(2):
        stores.withdrawals.end_grants(three.person.sub)
        assert not three.ends().stand(of_web)
        assert not three.ends(client_id=other).stand(of_other)
        of_web, of_other = three.ends().begun(), three.ends(client_id=other).begun()
        assert three.ends().stand(of_web)
        state = stores.browsers.browser_state(session_id=signed_in.id, subject_key=key(three.person.sub))
        assert state.session == signed_in
        assert state.ends.stand(signed_in.begun, signed_in.sessions)
    assert three.ends().subject == SubjectEnd(grants={key(three.web.client_id): 1, EVERY_CLIENT: 2})


def test_what_was_begun_for_one_client_never_stands_again_whichever_way_the_counts_came(stores: Stores) -> None:
    """One count is raised after the other: their sum never is what it was."""
    three = trio(stores)
    begun = [three.ends().begun()]
    for one_client in (True, False, False, True):
        if one_client:
            stores.withdrawals.end(subject=three.person.sub, client_id=three.web.client_id)
        else:
            stores.withdrawals.end_grants(three.person.sub)
        assert not any(three.ends().stand(one) for one in begun)
        begun.append(three.ends().begun())
    assert len(set(begun)) == 5


def test_end_of_a_subject_ends_what_its_grants_would_and_keeps_their_counts(stores: Stores) -> None:
    """An approval is compared with them whatever the epoch is."""
    three = trio(stores)
    stores.withdrawals.end(subject=three.person.sub, client_id=three.web.client_id)
    granted = three.ends().begun()
    stores.withdrawals.end(subject=three.person.sub)
    assert three.ends().subject == SubjectEnd(epoch=1, grants={key(three.web.client_id): 1}, api_keys=1)
    assert not three.ends().stand(granted)
    assert not three.ends().stand(replace(granted, grant=0))
    stores.withdrawals.delete_user(three.person.sub, NOW)
    assert three.ends().subject == SubjectEnd(epoch=2, suspended=SUSPENDED_DELETED, api_keys=2)


def test_end_of_an_organisation_ends_what_its_clients_and_approvers_would_and_empties_them(stores: Stores) -> None:
    three = trio(stores)
    approver = key(three.person.sub)
    stores.withdrawals.end(organisation=three.acme.id, client_id=three.web.client_id)
    stores.withdrawals.set_membership(replace(three.member, role="member", epoch="another"))
    before = three.ends()
    assert before.organisation == OrganisationEnd(clients={key(three.web.client_id): 1}, approvers={approver: 1})
    begun = before.begun(approver)
    stores.withdrawals.end(organisation=three.acme.id)
    after = three.ends()
    assert after.organisation == OrganisationEnd(epoch=1)
    assert not after.stand(begun)
    assert not after.stand(replace(begun, installation=0, approval=0))


# ------------------------------------------------------------------ sessions


def test_end_sessions_raises_their_counter_alone_and_applications_stay_connected(stores: Stores) -> None:
    three = trio(stores)
    granted = three.ends().begun()
    for times in (1, 2):
        assert stores.withdrawals.end_sessions(three.person.sub) is None
        ends = three.ends()
        assert ends.subject == SubjectEnd(sessions=times)
        assert ends.stand(granted)
        assert ends.stand(granted, sessions=times)
        assert not ends.stand(granted, sessions=times - 1)


def test_counter_of_sessions_is_not_emptied_by_an_end_of_the_subject(stores: Stores) -> None:
    """It is compared beside the epoch, not within it: an authorization forgets it, and a link may have none."""
    three = trio(stores)
    stores.withdrawals.end_sessions(three.person.sub)
    stores.withdrawals.end(subject=three.person.sub)
    assert three.ends().subject == SubjectEnd(epoch=1, sessions=1, api_keys=1)
    stores.withdrawals.end_sessions(three.person.sub)
    assert three.ends().subject == SubjectEnd(epoch=1, sessions=2, api_keys=1)


# ------------------------------------------------------------------ suspension


@dataclass(frozen=True)
class Suspension:
    """How one of the three is suspended for now, let stand again, and suspended for good."""

    name: str
    suspend: Callable[[Trio], object]
    resume: Callable[[Trio], object]
    delete: Callable[[Trio], object]

    def of(self, ends: Ends) -> tuple[int, str]:
        end = getattr(ends, self.name)
        return end.epoch, end.suspended


def _change_client(three: Trio, **changes: Any) -> bool:
    stored = three.stores.clients.get(three.web.client_id)
    assert stored is not None
    return three.stores.withdrawals.change_client(replace(stored, **changes))


SUSPENSIONS = (
    Suspension(
        "subject",
        lambda three: three.stores.withdrawals.change_user(three.person.sub, status=DISABLED),
        lambda three: three.stores.withdrawals.change_user(three.person.sub, status=ACTIVE),
        lambda three: three.stores.withdrawals.delete_user(three.person.sub, NOW),
    ),
    Suspension(
        "client",
        lambda three: _change_client(three, status=DISABLED),
        lambda three: _change_client(three, status=ACTIVE),
        lambda three: three.stores.withdrawals.delete_client(three.web.client_id),
    ),
    Suspension(
        "organisation",
        lambda three: three.stores.withdrawals.change_organisation(three.acme.id, status=DISABLED),
        lambda three: three.stores.withdrawals.change_organisation(three.acme.id, status=ACTIVE),
        lambda three: three.stores.withdrawals.delete_organisation(three.acme.id, NOW),
    ),
)

of_each = pytest.mark.parametrize("suspension", SUSPENSIONS, ids=lambda one: one.name)


@of_each
def test_suspended_lets_nothing_stand_nor_begin_until_it_is_let_stand_again(
    stores: Stores, suspension: Suspension
) -> None:
    three = trio(stores)
    before = three.ends().begun()
    assert suspension.suspend(three)
    meanwhile = three.ends()
    assert suspension.of(meanwhile) == (1, SUSPENDED_DISABLED)
    assert not meanwhile.stand(before)
    assert not meanwhile.stand(meanwhile.begun()), "what begins meanwhile does not stand either"
    assert suspension.resume(three)
    after = three.ends()
    assert suspension.of(after) == (2, "")
    for begun in (before, meanwhile.begun()):
        assert not after.stand(begun)
    assert after.stand(after.begun())


@of_each
def test_suspended_for_good_stays_so_whatever_is_done(stores: Stores, suspension: Suspension) -> None:
    three = trio(stores)
    suspension.delete(three)
    epoch, suspended = suspension.of(three.ends())
    assert (epoch, suspended) == (1, SUSPENDED_DELETED)
    changed = suspension.name == "client" or suspension.resume(three)
    assert changed is None or suspension.name == "client"
    for kind in KINDS:
        stores.withdrawals.end(**{name: three.who[name] for name in kind})
    stores.withdrawals.end_sessions(three.person.sub)
    suspension.delete(three)
    ends = three.ends()
    assert suspension.of(ends)[1] == SUSPENDED_DELETED
    assert suspension.of(ends)[0] >= epoch
    assert not ends.stand(ends.begun())


@of_each
def test_an_end_does_not_lift_a_suspension(stores: Stores, suspension: Suspension) -> None:
    three = trio(stores)
    suspension.suspend(three)
    for kind in KINDS:
        stores.withdrawals.end(**{name: three.who[name] for name in kind})
    stores.withdrawals.end_sessions(three.person.sub)
    stores.withdrawals.set_password(three.person.sub, "another hash")
    _change_client(three, client_name="Another name")
    stores.withdrawals.change_organisation(three.acme.id, name="Another name")
    assert suspension.of(three.ends())[1] == SUSPENDED_DISABLED


@of_each
def test_a_suspension_touches_nobody_else(stores: Stores, suspension: Suspension) -> None:
    three, other = trio(stores), trio(stores)
    before = other.ends()
    suspension.suspend(three)
    suspension.delete(three)
    assert other.ends() == before


# ------------------------------------------------------------------ what does not end anything


QUIET: dict[str, Callable[[Trio], object]] = {
    "a name": lambda three: three.stores.withdrawals.change_user(three.person.sub, name="Another"),
    "an address": lambda three: three.stores.withdrawals.change_user(three.person.sub, email="x@y.example"),
    "becoming an operator": lambda three: three.stores.withdrawals.change_user(three.person.sub, operator=True),
    "a client's name": lambda three: _change_client(three, client_name="Another"),
    "a client's scope": lambda three: _change_client(three, scope=Scope.parse("read")),
    "an organisation's name": lambda three: three.stores.withdrawals.change_organisation(three.acme.id, name="Another"),
    "a company less": lambda three: three.stores.withdrawals.drop_company(three.acme.id, "a"),
    "a company more": lambda three: three.stores.organisations.put_company(three.acme.id, "b", "B", 9),
    "a profile": lambda three: three.stores.users.update(three.person.sub, name="Another"),
    "a consent less": lambda three: three.stores.withdrawals.forget_consent(three.person.sub, three.web.client_id),
}


@pytest.mark.parametrize("what", QUIET)
def test_what_takes_nothing_from_what_was_begun_raises_no_epoch(stores: Stores, what: str) -> None:
    three = trio(stores)
    before = three.ends().begun(key(three.person.sub))
    QUIET[what](three)
    assert three.ends().begun(key(three.person.sub)) == before
    assert three.ends().stand(before)


def test_losing_an_operators_powers_ends_all_that_the_operator_had(stores: Stores) -> None:
    three = trio(stores, operator=True)
    assert three.ends().subject == SubjectEnd(operator=True)
    assert stores.withdrawals.change_user(three.person.sub, operator=False) == replace(three.person, operator=False)
    assert three.ends().subject == SubjectEnd(epoch=1)
    assert stores.withdrawals.change_user(three.person.sub, operator=True) == three.person
    assert three.ends().subject == SubjectEnd(epoch=1, operator=True)


def test_version_and_what_a_client_may_have_ride_in_its_end(stores: Stores) -> None:
    three = trio(stores)
    assert three.ends().client == ClientEnd(), "never changed since it was registered"
    _change_client(three, scope=Scope.parse("read"))
    assert three.ends().client == ClientEnd(version=1, scope=Scope.parse("read"))
    _change_client(three, scope=Scope())
    assert three.ends().client == ClientEnd(version=2, scope=Scope())
    stores.withdrawals.end(client_id=three.web.client_id)
    assert three.ends().client == ClientEnd(epoch=1, version=2, scope=Scope())
    _change_client(three, grant_types=("authorization_code",))
    assert three.ends().client == ClientEnd(epoch=1, version=3, scope=Scope(), acts_for_itself=False)
    stores.clients.keep(three.web.client_id)
    assert not three.ends().client.acts_for_itself
    _change_client(three, grant_types=("client_credentials",))
    assert three.ends().client == ClientEnd(epoch=1, version=4, scope=Scope())
    _change_client(three, grant_types=("client_credentials",), token_endpoint_auth_method="none")
    assert not three.ends().client.acts_for_itself


# ------------------------------------------------------------------ the deployment


def test_a_new_era_ends_all_of_before_and_nothing_of_after(own_stores: Stores) -> None:
    three = trio(own_stores)
    before = three.ends().begun()
    for era in ("one", "two"):
        own_stores.withdrawals.end_everything(era)
        assert own_stores.deployment().era == era
        assert not three.ends().stand(before)
        before = three.ends().begun()
        assert before.era == era
        assert three.ends().stand(before)


def test_a_new_era_ends_what_a_restored_backup_brings_back(own_stores: Stores) -> None:
    """Its counters are those of before, and so would be what was begun under them since: the era is not."""
    three = trio(own_stores)
    own_stores.withdrawals.end_everything(identifier())
    own_stores.withdrawals.end(subject=three.person.sub)
    since = three.ends().begun()
    restored = replace(three.ends(), subject=SubjectEnd())
    assert restored.stand(replace(since, subject=0)), "an epoch alone is repeated"
    own_stores.withdrawals.end_everything(identifier())
    for begun in (since, replace(since, subject=0)):
        assert not three.ends().stand(begun)
        assert not replace(restored, deployment=own_stores.deployment()).stand(begun)


def test_ends_of_one_kind_do_not_touch_the_deployment(stores: Stores) -> None:
    three, before = trio(stores), stores.deployment()
    for kind in KINDS:
        stores.withdrawals.end(**{name: three.who[name] for name in kind})
    assert stores.deployment() == before


# ------------------------------------------------------------------ counters never go back


def _end(*kind: str) -> Callable[[Trio], object]:
    return lambda three: three.stores.withdrawals.end(**{name: three.who[name] for name in kind})


EVERY_WAY: dict[str, Callable[[Trio], object]] = {
    **{"+".join(kind): _end(*kind) for kind in KINDS},
    "grants": lambda three: three.stores.withdrawals.end_grants(three.person.sub),
    "sessions": lambda three: three.stores.withdrawals.end_sessions(three.person.sub),
    "password": lambda three: three.stores.withdrawals.set_password(three.person.sub, identifier()),
    "factors": lambda three: three.stores.withdrawals.remove_factors(three.person.sub),
    "disabled": lambda three: three.stores.withdrawals.change_user(three.person.sub, status=DISABLED),
    "enabled": lambda three: three.stores.withdrawals.change_user(three.person.sub, status=ACTIVE),
    "client disabled": lambda three: _change_client(three, status=DISABLED),
    "client enabled": lambda three: _change_client(three, status=ACTIVE),
    "client kept": lambda three: three.stores.clients.keep(three.web.client_id),
    "organisation disabled": lambda three: three.stores.withdrawals.change_organisation(three.acme.id, status=DISABLED),
    "organisation enabled": lambda three: three.stores.withdrawals.change_organisation(three.acme.id, status=ACTIVE),
    "company": lambda three: three.stores.organisations.put_company(three.acme.id, "c", "C", 9),
    "demoted": lambda three: three.stores.withdrawals.set_membership(
        replace(three.member, role="member", epoch=identifier())
    ),
    "promoted": lambda three: three.stores.withdrawals.set_membership(replace(three.member, epoch=identifier())),
    "removed": lambda three: three.stores.withdrawals.delete_membership(three.acme.id, three.person.sub),
    "back again": lambda three: three.stores.withdrawals.set_membership(replace(three.member, epoch=identifier())),
}


def test_nothing_that_was_begun_once_and_has_ended_ever_stands_again(stores: Stores) -> None:
    """Through every way there is, twice: whatever does not stand at some time does not at any later one."""
    three = trio(stores)
    stands: dict[Begun, bool] = {}
    counters: list[tuple[int, ...]] = []
    for name in [*EVERY_WAY, *EVERY_WAY]:
        ends = three.ends()
        if ends.membership is not None:
            stands.setdefault(ends.begun(key(three.person.sub)), ends.stand(ends.begun()))
        EVERY_WAY[name](three)
        now = three.ends()
        for begun, has_stood in stands.items():
            assert has_stood or not now.stand(begun), f"{begun} stands again after {name}"
            stands[begun] = now.stand(begun)
        of_subject = (now.subject.epoch, now.subject.sessions)
        of_others = (now.client.epoch, now.client.version, now.organisation.epoch)
        counters.append((*of_subject, *of_others))
    assert len(stands) > len(EVERY_WAY)
    for before, after in itertools.pairwise(counters):
        assert all(then <= later for then, later in zip(before, after, strict=True)), "no counter goes back"


def test_the_ends_of_many_are_found_together(stores: Stores) -> None:
    three = [trio(stores) for _ in range(3)]
    stores.withdrawals.end(subject=three[0].person.sub)
    stores.withdrawals.delete_client(three[1].web.client_id)
    stores.withdrawals.end(client_id=three[2].web.client_id, organisation=three[2].acme.id)
    nobody = Whose(*(identifier() for _ in range(3)))
    whose = [nobody, *(Whose(**one.who) for one in three), *(Whose(one.person.sub) for one in three)]
    whose += [Whose(identifier(), client_id=three[1].web.client_id) for _ in range(120)]
    found = stores.tokens.ends_of(whose)
    assert list(found) == whose
    assert found[nobody].membership is None
    assert [found[Whose(**one.who)] for one in three] == [one.ends() for one in three]
    assert all(found[one].client.suspended == SUSPENDED_DELETED for one in whose[7:])
    assert stores.tokens.ends_of([]) == {}
