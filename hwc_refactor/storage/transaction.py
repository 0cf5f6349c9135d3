"""All or nothing: replaces a set of files so that a crash at any point can be finished or taken back.

While the journal is "started", every new content is staged in a temporary file beside its target; a crash
is taken back. Once it is "prepared", the temporary files are renamed over their targets; a crash is
finished. When a rename fails, it turns to "reverting", and what was replaced is put back.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.storage.journal import (
    PREPARED,
    REVERTING,
    STARTED,
    Entry,
    Journal,
    load_journal,
    plan,
    save_journal,
)
from hwc_refactor.storage.records import Record, load_record, promote, save_record
from hwc_refactor.storage.state import (
    State,
    WriteRefused,
    create,
    digest,
    file_digest,
    remove,
    sync_directory,
)

#: Is told the name of each step before the step is done; tests raise or kill there.
Fault = Callable[[str], None]


class Outcome(Struct, frozen=True):
    """How a transaction ended.

    Attributes:
        description: what it was to do, for people.
        finished: True when the files are new, False when they are old.
        paths: all its files, relative to the root.
        left: those of them which were left alone because somebody else changed them meanwhile.
        undone: whether this leaves a write taken back: a write that is old, an undo that is new.
    """

    description: str
    finished: bool
    paths: tuple[str, ...]
    left: tuple[str, ...]
    undone: bool


def apply(
    state: State,
    record: Record,
    targets: Sequence[Path],
    fault: Fault,
    undoes: int | None = None,
) -> Outcome:
    """Make the changes of a record, whose n-th change goes to the n-th target, an absolute path.

    With `undoes`, the number of the record which is taken back, the record's directories are removed in
    the end; without, the record itself is kept for an undo. An exception leaves all files old, or, where
    even that fails, a journal for `settle`.

    Raises:
        WriteRefused: when a file changed while the new contents were staged.
        OSError: when a file cannot be written.
    """
    journal = plan(state, record, targets, undoes)
    try:
        fault("record")
        if undoes is None:
            save_record(state.pending, replace(record, directories=journal.created))
        fault("journal")
        save_journal(state, journal)
        _stage(state, journal, record, fault)
        fault("prepared")
        journal = replace(journal, phase=PREPARED)
        save_journal(state, journal)
        return _finish(state, journal, fault)
    except BaseException:
        _take_back(state)
        raise


def settle(state: State, fault: Fault) -> Outcome | None:
    """Finish or take back what a crash left; None when there is nothing.

    Raises:
        StateError: when the journal or its record is damaged.
        OSError: when a file can neither be written nor be put back.
    """
    journal = load_journal(state)
    if journal is not None and journal.phase == PREPARED:
        try:
            return _finish(state, journal, fault)
        except OSError:
            return _take_back(state)
    return _take_back(state)


def _stage(state: State, journal: Journal, record: Record, fault: Fault) -> None:
    """Lay every new content beside its target, durably, and look once more whether the targets are old."""
    for name in journal.created:
        fault(f"directory {name}")
        with suppress(FileExistsError):
            (state.root / name).mkdir()
    for entry, change in zip(journal.entries, record.changes, strict=True):
        if change.after is not None:
            fault(f"stage {entry.path}")
            create(state.root / entry.temporary, change.after, state.root / entry.target, entry.mode)
    fault("staged")
    _sync(state, journal)
    for entry in journal.entries:
        if _current(state, entry) != entry.before:
            raise WriteRefused(entry.path, "was changed by somebody else just now")


def _finish(state: State, journal: Journal, fault: Fault) -> Outcome:
    """Go on to the new contents, then close the journal; may run again after a crash at any point."""
    left = []
    for entry in journal.entries:
        fault(f"replace {entry.path}")
        if not _replace(state, entry):
            left.append(entry.path)
    fault("sync")
    _sync(state, journal)
    fault("prune")
    _remove_directories(state, journal.pruned)
    fault("keep")
    if journal.undoes is not None:
        remove(state.record(journal.undoes))
    else:
        _keep(state, left)
    fault("close")
    remove(state.journal)
    fault("closed")
    return _outcome(journal, True, left)


def _take_back(state: State) -> Outcome | None:
    """Return to the old contents, then close the journal; may run again after a crash at any point."""
    journal = load_journal(state)
    if journal is None:
        remove(state.pending)
        return None
    record = load_record(state.pending if journal.undoes is None else state.record(journal.undoes))
    if record is None:
        # The record is closed last: everything is new already.
        remove(state.journal)
        return _outcome(journal, True, ())
    left: list[str] = []
    if journal.phase != STARTED:
        save_journal(state, replace(journal, phase=REVERTING))
        contents = {digest(data): data for change in record.changes for data in (change.before, change.after)}
        left = [entry.path for entry in journal.entries if not _restore(state, entry, contents)]
    for entry in journal.entries:
        _discard(state, entry)
    _remove_directories(state, journal.created)
    _sync(state, journal)
    if journal.undoes is None:
        remove(state.pending)
    remove(state.journal)
    return _outcome(journal, False, left)


def _outcome(journal: Journal, finished: bool, left: Sequence[str]) -> Outcome:
    paths = tuple(entry.path for entry in journal.entries)
    undone = finished == (journal.undoes is not None)
    return Outcome(journal.description, finished, paths, tuple(left), undone)


def _replace(state: State, entry: Entry) -> bool:
    """Put the new content in place; False when somebody else changed the file or its temporary file."""
    current = _current(state, entry)
    target, temporary = state.root / entry.target, state.root / entry.temporary
    if current == entry.after:
        _discard(state, entry)
        return True
    if current != entry.before or (entry.after is not None and file_digest(temporary) != entry.after):
        _discard(state, entry)
        return False
    if entry.after is None:
        target.unlink()
    else:
        temporary.rename(target)
    return True


def _restore(state: State, entry: Entry, contents: dict[str | None, bytes | None]) -> bool:
    """Put the old content back; False when somebody else changed the file."""
    current = _current(state, entry)
    if current != entry.after:
        return current == entry.before
    target, temporary = state.root / entry.target, state.root / entry.temporary
    before = contents[entry.before]
    if before is None:
        target.unlink()
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.unlink(missing_ok=True)
    create(temporary, before, target, entry.mode)
    temporary.rename(target)
    return True


def _keep(state: State, left: Sequence[str]) -> None:
    """Make the pending record the last one, without the files which were left alone."""
    record = load_record(state.pending) if left else None
    if record is not None:
        changes = tuple(change for change in record.changes if change.path not in left)
        if not changes:
            remove(state.pending)
            return
        save_record(state.pending, replace(record, changes=changes))
    promote(state)


def _current(state: State, entry: Entry) -> str | None:
    """The SHA-256 of the target as it is now; "" when it cannot be the file which was planned."""
    target = state.root / entry.target
    return file_digest(target) if target.parent.resolve() == target.parent else ""


def _discard(state: State, entry: Entry) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        (state.root / entry.temporary).unlink()


def _remove_directories(state: State, names: Iterable[str]) -> None:
    """Remove those directories which are empty, inner ones first."""
    for name in sorted(names, reverse=True):
        with suppress(OSError):
            (state.root / name).rmdir()


def _sync(state: State, journal: Journal) -> None:
    names = [entry.target for entry in journal.entries] + list(journal.created)
    for folder in sorted({(state.root / name).parent for name in names}):
        sync_directory(folder)
