"""Putting sets of definitions together, as `//`, `mkMerge` and the wrappers of the module system do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Call,
    Condition,
    Expr,
    Gap,
    Item,
    ListValue,
    Ref,
    Slot,
    Str,
    Text,
    Unknown,
    Value,
)

MAX_PIECES = 5_000
"""How many pieces a string or elements a list may have: doubling a few times over must not fill the memory."""
MAX_DEFINITIONS = 500
"""The same for the definitions of one attribute."""


def joined_text(parts: Sequence[Text | Gap], at: Expr) -> Value:
    """A string of these pieces."""
    return Str(tuple(parts), at) if len(parts) <= MAX_PIECES else Unknown("it is too long to follow", at)


def joined_list(items: Sequence[Item], at: Expr) -> Value:
    """A list of these elements."""
    return (
        ListValue(tuple(items), at) if len(items) <= MAX_PIECES else Unknown("it is too long to follow", at)
    )


def update(left: Attrs, right: Attrs, at: Expr) -> Attrs:
    """`left // right`: what the right side says wins; what it may say leaves the left side in doubt."""
    unseen = next(iter(right.open), None)
    if unseen is None and right.dynamic:
        unseen = Unknown("an attribute with a computed name may replace it", right.dynamic[0][0])
    slots: dict[str, tuple[Slot, ...]] = {}
    for name, definitions in left.slots.items():
        above = right.slots.get(name, ())
        if any(not slot.conditions for slot in above):
            slots[name] = above
            continue
        doubt = unseen
        if above and doubt is None:
            condition = above[0].conditions[0]
            doubt = Unknown(f"something else replaces it where {condition.text} holds", condition.expr)
        kept = definitions if doubt is None else tuple(doubted(slot, doubt) for slot in definitions)
        slots[name] = (*kept, *above)[-MAX_DEFINITIONS:]
    slots.update({name: found for name, found in right.slots.items() if name not in slots})
    dynamic, opened = (*left.dynamic, *right.dynamic), (*left.open, *right.open)
    return Attrs(slots, at, dynamic[-MAX_DEFINITIONS:], opened[-MAX_DEFINITIONS:])


def merge(views: Sequence[Attrs], at: Expr) -> Attrs:
    """All definitions of several sets side by side, as the module system merges them."""
    slots: dict[str, tuple[Slot, ...]] = {}
    for view in views:
        for name, definitions in view.slots.items():
            slots[name] = (*slots.get(name, ()), *definitions)
    dynamic = tuple(pair for view in views for pair in view.dynamic)
    opened = tuple(reason for view in views for reason in view.open)
    if any(len(definitions) > MAX_DEFINITIONS for definitions in slots.values()):
        return Attrs({}, at, open=(Unknown("it has too many definitions to follow", at),))
    return Attrs(slots, at, dynamic[:MAX_DEFINITIONS], opened[:MAX_DEFINITIONS])


def doubted(slot: Slot, doubt: Unknown) -> Slot:
    """A definition in whose place something else may stand."""
    return slot if slot.doubt is not None else replace(slot, doubt=doubt)


def conditioned(slot: Slot, condition: Condition) -> Slot:
    """A definition that counts only under a further condition."""
    return replace(slot, conditions=(condition, *slot.conditions))


def under(slot: Slot, outer: Slot) -> Slot:
    """A definition found inside of another one, with the conditions, modifiers and doubts of that."""
    if outer.certain and not outer.modifiers:
        return slot
    return Slot(
        slot.rest,
        slot.expr,
        slot.binding,
        slot.holder,
        slot.depth,
        (*outer.conditions, *slot.conditions),
        (*outer.modifiers, *slot.modifiers),
        slot.doubt or outer.doubt,
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
