"""What a function makes of each element of a list or set that is not in sight: one object that stands for all.

`lib.mapAttrs' (name: x: lib.nameValuePair … { … }) cfg.all` says what each of them is, though not how many there
are. The functions: nixpkgs manual, "Nixpkgs Library Functions".
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix import calling
from hwc_refactor.nix.names import is_library
from hwc_refactor.nix.scope import formals_of
from hwc_refactor.nix.values import Attrs, Call, Closure, Expr, Ref, Slot, Unknown, Value
from hwc_refactor.nixos.tree import Tree

_EACH = {
    "map": (0, 1),
    "forEach": (1, 1),
    "imap0": (0, 2),
    "imap1": (0, 2),
    "mapAttrsToList": (0, 2),
    "concatMap": (0, 1),
}
"""Functions that make a list: which of their arguments is the function, and how many arguments that takes."""

Made = tuple[str | Expr, Slot]
"""The name of what is made, or the expression of it, and its definition."""


def generated(tree: Tree, expr: Expr) -> Iterator[Made]:
    """The attributes that a call makes for each element of something that is not in sight."""
    call = tree.resolver.value(expr)
    if not isinstance(call, Call) or not is_library(call.function):
        return
    if any(_declared(tree, argument) for argument in call.args):
        return
    match call.name, call.args:
        case "genAttrs", (_, function):
            yield from _valued(tree, body_of(tree, function, 1), function)
        case "mapAttrs", (function, _):
            yield from _valued(tree, body_of(tree, function, 2), function)
        case "mapAttrs'", (function, _):
            yield from _pair(tree, body_of(tree, function, 2))
        case "listToAttrs", (listed,):
            yield from _pair(tree, element(tree, listed))
        case "filterAttrs", (_, source):
            yield from generated(tree, source)
        case (("foldl'" | "foldl" | "foldr"), (function, _, _)):
            yield from _set(tree, body_of(tree, function, 2))
        case _:
            yield from _set(tree, element(tree, expr))


def _declared(tree: Tree, expr: Expr) -> bool:
    """Whether the elements are what the shared modules are told: objects of their own, found where they are set."""
    value = tree.resolver.value(expr)
    while isinstance(value, Call) and is_library(value.function) and value.args:
        value = tree.resolver.value(value.args[-1])
    return isinstance(value, Ref) and value.path[:3] == ("config", "services", "hwc")


def element(tree: Tree, listed: Expr) -> Expr | None:
    """What a list holds for each element of another one."""
    call = tree.resolver.value(listed)
    if not isinstance(call, Call) or not is_library(call.function) or call.name not in _EACH:
        return None
    position, count = _EACH[call.name]
    return body_of(tree, call.args[position], count) if len(call.args) == 2 else None


def body_of(tree: Tree, function: Expr, count: int) -> Expr | None:
    """The body of a function of the root, its parameters left open."""
    value: Value = tree.resolver.value(function)
    found: Expr | None = None
    for _ in range(count):
        if not isinstance(value, Closure):
            return None
        whole, _, _ = formals_of(value.at.file, value.at.node)
        open_ = Ref((whole or "each",), value.at, value.at.node)
        frame = calling.frame_of(tree.resolver, value, open_)
        if isinstance(frame, Unknown):
            return None
        found = calling.body(frame)
        value = tree.resolver.value(found)
    return found


def _valued(tree: Tree, body: Expr | None, function: Expr) -> Iterator[Made]:
    """What a function makes of a name, under this name: that of its parameter stands for it."""
    value = tree.resolver.value(function)
    if body is not None and isinstance(value, Closure):
        named = value.at.node.child_by_field_name("universal") or function.node
        yield Expr(value.at.file, named, value.at.env), Slot((), body, None, function)


def _pair(tree: Tree, body: Expr | None) -> Iterator[Made]:
    """The attribute that a pair of a name and a value becomes."""
    if body is None:
        return
    pair = tree.resolver.value(body)
    if isinstance(pair, Call) and pair.name == "nameValuePair" and len(pair.args) == 2:
        yield _name(tree, pair.args[0]), Slot((), pair.args[1], None, body)
    elif isinstance(pair, Attrs):
        names = pair.slots.get("name", ())
        if len(names) == 1 and not names[0].rest:
            for slot in pair.slots.get("value", ()):
                yield _name(tree, names[0].expr), slot


def _name(tree: Tree, expr: Expr) -> str | Expr:
    text = tree.resolver.literal(expr)
    return expr if text is None else text


def _set(tree: Tree, body: Expr | None) -> Iterator[Made]:
    """The attributes of a set that is merged with those for the other elements."""
    if body is None:
        return
    view = tree.resolver.attrs(body)
    for name, slots in view.slots.items():
        for slot in slots:
            yield name, slot
    yield from view.dynamic
