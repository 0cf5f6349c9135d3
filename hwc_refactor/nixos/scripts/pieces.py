"""Interpolations that stand where a script has a statement: the shell text they bring, or that none is in sight."""

from __future__ import annotations

from hwc_refactor.nix.shell import Script, script_of
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Str
from hwc_refactor.nixos.scripts.executables import executable_of, script_text
from hwc_refactor.nixos.tree import Tree

_JOINS = frozenset({"optionalString", "concatStringsSep", "concatMapStringsSep", "concatStrings"})


def piece(tree: Tree, script: Script, node: Node) -> Script | None:
    """The shell text that an interpolation in the place of a statement stands for.

    Returns:
        The text, when it is in sight; None when it is no text but a program, or is not in sight.
    """
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.hole is None or command.name.behind_hole or command.arguments:
        return None
    expr = script.body.holes[command.name.hole]
    value = tree.resolver.value(expr)
    if isinstance(value, Call) and value.name == "optionalString" and len(value.args) == 2:
        return script_text(tree, value.args[1])
    if isinstance(value, Str) and any(char.isspace() for char in value.shown.strip()):
        return script_of(value.at)
    return None


def hidden(tree: Tree, script: Script, node: Node) -> bool:
    """Whether a statement is an interpolation whose text is not in sight, so that anything may stand there."""
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.hole is None or command.name.behind_hole:
        return False
    if piece(tree, script, node) is not None:
        return False
    value = tree.resolver.value(script.body.holes[command.name.hole])
    if isinstance(value, Call) and value.name in _JOINS:
        return True
    found = executable_of(tree, command.name.text, script.body.holes)
    return found.name is None and found.file is None
