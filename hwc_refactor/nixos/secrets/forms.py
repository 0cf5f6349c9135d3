"""What a script does with a path that stands in it, told from what stands around it in the shell's tree.

What is not understood has the form `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.secrets.demands import demanded
from hwc_refactor.nixos.secrets.private_files import taken_privately
from hwc_refactor.nixos.secrets.programs import commands

Form = Literal[
    "read",
    "stdin",
    "source",
    "private",
    "test",
    "demand",
    "argument",
    "text",
    "copied",
    "handed",
    "made",
    "unknown",
]
"""What is done with the path.

`read`: what the file holds becomes part of a command or a variable, `$(cat path)`; `stdin`: a program reads
it; `source`: the shell reads it as a script; `private`: a program is given the path that refuses a file which
its group may read; `test`: it is looked at, not into; `demand`: the same, and the script ends with an error
where it is not there; `argument`: a program is given the path; `text`: the path is printed; `copied`: what it
holds is put into another file; `handed`: a function or a loop of the script is given the path, and reads the
file; `made`: the script itself writes or changes the file.
"""


def variable_forms(script: Script, name: str) -> Iterator[tuple[Form, str, bool, bool]]:
    """What is done with a path that a variable holds: the form, the command, whether repeated, whether `copes`."""
    if name not in script.constants:
        yield "unknown", "", False, False
        return
    for node in script.nodes("simple_expansion", "expansion"):
        inner = node.named_children
        if inner and script.source(inner[0]) == name:
            chain = script.chain(node.start_byte, node.end_byte)
            form, command = form_of(script, chain, node.start_byte, node.end_byte)
            yield form, command, repeated(chain), form == "read" and copes(script, chain)


_ELSE = frozenset({"true", ":", "echo", "printf"})
"""Commands that stand for a text that could not be read."""


def copes(script: Script, chain: list[Node]) -> bool:
    """Whether something else is taken where a file cannot be read: `$(cat FILE || true)`, `X=$(cat FILE) || X=`."""
    left = False
    for inner, around in pairwise(reversed(chain)):
        left = left or inner.type == "command_substitution"
        if around.type == "list" and around.named_children[0] == inner and around.children[1].type == "||":
            other = around.named_children[-1]
            command = script.command(other) if other.type == "command" else None
            return other.type == "variable_assignment" or (command is not None and command.program in _ELSE)
        if left and around.type not in ("string", "variable_assignment", "command_substitution"):
            return False
    return False


def repeated(chain: list[Node]) -> bool:
    """Whether what stands at the end of a chain may be done more than once."""
    kinds = ("while_statement", "for_statement", "c_style_for_statement", "function_definition")
    return any(node.type in kinds for node in chain)


_WORDS = frozenset(
    "word string string_content concatenation raw_string simple_expansion expansion variable_name".split()
)


def word_nodes(chain: list[Node]) -> list[Node]:
    """The innermost nodes of a chain that make up one word."""
    found: list[Node] = []
    for node in reversed(chain):
        if node.type not in (*_WORDS, "heredoc_body", "heredoc_content"):
            break
        found.append(node)
    return found


def form_of(script: Script, chain: list[Node], start: int, end: int) -> tuple[Form, str]:
    """What is done with a range of the word at the end of a chain of nodes, and by which command."""
    word = word_nodes(chain)
    outer = chain[: len(chain) - len(word)]
    if not outer or any(node.type in ("heredoc_body", "heredoc_content") for node in word):
        return "unknown", ""
    around = outer[-1]
    match around.type:
        case "file_redirect":
            return _redirect(script, outer)
        case "command":
            return _argument(script, outer, start, end)
        case "for_statement":
            variable = around.child_by_field_name("variable")
            read = variable is not None and _reads(script, around, script.source(variable))
            return ("handed" if read else "unknown"), ""
        case "test_command" | "unary_expression" | "binary_expression":
            return ("demand" if demanded(script, outer) else "test"), ""
        case _:
            return "unknown", ""


def _reads(script: Script, within: Node, name: str) -> bool:
    """Whether a function or a loop reads the file that a variable or parameter names, itself or by another variable."""
    for node in script.nodes("simple_expansion", "expansion"):
        if not (within.start_byte <= node.start_byte < within.end_byte and node.named_children):
            continue
        if script.source(node.named_children[0]) != name:
            continue
        chain = script.chain(node.start_byte, node.end_byte)
        held = assigned_by(script, assignment_of(chain))
        if held and held != name and _reads(script, within, held):
            return True
        if form_of(script, chain, node.start_byte, node.end_byte)[0] in ("read", "stdin", "source"):
            return True
    return False


def _redirect(script: Script, outer: list[Node]) -> tuple[Form, str]:
    redirect, above = outer[-1], outer[-2]
    if any(child.type in (">", ">>", ">|", "&>", "&>>") for child in redirect.children):
        return "made", ""
    if not any(child.type == "<" for child in redirect.children):
        return "unknown", ""
    if above.type == "command_substitution":
        return "read", ""
    body = above.child_by_field_name("body") if above.type == "redirected_statement" else None
    command = script.command(body) if body is not None and body.type == "command" else None
    program = "" if command is None else command.program
    kept = program in ("read", "mapfile", "readarray")
    return ("read" if kept or _substituted(outer) else "stdin"), program


def _argument(script: Script, outer: list[Node], start: int, end: int) -> tuple[Form, str]:
    command = script.command(outer[-1])
    if command is None:
        return "unknown", ""
    program = command.program
    if program in script.functions:
        number = next((n for n, word in enumerate(command.arguments, 1) if word.start <= start < word.end), 0)
        read = _reads(script, script.functions[program], str(number))
        return ("handed" if read else "argument"), program
    taker = taken_privately(script, command, start, end)
    if taker:
        return "private", taker
    if program in ("source", "."):
        return "source", program
    if program in commands("readers"):
        return ("read" if _substituted(outer) else "stdin"), program
    if program in commands("examiners"):
        return ("demand" if demanded(script, outer) else "test"), program
    if program in commands("speakers"):
        return "text", program
    if program in commands("copiers"):
        return "copied", program
    if program in ("chmod", "chown", "chgrp", "touch", "rm", "mkdir", "tee", "truncate", "shred", "setfacl"):
        return "made", program
    return "argument", program


def _substituted(outer: list[Node]) -> bool:
    """Whether what stands there is printed into a word of another command, or into a variable."""
    return any(node.type == "command_substitution" for node in outer)


def assignment_of(chain: list[Node]) -> Node | None:
    """The assignment that gives a variable the word at the end of a chain."""
    word = word_nodes(chain)
    outer = chain[: len(chain) - len(word)]
    if outer and outer[-1].type == "variable_assignment":
        name = outer[-1].child_by_field_name("name")
        if name is not None and (not word or word[-1].start_byte > name.end_byte):
            return outer[-1]
    return None


def assigned_by(script: Script, assignment: Node | None) -> str:
    """The variable that is assigned; empty for none."""
    name = None if assignment is None else assignment.child_by_field_name("name")
    return "" if name is None else script.source(name)
