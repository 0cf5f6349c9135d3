"""What a name means at a place: a binding, a parameter, something of a `with`, or a global name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwc_refactor.nix import library, names
from hwc_refactor.nix.scope import MODULE_ARGUMENTS, Bound, Free, Parameter, lookup
from hwc_refactor.nix.values import Attrs, Expr, Ref, Scalar, Unknown, Value

if TYPE_CHECKING:
    from hwc_refactor.nix.resolve import Resolver


_CONSTANTS = {"true": True, "false": False, "null": None}


def meaning(resolver: Resolver, name: str, expr: Expr) -> Value:
    """What a name means in the scope of `expr`."""
    match lookup(name, expr.env):
        case Bound(frame=frame):
            holder = Expr(frame.file, frame.node, frame.parent or frame)
            return resolver.defined(resolver.bindings(holder, frame).slots.get(name, ()), expr)
        case Parameter(frame=frame, argument=argument, default=default):
            if isinstance(argument, Expr):
                return resolver.value(argument)
            if argument is not None:
                return argument
            if frame.args is not None:
                if default is not None:
                    return resolver.value(default)
                return Unknown(f"'{name}' is not passed to the function", expr)
            if name in MODULE_ARGUMENTS:
                return Ref((name,), expr)
            return Ref((name,), expr, binder=frame.node)
        case Free() if name in _CONSTANTS:
            return Scalar(_CONSTANTS[name], expr)
        case Free(withs=withs):
            return _free(resolver, name, withs, expr)


def _free(resolver: Resolver, name: str, withs: tuple[Expr, ...], expr: Expr) -> Value:
    """What a name means that nothing but a `with` can bind: the innermost counts."""
    if name in names.GLOBALS:
        return Ref(("builtins",) if name == "builtins" else ("builtins", name), expr)
    several = Unknown(f"'{name}' may come from more than one 'with'", expr)
    outside: list[Ref] = []
    for opened in withs:
        environment = resolver.value(opened)
        if isinstance(environment, Attrs):
            if name in environment.slots and not outside:
                return resolver.defined(environment.slots[name], expr)
            if name in environment.slots:
                outside = [ref for ref in outside if ref.path[-1] == "lib" and library.is_name(name)]
                return Ref((*outside[0].path, name), expr, outside[0].binder) if outside else several
            if environment.open or environment.dynamic:
                return Unknown(f"'{name}' may come from a set that is not fully in sight", expr)
        elif isinstance(environment, Ref):
            outside.append(environment)
        else:
            return Unknown(f"'{name}' may come from a 'with' that is not followed", expr)
    if len(outside) > 1:
        is_library = library.is_name(name)
        outside = [ref for ref in outside if (ref.path[-1] == "lib") == is_library]
        if len(outside) != 1:
            return several
    if outside:
        return Ref((*outside[0].path, name), expr, outside[0].binder)
    return Unknown(f"'{name}' is not bound where it can be seen", expr)
