"""Values that a container's attributes and variables plainly have: true, a number, the host's time zone."""

from __future__ import annotations

import re

from hwc_refactor.nix.values import Expr, Ref, Scalar, Str
from hwc_refactor.nixos.block import Block


def is_true(block: Block, expr: Expr) -> bool:
    """Whether an expression is plainly true."""
    value = block.tree.resolver.value(expr)
    return isinstance(value, Scalar) and value.value is True


def is_false(block: Block, expr: Expr) -> bool:
    """Whether an expression is plainly false."""
    value = block.tree.resolver.value(expr)
    return isinstance(value, Scalar) and value.value is False


def number_text(block: Block, expr: Expr) -> str | None:
    """The number that a string stands for, as it is written; None when it is none."""
    value = block.tree.resolver.value(expr)
    text = value.literal if isinstance(value, Str) else None
    return text if text is not None and re.fullmatch(r"0|[1-9]\d{0,9}", text) else None


def is_host_zone(block: Block, expr: Expr) -> bool:
    """Whether an expression is the host's time zone, which the module passes of itself."""
    value = block.tree.resolver.value(expr)
    if isinstance(value, Ref):
        return value.path == ("config", "time", "timeZone")
    node = expr.node
    if node.type == "select_expression" and node.child_by_field_name("default") is not None:
        base = block.tree.resolver.child(expr, "expression")
        path = node.child_by_field_name("attrpath")
        names = () if path is None else tuple(expr.file.text(path).decode(errors="replace").split("."))
        root = None if base is None else block.tree.resolver.value(base)
        return isinstance(root, Ref) and (*root.path, *names) == ("config", "time", "timeZone")
    return False
