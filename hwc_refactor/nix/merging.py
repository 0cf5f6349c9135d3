"""Putting sets of definitions together, as `//`, `mkMerge` and the wrappers of the module system do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hwc_refactor.nix.values import Attrs, Branch, Call, Condition, Expr, Ref, Slot, Value


def update(left: Attrs, right: Attrs, at: Expr) -> Attrs:
    """`left // right`: what the right side says wins, unless it stands under a condition."""
    slots: dict[str, tuple[Slot, ...]] = dict(left.slots)
    for name, definitions in right.slots.items():
        certain = any(not slot.conditions for slot in definitions)
        slots[name] = definitions if certain else (*slots.get(name, ()), *definitions)
    return Attrs(slots, at, (*left.dynamic, *right.dynamic), (*left.open, *right.open))


def merge(views: Sequence[Attrs], at: Expr) -> Attrs:
    """All definitions of several sets side by side, as the module system merges them."""
    slots: dict[str, tuple[Slot, ...]] = {}
    for view in views:
        for name, definitions in view.slots.items():
            slots[name] = (*slots.get(name, ()), *definitions)
    dynamic = tuple(pair for view in views for pair in view.dynamic)
    return Attrs(slots, at, dynamic, tuple(reason for view in views for reason in view.open))


def conditioned(slot: Slot, condition: Condition) -> Slot:
    """A definition that counts only under a further condition."""
    return replace(slot, conditions=(condition, *slot.conditions))


def under(slot: Slot, outer: Slot) -> Slot:
    """A definition found inside of another one, with the conditions and modifiers of that."""
    if not outer.conditions and not outer.modifiers:
        return slot
    return replace(
        slot,
        conditions=(*outer.conditions, *slot.conditions),
        modifiers=(*outer.modifiers, *slot.modifiers),
    )


def modified(view: Attrs, name: str, at: Expr) -> Attrs:
    """A set inside of `mkForce`, `mkDefault` and the like."""

    def wrapped(slot: Slot) -> Slot:
        return replace(slot, modifiers=(name, *slot.modifiers))

    slots: Mapping[str, tuple[Slot, ...]] = {
        key: tuple(wrapped(slot) for slot in definitions) for key, definitions in view.slots.items()
    }
    return Attrs(slots, at, tuple((key, wrapped(slot)) for key, slot in view.dynamic), view.open)


def describe(value: Value) -> str:
    """Why a value cannot be looked into, in words for the user."""
    match value:
        case Ref():
            return f"it is {'.'.join(value.path)}, which is set elsewhere"
        case Call():
            return f"it is built by {'.'.join(value.function)}, which is not followed"
        case Branch():
            return f"it depends on {value.condition.text}"
    return "it is of another kind"
