"""Insert items into a box (set, list, `let`), whatever its layout is."""

from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from hwc_refactor.nix.build_box import (
    Box,
    BuildError,
    box_of,
    end_of,
    skip_blank,
    skip_blank_back,
    span,
    where,
)
from hwc_refactor.nix.build_shift import wrapped
from hwc_refactor.nix.build_step import Step, by_lines, line_of, reach_before, reach_behind
from hwc_refactor.nix.build_text import Snippet, comment_line, padding, render, unit
from hwc_refactor.nix.comments import comments_of, own_line
from hwc_refactor.nix.edits import Edit, apply_edits
from hwc_refactor.nix.syntax import Node, ParsedFile

MAX_COLUMNS = 100


class _Place(Struct, frozen=True):
    """Where in a box new items go.

    Attributes:
        index: the place of the first new thing among the things of the box.
        offset: the byte that they are put behind or before.
        behind: whether they go behind the offset.
        own_comment: whether a comment on its own line would stand above the new item, as if it were its.
    """

    index: int
    offset: int
    behind: bool
    own_comment: bool = False


def insert(
    box: Box,
    kind: str,
    snippets: Sequence[Snippet],
    after: Node | None,
    before: Node | None,
    *,
    flat: bool,
    names: frozenset[bytes] = frozenset(),
) -> Step:
    """What puts snippets into a box, not yet proved.

    What the box holds is never part of an edit: who has its nodes can follow them.

    Args:
        box: the box.
        kind: what the snippets are, `bindings` or `elements`.
        snippets: what goes in.
        after, before: the item behind or before which they go; the end without both.
        flat: whether they may stay on one line.
        names: the first names of the paths that they define.

    Raises:
        BuildError: when a snippet is not what `kind` says.
    """
    if not snippets:
        raise BuildError(f"{where(box.file, box.node)}: nothing to insert")
    place = _place(box, after, before)
    beside_comment = place.own_comment or (before is not None and bool(comments_of(box.file, before).leading))
    if flat and box.one_line and not beside_comment and all(snippet.flat for snippet in snippets):
        edit = _insert_flat(box, kind, snippets, place)
        if fits(box.file, edit):
            texts = [snippet.text.strip().encode() for snippet in snippets]
            return _step(box, kind, [edit], texts, place.index, names, line_of(box))
    indent = item_indent(box, after or before)
    texts = [block(box.file, kind, snippet, indent) for snippet in snippets]
    if box.one_line and not box.empty:
        edits = _break_lines(box, snippets, texts, place, indent)
    else:
        edits = [_insert_lines(box, snippets, texts, place, indent)]
    reach = _reach(box, after, before) if by_lines(box.file, edits) else None
    return _step(box, kind, edits, texts, place.index, names, reach)


def spreading(file: ParsedFile, node: Node) -> Step:
    """The step that puts each item of a set on one line on a line of its own; without edits for a set over lines."""
    box = box_of(file, node)
    if not box.one_line or box.empty:
        return Step(file, ())
    source = file.source
    base = source.newline + source.indent(node.start_byte)
    edits: list[Edit] = []
    end = box.opens
    for thing in box.things:
        behind = thing.type == "comment" and end != box.opens
        gap = b" " if behind else base + unit(file)
        edits.append(Edit(span(file, end, thing.start_byte), gap))
        end = end_of(file, thing)
    edits.append(Edit(span(file, end, box.closes), base))
    return Step(file, tuple(edits), box)


def block(file: ParsedFile, kind: str, snippet: Snippet, indent: bytes) -> bytes:
    """The lines of a snippet with its comments, without the blank lines around and the last line ending."""
    lines = [indent + comment_line(line) for text in snippet.above for line in text.strip().splitlines()]
    text = render(snippet.text, kind, indent, unit(file), file.source.newline)
    if snippet.behind:
        text += b" " + comment_line(snippet.behind)
    return file.source.newline.join((*lines, text))


def item_indent(box: Box, near: Node | None = None) -> bytes:
    """The indentation of the items of a box: that of the nearest one that starts a line."""
    source = box.file.source
    starting = [thing for thing in box.things if thing.type != "," and source.starts_line(thing.start_byte)]
    starting = [thing for thing in starting if thing.type != "comment"] or starting
    if not starting:
        return source.indent(box.node.start_byte) + unit(box.file)
    target = near.start_byte if near is not None else box.closes
    return source.indent(min(starting, key=lambda thing: abs(thing.start_byte - target)).start_byte)


def fits(file: ParsedFile, edit: Edit) -> bool:
    """Whether the line of an edit without line feeds keeps within 100 columns."""
    data = apply_edits(file.source.data, [edit])
    start = data.rfind(b"\n", 0, edit.span.start) + 1
    end = data.find(b"\n", edit.span.start)
    line = data[start : end if end >= 0 else len(data)].rstrip(b"\r")
    return len(line.decode(errors="replace")) <= MAX_COLUMNS


@lru_cache(1024)
def things_of(kind: str, text: bytes) -> tuple[bytes, ...]:
    """The texts of the items and comments that a piece of source text holds."""
    file = wrapped(text, kind)
    return tuple(box_of(file, file.root.named_children[0]).texts()) if file is not None else ()


def _place(box: Box, after: Node | None, before: Node | None) -> _Place:
    if after is not None and before is not None:
        raise BuildError(f"{where(box.file, box.node)}: insert after one item or before one, not both")
    if after is not None:
        comments = comments_of(box.file, after)
        last = (after, comments.trailing or after, *comments.continued)[-1]
        place = box.index(last)
        return _Place(place + 1, end_of(box.file, last), True, last != after and own_line(box, place))
    if before is not None:
        first = (*comments_of(box.file, before).leading, before)[0]
        return _Place(box.index(first), first.start_byte, False)
    count = len(box.things)
    data = box.file.source.data
    own = count > 0 and box.things[-1].type == "comment" and _is_own(box)
    return _Place(count, max(box.opens, skip_blank_back(data, box.closes)), True, own)


def _is_own(box: Box) -> bool:
    """Whether the last comment of a box stands on its own, not behind the last item."""
    items = box.items
    if items and box.things[-1] == comments_of(box.file, items[-1]).trailing:
        return False
    if not items and box.one_line:
        return True
    return own_line(box, len(box.things) - 1)


def _insert_flat(box: Box, kind: str, snippets: Sequence[Snippet], place: _Place) -> Edit:
    data = box.file.source.data
    texts = (render(snippet.text, kind, b"", b"  ", b"\n") for snippet in snippets)
    text = b" ".join(texts)
    if box.empty:
        pad = padding(box.file, box.node.type, filled=True)
        return Edit(span(box.file, box.opens, box.closes), pad + text + pad)
    offset = place.offset
    if place.behind:
        crowded = offset != box.closes and skip_blank(data, offset) == offset
        return Edit(span(box.file, offset, offset), b" " + text + (b" " if crowded else b""))
    crowded = offset != box.opens and skip_blank_back(data, offset) == offset
    return Edit(span(box.file, offset, offset), (b" " if crowded else b"") + text + b" ")


def _insert_lines(
    box: Box, snippets: Sequence[Snippet], texts: Sequence[bytes], place: _Place, indent: bytes
) -> Edit:
    source = box.file.source
    data, newline = source.data, source.newline
    base = source.indent(box.node.start_byte)
    if box.empty:
        text = _joined(snippets, texts, newline, False)
        return Edit(span(box.file, box.opens, box.closes), newline + text + newline + base)
    start = place.offset
    if place.behind:
        middle = _joined(snippets, texts, newline, place.offset != box.opens, own=place.own_comment)
        follows = skip_blank(data, start, b" \t\r")
        if data[follows : follows + 1] == b"\n":
            below = snippets[-1].blank_below and not _blank_or_close(box, follows + 1)
            text = middle + newline + (newline if below else b"")
            return Edit(span(box.file, follows + 1, follows + 1), text)
        lead = base if follows == box.closes else indent
        return Edit(span(box.file, start, follows), newline + middle + newline + lead)
    if source.starts_line(start):
        line = source.line_start(start)
        previous = skip_blank_back(data, line)
        above = previous != box.opens and data.count(b"\n", previous, line) == 1
        text = _joined(snippets, texts, newline, above) + newline
        text += newline if snippets[-1].blank_below else b""
        return Edit(span(box.file, line, line), text)
    previous = skip_blank_back(data, start)
    text = _joined(snippets, texts, newline, previous != box.opens) + newline
    text += newline if snippets[-1].blank_below else b""
    return Edit(span(box.file, previous, start), newline + text + indent)


def _break_lines(
    box: Box, snippets: Sequence[Snippet], texts: Sequence[bytes], place: _Place, indent: bytes
) -> list[Edit]:
    """The edits between the things of a box that is one line: each goes on a line of its own.

    Comments stay behind their item, and the new ones go between two things.
    """
    source = box.file.source
    data, newline = source.data, source.newline
    new = newline + _joined(snippets, texts, newline, place.index > 0, own=place.own_comment)
    edits: list[Edit] = []
    end = box.opens
    for index, thing in enumerate((*box.things, None)):
        start = box.closes if thing is None else thing.start_byte
        if data[end:start].strip():
            raise BuildError(
                f"{where(box.file, box.node)}: something that the grammar does not know stands here"
            )
        gap = new if index == place.index else b""
        if thing is None:
            gap += newline + source.indent(box.node.start_byte)
        elif not gap and index and comments_of(box.file, box.things[index - 1]).trailing == thing:
            gap = b" "
        else:
            gap += newline + indent
        edits.append(Edit(span(box.file, end, start), gap))
        end = start if thing is None else end_of(box.file, thing)
    return edits


def _joined(
    snippets: Sequence[Snippet], texts: Sequence[bytes], newline: bytes, above: bool, *, own: bool = False
) -> bytes:
    """The blocks with the blank lines between them; `above` says whether one may go above the first."""
    out = newline if above and (snippets[0].blank or own) else b""
    out += texts[0]
    for previous, snippet, text in zip(snippets, snippets[1:], texts[1:], strict=False):
        out += newline * (2 if snippet.blank or previous.blank_below else 1) + text
    return out


def _blank_or_close(box: Box, line: int) -> bool:
    """Whether the line at an offset is blank or begins with the closing bracket."""
    data = box.file.source.data
    stop = skip_blank(data, line, b" \t\r")
    return stop == box.closes or data[stop : stop + 1] == b"\n"


def _reach(box: Box, after: Node | None, before: Node | None) -> tuple[int, int] | None:
    """What decides how lines are put in; None where that is more than what stands next to them."""
    near = after or before or (box.items[-1] if box.items else None)
    if near is None or not box.file.source.starts_line(near.start_byte):
        return None
    return reach_behind(box, near) if before is None else reach_before(box, near)


def _step(
    box: Box,
    kind: str,
    edits: Sequence[Edit],
    texts: Sequence[bytes],
    index: int,
    names: frozenset[bytes],
    reach: tuple[int, int] | None,
) -> Step:
    new = tuple(thing for text in texts for thing in things_of(kind, text))
    return Step(box.file, tuple(edits), box, place=index, new=new, names=names, reach=reach)
