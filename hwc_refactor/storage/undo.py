"""Takes back what the last write of a root did, whole and byte for byte."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.patch import FileChange
from hwc_refactor.storage import transaction
from hwc_refactor.storage.records import Record, load_record, numbers
from hwc_refactor.storage.state import Locked, State, StateError, WriteRefused, locate, remove, session
from hwc_refactor.storage.write import RecoverReport, check, no_fault

__all__ = [
    "Locked",
    "NothingToUndo",
    "StateError",
    "Summary",
    "UndoRefused",
    "UndoReport",
    "foreseen",
    "last",
    "undo",
]


class NothingToUndo(RuntimeError):
    """The root has no record left."""


class UndoRefused(RuntimeError):
    """Files were changed since the write, and an undo would lose that.

    Attributes:
        paths: these files, relative to the root.
        reasons: for each of them why, as a clause which follows the path.
    """

    def __init__(self, paths: Sequence[str], reasons: Sequence[str] = ()) -> None:
        super().__init__(f"changed since the last write: {', '.join(paths)}")
        self.paths = tuple(paths)
        self.reasons = tuple(reasons)


class Summary(Struct, frozen=True):
    """A record without contents.

    Attributes:
        description: what the write did.
        time: when, in UTC.
        paths: its files, relative to the root.
    """

    description: str
    time: datetime
    paths: tuple[str, ...]


class UndoReport(Struct, frozen=True):
    """What an undo did.

    Attributes:
        undone: the write which was taken back; None when that was the one which had been cut off.
        left: paths which somebody else changed in the last moment, and which were left alone.
        recovered: what an earlier run had left unfinished, None when there was nothing.
        already: whether all files were as before the write, so that nothing had to be written.
    """

    undone: Summary | None
    left: tuple[str, ...] = ()
    recovered: RecoverReport | None = None
    already: bool = False


def undo(root: Path, *, fault: Callable[[str], None] = no_fault) -> UndoReport:
    """Take back the last write, all of it or nothing; the write before it is the last one then.

    Where the last run was cut off, and putting that right leaves a write taken back, that is all: nobody
    who calls an undo after a crash means the write before as well.

    Where all files are as before the write, somebody else has taken it back, and its record goes.

    Contents come back byte for byte, removed files also with their mode; new files go, and so do the
    directories made for them when they are empty. An existing file keeps the mode it has now: a write
    never changes it.

    Raises:
        NothingToUndo: when the root has no record.
        UndoRefused: when files were changed since the write.
        Locked: when another run works on the same root.
        StateError: when the state folder cannot be used or the record is damaged.
        OSError: when a file cannot be written; all files are as before the undo then.
    """
    with session(root) as state:
        recovered = transaction.settle(state, fault)
        if recovered is not None and recovered.undone:
            return UndoReport(None, recovered.left, recovered)
        number, record = _last_record(state)
        if _is_taken_back(state.root, record):
            remove(state.record(number))
            return UndoReport(_summary(record), (), recovered, already=True)
        inverse = _inverse(record)
        try:
            outcome = transaction.apply(state, inverse, _targets(state.root, inverse), fault, number)
        except WriteRefused as error:
            raise UndoRefused([error.path], [error.reason]) from error
        return UndoReport(_summary(record), outcome.left, recovered)


def foreseen(root: Path) -> UndoReport:
    """What `undo` would do; nothing is written.

    Raises:
        NothingToUndo, UndoRefused, StateError: as `undo` would.
    """
    state = locate(root)
    _, record = _last_record(state)
    already = _is_taken_back(state.root, record)
    if not already:
        _targets(state.root, _inverse(record))
    return UndoReport(_summary(record), already=already)


def last(root: Path) -> Summary | None:
    """The write which `undo` would take back, None when there is none.

    Raises:
        StateError: when the record is damaged.
    """
    state = locate(root)
    known = numbers(state)
    record = load_record(state.record(known[-1])) if known else None
    return _summary(record) if record else None


def _last_record(state: State) -> tuple[int, Record]:
    """The record of the last write, with its number. Raises NothingToUndo where there is none."""
    known = numbers(state)
    record = load_record(state.record(known[-1])) if known else None
    if record is None:
        raise NothingToUndo(f"there is nothing to undo in {state.root}")
    return known[-1], record


def _is_taken_back(root: Path, record: Record) -> bool:
    try:
        check(root, record.changes)
    except WriteRefused:
        return False
    return True


def _inverse(record: Record) -> Record:
    return replace(record, changes=tuple(map(_inverted, record.changes)))


def _inverted(change: FileChange) -> FileChange:
    return replace(change, before=change.after, after=change.before)


def _targets(root: Path, inverse: Record) -> tuple[Path, ...]:
    """The files to write.

    Raises:
        UndoRefused: with all files which are not as the write left them.
    """
    refused = []
    for change in inverse.changes:
        try:
            check(root, [change])
        except WriteRefused as error:
            refused.append(error)
    if refused:
        raise UndoRefused([error.path for error in refused], [error.reason for error in refused])
    return check(root, inverse.changes)


def _summary(record: Record) -> Summary:
    paths = tuple(change.path for change in record.changes)
    return Summary(record.description, datetime.fromisoformat(record.time), paths)
