"""What a user's deletion leaves to be done: it is done to the end, whatever comes between."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from authserver.endpoints.orders.erase import KEPT, LOOKS, SETTLED, erase
from authserver.ends import Begun
from authserver.errors import InvalidGrant, InvalidToken, TemporarilyUnavailable
from authserver.identity.begin import key_text
from authserver.messages.erasure import Erasing
from authserver.models.browsers import Consent, OneTimeLink
from authserver.models.clients import OWNER_DELETED, TEST, VERIFIED
from authserver.models.factors import Factors
from authserver.models.invitations import Approval, Invitation
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.storage.erasures import ACTIVITY, CLIENTS, KINDS, MEMBERSHIPS, PAGE, SESSIONS
from authserver.values import Scope
from tests import fakes
from tests.contract import records
from tests.unit.server import App, Browser, Server

SUB, NAME, ADDRESS, FULL_NAME = "sub-of-alice", "alice", "alice@example.com", "Alice Liddell"
KEY = key_text(SUB)


def always() -> bool:
    return True


def steps(number: int) -> Callable[[], bool]:
    """There is time for so many."""
    left = iter((True,) * number)
    return lambda: next(left, False)


class Life(Server):
    """Alice has been here for long: whatever can name her does."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = App(self).tokens()
        self.change("web", access_token_format="opaque")
        self.opaque = App(self).tokens()
        self.pending = Browser(self)
        self.pending.authorize(login_hint=NAME)
        now = self.clock()
        own = fakes.client(
            client_id="of-alice", owner=SUB, verification=VERIFIED, contacts=("Alice@Example.com", "help@app.example")
        )
        self.clients.create(own)
        self.organisations.create(Organisation("acme", "Acme"))
        for subject, role in ((SUB, ADMINISTRATOR), ("sub-of-bob", ADMINISTRATOR), ("sub-of-mia", MEMBER)):
            self.withdrawals.set_membership(Membership("acme", subject, role, now, epoch=subject))
        scope, entities = Scope.parse("read"), frozenset({"one"})
        for subject in (SUB, "sub-of-mia"):
            asked = Approval("acme", "web", subject, scope, (), entities, now, now + 600)
            self.browsers.ask_approval(asked)
            membership = self.organisations.membership("acme", SUB)
            assert membership is not None
            begun = Begun(approver=KEY)
            assert self.browsers.answer_approval(asked, "allow", membership, begun, now, now + 600)
        for number, (name, inviter) in enumerate(((NAME, "sub-of-bob"), (ADDRESS, "sub-of-bob"), ("mabel", SUB))):
            begun, at = Begun(membership=inviter), now - number
            invited = Invitation(f"{number:x}" * 43, "acme", name, MEMBER, inviter, at, now + 600, begun)
            self.organisations.invite(invited)
        for number in range(PAGE + 2):
            self.journal.note_activity(records.activity(subject=SUB, created_at=now + number))
        self.browsers.put_link(OneTimeLink("link", b"hash", "password_reset", SUB, ADDRESS, now, now + 600))
        self.browsers.remember_consent(Consent(SUB, "app", scope, frozenset(), now, now + 600), now)
        self.factors.replace(Factors(SUB))
        self.elsewhere = {one.client_id: one for one in (own, fakes.client())}

    def change(self, client_id: str, **changes: Any) -> None:
        """What somebody else does to a client."""
        client = self.clients.get(client_id)
        assert client is not None
        assert self.withdrawals.change_client(replace(client, **changes))

    def delete(self) -> None:
        assert self.withdrawals.delete_user(SUB, self.clock())

    def named(self) -> set[str]:
        """Where something names Alice still: by store, and what stores share, but for requests under way, which live
        for minutes, and for what is to be erased."""
        names = ("users", "factors", "organisations", "clients", "tokens", "browsers", "journal")
        stores: dict[str, Any] = {name: _own(vars(getattr(self, name))) for name in names}
        shared = {f"record.{name}": value for name, value in vars(self.record).items() if name != "erasures"}
        return {name for name, store in (stores | shared).items() if any(map(_names_alice, texts(store)))}

    def run(self, has_time: Callable[[], bool] = always) -> Erasing:
        """What the schedule does."""
        done = erase("", has_time, self.services)
        if done.failure is not None:
            raise done.failure
        return done


def _own(store: Mapping[str, Any]) -> dict[str, Any]:
    """What a store has of its own, without the others that it knows."""
    others = ("_memberships", "_sessions", "_requests")
    return {name: value for name, value in store.items() if isinstance(value, dict) and name not in others}


def texts(value: Any) -> Iterator[str]:
    """Every text in a piece of a store."""
    match value:
        case str():
            yield value
        case dict():
            for name, inner in value.items():
                yield from texts(name)
                yield from texts(inner)
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from texts(inner)
        case _ if is_dataclass(value):
            for one in fields(value):
                yield from texts(getattr(value, one.name))


def _names_alice(text: str) -> bool:
    return any(name in text.casefold() for name in (SUB, ADDRESS, FULL_NAME.casefold())) or text == NAME


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def over(life: Life) -> Life:
    """She was deleted, long enough ago."""
    life.delete()
    life.clock.advance(SETTLED)
    return life


# ------------------------------------------------------------------ the whole of it


def test_alice_is_named_everywhere_before(life: Life) -> None:
    """Or the rest would show nothing."""
    shared = {"record.sessions", "record.memberships"}
    assert life.named() == {*("users", "factors", "organisations", "clients", "tokens", "browsers", "journal", *shared)}


def test_whatever_names_a_deleted_user_is_erased(over: Life) -> None:
    over.run()
    assert over.named() == set()


def test_others_keep_what_is_theirs(over: Life) -> None:
    over.run()
    (approval,) = over.browsers.approvals("acme").items
    assert (approval.subject, approval.decision, approval.decided_by) == ("sub-of-mia", "allow", "")
    assert set(over.record.memberships) == {("acme", "sub-of-bob"), ("acme", "sub-of-mia")}


def test_an_app_stays_for_those_who_use_it_without_its_owner_and_unverified(over: Life) -> None:
    over.run()
    kept = over.clients.get("of-alice")
    before = over.elsewhere["of-alice"]
    assert kept == replace(
        before, owner=OWNER_DELETED, verification=TEST, contacts=("help@app.example",), version=before.version + 1
    )
    assert [one.client_id for one in over.clients.list(owner=OWNER_DELETED).items] == ["of-alice"]
    assert over.clients.find("of-alice") is not None


def test_what_she_had_does_not_come_back(over: Life) -> None:
    over.run()
    for tokens in (over.opened, over.opaque):
        with pytest.raises(InvalidToken):
            over.access(tokens.access_token)
        with pytest.raises(InvalidGrant):
            App(over).refresh(tokens.refresh_token)


def test_an_approval_that_she_gave_does_not_count_any_more(over: Life) -> None:
    over.run()
    (approval,) = over.browsers.approvals("acme").items
    assert over.record.ends("", "", key_text("acme")).organisation.approvers[approval.begun.approver] > 0


# ------------------------------------------------------------------ when it is done


def test_it_is_not_done_before_everything_is_settled(life: Life) -> None:
    life.delete()
    done = life.run()
    assert (done.finished, done.open) == (0, 1)
    assert done.erased > PAGE
    assert life.run() == Erasing(erased=0, finished=0, open=1)


def test_what_was_written_late_is_found(life: Life) -> None:
    """By a request that was about to write when she was deleted; or it was written before, and lists showed it late."""
    life.delete()
    life.run()
    assert life.named() == set()
    life.browsers.put_session(records.session(subject=SUB))
    life.withdrawals.set_membership(Membership("acme", SUB, MEMBER, life.clock(), epoch="late"))
    life.clock.advance(SETTLED - 1)
    assert life.run().finished == 0
    life.clock.advance(1)
    assert life.run() == Erasing(erased=2, finished=1, open=0)
    assert life.named() == set()


def test_it_is_done_once_a_look_around_found_nothing(over: Life) -> None:
    over.run()
    done = over.erasures.get(KEY)
    assert done is not None
    now = over.clock()
    assert (done.subject, done.left, done.names, done.addresses) == ("", frozenset(), frozenset(), frozenset())
    assert (done.checked_at, done.finished_at, done.expires_at) == (now, now, now + KEPT)
    assert over.run() == Erasing()


def test_a_look_around_that_finds_something_is_repeated(over: Life) -> None:
    """As often as fits, and in the next run: somebody may keep writing."""

    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "clients.list":  # at the end of each look
            over.browsers.put_session(records.session(subject=SUB))
        return call()

    over.around = around
    assert over.run().finished == 0
    looked = over.calls["clients.list"]
    assert looked == 1 + LOOKS
    over.around = lambda _, call: call()
    assert over.run() == Erasing(erased=1, finished=1, open=0)


# ------------------------------------------------------------------ whatever comes between


def test_there_are_calls_to_be_interrupted(over: Life) -> None:
    over.calls.clear()
    over.run()
    assert over.calls["erasures.erase"] > 2 * len(KINDS) - 4
    assert {"erasures.open", "erasures.note", "erasures.finish", "withdrawals.change_client"} <= set(over.calls)


@pytest.mark.parametrize("is_made", [False, True])
def test_a_run_that_is_interrupted_anywhere_is_resumed(is_made: bool) -> None:
    """At each call to a store, before it was made and after; each life goes on until it is done."""
    number = 0
    while True:
        life = Life()
        life.delete()
        life.clock.advance(SETTLED)
        life.around = interrupting(number, is_made=is_made)
        try:
            life.run()
        except TemporarilyUnavailable:
            life.around = lambda _, call: call()
            life.run()
        else:
            break
        assert life.named() == set(), number
        done = life.erasures.get(KEY)
        assert done is not None
        assert done.finished_at is not None, number
        number += 1
    assert number > 2 * len(KINDS)


def test_a_run_that_is_interrupted_at_every_call_gets_to_the_end() -> None:
    """Each run gets one call further than the one before, and never begins at the front again for good."""
    life = Life()
    life.delete()
    life.clock.advance(SETTLED)
    for number in range(1000):
        life.around = interrupting(number, is_made=True)
        try:
            life.run()
        except TemporarilyUnavailable:
            continue
        break
    assert life.named() == set()


def interrupting(number: int, *, is_made: bool) -> Callable[[str, Callable[[], Any]], Any]:
    """The store stops answering at this call."""
    calls = iter(range(1_000_000))

    def around(_: str, call: Callable[[], Any]) -> Any:
        is_now = next(calls) == number
        if is_made or not is_now:
            answer = call()
        if is_now:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return answer

    return around


def test_a_run_that_has_no_time_left_goes_on_in_the_next(over: Life) -> None:
    """With one step's time in each; what is done already is not done again."""
    runs = 0
    while True:
        done = over.run(steps(2))
        runs += 1
        erasure = over.erasures.get(KEY)
        assert erasure is not None
        if not erasure.left:
            break
        assert (done.finished, done.open) == (0, 1)
        assert runs < 100
    assert over.named() == set()
    assert over.run().finished == 1


def test_progress_is_told(life: Life) -> None:
    life.delete()
    life.run(steps(3))
    erasure = life.erasures.get(KEY)
    assert erasure is not None
    assert SUB in erasure.subject
    assert frozenset(KINDS) - {MEMBERSHIPS} > erasure.left > {CLIENTS}


def test_one_that_fails_keeps_no_other_from_being_done(over: Life) -> None:
    other = fakes.user(sub="sub-of-bob", username="bob")
    over.users.create(other)
    over.browsers.put_session(records.session(subject=other.sub))
    over.clock.advance(-5)
    over.withdrawals.delete_user(other.sub, over.clock() - SETTLED + 5)
    over.clock.advance(5)

    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "withdrawals.change_client":
            raise RuntimeError("unexpected")
        return call()

    over.around = around
    done = erase("", always, over.services)
    assert (done.finished, done.open) == (1, 1)
    assert isinstance(done.failure, RuntimeError)
    bobs = over.erasures.get(key_text(other.sub))
    assert bobs is not None
    assert bobs.finished_at is not None
    over.around = lambda _, call: call()
    assert over.run().finished == 1
    assert over.named() == set()


def test_a_client_that_is_being_changed_is_changed_anew(over: Life) -> None:
    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "withdrawals.change_client" and over.calls[verb] == 1:
            over.change("of-alice", client_name="Another name")
        return call()

    over.around = around
    over.calls.clear()
    over.run()
    kept = over.clients.get("of-alice")
    assert kept is not None
    assert (kept.client_name, kept.owner) == ("Another name", OWNER_DELETED)


def test_a_client_that_others_keep_changing_is_left_to_the_next_run(over: Life) -> None:
    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "withdrawals.change_client":
            over.change("of-alice", client_name=f"Name {over.calls[verb]}")
        return call()

    over.around = around
    with pytest.raises(TemporarilyUnavailable):
        over.run()
    over.around = lambda _, call: call()
    assert over.run().finished == 1


# ------------------------------------------------------------------ an order


def test_an_order_is_for_one_alone(over: Life) -> None:
    other = fakes.user(sub="sub-of-bob", username="bob")
    over.users.create(other)
    over.withdrawals.delete_user(other.sub, over.clock() - SETTLED)
    assert erase(KEY, always, over.services).finished == 1
    assert over.named() == set()
    bobs = over.erasures.get(key_text(other.sub))
    assert bobs is not None
    assert bobs.finished_at is None


def test_an_order_for_nobody_or_one_that_is_done_does_nothing(over: Life) -> None:
    assert erase(key_text("nobody"), always, over.services) == Erasing()
    erase(KEY, always, over.services)
    assert erase(KEY, always, over.services) == Erasing()


def test_more_than_a_page_is_erased(over: Life) -> None:
    for _ in range(3 * PAGE):
        over.journal.note_activity(records.activity(subject=SUB))
        over.browsers.put_session(records.session(subject=SUB))
    assert over.run().erased > 6 * PAGE
    erasure = over.erasures.get(KEY)
    assert erasure is not None
    assert not {ACTIVITY, SESSIONS} & erasure.left
    assert over.named() == set()


# ------------------------------------------------------------------ an organisation


def organisation_of(members: int) -> Server:
    """It was deleted, long enough ago, and left this many members and invitations; another is as large."""
    server = Server()
    for name in ("acme", "globex"):
        server.organisations.create(Organisation(name, name))
        for number in range(members):
            role = ADMINISTRATOR if number % 2 else MEMBER
            server.organisations.put_membership(Membership(name, f"m{number}", role, 0, epoch="epoch"))
            invited = Invitation(f"{name} {number}", name, "mabel", MEMBER, "m1", 0, 10**10, Begun())
            server.organisations.invite(invited)
    server.withdrawals.delete_organisation("acme", server.clock())
    server.clock.advance(SETTLED)
    return server


def left_of(server: Server, organisation: str = "acme") -> int:
    memberships = sum(one == organisation for one, _ in server.record.memberships)
    return memberships + len(server.organisations.invitations_of(organisation, limit=1000).items)


def test_what_belongs_to_a_deleted_organisation_is_removed_and_nothing_of_another() -> None:
    server = organisation_of(PAGE + 2)
    assert erase("", always, server.services) == Erasing(erased=2 * (PAGE + 2), finished=1, open=0)
    assert (left_of(server), left_of(server, "globex")) == (0, 2 * (PAGE + 2))
    erasure = server.erasures.get(f"organisation#{key_text('acme')}")
    assert erasure is not None
    assert (erasure.organisation, erasure.finished_at) == ("", server.clock())
    assert erase("", always, server.services) == Erasing()


@pytest.mark.parametrize("is_made", [False, True])
def test_the_removal_of_an_organisation_is_resumed_wherever_it_is_interrupted(is_made: bool) -> None:
    number = 0
    while True:
        server = organisation_of(PAGE + 2)
        server.around = interrupting(number, is_made=is_made)
        failed = has_failed(server)
        server.around = lambda _, call: call()
        erase("", always, server.services)
        assert left_of(server) == 0, number
        if not failed:
            break
        number += 1
    assert number > 6


def has_failed(server: Server) -> bool:
    try:
        return erase("", always, server.services).failure is not None
    except TemporarilyUnavailable:
        return True


def test_open_erasures_are_looked_at_a_part_after_the_other() -> None:
    """However many there are, the first is begun at once."""
    server = Server()
    for number in range(250):
        server.withdrawals.delete_organisation(f"org-{number}", server.clock())
    server.calls.clear()
    done = erase("", steps(3), server.services)
    assert (done.finished, done.open) == (0, 2)
    assert server.calls["erasures.open"] == 1
