"""Unified diffs over bytes, in the form which `git apply` reads.

A line ends at LF and nowhere else; every other byte, also CR and NUL, is content.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from hwc_refactor.nix.differences import Region, differing, split_lines

_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_GIT_HEADERS = (b"diff --git ", b"new file mode ", b"deleted file mode ")
_ESCAPES = {byte: b"\\%c" % letter for byte, letter in zip(b'\a\b\t\n\v\f\r"\\', b'abtnvfr"\\', strict=True)}


class PatchError(ValueError):
    """A patch does not agree with itself."""


class FileChange(Struct, frozen=True):
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


def file_changes(before: Mapping[str, bytes | None], after: Mapping[str, bytes]) -> list[FileChange]:
    """What texts become, sorted by path; a file that was not there is None before."""
    return [FileChange(path, before[path], after[path]) for path in sorted(after)]


def patch(changes: Iterable[FileChange]) -> bytes:
    """The diffs of all changes, sorted by the bytes of their paths."""
    return b"".join(unified(change) for change in sorted(changes, key=lambda change: _raw(change.path)))


@lru_cache(1024)  # a file is shown, counted and checked
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
    hunks = [_hunk(old, new, group, context) for group in _groups(differing(old, new), context)]
    if hunks:
        head.append(b"--- %s\n" % (b"/dev/null" if change.before is None else _tabbed(old_name)))
        head.append(b"+++ %s\n" % (b"/dev/null" if change.after is None else _tabbed(new_name)))
    return b"".join(head + hunks)


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


def _groups(regions: Sequence[Region], context: int) -> Iterator[list[Region]]:
    """Regions whose context lines would touch share a hunk."""
    group: list[Region] = []
    for region in regions:
        if group and region.old_start - group[-1].old_end > 2 * context:
            yield group
            group = []
        group.append(region)
    if group:
        yield group


def _hunk(old: Sequence[bytes], new: Sequence[bytes], group: Sequence[Region], context: int) -> bytes:
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
