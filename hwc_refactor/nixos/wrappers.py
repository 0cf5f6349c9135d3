"""What stands around the value of an option: `mkForce`, `mkDefault`, `mkIf`."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nix.names import MODIFIERS, is_library
from hwc_refactor.nix.values import Call, Condition, Expr
from hwc_refactor.nixos.tree import Tree

FORCING = frozenset({"mkForce", "mkOverride", "mkVMOverride", "mkImageMediaOverride"})
"""Those that win over a definition without any (nixpkgs, lib/modules.nix)."""


class Unwrapped(Struct, frozen=True, eq=False):
    """A value without what stands around it.

    Attributes:
        expr: the value itself.
        modifiers: `mkForce` and the like, outermost first.
        conditions: what must hold for it to count.
    """

    expr: Expr
    modifiers: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


def unwrapped(tree: Tree, expr: Expr) -> Unwrapped:
    """Take `mkIf`, `mkForce` and the like off a value."""
    modifiers: list[str] = []
    conditions: list[Condition] = []
    while isinstance(value := tree.resolver.value(expr), Call) and is_library(value.function):
        if value.name == "mkIf" and len(value.args) == 2:
            conditions.append(Condition(value.args[0]))
        elif MODIFIERS.get(value.name) == len(value.args):
            modifiers.append(value.name)
        else:
            break
        expr = value.args[-1]
    return Unwrapped(expr, tuple(modifiers), tuple(conditions))
