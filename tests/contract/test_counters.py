"""Laws of throttles."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from authserver.storage import CounterStore, Pace
from tests.contract.records import NOW, identifier

PACE = Pace(2, (1, 10, 100))


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


# ------------------------------------------------------------------ pauses


def attempt(counters: CounterStore, name: str, now: int, window: int = NOW) -> int:
    return counters.attempt(name, window, PACE, now, NOW + 3600)


def test_attempts_are_free_at_first_and_then_wait_longer_and_longer(counters: CounterStore) -> None:
    name = identifier()
    waits = [attempt(counters, name, now) for now in (NOW, NOW, NOW, NOW + 1, NOW + 1, NOW + 10, NOW + 11)]
    assert waits == [0, 0, 1, 0, 10, 1, 0]
    assert [attempt(counters, name, NOW + 11 + later) for later in (0, 99, 100, 100, 199, 200)] == [
        100,
        1,
        0,
        100,
        1,
        0,
    ]


def test_an_attempt_that_has_to_wait_is_not_counted_and_makes_nobody_wait_longer(counters: CounterStore) -> None:
    name = identifier()
    for _ in range(3):
        attempt(counters, name, NOW)
    assert [attempt(counters, name, NOW) for _ in range(20)] == [1] * 20
    assert attempt(counters, name, NOW + 1) == 0
    assert counters.count(name, NOW, -1, NOW + 3600) == 2


def test_an_attempt_that_is_given_back_was_none(counters: CounterStore) -> None:
    name = identifier()
    for _ in range(10):
        assert attempt(counters, name, NOW) == 0
        counters.count(name, NOW, -1, NOW + 3600)


def test_attempts_begin_anew_in_the_next_window_and_at_another_name(counters: CounterStore) -> None:
    name = identifier()
    assert [attempt(counters, name, NOW) for _ in range(3)] == [0, 0, 1]
    assert attempt(counters, name, NOW, window=NOW + 3600) == 0
    assert attempt(counters, identifier(), NOW) == 0


def test_no_wait_is_longer_than_its_pause_however_the_clocks_differ(counters: CounterStore) -> None:
    name = identifier()
    assert [attempt(counters, name, NOW + 5000) for _ in range(2)] == [0, 0]
    assert attempt(counters, name, NOW) == 1


@pytest.mark.parametrize("free", [0, 2])
def test_of_attempts_at_once_no_more_get_through_than_one_by_one(counters: CounterStore, free: int) -> None:
    name, pace, barrier = identifier(), Pace(free, (1, 10, 100)), Barrier(16)

    def at_once(_: int) -> int:
        barrier.wait()
        return counters.attempt(name, NOW, pace, NOW, NOW + 3600)

    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(at_once, range(16)))
    assert waits.count(0) == max(1, free)


# ------------------------------------------------------------------ what may be used once


def test_spend_is_true_once_and_for_its_own_claim_again(counters: CounterStore) -> None:
    name = identifier()
    assert [counters.spend(name, claim, NOW + 9) for claim in ("a", "b", "a")] == [True, False, True]
    assert counters.spend(identifier(), "b", NOW + 9)
