"""Laws of throttles."""

from authserver.storage import TokenStore
from tests.contract.records import NOW, identifier


def test_count_of_a_new_name_begins_at_the_amount(tokens: TokenStore) -> None:
    assert tokens.count(identifier(), NOW, 3, NOW + 100) == 3


def test_count_adds_and_takes_back(tokens: TokenStore) -> None:
    name = identifier()
    assert [tokens.count(name, NOW, amount, NOW + 100) for amount in (1, 1, -1, 5)] == [1, 2, 1, 6]


def test_count_of_another_window_begins_anew(tokens: TokenStore) -> None:
    name = identifier()
    tokens.count(name, NOW, 1, NOW + 100)
    assert tokens.count(name, NOW + 900, 1, NOW + 1000) == 1
    assert tokens.count(name, NOW, 1, NOW + 100) == 2


def test_count_of_names_that_look_like_keys_stays_apart(tokens: TokenStore) -> None:
    mark = identifier()
    names = [f"a\x00b{mark}", f"a#b{mark}", f"a{mark}", f"a{mark}#{NOW}", f"{mark}" + "x" * 5000, f"ä{mark}"]
    assert [tokens.count(name, NOW, 1, NOW + 100) for name in names] == [1] * len(names)
