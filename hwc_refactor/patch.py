"""Unified diffs over bytes, in the form which `git apply` reads.

A line ends at LF and nowhere else; every other byte, also CR and NUL, is content.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

#: How many lines together may serve as an anchor, tried in this order.
_WIDTHS = (1, 4, 16)
#: Above this number of equal line pairs a stretch without anchors is replaced as one block.
_PAIR_LIMIT = 250_000

_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_GIT_HEADERS = (b"diff --git ", b"new file mode ", b"deleted file mode ")
_ESCAPES = {byte: b"\\%c" % letter for byte, letter in zip(b'\a\b\t\n\v\f\r"\\', b'abtnvfr"\\', strict=True)}


class PatchError(ValueError):
    """A patch does not agree with itself."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """The bytes of one file before and after.

    Attributes:
        path: posix path relative to the root; undecodable bytes as surrogate escapes.
        before: the old bytes; None when the file is new.
        after: the new bytes; None when the file is removed.
        mode: git file mode, for new and removed files only.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: int = 0o100644


@dataclass(frozen=True, slots=True, order=True)
class _Region:
    """Lines `old_start` to `old_end` are replaced by `new_start` to `new_end`; half-open, from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def patch(changes: Iterable[FileChange]) -> bytes:
    """The diffs of all changes, sorted by the bytes of their paths."""
    return b"".join(unified(change) for change in sorted(changes, key=lambda change: _raw(change.path)))


def unified(change: FileChange, context: int = 3) -> bytes:
    """The diff of one file with `context` lines around each edit; b"" when nothing changes."""
    if change.before == change.after:
        return b""
    old_name, new_name = _quoted("a/", change.path), _quoted("b/", change.path)
    head = [b"diff --git %s %s\n" % (old_name, new_name)]
    if change.before is None:
        head.append(b"new file mode %o\n" % change.mode)
    if change.after is None:
        head.append(b"deleted file mode %o\n" % change.mode)
    old, new = split_lines(change.before or b""), split_lines(change.after or b"")
    hunks = [_hunk(old, new, group, context) for group in _groups(_regions(old, new), context)]
    if hunks:
        head.append(b"--- %s\n" % (b"/dev/null" if change.before is None else _tabbed(old_name)))
        head.append(b"+++ %s\n" % (b"/dev/null" if change.after is None else _tabbed(new_name)))
    return b"".join(head + hunks)


def regions(old: bytes, new: bytes) -> list[tuple[int, int, bytes]]:
    """The stretches of whole lines which differ: start and end in `old`, and what `new` has there."""
    before, after = split_lines(old), split_lines(new)
    starts = [0, *accumulate(len(line) for line in before)]
    return [
        (starts[r.old_start], starts[r.old_end], b"".join(after[r.new_start : r.new_end]))
        for r in _regions(before, after)
    ]


def validate(patch: bytes) -> None:
    """Read a patch with unidiff, and check that its hunks hold the lines which they announce.

    Raises:
        PatchError: when counts do not agree, or lines belong to no hunk.
    """
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    if patch and not patch.endswith(b"\n"):
        raise PatchError("the patch ends within a line")
    # unidiff cannot split `diff --git` lines whose paths hold " b/"; the names in ---/+++ are enough.
    kept = [line for line in split_lines(patch) if not line.startswith(_GIT_HEADERS)]
    try:
        files = PatchSet([line.decode("latin-1") for line in kept])
    except UnidiffParseError as error:
        raise PatchError(str(error).strip()) from error
    read = sum(2 + sum(1 + len(hunk) for hunk in file) for file in files)
    if read != len(kept):
        raise PatchError(f"{abs(len(kept) - read)} lines of the patch belong to no hunk")


def split_lines(data: bytes) -> list[bytes]:
    """The lines with their LF; the last one has none when the data does not end in LF."""
    *lines, rest = data.split(b"\n")
    ended = [line + b"\n" for line in lines]
    return [*ended, rest] if rest else ended


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _quoted(prefix: str, path: str) -> bytes:
    """The name as git writes it: in quotes and escaped when it holds anything but printable ASCII."""
    raw = _raw(prefix + path)
    escaped = b"".join(
        _ESCAPES.get(byte) or (bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte) for byte in raw
    )
    return raw if escaped == raw else b'"%s"' % escaped


def _tabbed(name: bytes) -> bytes:
    """A name with a space gets a tab behind it, so that readers see where it ends."""
    return name + b"\t" if b" " in name else name


def _groups(regions: Sequence[_Region], context: int) -> Iterator[list[_Region]]:
    """Regions whose context lines would touch share a hunk."""
    group: list[_Region] = []
    for region in regions:
        if group and region.old_start - group[-1].old_end > 2 * context:
            yield group
            group = []
        group.append(region)
    if group:
        yield group


def _hunk(old: Sequence[bytes], new: Sequence[bytes], group: Sequence[_Region], context: int) -> bytes:
    first, last = group[0], group[-1]
    lead = min(context, first.old_start)
    trail = min(context, len(old) - last.old_end)
    old_start, old_end = first.old_start - lead, last.old_end + trail
    new_start, new_end = first.new_start - lead, last.new_end + trail
    pieces = [b"@@ -%s +%s @@\n" % (_extent(old_start, old_end), _extent(new_start, new_end))]
    position = old_start
    for region in group:
        pieces += _marked(b" ", old[position : region.old_start])
        pieces += _marked(b"-", old[region.old_start : region.old_end])
        pieces += _marked(b"+", new[region.new_start : region.new_end])
        position = region.old_end
    pieces += _marked(b" ", old[position:old_end])
    return b"".join(pieces)


def _extent(start: int, end: int) -> bytes:
    """Line number and count of a hunk header; an empty extent names the line before it."""
    count = end - start
    if count == 1:
        return b"%d" % (start + 1)
    return b"%d,%d" % (start + 1 if count else start, count)


def _marked(mark: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    return (mark + (line if line.endswith(b"\n") else line + _NO_NEWLINE) for line in lines)


def _regions(old: Sequence[bytes], new: Sequence[bytes]) -> list[_Region]:
    """The differing regions in order; all lines outside of them are equal.

    Lines which are unique on both sides anchor the comparison; only what lies between two anchors, and
    has none itself, goes to difflib, whose time grows with the square of its input.
    """
    found: list[_Region] = []
    pending = [_Region(0, len(old), 0, len(new))]
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
        pending += [_Region(a[0] + 1, b[0], a[1] + 1, b[1]) for a, b in pairwise(edges)]
    return sorted(found)


def _trimmed(old: Sequence[bytes], new: Sequence[bytes], region: _Region) -> _Region:
    """The region without the equal lines at its start and its end."""
    old_start, old_end = region.old_start, region.old_end
    new_start, new_end = region.new_start, region.new_end
    while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
        old_start, new_start = old_start + 1, new_start + 1
    while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    return _Region(old_start, old_end, new_start, new_end)


def _anchors(old: Sequence[bytes], new: Sequence[bytes], region: _Region) -> list[tuple[int, int]]:
    """Pairs of line numbers: the longest rising run of places which are unique on both sides.

    A place is a line; where no line is unique, it is a line together with those that follow it.
    """
    for width in _WIDTHS:
        old_keys = _windows(old[region.old_start : region.old_end], width)
        new_keys = _windows(new[region.new_start : region.new_end], width)
        old_count, new_count = Counter(old_keys), Counter(new_keys)
        place = {key: number for number, key in enumerate(new_keys, region.new_start) if new_count[key] == 1}
        pairs = [
            (number, place[key])
            for number, key in enumerate(old_keys, region.old_start)
            if old_count[key] == 1 and key in place
        ]
        if pairs:
            return _rising(pairs)
    return []


def _windows(lines: Sequence[bytes], width: int) -> list[tuple[bytes, ...]]:
    return list(zip(*(lines[skip:] for skip in range(width)), strict=False))


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


def _compared(old: Sequence[bytes], new: Sequence[bytes], region: _Region) -> list[_Region]:
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
        _Region(a + old_start, a + old_end, b + new_start, b + new_end)
        for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]
