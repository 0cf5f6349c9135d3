"""What a run has worked out, kept for a next one on the same files: in the user's cache directory.

An entry belongs to a question: the root, the options, the tool itself. It answers as long as the files are
the same: at first glance by what the file system says of them, where that has moved by their contents. An
entry holds what a report shows, nothing else of the user's files. It is a convenience: whatever is
wrong with it or with its folder, the run goes on without.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

__all__ = ["Cache", "Entry", "Glance", "content", "glance", "locate", "tool"]

_MAGIC = b"hwc-refactor cache 1\n"
_DIGEST = 32
_SETTLED = 2_000_000_000
"""Nanoseconds after which a file system that stamps coarsely shows every further change of a file."""
MAX_ENTRIES = 100
MAX_BYTES = 64 * 1024 * 1024
"""So much is kept at most; what was not asked for longest goes first."""


class Glance(Struct, frozen=True):
    """What the file system says of a number of files, without a look into them.

    Attributes:
        digest: of their paths, sizes, times and numbers.
        settled: whether all of them had been left alone for some time before they were read; only then
            each change since then shows.
    """

    digest: bytes
    settled: bool


class Entry(Struct, frozen=True):
    """A kept answer.

    Attributes:
        others: the files it depends on beside those that are listed; some may not have been there.
        glance: the digest of a glance at all of them, empty where it could not be trusted.
        content: the digest of what they held.
        value: the answer.
    """

    others: tuple[str, ...]
    glance: bytes
    content: bytes
    value: bytes


class Cache:
    """The entries in one folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when the first entry is written."""
        self._folder = folder

    def find(self, question: Sequence[str]) -> Entry | None:
        """The entry of a question; None where there is none, or one that is not ours, or not whole."""
        path = self._path(question)
        entry = _load(path)
        if entry is not None:
            with suppress(OSError):
                os.utime(path)
        return entry

    def keep(self, question: Sequence[str], entry: Entry) -> None:
        """Keep an answer to a question, in place of an earlier one."""
        path = self._path(question)
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _private(self._folder.lstat(), stat.S_ISDIR):
                return
            body = _pack(entry)
            fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
            try:
                handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + _digest([body]) + body)
                fresh.rename(path)
            except OSError:
                fresh.unlink(missing_ok=True)
            self._prune()

    def _path(self, question: Sequence[str]) -> Path:
        asked = _digest(part.encode(errors="surrogateescape") for part in question)
        return self._folder / asked.hex()

    def _prune(self) -> None:
        """Drop the entries that were not asked for longest, and what a killed run left."""
        with os.scandir(self._folder) as found:
            entries = sorted(((e.stat(follow_symlinks=False), e.path) for e in found), key=_age, reverse=True)
        kept = total = 0
        for status, path in entries:
            kept, total = kept + 1, total + status.st_size
            left_over = path.endswith(".new") and status.st_mtime < time.time() - 3600
            if kept > MAX_ENTRIES or total > MAX_BYTES or left_over:
                with suppress(OSError):
                    os.unlink(path)


def locate(root: Path) -> Cache | None:
    """The cache of this user; None where there is no place for one outside of the root."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
        folder = home.resolve() / "hwc-refactor"
    except (OSError, RuntimeError):
        return None
    return None if folder.is_relative_to(root.resolve()) else Cache(folder)


def glance(root: Path, paths: Iterable[str], began: int) -> Glance:
    """Look at files from outside.

    Args:
        root: where the paths begin.
        paths: relative to the root.
        began: when the first of them was read, in nanoseconds since the epoch.
    """
    limit = began - _SETTLED
    settled, rows, prefix = True, [], f"{root}/"
    for path in paths:
        try:
            status = os.stat(prefix + path)
        except OSError:
            rows.append(f"{path}\0gone")
            continue
        rows.append(
            f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0{status.st_ino}"
            f"\0{status.st_mode}"
        )
        settled = settled and max(status.st_ctime_ns, status.st_mtime_ns) < limit
    return Glance(_digest(["\0\0".join(rows).encode(errors="surrogateescape")]), settled)


def content(texts: Mapping[str, bytes], others: Mapping[str, bytes | None]) -> bytes:
    """The digest of files: of their paths and everything in them; None for one that is not there."""
    found = [(path, text) for part in (texts, others) for path, text in part.items() if text is not None]
    return _digest(part for path, text in found for part in (os.fsencode(path), text))


def tool(folders: Iterable[Path]) -> str:
    """What tells this very program from others: the interpreter, and the files it is made of."""
    found = [sys.version]
    waiting = [str(folder) for folder in folders]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        waiting.append(entry.path)
                else:
                    status = entry.stat()
                    found.append(f"{entry.path} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(sorted(found))


def _load(path: Path) -> Entry | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not _private(os.fstat(handle), stat.S_ISREG):
                return None
            data = file.read()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST
    body = data[head:]
    return _unpack(body) if data[:head] == _MAGIC + _digest([body]) else None


def _pack(entry: Entry) -> bytes:
    others = b"\0".join(map(os.fsencode, entry.others))
    parts = (others, entry.glance, entry.content, entry.value)
    return b"".join((*(b"%d\n" % len(part) for part in parts), *parts))


def _unpack(body: bytes) -> Entry:
    *sizes, rest = body.split(b"\n", 4)
    parts: list[bytes] = []
    for size in map(int, sizes):
        parts.append(rest[:size])
        rest = rest[size:]
    others, seen, contents, value = parts
    names = tuple(os.fsdecode(name) for name in others.split(b"\0")) if others else ()
    return Entry(names, seen, contents, value)


def _private(status: os.stat_result, kind: object) -> bool:
    """Whether something is of the kind it should be, ours, and nobody else's to write or read."""
    assert callable(kind)
    return bool(kind(status.st_mode)) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _age(entry: tuple[os.stat_result, str]) -> float:
    return entry[0].st_mtime


def _digest(parts: Iterable[bytes]) -> bytes:
    """One digest over parts, whose lengths count."""
    found = sha256()
    for part in parts:
        found.update(b"%d\0" % len(part))
        found.update(part)
    return found.digest()
