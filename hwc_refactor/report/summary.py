"""The summary on standard error: errors, what changes, what is refused and why, and what to type next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from hwc_refactor.model import Applicability, Plan, PlannedChange, Problem, Refusal
from hwc_refactor.patch import unified
from hwc_refactor.report.batch import table
from hwc_refactor.report.lines import Line
from hwc_refactor.report.result import Mode, Result

#: Codes of refusals that the user asked for, in the words of a heading.
_ASKED = {
    "not-wanted": "Left out as you said",
    "needs-review": "Left out by --safe-only, for they need a look",
}


def problems(found: Iterable[Problem]) -> Iterator[Line]:
    """Errors in the form that editors and CI systems read."""
    for problem in found:
        place = f"{problem.file}:{problem.line}:{problem.column}: " if problem.file else ""
        yield Line(f"{place}error: {problem.message}", "error", wrap=False)


def unread(found: Iterable[tuple[str, str]]) -> Iterator[Line]:
    """What is called like a file of the configuration and was left alone: each path, and what it is."""
    for path, what in found:
        yield Line(f"{path}: warning: it is {what}, and was not read", "warning", wrap=False)


def idle(root: str, scope: Iterable[str], anything: bool) -> Iterator[Line]:
    """What was named, or the root itself, where it holds nothing that is read.

    Args:
        root: the root.
        scope: paths that the user named and that hold no file of a configuration.
        anything: whether the root holds one.
    """
    if not anything:
        yield Line(f"warning: there is no .nix file to read below {root}", "warning", wrap=False)
        return
    for path in scope:
        yield Line(f"{path}: warning: there is no .nix file to read here", "warning", wrap=False)


def switched_off(names: Iterable[str]) -> Iterator[Line]:
    """Codemods that were asked for, and that the settings do not let run."""
    for name in names:
        yield Line(f"warning: {name} was not run: 'disable' in the settings file names it", "warning")


def closing(result: Result, *, details: bool) -> Iterator[Line]:
    """What stands at the end of a run.

    Args:
        result: the run.
        details: whether each change is told with why and notes; without, by its title alone.
    """
    plan = result.plan
    if plan.changes:
        yield from _changes(result, details or result.mode is Mode.APPLY, details)
        yield from _files(result)
    yield from _refused(plan.refusals)
    if details:
        yield from _suppressed(plan.suppressed)
    rows = list(table(plan, result.batches))
    if rows:
        yield Line("")
        yield from rows
    if plan.changes or plan.refusals or (details and plan.suppressed):
        yield Line("")
    yield Line(_count(result), "bold", wrap=False)
    yield from _next(result)


def change_facts(planned: PlannedChange) -> str:
    """Where a change stands and what it promises, in one line."""
    change = planned.change
    diff = f", diff {change.diff}" if change.diff is not None else ""
    look = "needs a look" if change.applicability is Applicability.REVIEW else "safe"
    exposure = f", exposure {planned.exposure}" if planned.exposure is not None else ""
    return f"{change.subject}, {change.file}:{change.line} ({change.codemod}{diff}; {look}{exposure})"


def file_counts(plan: Plan) -> Iterator[tuple[str, str, int, int]]:
    """Each touched file: `M` or `A`, its path, and the lines that come and go."""
    for file in plan.file_changes:
        _, *hunks = unified(file).split(b"\n@@ ")  # no line of a hunk begins with @@
        marks = Counter(line[:1] for hunk in hunks for line in hunk.split(b"\n")[1:])
        yield ("A" if file.before is None else "M"), file.path, marks[b"+"], marks[b"-"]


def _changes(result: Result, notes: bool, why: bool) -> Iterator[Line]:
    made = result.mode is Mode.APPLY
    yield Line("Changed" if made else "Would change", "bold")
    for planned in result.plan.changes:
        yield Line(planned.change.title, "good", 2)
        yield Line(change_facts(planned), "dim", 4, wrap=False)
        if why:
            yield Line(planned.change.why, indent=4)
        if notes:
            yield from (Line(note, indent=4, bullet="- ") for note in planned.change.notes)


def _files(result: Result) -> Iterator[Line]:
    yield Line("Written" if result.mode is Mode.APPLY else "Files", "bold")
    for letter, path, added, removed in file_counts(result.plan):
        if path not in result.left:
            yield Line(f"{letter} {path}  +{added} -{removed}", indent=2, wrap=False)
    for path in result.left:
        yield Line(
            f"{path} was changed by somebody else just now and was left alone", "warning", 2, wrap=False
        )


def _refused(refusals: Iterable[Refusal]) -> Iterator[Line]:
    def heading(refusal: Refusal) -> str:
        return _ASKED.get(refusal.code, "Refused")

    for title, group in groupby(sorted(refusals, key=lambda r: heading(r) != "Refused"), heading):
        yield Line(title, "bold")
        for refusal in group:
            place = f"{refusal.subject}, {refusal.file}:{refusal.line} ({refusal.codemod}: {refusal.code})"
            yield Line(place, "warning" if title == "Refused" else "dim", 2, wrap=False)
            if title == "Refused":
                yield Line(refusal.reason, indent=4)


def _suppressed(left: Iterable[Refusal]) -> Iterator[Line]:
    for number_, refusal in enumerate(left):
        if not number_:
            yield Line("Suppressed", "bold")
        yield Line(
            f"{refusal.subject}, {refusal.file}:{refusal.line} ({refusal.codemod})", "dim", 2, wrap=False
        )
        if refusal.reason:
            yield Line(refusal.reason, indent=4)


def _count(result: Result) -> str:
    plan = result.plan
    parts = []
    if plan.changes:
        made = "made" if result.mode is Mode.APPLY else "to make"
        parts.append(f"{number(len(plan.changes), 'change')} {made} in {number(len(plan.after), 'file')}")
    else:
        among = f" among objects named {', '.join(result.only)}" if result.only else ""
        parts.append(f"Nothing to change{among}")
    refused = sum(refusal.code not in _ASKED for refusal in plan.refusals)
    if refused:
        parts.append(f"{refused} refused")
    if plan.suppressed:
        parts.append(f"{len(plan.suppressed)} suppressed")
    if plan.problems:
        parts.append(number(len(plan.problems), "error"))
    if plan.changes and result.mode is not Mode.APPLY:
        parts.append("nothing was written")
    return ", ".join(parts) + "."


def _next(result: Result) -> Iterator[Line]:
    if not result.plan.changes:
        return
    for rung in result.plan.not_run:
        yield Line(f"Not checked: {rung}.", "warning")
    if result.mode is Mode.APPLY:
        if result.commits:
            yield Line(f"Committed: {' '.join(commit[:10] for commit in result.commits)}", wrap=False)
            span = "^..".join(dict.fromkeys((result.commits[0][:10], result.commits[-1][:10])))
            yield Line(f"To revert the commits: git revert --no-edit {span}", "link", wrap=False)
        yield Line(f"To take it back: {result.again}", "link", wrap=False)
        return
    if result.dirty:
        yield Line(
            "These files have changes that no commit holds; commit them first, or add --allow-dirty:",
            "warning",
        )
        yield from (Line(path, indent=2, wrap=False) for path in result.dirty)
    if result.prefix:
        yield Line(f"The patch is for: git apply --directory={shlex.quote(result.prefix)}", wrap=False)
    yield Line(f"To make these changes: {result.again}", "link", wrap=False)


def number(count: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
