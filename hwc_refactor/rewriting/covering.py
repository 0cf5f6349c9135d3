"""What an attribute stands in place of: in `base // { x = 1; }` it hides the x of base, which is back without it."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.resolve import Resolver
from hwc_refactor.nix.syntax import Node, within
from hwc_refactor.nix.values import Call, Expr
from hwc_refactor.nixos.block import Block


def hides(block: Block, name: str) -> bool:
    """Whether a definition of an attribute hides another one, or may."""
    resolver = block.tree.resolver
    for slot in block.get(name):
        holder = slot.holder
        for whole in block.slots if holder is not None else ():
            if (
                holder is None
                or holder.file is not whole.expr.file
                or not within(holder.node, whole.expr.node)
            ):
                continue
            for part in _beneath(resolver, whole.expr, holder.node):
                view = resolver.attrs(part)
                if view.open or view.dynamic or name in view.slots:
                    return True
    return False


def _beneath(resolver: Resolver, expr: Expr, inner: Node) -> Iterator[Expr]:
    """The expressions over which the one that a node stands in is laid."""
    node = expr.node
    if node == inner or not within(inner, node):
        return
    if node.type == "binary_expression":
        left, right = resolver.child(expr, "left"), resolver.child(expr, "right")
        assert left is not None
        assert right is not None
        if within(inner, right.node):
            yield left
        yield from _beneath(resolver, right if within(inner, right.node) else left, inner)
    elif node.type == "apply_expression":
        value = resolver.value(expr)
        for place, argument in enumerate(value.args if isinstance(value, Call) else ()):
            if within(inner, argument.node):
                if place == 1 and isinstance(value, Call) and value.name == "recursiveUpdate":
                    yield value.args[0]
                yield from _beneath(resolver, argument, inner)
    elif node.type == "list_expression":
        for item in resolver.items(expr):
            yield from _beneath(resolver, item.expr, inner)
    else:
        for field in ("expression", "body"):
            below = resolver.child(expr, field)
            if below is not None:
                yield from _beneath(resolver, below, inner)
