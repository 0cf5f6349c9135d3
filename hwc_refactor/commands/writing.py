"""The writing end of `apply`: dirty files, the write itself, commits."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hwc_refactor import git
from hwc_refactor import undo as undoing
from hwc_refactor import write as writer
from hwc_refactor.commands.shared import Failure, tell
from hwc_refactor.model import PlannedChange
from hwc_refactor.patch import FileChange
from hwc_refactor.report.lines import Line
from hwc_refactor.report.result import Result, file_changes
from hwc_refactor.state import WriteRefused


def write(root: Path, result: Result, name: str, *, commit: bool, allow_dirty: bool) -> Result:
    """Write all files, or none; the result with what the reader wants to know then.

    Raises:
        Failure: when a file has changes that no commit holds, or is not as it was read.
    """
    if result.dirty and not allow_dirty:
        listed = "\n".join(f"  {path}" for path in result.dirty)
        raise Failure(
            "nothing was written: these files have changes that no commit holds; commit or stash them,"
            f" or add --allow-dirty:\n{listed}"
        )
    if commit:
        return _commit_all(root, result)
    report = _write(root, file_changes(result.plan), name)
    return replace(result, again=undo_command(root), left=report.left)


def undo_command(root: Path) -> str:
    """What takes the last write of a root back, from where the user is."""
    from hwc_refactor.project import find_root

    here = find_root(Path.cwd()).resolve() == root.resolve()
    return "hwc-refactor undo" if here else f"hwc-refactor undo --root {shlex.quote(str(root))}"


def recovered(report: writer.RecoverReport | None) -> Iterator[Line]:
    """What was done about an earlier run that was cut off."""
    if report is None:
        return
    done = "finished" if report.finished else "taken back"
    what = f"'{report.description}' had been cut off while it wrote; it is {done} now"
    yield Line(f"warning: an earlier run, {what}: {', '.join(report.paths)}", "warning")
    for path in report.left:
        yield Line(f"warning: {path} was changed since and was left alone", "warning")


def _write(root: Path, changes: Sequence[FileChange], name: str) -> writer.WriteReport:
    try:
        report = writer.write(root, changes, description=name)
    except WriteRefused as error:
        raise Failure(f"nothing was written: {error.path} {error.reason}; run the command again") from error
    tell(recovered(report.recovered))
    return report


def _commit_all(root: Path, result: Result) -> Result:
    if git.work_tree(root) is None:
        raise Failure(f"--commit needs a git work tree, and {root} lies in none (or git is not installed)")
    commits: list[str] = []
    for planned in result.plan.changes:
        files = [FileChange(path, planned.before[path], planned.after[path]) for path in planned.files]
        report = _write(root, files, f"apply --commit: {planned.change.title}")
        if report.left:
            raise Failure(f"{report.left[0]} was changed by somebody else just now and was left alone")
        try:
            commits.append(git.commit(root, planned.files, message(planned)))
        except BaseException as error:
            undoing.undo(root)
            if isinstance(error, git.GitError):
                made = f"{len(commits)} of {len(result.plan.changes)} changes are committed"
                raise Failure(
                    f"{made}; '{planned.change.title}' was taken back, for git says: {error}"
                ) from error
            raise
    where = shlex.quote(str(root))
    span = commits[0] if len(commits) == 1 else f"{commits[0][:10]}^..{commits[-1][:10]}"
    again = f"git -C {where} revert --no-edit {span[:10] if len(commits) == 1 else span}"
    return replace(result, again=again, commits=tuple(commits))


def message(planned: PlannedChange) -> str:
    """The commit message of one change."""
    change = planned.change
    notes = "".join(f"\n- {note}" for note in change.notes)
    still = f"\n\nTo do or to know:{notes}" if notes else ""
    diff = f", diff {change.diff}" if change.diff is not None else ""
    made = f"Made by hwc-refactor ({change.codemod}{diff})."
    return f"{change.subject.name}: {change.title}\n\n{change.why}{still}\n\n{made}\n"
