"""The variables of its environment that a Python program reads, and the same values read from credentials.

A program that holds the name of such a variable anywhere but in a plain reading is not understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from hwc_refactor.nix.syntax import Node

if TYPE_CHECKING:
    from tree_sitter import Parser

Replacement = tuple[int, int, bytes]
"""A byte range of the program, and what stands there afterwards."""

_IMPORTS = ("import_statement", "import_from_statement", "future_import_statement")


class Reading(Struct, frozen=True):
    """One reading of a variable: its name, and the range of the expression."""

    name: str
    start: int
    end: int


def from_credentials(
    data: bytes, credentials: Mapping[str, str], fallback: str, quote: str | None = None
) -> tuple[Replacement, ...] | None:
    """The replacements by which a program reads values from credentials instead of from its environment.

    Args:
        data: the program.
        credentials: for each variable the name of the credential that holds its value.
        fallback: the directory of the credentials where the program is run without any.
        quote: the quote character of new strings; by default the one that the program uses more often.

    Returns:
        None when the program does not parse, does not read all of the variables, or does something else with
        the name of one.
    """
    program = _Program(data)
    found = program.readings(frozenset(credentials))
    if found is None or {one.name for one in found} != set(credentials):
        return None
    mark = quote or program.quote()
    folder = program.free("creds_dir")
    values = tuple(
        (one.start, one.end, f"({folder} / {mark}{credentials[one.name]}{mark}).read_text().strip()".encode())
        for one in found
    )
    return (*program.prelude(found, folder, fallback, mark), *values)


class _Program:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._root = _parser().parse(data).root_node

    def _text(self, node: Node | None) -> str:
        return "" if node is None else self._data[node.start_byte : node.end_byte].decode(errors="replace")

    def _all(self, *types: str) -> Iterator[Node]:
        pending = [self._root]
        while pending:
            node = pending.pop()
            if node.type in types:
                yield node
            pending += reversed(node.named_children)

    def readings(self, names: frozenset[str]) -> list[Reading] | None:
        """The places that read these variables, in order; None when a name stands elsewhere too."""
        if self._root.has_error:
            return None
        found = [
            one
            for node in self._all("subscript", "call")
            if (one := self._reading(node)) and one.name in names
        ]
        for node in self._all("string"):
            inside = any(one.start <= node.start_byte and node.end_byte <= one.end for one in found)
            if not inside and self._literal(node) in names:
                return None
        taken = names - self._assigned(found)
        if any(self._text(node) in taken for node in self._all("identifier")):
            return None
        return found

    def _assigned(self, found: list[Reading]) -> set[str]:
        """The names that are given what is read, and nothing else: `KEY = os.environ["KEY"]`."""
        given: dict[str, list[bool]] = {}
        for node in self._all("assignment", "augmented_assignment"):
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            read = right is not None and any(
                one.start >= right.start_byte and one.end <= right.end_byte for one in found
            )
            given.setdefault(self._text(left), []).append(read and node.type == "assignment")
        return {name for name, reads in given.items() if all(reads)}

    def _reading(self, node: Node) -> Reading | None:
        if node.type == "subscript":
            holder, keys = node.child_by_field_name("value"), node.children_by_field_name("subscript")
            if self._text(holder) not in ("os.environ", "environ") or len(keys) != 1:
                return None
            name = self._literal(keys[0])
            above = node.parent
            written = above is not None and (
                (above.type == "assignment" and above.child_by_field_name("left") == node)
                or above.type == "delete_statement"
            )
            return None if name is None or written else Reading(name, node.start_byte, node.end_byte)
        function = self._text(node.child_by_field_name("function"))
        given = node.child_by_field_name("arguments")
        words = [] if given is None else [one for one in given.named_children if one.type != "comment"]
        if function not in ("os.environ.get", "environ.get", "os.getenv", "getenv") or not words:
            return None
        name = self._literal(words[0])
        return None if name is None else Reading(name, node.start_byte, node.end_byte)

    def _literal(self, node: Node) -> str | None:
        if node.type != "string" or any(child.type == "interpolation" for child in node.named_children):
            return None
        return "".join(self._text(child) for child in node.named_children if child.type == "string_content")

    def quote(self) -> str:
        """The quote character that the program uses more often."""
        starts = [self._text(node)[:1] for node in self._all("string")]
        return "'" if starts.count("'") > starts.count('"') else '"'

    def free(self, name: str) -> str:
        """A name that the program does not use yet."""
        used = {self._text(node) for node in self._all("identifier")}
        return next(
            one for one in (name, f"{name}_", *(f"{name}{n}" for n in range(2, 99))) if one not in used
        )

    def prelude(self, found: list[Reading], folder: str, fallback: str, mark: str) -> Iterator[Replacement]:
        """The imports that are missing, and the statement that finds the credentials."""
        newline = b"\r\n" if b"\r\n" in self._data else b"\n"
        top = [node for node in self._root.named_children if node.type != "comment"]
        first = next(node for node in top if node.start_byte <= found[0].start < node.end_byte)
        ahead = [node for node in top if node.start_byte < first.start_byte]
        imports = [node for node in ahead if node.type in _IMPORTS]
        behind = imports[-1] if imports else ahead[0] if _is_docstring(ahead) else None
        at = self._behind(behind)
        names = [
            line
            for line, there in (
                ("import os", self._imports(ahead, None, "os")),
                ("from pathlib import Path", self._imports(ahead, "pathlib", "Path")),
            )
            if not there
        ]
        lines = [
            "# Read credentials from systemd LoadCredential",
            f"{folder} = Path(os.environ.get({mark}CREDENTIALS_DIRECTORY{mark}, {mark}{fallback}{mark}))",
        ]
        start = (
            self._data.rfind(b"\n", 0, first.start_byte) + 1 if first.type == "expression_statement" else at
        )
        text: dict[int, list[str]] = {at: [], start: []}
        text[at] += ["", *names] if names and behind is not None and not imports else names
        if start == at:
            lines = (["", *lines] if imports or text[at] else lines) + [""]
            text[at] += lines
        else:
            text[at] += [""] if names and not self._blank(at) else []
            text[start] = [*lines, ""]
        for offset, written in text.items():
            if written:
                yield offset, offset, b"".join(line.encode() + newline for line in written)

    def _behind(self, node: Node | None) -> int:
        """The offset of the line behind a statement; without one, the first line that is no `#!` or comment."""
        if node is not None:
            found = self._data.find(b"\n", node.end_byte)
            return len(self._data) if found < 0 else found + 1
        at = 0
        while self._data[at : at + 1] == b"#":
            at = self._data.find(b"\n", at) + 1 or len(self._data)
        return at

    def _blank(self, at: int) -> bool:
        return not self._data[at : self._data.find(b"\n", at) + 1].strip()

    def _imports(self, statements: list[Node], module: str | None, name: str) -> bool:
        for node in statements:
            names = [self._text(child) for child in node.children_by_field_name("name")]
            if module is None and node.type == "import_statement" and name in names:
                return True
            named = self._text(node.child_by_field_name("module_name"))
            if node.type == "import_from_statement" and named == module and name in names:
                return True
        return False


def _is_docstring(top: list[Node]) -> bool:
    return bool(
        top
        and top[0].type == "expression_statement"
        and top[0].named_children
        and top[0].named_children[0].type == "string"
    )


@cache
def _parser() -> Parser:
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))
