"""What differs between two texts: the lines that one has and the other has not.

A line ends at LF and nowhere else; every other byte is content.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from msgspec import Struct

#: How many lines together may serve as an anchor, tried in this order.
_WIDTHS = (1, 4, 16)
#: Above this number of equal line pairs a stretch without anchors is replaced as one block.
_PAIR_LIMIT = 250_000


class Region(Struct, frozen=True, order=True):
    """Lines `old_start` to `old_end` are replaced by `new_start` to `new_end`; half-open, from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def regions(old: bytes, new: bytes) -> list[tuple[int, int, bytes]]:
    """The stretches of whole lines which differ: start and end in `old`, and what `new` has there."""
    before, after = split_lines(old), split_lines(new)
    starts = [0, *accumulate(len(line) for line in before)]
    return [
        (starts[r.old_start], starts[r.old_end], b"".join(after[r.new_start : r.new_end]))
        for r in differing(before, after)
    ]


def split_lines(data: bytes) -> list[bytes]:
    """The lines with their LF; the last one has none when the data does not end in LF."""
    *lines, rest = data.split(b"\n")
    ended = [line + b"\n" for line in lines]
    return [*ended, rest] if rest else ended


def differing(old: Sequence[bytes], new: Sequence[bytes]) -> list[Region]:
    """The differing regions in order; all lines outside of them are equal.

    Lines which are unique on both sides anchor the comparison; only what lies between two anchors, and
    has none itself, goes to difflib, whose time grows with the square of its input.
    """
    found: list[Region] = []
    pending = [Region(0, len(old), 0, len(new))]
    while pending:
        region = _trimmed(old, new, pending.pop())
        if region.old_start == region.old_end or region.new_start == region.new_end:
            if region.old_end - region.old_start or region.new_end - region.new_start:
                found.append(region)
            continue
        anchors = _anchors(old, new, region)
        if not anchors:
            found += _compared(old, new, region)
            continue
        edges = [(region.old_start - 1, region.new_start - 1), *anchors, (region.old_end, region.new_end)]
        pending += [Region(a[0] + 1, b[0], a[1] + 1, b[1]) for a, b in pairwise(edges)]
    return sorted(found)


def _trimmed(old: Sequence[bytes], new: Sequence[bytes], region: Region) -> Region:
    """The region without the equal lines at its start and its end."""
    old_start, old_end = region.old_start, region.old_end
    new_start, new_end = region.new_start, region.new_end
    while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
        old_start, new_start = old_start + 1, new_start + 1
    while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    return Region(old_start, old_end, new_start, new_end)


def _anchors(old: Sequence[bytes], new: Sequence[bytes], region: Region) -> list[tuple[int, int]]:
    """Pairs of line numbers: the longest rising run of places which are unique on both sides.

    A place is a line; where no line is unique, it is a line together with those that follow it.
    """
    longest = min(region.old_end - region.old_start, region.new_end - region.new_start)
    for width in (width for width in _WIDTHS if width <= longest):
        old_places = _single(_windows(old[region.old_start : region.old_end], width), region.old_start)
        new_places = _single(_windows(new[region.new_start : region.new_end], width), region.new_start)
        pairs = [
            (place, new_places[key])
            for key, place in old_places.items()
            if place >= 0 and new_places.get(key, -1) >= 0
        ]
        if pairs:
            return _rising(pairs)
    return []


def _windows(lines: Sequence[bytes], width: int) -> Sequence[Hashable]:
    """Each line, together with those that follow it."""
    return lines if width == 1 else list(zip(*(lines[skip:] for skip in range(width)), strict=False))


def _single(keys: Sequence[Hashable], start: int) -> dict[Hashable, int]:
    """Where each of some things stands, counted from `start`; -1 for what is there more than once."""
    found: dict[Hashable, int] = {}
    for number, key in enumerate(keys, start):
        found[key] = -1 if key in found else number
    return found


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs whose second numbers rise; the first numbers rise already."""
    ends: list[int] = []  # smallest new line number which ends a run of each length
    owners: list[int] = []  # index of the pair which stands at that end
    previous: list[int] = []
    for index, (_, number) in enumerate(pairs):
        length = bisect_left(ends, number)
        previous.append(owners[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        owners[length : length + 1] = [index]
    run: list[tuple[int, int]] = []
    index = owners[-1] if owners else -1
    while index >= 0:
        run.append(pairs[index])
        index = previous[index]
    return run[::-1]


def _compared(old: Sequence[bytes], new: Sequence[bytes], region: Region) -> list[Region]:
    """The differing regions by difflib; the whole region where that would take too long."""
    old_lines = old[region.old_start : region.old_end]
    new_lines = new[region.new_start : region.new_end]
    new_count = Counter(new_lines)
    equal_pairs = sum(new_count[line] for line in old_lines)
    if not equal_pairs or equal_pairs > _PAIR_LIMIT:
        return [region]
    matcher = SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    a, b = region.old_start, region.new_start
    return [
        Region(a + old_start, a + old_end, b + new_start, b + new_end)
        for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]


class OriginalLines:
    """The way from the lines of a later text back to those of the original."""

    def __init__(self, original: bytes, later: bytes) -> None:
        """Compare the two texts."""
        self._regions = differing(split_lines(original), split_lines(later))
        self._starts = [region.new_start for region in self._regions]
        self._last = original.count(b"\n") + 1

    def __getitem__(self, line: int) -> int:
        """The line of the original that a line of the later text is, from 1; for a new line, where it came in."""
        number = bisect_right(self._starts, line - 1) - 1
        if number < 0:
            return line
        region = self._regions[number]
        if line <= region.new_end:
            return region.old_start + 1
        return min(line - region.new_end + region.old_end, self._last)
