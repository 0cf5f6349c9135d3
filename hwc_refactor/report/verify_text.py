"""The report of `verify` for people."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.checking.verification import Fault, Outcome, Rung, ServiceExposure, Verification, watching
from hwc_refactor.report.lines import Line
from hwc_refactor.report.summary import number

MOST = 10
"""So many services are listed where nothing is compared."""
FEW = 3
"""For so many units at most each command is written out."""
_STYLES = {Outcome.PASSED: "good", Outcome.FAILED: "error", Outcome.NOT_RUN: "warning"}
_WORDS = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.NOT_RUN: "not run"}


def report(found: Verification, *, everything: bool) -> Iterator[Line]:
    """All of it; `everything`: all services, too."""
    width = max((len(rung.name) for rung in found.rungs), default=0)
    for rung in found.rungs:
        yield from _rung(rung, width)
    yield from _exposure(found, everything)
    if found.touched:
        yield Line("")
        yield Line(f"Units whose definitions differ from {found.against}", "bold", wrap=False)
        yield from (Line(unit, indent=2, wrap=False) for unit in found.touched)
        yield Line("")
        yield Line("Still to be seen on the machine", "bold")
        yield from _commands(found, everything or len(found.touched) <= FEW)


def _commands(found: Verification, everything: bool) -> Iterator[Line]:
    commands = found.commands if everything else (*found.building, *watching("UNIT"))
    yield from (Line(command, "link", 2, wrap=False) for command in commands)
    if not everything:
        yield Line("for each UNIT above; --verbose writes them out", "dim", 2)


def closing(found: Verification) -> Iterator[Line]:
    """What stands at the end: how many rungs ended how."""
    counts = [
        f"{count} {word}"
        for outcome, word in (
            (Outcome.PASSED, "passed"),
            (Outcome.FAILED, "failed"),
            (Outcome.NOT_RUN, "not run"),
        )
        if (count := sum(rung.outcome is outcome for rung in found.rungs))
    ]
    faults = sum(len(rung.faults) for rung in found.rungs)
    if faults:
        counts.append(number(faults, "fault"))
    yield Line(f"Checks: {', '.join(counts)}.", "bold", wrap=False)


def _rung(rung: Rung, width: int) -> Iterator[Line]:
    word = _WORDS[rung.outcome]
    yield Line(f"{rung.name:<{width}}  {word:<7}  {rung.detail}", _STYLES[rung.outcome], wrap=False)
    yield from (Line(_fault(fault), indent=2) for fault in rung.faults)


def _fault(fault: Fault) -> str:
    place = ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part)
    return ": ".join(part for part in (place, fault.unit, fault.message) if part)


def _exposure(found: Verification, everything: bool) -> Iterator[Line]:
    moved = [one for one in found.exposure if one.before != one.after]
    shown = moved if found.against is not None and not everything else list(found.exposure)
    shown = shown if everything or found.against is not None else shown[:MOST]
    if not shown:
        return
    yield Line("")
    yield Line("Exposure, 0 (best) to 10" if found.against is None else "Exposure before and after", "bold")
    width = max(len(one.name) for one in shown)
    for one in shown:
        figures = _figures(one, compared=found.against is not None)
        yield Line(f"{one.name:<{width}}  {figures}  {one.file}:{one.line}", indent=2, wrap=False)
    if len(shown) < len(found.exposure) and found.against is None:
        yield Line(f"and {len(found.exposure) - len(shown)} more; --verbose shows all", "dim", 2)


def _figures(one: ServiceExposure, *, compared: bool) -> str:
    after = "  ?" if one.after is None else f"{one.after:>3.1f}"
    if not compared:
        return after
    return f"{'  ?' if one.before is None else f'{one.before:>3.1f}'} -> {after}"
