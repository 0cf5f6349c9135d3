"""Where a service spells a path out: in its scripts, its command lines and its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.shell import Script, script_of
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Slot, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.facts import facts

Manner = Literal["word", "quoted", "unit"]
_WORD = re.compile(rb"[\w.@-]")


class Spelling(Struct, frozen=True, eq=False):
    """One place in a text that spells a path out.

    Attributes:
        text: the text, as a script.
        start, end: the byte range of the path in it.
        manner: what is expanded there: `word` the shell's variables, outside of quotes; `quoted` the same,
            within double quotes or a here-document; `unit` the specifiers of systemd.
    """

    text: Script
    start: int
    end: int
    manner: Manner

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells the text from others: where its string stands, and how long it is."""
        return self.text.body.path, self.text.at.node.start_byte, len(self.text.body.data)


def needless(block: Block, path: str) -> Iterator[Spelling]:
    """The commands that only make a directory, each a statement of its own, with the lines they stand on.

    Where a service, or a function of it, does nothing else, they stay: a service without a script does not start.
    """
    for ran in facts(block).ran:
        script, command = ran.script, ran.command
        if ran.name != "mkdir" or script is None or command is None or script.body.offset is None:
            continue
        if [place.text.rstrip("/") for place in ran.operands] != [path] or not _stands_alone(command.node):
            continue
        if _is_all(command.node) and (command.node.parent != script.root or beside(block, script) is None):
            continue
        data = script.body.data
        start = data.rfind(b"\n", 0, command.node.start_byte) + 1
        end = data.find(b"\n", command.node.end_byte)
        if (
            end >= 0
            and data[start : end + 1].strip() == data[command.node.start_byte : command.node.end_byte]
        ):
            yield Spelling(script, start, _past_blank(data, start, end + 1), "word")


def _past_blank(data: bytes, start: int, end: int) -> int:
    """Where lines end that go: behind the blank line that follows, where another stands before them."""
    following = data.find(b"\n", end) + 1
    before = data.rfind(b"\n", 0, max(start - 1, 0)) + 1
    alone = not data[before:start].strip()
    return following if alone and following and not data[end:following].strip() else end


def _stands_alone(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type in ("program", "compound_statement") and node.type == "command"


def _is_all(node: Node) -> bool:
    """Whether nothing but such commands stands around a command."""
    around = node.parent.named_children if node.parent is not None else []
    names = (one.child_by_field_name("name") for one in around if one.type != "comment")
    return all(name is not None and name.text == b"mkdir" for name in names)


def beside(block: Block, script: Script) -> Slot | None:
    """The definition of a script beside the main one, which may be left out."""
    for option in ("preStart", "postStart", "preStop", "postStop"):
        slots = block.get(option)
        if len(slots) == 1 and slots[0].expr.node == script.at.node:
            return slots[0]
    return None


def spellings(block: Block, path: str) -> Iterator[Spelling]:
    """The places where a service spells a path out and something else may stand for it."""
    seen: set[tuple[str, int, int]] = set()
    for program, script in facts(block).scripts:
        key = (script.body.path, script.at.node.start_byte, len(script.body.data))
        if key in seen or "+" in program.prefixes or script.body.offset is None:
            continue
        seen.add(key)
        inner = program.line is not None and script.body.mapped is program.line.body.mapped
        for start, end in _occurrences(script.body.data, path.encode()):
            manner = "unit" if inner else _manner(script, start, end)
            if manner is not None:
                yield Spelling(script, start, end, manner)
    for program in facts(block).programs:
        line = program.line
        if line is not None and program.script is None and line.body.offset is not None:
            yield from _in_text(Script(program.at, line.body), path)
    for slot in _settings(block):
        text = script_of(slot.expr)
        if text is not None:
            yield from _in_text(text, path)


def everywhere(block: Block, path: str) -> Iterator[Spelling]:
    """The places in Nix strings where a service spells a path out, whatever stands around it."""
    texts: dict[tuple[str, int, int], Script] = {}
    for program in facts(block).programs:
        if program.line is not None and program.line.body.offset is not None:
            text = Script(program.at, program.line.body)
            texts.setdefault((text.body.path, text.at.node.start_byte, 0), text)
    for _, script in facts(block).scripts:
        if script.body.offset == 0:
            texts.setdefault((script.body.path, script.at.node.start_byte, 0), script)
    for slot in _settings(block):
        setting = script_of(slot.expr)
        if setting is not None:
            texts.setdefault((setting.body.path, setting.at.node.start_byte, 0), setting)
    for text in texts.values():
        if text.body.string is not None:
            yield from _in_text(text, path)


def _settings(block: Block) -> Iterator[Slot]:
    """The settings that may be a path: the working directory, and the variables."""
    names = [("serviceConfig", "WorkingDirectory")]
    names += [("environment", name) for name in block.names("environment")]
    for name in names:
        for slot in block.get(*name):
            if not slot.rest and isinstance(block.tree.resolver.value(slot.expr), Str):
                yield slot


def _in_text(text: Script, path: str) -> Iterator[Spelling]:
    for start, end in _occurrences(text.body.data, path.encode()):
        yield Spelling(text, start, end, "unit")


def _occurrences(data: bytes, path: bytes) -> Iterator[tuple[int, int]]:
    start = data.find(path)
    while start >= 0:
        end = start + len(path)
        if not _WORD.match(data[start - 1 : start] or b" ") and not _WORD.match(data[end : end + 1]):
            if data[start - 1 : start] not in (b"/", b"}", b"*") or not start:
                yield start, end
        start = data.find(path, end)


def _manner(script: Script, start: int, end: int) -> Manner | None:
    """What the shell makes of a place; None where it expands nothing: in single quotes, in a comment."""
    node = script.root.descendant_for_byte_range(start, end)
    while node is not None:
        if node.type in ("raw_string", "comment", "ansi_c_string", "heredoc_start", "regex", "program"):
            return None
        if node.type in ("string", "translated_string"):
            return "quoted"
        if node.type == "heredoc_body":
            opening = node.parent.named_children[0] if node.parent is not None else None
            plain = opening is not None and script.source(opening)[:1] not in ("'", '"', "\\")
            return "quoted" if plain else None
        if node.type in ("word", "concatenation"):
            return "word"
        node = node.parent
    return None
