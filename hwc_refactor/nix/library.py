"""The functions of nixpkgs' `lib` and of `builtins` that resolution carries out or looks through.

Their meaning: nixpkgs manual, "Nixpkgs Library Functions"; Nix manual, "Built-in Functions".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix import calling, imports, merging
from hwc_refactor.nix.names import MODIFIERS, PLAIN_NAMES, is_library
from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Call,
    Closure,
    Condition,
    Expr,
    Gap,
    Item,
    ListValue,
    PathValue,
    Ref,
    Scalar,
    Slot,
    Str,
    Text,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from hwc_refactor.nix.resolve import Resolver


def is_name(name: str) -> bool:
    """Whether `lib` is known to have this name, to tell `with lib;` from another `with`."""
    return name in FUNCTIONS or name in MODIFIERS or name in PLAIN_NAMES


class Function(Struct, frozen=True):
    """A library function that is carried out.

    Attributes:
        arity: how many arguments it takes.
        run: gives the result, or None to leave the call as it is.
    """

    arity: int
    run: Callable[[Resolver, Call], Value | None]


def _import(resolver: Resolver, call: Call) -> Value | None:
    value = imports.import_path(resolver, call.args[0])
    return call if isinstance(value, Unknown) else value


def _to_string(resolver: Resolver, call: Call) -> Value | None:
    value = resolver.value(call.args[0])
    if isinstance(value, Str):
        return value
    if not isinstance(value, Scalar) or isinstance(value.value, float):
        return None
    text = "" if not value.value and not isinstance(value.value, int) else str(value.value)
    if isinstance(value.value, bool):
        text = "1" if value.value else ""
    return Str((Text(text, call.args[0]),), call.at)


def _optionals(resolver: Resolver, call: Call) -> Value | None:
    condition, content = call.args
    items = resolver.items(content)
    return _conditional_list(resolver, call, condition, items)


def _optional(resolver: Resolver, call: Call) -> Value | None:
    condition, content = call.args
    return _conditional_list(resolver, call, condition, (Item(content, call.at),))


def _conditional_list(resolver: Resolver, call: Call, condition: Expr, items: tuple[Item, ...]) -> ListValue:
    truth = resolver.truth(condition)
    if truth is not None:
        return ListValue(items if truth else (), call.at)
    guard = Condition(condition)
    return ListValue(tuple(replace(i, conditions=(guard, *i.conditions)) for i in items), call.at)


def _optional_string(resolver: Resolver, call: Call) -> Value | None:
    truth = resolver.truth(call.args[0])
    if truth is None:
        return None
    return resolver.value(call.args[1]) if truth else Str((), call.at)


def _concat_lists(resolver: Resolver, call: Call) -> Value | None:
    return _joined(resolver, resolver.items(call.args[0]), call)


def _joined(resolver: Resolver, listed: tuple[Item, ...], call: Call) -> Value:
    items: list[Item] = []
    for item in listed:
        if item.unknown is not None:
            items.append(item)
            continue
        below = resolver.items(item.expr)
        items += [replace(b, conditions=(*item.conditions, *b.conditions)) for b in below]
    return merging.joined_list(items, call.at)


def _flatten(resolver: Resolver, call: Call) -> Value | None:
    def walk(items: tuple[Item, ...], depth: int) -> list[Item]:
        flat: list[Item] = []
        for item in items:
            value = None if item.unknown or depth > 8 else resolver.value(item.expr)
            closed = isinstance(value, Attrs) and not value.open
            if closed or isinstance(value, Scalar | Str | PathValue | Closure):
                flat.append(item)
            elif isinstance(value, ListValue | Branch):
                below = walk(resolver.items(item.expr), depth + 1)
                flat += [replace(b, conditions=(*item.conditions, *b.conditions)) for b in below]
            else:
                flat.append(replace(item, unknown=item.unknown or Unknown("it may be a list", item.expr)))
        return flat

    return merging.joined_list(walk(resolver.items(call.args[0]), 0), call.at)


def _concat_strings_sep(resolver: Resolver, call: Call) -> Value | None:
    separator = resolver.literal(call.args[0])
    items = resolver.items(call.args[1])
    if separator is None or any(item.unknown or item.conditions for item in items):
        return None
    parts: list[Text | Gap] = []
    for index, item in enumerate(items):
        if index:
            parts.append(Text(separator, call.args[0]))
        value = resolver.value(item.expr)
        parts += value.parts if isinstance(value, Str) else (Gap(value, item.expr),)
    return merging.joined_text(parts, call.at)


def _names(resolver: Resolver, listed: Expr) -> list[tuple[str, Item]] | None:
    names: list[tuple[str, Item]] = []
    for item in resolver.items(listed):
        text = None if item.unknown else resolver.literal(item.expr)
        if text is None:
            return None
        names.append((text, item))
    return names


def _gen_attrs(resolver: Resolver, call: Call) -> Value | None:
    names = _names(resolver, call.args[0])
    if names is None:
        return None
    slots: dict[str, tuple[Slot, ...]] = {}
    for name, item in names:
        slot = _applied(resolver, call.args[1], (item.expr,), call)
        if slot is None:
            return None
        _first_wins(slots, name, (replace(slot, conditions=item.conditions),))
    return Attrs(slots, call.at)


def _first_wins(slots: dict[str, tuple[Slot, ...]], name: str, definitions: tuple[Slot, ...]) -> None:
    """Add an attribute as `listToAttrs` does: the first of a name counts."""
    before = slots.get(name, ())
    if any(not slot.conditions for slot in before):
        return
    if before:
        doubt = Unknown("another one of the same name stands before it", before[0].expr)
        definitions = tuple(merging.doubted(slot, doubt) for slot in definitions)
    slots[name] = (*before, *definitions)


def _conditions(definitions: tuple[Slot, ...]) -> tuple[Condition, ...] | None:
    """What must hold for an attribute to be there at all; None when that is not one set of conditions."""
    if any(slot.doubt is not None for slot in definitions):
        return None
    if any(not slot.conditions for slot in definitions):
        return ()
    return definitions[0].conditions if len(definitions) == 1 else None


def _applied(
    resolver: Resolver, function: Expr, arguments: tuple[Expr | Value, ...], call: Call
) -> Slot | None:
    """A slot whose value is the body of a function of the root, its parameters bound."""
    value = resolver.value(function)
    value = (resolver.given(value) or value) if isinstance(value, Ref) else value
    for argument in arguments[:-1]:
        if not isinstance(value, Closure):
            return None
        value = calling.enter(resolver, value, argument)
    if not isinstance(value, Closure):
        return None
    frame = calling.frame_of(resolver, value, arguments[-1])
    return None if isinstance(frame, Unknown) else Slot((), calling.body(frame), None, call.at)


def _map(resolver: Resolver, call: Call) -> Value | None:
    function, listed = call.args
    return _mapped(resolver, function, listed, call)


def _for_each(resolver: Resolver, call: Call) -> Value | None:
    listed, function = call.args
    return _mapped(resolver, function, listed, call)


def _mapped(resolver: Resolver, function: Expr, listed: Expr, call: Call) -> Value | None:
    items: list[Item] = []
    for item in resolver.items(listed):
        if item.unknown is not None:
            return None
        slot = _applied(resolver, function, (item.expr,), call)
        if slot is None:
            return None
        items.append(Item(slot.expr, call.at, item.conditions))
    return ListValue(tuple(items), call.at)


def _imap(resolver: Resolver, call: Call) -> Value | None:
    function, listed = call.args
    items: list[Item] = []
    for number, item in enumerate(resolver.items(listed), int(call.name[-1])):
        index = Scalar(number, call.at)
        slot = (
            None
            if item.unknown or item.conditions
            else _applied(resolver, function, (index, item.expr), call)
        )
        if slot is None:
            return None
        items.append(Item(slot.expr, call.at))
    return ListValue(tuple(items), call.at)


def _map_attrs(resolver: Resolver, call: Call) -> Value | None:
    function, source = call.args
    view = resolver.attrs(source)
    if view.open or view.dynamic:
        return None
    marked = _marking(resolver, function, call)
    if marked is not None:
        return merging.modified(view, marked, call.at)
    slots: dict[str, tuple[Slot, ...]] = {}
    for name, definitions in view.slots.items():
        slot = _applied(resolver, function, _pair(resolver, name, definitions, call), call)
        conditions = _conditions(definitions)
        if slot is None or conditions is None:
            return None
        slots[name] = (replace(slot, conditions=conditions),)
    return Attrs(slots, call.at)


def _marking(resolver: Resolver, function: Expr, call: Call) -> str | None:
    """The wrapper of the module system that a function puts around every value: `_: lib.mkDefault`."""
    closure = resolver.value(function)
    if not isinstance(closure, Closure):
        return None
    body = calling.enter(resolver, closure, Unknown("it is the name of an attribute", call.at))
    single = isinstance(body, Ref) and MODIFIERS.get(body.path[-1]) == 1 and is_library(body.path)
    return body.path[-1] if single and isinstance(body, Ref) else None


def _pair(
    resolver: Resolver, name: str, definitions: tuple[Slot, ...], call: Call
) -> tuple[Expr | Value, ...]:
    value: Expr | Value
    if len(definitions) == 1 and not definitions[0].rest:
        value = definitions[0].expr
    else:
        value = resolver.step(definitions) or Unknown("it is defined in several places", call.at)
    return Str((Text(name, call.at),), call.at), value


def _map_attrs_to_list(resolver: Resolver, call: Call) -> Value | None:
    function, source = call.args
    view = resolver.attrs(source)
    if view.open or view.dynamic:
        return None
    items: list[Item] = []
    for name in sorted(view.slots):
        definitions = view.slots[name]
        slot = _applied(resolver, function, _pair(resolver, name, definitions, call), call)
        conditions = _conditions(definitions)
        if slot is None or conditions is None:
            return None
        items.append(Item(slot.expr, call.at, conditions))
    return ListValue(tuple(items), call.at)


def _map_attrs_prime(resolver: Resolver, call: Call) -> Value | None:
    pairs = _map_attrs_to_list(resolver, call)
    return _from_pairs(resolver, pairs, call) if isinstance(pairs, ListValue) else None


def _list_to_attrs(resolver: Resolver, call: Call) -> Value | None:
    return _from_pairs(resolver, resolver.value(call.args[0]), call)


def _from_pairs(resolver: Resolver, pairs: Value, call: Call) -> Value | None:
    slots: dict[str, tuple[Slot, ...]] = {}
    for item in resolver.list_items(pairs, call.args[-1]):
        if item.unknown is not None:
            return None
        pair = resolver.value(item.expr)
        if isinstance(pair, Call) and pair.name == "nameValuePair" and len(pair.args) == 2:
            name = resolver.literal(pair.args[0])
            found: tuple[Slot, ...] = (Slot((), pair.args[1], None, item.expr),)
        elif isinstance(pair, Attrs):
            names = pair.slots.get("name", ())
            found = pair.slots.get("value", ())
            if len(names) != 1 or names[0].rest or not found:
                return None
            if not all(slot.certain for slot in (*names, *found)):
                return None
            name = resolver.literal(names[0].expr)
        else:
            return None
        if name is None:
            return None
        _first_wins(slots, name, tuple(replace(slot, conditions=item.conditions) for slot in found))
    return Attrs(slots, call.at)


def _attr_values(resolver: Resolver, call: Call) -> Value | None:
    view = resolver.attrs(call.args[0])
    if view.open or view.dynamic:
        return None
    if any(len(s) != 1 or s[0].rest or s[0].doubt for s in view.slots.values()):
        return None
    ordered = [view.slots[name][0] for name in sorted(view.slots)]
    return ListValue(tuple(Item(slot.expr, slot.holder, slot.conditions) for slot in ordered), call.at)


def _merge_attrs_list(resolver: Resolver, call: Call) -> Value | None:
    merged = Attrs({}, call.at)
    for item in resolver.items(call.args[0]):
        view = resolver.item_view(item) if item.unknown is None else Attrs({}, call.at, (), (item.unknown,))
        merged = merging.update(merged, view, call.at)
    return merged


def _optional_attrs(resolver: Resolver, call: Call) -> Value | None:
    truth = resolver.truth(call.args[0])
    if truth is None:
        return None
    return resolver.value(call.args[1]) if truth else Attrs({}, call.at)


def _remove_attrs(resolver: Resolver, call: Call) -> Value | None:
    view = resolver.attrs(call.args[0])
    names = _names(resolver, call.args[1])
    if names is None or any(item.conditions for _, item in names):
        return None
    gone = {name for name, _ in names}
    return replace(view, slots={n: s for n, s in view.slots.items() if n not in gone}, at=call.at)


def _concat_map(resolver: Resolver, call: Call) -> Value | None:
    mapped = _map(resolver, call)
    return None if mapped is None else _joined(resolver, resolver.list_items(mapped, call.at), call)


def _id(resolver: Resolver, call: Call) -> Value | None:
    return resolver.value(call.args[0])


FUNCTIONS: dict[str, Function] = {
    "import": Function(1, _import),
    "toString": Function(1, _to_string),
    "optional": Function(2, _optional),
    "optionals": Function(2, _optionals),
    "optionalString": Function(2, _optional_string),
    "concatLists": Function(1, _concat_lists),
    "flatten": Function(1, _flatten),
    "concatStringsSep": Function(2, _concat_strings_sep),
    "genAttrs": Function(2, _gen_attrs),
    "map": Function(2, _map),
    "forEach": Function(2, _for_each),
    "imap0": Function(2, _imap),
    "imap1": Function(2, _imap),
    "mapAttrs": Function(2, _map_attrs),
    "mapAttrs'": Function(2, _map_attrs_prime),
    "mapAttrsToList": Function(2, _map_attrs_to_list),
    "listToAttrs": Function(1, _list_to_attrs),
    "attrValues": Function(1, _attr_values),
    "concatMap": Function(2, _concat_map),
    "optionalAttrs": Function(2, _optional_attrs),
    "removeAttrs": Function(2, _remove_attrs),
    "mergeAttrsList": Function(1, _merge_attrs_list),
    "id": Function(1, _id),
}


def result(resolver: Resolver, call: Call) -> Value:
    """What a call of something from outside gives; the call itself where it is not carried out."""
    if is_library(call.function):
        found = FUNCTIONS.get(call.name)
        if found is not None and len(call.args) == found.arity:
            return found.run(resolver, call) or call
        if call.name == "callPackageWith" and len(call.args) == 3:
            return imports.package_with(resolver, call)
    elif call.name == "callPackage" and len(call.args) == 2:
        return imports.package(resolver, call)
    return call
