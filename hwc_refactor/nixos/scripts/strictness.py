"""Whether a script bears to be stricter: `set -e`, `-u`, `pipefail`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node


def bears_strictness(script: Script) -> bool:
    """Whether `set -euo pipefail` cannot change what the script does when all goes well.

    NixOS runs `script` with `-e` already. `-u` matters for variables that nothing in the script sets, and
    `pipefail` for pipelines.
    """
    if any(True for _ in script.nodes("pipeline")):
        return False
    if any(command.program == "set" for command in script.commands):
        return False
    return script.expanded() <= script.assigned()


_SURE = frozenset("echo printf true : exit set shopt export logger return continue break".split())
"""Commands that do not fail, or whose failing ends the script as it is meant to (bash manual)."""


def bears_errexit(script: Script, nodes: Iterable[Node]) -> bool:
    """Whether `set -e` cannot end statements early: each is a question, or has an answer for its failing."""
    return all(_bears_errexit(script, node) for node in nodes)


def _bears_errexit(script: Script, node: Node) -> bool:
    inside = [child for child in node.named_children if child.type != "comment"]
    match node.type:
        case "comment" | "function_definition":
            return True
        case "list":
            answered = any(child.type == "||" for child in node.children)
            return answered and _bears_errexit(script, inside[-1])
        case "if_statement" | "elif_clause":
            then = next((child.end_byte for child in node.children if child.type == "then"), node.end_byte)
            return bears_errexit(script, (child for child in inside if child.start_byte >= then))
        case "else_clause" | "do_group":
            return bears_errexit(script, inside)
        case "compound_statement":
            return node.children[0].type == "{" and bears_errexit(script, inside)
        case "redirected_statement":
            return _bears_errexit(script, inside[0])
        case "for_statement":
            return all(_bears_errexit(script, child) for child in inside if child.type == "do_group")
        case "variable_assignment" | "declaration_command":
            return not any(child.type == "command_substitution" for child in _all_below(node))
        case "command":
            command = script.command(node)
            return command is None or command.program in _SURE
    return False


def _all_below(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        yield child
        yield from _all_below(child)
