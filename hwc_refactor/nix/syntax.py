"""Parsing: tree-sitter-nix, helped with the tokens that its grammar does not know.

Where a parse fails, those tokens are masked by others of the same length (see `mask`) and the parse is
repeated: every offset in the tree is true for the original bytes, and the tree is only ever read together
with those.
"""

import re
from collections.abc import Iterable
from functools import cache

import tree_sitter_nix
from msgspec import Struct
from tree_sitter import Language, Node, Parser, Tree

from hwc_refactor.nix.mask import Masked, mask
from hwc_refactor.nix.source import Source

__all__ = ["Node", "ParsedFile", "SyntaxProblem", "mask", "parse", "parse_again", "parser", "text_of"]


class SyntaxProblem(Struct, frozen=True):
    """Where a file stops being Nix: line and column from 1, a sentence, and whether it holds nothing at all."""

    line: int
    column: int
    message: str
    empty: bool = False


_SIGN = re.compile(r"(?:let|in|then|else|if|inherit|rec|with|assert)\b|\"|''|[^\w\s\"']{1,3}")
"""What is quoted where something does not parse: a sign or a word of the language."""
_BRACKETS = frozenset(
    {
        *("parenthesized_expression", "attrset_expression", "rec_attrset_expression"),
        *("let_attrset_expression", "list_expression", "interpolation"),
    }
)


class ParsedFile(Struct, frozen=True, eq=False, weakref=True):
    """A file and its syntax tree.

    Attributes:
        source: path and bytes.
        root: the `source_code` node.
        problem: the first syntax error, or None. A file with one is reported and never edited.
        pipes: byte offsets of pipe operators. The tree around one has not its real shape, so nothing
            inside such an expression may be reasoned about or edited.
        tree: the whole tree, where it was made from the very bytes of the file.
    """

    source: Source
    root: Node
    problem: SyntaxProblem | None
    pipes: tuple[int, ...] = ()
    tree: Tree | None = None
    cache: dict[object, object] = {}

    def text(self, node: Node) -> bytes:
        """The original bytes of a node."""
        return self.source.data[node.start_byte : node.end_byte]

    def piped(self, node: Node) -> bool:
        """Whether the tree of an expression has not its real shape, since a pipe operator stands in it.

        A pipe within brackets of its own leaves what stands around them as it is.
        """
        return any(
            node.start_byte <= pipe < node.end_byte
            and not (node.start_byte <= bracket[0] and bracket[1] <= node.end_byte)
            for pipe, bracket in self._piped
        )

    @property
    def _piped(self) -> tuple[tuple[int, tuple[int, int]], ...]:
        """The pipe operators, each with the range of the innermost brackets around it."""
        if not self.pipes:
            return ()
        known = self.cache.get("piped")
        if not isinstance(known, tuple):
            known = tuple((pipe, self._bracket(pipe)) for pipe in self.pipes)
            self.cache["piped"] = known
        return known

    def _bracket(self, offset: int) -> tuple[int, int]:
        around = [node for node in self.chain(offset, offset + 2) if node.type in _BRACKETS]
        return (around[-1].start_byte, around[-1].end_byte) if around else (-1, len(self.source.data) + 1)

    def chain(self, start: int, end: int) -> list[Node]:
        """The nodes around a byte range, from the root down to the smallest one that holds it."""
        leaf = self.root.descendant_for_byte_range(start, end)
        chain = [self.root]
        if leaf is None or leaf == self.root:
            return chain
        node: Node | None = self.root
        while node is not None:
            node = node.child_with_descendant(leaf)
            if node is None:
                break
            chain.append(node)
            if node == leaf:
                break
        return chain


def parse(source: Source) -> ParsedFile:
    """The syntax tree of a file; never raises, a file that is no Nix has a `problem`."""
    data = source.data
    if data.startswith(b"\xef\xbb\xbf"):
        data = b"   " + data[3:]
    tree = parser().parse(data)
    root = tree.root_node
    masked = Masked(data)
    if root.has_error:
        masked = mask(data)
        if masked.data != data:
            root = parser().parse(masked.data).root_node
    problem = _problem(source, root) if root.has_error else None
    if problem is None:
        problem = next((_comma(source, at) for at in masked.commas if not _trails(root, at)), None)
    if problem is None and not _has_expression(root):
        problem = SyntaxProblem(1, 1, "the file holds no expression", empty=True)
    whole = tree if problem is None and masked.data == source.data else None
    return ParsedFile(source, root, problem, masked.pipes, whole)


def parse_again(file: ParsedFile, source: Source, edits: Iterable[tuple[int, int, bytes]]) -> ParsedFile:
    """The syntax tree of a file after edits: what they leave alone is not parsed again.

    Args:
        file: the file before.
        source: the file now.
        edits: from the first to the last: start and end of what is replaced, and by what.
    """
    if file.tree is None:
        return parse(source)
    tree = file.tree.copy()
    for start, end, text in reversed(list(edits)):
        at = file.source.point(start)
        tree.edit(start, end, start + len(text), at, file.source.point(end), _behind(at, text))
    tree = parser().parse(source.data, tree)
    if tree.root_node.has_error or not _has_expression(tree.root_node):
        return parse(source)
    return ParsedFile(source, tree.root_node, None, (), tree)


def _behind(point: tuple[int, int], text: bytes) -> tuple[int, int]:
    """The point behind a text that begins at a point."""
    rows = text.count(b"\n")
    return point[0] + rows, (len(text) - text.rfind(b"\n") - 1 if rows else point[1] + len(text))


def within(node: Node, region: Node) -> bool:
    """Whether a node stands within another one of the same file, or is it."""
    return region.start_byte <= node.start_byte and node.end_byte <= region.end_byte


def text_of(file: ParsedFile, node: Node) -> str:
    """The source text of a node, decoded (invalid UTF-8 is replaced)."""
    return file.text(node).decode(errors="replace")


@cache
def parser() -> Parser:
    """The parser of Nix."""
    return Parser(Language(tree_sitter_nix.language()))


def _has_expression(root: Node) -> bool:
    return any(child.type != "comment" for child in root.named_children)


def _trails(root: Node, comma: int) -> bool:
    """Whether a masked comma stands where Nix allows one: behind the last parameter of a set pattern."""
    node = root.descendant_for_byte_range(comma, comma + 1)
    if node is None or node.type != "formals":
        return False
    before = [child for child in node.children if child.type != "comment" and child.end_byte <= comma]
    return bool(before) and before[-1].type == "formal"


def _comma(source: Source, at: int) -> SyntaxProblem:
    return SyntaxProblem(*source.line_column(at), "syntax error near ','")


def _problem(source: Source, root: Node) -> SyntaxProblem:
    """The first of the innermost errors; where one holds whole expressions, Nix ended behind the last."""
    node = min(_innermost(root), key=lambda error: error.start_byte, default=root)
    at = node.start_byte
    if node.is_missing:
        return SyntaxProblem(*_line_column(source, at), f"syntax error: expected {_describe(node)}")
    if any(child.is_named and child.type != "identifier" for child in node.children):
        at = node.children[-1].end_byte
        while source.data[at : at + 1] in (b" ", b"\t"):
            at += 1
    piece = source.data[at : at + 20].split(b"\n")[0].decode(errors="replace")
    excerpt = piece.rstrip("\ufffd").strip().replace("\t", " ")
    if b"\0" in source.data or "\ufffd" in excerpt or not excerpt.isprintable():
        return SyntaxProblem(*_line_column(source, at), "the file is no text")
    if not excerpt:
        return SyntaxProblem(*_line_column(source, at), "syntax error at the end of the line")
    sign = _SIGN.match(excerpt)  # no more of it: a string that does not end may be a secret
    near = f" near '{sign[0]}'" if sign is not None else ""
    return SyntaxProblem(*_line_column(source, at), f"syntax error{near}")


def _innermost(root: Node) -> list[Node]:
    """The ERROR and MISSING nodes that hold no others."""
    errors: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        broken = [child for child in node.children if child.has_error or child.is_error or child.is_missing]
        if not broken and (node.is_error or node.is_missing):
            errors.append(node)
        waiting += broken
    return errors


def _line_column(source: Source, offset: int) -> tuple[int, int]:
    return source.line_column(min(offset, len(source.data)))


def _describe(node: Node) -> str:
    return "a name" if node.type == "identifier" else f"'{node.type}'"
