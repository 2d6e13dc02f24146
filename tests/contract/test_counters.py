"""Laws of throttles."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from authserver.aws.dynamodb.counters import throttle_key
from authserver.storage.journal import CounterStore, Pace, Place, Tried
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier
from tests.functions.capacity import size_of

PACE = Pace(2, (1, 10, 100))
FREELY = Pace(1000, (1,))
HOUR = 3600
CROWD = 32


def test_count_of_a_new_name_begins_at_the_amount(counters: CounterStore) -> None:
    assert counters.count(identifier(), NOW, 3, NOW + 100) == 3


def test_count_adds_and_takes_back(counters: CounterStore) -> None:
    name = identifier()
    assert [counters.count(name, NOW, amount, NOW + 100) for amount in (1, 1, -1, 5)] == [1, 2, 1, 6]


def test_count_of_another_window_begins_anew(counters: CounterStore) -> None:
    name = identifier()
    counters.count(name, NOW, 1, NOW + 100)
    assert counters.count(name, NOW + 900, 1, NOW + 1000) == 1
    assert counters.count(name, NOW, 1, NOW + 100) == 2


def test_count_of_names_that_look_like_keys_stays_apart(counters: CounterStore) -> None:
    mark = identifier()
    names = [f"a\x00b{mark}", f"a#b{mark}", f"a{mark}", f"a{mark}#{NOW}", f"{mark}" + "x" * 5000, f"ä{mark}"]
    assert [counters.count(name, NOW, 1, NOW + 100) for name in names] == [1] * len(names)


def test_counted_tells_what_counters_of_names_and_windows_have_come_to(counters: CounterStore) -> None:
    one, other = identifier(), identifier()
    counters.count(one, NOW, 3, NOW + 100)
    counters.count(other, NOW + 900, 1, NOW + 1000)
    assert counters.counted((one, NOW), (other, NOW), (other, NOW + 900), (one, NOW)) == (3, 0, 1, 3)
    assert counters.count(other, NOW, 1, NOW + 100) == 1


# ------------------------------------------------------------------ pauses


def at(group: str, member: str | None = None, window: int = NOW) -> Place:
    return Place(group, member, window, window + 2 * HOUR)


def wait(counters: CounterStore, name: str, now: int, window: int = NOW) -> int:
    """Of an attempt that counts at one place alone."""
    return counters.attempt(at(name, window=window), PACE, FREELY, now).wait


def test_attempts_are_free_at_first_and_then_wait_longer_and_longer(counters: CounterStore) -> None:
    name = identifier()
    waits = [wait(counters, name, now) for now in (NOW, NOW, NOW, NOW + 1, NOW + 1, NOW + 10, NOW + 11)]
    assert waits == [0, 0, 1, 0, 10, 1, 0]
    assert [wait(counters, name, NOW + 11 + later) for later in (0, 99, 100, 100, 199, 200)] == [100, 1, 0, 100, 1, 0]


def test_a_member_is_paced_by_itself_and_all_members_together_as_their_group(counters: CounterStore) -> None:
    group, of_group, of_member = identifier(), Pace(4, (50,)), Pace(2, (7,))

    def attempt(member: str, now: int) -> Tried:
        return counters.attempt(at(group, member), of_group, of_member, now)

    assert [attempt("a", NOW) for _ in range(3)] == [Tried(1), Tried(2), Tried(0, member_wait=7)]
    assert [attempt("b", NOW + 3) for _ in range(2)] == [Tried(1), Tried(2)]
    assert attempt("c", NOW + 3) == Tried(0, group_wait=50)
    assert attempt("a", NOW + 4) == Tried(0, group_wait=49, member_wait=3)
    assert attempt("b", NOW + 9) == Tried(0, group_wait=44, member_wait=1)
    assert attempt("b", NOW + 53) == Tried(3)
    assert attempt("a", NOW + 53) == Tried(0, group_wait=50)


@pytest.mark.parametrize("member", [None, "", "member"], ids=["no member", "an empty one", "a member"])
def test_an_attempt_that_has_to_wait_is_not_counted_and_makes_nobody_wait_longer(
    counters: CounterStore, member: str | None
) -> None:
    group = identifier()
    tried = [counters.attempt(at(group, member), PACE if member is None else FREELY, PACE, NOW) for _ in range(23)]
    assert [one.count for one in tried] == [1, 2] + [0] * 21
    assert [one.wait for one in tried] == [0, 0] + [1] * 21
    assert counters.counted((group, NOW)) == (2,)
    assert counters.attempt(at(group, member), PACE if member is None else FREELY, PACE, NOW + 1) == Tried(3)


def test_what_a_group_refuses_is_not_counted_at_the_member_nor_the_other_way_round(counters: CounterStore) -> None:
    group = identifier()
    for _ in range(2):
        counters.attempt(at(group, "a"), PACE, FREELY, NOW)
    for _ in range(5):
        assert counters.attempt(at(group, "b"), PACE, FREELY, NOW) == Tried(0, group_wait=1)
    assert counters.attempt(at(group, "b"), FREELY, PACE, NOW) == Tried(1)
    assert counters.attempt(at(group, "b"), FREELY, PACE, NOW) == Tried(2)
    for _ in range(5):
        assert counters.attempt(at(group, "b"), FREELY, PACE, NOW) == Tried(0, member_wait=1)
    assert counters.counted((group, NOW)) == (4,)


@pytest.mark.parametrize("member", [None, "", "member"], ids=["no member", "an empty one", "a member"])
def test_an_attempt_that_is_given_back_was_none(counters: CounterStore, member: str | None) -> None:
    place = at(identifier(), member)
    for _ in range(10):
        assert counters.attempt(place, PACE, PACE, NOW) == Tried(1)
        counters.give_back(place, 1)
    assert counters.counted((place.group, NOW)) == (0,)


def test_of_attempts_that_were_wrong_none_is_given_back_with_one_that_was_right(counters: CounterStore) -> None:
    place = at(identifier(), "member")
    for now in (NOW, NOW):
        counters.attempt(place, FREELY, PACE, now)
    right = counters.attempt(place, FREELY, PACE, NOW + 1)
    counters.give_back(place, right.count)
    assert counters.attempt(place, FREELY, PACE, NOW + 1) == Tried(0, member_wait=1)
    assert counters.attempt(place, FREELY, PACE, NOW + 2) == Tried(3)


@pytest.mark.parametrize("member", [None, "", "member"], ids=["no member", "an empty one", "a member"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_what_is_given_back_too_often_lets_nobody_try_more(
    counters: CounterStore, member: str | None, count: int
) -> None:
    place, other = at(identifier(), member), at(identifier(), member)
    for one in (place, other):
        counters.give_back(one, count)
    counters.attempt(place, PACE, PACE, NOW)
    for _ in range(5):
        counters.give_back(place, count)
    for one in (place, other):
        assert [counters.attempt(one, PACE, PACE, NOW).count for _ in range(3)] == [1, 2, 0]


@pytest.mark.parametrize("counted", [1, 2, 3])
def test_an_attempt_is_given_back_whatever_was_counted_meanwhile(counters: CounterStore, counted: int) -> None:
    place = at(identifier(), "member")
    for _ in range(2):
        counters.attempt(place, FREELY, FREELY, NOW)
    counters.give_back(place, counted)
    assert counters.counted((place.group, NOW)) == (1,)
    assert counters.attempt(place, FREELY, FREELY, NOW) == Tried(2)


@pytest.mark.parametrize("member", [None, "", "member"], ids=["no member", "an empty one", "a member"])
def test_attempts_begin_anew_in_the_next_window_and_what_is_given_back_to_the_last_one_changes_nothing(
    counters: CounterStore, member: str | None
) -> None:
    before = at(identifier(), member)
    after = at(before.group, member, NOW + HOUR)
    assert [counters.attempt(before, PACE, PACE, NOW).count for _ in range(3)] == [1, 2, 0]
    assert counters.attempt(after, PACE, PACE, NOW) == Tried(1)
    for count in (2, 1, 1):
        counters.give_back(before, count)
    assert [counters.attempt(after, PACE, PACE, NOW).count for _ in range(2)] == [2, 0]


def test_attempts_at_another_place_are_others(counters: CounterStore) -> None:
    group = identifier()
    places = [at(group), at(identifier(), "a"), at(identifier(), "a"), at(group, "a"), at(group, "b")]
    assert [counters.attempt(place, FREELY, Pace(1, (9,)), NOW).wait for place in places] == [0] * 5


def test_no_wait_is_longer_than_its_pause_however_the_clocks_differ(counters: CounterStore) -> None:
    name = identifier()
    assert [wait(counters, name, NOW + 5000) for _ in range(2)] == [0, 0]
    assert wait(counters, name, NOW) == 1


# ------------------------------------------------------------------ many at once


def all_at_once(counters: CounterStore, places: Iterable[Place], of_group: Pace, of_member: Pace) -> list[Tried]:
    placed = list(places)
    barrier = Barrier(len(placed))

    def attempt(place: Place) -> Tried:
        barrier.wait()
        return counters.attempt(place, of_group, of_member, NOW)

    with ThreadPoolExecutor(len(placed)) as pool:
        return list(pool.map(attempt, placed))


@pytest.mark.parametrize("free", [0, 2, 31])
@pytest.mark.parametrize("member", [None, "", "member"], ids=["no member", "an empty one", "a member"])
def test_of_attempts_at_once_exactly_the_free_ones_get_through(
    counters: CounterStore, member: str | None, free: int
) -> None:
    group, pace = identifier(), Pace(free, (1, 10, 100))
    tried = all_at_once(counters, [at(group, member)] * CROWD, pace if member is None else FREELY, pace)
    assert sorted(one.count for one in tried if not one.wait) == list(range(1, max(1, free) + 1))
    assert counters.counted((group, NOW)) == (max(1, free),)


def test_of_many_members_at_once_exactly_those_get_through_that_their_group_lets(counters: CounterStore) -> None:
    group = identifier()
    tried = all_at_once(counters, [at(group, f"member {number}") for number in range(CROWD)], Pace(5, (9,)), PACE)
    assert sorted((one.count, one.group_wait, one.member_wait) for one in tried) == [(0, 9, 0)] * 27 + [(1, 0, 0)] * 5


def test_attempts_that_are_given_back_at_once_leave_all_free_ones(counters: CounterStore) -> None:
    """And none more: some are wrong, and stay."""
    place, wrong, barrier = at(identifier(), "member"), 3, Barrier(CROWD)

    def attempt(number: int) -> None:
        barrier.wait()
        tried = counters.attempt(place, FREELY, FREELY, NOW)
        if number >= wrong:
            counters.give_back(place, tried.count)

    with ThreadPoolExecutor(CROWD) as pool:
        list(pool.map(attempt, range(CROWD)))
    assert counters.counted((place.group, NOW)) == (wrong,)
    assert [counters.attempt(place, FREELY, Pace(5, (9,)), NOW).count for _ in range(3)] == [4, 5, 0]


# ------------------------------------------------------------------ what they take

on_dynamodb = pytest.mark.parametrize("stores", ["moto", "ministack"], indirect=True)


def size_of_group(stores: Stores, group: str) -> int:
    assert stores.dynamodb is not None
    key = {"pk": {"S": throttle_key(group, NOW)}}
    return size_of(stores.dynamodb.get_item(TableName="TokensTable", Key=key)["Item"])


@on_dynamodb
def test_a_group_does_not_grow_by_members_whose_attempts_are_given_back(stores: Stores) -> None:
    group = identifier()
    sizes = []
    for number in range(20):
        place = at(group, f"member {number}")
        tried = [stores.counters.attempt(place, FREELY, FREELY, NOW) for _ in range(number % 3 + 1)]
        for one in reversed(tried):
            stores.counters.give_back(place, one.count)
        sizes.append(size_of_group(stores, group))
    assert len(set(sizes[1:])) == 1, sizes


@on_dynamodb
def test_a_source_that_tries_accounts_in_vain_takes_1_kb_with_35_of_them_and_3_with_all_that_it_can(
    stores: Stores,
) -> None:
    """`test_throttle` shows how many it can."""
    source = identifier()
    sizes = {}
    for tried in range(1, 113):
        stores.counters.attempt(at(source, f"account {tried}"), FREELY, FREELY, NOW + 1)
        if tried in (35, 36, 112):
            sizes[tried] = size_of_group(stores, source)
    assert sizes[35] <= 1024 < sizes[36]
    assert sizes[112] <= 3072


# ------------------------------------------------------------------ what may be used once


def test_spend_is_true_once_and_for_its_own_claim_again(counters: CounterStore) -> None:
    name = identifier()
    assert [counters.spend(name, claim, NOW + 9) for claim in ("a", "b", "a")] == [True, False, True]
    assert counters.spend(identifier(), "b", NOW + 9)
