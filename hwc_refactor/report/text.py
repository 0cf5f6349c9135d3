"""The report for people, on a terminal: each change with why, what is left to do, and its own diff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hwc_refactor.model import Applicability, PlannedChange, Severity
from hwc_refactor.patch import split_lines
from hwc_refactor.report.escape import shown, visible
from hwc_refactor.report.result import Result

_SEVERITY = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
_DIFF = (
    (b"diff ", "bold"),
    (b"--- ", "bold"),
    (b"+++ ", "bold"),
    (b"@@", "cyan"),
    (b"+", "green"),
    (b"-", "red"),
)


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
    out.print(Group(_head(planned, number, severity), Padding(_words(planned), (0, 0, 0, 2)), ""))
    print_diff(out, planned.patch)
    out.print()


def print_diff(out: Console, patch: bytes) -> None:
    """A diff in colours; long lines are left to the terminal."""
    for line in split_lines(patch):
        out.print(
            Text(shown(line.removesuffix(b"\n").removesuffix(b"\r")), style=_style(line)), soft_wrap=True
        )


def _style(line: bytes) -> str:
    return next((style for start, style in _DIFF if line.startswith(start)), "")


def _head(planned: PlannedChange, number: str, severity: Severity | None) -> RenderableType:
    change = planned.change
    title = Text.assemble((f"{number}  ", "dim"), (visible(change.title), "bold"))
    facts = Text("  ")
    facts.append(visible(f"{change.file}:{change.line}"), "cyan")
    facts.append(visible(f"  {change.subject}  {change.codemod}"))
    if change.diff is not None:
        facts.append(f"  diff {change.diff}")
    if severity is not None:
        facts.append("  ")
        facts.append(severity.label, _SEVERITY[severity])
    review = change.applicability is Applicability.REVIEW
    facts.append("  ")
    facts.append("needs a look" if review else "safe", "yellow" if review else "green")
    return Group(title, facts)


def _words(planned: PlannedChange) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for label, text in _paragraphs(planned):
        grid.add_row(label, Text(visible(text)))
    return grid


def _paragraphs(planned: PlannedChange) -> Iterator[tuple[str, str]]:
    yield "Why", planned.change.why
    for index, note in enumerate(planned.change.notes):
        yield ("" if index else "To do"), note
