"""The inside of Nix strings, byte by byte: escapes, stripped indentation, and where each byte comes from.

The rules are those of `lexer.l` (tokens, `unescapeStr`) and `parser.y` (`stripIndentation`) of Nix 2.8,
applied to the raw bytes between the interpolations: the string fragments of the grammar are not exact.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal["same", "escape", "hole"]

_QUOTED = re.compile(rb"\\(?P<char>.)|(?P<line>\r\n?)|\$\$|(?P<hole>\$\{)|[^\\\r$]+|.", re.DOTALL)
_INDENTED = re.compile(
    rb"(?P<run>(?:[^$']+|\$[^{']|'[^'$])+)|''\\(?P<char>.)|''(?P<same>\$)|''(?P<quote>')|(?P<hole>\$\{)|.",
    re.DOTALL,
)
_FIRST_LINE = re.compile(rb" *\n")
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Piece(Struct, frozen=True):
    """A stretch of decoded bytes and the bytes of the file that it comes from.

    Attributes:
        text: what it decodes to; empty for a hole.
        start: its first byte in the file.
        end: the byte behind its last one.
        kind: `same`: byte for byte as in the file; `escape`: written in another way; `hole`: an
            interpolation.
    """

    text: bytes
    start: int
    end: int
    kind: Kind


class Decoded(Struct, frozen=True):
    """The inside of a string.

    Attributes:
        pieces: its bytes and holes in order.
        indent: how many blanks Nix strips from the beginning of each line, 0 in a `"` string.
        end: the place in the file behind the last byte that counts; blanks before the closing quotes that
            Nix drops lie behind it.
    """

    pieces: tuple[Piece, ...]
    indent: int
    end: int


class _Token(Struct, frozen=True):
    piece: Piece
    plain: bool


def decode_bytes(data: bytes, start: int, end: int, holes: Mapping[int, int], *, indented: bool) -> Decoded:
    """Decodes the inside of a string.

    Args:
        data: the bytes of the file.
        start: the byte behind the opening quotes.
        end: the first byte of the closing quotes.
        holes: start → end of each interpolation.
        indented: whether the quotes are `''`.
    """
    if not indented:
        return Decoded(tuple(_join(_quoted(data, start, end, holes))), 0, end)
    opening = _FIRST_LINE.match(data, start, end)
    start = opening.end() if opening else start
    tokens = list(_indented(data, start, end, holes))
    indent = _min_indent(tokens)
    pieces = tuple(_join(_stripped(tokens, len(data) if indent is None else indent)))
    return Decoded(pieces, indent or 0, pieces[-1].end if pieces else start)


def _quoted(data: bytes, start: int, end: int, holes: Mapping[int, int]) -> Iterator[Piece]:
    while start < end:
        found = _QUOTED.match(data, start, end)
        assert found is not None
        stop = found.end()
        if found["char"] is not None:
            yield Piece(_CONTROL.get(found["char"], found["char"]), start, stop, "escape")
        elif found["line"] is not None:
            yield Piece(b"\n", start, stop, "escape")
        elif found["hole"] is not None and start in holes:
            stop = holes[start]
            yield Piece(b"", start, stop, "hole")
        else:
            yield Piece(found[0], start, stop, "same")
        start = stop


def _indented(data: bytes, start: int, end: int, holes: Mapping[int, int]) -> Iterator[_Token]:
    """The tokens of the lexer; only those that are `plain` have an indentation (`hasIndentation`)."""
    while start < end:
        found = _INDENTED.match(data, start, end)
        assert found is not None
        stop = found.end()
        if found["run"] is not None:
            yield _Token(Piece(found[0], start, stop, "same"), True)
        elif found["char"] is not None:
            yield _Token(Piece(_CONTROL.get(found["char"], found["char"]), start, stop, "escape"), False)
        elif found["same"] is not None:
            yield _Token(Piece(b"$", start, stop, "escape"), False)
        elif found["quote"] is not None:
            yield _Token(Piece(b"''", start, stop, "escape"), False)
        elif found["hole"] is not None and start in holes:
            stop = holes[start]
            yield _Token(Piece(b"", start, stop, "hole"), False)
        else:
            yield _Token(Piece(found[0], start, stop, "same"), False)
        start = stop


def _min_indent(tokens: Iterable[_Token]) -> int | None:
    """The least number of blanks before the content of a line, None when no line has content."""
    least: int | None = None
    fresh, blanks = True, 0
    for token in tokens:
        if not token.plain:
            if fresh:
                fresh, least = False, blanks if least is None else min(least, blanks)
            continue
        for number, line in enumerate(token.piece.text.split(b"\n")):
            if number:
                fresh, blanks = True, 0
            if fresh:
                content = line.lstrip(b" ")
                blanks += len(line) - len(content)
                if content:
                    fresh, least = False, blanks if least is None else min(least, blanks)
    return least


def _stripped(tokens: list[_Token], indent: int) -> Iterator[Piece]:
    fresh, dropped = True, 0
    for number, token in enumerate(tokens):
        piece = token.piece
        if piece.kind == "hole":
            fresh, dropped = False, 0
            yield piece
            continue
        kept: list[Piece] = []
        position = piece.start
        for line in _LINES.findall(piece.text) if piece.kind == "same" else (piece.text,):
            text = line
            if fresh:
                content = line.lstrip(b" ")
                blanks = len(line) - len(content)
                drop = min(blanks, max(indent - dropped, 0))
                dropped += blanks
                text = line[drop:]
                if content:
                    fresh, dropped = False, 0
            if line.endswith(b"\n"):
                fresh, dropped = True, 0
            if piece.kind == "same":
                position += len(line)
                piece_of_line = Piece(text, position - len(text), position, "same")
            else:
                piece_of_line = Piece(text, piece.start, piece.end, "escape")
            if text:
                kept.append(piece_of_line)
        if number == len(tokens) - 1 and len(kept) > 1 and not kept[-1].text.strip(b" "):
            kept.pop()
        yield from kept


def _join(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces with those that follow each other unchanged in text and file made one."""
    run: list[Piece] = []
    for piece in pieces:
        if run and (piece.kind != "same" or piece.start != run[-1].end):
            yield _one(run)
            run = []
        if piece.kind == "same":
            run.append(piece)
        else:
            yield piece
    if run:
        yield _one(run)


def _one(run: list[Piece]) -> Piece:
    if len(run) == 1:
        return run[0]
    return Piece(b"".join(piece.text for piece in run), run[0].start, run[-1].end, "same")
