"""Values seen as sets of definitions or as list elements, through what the module system puts around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from hwc_refactor.nix import merging
from hwc_refactor.nix.names import MODIFIERS, is_library
from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Call,
    Closure,
    Condition,
    Expr,
    Item,
    ListValue,
    PathValue,
    Scalar,
    Slot,
    Str,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from hwc_refactor.nix.resolve import Resolver


def view(resolver: Resolver, value: Value, at: Expr | None) -> Attrs:
    """A value as a set of definitions, seen through `mkIf`, `mkMerge`, `if` and the like."""
    match value:
        case Attrs():
            return value
        case Branch():
            yes = guarded(resolver, resolver.attrs(value.then), Condition(value.condition))
            no = guarded(resolver, resolver.attrs(value.otherwise), Condition(value.condition, holds=False))
            return merging.merge((yes, no), value.at)
        case Call(args=args) if is_library(value.function):
            match value.name, args:
                case ("mkIf" | "optionalAttrs", (condition, content)):
                    return guarded(resolver, resolver.attrs(content), Condition(condition))
                case "mkMerge", (listed,):
                    return _merged(resolver, listed, value.at)
                case name, (*_, content) if name in MODIFIERS and len(args) == MODIFIERS[name]:
                    return merging.modified(resolver.attrs(content), name, value.at)
                case "recursiveUpdate", (left, right):
                    return _deep_update(resolver, resolver.attrs(left), resolver.attrs(right), value.at)
                case _:
                    pass
    where = at or value.at
    assert where is not None
    reason = value if isinstance(value, Unknown) else Unknown(merging.describe(value), where)
    return Attrs({}, where, open=(reason,))


def _merged(resolver: Resolver, listed: Expr, at: Expr) -> Attrs:
    views: list[Attrs] = []
    opened: list[Unknown] = []
    for item in resolver.items(listed):
        if item.unknown is not None:
            opened.append(item.unknown)
            continue
        views.append(item_view(resolver, item))
    merged = merging.merge(views, at)
    return replace(merged, open=(*merged.open, *opened))


def _deep_update(resolver: Resolver, left: Attrs, right: Attrs, at: Expr) -> Attrs:
    """`recursiveUpdate`: sets are merged; where both sides hold something else, the right side wins."""
    kept: dict[str, tuple[Slot, ...]] = {}
    for name, below in left.slots.items():
        above = right.slots.get(name)
        if above is None or not all(slot.certain for slot in above):
            continue
        if _clash(resolver, below, above):
            doubt = Unknown("something else replaces it, or parts of it", above[0].expr)
            below = tuple(merging.doubted(slot, doubt) for slot in below)
        kept[name] = () if _no_set(resolver, below) or _no_set(resolver, above) else below
    updated = merging.update(left, right, at)
    slots = {name: (*kept.get(name, ()), *found) for name, found in updated.slots.items()}
    return replace(updated, slots=slots)


def _no_set(resolver: Resolver, slots: tuple[Slot, ...]) -> bool:
    plain = (Scalar, Str, PathValue, ListValue, Closure)
    return len(slots) == 1 and not slots[0].rest and isinstance(resolver.value(slots[0].expr), plain)


def _clash(resolver: Resolver, left: tuple[Slot, ...], right: tuple[Slot, ...], depth: int = 0) -> bool:
    """Whether two sets may define one attribute that is no set on both sides."""
    below, above = resolver.step(left), resolver.step(right)
    if below is None or above is None or depth > 8:
        return True
    if below.open or above.open or below.dynamic or above.dynamic:
        return True
    return any(
        _clash(resolver, below.slots[name], above.slots[name], depth + 1)
        for name in below.slots.keys() & above.slots.keys()
    )


def item_view(resolver: Resolver, item: Item) -> Attrs:
    """A list element as a set of definitions, under its conditions."""
    found = resolver.attrs(item.expr)
    for condition in item.conditions:
        found = guarded(resolver, found, condition)
    return found


def guarded(resolver: Resolver, found: Attrs, condition: Condition) -> Attrs:
    """A set of definitions under a condition."""
    truth = resolver.truth(condition.expr)
    if truth is not None:
        return found if truth is condition.holds else Attrs({}, found.at)
    return Attrs(
        {n: tuple(merging.conditioned(s, condition) for s in slots) for n, slots in found.slots.items()},
        found.at,
        tuple((name, merging.conditioned(slot, condition)) for name, slot in found.dynamic),
        found.open,
    )


def list_items(resolver: Resolver, value: Value, expr: Expr) -> tuple[Item, ...]:
    """A value that `expr` gave as list elements, seen through `if`, `mkIf`, `mkMerge` and the like."""
    items = _list_items(resolver, value, expr)
    if len(items) > merging.MAX_PIECES:
        return (Item(expr, None, unknown=Unknown("it is too long to follow", expr)),)
    return items


def _list_items(resolver: Resolver, value: Value, expr: Expr) -> tuple[Item, ...]:
    match value:
        case ListValue():
            return value.items
        case Branch():
            return (
                *_guarded_items(resolver, value.then, Condition(value.condition)),
                *_guarded_items(resolver, value.otherwise, Condition(value.condition, holds=False)),
            )
        case Call(args=args) if is_library(value.function):
            match value.name, args:
                case "mkIf", (condition, content):
                    return _guarded_items(resolver, content, Condition(condition))
                case "mkMerge", (listed,):
                    return tuple(
                        replace(below, conditions=(*item.conditions, *below.conditions))
                        for item in resolver.items(listed)
                        for below in ((item,) if item.unknown else resolver.items(item.expr))
                    )
                case name, (*_, content) if name in MODIFIERS and len(args) == MODIFIERS[name]:
                    return resolver.items(content)
                case _:
                    pass
    reason = value if isinstance(value, Unknown) else Unknown(merging.describe(value), expr)
    return (Item(expr, None, unknown=reason),)


def _guarded_items(resolver: Resolver, content: Expr, condition: Condition) -> tuple[Item, ...]:
    items = resolver.items(content)
    truth = resolver.truth(condition.expr)
    if truth is not None:
        return items if truth is condition.holds else ()
    return tuple(replace(item, conditions=(condition, *item.conditions)) for item in items)
