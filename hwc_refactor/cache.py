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
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

__all__ = ["Cache", "Glance", "content", "glance", "locate", "tool"]

_MAGIC = b"hwc-refactor cache 1\n"
_DIGEST = 32
_SETTLED = 2_000_000_000
"""Nanoseconds after which a file system that stamps coarsely shows every further change of a file."""
MAX_ENTRIES = 100
MAX_BYTES = 64 * 1024 * 1024
"""So much is kept at most; what was not asked for longest goes first."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the file system says of a number of files, without a look into them.

    Attributes:
        digest: of their paths, sizes, times and numbers.
        settled: whether all of them were left alone for long enough that the next change will show.
    """

    digest: bytes
    settled: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    glance: bytes
    content: bytes
    value: bytes


class Cache:
    """The entries in one folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when the first entry is written."""
        self._folder = folder

    def at_a_glance(self, question: Sequence[str], seen: Glance) -> bytes | None:
        """The answer that is kept, when the file system says that the files are those of then."""
        path = self._path(question)
        entry = _load(path)
        if entry is None or entry.glance != seen.digest:
            return None
        with suppress(OSError):
            os.utime(path)
        return entry.value

    def by_content(self, question: Sequence[str], seen: Glance, contents: bytes) -> bytes | None:
        """The answer that is kept, when the files hold what they held then."""
        entry = _load(self._path(question))
        if entry is None or entry.content != contents:
            return None
        self.keep(question, seen, contents, entry.value)
        return entry.value

    def keep(self, question: Sequence[str], seen: Glance, contents: bytes, value: bytes) -> None:
        """Keep an answer.

        Args:
            question: what was asked.
            seen: the files as they were before they were read.
            contents: the digest of what was read.
            value: the answer.
        """
        path = self._path(question)
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _private(self._folder.lstat(), stat.S_ISDIR):
                return
            trusted = seen.digest if seen.settled else bytes(_DIGEST)
            body = trusted + contents + value
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


def glance(root: Path, paths: Iterable[str], *, now: int | None = None) -> Glance:
    """Look at files from outside.

    Args:
        root: where the paths begin.
        paths: relative to the root.
        now: nanoseconds since the epoch; by default the clock's.
    """
    limit = (time.time_ns() if now is None else now) - _SETTLED
    settled, rows, prefix = True, [], f"{root}/"
    for path in paths:
        try:
            status = os.stat(prefix + path, follow_symlinks=False)
        except OSError:
            rows.append(f"{path}\0gone")
            continue
        rows.append(
            f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0{status.st_ino}"
            f"\0{status.st_mode}"
        )
        settled = settled and max(status.st_ctime_ns, status.st_mtime_ns) < limit
    return Glance(_digest(["\0\0".join(rows).encode(errors="surrogateescape")]), settled)


def content(texts: Mapping[str, bytes]) -> bytes:
    """The digest of files: of their paths and everything in them."""
    return _digest(part for path, text in texts.items() for part in (os.fsencode(path), text))


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


def _load(path: Path) -> _Entry | None:
    """An entry; None for one that is not there, not ours, or not whole."""
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
    if data[:head] != _MAGIC + _digest([body]) or len(body) < 2 * _DIGEST:
        return None
    return _Entry(body[:_DIGEST], body[_DIGEST : 2 * _DIGEST], body[2 * _DIGEST :])


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
