"""Functions of the root that are called: the scope of their body, and what it amounts to there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwc_refactor.nix.scope import MODULE_ARGUMENTS, Env, formals_of
from hwc_refactor.nix.values import Attrs, Closure, Expr, Ref, Unknown, Value

if TYPE_CHECKING:
    from hwc_refactor.nix.resolve import Resolver


def enter(resolver: Resolver, function: Closure, argument: Expr | Value) -> Value:
    """What a function of the root gives for an argument."""
    frame = frame_of(resolver, function, argument)
    return frame if isinstance(frame, Unknown) else resolver.value(body(frame))


def body(frame: Env) -> Expr:
    """The body of a function in the scope of a call."""
    node = frame.node.child_by_field_name("body")
    assert node is not None
    return Expr(frame.file, node, frame)


def frame_of(resolver: Resolver, function: Closure, argument: Expr | Value) -> Env | Unknown:
    """The scope of a function's body when it is called with `argument`."""
    at = function.at
    whole, formals, _ = formals_of(at.file, at.node)
    args: dict[str, Expr | Value] = {}
    if whole is not None:
        args[whole] = argument
    if formals is not None:
        value = resolver.value(argument) if isinstance(argument, Expr) else argument
        view = None if isinstance(value, Ref) else resolver.view(value, at)
        for name, default in formals.items():
            given = given_for(resolver, value, view, name, at)
            if default is not None and isinstance(given, Ref) and isinstance(value, Ref):
                if name not in MODULE_ARGUMENTS:
                    given = Unknown(f"it is {'.'.join(given.path)} where that exists, else the default", at)
            if given is not None:
                args[name] = given
            elif default is None or (view is not None and view.open):
                args[name] = Unknown(f"it is not certain what '{name}' is called with", at)
    return Env(at.file, "lambda", at.node, at.env, args)


def given_for(
    resolver: Resolver, value: Value, view: Attrs | None, name: str, at: Expr
) -> Expr | Value | None:
    """What a call gives for a parameter: `view` is its argument as a set, None for a name from outside."""
    if isinstance(value, Ref):
        if name in MODULE_ARGUMENTS:
            return Ref((name,), value.at)
        return Ref((*value.path, name), value.at, value.binder)
    assert view is not None
    slots = view.slots.get(name)
    if slots is None:
        return None
    if len(slots) == 1 and not slots[0].rest and slots[0].certain:
        return slots[0].expr
    return resolver.defined(slots, at)
