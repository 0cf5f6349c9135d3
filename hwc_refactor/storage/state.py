"""Where the tool keeps its own files: one private, locked folder per root, outside of the user's tree.

They hold the bytes of the user's files, hence folders have mode 0700 and files 0600.
"""

import fcntl
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

_VERSION = 1


class StateError(RuntimeError):
    """The state folder cannot be used; the message says what to do."""


class Locked(RuntimeError):
    """Another run works on the same root."""


class WriteRefused(RuntimeError):
    """A file cannot be written safely.

    Attributes:
        path: path relative to the root, as the change gave it.
        reason: why, as a clause which follows the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class State(Struct, frozen=True):
    """The state folder of one root; `root` has its symbolic links resolved."""

    root: Path
    folder: Path

    @property
    def journal(self) -> Path:
        """The unfinished work, when there is any."""
        return self.folder / "journal.json"

    @property
    def pending(self) -> Path:
        """The record of a write which is not finished."""
        return self.folder / "pending.json"

    @property
    def records(self) -> Path:
        """The folder of the records of finished writes."""
        return self.folder / "records"

    def record(self, number: int) -> Path:
        """The file of a finished record."""
        return self.records / f"{number:08d}.json"


def locate(root: Path) -> State:
    """The state of a root; nothing is created.

    Raises:
        StateError: when the state folder would lie inside the root, or no home directory is known.
        OSError: when the root is not an existing directory.
    """
    resolved = root.resolve(strict=True)
    if not resolved.is_dir():
        raise NotADirectoryError(f"{root} is not a directory")
    given = os.environ.get("XDG_STATE_HOME", "")
    try:
        home = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise StateError("no home directory is known; set XDG_STATE_HOME") from error
    key = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:16]
    tail = re.sub(r"[^A-Za-z0-9._-]+", "-", resolved.name)[-40:] or "root"
    folder = home.resolve() / "hwc-refactor" / f"{key}-{tail}"
    if folder.is_relative_to(resolved):
        raise StateError(f"{home} lies inside of {root}; set XDG_STATE_HOME to a directory outside")
    return State(resolved, folder)


@contextmanager
def session(root: Path) -> Iterator[State]:
    """Hold the lock of a root; its state folder is created when missing.

    Raises:
        Locked: when another run holds it.
        StateError: when the state folder cannot be used.
        OSError: when the root is not an existing directory.
    """
    state = locate(root)
    try:
        state.folder.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (state.folder.parent, state.folder, state.records):
            folder.mkdir(mode=0o700, exist_ok=True)
            if stat.S_IMODE(folder.stat().st_mode) != 0o700:
                folder.chmod(0o700)
        lock = os.open(state.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateError(f"cannot use the state folder {state.folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another run of hwc-refactor works on {root}; wait until it has ended, then run again"
            raise Locked(message) from error
        except OSError as error:
            raise StateError(f"cannot lock {state.folder}: {error.strerror}; set XDG_STATE_HOME") from error
        yield state
    finally:
        os.close(lock)


def sync_directory(path: Path) -> None:
    """Make renames inside a directory durable; a missing directory is passed over."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def save(path: Path, content: dict[str, Any]) -> None:
    """Replace a state file by a JSON object, atomically and durably."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(json.dumps({"version": _VERSION, **content}).encode())
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_directory(path.parent)


def load(path: Path) -> dict[str, Any] | None:
    """The JSON object of a state file, None when there is no such file.

    Raises:
        StateError: when the file is damaged or belongs to another version of the tool.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StateError(f"{path} is damaged; move it away to go on without it") from error
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise StateError(f"{path} was not written by this version of hwc-refactor; move it away to go on")
    return content


def remove(path: Path) -> None:
    """Delete a state file durably; a missing one is passed over."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def create(path: Path, data: bytes, like: Path, mode: int) -> None:
    """Write a new file durably, with the mode, owner and extended attributes of the file `like`.

    Where there is no such file, it gets `mode`. Owner and attributes are copied as far as permitted.

    Raises:
        OSError: when the file exists already or cannot be written.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        descriptor = file.fileno()
        with suppress(FileNotFoundError):
            status = like.stat()
            mode = stat.S_IMODE(status.st_mode)
            with suppress(OSError):
                os.fchown(descriptor, status.st_uid if os.geteuid() == 0 else -1, status.st_gid)
            _copy_attributes(like, descriptor)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def file_digest(path: Path) -> str | None:
    """The SHA-256 of a regular file in hex; None for no file, "" for anything else."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return ""
        return digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def digest(data: bytes | None) -> str | None:
    """The SHA-256 in hex, None for no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def _copy_attributes(source: Path, descriptor: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            for name in os.listxattr(source):
                os.setxattr(descriptor, name, os.getxattr(source, name))
