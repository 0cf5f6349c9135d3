"""What keeps a loop going: a condition that always holds, its own sleep, or something that it waits for."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.loops.loop import Form, sleep_of


def form_of(script: Script, node: Node) -> Form:
    """What keeps a loop going."""
    if node.type == "c_style_for_statement":
        return "endless" if node.child_by_field_name("condition") is None else "waiting"
    condition = [child for child in node.named_children if child.type not in ("do_group", "comment")]
    wanted = node.children[0].type == "while"
    if len(condition) == 1:
        if wanted and sleep_of(script, condition[0]) is not None:
            return "sleeping"
        if _truth(script, condition[0]) is wanted:
            return "endless"
    return "waiting"


def _truth(script: Script, node: Node) -> bool | None:
    """What a condition that consists of constants amounts to; None for any other."""
    text = script.source(node).strip()
    if node.type == "negated_command":
        inner = [child for child in node.named_children if child.type != "comment"]
        below = _truth(script, inner[0]) if len(inner) == 1 else None
        return None if below is None else not below
    if node.type in ("command", "word"):
        command = script.command(node) if node.type == "command" else None
        if command is None:
            return None
        if command.program in ("true", ":") and not command.arguments:
            return True
        if command.program == "false" and not command.arguments:
            return False
        if command.program == "test":
            return _test([word.literal for word in command.arguments])
        return None
    if node.type == "test_command":
        words = text.strip("[] \t\n").split()
        bare = all(word.strip("\"'").isalnum() or word in ("=", "==", "-eq", "!=", "-ne") for word in words)
        return _test([word.strip("\"'") for word in words]) if bare else None
    if node.type == "compound_statement" and node.children[0].type == "((":
        number = text.strip("() \t\n")
        return int(number) != 0 if number.isdigit() else None
    if node.type in ("compound_statement", "subshell") and len(node.named_children) == 1:
        return _truth(script, node.named_children[0])
    return None


def _test(words: Sequence[str | None]) -> bool | None:
    """The outcome of `[ … ]` on constants."""
    if any(word is None for word in words):
        return None
    match words:
        case []:
            return False
        case [word]:
            return bool(word)
        case [left, "=" | "==" | "-eq", right]:
            return left == right
        case [left, "!=" | "-ne", right]:
            return left != right
    return None
