"""The script of a loop without the loop: its body runs once, everything else stays byte for byte.

The edits are ranges of the script's text. Lines move left by as much as the body stood to the right of the
loop; lines within strings and here-documents do not move, since their blanks belong to their text.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Script, Sought
from hwc_refactor.nix.shell_walk import leavings
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.intervals import delay
from hwc_refactor.nixos.loops.loop import Loop, sleep_of

Replacement = tuple[int, int, str]

_TEXTS: tuple[Sought, ...] = (
    "string",
    "raw_string",
    "ansi_c_string",
    "translated_string",
    "heredoc_redirect",
)
"""What holds text over lines; a here-document begins behind the line that its redirection stands on."""
_ANSWERS = frozenset({"[", "test", "grep", "egrep", "fgrep", "pgrep", "pidof", "diff", "cmp", "expr", "let"})
"""Commands that fail to give an answer (their manuals: exit status 1)."""


class Unlooped(Struct, frozen=True):
    """What makes one run out of a loop.

    Attributes:
        edits: replacements in the text of the script.
        comments: comments that go with what they described.
        closed: whether `true` was put at its end, since the last command fails only to give an answer.
    """

    edits: tuple[Replacement, ...]
    comments: tuple[str, ...]
    closed: bool


def unlooped(block: Block, loop: Loop) -> Unlooped:
    """The edits that leave one round of a loop, without its sleep."""
    script, kept = loop.script, _kept(loop)
    first, last = kept[0], kept[-1]
    wrapped = loop.around is not None and loop.around != loop.node
    closing = _may_answer(script, loop.work[-1])
    edits: list[Replacement] = []
    gone = [item for item in loop.items if item.type == "comment" and item not in kept]
    feed = newline(script)
    margin = feed + indentation(script, loop.node.start_byte)
    if wrapped:
        body = indentation(script, first.start_byte) if _starts_line(script, first.start_byte) else None
        lead = " " if body is None else feed + body
        end = f"; {'true; ' if closing else ''}}}" if body is None else margin + "}"
        if closing and body is not None:
            end = f"{feed}{body}true{end}"
        edits.append((loop.node.start_byte, first.start_byte, "{" + lead))
        edits.append((_end(script, last), loop.node.end_byte, end))
    else:
        edits.append((*_head(loop, first), ""))
        edits += _moved_left(loop, first, last)
        flat = not _starts_line(script, first.start_byte)
        end = "" if not closing else "; true" if flat else margin + "true"
        edits.append((_end(script, last), loop.node.end_byte, end))
    if loop.sleeps_first:
        for leaving in leavings(script, loop.work):
            if leaving.how == "continue":
                edits.append((leaving.node.start_byte, leaving.node.end_byte, "exit 0"))
    if delay(block, loop) is not None:
        edits.append(_line_of(script, loop.before[-1].node))
    assigned = _only_for_sleep(script, loop.sleeps[0])
    if assigned is not None:
        edits.append(_line_of(script, assigned))
    comments = tuple(script.source(item).lstrip("#").strip() for item in gone)
    return Unlooped(tuple(edits), comments, closing)


def _only_for_sleep(script: Script, sleep: Node) -> Node | None:
    """The statement that sets the variable of a sleep, when nothing else reads it: a check for unused variables,
    as writeShellApplication makes it, would complain."""
    command = sleep_of(script, sleep)
    pieces = [piece for word in command.arguments for piece in word.pieces] if command is not None else []
    variables = {piece.text for piece in pieces if piece.kind == "variable"}
    for node in script.nodes("variable_assignment"):
        name, parent = node.child_by_field_name("name"), node.parent
        if name is None or parent is None or script.source(name) not in variables:
            continue
        reads = [
            inner
            for inner in script.nodes("variable_name")
            if script.source(inner) == script.source(name) and inner != name
        ]
        if len(reads) != 1 or script.source(name) not in script.constants:
            return None
        if parent.type == "declaration_command":
            local = script.source(parent).startswith(("local", "readonly", "declare", "typeset"))
            return parent if local and len(parent.named_children) == 1 else None
        return node if parent.type in ("program", "compound_statement") else None
    return None


def _end(script: Script, node: Node) -> int:
    """The end of a node, without the carriage return that the grammar counts to a comment."""
    end = node.end_byte
    return end - 1 if node.type == "comment" and script.body.data[end - 1 : end] == b"\r" else end


def _kept(loop: Loop) -> list[Node]:
    """The statements and comments of the body that stay: not the sleep, nor the comments that belong to it."""
    items = list(loop.items)
    if loop.form == "sleeping":
        return items
    sleep = loop.sleeps[0]
    at = items.index(sleep)
    if not loop.sleeps_first:
        kept = items[:at]
        while kept and kept[-1].type == "comment" and not _behind(kept):
            kept.pop()
        return kept
    kept = items[at + 1 :]
    if kept and kept[0].type == "comment" and kept[0].start_point.row == sleep.end_point.row:
        kept.pop(0)
    return kept


def _behind(kept: list[Node]) -> bool:
    """Whether the last of them is a comment behind the statement before it."""
    return len(kept) > 1 and kept[-2].end_point.row == kept[-1].start_point.row


def _head(loop: Loop, first: Node) -> tuple[int, int]:
    """What stands before the body; with the line, where the body is indented in another manner."""
    script, data = loop.script, loop.script.body.data
    start, end = loop.node.start_byte, first.start_byte
    if _starts_line(script, start) and _starts_line(script, end):
        if not indentation(script, end).startswith(indentation(script, start)):
            return data.rfind(b"\n", 0, start) + 1, data.rfind(b"\n", 0, end) + 1
    return start, end


def _moved_left(loop: Loop, first: Node, last: Node) -> Iterator[Replacement]:
    script, data = loop.script, loop.script.body.data
    start = next((n.start_byte for n in loop.items if _starts_line(script, n.start_byte)), None)
    if start is None or not _starts_line(script, loop.node.start_byte):
        return
    base, inner = indentation(script, loop.node.start_byte), indentation(script, start)
    if not inner.startswith(base) or inner == base:
        return
    still = [(n.start_byte, n.end_byte) for n in script.nodes(*_TEXTS)]
    line = data.find(b"\n", first.start_byte, last.end_byte) + 1
    while line:
        held = any(low < line <= high for low, high in still)
        if not held and data.startswith(inner.encode(), line):
            yield line + len(base), line + len(inner), ""
        elif not held and data[line:].startswith(base.encode()):
            blank = len(data[line + len(base) : line + len(inner)]) - len(
                data[line + len(base) : line + len(inner)].lstrip(b" \t")
            )
            if blank:
                yield line + len(base), line + len(base) + blank, ""
        line = data.find(b"\n", line, last.end_byte) + 1


def _line_of(script: Script, node: Node) -> Replacement:
    """A statement with its line, when it stands alone on it; else with what separates it from the next one."""
    data = script.body.data
    start, end = node.start_byte, node.end_byte
    stop = data.find(b"\n", end)
    stop = len(data) if stop < 0 else stop
    rest = data[end:stop].strip()
    if _starts_line(script, start) and (not rest or rest.startswith(b"#")):
        return data.rfind(b"\n", 0, start) + 1, min(stop + 1, len(data)), ""
    while end < len(data) and data[end : end + 1] in b"; \t":
        end += 1
    return start, end, ""


def _starts_line(script: Script, offset: int) -> bool:
    data = script.body.data
    return not data[data.rfind(b"\n", 0, offset) + 1 : offset].strip(b" \t")


def newline(script: Script) -> str:
    """How the lines of a script end."""
    return "\r\n" if b"\r\n" in script.body.data else "\n"


def indentation(script: Script, offset: int) -> str:
    """The white space that the line at an offset begins with."""
    data = script.body.data
    start = data.rfind(b"\n", 0, offset) + 1
    line = data[start:offset]
    return line[: len(line) - len(line.lstrip(b" \t"))].decode()


def _may_answer(script: Script, node: Node) -> bool:
    """Whether a statement fails just to answer a question, so that its failure means nothing for the round."""
    inside = [child for child in node.named_children if child.type not in ("comment", "file_redirect")]
    match node.type:
        case "list":
            answers = any(child.type == "&&" for child in node.children)
            return answers or _may_answer(script, inside[-1])
        case "test_command" | "negated_command" | "arithmetic_expansion":
            return True
        case "compound_statement":
            return node.children[0].type == "((" or (bool(inside) and _may_answer(script, inside[-1]))
        case "redirected_statement":
            return _may_answer(script, inside[0])
        case "pipeline" | "do_group" | "else_clause" | "elif_clause" | "case_item":
            return bool(inside) and _may_answer(script, inside[-1])
        case "if_statement":
            clauses = [child for child in inside if child.type in ("elif_clause", "else_clause")]
            bodies = [child for child in inside if child not in clauses]
            return any(_may_answer(script, part) for part in (*bodies[-1:], *clauses))
        case "case_statement":
            return any(_may_answer(script, item) for item in inside if item.type == "case_item")
        case "for_statement" | "while_statement" | "c_style_for_statement":
            return any(_may_answer(script, child) for child in inside if child.type == "do_group")
        case "command":
            command = script.command(node)
            if command is None:
                return False
            function = script.functions.get(command.name.text)
            body = None if function is None else function.child_by_field_name("body")
            if body is not None and command.name.text not in script.source(body):
                return _may_answer(script, body)
            return command.program in _ANSWERS
    return False
