"""The writing end of `apply`: dirty files, the write itself, commits."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from hwc_refactor.commands.shared import Failure, program, tell
from hwc_refactor.model import PlannedChange
from hwc_refactor.patch import FileChange
from hwc_refactor.report.escape import visible
from hwc_refactor.report.lines import Line
from hwc_refactor.report.result import Result
from hwc_refactor.storage import git
from hwc_refactor.storage import undo as undoing
from hwc_refactor.storage import write as writer
from hwc_refactor.storage.records import Record, load_record, numbers, save_record
from hwc_refactor.storage.state import WriteRefused, locate, remove, session


def write(root: Path, result: Result, name: str, *, commit: bool, allow_dirty: bool) -> Result:
    """Write all files, or none; the result with what the reader wants to know then.

    Raises:
        Failure: when a file has changes that no commit holds, or is not as it was read.
    """
    if not allow_dirty:
        demand_clean(result.dirty, commit=commit)
    if commit:
        return _commit_all(root, result, name)
    report = _write(root, result.plan.file_changes, name)
    return replace(result, again=undo_command(root), left=report.left)


def demand_clean(dirty: Sequence[str], *, commit: bool) -> None:
    """See that what is written over can be had again.

    Args:
        dirty: files that differ from the last commit.
        commit: whether commits are to be made, which need clean files whatever is allowed.

    Raises:
        Failure: when there are dirty files.
    """
    if dirty:
        listed = "\n".join(f"  {path}" for path in dirty)
        raise Failure(
            "nothing was written: these files have changes that no commit holds; commit or stash them"
            f"{'' if commit else ', or add --allow-dirty'}:\n{listed}"
        )


def undo_command(root: Path) -> str:
    """What takes the last write of a root back, from where the user is."""
    from hwc_refactor.project import find_root

    here = find_root(Path.cwd()).resolve() == root.resolve()
    return f"{program()} undo" if here else f"{program()} undo --root {shlex.quote(str(root))}"


def recovered(report: writer.RecoverReport | None) -> Iterator[Line]:
    """What was done about an earlier run that was cut off."""
    if report is None:
        return
    done = "finished" if report.finished else "taken back"
    what = f"'{report.description}' had been cut off while it wrote; it is {done} now"
    yield Line(f"warning: an earlier run, {what}:", "warning")
    yield from (Line(path, indent=2, wrap=False) for path in report.paths)
    for path in report.left:
        yield Line(f"warning: {path} was changed since and was left alone", "warning")


def _write(root: Path, changes: Sequence[FileChange], name: str) -> writer.WriteReport:
    try:
        report = writer.write(root, changes, description=name)
    except WriteRefused as error:
        raise Failure(f"nothing was written: {error.path} {error.reason}; run the command again") from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        if locate(root).journal.exists():
            raise Failure(
                f"{reason}; some files may be written already, the next run puts that right"
            ) from error
        raise Failure(f"nothing was written: {reason}") from error
    tell(recovered(report.recovered))
    return report


def _commit_all(root: Path, result: Result, name: str) -> Result:
    if git.work_tree(root) is None:
        raise Failure(f"--commit needs a git work tree, and {root} lies in none (or git is not installed)")
    commits: list[str] = []
    for planned in result.plan.changes:
        files = planned.file_changes
        report = _write(root, files, name)
        if report.left:
            raise Failure(f"{report.left[0]} was changed by somebody else just now and was left alone")
        try:
            commits.append(git.commit(root, planned.files, message(planned)))
        except BaseException as error:
            undoing.undo(root)
            if isinstance(error, git.GitError):
                made = f"{len(commits)} of {len(result.plan.changes)} changes are committed"
                title = planned.change.title
                raise Failure(f"{made}; '{title}' was taken back, for git says: {error}") from error
            raise
        if len(commits) > 1:
            _join_records(root)
    return replace(result, again=undo_command(root), commits=tuple(commits))


def _join_records(root: Path) -> None:
    """Make one of the last two records, so that an undo takes the whole run back."""
    with session(root) as state:
        older, newer = numbers(state)[-2:]
        first, second = load_record(state.record(older)), load_record(state.record(newer))
        if first is not None and second is not None:
            save_record(state.record(newer), joined(first, second))
            remove(state.record(older))


def joined(first: Record, second: Record) -> Record:
    """One record of two writes that followed each other."""
    known = {change.path: change for change in first.changes}
    for change in second.changes:
        earlier = known.get(change.path)
        known[change.path] = change if earlier is None else replace(change, before=earlier.before)
    changes = tuple(known[path] for path in sorted(known))
    directories = tuple(sorted({*first.directories, *second.directories}))
    return replace(first, changes=changes, directories=directories)


def message(planned: PlannedChange) -> str:
    """The commit message of one change: title, why, what is left to a person, and how to take it back.

    A commit cannot name its own hash; its last line tells it from all others.
    """
    change = planned.change
    notes = "".join(f"\n- {visible(note)}" for note in change.notes)
    diff = f", diff {change.diff}" if change.diff is not None else ""
    paragraphs = [visible(f"{change.subject.name}: {change.title}"), visible(change.why)]
    if notes:
        paragraphs.append(f"To do or to know:{notes}")
    if planned.exposure is not None:
        paragraphs.append(f"Exposure by systemd-analyze security: {planned.exposure}.")
    paragraphs.append(f"To take it back: {revert_command(planned)}")
    paragraphs.append(f"Made by hwc-refactor ({change.codemod}{diff}).\n{TRAILER}: {planned.id}\n")
    return "\n\n".join(paragraphs)


TRAILER = "Hwc-Change"
"""What stands before the id of a change at the end of its commit message."""


def revert_command(planned: PlannedChange) -> str:
    """The command that reverts the commit of a change, wherever it lies in the history."""
    return f'git revert --no-edit "HEAD^{{/{TRAILER}: {planned.id}}}"'
