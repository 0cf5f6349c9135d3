"""Classes of values behave as the standard library's; each is made both ways and asked the same."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from functools import partial
from typing import Any
from weakref import ref

import pytest

from hwc_refactor import frozen

Maker = Callable[..., Any]
MAKERS: dict[str, Maker] = {"here": frozen.dataclass, "standard": dataclasses.dataclass}


def point(make: Maker, **options: bool) -> Any:
    """A class with a default, and a default that is made anew; found by `pickle` under its name."""

    class Point:
        x: int
        y: int = 3
        seen: list[str] = field(default_factory=list, repr=False)

        def far(self) -> int:
            return self.x + self.y

    Point.__qualname__ = Point.__name__ = "made_point"
    made = make(**options)(Point)
    globals()["made_point"] = made  # where `pickle` looks for it
    return made


def sizes(make: Maker, count: int) -> Any:
    """A class of so many fields."""
    names = {f"f{number}": "int" for number in range(count)}
    return make(frozen=True, slots=True)(
        type("Sizes", (), {"__annotations__": names, "__module__": __name__})
    )


def asked(question: Callable[[], object]) -> object:
    """What a question gives, or which error it ends in."""
    try:
        return question()
    except Exception as error:
        return type(error)


QUESTIONS: dict[str, Callable[[Any], object]] = {
    "by position": lambda cls: repr(cls(1, 2, ["a"])),
    "by name": lambda cls: repr(cls(seen=["a"], x=1)),
    "too few": lambda cls: cls(),
    "too many": lambda cls: cls(1, 2, [], 4),
    "unknown name": lambda cls: cls(1, z=2),
    "made anew": lambda cls: cls(1).seen is cls(1).seen,
    "default": lambda cls: cls(1).y,
    "method": lambda cls: cls(1).far(),
    "equal": lambda cls: (cls(1) == cls(1, 3), cls(1) == cls(2), cls(1) != cls(1), cls(1) == (1, 3, [])),
    "hash": lambda cls: len({cls(1, 2, ()), cls(1, 2, ())}),
    "hash of what has none": lambda cls: isinstance(hash(cls(1)), int),
    "before": lambda cls: (
        cls(1) < cls(2),
        cls(2) < cls(1),
        cls(1) <= cls(1),
        cls(3) > cls(2),
        cls(1) >= cls(2),
    ),
    "before another": lambda cls: cls(1) < (1, 3, []),
    "sorted": lambda cls: [one.x for one in sorted([cls(2), cls(1), cls(3)])],
    "set": lambda cls: setattr(cls(1), "x", 2),
    "delete": lambda cls: delattr(cls(1), "x"),
    "fields": lambda cls: [(one.name, one.default) for one in dataclasses.fields(cls)],
    "replace": lambda cls: repr(dataclasses.replace(cls(1), y=7)),
    "asdict": lambda cls: dataclasses.asdict(cls(1)),
    "pickle": lambda cls: pickle.loads(pickle.dumps(cls(1, 2, ["b"]))).seen,
    "copy": lambda cls: copy.copy(cls(1)).y,
    "deepcopy": lambda cls: copy.deepcopy(cls(1)).y,
    "match": lambda cls: cls.__match_args__,
    "slots": lambda cls: getattr(cls, "__slots__", None),
    "weak": lambda cls: ref(cls(1))() is None,
    "document": lambda cls: bool(cls.__doc__),
}

OPTIONS: tuple[dict[str, bool], ...] = (
    {},
    {"frozen": True},
    {"slots": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True, "slots": True, "order": True},
    {"frozen": True, "eq": False},
    {"slots": True, "eq": False},
    {"frozen": True, "slots": True, "eq": False, "weakref_slot": True},
)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "none")
@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_are_those_of_the_standard_library(name: str, options: dict[str, bool]) -> None:
    question = QUESTIONS[name]
    here, there = (asked(partial(question, point(make, **options))) for make in MAKERS.values())
    assert here == there


@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_any_number_of_fields(count: int) -> None:
    here, there = (sizes(make, count) for make in MAKERS.values())
    values = range(count)
    assert repr(here(*values)) == repr(there(*values))
    assert hash(here(*values)) == hash(there(*values))
    assert here(*values) == here(*values)
    assert here(*values).__reduce__() == (here, tuple(values))


def test_what_is_wrong_names_class_and_field() -> None:
    cls = point(frozen.dataclass, frozen=True, slots=True)
    with pytest.raises(
        TypeError, match=r"made_point\.__init__\(\) missing 1 required positional argument: 'x'"
    ):
        cls()
    with pytest.raises(FrozenInstanceError, match="cannot change 'x' of a made_point"):
        cls(1).x = 2


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_fields_are_inherited(make: Maker) -> None:
    base = point(make, frozen=True, slots=True)
    names = {"z": 5, "__annotations__": {"z": "int"}, "__module__": __name__}
    more = make(frozen=True, slots=True)(type("More", (base,), names))
    assert repr(more(1)).endswith("More(x=1, y=3, z=5)")
    assert more(1) != base(1)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_no_default_behind_one(make: Maker) -> None:
    class Wrong:
        x: int = 1
        y: int

    with pytest.raises(TypeError, match="y"):
        make(frozen=True, slots=True)(Wrong)
