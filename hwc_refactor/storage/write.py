"""Writes a set of changed files under a root: all of them or none."""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.patch import FileChange
from hwc_refactor.storage import transaction
from hwc_refactor.storage.records import Record
from hwc_refactor.storage.state import Locked, StateError, WriteRefused, locate, session
from hwc_refactor.storage.transaction import Outcome as RecoverReport

__all__ = [
    "Locked",
    "RecoverReport",
    "StateError",
    "WriteRefused",
    "WriteReport",
    "check",
    "recover",
    "write",
]


class WriteReport(Struct, frozen=True):
    """What a write did.

    Attributes:
        written: paths relative to the root which have their new contents.
        left: paths which somebody else changed in the last moment, and which were left alone.
        recovered: what an earlier run had left unfinished, None when there was nothing.
    """

    written: tuple[str, ...]
    left: tuple[str, ...]
    recovered: RecoverReport | None


def no_fault(step: str) -> None:
    """The default for `fault`: let every step happen."""


def write(
    root: Path,
    changes: Sequence[FileChange],
    *,
    description: str,
    fault: Callable[[str], None] = no_fault,
) -> WriteReport:
    """Make all changes or none, and keep a record for `undo`.

    Existing files keep their mode, new ones get theirs less the umask. An unfinished earlier run is
    finished or taken back first. `fault` is told the name of each step before it is done.

    Raises:
        WriteRefused: when a file is not as `before` says, or cannot be written safely.
        Locked: when another run works on the same root.
        StateError: when the state folder cannot be used.
        OSError: when a file cannot be written; all files are old then.
    """
    with session(root) as state:
        recovered = transaction.settle(state, fault)
        wanted = [change for change in changes if change.before != change.after]
        wanted.sort(key=lambda change: change.path)
        targets = check(state.root, wanted)
        if not wanted:
            return WriteReport((), (), recovered)
        on_disk = tuple(
            replace(change, mode=_permissions(change, target))
            for change, target in zip(wanted, targets, strict=True)
        )
        record = Record(description, datetime.now(UTC).isoformat(timespec="seconds"), on_disk)
        outcome = transaction.apply(state, record, targets, fault)
        written = tuple(path for path in outcome.paths if path not in outcome.left)
        return WriteReport(written, outcome.left, recovered)


def recover(root: Path, *, fault: Callable[[str], None] = no_fault) -> RecoverReport | None:
    """Finish or take back what a crashed run left; None when there is nothing.

    Raises:
        Locked: when another run works on the same root.
        StateError: when the state folder cannot be used.
        OSError: when a file can neither be written nor be put back.
    """
    if not locate(root).folder.exists():
        return None
    with session(root) as state:
        return transaction.settle(state, fault)


def check(root: Path, changes: Iterable[FileChange]) -> tuple[Path, ...]:
    """The absolute file behind each path, with links resolved; `root` has its own links resolved.

    Raises:
        WriteRefused: for the first change which cannot be made safely.
    """
    targets: dict[Path, str] = {}
    for change in changes:
        target = _target(root, change)
        if target in targets:
            raise WriteRefused(change.path, f"is the same file as {targets[target]}")
        targets[target] = change.path
    for target, path in targets.items():
        for parent in target.parents:
            if parent in targets:
                raise WriteRefused(path, f"cannot lie inside of {targets[parent]}, which is a file")
    return tuple(targets)


def _target(root: Path, change: FileChange) -> Path:
    """The file to write for one change, an absolute path without symbolic links.

    Raises:
        WriteRefused: when it lies outside of the root, or is not as `before` says.
    """

    def refuse(reason: str, cause: Exception | None = None) -> NoReturn:
        raise WriteRefused(change.path, reason) from cause

    if change.path.startswith("/"):
        refuse("is not relative to the root")
    if any(part in ("", ".", "..") for part in change.path.split("/")):
        refuse("is not a plain path below the root")
    named = root / change.path
    try:
        target = named.resolve()
        status = _status(target)
    except (OSError, RuntimeError, ValueError) as error:
        refuse(f"cannot be found: {error}", error)
    if not target.is_relative_to(root) or target == root:
        refuse("leads outside of the root through a symbolic link")
    if change.before is None:
        if status is not None or os.path.lexists(named):
            refuse("is to be a new file, but exists already")
        return target
    if status is None:
        refuse("was removed since it was read")
    if not stat.S_ISREG(status.st_mode):
        refuse("is not a regular file")
    if change.after is None and named.is_symlink():
        refuse("is a symbolic link, and only its target could be removed")
    try:
        content = target.read_bytes()
    except OSError as error:
        refuse(f"cannot be read: {error.strerror}", error)
    if content != change.before:
        refuse("was changed since it was read")
    return target


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _permissions(change: FileChange, target: Path) -> int:
    if change.before is not None:
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return change.mode & 0o777 & ~mask
