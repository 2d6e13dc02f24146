"""A read of several items is no snapshot, and a transaction is seen item by item: what begins then is dead or right.

On those implementations that have items.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from authserver.ends import Begun, OrganisationEnd, SubjectEnd
from authserver.errors import TemporarilyUnavailable
from authserver.models import ACTIVE, DISABLED
from authserver.models.browsers import OneTimeLink, Session
from authserver.models.clients import Client, ClientSecret
from authserver.models.factors import Factors
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.users import Identity, User
from authserver.storage.standing import Ends
from authserver.tokens.keyring import KeyRing
from authserver.values import Scope
from tests.contract.implementations import Clocks, Stores, on_dynamodb
from tests.contract.meddling import READS, WRITES, HalfVisible, Interleaved, Meddler
from tests.contract.records import NOW, consent, created, identifier, key, membership, session, user
from tests.contract.tables import every_item
from tests.fakes import Clock, FakeOpener, Random, client, settings

pytestmark = pytest.mark.parametrize("own_stores", ["ministack"], indirect=True)  # what is shown is of our calls


@dataclass(frozen=True)
class World:
    """Somebody who is signed in, is an administrator of an organisation, and has allowed a client something."""

    stores: Stores
    person: User
    web: Client
    acme: Organisation
    member: Membership
    session: Session
    link: OneTimeLink
    identity: Identity

    def ends(self) -> Ends:
        return self.stores.tokens.standing(
            subject_key=key(self.person.sub), client_key=key(self.web.client_id), organisation_key=key(self.acme.id)
        ).ends


def world(stores: Stores) -> World:
    person, web = user(email="a@b.example"), client(client_id=identifier(), secrets=(ClientSecret(b"1" * 32, NOW),))
    acme = Organisation(f"org-{identifier()}", "A customer", {"a": "A", "b": "B"})
    member = membership(acme.id, person.sub, ADMINISTRATOR)
    assert stores.users.create(person)
    assert stores.clients.create(web)
    assert stores.organisations.create(acme)
    stores.withdrawals.set_membership(member)
    ends = stores.browsers.ends(key(person.sub))
    subject = Begun(era=ends.deployment.era, subject=ends.subject.epoch)
    signed_in = session(subject=person.sub, begun=subject, sessions=ends.subject.sessions)
    stores.browsers.put_session(signed_in)
    allowed = consent(subject=person.sub, client_id=web.client_id, begun=ends.begun())
    stores.browsers.remember_consent(allowed, NOW)
    sent = OneTimeLink(identifier(), b"hash", "password_reset", person.sub, person.email, NOW, NOW + 60, begun=subject)
    assert stores.browsers.put_link(sent)
    known = Identity.of(person.sub, "https://idp.example", identifier(), NOW)
    assert stores.users.link(known)
    return World(stores, person, web, acme, member, signed_in, sent, known)


# ------------------------------------------------------------------ what begins, by reads as the use cases make them


@dataclass(frozen=True)
class Outcome:
    """What is begun under which epochs, and the records that decided it."""

    begun: Begun
    sessions: int | None
    decided_by: tuple[Any, ...]


def by_password(there: World, stores: Stores) -> Outcome | None:
    """A session, by what was typed: the end and the record that decides are of one instant."""
    era = stores.deployment().era
    state = stores.users.account_state(there.person.sub)
    if state.user is None or state.user.status != ACTIVE or state.end.suspended:
        return None
    return Outcome(Begun(era=era, subject=state.end.epoch), state.end.sessions, (state.user, state.factors))


def by_secret(there: World, stores: Stores) -> Outcome | None:
    """A machine's token: the record of the client is read with its end, and by version."""
    standing = stores.tokens.standing(client_id=there.web.client_id)
    if standing.client is None or not standing.client.is_active:
        return None
    begun = Begun(era=standing.ends.deployment.era, client=standing.client.epoch)
    return Outcome(begun, None, (standing.client,))


def by_session(there: World, stores: Stores) -> Outcome | None:
    """An authorization, by what a browser has said before."""
    web = stores.clients.find(there.web.client_id)
    state = stores.browsers.browser_state(
        session_id=there.session.id, subject_key=key(there.person.sub), client_key=key(there.web.client_id)
    )
    if web is None or not web.is_active or state.session is None or state.consent is None:
        return None
    if not state.ends.stand(state.session.begun, state.session.sessions):
        return None
    if not state.ends.for_client(key(web.client_id), web.epoch).stand(state.consent.begun):
        return None
    begun = replace(state.session.begun, client=web.epoch, grant=state.consent.begun.grant)
    return Outcome(begun, state.session.sessions, (web, state.session, state.consent))


def for_organisation(there: World, stores: Stores) -> Outcome | None:
    """An authorization for an organisation, by the word of a member of it."""
    ends = stores.browsers.ends(key(there.person.sub))
    standing = stores.tokens.standing(
        client_key=key(there.web.client_id),
        subject_key=key(there.person.sub),
        organisation_key=key(there.acme.id),
        companies=True,
    )
    member, acme = standing.ends.membership, standing.organisation
    if member is None or acme is None or standing.ends.is_suspended:
        return None
    begun = replace(standing.ends.begun(), subject=ends.subject.epoch, grant=standing.ends.begun().grant)
    return Outcome(begun, None, (member.role, acme.companies, acme.status))


ACTS: dict[str, Callable[[World, Stores], Outcome | None]] = {
    one.__name__: one for one in (by_password, by_secret, by_session, for_organisation)
}


def _change(there: World, **changes: Any) -> object:
    stored = there.stores.clients.get(there.web.client_id)
    assert stored is not None
    return there.stores.withdrawals.change_client(replace(stored, **changes))


def _disabled_for_a_while(there: World) -> object:
    """Long enough for somebody to set another secret."""
    _change(there, status=DISABLED)
    return _change(there, status=ACTIVE, secrets=(ClientSecret(b"2" * 32, NOW),))


COMMITS: dict[str, Callable[[World], object]] = {
    "password": lambda w: w.stores.withdrawals.set_password(w.person.sub, "another hash"),
    "disabled": lambda w: w.stores.withdrawals.change_user(w.person.sub, status=DISABLED),
    "deleted": lambda w: w.stores.withdrawals.delete_user(w.person.sub, NOW),
    "everything of the user": lambda w: w.stores.withdrawals.end(subject=w.person.sub),
    "sessions": lambda w: w.stores.withdrawals.end_sessions(w.person.sub),
    "this session": lambda w: w.stores.withdrawals.end_session(w.session.id),
    "consent": lambda w: w.stores.withdrawals.forget_consent(w.person.sub, w.web.client_id),
    "grant": lambda w: w.stores.withdrawals.end(subject=w.person.sub, client_id=w.web.client_id),
    "everything of the client": lambda w: w.stores.withdrawals.end(client_id=w.web.client_id),
    "client's scope": lambda w: _change(w, scope=Scope.parse("read")),
    "client disabled": lambda w: _change(w, status=DISABLED),
    "client disabled for a while": _disabled_for_a_while,
    "client deleted": lambda w: w.stores.withdrawals.delete_client(w.web.client_id),
    "organisation disabled": lambda w: w.stores.withdrawals.change_organisation(w.acme.id, status=DISABLED),
    "organisation deleted": lambda w: w.stores.withdrawals.delete_organisation(w.acme.id, NOW),
    "company": lambda w: w.stores.withdrawals.drop_company(w.acme.id, "a"),
    "role": lambda w: w.stores.withdrawals.set_membership(membership(w.acme.id, w.person.sub)),
    "membership": lambda w: w.stores.withdrawals.delete_membership(w.acme.id, w.person.sub),
    "installation": lambda w: w.stores.withdrawals.end(organisation=w.acme.id, client_id=w.web.client_id),
}

# Which of them can be seen by what.
SEEN = {
    "by_password": {"password", "disabled", "deleted", "everything of the user", "sessions"},
    "by_secret": {one for one in COMMITS if "client" in one},
    "by_session": {
        *("password", "disabled", "deleted", "everything of the user", "sessions", "this session", "consent", "grant"),
        *(one for one in COMMITS if "client" in one),
    },
    "for_organisation": {
        *("password", "disabled", "everything of the user", "grant", "everything of the client", "client disabled"),
        *("organisation disabled", "organisation deleted", "company", "role", "membership", "installation"),
    },
}


def stands(there: World, outcome: Outcome | None, act: str) -> bool:
    """Whether what was begun stands now, by those of the ends that it was begun under."""
    if outcome is None:
        return False
    ends = there.ends()
    if act != "for_organisation":
        ends = replace(ends, membership=None, organisation=OrganisationEnd(), organisation_key="")
    if act == "by_password":
        ends = ends.for_client("", 0)
    elif act == "by_secret":
        ends = replace(ends, subject=SubjectEnd())
    return ends.stand(outcome.begun, outcome.sessions)


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize(("act", "what"), [(act, what) for act, all_ in SEEN.items() for what in sorted(all_)])
def test_what_begins_while_another_write_comes_between_two_items_is_dead_or_right(
    own_stores: Stores, act: str, what: str, backwards: bool
) -> None:
    begin = ACTS[act]
    for after in range(1, 12):
        there = world(own_stores)
        before = begin(there, own_stores.new_instance())
        assert stands(there, before, act)
        assert own_stores.dynamodb is not None
        reads = Interleaved(own_stores.dynamodb, after, lambda w=there: COMMITS[what](w), backwards=backwards)  # type: ignore[misc]  # not inferred
        meanwhile = begin(there, on_dynamodb(own_stores.name, reads.as_client))
        if reads.read < after:
            break
        has_ended = not stands(there, before, act)
        if has_ended and stands(there, meanwhile, act):
            assert meanwhile is not None
            now = begin(there, own_stores.new_instance())
            assert now is not None
            assert meanwhile.decided_by == now.decided_by, f"what was there before decided, after {after} items"
    else:
        pytest.fail("it reads more items than this tries")
    assert after > 1, "nothing came between"


# ------------------------------------------------------------------ stored > present


def shows_old(stores: Stores, is_old: Callable[[str], bool], reads: int) -> tuple[HalfVisible, Stores]:
    """A client that shows these items as they are now, in so many reads to come; and an instance on it."""
    seen = HalfVisible(stores.dynamodb, is_old, reads)
    return seen, on_dynamodb(stores.name, seen.as_client)


ENDS: dict[str, tuple[str, Callable[[World], object]]] = {
    "subject": ("end#subject#", lambda w: w.stores.withdrawals.end(subject=w.person.sub)),
    "grant": ("end#subject#", COMMITS["grant"]),
    "client": ("end#client#", COMMITS["everything of the client"]),
    "organisation": ("end#organisation#", lambda w: w.stores.withdrawals.end(organisation=w.acme.id)),
    "installation": ("end#organisation#", COMMITS["installation"]),
    "sessions": ("end#subject#", COMMITS["sessions"]),
}


@pytest.mark.parametrize("behind", [1, 2, 3, 10**6], ids=["once", "twice", "three times", "always"])
@pytest.mark.parametrize("what", ENDS)
def test_what_was_begun_after_the_ends_that_are_read_has_them_read_again_and_is_refused_in_the_end(
    own_stores: Stores, what: str, behind: int
) -> None:
    there, (prefix, raise_it) = world(own_stores), ENDS[what]
    seen, instance = shows_old(own_stores, lambda one: one.startswith(prefix), behind)
    raise_it(there)
    present = there.ends()
    record = created(
        own_stores.tokens,
        subject=there.person.sub,
        client_id=there.web.client_id,
        organisation=there.acme.id,
        begun=present.begun(),
        sessions=present.subject.sessions,
    )
    standing = instance.tokens.standing(
        client_key=key(record.client_id),
        subject_key=key(record.subject),
        organisation_key=key(record.organisation),
        authorization_id=record.id,
    )
    assert standing.authorization == record
    assert standing.stands(record) is (behind < 3)
    assert seen.count(READS) == min(behind + 1, 3)
    assert seen.count(WRITES) == 0


@pytest.mark.parametrize("behind", [1, 10**6], ids=["once", "always"])
def test_an_epoch_that_a_token_itself_tells_is_read_again_as_well(own_stores: Stores, behind: int) -> None:
    there = world(own_stores)
    seen, instance = shows_old(own_stores, lambda one: one.startswith("end#client#"), behind)
    own_stores.withdrawals.end(client_id=there.web.client_id)
    begun = Begun(era=own_stores.deployment().era, client=1)
    standing = instance.tokens.standing(client_key=key(there.web.client_id), jti=identifier(), begun=begun)
    assert standing.ends.stand(begun) is (behind == 1)
    assert seen.count(READS) == (2 if behind == 1 else 3)


@pytest.mark.parametrize("behind", [1, 10**6], ids=["once", "always"])
@pytest.mark.parametrize("what", ["subject", "sessions"])
def test_a_session_and_a_link_of_after_the_ends_that_are_read_have_them_read_again(
    own_stores: Stores, what: str, behind: int
) -> None:
    there, (prefix, raise_it) = world(own_stores), ENDS[what]
    for_session, of_session = shows_old(own_stores, lambda one: one.startswith(prefix), behind)
    for_link, of_link = shows_old(own_stores, lambda one: one.startswith(prefix), behind)
    raise_it(there)
    ends = own_stores.browsers.ends(key(there.person.sub))
    signed_in = session(subject=there.person.sub, begun=ends.begun(), sessions=ends.subject.sessions)
    own_stores.browsers.put_session(signed_in)
    state = of_session.browsers.browser_state(session_id=signed_in.id, subject_key=key(there.person.sub))
    assert state.session == signed_in
    assert state.ends.stand(signed_in.begun, signed_in.sessions) is (behind == 1)
    link = _link(there, ends)
    assert own_stores.browsers.put_link(link)
    sent = of_link.browsers.link(link.id, key(there.person.sub))
    assert sent.link == link
    assert sent.ends.stand(link.begun, link.sessions) is (behind == 1)
    for seen in (for_session, for_link):
        assert seen.count(READS) == (2 if behind == 1 else 3)
        assert seen.count(WRITES) == 0


def _link(there: World, ends: Ends) -> OneTimeLink:
    return OneTimeLink(
        *(identifier(), b"hash", "password_reset", there.person.sub, "a@b.example", NOW, NOW + 60),
        begun=ends.begun(),
        sessions=ends.subject.sessions,
    )


def test_one_copy_that_is_behind_refuses_nothing_of_after(own_stores: Stores) -> None:
    """It is read anew, and another copy then."""
    there = world(own_stores)
    _, instance = shows_old(own_stores, lambda one: one.startswith("end#client#") and one.endswith("#3"), 10**6)
    own_stores.withdrawals.end(client_id=there.web.client_id)
    begun = there.ends().begun()
    record = created(own_stores.tokens, subject=there.person.sub, client_id=there.web.client_id, begun=_personal(begun))
    for _ in range(16):
        standing = instance.tokens.standing(
            client_key=key(record.client_id), subject_key=key(record.subject), authorization_id=record.id
        )
        assert standing.stands(record)


def _personal(begun: Begun) -> Begun:
    return replace(begun, organisation=0, installation=0, membership="", member_grant=0)


# ------------------------------------------------------------------ the era


def test_an_era_that_this_instance_does_not_know_yet_is_read_once_more(own_stores: Stores) -> None:
    there = world(own_stores)
    reads = Meddler(own_stores.dynamodb)
    instance = on_dynamodb(own_stores.name, reads.as_client, Clocks())
    before = instance.deployment()
    own_stores.withdrawals.end_everything(identifier())
    assert instance.deployment() == before, "it remembers, for its clocks stand still"
    record = created(
        own_stores.tokens,
        subject=there.person.sub,
        client_id=there.web.client_id,
        begun=_personal(there.ends().begun()),
    )
    reads.calls.clear()
    standing = instance.tokens.standing(
        client_key=key(record.client_id), subject_key=key(record.subject), authorization_id=record.id
    )
    assert standing.stands(record)
    assert reads.count(READS) == 2
    assert instance.deployment() == own_stores.deployment()


def test_what_is_of_an_era_that_is_over_is_refused_by_one_more_read_at_most(own_stores: Stores) -> None:
    there = world(own_stores)
    records = []
    for _ in range(2):
        begun = _personal(there.ends().begun())
        records.append(created(own_stores.tokens, subject=there.person.sub, client_id=there.web.client_id, begun=begun))
        own_stores.withdrawals.end_everything(identifier())
    reads = Meddler(own_stores.dynamodb)
    instance = on_dynamodb(own_stores.name, reads.as_client, Clocks())
    for record in records:
        reads.calls.clear()
        standing = instance.tokens.standing(
            client_key=key(record.client_id), subject_key=key(record.subject), authorization_id=record.id
        )
        assert not standing.stands(record)
        assert reads.count(READS) <= 2


def test_what_tells_no_era_costs_no_other_read_once_there_is_one(own_stores: Stores) -> None:
    """A client that authenticates has not begun anything."""
    there = world(own_stores)
    own_stores.withdrawals.end_everything(identifier())
    reads = Meddler(own_stores.dynamodb)
    instance = on_dynamodb(own_stores.name, reads.as_client)
    for _ in range(3):
        assert instance.tokens.standing(client_id=there.web.client_id).client == there.web
    assert reads.count(READS) == 3


# ------------------------------------------------------------------ record and end of two versions


def _find(instance: Stores, there: World) -> Client | None:
    return instance.clients.find(there.web.client_id)


def _authenticate(instance: Stores, there: World) -> Client | None:
    return instance.tokens.standing(client_id=there.web.client_id).client


def _companies(instance: Stores, there: World) -> Organisation | None:
    return instance.tokens.standing(organisation_key=key(there.acme.id), companies=True).organisation


VERSIONED: dict[str, tuple[Callable[[Stores, World], Any], Callable[[World], object], str, str]] = {
    "client": (_find, lambda w: _change(w, client_name="Changed"), "end#client#", "client_id"),
    "client that authenticates": (
        _authenticate,
        lambda w: _change(w, client_name="Changed"),
        "end#client#",
        "client_id",
    ),
    "organisation": (_companies, lambda w: w.stores.withdrawals.drop_company(w.acme.id, "a"), "end#organ", "organis"),
}


@pytest.mark.parametrize("remembers", [False, True], ids=["new", "remembers"])
@pytest.mark.parametrize("is_end_old", [False, True], ids=["record", "end"])
@pytest.mark.parametrize("what", VERSIONED)
def test_a_record_and_its_end_of_two_versions_are_read_again_at_most_three_times(
    own_stores: Stores, what: str, is_end_old: bool, remembers: bool
) -> None:
    read, change, end, record = VERSIONED[what]
    for behind in (1, 10**6):
        there = world(own_stores)
        web = there.web.client_id

        def is_old(one: str, web: str = web) -> bool:
            return one.startswith(end) if is_end_old else one.startswith(record) or one == web

        seen, instance = shows_old(own_stores, is_old, 0)
        if remembers:
            assert read(instance, there) is not None
        before = read(own_stores.new_instance(), there)
        change(there)
        after = read(own_stores.new_instance(), there)
        assert before != after
        seen.calls.clear()
        seen.show_old(behind)
        if is_end_old and remembers:
            # To this instance nothing has happened yet: the version that it remembers is that of the end.
            assert read(instance, there) == before
            continue
        if behind == 1:
            assert read(instance, there) == after
            assert seen.count(READS) <= 3
        else:
            with pytest.raises(TemporarilyUnavailable):
                read(instance, there)
            assert seen.count(READS) == 3
        assert seen.count(WRITES) == 0


# What changes a user's record together with their end.
SIGN_INS: dict[str, Callable[[World], object]] = {
    "password": COMMITS["password"],
    "own password": lambda w: w.stores.withdrawals.replace_password(
        w.person, "another hash", w.session, replace(w.session, id=identifier())
    ),
    "reset": lambda w: w.stores.withdrawals.reset_password(w.link, "claim", "another hash", NOW),
    "disabled": COMMITS["disabled"],
    "disabled for a while": lambda w: [
        w.stores.withdrawals.change_user(w.person.sub, status=status) for status in (DISABLED, ACTIVE)
    ],
    "operator": lambda w: w.stores.withdrawals.change_user(w.person.sub, operator=True),
    "operator no more": lambda w: w.stores.withdrawals.change_user(w.person.sub, operator=False),
    "identity": lambda w: w.stores.withdrawals.unlink(w.person.sub, w.identity.id),
    "own identity": lambda w: w.stores.withdrawals.unlink_own(
        w.identity, Factors(w.person.sub), w.session, replace(w.session, id=identifier())
    ),
}


@pytest.mark.parametrize("is_end_old", [False, True], ids=["record", "end"])
@pytest.mark.parametrize("what", SIGN_INS)
def test_a_sign_in_is_decided_by_a_record_and_an_end_of_one_instant(
    own_stores: Stores, what: str, is_end_old: bool
) -> None:
    """Neither an old password under a new end, nor a new one under an end that is over."""
    prefix = "end#subject#" if is_end_old else "user#"
    for behind in (1, 10**6):
        there = world(own_stores)
        identity = there.identity.id
        seen, instance = shows_old(own_stores, lambda one: one.startswith(prefix), 0)
        before = instance.users.account_state(there.person.sub, identity)
        assert before.user is not None
        SIGN_INS[what](there)
        after = own_stores.new_instance().users.account_state(there.person.sub, identity)
        assert after != before
        assert (after.user is None) is ("identity" in what)
        seen.show_old(behind)
        if behind == 1:
            assert instance.users.account_state(there.person.sub, identity) == after
        else:
            with pytest.raises(TemporarilyUnavailable):
                instance.users.account_state(there.person.sub, identity)


def test_what_ends_without_the_record_is_seen_at_once(own_stores: Stores) -> None:
    there = world(own_stores)
    for end in ("everything of the user", "sessions", "grant"):
        COMMITS[end](there)
        state = own_stores.users.account_state(there.person.sub)
        assert state.user == own_stores.users.get(there.person.sub)
        assert state.end == own_stores.browsers.ends(key(there.person.sub)).subject


# ------------------------------------------------------------------ the withdrawal of a key


def test_a_key_whose_withdrawal_was_half_to_be_seen_is_trusted_no_longer_than_a_minute(own_stores: Stores) -> None:
    """The deployment's item is seen as it is, and the ring once as it was."""
    clock = Clock()

    def keys_of(stores: Stores) -> KeyRing:
        return KeyRing(stores.keys, FakeOpener(), settings(), clock, Random(), stores.deployment)

    operator = keys_of(own_stores)
    operator.rotate()
    stolen = operator.signing_key("ES256").kid
    seen, instance = shows_old(own_stores, lambda one: one == "ES256", 0)
    verifier = keys_of(instance)
    assert verifier.verification_key(stolen)
    ring = operator.withdrawn(stolen)
    assert ring is not None
    assert own_stores.withdrawals.withdraw_key(ring)
    assert not verifier.are_current()
    seen.show_old(1)
    assert verifier.verification_key(stolen)
    seen.show_old(0)
    for _ in range(60):
        clock.advance(1)
        verifier.are_current()
    assert not verifier.verification_key(stolen)


# ------------------------------------------------------------------ tables of two moments


RESTORED: dict[
    str, tuple[str, Callable[[Stores, World], Any], Callable[[World], object], Callable[[World], object]]
] = {
    "user": (
        "user#",
        lambda s, w: s.users.account_state(w.person.sub),
        COMMITS["password"],
        lambda w: w.stores.withdrawals.set_password(w.person.sub, "a third hash"),
    ),
    "client": (
        "",
        lambda s, w: s.clients.find(w.web.client_id),
        lambda w: [_change(w, client_name="One"), _change(w, client_name="Two")],
        lambda w: _change(w, client_name="Three"),
    ),
    "organisation": (
        "organisation#",
        lambda s, w: s.tokens.standing(organisation_key=key(w.acme.id), companies=True).organisation,
        COMMITS["company"],
        lambda w: w.stores.withdrawals.change_organisation(w.acme.id, name="Another"),
    ),
}


@pytest.mark.parametrize("what", RESTORED)
def test_a_record_and_an_end_of_backups_of_two_moments_agree_again_with_the_next_change(
    own_stores: Stores, what: str
) -> None:
    prefix, read, change, mend = RESTORED[what]
    there = world(own_stores)
    assert own_stores.dynamodb is not None
    table = "ClientsTable" if what == "client" else "UsersTable"
    names = [prefix + there.person.sub, there.web.client_id, f"organisation#{key(there.acme.id)}"]
    before = [item for item in every_item(own_stores.dynamodb, table) if _name_of(item) in names]
    change(there)
    for item in before:
        own_stores.dynamodb.put_item(TableName=table, Item=item)
    with pytest.raises(TemporarilyUnavailable):
        read(own_stores.new_instance(), there)
    mend(there)
    assert read(own_stores.new_instance(), there) is not None


def _name_of(item: dict[str, Any]) -> str:
    return str(item.get("id", item.get("client_id"))["S"])  # type: ignore[index]  # one of the two is there
