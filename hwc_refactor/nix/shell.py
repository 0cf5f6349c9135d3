"""The shell inside a Nix string: tree-sitter-bash over its decoded text, with the way back to the file.

Interpolations stand in the text as words of their own (`__nix0__`), so that they parse wherever the shell
expects a word; what is found knows which of them it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import tree_sitter_bash
from tree_sitter import Language, Parser

from hwc_refactor.nix.strings import MappedText, NixString, decode
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr

_HOLE = re.compile(r"__nix(\d+)__")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command.

    Attributes:
        text: as written, quotes taken off at its ends, interpolations as `__nixN__`.
        start, end: its byte range in the script's text.
    """

    text: str
    start: int
    end: int

    @property
    def hole(self) -> int | None:
        """The number of the interpolation that the word begins with."""
        match = _HOLE.match(self.text)
        return None if match is None else int(match[1])

    @property
    def behind_hole(self) -> str:
        """What follows that interpolation."""
        return _HOLE.sub("", self.text, count=1)


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its name and arguments."""

    name: Word
    arguments: tuple[Word, ...]

    @property
    def program(self) -> str:
        """The name without a folder: `mkdir` for `/run/current-system/sw/bin/mkdir` or `${…}/bin/mkdir`."""
        return self.name.text.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Script:
    """A shell script in a Nix string.

    Attributes:
        at: the string expression.
        string: its parts.
    """

    at: Expr
    string: NixString

    @cached_property
    def text(self) -> MappedText:
        """The decoded text."""
        return self.string.render(lambda index, _: f"__nix{index}__")

    @cached_property
    def root(self) -> Node:
        """The root of the shell's syntax tree."""
        return _parser().parse(self.text.data).root_node

    @property
    def sound(self) -> bool:
        """Whether the text parses as a shell script."""
        return not self.root.has_error

    def holes(self) -> list[Expr]:
        """The expressions of the interpolations, in order."""
        found = [part for part in self.string.parts if hasattr(part, "expression")]
        return [Expr(self.at.file, hole.expression, self.at.env) for hole in found]

    def nodes(self, *types: str) -> Iterator[Node]:
        """All nodes of these types, in the order of the text."""
        pending = [self.root]
        while pending:
            node = pending.pop()
            if node.type in types:
                yield node
            pending += reversed(node.named_children)

    @cached_property
    def commands(self) -> list[Command]:
        """All simple commands, wherever they stand."""
        found: list[Command] = []
        for node in self.nodes("command"):
            name = node.child_by_field_name("name")
            if name is not None:
                arguments = tuple(self.word(child) for child in node.children_by_field_name("argument"))
                found.append(Command(self.word(name), arguments))
        return found

    def written(self) -> list[Word]:
        """The targets of output redirections."""
        found: list[Word] = []
        for node in self.nodes("file_redirect"):
            target = node.child_by_field_name("destination")
            operator = next((child.type for child in node.children if ">" in child.type), "")
            if target is not None and operator in (">", ">>", ">|", "&>", "&>>"):
                found.append(self.word(target))
        return found

    def assigned(self) -> set[str]:
        """The variables that the script gives a value, by assignment, `read`, `for`, `local` and the like."""
        names: set[str] = set()
        for node in self.nodes("variable_assignment", "for_statement", "declaration_command"):
            for name in node.named_children:
                if name.type == "variable_name":
                    names.add(self._text(name))
        for command in self.commands:
            if command.program in ("read", "mapfile", "readarray", "getopts"):
                names |= {word.text for word in command.arguments if word.text.isidentifier()}
        return names

    def expanded(self) -> set[str]:
        """The variables and parameters that the script expands without a default."""
        names: set[str] = set()
        for node in self.nodes("simple_expansion", "expansion"):
            inner = node.named_children
            if inner and not (node.type == "expansion" and len(node.children) > 3):
                names.add(self._text(inner[0]))
        return names

    def word(self, node: Node) -> Word:
        """A node as a word."""
        text = self._text(node)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            text = text[1:-1]
        return Word(text, node.start_byte, node.end_byte)

    def _text(self, node: Node) -> str:
        return self.text.data[node.start_byte : node.end_byte].decode(errors="replace")


def script_of(expr: Expr) -> Script | None:
    """The script in a string expression, None when the expression is no string literal."""
    if expr.node.type not in ("indented_string_expression", "string_expression"):
        return None
    return Script(expr, decode(expr.file, expr.node))


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))
