"""The list of documented diffs and codemods: a table, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from msgspec import Struct

from hwc_refactor.catalog import Entry
from hwc_refactor.report.escape import visible
from hwc_refactor.report.lines import paint
from hwc_refactor.selection import Phase
from hwc_refactor.standing import PhaseState

_HEADS = ("ID", "SEVERITY", "CHANGES ARE", "FOUND", "WHAT IT CHANGES")
_PHASE_HEADS = ("PHASE", "STATE", "DONE", "OPEN", "REFUSED", "WHAT IT RUNS")
_STYLES = {"critical": "error", "high": "error", "medium": "warning"}


class Listing(Struct, frozen=True):
    """What a list shows.

    Attributes:
        root: the configuration that was looked at, None when there was none.
        diffs, codemods: the entries.
        phases: the phases of the plan by number.
        found: places by id; what is missing was not counted.
        states: how far each phase is; empty where nothing was counted.
    """

    root: str | None
    diffs: Sequence[Entry]
    codemods: Sequence[Entry]
    phases: Mapping[int, Phase]
    found: Mapping[str, int] = {}
    states: Sequence[PhaseState] = ()

    def state(self, number: int) -> PhaseState | None:
        """How far a phase is, None where nothing was counted."""
        return next((state for state in self.states if state.number == number), None)


def as_json(page: Listing) -> bytes:
    """The list as a JSON document."""
    value = {
        "version": 1,
        "root": page.root,
        "diffs": [{"id": int(e.id), "title": e.what, **_facts(e, page)} for e in page.diffs],
        "codemods": [{"id": e.id, "summary": e.what, **_facts(e, page)} for e in page.codemods],
        "phases": [_phase(page, number, phase) for number, phase in page.phases.items()],
    }
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def print_listing(page: Listing, stream: IO[Any], *, colour: bool, width: int | None) -> None:
    """The list as two tables whose columns line up; the last column is cut to a terminal's width."""
    tables = (("Documented diffs", page.diffs), ("Codemods", page.codemods))
    rows = [_cells(entry, page) for _, entries in tables for entry in entries]
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS) - 1)]
    last = None if width is None else max(width - sum(widths) - 2 * len(widths), 12)
    for title, entries in tables:
        stream.write(paint(title, "bold", colour=colour) + "\n")
        stream.write(paint(_row(_HEADS, widths), "dim", colour=colour) + "\n")
        for entry in entries:
            for row in _wrapped(_cells(entry, page), last):
                text = _row(row, widths)
                stream.write((_coloured(text, entry) if colour else text).rstrip() + "\n")
        stream.write("\n")
    stream.write(paint("Phases of the plan", "bold", colour=colour) + "\n")
    lines = [_PHASE_HEADS, *(_phase_cells(page, number, phase) for number, phase in page.phases.items())]
    sizes = [max(len(line[column]) for line in lines) for column in range(len(_PHASE_HEADS) - 1)]
    last = None if width is None else max(width - sum(sizes) - 2 * len(sizes), 12)
    stream.write(paint(_row(_PHASE_HEADS, sizes), "dim", colour=colour) + "\n")
    for line in lines[1:]:
        for row in _wrapped(line, last):
            stream.write(_row(row, sizes).rstrip() + "\n")
    stream.write("\n")
    where = "" if page.root is None else f" FOUND counts changes and refusals under {visible(page.root)}."
    stream.write(f"'hwc-refactor explain ID' tells more.{where}\n")


def _phase(page: Listing, number: int, phase: Phase) -> dict[str, object]:
    state = page.state(number)
    return {
        "id": number,
        "title": phase.title,
        "diffs": list(phase.diffs),
        "codemods": list(phase.codemods),
        "state": None if state is None else state.state,
        "done": None if state is None else state.done,
        "open": None if state is None else state.open,
        "refused": None if state is None else state.refused,
    }


def _phase_cells(page: Listing, number: int, phase: Phase) -> tuple[str, ...]:
    state = page.state(number)
    counts = ("-",) * 4
    if state is not None:
        counts = (state.state, str(state.done), str(state.open), str(state.refused))
    what = f"{phase.title}: diff {', '.join(map(str, phase.diffs))}; {', '.join(phase.codemods)}"
    return str(number), *counts, what


def _facts(entry: Entry, page: Listing) -> dict[str, object]:
    return {
        "severity": entry.severity.label,
        "applicability": entry.applicability,
        "documented_as": entry.documented_as,
        "found": page.found.get(entry.id),
    }


def _cells(entry: Entry, page: Listing) -> tuple[str, ...]:
    found = page.found.get(entry.id)
    count = "-" if found is None else str(found)
    return entry.id, entry.severity.label, entry.applicability, count, entry.what


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([*(cell.ljust(size) for cell, size in zip(cells[:-1], widths, strict=True)), cells[-1]])


def _wrapped(cells: Sequence[str], room: int | None) -> Iterator[Sequence[str]]:
    from textwrap import wrap

    parts = [cells[-1]] if room is None else wrap(cells[-1], room) or [""]
    yield [*cells[:-1], parts[0]]
    for part in parts[1:]:
        yield [*("" for _ in cells[:-1]), part]


def _coloured(text: str, entry: Entry) -> str:
    label = entry.severity.label
    style = _STYLES.get(label, "")
    return text.replace(f"  {label} ", f"  {paint(label, style, colour=True)} ", 1) if style else text
