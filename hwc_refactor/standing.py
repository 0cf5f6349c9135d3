"""How far a configuration is with the priority plan, told from an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from hwc_refactor.findings import Tally
from hwc_refactor.nixos.objects import Key
from hwc_refactor.selection import PHASES, Selection, Step, once, steps
from hwc_refactor.settings import Settings


class PhaseState(Struct, frozen=True):
    """How far one phase is. An object counts once: as open, else as refused, else as done.

    Attributes:
        done: objects that it looks at and finds nothing about any more.
        open: those that would be changed.
        refused: those that are left, with a reason.
    """

    number: int
    done: int
    open: int
    refused: int

    @property
    def state(self) -> str:
        """`open`, `refused`, `done`, or `nothing` where there is nothing that it is about."""
        if self.open:
            return "open"
        if self.refused:
            return "refused"
        return "done" if self.done else "nothing"


def counting_steps(settings: Settings) -> list[Step]:
    """The steps of an audit that counts places: each documented diff wherever its object is, and everything."""
    from hwc_refactor.recipes import recipes

    diffs = steps(Selection(diffs=tuple(recipes())), settings)
    return once([*diffs, *steps(Selection(everything=True), settings)])


def places(tallies: Iterable[Tally]) -> Mapping[str, int]:
    """Changes and refusals by id of a codemod and by number of a diff."""
    found: Counter[str] = Counter()
    for tally in tallies:
        count = len(tally.changes) + len(tally.refusals)
        if tally.generic:
            found[tally.codemod] += count
        if tally.diff is not None and not tally.at_home:
            found[str(tally.diff)] += count
    return dict(found)


def phase_states(tallies: Iterable[Tally]) -> tuple[PhaseState, ...]:
    """How far each phase is."""
    listed = list(tallies)
    return tuple(_state(number, listed) for number in PHASES)


def _state(number: int, tallies: Iterable[Tally]) -> PhaseState:
    phase = PHASES[number]
    looked: set[Key] = set()
    changes: set[Key] = set()
    refusals: set[Key] = set()
    for tally in tallies:
        if (tally.at_home and tally.diff in phase.diffs) or (
            tally.generic and tally.codemod in phase.codemods
        ):
            looked |= tally.looked
            changes |= tally.changes
            refusals |= tally.refusals
    refusals -= changes
    done = len(looked - changes - refusals)
    return PhaseState(number, done, len(changes), len(refusals))
