"""A draft's own text of a file, and the way from the snapshot's nodes to it.

Operations are carried out one after another. Those that keep apart wait for each other: they are built on the
same text, and what they give together is parsed and proved once, when somebody looks at it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from hwc_refactor.nix import build
from hwc_refactor.nix.edited import edited, edited_once
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.strings import MappedText
from hwc_refactor.nix.syntax import Node, ParsedFile

Find = Callable[[Node], Node]
"""Gives a node of the snapshot as it is in the text that a step is built on."""
Make = Callable[[ParsedFile, Find], build.Step]
"""Builds a step on a text."""

_HOLE = re.compile(rb"__nix\d+__")


class WorkingCopy:
    """The text of one file as a draft has it."""

    def __init__(self, file: ParsedFile, upon: Sequence[Edit] = ()) -> None:
        """Begin with a file of the snapshot, and with edits that were made before."""
        self.original = file
        self._proved = file
        self._log: list[_Shift] = []
        self._waiting: list[build.Step] = []
        self._makes: list[Make] = []  # what the waiting steps were made by, in the order they were asked for
        if upon:
            self._proved = edited_once(file, upon)
            self._log.append(_Shift(_ordered(upon)))
        self._begun = self._proved.source.data

    @property
    def changed(self) -> bool:
        """Whether anything differs from what it began with."""
        return self.current.source.data != self._begun

    @property
    def current(self) -> ParsedFile:
        """The file by now."""
        self._settle()
        return self._proved

    def _settle(self) -> None:
        """Carry out the steps that wait; one by one where they do not give together what each of them gives."""
        steps, makes = self._waiting, self._makes
        if not steps:
            return
        self._waiting, self._makes = [], []
        try:
            proved = build.prove(self._proved, steps)
        except build.BuildError:
            for make in makes:
                self.apply(build.proved(make(self._proved, self._node)).edits)
            return
        self._proved = proved
        self._log.append(_Shift(_ordered(edit for step in steps for edit in step.edits)))

    def take(self, make: Make) -> build.Step:
        """Take a step.

        Args:
            make: builds it on a text, with the nodes of the snapshot as they are there.

        Returns:
            The step; what it says of dropped comments holds.
        """
        if self._waiting:
            step = self._built_beside(make)
            if step is not None:
                return step
        file = self.current
        step = make(file, self._node)
        if not step.edits:
            return step
        if step.reach is None or file.tree is None:
            self.apply(build.proved(step).edits)
        else:
            self._waiting, self._makes = [step], [make]
        return step

    def _built_beside(self, make: Make) -> build.Step | None:
        """A step built on the text that others wait on; None where it has to see what they give."""
        try:
            step = make(self._proved, self._node)
        except build.BuildError:
            return None
        if not step.edits:
            return step
        met = [other for other in self._waiting if step.meets(other)]
        if not met:
            self._waiting.append(step)
            self._makes.append(make)
            return step
        joined = build.remove_after(met[0], step) if len(met) == 1 else None
        others = [other for other in self._waiting if other is not met[0]]
        if joined is None or any(joined.meets(other) for other in others):
            return None
        self._waiting = [*others, joined]
        self._makes.append(make)
        return step

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make edits, given in the offsets of the file by now."""
        ordered = _ordered(edits)
        if ordered:
            self._proved = edited(self.current, ordered)
            self._log.append(_Shift(ordered))

    def change(self, start: int, end: int, text: bytes) -> None:
        """Replace a range of the file by now. Raises BuildError where it is no Nix any more."""
        edit = Edit(Span(self.original.source.path, start, end), text)
        build.check(self.current, (edit,))
        self.apply((edit,))

    def node(self, node: Node) -> Node:
        """A node of the snapshot in the file by now."""
        self._settle()
        return self._node(node)

    def _node(self, node: Node) -> Node:
        """A node of the snapshot in the text that steps are built on."""
        if not self._log:
            return node
        start, end = self._offsets(node.start_byte, node.end_byte)
        found = self._proved.root.descendant_for_byte_range(start, end)
        while found is not None and (found.start_byte, found.end_byte) == (start, end):
            if found.type == node.type:
                return found
            found = found.parent
        raise build.BuildError(f"{self.original.source.path}: a {node.type} is no longer where it was")

    def text_range(
        self, old: MappedText, new: MappedText, base: int, start: int, end: int
    ) -> tuple[int, int]:
        """Where a range of a string's text is by now, when the string was edited before.

        Args:
            old: the text of the whole string as the snapshot has it.
            new: the same as it is now.
            base: where the ranges count from in the old text.
            start, end: the range.
        """
        start, end = start + base, end + base
        place = old.to_file(start, end)
        if old.data == new.data or place is None:
            return start, end
        first, last = self._offsets(*place)
        begin = new.from_file(first)
        finish = new.from_file(last) if start < end else begin
        if _HOLE.sub(b"", old.data[start:end]) != _HOLE.sub(b"", new.data[begin:finish]):
            raise build.BuildError(f"{self.original.source.path}: a text is no longer where it was")
        return begin, finish

    def _offsets(self, start: int, end: int) -> tuple[int, int]:
        """Where a range of the snapshot's text is by now."""
        for shift in self._log:
            start, end = shift.opening(start), shift.closing(end)
        return start, end


def _ordered(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    return tuple(sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)))


class _Shift:
    """Where edits of a text move what they leave alone."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        """Take edits from the first to the last."""
        self._edits = edits
        self._ends = [edit.span.end for edit in edits]
        grown = (len(edit.text) - (edit.span.end - edit.span.start) for edit in edits)
        self._moves = list(accumulate(grown, initial=0))

    def opening(self, offset: int) -> int:
        """Where something begins by now: behind what was put in at its beginning."""
        return offset + self._moves[bisect_right(self._ends, offset)]

    def closing(self, offset: int) -> int:
        """Where something ends by now: before what was put in at its end."""
        place = bisect_left(self._ends, offset)
        while (
            place < len(self._ends) and self._ends[place] == offset and self._edits[place].span.start < offset
        ):
            place += 1
        return offset + self._moves[place]
