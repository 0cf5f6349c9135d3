"""Undo records: what each finished write changed, the last 20 of every root."""

import base64
import zlib
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from hwc_refactor.patch import FileChange
from hwc_refactor.storage.state import State, StateError, digest, load, save, sync_directory

#: How many records of one root stay; older ones are deleted.
KEPT = 20


class Record(Struct, frozen=True):
    """What one write changed.

    Attributes:
        description: what the write did, for people.
        time: when it began, ISO 8601 in UTC.
        changes: both contents of each file; `mode` is its permission bits on disk.
        directories: directories which the write made, relative to the root.
    """

    description: str
    time: str
    changes: tuple[FileChange, ...]
    directories: tuple[str, ...] = ()


def save_record(path: Path, record: Record) -> None:
    """Write a record; each content is stored once, compressed, under its SHA-256."""
    blobs = {digest(data): data for change in record.changes for data in (change.before, change.after)}
    save(
        path,
        {
            "description": record.description,
            "time": record.time,
            "directories": record.directories,
            "files": [
                [change.path, digest(change.before), digest(change.after), change.mode]
                for change in record.changes
            ],
            "blobs": {
                key: base64.b64encode(zlib.compress(data)).decode()
                for key, data in blobs.items()
                if key is not None and data is not None
            },
        },
    )


def load_record(path: Path) -> Record | None:
    """Read a record, None when there is no such file.

    Raises:
        StateError: when the record is damaged.
    """
    content = load(path)
    if content is None:
        return None
    try:
        blobs: dict[str | None, bytes | None] = {None: None}
        for key, text in content["blobs"].items():
            blobs[key] = zlib.decompress(base64.b64decode(text))
            if digest(blobs[key]) != key:
                raise ValueError(key)
        changes = tuple(
            FileChange(name, blobs[old], blobs[new], mode) for name, old, new, mode in content["files"]
        )
        return Record(content["description"], content["time"], changes, tuple(content["directories"]))
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise StateError(f"{path} is damaged; move it away to go on without it") from error


def numbers(state: State) -> list[int]:
    """The numbers of the finished records, oldest first."""
    with suppress(FileNotFoundError):
        return sorted(int(path.stem) for path in state.records.glob("*.json") if path.stem.isdecimal())
    return []


def promote(state: State) -> None:
    """Turn the pending record, when there is one, into the last finished one; drop the oldest."""
    known = numbers(state)
    with suppress(FileNotFoundError):
        state.pending.rename(state.record((known or [0])[-1] + 1))
        sync_directory(state.records)
        sync_directory(state.folder)
        for number in known[: -(KEPT - 1)]:
            state.record(number).unlink(missing_ok=True)
