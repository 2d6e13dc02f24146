"""Our `dataclass` does what the standard library's does, but for the price of making one."""

import dataclasses
from dataclasses import field, fields, replace
from typing import Any

import pytest

from authserver.records import dataclass
from authserver.records import replace as our_replace


@dataclass(frozen=True, slots=True)
class Ours:
    name: str
    secret: str = field(default="s", repr=False)
    memo: dict[str, int] = field(default_factory=dict, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    name: str
    secret: str = field(default="s", repr=False)
    memo: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class More(Ours):
    number: int = 0


def of_both(*arguments: Any) -> tuple[Any, Any]:
    return Ours(*arguments), Theirs(*arguments)


def test_it_is_equal_by_the_fields_that_are_compared() -> None:
    for kind in (Ours, Theirs):
        assert kind("a", memo={"x": 1}) == kind("a")
        assert kind("a") != kind("b")
        assert kind("a") != kind("a", "t")
        assert hash(kind("a", memo={"x": 1})) == hash(kind("a"))
        assert kind("a") != object()


def test_it_is_no_other_class() -> None:
    ours, theirs = of_both("a")
    assert ours != theirs
    assert More("a") != Ours("a")
    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing(), More("a"), More("a"), More("a", number=1)}) == 3


def test_its_repr_hides_what_is_not_to_be_shown() -> None:
    ours, theirs = of_both("a", "secret")
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours") == "Ours(name='a', memo={})"
    assert repr(More("a", number=2)) == "More(name='a', memo={}, number=2)"
    assert repr(Nothing()) == "Nothing()"


def test_it_is_a_dataclass_with_slots() -> None:
    assert replace(More("a"), number=3) == More("a", number=3)
    assert [one.name for one in fields(More)] == ["name", "secret", "memo", "number"]
    with pytest.raises(AttributeError):
        More("a").other = 1  # type: ignore[attr-defined]  # it has no such field


def test_a_record_with_other_values_is_made_as_the_standard_library_makes_it() -> None:
    @dataclass(frozen=True, slots=True)
    class Counted:
        name: str
        length: int = field(init=False, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "length", len(self.name))

    for replaced in (replace, our_replace):
        was = More("a", memo={"x": 1})
        assert replaced(was, number=3) == More("a", memo={"x": 1}, number=3)
        assert replaced(was, number=3).memo is was.memo
        assert was.number == 0
        assert type(replaced(was)) is More
        assert replaced(Counted("a"), name="abc").length == 3
        with pytest.raises(TypeError):
            replaced(was, other=1)


def test_a_method_of_its_own_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Shy:
        name: str

        def __repr__(self) -> str:
            return "Shy"

    assert repr(Shy("a")) == "Shy"
    assert Shy("a") == Shy("a")
