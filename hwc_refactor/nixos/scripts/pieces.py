"""Interpolations that bring shell text: what stands where a script has a statement, or several of its words."""

from __future__ import annotations

from collections.abc import Iterable

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Branch, Call, Expr, Str, Text, Value
from hwc_refactor.nixos.generated import body_of, element
from hwc_refactor.nixos.scripts.executables import executable_of, script_text
from hwc_refactor.nixos.scripts.joins import JOINED, MAPPED, joined
from hwc_refactor.nixos.tree import Tree

_MAX_DEPTH = 8


def texts(tree: Tree, expr: Expr, depth: int = 0) -> tuple[Expr, ...] | None:
    """The texts of which an interpolation is put together: each may be there any number of times, or not at all.

    What a function makes of elements that are not in sight is its body, the parameters left open.

    Returns:
        The expressions of the texts, in order; None when it is no text, or not all of it is in sight.
    """
    value = tree.resolver.value(expr)
    if depth > _MAX_DEPTH:
        return None
    match value:
        case Str():
            return () if value.literal == "" else (expr,)
        case Branch():
            return _all(texts(tree, one, depth + 1) for one in (value.then, value.otherwise))
        case Call(name="optionalString", args=(_, text)):
            return texts(tree, text, depth + 1)
        case Call(name=name, args=args) if name in JOINED and len(args) == JOINED[name] + 1:
            return _apart(tree, value, _elements(tree, args[-1], depth))
        case Call(name=name, args=args) if name in MAPPED and len(args) == MAPPED[name][0] + 2:
            body = body_of(tree, args[-2], MAPPED[name][1])
            return None if body is None else _apart(tree, value, texts(tree, body, depth + 1))
    return None


def _apart(tree: Tree, call: Call, found: tuple[Expr, ...] | None) -> tuple[Expr, ...] | None:
    """The texts that a function joins, where they stay words or statements of their own."""
    if found is None or len(found) == 0:
        return found
    if call.name.endswith("Sep"):
        separator = tree.resolver.literal(call.args[0])
        apart = bool(separator) and not (separator or "").strip(" \t\n;")
    else:
        apart = call.name == "concatLines" or all(_ends(tree.resolver.value(one)) for one in found)
    return found if apart else None


def _ends(value: Value) -> bool:
    """Whether what follows a text is another word or statement."""
    last = value.parts[-1] if isinstance(value, Str) and value.parts else None
    return isinstance(last, Text) and last.text.endswith((" ", "\n", ";"))


def _elements(tree: Tree, listed: Expr, depth: int) -> tuple[Expr, ...] | None:
    """The texts in a list; what a function makes of each element of another one stands for all."""
    found: list[tuple[Expr, ...] | None] = []
    for item in tree.resolver.items(listed):
        body = item.expr if item.unknown is None else element(tree, item.expr)
        found.append(None if body is None else texts(tree, body, depth + 1))
    return _all(found)


def _all(found: Iterable[tuple[Expr, ...] | None]) -> tuple[Expr, ...] | None:
    together: list[Expr] = []
    for one in found:
        if one is None:
            return None
        together += one
    return tuple(together)


def piece(tree: Tree, script: Script, node: Node) -> Script | None:
    """The shell text that an interpolation in the place of a statement stands for.

    Returns:
        The text, when it is in sight, and one; None when it is no text but a program, or is not in sight.
    """
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.hole is None or command.name.behind_hole or command.arguments:
        return None
    expr = script.body.holes[command.name.hole]
    value = tree.resolver.value(expr)
    if isinstance(value, Call) and value.name == "optionalString" and len(value.args) == 2:
        return script_text(tree, value.args[1])
    if isinstance(value, Str) and any(char.isspace() for char in value.shown.strip()):
        return script_text(tree, expr)
    return None


def hidden(tree: Tree, script: Script, node: Node) -> bool:
    """Whether a statement is an interpolation whose text is not in sight, so that anything may stand there."""
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.hole is None or command.name.behind_hole:
        return False
    if piece(tree, script, node) is not None:
        return False
    if joined(tree.resolver.value(script.body.holes[command.name.hole])):
        return True
    found = executable_of(tree, command.name.text, script.body.holes)
    return found.name is None and found.file is None
