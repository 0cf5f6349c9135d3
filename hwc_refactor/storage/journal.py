"""The journal of a transaction: which files it replaces, and how far it has come."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, to_builtins

from hwc_refactor.storage.records import Record
from hwc_refactor.storage.state import State, StateError, digest, load, save

#: New contents are being staged; the targets are untouched.
STARTED = "started"
#: All new contents are staged; targets are being replaced.
PREPARED = "prepared"
#: Replaced targets are being put back.
REVERTING = "reverting"


class Entry(Struct, frozen=True):
    """One file of a transaction.

    Attributes:
        path: as the change gave it, relative to the root.
        target: the file to write, without symbolic links, relative to the root.
        temporary: the file beside it which takes the new content, relative to the root.
        before: SHA-256 of the old content in hex, None for no file.
        after: SHA-256 of the new content in hex, None for no file.
        mode: permission bits for a target which does not exist.
    """

    path: str
    target: str
    temporary: str
    before: str | None
    after: str | None
    mode: int


class Journal(Struct, frozen=True):
    """A transaction.

    Attributes:
        description: what it does, for people.
        phase: STARTED, PREPARED or REVERTING.
        undoes: number of the record which an undo takes back, None for a write.
        entries: its files.
        created: directories to make, and to remove when it is taken back; relative to the root.
        pruned: directories to remove when it is finished; relative to the root.
    """

    description: str
    phase: str
    undoes: int | None
    entries: tuple[Entry, ...]
    created: tuple[str, ...]
    pruned: tuple[str, ...]


def plan(state: State, record: Record, targets: Sequence[Path], undoes: int | None) -> Journal:
    """The journal for a record whose n-th change goes to the n-th target; nothing is written."""
    entries = []
    for change, target in zip(record.changes, targets, strict=True):
        # Longer names could pass the limit of the file system.
        temporary = target.with_name(f".{target.name[:40]}.hwc-refactor-{secrets.token_hex(4)}.tmp")
        entries.append(
            Entry(
                change.path,
                str(target.relative_to(state.root)),
                str(temporary.relative_to(state.root)),
                digest(change.before),
                digest(change.after),
                change.mode,
            )
        )
    missing = {
        str(parent.relative_to(state.root))
        for target in targets
        for parent in target.parents
        if parent.is_relative_to(state.root) and not parent.exists()
    }
    pruned = () if undoes is None else record.directories
    return Journal(record.description, STARTED, undoes, tuple(entries), tuple(sorted(missing)), pruned)


def save_journal(state: State, journal: Journal) -> None:
    """Write the journal, atomically and durably."""
    save(state.journal, to_builtins(journal))


def load_journal(state: State) -> Journal | None:
    """The journal which is not closed yet, None when there is none.

    Raises:
        StateError: when it is damaged.
    """
    content = load(state.journal)
    if content is None:
        return None
    try:
        return Journal(
            content["description"],
            content["phase"],
            content["undoes"],
            tuple(Entry(**entry) for entry in content["entries"]),
            tuple(content["created"]),
            tuple(content["pruned"]),
        )
    except (KeyError, TypeError) as error:
        raise StateError(f"{state.journal} is damaged; move it away to go on without it") from error
