"""Take items out of a box (set, list, `let`), whatever its layout is."""

from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.build_box import (
    Box,
    BuildError,
    end_of,
    is_line_comment,
    skip_blank,
    skip_blank_back,
    span,
    where,
)
from hwc_refactor.nix.build_step import Step, by_lines, in_lines, is_alone, line_of, proved, reach_of
from hwc_refactor.nix.build_text import padding
from hwc_refactor.nix.comments import comments_about, comments_inside
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, text_of


class Built(Struct, frozen=True):
    """What a removal does.

    Attributes:
        edits: the edits, none of which touch each other.
        dropped: the texts of the comments that go with what is removed, in the order of the text.
    """

    edits: tuple[Edit, ...]
    dropped: tuple[str, ...] = ()


def built(step: Step) -> Built:
    """A removal, after the proof that it does what it says."""
    return Built(proved(step).edits, step.dropped)


def remove(box: Box, nodes: Sequence[Node], *, with_comments: bool = True) -> Step:
    """What takes items out of a box, not yet proved.

    Raises:
        BuildError: when a node is no item of the box.
    """
    gone: set[int] = set()
    dropped: list[Node] = []
    for node in nodes:
        gone.add(box.index(node))
        own = comments_about(box.file, node).all if with_comments else ()
        gone.update(box.index(comment) for comment in own)
        dropped += (*own, *comments_inside(box.file, node))
    if not gone:
        raise BuildError(f"{where(box.file, box.node)}: nothing to remove")
    edits = tuple(_removals(box, gone))
    texts = (text_of(box.file, comment).strip() for comment in sorted(dropped, key=lambda c: c.start_byte))
    reach: tuple[int, int] | None = None
    alone = False
    if box.one_line and in_lines(box.file, edits):
        reach = line_of(box)
    elif by_lines(box.file, edits):
        reaches = [reach_of(box, node) for node in nodes]
        reach = min(start for start, _ in reaches), max(end for _, end in reaches)
        alone = len(nodes) == 1 and is_alone(box, nodes[0])
    return Step(
        box.file,
        edits,
        box,
        frozenset(gone),
        dropped=tuple(texts),
        alone=tuple(nodes) if alone else (),
        reach=reach,
    )


def remove_after(earlier: Step, step: Step) -> Step | None:
    """Two removals as one, where both take out items of one box that have no comments beside them.

    What comes out is what the later one gives on the text that the earlier one left.
    """
    box = step.box
    if box is None or earlier.box is not box or not (earlier.alone and step.alone):
        return None
    nodes = (*earlier.alone, *step.alone)
    if len(nodes) >= len(box.things) or len(set(nodes)) < len(nodes):
        return None
    gone: list[tuple[int, int]] = []
    for node in nodes:
        left = Source(box.file.source.path, _without(box.file.source.data, gone))
        lost = sum(end - start for start, end in gone if end <= node.start_byte)
        closes = box.closes - sum(end - start for start, end in gone)
        start, end = _cut(left, node.start_byte - lost, end_of(box.file, node) - lost, box.opens, closes)
        if left.line_start(start) != start or left.data[end - 1 : end] != b"\n":
            return None
        gone = _with(gone, start, end)
    edits = tuple(Edit(span(box.file, start, end), b"") for start, end in gone)
    assert earlier.reach is not None
    assert step.reach is not None
    reach = min(earlier.reach[0], step.reach[0]), max(earlier.reach[1], step.reach[1])
    return Step(box.file, edits, box, earlier.gone | step.gone, alone=nodes, reach=reach)


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
        start, end = box.things[first].start_byte, end_of(box.file, box.things[last])
        below_comment = first > 0 and is_line_comment(box.file, box.things[first - 1])
        start, end = _cut(box.file.source, start, end, box.opens, box.closes, below_comment=below_comment)
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


def _cut(
    source: Source, start: int, end: int, opens: int, closes: int, *, below_comment: bool = False
) -> tuple[int, int]:
    """The bytes that go with a run of things, so that the lines around it stay well laid out.

    Args:
        source: the text.
        start, end: the run.
        opens, closes: what stands between the brackets around it.
        below_comment: whether a comment to the end of its line stands before it.
    """
    data = source.data
    previous, following = skip_blank_back(data, start), skip_blank(data, end)
    ends_line = b"\n" in data[end:following]
    if source.starts_line(start) and ends_line:
        line, below = source.line_start(start), source.line_end(end)
        blank_above = data.count(b"\n", previous, line) > 1
        if following == closes:
            return source.line_end(previous) if blank_above else line, below
        next_line = source.line_start(following)
        return line, next_line if blank_above or previous == opens else below
    if ends_line:
        return previous, end
    if following == closes and not below_comment:
        return previous, end
    return start, following


def _without(data: bytes, gone: Sequence[tuple[int, int]]) -> bytes:
    """The bytes without some ranges."""
    pieces: list[bytes] = []
    position = 0
    for start, end in gone:
        pieces.append(data[position:start])
        position = end
    return b"".join((*pieces, data[position:]))


def _with(gone: Sequence[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Ranges that are gone, and one more, given by its offsets in what they leave; those that touch are one."""
    lost = before = within = 0
    kept: list[tuple[int, int]] = []
    for old_start, old_end in gone:
        at, size = old_start - lost, old_end - old_start
        lost += size
        if start <= at <= end:
            within += size
        else:
            before += size if at < start else 0
            kept.append((old_start, old_end))
    return sorted([*kept, (start + before, end + before + within)])
