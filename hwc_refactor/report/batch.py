"""The table at the end of a batch: each object, where it stands, what became of it, and what it gained."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hwc_refactor.model import Plan
from hwc_refactor.report.escape import visible
from hwc_refactor.report.lines import Line

HEADS = ("", "File", "Became", "Gained")
GROUND = "module"
"""The kind of what a batch builds on; it is no object of the batch."""


def table(plan: Plan, codemods: Collection[str]) -> Iterator[Line]:
    """The rows of the objects that some codemods convert; nothing without any.

    Args:
        plan: the outcome.
        codemods: ids of the codemods that convert in batches.
    """
    rows = sorted(_rows(plan, codemods))
    if not rows:
        return
    heads = (rows[0][2].capitalize(), *HEADS[1:])
    cells = [(visible(name), visible(f"{file}:{line}"), *rest) for file, line, _, name, *rest in rows]
    widths = [max(len(row[n]) for row in (heads, *cells)) for n in range(len(heads) - 1)]

    def laid(row: tuple[str, ...]) -> str:
        front = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        return "  ".join((*front, row[-1])).rstrip()

    yield Line(laid(heads), "bold", wrap=False)
    for row in cells:
        yield Line(laid(row), "" if row[2] == "converted" else "warning", 0, wrap=False)


def _rows(plan: Plan, codemods: Collection[str]) -> Iterator[tuple[str, int, str, str, str, str]]:
    for change in (planned.change for planned in plan.changes):
        if change.codemod in codemods and change.subject.kind != GROUND:
            for subject in (change.subject, *change.also):
                gained = ", ".join(change.gained)
                yield change.file, change.line, subject.kind, subject.name, "converted", gained
    for refusal in plan.refusals:
        if refusal.codemod in codemods and refusal.subject.kind != GROUND:
            subject = refusal.subject
            yield refusal.file, refusal.line, subject.kind, subject.name, f"refused: {refusal.code}", ""
