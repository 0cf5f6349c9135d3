"""The rungs of `verify`: syntax, nix' own parser, units in systemd's eyes, exposure, evaluation, build."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from hwc_refactor.checking import check, systemd
from hwc_refactor.checking.announced import Announced, announced
from hwc_refactor.checking.evaluation import EvaluationFailed, NotRun
from hwc_refactor.checking.ladder import ANALYZER, PARSER
from hwc_refactor.checking.unit_text import Difference, differences
from hwc_refactor.checking.verification import Fault, Outcome, Rung, ServiceExposure
from hwc_refactor.model import Problem
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import parse
from hwc_refactor.nixos.block import SERVICE, TIMER, Block
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.sandbox.exposure import exposure
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.render import UnitFile, rendered
from hwc_refactor.project import Project
from hwc_refactor.unread import broken, idle

SYNTAX, EXPOSURE, FIELDS, BUILD = "syntax", "exposure", "unit files", "build"
#: Where something else stands that a message of nix speaks of: it may have moved.
_PLACE = re.compile(r" at \d+:\d+")
Units = Callable[[], Mapping[str, str]]
"""Evaluates a configuration to its unit files; raises NotRun or EvaluationFailed."""


class Unit(Struct, frozen=True):
    """A unit that the sources make.

    Attributes:
        block: its definitions.
        file: the unit file they amount to; None where too little of them is in sight.
    """

    block: Block
    file: UnitFile | None

    @property
    def name(self) -> str:
        """The name of the unit, with its suffix."""
        return f"{self.block.name}.{self.block.kind.name}"

    def fault(self, message: str) -> Fault:
        """Something that is wrong with it."""
        return Fault(message, self.block.file, self.block.line, 0, self.name)


class State(Struct, frozen=True):
    """A configuration with the units that it makes in the files that are asked about."""

    tree: Tree
    units: tuple[Unit, ...]

    @classmethod
    def of(cls, tree: Tree, project: Project) -> State:
        """Find the units; `project` says which files are asked about."""
        blocks = [
            block
            for kind in (SERVICE, TIMER)
            for block in objects(tree, kind)
            if block.own and project.covers(block.file)
        ]
        return cls(tree, tuple(Unit(block, rendered(block)) for block in blocks))


def syntax(project: Project) -> tuple[Rung, list[Problem]]:
    """The first rung: every file parses; with the errors of those that do not."""
    paths = [path for path in project.texts if project.covers(path)]
    errors = broken(Tree(project.texts), paths)
    faults = (Fault(error.message, error.file, error.line, error.column) for error in errors)
    return Rung.of(SYNTAX, _counted(len(paths), "file"), faults), errors


def parser(project: Project, before: State | None) -> Rung:
    """The second rung: nix parses every file, or has nothing against one that it had not before."""
    texts = {path: data for path, data in project.texts.items() if project.covers(path)}
    found = check.nix_problems(texts)
    if found is None:
        return Rung(PARSER, Outcome.NOT_RUN, "nix is not installed")
    faults = [
        Fault(one.message, path, one.line, one.column)
        for path, one in found.items()
        if not idle(parse(Source(path, texts[path])))
    ]
    old = {
        path: data for path in found if before is not None and (data := before.tree.data(path)) is not None
    }
    said = {(path, _PLACE.sub("", one.message)) for path, one in (check.nix_problems(old) or {}).items()}
    new = [fault for fault in faults if (fault.file, _PLACE.sub("", fault.message)) not in said]
    detail = _counted(len(texts), "file")
    if len(new) < len(faults):
        detail += f"; {_counted(len(faults) - len(new), 'complaint')} of before left out"
    return Rung.of(PARSER, detail, new)


def units(now: State, before: State | None) -> Rung:
    """The third rung: systemd has nothing against the unit files, or nothing that it had not before."""
    files = [unit for unit in now.units if unit.file is not None]
    complaints = systemd.complaints([unit.file for unit in files if unit.file is not None])
    if complaints is None:
        return Rung(ANALYZER, Outcome.NOT_RUN, "systemd is not installed")
    faults = [files[one.unit].fault(one.text) for one in complaints]
    known = _said_before(before) if faults and before is not None else set()
    new = [fault for fault in faults if (fault.unit, fault.message) not in known]
    detail = _counted(len(files), "unit")
    if len(files) < len(now.units):
        detail += f"; of {len(now.units) - len(files)} more too little is in sight"
    if len(new) < len(faults):
        detail += f"; {_counted(len(faults) - len(new), 'line')} of before left out"
    return Rung.of(ANALYZER, detail, new)


def exposures(now: State, before: State | None) -> tuple[Rung, tuple[ServiceExposure, ...]]:
    """How exposed the services are; with a state before, none may be more exposed than it was there."""
    old = _Earlier(() if before is None else before.units)
    found: list[ServiceExposure] = []
    faults: list[Fault] = []
    services = [unit for unit in now.units if unit.block.kind is SERVICE]
    for unit in services:
        earlier = old.of(unit)
        figures = None if earlier is None else exposure(earlier.block), exposure(unit.block)
        found.append(ServiceExposure(unit.block.name, unit.block.file, unit.block.line, *figures))
        if figures[0] is not None and figures[1] is not None and figures[1] > figures[0]:
            faults.append(unit.fault(f"it is more exposed than before: {figures[0]:.1f} -> {figures[1]:.1f}"))
    found.sort(key=lambda one: (-(one.after or 0), one.file, one.line))
    hidden = sum(one.after is None for one in found)
    detail = _counted(len(found), "service")
    if hidden:
        detail += f"; of {hidden} of them too little is in sight"
    return Rung.of(EXPOSURE, detail, faults), tuple(found)


class _Earlier:
    """Finds a unit again among those of another state: in its file, or under a name that is there once."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.placed = {(unit.block.file, unit.name): unit for unit in units}
        self.named: dict[str, list[Unit]] = {}
        for unit in units:
            self.named.setdefault(unit.name, []).append(unit)

    def of(self, unit: Unit) -> Unit | None:
        """The unit as it was."""
        named = self.named.get(unit.name, [])
        return self.placed.get((unit.block.file, unit.name)) or (named[0] if len(named) == 1 else None)


def announced_between(now: State, before: State) -> Announced:
    """What the sources announce of the units."""
    return announced(before.tree, now.tree)


def evaluation(after: Units, before: Units | None, said: Announced | None) -> Rung:
    """The real unit files: the configuration evaluates, and nothing changed that the sources do not announce."""
    try:
        new = after()
    except NotRun as error:
        return Rung(FIELDS, Outcome.NOT_RUN, str(error))
    except EvaluationFailed as error:
        return Rung.of(FIELDS, "the configuration does not evaluate", [Fault(str(error))])
    detail = _counted(len(new), "unit")
    try:
        old = None if before is None else before()
    except NotRun as error:
        return Rung(FIELDS, Outcome.NOT_RUN, str(error))
    except EvaluationFailed as error:
        reason = f"{detail} evaluated; nothing to compare with, for the commit does not evaluate: {error}"
        return Rung(FIELDS, Outcome.NOT_RUN, reason)
    if old is None or said is None:
        return Rung(
            FIELDS, Outcome.PASSED, f"{detail} evaluated; nothing to compare with, for want of --against"
        )
    found = differences(old, new)
    silent = [one for one in found if not said.covers(one.unit, one.name)]
    changed = f"{len({one.unit for one in found})} of {detail} changed"
    return Rung.of(FIELDS, changed, [_unannounced(one) for one in silent])


def _unannounced(difference: Difference) -> Fault:
    return Fault(f"{difference}, and nothing in the sources announces it", unit=difference.unit)


def build(run: Callable[[], None]) -> Rung:
    """The system builds."""
    try:
        run()
    except NotRun as error:
        return Rung(BUILD, Outcome.NOT_RUN, str(error))
    except EvaluationFailed as error:
        return Rung.of(BUILD, "nixos-rebuild build", [Fault(str(error))])
    return Rung(BUILD, Outcome.PASSED, "nixos-rebuild build")


def _said_before(before: State) -> set[tuple[str, str]]:
    files = [unit for unit in before.units if unit.file is not None]
    complaints = systemd.complaints([unit.file for unit in files if unit.file is not None]) or ()
    return {(files[one.unit].name, one.text) for one in complaints}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
