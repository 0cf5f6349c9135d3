"""The operands of the `++` that `extraOptions` is, with the flags that each of them adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from hwc_refactor.nix.values import Condition, Expr
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.flags import Flag, read_flags


class Operand(Struct, frozen=True, eq=False):
    """A part of the `++` that `extraOptions` is.

    Attributes:
        expr: the expression.
        flags: what it adds, as far as it can be read.
        complete: whether that is all.
    """

    expr: Expr
    flags: tuple[Flag, ...]
    complete: bool

    @property
    def literal(self) -> bool:
        """Whether it is a list that is written out."""
        return self.expr.node.type == "list_expression"


Movable = Sequence[tuple[Flag, Operand]]
"""Flags that may be said otherwise, each with the operand that adds it."""


def operands_of(block: Block, expr: Expr) -> list[Operand]:
    """The parts of an `extraOptions` expression."""
    resolver = block.tree.resolver
    found: list[Operand] = []
    for part in _parts(block, expr):
        flags, unread = read_flags(resolver, resolver.items(part))
        found.append(Operand(part, tuple(flags), not unread))
    return found


def _parts(block: Block, expr: Expr) -> Iterator[Expr]:
    operator = expr.node.child_by_field_name("operator")
    if expr.node.type == "binary_expression" and operator is not None and operator.type == "++":
        for side in ("left", "right"):
            child = block.tree.resolver.child(expr, side)
            if child is not None:
                yield from _parts(block, child)
        return
    yield expr


def condition_at(condition: Condition, operand: Operand) -> str | None:
    """A condition as it can be written where the operand stands; None when it stands elsewhere."""
    return condition.text if in_scope(condition.expr, operand.expr) else None


def in_scope(expr: Expr, place: Expr) -> bool:
    """Whether an expression stands within the place, so that its names mean the same there."""
    return (
        expr.file is place.file
        and place.node.start_byte <= expr.node.start_byte
        and expr.node.end_byte <= place.node.end_byte
    )
