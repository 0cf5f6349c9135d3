"""Where a stretch of a later text stands in the original: changes are made one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hwc_refactor.nix.differences import regions
from hwc_refactor.nix.edits import Edit, Span


def original_stretch(original: bytes, later: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The stretch of the original that a stretch of a later text is; None where lines of it are new."""
    if original == later:
        return start, end
    shift = 0
    for old_start, old_end, text in regions(original, later):
        new_start = old_start + shift
        new_end = new_start + len(text)
        if new_start >= end and not (new_start == start == end):
            break
        if new_end > start or (new_end == start == end):
            return None
        shift += len(text) - (old_end - old_start)
    return start - shift, end - shift


def original_edits(
    original: bytes | None, before: bytes | None, after: bytes, path: str
) -> tuple[Edit, ...] | None:
    """What a change does to a file, as edits of the original; None where it builds on an earlier change."""
    if original is None or before is None:
        return None
    return _all(_edits(original, before, after, path))


def _edits(original: bytes, before: bytes, after: bytes, path: str) -> Iterator[Edit | None]:
    for start, end, text in regions(before, after):
        stretch = original_stretch(original, before, start, end)
        yield None if stretch is None else Edit(Span(path, *stretch), text)


def _all(edits: Iterable[Edit | None]) -> tuple[Edit, ...] | None:
    found = tuple(edits)
    return None if None in found else tuple(edit for edit in found if edit is not None)


def column_of(data: bytes, line: int) -> int:
    """The column, from 1, at which a line begins behind its blanks."""
    text = next(iter(data.split(b"\n")[line - 1 : line]), b"")
    return len(text) - len(text.lstrip()) + 1
