"""What is known about loops and timers: `data/loops.toml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct

from hwc_refactor.nixos.catalogue import table


class Waits(Struct, frozen=True):
    """A command that waits for something to happen.

    Attributes:
        words: one of these must be among its arguments; empty when it always waits.
        source: where that is said.
    """

    words: frozenset[str]
    source: str


@cache
def waits(table: str = "waits") -> Mapping[str, tuple[Waits, ...]]:
    """The commands that wait for something to happen, or (`stays`) do not end by themselves, by file name."""
    found: dict[str, tuple[Waits, ...]] = {}
    for entry in _data()[table]:
        known = Waits(frozenset(entry.get("words", "").split()), entry["source"])
        for name in entry["names"].split():
            found[name] = (*found.get(name, ()), known)
    return found


def is_waiting(name: str, arguments: Sequence[str]) -> bool:
    """Whether a command waits for something to happen, rather than for time to pass."""
    return any(not known.words or known.words & set(arguments) for known in waits().get(name, ()))


def is_staying(name: str, arguments: Sequence[str]) -> bool:
    """Whether a command does not end by itself."""
    return any(not known.words or known.words & set(arguments) for known in waits("stays").get(name, ()))


@cache
def names(table: str, key: str = "names") -> frozenset[str]:
    """The words of a table: `names("again")`."""
    return frozenset(str(_data()[table][key]).split())


@cache
def types() -> Mapping[str, str]:
    """For each type of service that is no loop of a plain process, why it is none."""
    return {name: text for name, text in _data()["types"].items() if name != "source"}


@cache
def _data() -> dict[str, Any]:
    return table("loops.toml")
