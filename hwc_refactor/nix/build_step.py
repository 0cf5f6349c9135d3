"""What an operation does to a box, built and not yet proved; steps that keep apart are proved together.

A step is built from a stretch of the text, its reach. Where the reaches of two steps do not meet, either of
them is built the same before and after the other, so both can be built on one text and parsed at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.build_box import Box, BuildError, box_of, check, node_at, span, where
from hwc_refactor.nix.edits import Edit, apply_edits, shift
from hwc_refactor.nix.syntax import Node, ParsedFile


class Step(Struct, frozen=True, eq=False):
    """An operation.

    Attributes:
        file: the file that it is built on.
        edits: what it does to its bytes; none of them touch each other.
        box: what it takes things from and puts things into; None where nothing is said of that.
        gone: the places of the things that go.
        place: the place of the thing before which new ones come, in the box as it was.
        new: the texts of the new things.
        names: the first names of the paths that new bindings define.
        dropped: the texts of the comments that go with what is removed, in the order of the text.
        alone: the items that go, where they go without comments beside them, line by line.
        reach: the range of bytes that decides what the edits are; None for one that is to be made by itself.
    """

    file: ParsedFile
    edits: tuple[Edit, ...]
    box: Box | None = None
    gone: frozenset[int] = frozenset()
    place: int = 0
    new: tuple[bytes, ...] = ()
    names: frozenset[bytes] = frozenset()
    dropped: tuple[str, ...] = ()
    alone: tuple[Node, ...] = ()
    reach: tuple[int, int] | None = None

    def meets(self, other: Step) -> bool:
        """Whether one of the two steps has to be built on what the other one gives."""
        if self.reach is None or other.reach is None:
            return True
        if self.reach[0] <= other.reach[1] and other.reach[0] <= self.reach[1]:
            return True
        return bool((self.names and self._defined_by(other)) or (other.names and other._defined_by(self)))

    def _defined_by(self, other: Step) -> bool:
        """Whether another step may define something that the new bindings define, or rename what does."""
        assert self.box is not None
        if other.box == self.box and self.names & other.names:
            return True
        box = self.box
        for edit in other.edits:
            if box.opens <= edit.span.start < box.closes:
                place = bisect_right(box.things, edit.span.start, key=lambda thing: thing.start_byte) - 1
                if place >= 0 and edit.span.start < box.things[place].end_byte:
                    path = box.things[place].child_by_field_name("attrpath")
                    if path is None or edit.span.start < path.end_byte:
                        return True
                    if box.file.text(path.children[0]).strip(b'"') in self.names:
                        return True
        return False


def proved(step: Step) -> Step:
    """A step, after the proof that it does what it says."""
    prove(step.file, [step])
    return step


def prove(file: ParsedFile, steps: Sequence[Step]) -> ParsedFile:
    """The file after some steps that keep apart, parsed.

    Raises:
        BuildError: when it is no Nix any more, or a box does not hold just what is expected.
    """
    edits = sorted((e for step in steps for e in step.edits), key=lambda e: (e.span.start, e.span.end))
    parsed = check(file, edits)
    boxes = {id(step.box): step.box for step in steps if step.box is not None}
    for box in boxes.values():
        node = node_at(parsed, shift(box.node.start_byte, edits), box.node.type)
        expected = _expected(box, [step for step in steps if step.box is box], edits)
        if node is None or box_of(parsed, node).texts() != expected:
            raise BuildError(f"{where(file, box.node)}: the edit does not give what was asked for")
    return parsed


def _expected(box: Box, steps: Sequence[Step], edits: Sequence[Edit]) -> list[bytes]:
    """The texts of the things of a box after steps on it, and edits within its things."""
    gone = frozenset[int]().union(*(step.gone for step in steps))
    new: dict[int, list[bytes]] = {}
    for step in sorted(
        steps, key=lambda step: step.place in step.gone
    ):  # what comes before a thing, what instead
        new.setdefault(step.place, []).extend(step.new)
    out: list[bytes] = []
    for place, text in enumerate(box.texts()):
        out += new.get(place, ())
        if place not in gone:
            out.append(_edited(box, place, text, edits))
    return [*out, *new.get(len(box.things), ())]


def _edited(box: Box, place: int, text: bytes, edits: Sequence[Edit]) -> bytes:
    """The text of a thing with the edits within it."""
    start = box.things[place].start_byte
    end = start + len(text)
    inside = [
        Edit(span(box.file, edit.span.start - start, edit.span.end - start), edit.text)
        for edit in edits
        if start <= edit.span.start
        and edit.span.end <= end
        and (edit.span.start < edit.span.end or start < edit.span.start < end)
    ]
    return apply_edits(text, inside) if inside else text


def replacement(file: ParsedFile, node: Node, text: str) -> Step:
    """The step that replaces the text of a node by anything that leaves the file whole, such as a comment."""
    end = node.end_byte - file.text(node).endswith(b"\r")  # a comment ends with its line
    edit = Edit(span(file, node.start_byte, end), text.encode())
    name = node.parent is not None and node.parent.type == "attrpath" and in_lines(file, [edit])
    return Step(file, (edit,), reach=(node.start_byte, end) if name else None)


# -- how far a step reaches ----------------------------------------------------------------------------


def reach_behind(box: Box, item: Node) -> tuple[int, int]:
    """What decides how something is put behind an item: what follows it, and the item where comments do."""
    place = box.index(item)
    after = _item_after(box, place)
    end = box.closes + 1 if after == len(box.things) else box.things[after].start_byte
    return item.end_byte if after == place + 1 else item.start_byte, end


def reach_before(box: Box, item: Node) -> tuple[int, int]:
    """What decides how something is put before an item: what comes before it."""
    place = box.index(item)
    before = _item_before(box, place)
    if before < 0:
        return box.opens, item.start_byte
    thing = box.things[before]
    return thing.end_byte if before == place - 1 else thing.start_byte, item.start_byte


def reach_of(box: Box, item: Node) -> tuple[int, int]:
    """What decides how an item is taken out, with its comments."""
    return reach_before(box, item)[0], reach_behind(box, item)[1]


def is_alone(box: Box, item: Node) -> bool:
    """Whether there is no comment beside an item."""
    place = box.index(item)
    return _item_before(box, place) == place - 1 and _item_after(box, place) == place + 1


def line_of(box: Box) -> tuple[int, int]:
    """The line of a box that is on one line."""
    source = box.file.source
    return source.line_start(box.opens), source.line_end(box.closes)


def by_lines(file: ParsedFile, edits: Sequence[Edit]) -> bool:
    """Whether edits put whole lines in or take whole lines out, so that all others stay as they are."""
    data = file.source.data
    return all(
        (edit.span.start == 0 or data[edit.span.start - 1] == 0x0A)
        and (edit.span.start == edit.span.end or data[edit.span.end - 1] == 0x0A)
        and (not edit.text or edit.text.endswith(b"\n"))
        for edit in edits
    )


def in_lines(file: ParsedFile, edits: Sequence[Edit]) -> bool:
    """Whether edits leave text on one line where there was such, and text over lines over lines."""
    data = file.source.data
    return all((b"\n" in data[e.span.start : e.span.end]) == (b"\n" in e.text) for e in edits)


def _item_before(box: Box, place: int) -> int:
    place -= 1
    while place >= 0 and box.things[place].type in ("comment", ","):
        place -= 1
    return place


def _item_after(box: Box, place: int) -> int:
    place += 1
    while place < len(box.things) and box.things[place].type in ("comment", ","):
        place += 1
    return place
