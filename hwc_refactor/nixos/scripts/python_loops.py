"""Endless loops with a sleep in Python programs."""

from __future__ import annotations

from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.scripts.pythons import nodes_of


def sleeping_loop(data: bytes) -> int | None:
    """The line, from 1, of a loop that never ends and sleeps in each round; None where there is none."""
    for node in nodes_of(data) if b"while" in data and b"sleep" in data else ():
        if node.type == "while_statement" and _always(node.child_by_field_name("condition")):
            body = node.child_by_field_name("body")
            if body is not None and any(_sleeps(inner) for inner in _below(body)):
                return node.start_point[0] + 1
    return None


def _always(condition: Node | None) -> bool:
    if condition is None:
        return False
    text = condition.text or b""
    return condition.type == "true" or (condition.type == "integer" and text != b"0")


def _sleeps(node: Node) -> bool:
    """Whether a node is a call of `time.sleep`, `asyncio.sleep`, or `sleep` by its own name."""
    called = node.child_by_field_name("function") if node.type == "call" else None
    return called is not None and (called.text or b"").rsplit(b".", 1)[-1] == b"sleep"


def _below(node: Node) -> list[Node]:
    found = [node]
    for one in found:
        found += one.named_children
    return found
