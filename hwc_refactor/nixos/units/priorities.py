"""Which of several definitions of an option count: priorities and conditions of the module system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hwc_refactor.nix.names import MODIFIERS, is_library
from hwc_refactor.nix.resolve import Resolver
from hwc_refactor.nix.values import Call, Condition, ListValue, Scalar, Slot, Value
from hwc_refactor.nixos.units.standins import plain

PLAIN = 100
PRIORITIES = {"mkForce": 50, "mkDefault": 1000, "mkOptionDefault": 1500, "mkVMOverride": 10}
"""The priorities of definitions; a plain one has 100, and the lowest number wins (nixpkgs, lib/modules.nix)."""


Given = frozenset[tuple[str, int, bool]]
"""Conditions that are taken to hold: file, place and sense of each."""


def given(conditions: Iterable[Condition]) -> Given:
    """Conditions as what is taken to hold."""
    return frozenset((c.expr.file.source.path, c.expr.node.start_byte, c.holds) for c in conditions)


def counting(resolver: Resolver, slots: Sequence[Slot], holds: Given) -> list[Value] | None:
    """The values that count among the definitions of one directive; None when that is not certain.

    A definition under a condition counts where the condition is taken to hold.

    Lists of several definitions follow each other; other values have to agree (nixpkgs,
    nixos/lib/systemd-unit-options.nix, unitOption).
    """
    ranked: list[tuple[int, Value]] = []
    for slot in slots:
        if slot.rest or slot.doubt is not None or not given(slot.conditions) <= holds:
            return None
        priority = PLAIN
        for modifier in slot.modifiers:
            priority = PRIORITIES.get(modifier, priority)
        found = _unwrapped(resolver, resolver.value(slot.expr), priority)
        if found is None:
            return None
        ranked += found
    first = min((priority for priority, _ in ranked), default=PLAIN)
    values = [value for priority, value in ranked if priority == first]
    if len(values) > 1 and not any(isinstance(value, ListValue) for value in values):
        texts = {plain(value) for value in values}
        return values[:1] if len(texts) == 1 and None not in texts else None
    return values


def _unwrapped(resolver: Resolver, value: Value, priority: int) -> list[tuple[int, Value]] | None:
    """A value without what the module system puts around it, and its priority; empty when it does not count."""
    while isinstance(value, Call) and is_library(value.function):
        if value.name == "mkIf" and len(value.args) == 2:
            truth = resolver.truth(value.args[0])
            if truth is None:
                return None
            if not truth:
                return []
        elif value.name not in MODIFIERS or len(value.args) != MODIFIERS[value.name]:
            break
        elif value.name == "mkOverride":
            level = resolver.value(value.args[0])
            if not isinstance(level, Scalar) or not isinstance(level.value, int):
                return None
            priority = level.value
        else:
            priority = PRIORITIES.get(value.name, priority)
        value = resolver.value(value.args[-1])
    return [(priority, value)]
