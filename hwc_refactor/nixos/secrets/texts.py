"""The strings that an expression is made of: those that stand in it, and those behind the names in it."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.scope import Bound, env_along, lookup
from hwc_refactor.nix.search import Search
from hwc_refactor.nix.strings import STRING_TYPES
from hwc_refactor.nix.syntax import Node, parser
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.tree import Tree

_SOUGHT = Search(parser, "variable_expression", *sorted(STRING_TYPES))
_DEPTH = 4


def strings_behind(tree: Tree, expr: Expr) -> Iterator[Expr]:
    """The strings in an expression, and in what names in it stand for where a `let` or a set gives that."""
    waiting, seen = [(expr, 0)], set[tuple[str, int]]()
    while waiting:
        at, depth = waiting.pop()
        key = (at.file.source.path, at.node.id)
        if key in seen:
            continue
        seen.add(key)
        for node in _SOUGHT.within(at.node):
            found = Expr(at.file, node, at.env)
            if node.type in STRING_TYPES:
                yield _there(at, node)
            elif depth < _DEPTH:
                waiting += [(one, depth + 1) for one in _named(tree, _there(at, node), found.text)]


def _there(expr: Expr, node: Node) -> Expr:
    """A node within an expression, in the scope that it has there."""
    chain = expr.file.chain(node.start_byte, node.end_byte)
    inside = [
        one for one in chain if expr.node.start_byte <= one.start_byte and one.end_byte <= expr.node.end_byte
    ]
    env = expr.env
    for one, scope in env_along(expr.file, inside, expr.env):
        env = scope if one == node else env
    return Expr(expr.file, node, env)


def _named(tree: Tree, variable: Expr, name: str) -> list[Expr]:
    """What a variable stands for, where that is written out."""
    match lookup(name, variable.env):
        case Bound(frame=frame):
            holder = Expr(frame.file, frame.node, frame.parent or frame)
            slots = tree.resolver.bindings(holder, frame).slots.get(name, ())
            return [
                slot.expr for slot in slots if not slot.rest and b"$(" in slot.expr.file.text(slot.expr.node)
            ]
    return []
