"""Nix strings: their text and interpolations, the way back to the file, and how to write them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from msgspec import Struct

from hwc_refactor.nix.string_lexer import Decoded, Piece, decode_bytes
from hwc_refactor.nix.syntax import Node, ParsedFile

KEYWORDS = frozenset({"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"})
STRING_TYPES = ("string_expression", "indented_string_expression")

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*\Z")
_QUOTED_UNSAFE = re.compile(r'["\\\n\r\t]|\$(?=\{|\Z)')
_QUOTED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INDENTED_UNSAFE = re.compile(r"''|'(?=\$\{|\$\Z|\r(?!\n)|\Z)|\$(?=\{|\Z)|\r(?!\n)")
_INDENTED_ESCAPES = {"''": "'''", "'": "''\\'", "$": "''$", "\r": "''\\r"}


class Literal(Struct, frozen=True):
    """A stretch of known text, never empty."""

    text: str


class Hole(Struct, frozen=True):
    """An interpolation: its node `${…}`, and the expression inside it."""

    node: Node
    expression: Node


class MappedText(Struct, frozen=True, eq=False):
    """The text of a string with its holes filled, and the way back to the file.

    Attributes:
        data: the text as bytes.
        pieces: where it comes from, in order; a hole has the text that it was filled with.
        offsets: where each piece begins in `data`; last the length of `data`.
        end: the place in the file behind the last byte of the text.
    """

    data: bytes
    pieces: tuple[Piece, ...]
    offsets: tuple[int, ...]
    end: int

    def to_file(self, start: int, end: int) -> tuple[int, int] | None:
        """The byte range of the file that a byte range of the text comes from.

        A line begins behind the indentation that Nix strips from it. So ranges that touch in the text
        touch in the file, and a range that ends with a line feed takes the stripped indentation of the
        next line with it. A range that begins or ends inside a filled hole is widened to the whole
        interpolation, inside an escape sequence to the whole escape. An empty range elsewhere gives an
        empty one: the place to insert at.

        Returns:
            Start and end in the file, or None when the range does not lie in the text.
        """
        if not 0 <= start <= end <= len(self.data):
            return None
        begin = self._place(start, first=False, widen=False)
        return begin, self._place(end, first=start < end, widen=True)

    def from_file(self, offset: int) -> int:
        """The place in the text that a place in the file holds; stripped indentation belongs to what follows."""
        for piece, place in zip(self.pieces, self.offsets, strict=False):
            if offset < piece.end:
                same = piece.kind == "same" and offset > piece.start
                return place + (offset - piece.start if same else 0)
        return len(self.data)

    def _place(self, offset: int, *, first: bool, widen: bool) -> int:
        at = bisect_left(self.offsets, offset) if first else bisect_right(self.offsets, offset) - 1
        if self.offsets[at] > offset:
            at -= 1
        if at == len(self.pieces):
            return self.end
        piece, inside = self.pieces[at], offset - self.offsets[at]
        if not inside:
            return piece.start
        if piece.kind == "same":
            return piece.start + inside
        return piece.end if widen else piece.start


class NixString(Struct, frozen=True, eq=False):
    """A decoded string.

    Attributes:
        node: the `string_expression` or `indented_string_expression`.
        indented: whether it is written with `''`.
        parts: its text and its holes in order; no literal is empty, no two of them touch.
        decoded: the same as bytes, with their places in the file and the stripped indentation.
    """

    node: Node
    indented: bool
    parts: tuple[Literal | Hole, ...]
    decoded: Decoded

    @property
    def literal(self) -> str | None:
        """The text when nothing is interpolated, else None."""
        if not self.parts:
            return ""
        only = self.parts[0]
        return only.text if len(self.parts) == 1 and isinstance(only, Literal) else None

    @property
    def holes(self) -> tuple[Hole, ...]:
        """The interpolations, in order."""
        return tuple(part for part in self.parts if isinstance(part, Hole))

    def render(self, hole: Callable[[int, Hole], str]) -> MappedText:
        """The text with each hole replaced by what `hole` returns for its index and the hole itself."""
        holes = self.holes
        pieces: list[Piece] = []
        offsets = [0]
        seen = 0
        for piece in self.decoded.pieces:
            if piece.kind == "hole":
                text = hole(seen, holes[seen]).encode(errors="surrogateescape")
                piece = Piece(text, piece.start, piece.end, "hole")
                seen += 1
            pieces.append(piece)
            offsets.append(offsets[-1] + len(piece.text))
        data = b"".join(piece.text for piece in pieces)
        return MappedText(data, tuple(pieces), tuple(offsets), self.decoded.end)


def decode(file: ParsedFile, node: Node) -> NixString:
    """The text and the holes of a string.

    Args:
        file: the file that the node belongs to; it has no syntax error inside the string.
        node: a `string_expression` or `indented_string_expression`.

    Raises:
        ValueError: when the node is no string.
    """
    if node.type not in STRING_TYPES:
        raise ValueError(f"not a string: {node.type}")
    indented = node.type == "indented_string_expression"
    width = 2 if indented else 1
    holes = {child.start_byte: child for child in node.named_children if child.type == "interpolation"}
    spans = {start: child.end_byte for start, child in holes.items()}
    start, end = node.start_byte + width, node.end_byte - width
    decoded = decode_bytes(file.source.data, start, end, spans, indented=indented)
    parts: list[Literal | Hole] = []
    text = b""
    for piece in (*decoded.pieces, None):
        if piece is not None and piece.kind != "hole":
            text += piece.text
            continue
        if text:
            parts.append(Literal(text.decode(errors="replace")))
            text = b""
        if piece is not None:
            child = holes[piece.start]
            inside = [node for node in child.named_children if node.type != "comment"]
            parts.append(Hole(child, inside[0] if inside else child))
    return NixString(node, indented, tuple(parts), decoded)


def quote(text: str) -> str:
    """A `"…"` literal with this text, on one line."""
    escaped = escape_quoted(text)
    return f'"{escaped[:-2]}$"' if text.endswith("$") else f'"{escaped}"'


def escape_quoted(text: str) -> str:
    r"""A text as it is written inside `"…"`, on one line.

    It stands for the text whatever follows it, and unless a lone `$` stands before a text that begins
    with `{`.
    """
    return _QUOTED_UNSAFE.sub(lambda found: _QUOTED_ESCAPES.get(found[0], "\\" + found[0]), text)


def escape_indented(text: str, indent: str = "") -> str:
    """A text as it is written inside `''…''`.

    It stands for the text whatever follows it, unless a lone `'` or `$` stands before it. Line feeds are
    written as they are: blanks at the beginning of a line count only beyond what Nix strips.

    Args:
        text: what the string shall hold.
        indent: the blanks to write behind each line feed that more text follows: as many as Nix strips.
    """
    escaped = _INDENTED_UNSAFE.sub(lambda found: _INDENTED_ESCAPES[found[0]], text)
    return re.sub(r"\n(?!\n|\Z)", "\n" + indent, escaped) if indent else escaped


def attr_name(file: ParsedFile, node: Node) -> str | None:
    """The name that a component of an attribute path stands for, None when it is computed.

    Static are an `identifier`, a string without holes, and `${"…"}` around such a string.
    """
    if node.type == "identifier":
        return file.text(node).decode(errors="replace")
    if node.type == "interpolation":
        inside = [child for child in node.named_children if child.type != "comment"]
        return attr_name(file, inside[0]) if len(inside) == 1 and inside[0].type in STRING_TYPES else None
    return decode(file, node).literal if node.type in STRING_TYPES else None


def identifier_or_quoted(name: str) -> str:
    """How an attribute name is written: bare where Nix allows it, else as a string."""
    return name if _IDENTIFIER.match(name) and name not in KEYWORDS else quote(name)
