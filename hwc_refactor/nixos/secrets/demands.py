"""Whether a script that looks for a file ends with an error where the file is not there.

`if [ ! -f FILE ]; then echo missing; exit 1; fi`, `[ -r FILE ] || exit 1`: bash(1), CONDITIONAL EXPRESSIONS.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node

_LOOKS = frozenset({"-e", "-f", "-r", "-s"})
"""What is true only of a file that is there, and of a credential that was loaded from it."""

_APART = frozenset({"subshell", "command_substitution", "process_substitution", "pipeline"})
"""What an `exit` within does not end the script of."""


def demanded(script: Script, chain: Sequence[Node]) -> bool:
    """Whether the test at the end of a chain of nodes keeps the script from going on without the file."""
    number = next((n for n, node in enumerate(chain) if node.type in ("test_command", "command")), None)
    if number is None or any(node.type in _APART for node in chain[:number]):
        return False
    there = _asks(script, chain[number])
    if there is None:
        return False
    if number and chain[number - 1].type == "negated_command":
        there, number = not there, number - 1
    return number > 0 and _fails(script, _without(chain[number - 1], chain[number], there))


def _asks(script: Script, test: Node) -> bool | None:
    """Whether a test is true where the file is there; None for one that asks more, or something else."""
    if test.type == "command":
        command = script.command(test)
        words = [] if command is None else [word.text for word in command.arguments if word.text != "]"]
        there = words[:1] != ["!"]
        words = words if there else words[1:]
    else:
        node, there = test.named_children[0], True
        while node.type == "unary_expression" and node.children[0].type == "!":
            node, there = node.named_children[-1], not there
        parts = node.named_children if len(test.named_children) == 1 else []
        words = [script.source(part) for part in parts if part.type != "binary_expression"]
    return there if len(words) == 2 and words[0] in _LOOKS else None


def _without(around: Node, test: Node, there: bool) -> list[Node]:
    """The statements that run where the file is not there, by what stands around the test."""
    if around.type == "list" and around.named_children[0] == test:
        return around.named_children[1:] if around.children[1].type == ("||" if there else "&&") else []
    if around.type != "if_statement" or test not in around.children_by_field_name("condition"):
        return []
    if there:
        otherwise = [child for child in around.named_children if child.type in ("elif_clause", "else_clause")]
        return otherwise[0].named_children if [one.type for one in otherwise] == ["else_clause"] else []
    then = next(n for n, child in enumerate(around.children) if child.type == "then")
    ends = ("elif_clause", "else_clause", "fi")
    end = next(n for n, child in enumerate(around.children) if child.type in ends)
    return [child for child in around.children[then + 1 : end] if child.is_named]


def _fails(script: Script, statements: Sequence[Node]) -> bool:
    """Whether the last of some statements ends the script with an error."""
    last = next((node for node in reversed(statements) if node.type != "comment"), None)
    if last is not None and last.type == "compound_statement":
        return _fails(script, last.named_children)
    command = script.command(last) if last is not None and last.type == "command" else None
    if command is None or command.program != "exit" or len(command.arguments) != 1:
        return False
    status = command.arguments[0].literal or ""
    return status.isdigit() and 0 < int(status) < 256
