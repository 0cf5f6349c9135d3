"""The report for people, on a terminal: each change with why, what is left to do, and its own diff."""

from __future__ import annotations

from typing import IO

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hwc_refactor.model import Applicability, PlannedChange, Severity
from hwc_refactor.nix.differences import split_lines
from hwc_refactor.report.escape import shown, visible
from hwc_refactor.report.result import Result

_SEVERITY = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
_DIFF = {b"@": "cyan", b"+": "green", b"-": "red"}


def console(stream: IO[str], *, colour: bool, width: int | None = None) -> Console:
    """A console that reads no markup in what it prints."""
    return Console(
        file=stream,
        force_terminal=colour,
        color_system="auto" if colour else None,
        no_color=not colour,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def print_changes(out: Console, result: Result) -> None:
    """All changes of a run."""
    changes = result.plan.changes
    for number, planned in enumerate(changes, 1):
        print_change(out, planned, f"{number}/{len(changes)}", result.severities.get(planned.change.codemod))


def print_change(out: Console, planned: PlannedChange, number: str, severity: Severity | None) -> None:
    """One change: head, why, notes, diff."""
    title = Text.assemble((f"{number}  ", "dim"), (visible(planned.change.title), "bold"))
    body = Padding(Group(_place(planned), _facts(planned, severity), "", _words(planned), ""), (0, 0, 0, 2))
    out.print(Group(title, body))
    print_diff(out, planned.patch)
    out.print()


def print_diff(out: Console, patch: bytes) -> None:
    """A diff in colours; long lines are left to the terminal."""
    head = True
    for line in split_lines(patch):
        head = not line.startswith(b"@@") if head else line.startswith(b"diff ")
        out.print(
            Text(shown(line.removesuffix(b"\n").removesuffix(b"\r")), style=_style(line, head)),
            soft_wrap=True,
        )


def _style(line: bytes, head: bool) -> str:
    return "bold" if head else _DIFF.get(line[:1], "")


def _place(planned: PlannedChange) -> Text:
    change = planned.change
    return Text.assemble((visible(f"{change.file}:{change.line}"), "cyan"), visible(f"  {change.subject}"))


def _facts(planned: PlannedChange, severity: Severity | None) -> Text:
    change = planned.change
    facts = Text(change.codemod)
    if change.diff is not None:
        facts.append(f", diff {change.diff}")
    if severity is not None:
        facts.append(", severity ")
        facts.append(severity.label, _SEVERITY[severity])
    review = change.applicability is Applicability.REVIEW
    facts.append(", ")
    facts.append("needs a look" if review else "safe", "yellow" if review else "green")
    if planned.exposure is not None:
        better = planned.exposure.after < planned.exposure.before
        facts.append(f", exposure {planned.exposure}", "green" if better else "")
    return facts


def _words(planned: PlannedChange) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row("Why", Text(visible(planned.change.why)))
    if planned.change.notes:
        notes = Table.grid(padding=(0, 1))
        for note in planned.change.notes:
            notes.add_row("-", Text(visible(note)))
        grid.add_row("To do", notes)
    return grid
