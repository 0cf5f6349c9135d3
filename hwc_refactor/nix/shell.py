"""The shell in a configuration: tree-sitter-bash over a script's decoded text, with the way back to the file.

A script stands in a Nix string, in one argument of a command line that stands in a Nix string, or in a file
of its own. Interpolations stand in the text as words of their own (`__nix0__`), so that they parse wherever
the shell expects a word; what is found knows which of them it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from hwc_refactor.nix.heredoc import ends_by_its_word
from hwc_refactor.nix.search import Search, place
from hwc_refactor.nix.shell_mask import mask
from hwc_refactor.nix.strings import STRING_TYPES, MappedText, NixString, decode
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr

if TYPE_CHECKING:
    from tree_sitter import Parser

_HOLE = re.compile(r"__nix(\d+)__")
_NAMED = re.compile(r"(?:[\w.]+\.)?(?:getExe'\s+[\w.'-]+\s+\"([\w.+-]+)\"|getExe\s+(?:[\w'-]+\.)+([\w-]+))")
"""`lib.getExe' pkgs.coreutils "cat"`, `lib.getExe pkgs.jq`: most programs are called like their package."""

_HOLE_BYTES = re.compile(rb"__nix\d+__")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

PieceKind = Literal["text", "hole", "variable", "command", "open"]
Sought = Literal[
    "ansi_c_string",
    "c_style_for_statement",
    "command",
    "comment",
    "declaration_command",
    "expansion",
    "file_redirect",
    "for_statement",
    "function_definition",
    "heredoc_redirect",
    "pipeline",
    "raw_string",
    "redirected_statement",
    "simple_expansion",
    "string",
    "translated_string",
    "unary_expression",
    "variable_assignment",
    "variable_name",
    "while_statement",
]
"""The types of nodes that are looked for in whole scripts."""


_ASSIGNING = ("read", "mapfile", "readarray", "getopts", "unset", "printf")
"""Commands that give variables a value, or take it away (bash manual)."""


class Piece(Struct, frozen=True, eq=False):
    """A part of a word.

    Attributes:
        kind: `text` known text; `hole` an interpolation of Nix; `variable` a plain `$x` or `${x}`;
            `command` a command substitution; `open` anything else that is only known when it runs.
        text: the text, or the variable's name.
        hole: the number of the interpolation, for `hole`.
        node: the node in the shell's tree.
    """

    kind: PieceKind
    text: str
    node: Node
    hole: int = -1


class Word(Struct, frozen=True):
    """One word of a command.

    Attributes:
        text: as written, quotes taken off at its ends, interpolations as `__nixN__`.
        start, end: its byte range in the script's text.
        pieces: its parts, quotes resolved.
    """

    text: str
    start: int
    end: int
    pieces: tuple[Piece, ...] = ()

    @property
    def hole(self) -> int | None:
        """The number of the interpolation that the word begins with."""
        match = _HOLE.match(self.text)
        return None if match is None else int(match[1])

    @property
    def behind_hole(self) -> str:
        """What follows that interpolation."""
        return _HOLE.sub("", self.text, count=1)

    @property
    def literal(self) -> str | None:
        """The whole text when the shell and Nix leave nothing of it open, else None."""
        if any(piece.kind != "text" for piece in self.pieces):
            return None
        return "".join(piece.text for piece in self.pieces)


class Command(Struct, frozen=True):
    """A simple command: its name and arguments, the node it is, and the script it stands in."""

    name: Word
    arguments: tuple[Word, ...]
    node: Node
    script: Script

    @property
    def program(self) -> str:
        """The name without a folder: `mkdir` for `/run/current-system/sw/bin/mkdir` or `${…}/bin/mkdir`."""
        return self.script.called(self.name)


class Body(Struct, frozen=True, eq=False):
    """The text of a script and where it comes from.

    Attributes:
        data: the text as bytes, interpolations as `__nixN__`.
        path: the file it stands in.
        holes: the expressions of the interpolations, in order.
        string: the Nix string that holds it, None for a file of its own, or for text put together from several.
        mapped: the decoded text of that whole string.
        offset: where `data` begins in `mapped.data` or in the file; None when it is no range of either, since
            escapes are taken out of it or several strings make it up.
    """

    data: bytes
    path: str
    holes: tuple[Expr, ...] = ()
    string: NixString | None = None
    mapped: MappedText | None = None
    offset: int | None = 0

    @property
    def editable(self) -> bool:
        """Whether a range of the text is a range of the file."""
        return self.offset is not None

    def to_file(self, start: int, end: int) -> tuple[int, int] | None:
        """The byte range of the file that a range of the text comes from; None when that is not certain."""
        if self.offset is None:
            return None
        if self.mapped is None:
            return start, end
        return self.mapped.to_file(start + self.offset, end + self.offset)


class Script(Struct, frozen=True, eq=False, dict=True):
    """A shell script.

    Attributes:
        at: the expression that gives it: the string, or the path of a file.
        body: its text.
    """

    at: Expr
    body: Body

    @property
    def text(self) -> Body:
        """The decoded text."""
        return self.body

    @cached_property
    def root(self) -> Node:
        """The root of the shell's syntax tree."""
        return _parsed(self.body.data)

    @property
    def sound(self) -> bool:
        """Whether the text parses as a shell script."""
        return not self.root.has_error

    @property
    def ended(self) -> bool:
        """Whether all its here-documents end where they end for bash."""
        documents = self.nodes("heredoc_redirect") if b"<<" in self.body.data else ()
        return all(ends_by_its_word(self.body.data, document) for document in documents)

    def holes(self) -> list[Expr]:
        """The expressions of the interpolations, in order."""
        return list(self.body.holes)

    def as_written(self, text: str) -> str:
        """A part of its source with the Nix source of its interpolations, for the user to read."""
        for number, hole in enumerate(self.body.holes):
            text = text.replace(f"__nix{number}__", "${" + hole.text + "}")
        return text

    def hole_places(self) -> Iterator[tuple[int, int, int]]:
        """The number of each interpolation, and its byte range in the text."""
        for match in _HOLE_BYTES.finditer(self.body.data):
            yield int(match[0][5:-2]), match.start(), match.end()

    def chain(self, start: int, end: int) -> list[Node]:
        """The nodes that hold a byte range of the text, from the root down to the innermost one."""
        chain = [self.root]
        while True:
            inside = (
                child
                for child in chain[-1].named_children
                if child.start_byte <= start and end <= child.end_byte
            )
            below = next(inside, None)
            if below is None:
                return chain
            chain.append(below)

    def line(self, node: Node | Word | int) -> int:
        """The line, from 1, on which something of the script stands in its file."""
        offset = node if isinstance(node, int) else node.start if isinstance(node, Word) else node.start_byte
        place = self.body.to_file(offset, offset)
        if place is not None and self.body.mapped is None:
            return self.body.data.count(b"\n", 0, offset) + 1
        start = self.at.node.start_byte if place is None else place[0]
        return self.at.file.source.line(start)

    @cached_property
    def _by_type(self) -> dict[str, list[Node]]:
        return _SOUGHT.by_type(self.root)

    def nodes(self, *types: Sought) -> Iterator[Node]:
        """All nodes of these types, in the order of the text."""
        if len(types) == 1:
            yield from self._by_type.get(types[0], ())
            return
        found = [node for type_ in types for node in self._by_type.get(type_, ())]
        yield from sorted(found, key=place)

    @cached_property
    def commands(self) -> list[Command]:
        """All simple commands, wherever they stand."""
        return [command for node in self.nodes("command") if (command := self.command(node)) is not None]

    def command(self, node: Node) -> Command | None:
        """A `command` node as a command; None when it only assigns."""
        name = node.child_by_field_name("name")
        if name is None:
            return None
        arguments = tuple(self.word(child) for child in node.children_by_field_name("argument"))
        return Command(self.word(name), arguments, node, self)

    def called(self, word: Word) -> str:
        """The file name of the program that a word names, through a variable or `getExe'` too."""
        if len(word.pieces) == 1 and word.pieces[0].kind == "variable":
            word = self.constants.get(word.pieces[0].text, word)
        given = _HOLE.fullmatch(word.text)
        if given is not None:
            named = _NAMED.fullmatch(self.body.holes[int(given[1])].text)
            if named is not None:
                return named[1] or named[2]
        return word.text.rsplit("/", 1)[-1]

    @cached_property
    def functions(self) -> dict[str, Node]:
        """The functions that the script defines: their definitions by name."""
        return {
            self.source(name): node
            for node in self.nodes("function_definition")
            if (name := node.child_by_field_name("name")) is not None
        }

    def written(self) -> list[Word]:
        """The targets of output redirections."""
        return [self.word(target) for target in self.redirected(">", ">>", ">|", "&>", "&>>")]

    def redirected(self, *operators: str) -> Iterator[Node]:
        """The targets of redirections by one of these operators."""
        for node in self.nodes("file_redirect"):
            target = node.child_by_field_name("destination")
            if target is not None and any(child.type in operators for child in node.children):
                yield target

    def assigned(self) -> set[str]:
        """The variables that the script gives a value, by assignment, `read`, `for`, `local` and the like."""
        names: set[str] = set()
        for node in self.nodes("variable_assignment", "for_statement", "declaration_command"):
            for name in node.named_children:
                if name.type == "variable_name":
                    names.add(self.source(name))
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
                names.add(self.source(inner[0]))
        return names

    @cached_property
    def constants(self) -> dict[str, Word]:
        """The variables that are assigned exactly once, by a plain assignment, to a word."""
        seen: dict[str, Word | None] = {}
        for node in self.nodes("variable_assignment"):
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None:
                key = self.source(name)
                plain = name.type == "variable_name" and all(child.type != "+=" for child in node.children)
                seen[key] = self.word(value) if plain and key not in seen and value is not None else None
        for node in self.nodes("for_statement"):
            variable = node.child_by_field_name("variable")
            if variable is not None:
                seen[self.source(variable)] = None
        for command in self.commands:
            if command.name.text in _ASSIGNING:
                seen.update({word.text: None for word in command.arguments})
        return {name: word for name, word in seen.items() if word is not None}

    @cached_property
    def switches(self) -> frozenset[str]:
        """The variables that hold nothing but `true` or `false`, whichever: commands that do nothing else."""
        values: dict[str, set[str]] = {}
        for node in self.nodes("variable_assignment"):
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None:
                text = "" if value is None else self.word(value).literal
                values.setdefault(self.source(name), set()).add(text or "")
        read = {
            word.text
            for command in self.commands
            if command.program in _ASSIGNING
            for word in command.arguments
        }
        looped = {
            self.source(variable)
            for node in self.nodes("for_statement")
            if (variable := node.child_by_field_name("variable")) is not None
        }
        told = {name for name, texts in values.items() if texts <= {"true", "false"}}
        return frozenset(told - read - looped)

    def word(self, node: Node) -> Word:
        """A node as a word."""
        text = self.source(node)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            text = text[1:-1]
        return Word(text, node.start_byte, node.end_byte, tuple(self.pieces(node)))

    def pieces(self, node: Node) -> Iterator[Piece]:
        """The parts of a word, string or here-document, quotes resolved."""
        match node.type:
            case "command_name" | "concatenation":
                for child in node.named_children:
                    yield from self.pieces(child)
            case "simple_expansion" | "expansion":
                yield self._expansion(node)
            case "command_substitution":
                yield Piece("command", self.source(node), node)
            case "string" | "translated_string" | "heredoc_body":
                yield from self._quoted(node)
            case "raw_string":
                yield from self._plain(node, node.start_byte + 1, node.end_byte - 1, escapes="")
            case "word" | "number" | "variable_name" | "extglob_pattern" | "regex":
                yield from self._plain(node, node.start_byte, node.end_byte, escapes="all")
            case _:
                yield Piece("open", self.source(node), node)

    def _expansion(self, node: Node) -> Piece:
        inner = [child for child in node.children if child.type not in ("$", "${", "}")]
        if len(inner) == 1 and inner[0].type == "variable_name":
            return Piece("variable", self.source(inner[0]), node)
        return Piece("open", self.source(node), node)

    def _quoted(self, node: Node) -> Iterator[Piece]:
        """The inside of `"…"` or of a here-document: what no child of it covers is text."""
        width = 0 if node.type == "heredoc_body" else 2 if node.type == "translated_string" else 1
        at, end = node.start_byte + width, node.end_byte - min(width, 1)
        for child in node.named_children:
            if child.type in ("string_content", "heredoc_content"):
                continue
            yield from self._plain(node, at, child.start_byte, escapes="quoted")
            yield from self.pieces(child)
            at = child.end_byte
        yield from self._plain(node, at, end, escapes="quoted")

    def _plain(self, node: Node, start: int, end: int, *, escapes: str) -> Iterator[Piece]:
        """A stretch of text: the interpolations in it are parts of their own."""
        data = self.body.data
        at = start
        for match in _HOLE_BYTES.finditer(data, start, end):
            if at < match.start():
                yield Piece("text", _unescaped(data[at : match.start()], escapes), node)
            yield Piece("hole", "", node, int(match[0][5:-2]))
            at = match.end()
        if at < end:
            yield Piece("text", _unescaped(data[at:end], escapes), node)

    def source(self, node: Node) -> str:
        """The source text of a node."""
        return self.body.data[node.start_byte : node.end_byte].decode(errors="replace")


def _unescaped(data: bytes, escapes: str) -> str:
    text = data.decode(errors="replace")
    if "\\" not in text or not escapes:
        return text
    if escapes == "all":
        return _ESCAPED.sub(lambda found: "" if found[1] == "\n" else found[1], text)
    return _ESCAPED.sub(
        lambda found: found[1] if found[1] in '$`"\\' else "" if found[1] == "\n" else found[0], text
    )


def script_of(expr: Expr) -> Script | None:
    """The script in a string expression, None when the expression is no string literal."""
    if expr.node.type not in STRING_TYPES:
        return None
    string = decode(expr.file, expr.node)
    mapped = string.render(lambda index, _: f"__nix{index}__")
    return Script(expr, Body(mapped.data, expr.file.source.path, holes_of(expr, string), string, mapped))


def script_in_file(expr: Expr, path: str, data: bytes) -> Script:
    """The script in a file of its own; `expr` is the expression that names the file."""
    return Script(expr, Body(data, path))


def holes_of(expr: Expr, string: NixString) -> tuple[Expr, ...]:
    """The expressions of the interpolations of a string, in order."""
    return tuple(Expr(expr.file, hole.expression, expr.env) for hole in string.holes)


def parses(data: bytes) -> bool:
    """Whether a text parses as a shell script."""
    return not _parsed(data).has_error


def _parsed(data: bytes) -> Node:
    root = _parser().parse(data).root_node
    if root.has_error and (masked := mask(data)) != data:
        again = _parser().parse(masked).root_node
        return root if again.has_error else again
    return root


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


_SOUGHT = Search(_parser, *get_args(Sought))
