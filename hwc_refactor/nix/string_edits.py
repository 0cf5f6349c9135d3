"""Edits inside a string: the decoded text changes exactly as asked, whatever Nix does to the bytes.

New text is escaped and, in an indented string, indented. What stands beside it may still give it another
meaning: a `$` before a new `{`, a `'` before another one, a line that decided how much indentation Nix
strips. So every edit is tried before it is given out, and where the smallest one does not do, a larger
one is taken, up to the whole inside of the string.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.edits import Edit, Span, apply_edits
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.string_lexer import Piece
from hwc_refactor.nix.strings import MappedText, NixString, decode, escape_indented, escape_quoted
from hwc_refactor.nix.syntax import ParsedFile, parse

_BLANK = "''\\ "
"""A blank that Nix never strips, in an indented string."""


class _Part(Struct, frozen=True):
    """A stretch of text, or an interpolation as it is written."""

    data: bytes
    hole: bool = False


class _Place(Struct, frozen=True):
    """A string and a range of its text that shall become `new`; `before` and `after` is what stays."""

    file: ParsedFile
    string: NixString
    mapped: MappedText
    start: int
    end: int
    new: bytes
    before: tuple[_Part, ...] = ()
    after: tuple[_Part, ...] = ()

    @property
    def inside(self) -> tuple[int, int]:
        """The range of the file between the quotes."""
        width = 2 if self.string.indented else 1
        return self.string.node.start_byte + width, self.string.node.end_byte - width


def rewrite(
    file: ParsedFile, string: NixString, mapped: MappedText, start: int, end: int, text: str
) -> Edit | None:
    """The edit that puts `text` in the place of a range of a string's text.

    Args:
        file: the file of the string.
        string: the string.
        mapped: its text, as `string.render` gave it.
        start: first byte of the range in `mapped.data`.
        end: the byte behind the last one. Interpolations within the range go with it.
        text: what shall stand there, decoded: `${` in it is text and no interpolation.

    Returns:
        The edit, or None when the range does not lie in the text or cuts an interpolation in two.
    """
    place = _placed(_Place(file, string, mapped, start, end, _bytes(text)))
    if place is None:
        return None
    wanted = _merged((*place.before, _Part(place.new), *place.after))
    for edit in _candidates(place):
        if _outcome(place, edit) == wanted:
            return edit
    return None


def rewrite_all(
    file: ParsedFile, string: NixString, mapped: MappedText, replacements: Sequence[tuple[int, int, str]]
) -> tuple[Edit, ...] | None:
    """The edits that replace several ranges of a string's text at once, each as small as can be.

    Args:
        file: the file of the string.
        string: the string.
        mapped: its text, as `string.render` gave it.
        replacements: ranges that do not meet, in their order, with the text that shall stand there.

    Returns:
        The edits, or None when the smallest ones do not give what is asked for: `rewrite`, one after the
        other from the last to the first, may still do.
    """
    wanted: list[_Part] = []
    edits: list[Edit] = []
    at = 0
    for start, end, text in replacements:
        place = _placed(_Place(file, string, mapped, start, end, _bytes(text)))
        if place is None or start < at:
            return None
        edits.append((_indented if string.indented else _quoted)(place))
        wanted += [*_stretch(file, mapped, at, start), _Part(_bytes(text))]
        at = end
    wanted += _stretch(file, mapped, at, len(mapped.data))
    edits.sort(key=lambda edit: edit.span.start)
    if any(left.span.end > right.span.start for left, right in pairwise(edits)):
        return None
    place = _Place(file, string, mapped, 0, 0, b"")
    return tuple(edits) if _outcome(place, *edits) == _merged(tuple(wanted)) else None


def interpolate(
    file: ParsedFile, string: NixString, mapped: MappedText, start: int, end: int, expression: str
) -> Edit | None:
    """The edit that puts `${expression}` in the place of a range of a string's text.

    Returns:
        The edit, or None when the range is no range of the file, or the string would not come out as asked.
    """
    place = _placed(_Place(file, string, mapped, start, end, b""))
    span = mapped.to_file(start, end)
    if place is None or span is None or (place.start, place.end) != (start, end):
        return None
    code = b"${" + expression.encode() + b"}"
    edit = Edit(Span(file.source.path, *span), code)
    wanted = _merged((*place.before, _Part(code, True), *place.after))
    return edit if _outcome(place, edit) == wanted else None


def _stretch(file: ParsedFile, mapped: MappedText, start: int, end: int) -> Iterator[_Part]:
    """The parts of a range of the text."""
    for piece, low, high in zip(mapped.pieces, mapped.offsets, mapped.offsets[1:], strict=False):
        if piece.kind == "hole":
            if start <= low and high <= end:
                yield _part(file, piece)
        elif max(low, start) < min(high, end):
            yield _Part(piece.text[max(start - low, 0) : min(end, high) - low])


def _placed(place: _Place) -> _Place | None:
    """The place with what stays around it; a range that cuts an escape is widened to the whole of it."""
    mapped, start, end, new = place.mapped, place.start, place.end, place.new
    if not 0 <= start <= end <= len(mapped.data):
        return None
    before: list[_Part] = []
    after: list[_Part] = []
    for piece, low, high in zip(mapped.pieces, mapped.offsets, mapped.offsets[1:], strict=False):
        if high <= start:
            before.append(_part(place.file, piece))
        elif low >= end:
            after.append(_part(place.file, piece))
        elif piece.kind == "hole":
            if low < start or high > end:
                return None
        elif piece.kind == "escape":
            start, end = min(start, low), max(end, high)
            new = piece.text[: max(place.start - low, 0)] + new
            new += piece.text[len(piece.text) - max(high - place.end, 0) :]
        else:
            before.append(_Part(piece.text[: max(start - low, 0)]))
            after.append(_Part(piece.text[len(piece.text) - max(high - end, 0) :]))
    kept = (_merged(tuple(before)), _merged(tuple(after)))
    return replace(place, start=start, end=end, new=new, before=kept[0], after=kept[1])


def _part(file: ParsedFile, piece: Piece) -> _Part:
    if piece.kind == "hole":
        return _Part(file.source.data[piece.start : piece.end], True)
    return _Part(piece.text)


def _merged(parts: tuple[_Part, ...]) -> tuple[_Part, ...]:
    """The parts with neighbouring text made one and empty text left out."""
    merged: list[_Part] = []
    for part in parts:
        if part.hole or not merged or merged[-1].hole:
            merged.append(part)
        else:
            merged[-1] = _Part(merged[-1].data + part.data)
        if not merged[-1].hole and not merged[-1].data:
            merged.pop()
    return tuple(merged)


def _candidates(place: _Place) -> Iterator[Edit]:
    small = _indented if place.string.indented else _quoted
    yield small(place)
    wider = replace(place, before=_shorter(place.before, last=True), after=_shorter(place.after, last=False))
    left, right = _size(place.before) - _size(wider.before), _size(place.after) - _size(wider.after)
    start, end, data = place.start - left, place.end + right, place.mapped.data
    if left or right:
        new = data[start : place.start] + place.new + data[place.end : end]
        again = _placed(replace(place, start=start, end=end, new=new, before=(), after=()))
        if again is not None:
            yield small(again)
    parts = _merged((*place.before, _Part(place.new), *place.after))
    text = _whole(place, parts) if place.string.indented else b"".join(_quoted_part(place, p) for p in parts)
    yield Edit(Span(place.file.source.path, *place.inside), text)


def _shorter(parts: tuple[_Part, ...], *, last: bool) -> tuple[_Part, ...]:
    """The parts without their last or first byte, unless an interpolation stands there."""
    if not parts or parts[-1 if last else 0].hole:
        return parts
    if last:
        return (*parts[:-1], _Part(parts[-1].data[:-1]))
    return (_Part(parts[0].data[1:]), *parts[1:])


def _size(parts: tuple[_Part, ...]) -> int:
    return sum(len(part.data) for part in parts)


def _quoted(place: _Place) -> Edit:
    start, end = _range(place)
    return Edit(Span(place.file.source.path, start, end), _quoted_part(place, _Part(place.new)))


def _quoted_part(place: _Place, part: _Part) -> bytes:
    """A part inside `"…"`; lines are broken there only where the string already does so."""
    if part.hole:
        return part.data
    text = _text(part.data)
    if not any(piece.kind != "hole" and b"\n" in _raw(place, piece) for piece in place.mapped.pieces):
        return _bytes(escape_quoted(text))
    return place.file.source.newline.join(_bytes(escape_quoted(line)) for line in text.split("\n"))


def _raw(place: _Place, piece: Piece) -> bytes:
    return place.file.source.data[piece.start : piece.end]


def _indented(place: _Place) -> Edit:
    source, new = place.file.source, place.new
    start, end = _range(place)
    low, high = place.inside
    indent = " " * place.string.decoded.indent
    text = escape_indented(_text(new), indent)
    present = len(source.data[low:start]) - len(source.data[low:start].rstrip(b" "))
    if not place.before or (place.before[-1].data.endswith(b"\n") and not place.before[-1].hole):
        if new and not new.startswith(b"\n"):
            text = indent[present:] + text
        elif not new and (place.after[:1] == () or place.after[0].data.startswith(b"\n")):
            start -= present
    if place.after:
        if new.endswith(b"\n") and not place.after[0].data.startswith(b"\n"):
            text += indent
    elif not (_merged((*place.before, _Part(new))) or (_Part(b""),))[-1].data.endswith(b"\n"):
        end = high
    return Edit(Span(source.path, start, end), _bytes(text))


def _whole(place: _Place, parts: tuple[_Part, ...]) -> bytes:
    """The inside of an indented string with these parts, in the layout that it had."""
    source, (low, high) = place.file.source, place.inside
    line = source.data[low:high].split(b"\n")[0]
    opened = not line.strip(b" ") and len(line) < high - low
    blank = bool(parts) and not parts[0].hole and parts[0].data.lstrip(b" ").startswith(b"\n")
    indent = b" " * place.string.decoded.indent if opened else b""
    out = bytearray(line + b"\n" if opened else b"\n" if blank else b"")
    anchored = _has_anchor(parts)
    fresh = True
    for number, part in enumerate(parts):
        lines = [part.data] if part.hole else _bytes(escape_indented(_text(part.data))).split(b"\n")
        for count, text in enumerate(lines):
            if count:
                out += b"\n"
                fresh = True
            if fresh and text:
                out += indent
                closing = number == len(parts) - 1 and count == len(lines) - 1 and not text.strip(b" ")
                if not part.hole and text.startswith(b" ") and (closing or not anchored):
                    text = _BLANK.encode() + text[1:]
                    anchored = True
                fresh = False
            out += text
    if not parts or (not parts[-1].hole and parts[-1].data.endswith(b"\n")):
        out += source.data[max(low, place.string.decoded.end) : high]
    return bytes(out)


def _has_anchor(parts: tuple[_Part, ...]) -> bool:
    """Whether some line begins with no blank, so that it decides what Nix strips."""
    text = b"".join(b"x" if part.hole else part.data for part in parts)
    return any(line and not line.startswith(b" ") for line in text.split(b"\n"))


def _outcome(place: _Place, *edits: Edit) -> tuple[_Part, ...] | None:
    """What the string holds after edits, None when it is no string any more."""
    node = place.string.node
    first = node.start_byte
    inside = [Edit(Span("", edit.span.start - first, edit.span.end - first), edit.text) for edit in edits]
    source = Source("", apply_edits(place.file.text(node), inside))
    file = parse(source)
    nodes = file.root.named_children
    if file.problem is not None or len(nodes) != 1 or nodes[0].type != node.type:
        return None
    return _merged(tuple(_part(file, piece) for piece in decode(file, nodes[0]).decoded.pieces))


def _range(place: _Place) -> tuple[int, int]:
    found = place.mapped.to_file(place.start, place.end)
    assert found is not None
    return found


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
