"""Take items out of a box (set, list, `let`), whatever its layout is."""

from collections.abc import Sequence
from dataclasses import dataclass

from hwc_refactor.nix.build_box import (
    Box,
    BuildError,
    end_of,
    is_line_comment,
    prove,
    skip_blank,
    skip_blank_back,
    span,
    where,
)
from hwc_refactor.nix.build_text import padding
from hwc_refactor.nix.comments import comments_inside, comments_of
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.syntax import Node, text_of


@dataclass(frozen=True, slots=True)
class Built:
    """What a removal does.

    Attributes:
        edits: the edits, none of which touch each other.
        dropped: the texts of the comments that go with what is removed, in the order of the text.
    """

    edits: tuple[Edit, ...]
    dropped: tuple[str, ...] = ()


def remove(box: Box, nodes: Sequence[Node], *, with_comments: bool = True) -> Built:
    """The edits that take items out of a box.

    Raises:
        BuildError: when a node is no item of the box, or the result does not hold.
    """
    gone: set[int] = set()
    dropped: list[Node] = []
    for node in nodes:
        gone.add(box.index(node))
        own = comments_of(box.file, node).all if with_comments else ()
        gone.update(box.index(comment) for comment in own)
        dropped += (*own, *comments_inside(box.file, node))
    if not gone:
        raise BuildError(f"{where(box.file, box.node)}: nothing to remove")
    edits = _removals(box, gone)
    prove(box, edits, [text for index, text in enumerate(box.texts()) if index not in gone])
    texts = (text_of(box.file, comment).strip() for comment in sorted(dropped, key=lambda c: c.start_byte))
    return Built(tuple(edits), tuple(texts))


def _removals(box: Box, gone: set[int]) -> list[Edit]:
    data = box.file.source.data
    left = bytearray(data[box.opens : box.closes])
    for index in gone:
        thing = box.things[index]
        begin, end = thing.start_byte - box.opens, thing.end_byte - box.opens
        left[begin:end] = b" " * (end - begin)
    if not left.strip():
        return [Edit(span(box.file, box.opens, box.closes), padding(box.file, box.node.type))]
    edits: list[Edit] = []
    for first, last in _runs(box, gone):
        start, end = _cut(box, first, last)
        edits.append(Edit(span(box.file, start, end), b""))
    return edits


def _runs(box: Box, gone: set[int]) -> list[tuple[int, int]]:
    """Neighbouring places among those to remove, as first and last."""
    data = box.file.source.data
    runs: list[tuple[int, int]] = []
    for index in sorted(gone):
        if runs and runs[-1][1] == index - 1:
            gap = data[box.things[index - 1].end_byte : box.things[index].start_byte]
            if not gap.strip():
                runs[-1] = (runs[-1][0], index)
                continue
        runs.append((index, index))
    return runs


def _cut(box: Box, first: int, last: int) -> tuple[int, int]:
    """The bytes that go with a run of things, so that the lines around it stay well laid out."""
    source = box.file.source
    data = source.data
    start, end = box.things[first].start_byte, end_of(box.file, box.things[last])
    previous, following = skip_blank_back(data, start), skip_blank(data, end)
    ends_line = b"\n" in data[end:following]
    if source.starts_line(start) and ends_line:
        line, below = source.line_start(start), source.line_end(end)
        blank_above = data.count(b"\n", previous, line) > 1
        if following == box.closes:
            return source.line_end(previous) if blank_above else line, below
        next_line = source.line_start(following)
        return line, next_line if blank_above or previous == box.opens else below
    if ends_line:
        return previous, end
    after_line_comment = first > 0 and is_line_comment(box.file, box.things[first - 1])
    if following == box.closes and not after_line_comment:
        return previous, end
    return start, following
