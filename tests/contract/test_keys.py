"""Laws of key rings: each write is conditional on the version before it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from authserver.models.keys import Key, Ring
from authserver.storage.configuration import KeyStore
from tests.contract.records import NOW, identifier


def ring(name: str, version: int, *kids: str) -> Ring:
    return Ring(name, version, tuple(Key(kid, NOW, NOW, None, {}, kid.encode()) for kid in kids))


def test_get_of_no_ring_is_none(keys: KeyStore) -> None:
    assert keys.get(identifier()) is None


def test_put_of_the_first_version_makes_the_ring(keys: KeyStore) -> None:
    first = ring(identifier(), 1, "a")
    assert keys.put(first)
    assert keys.get(first.name) == first


def test_put_of_the_first_version_again_is_refused(keys: KeyStore) -> None:
    first = ring(identifier(), 1, "a")
    assert keys.put(first)
    assert not keys.put(ring(first.name, 1, "b"))
    assert keys.get(first.name) == first


def test_put_of_the_successor_replaces(keys: KeyStore) -> None:
    name = identifier()
    assert keys.put(ring(name, 1, "a"))
    second = ring(name, 2, "a", "b")
    assert keys.put(second)
    assert keys.get(name) == second


@pytest.mark.parametrize("version", [0, 1, 2, 4, 100])
def test_put_of_any_other_version_changes_nothing(keys: KeyStore, version: int) -> None:
    name = identifier()
    assert keys.put(ring(name, 1, "a"))
    second = ring(name, 2, "a", "b")
    assert keys.put(second)
    assert not keys.put(ring(name, version, "thief"))
    assert keys.get(name) == second


@pytest.mark.parametrize("version", [2, 3])
def test_put_of_a_later_version_of_nothing_makes_nothing(keys: KeyStore, version: int) -> None:
    name = identifier()
    assert not keys.put(ring(name, version, "a"))
    assert keys.get(name) is None


def test_put_by_sixteen_at_once_has_one_winner_each_time(keys: KeyStore) -> None:
    name, count = identifier(), 16
    barrier = Barrier(count)

    def put(number: int, version: int) -> bool:
        barrier.wait()
        return keys.put(ring(name, version, f"key-of-{number}"))

    with ThreadPoolExecutor(count) as pool:
        for version in (1, 2, 3):
            won = list(pool.map(put, range(count), [version] * count))
            assert won.count(True) == 1
            assert keys.get(name) == ring(name, version, f"key-of-{won.index(True)}")
