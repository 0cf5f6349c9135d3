"""The check ladder of a plan, beyond the syntax tree: what nix and systemd say of it before it is shown or written.

A change after which one of them has a complaint that it did not have before is withdrawn, as a fault of the
tool. A rung that cannot run is named, never counted as passed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from hwc_refactor.checking import check, systemd
from hwc_refactor.checking.beside import beside
from hwc_refactor.model import Change, PlannedChange, Problem
from hwc_refactor.nixos.block import SERVICE, TIMER
from hwc_refactor.nixos.objects import Key, keys, objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.render import UnitFile, rendered
from hwc_refactor.project import Project

PARSER, ANALYZER = "nix-instantiate --parse", "systemd-analyze verify"
_UNITS = (SERVICE, TIMER)


class Culprit(Struct, frozen=True):
    """A change that does not pass, and what is said against it."""

    change: PlannedChange
    complaint: str

    @property
    def problem(self) -> Problem:
        """The error that takes its place."""
        return withdrawn(self.change.change, self.complaint)


def withdrawn(change: Change, complaint: str) -> Problem:
    """The error that takes the place of a change that does not pass."""
    return Problem(
        change.file,
        change.line,
        1,
        f"{change.codemod}: the change of {change.subject} would break it and was withdrawn ({complaint});"
        " this is a fault of the tool",
    )


def culprit(changes: Sequence[PlannedChange], project: Project, before: Tree, after: Tree) -> Culprit | None:
    """The first change that nix or systemd has something against; None where they do not, or cannot be asked.

    Args:
        changes: all changes of a plan, in order.
        project: the configuration as it was read.
        before, after: the configuration without and with them.
    """
    unparsable, complained_of = beside(
        lambda: _unparsable(changes, project), lambda: _complained_of(changes, before, after)
    )
    return unparsable or complained_of


def not_run(changes: Sequence[PlannedChange], *, verify: bool) -> tuple[str, ...]:
    """The rungs that did not run for a plan, each with the reason."""
    if not changes:
        return ()
    rungs = [(PARSER, "nix", check.nix_parser)]
    if _of_units(changes):
        rungs.append((ANALYZER, "systemd", systemd.analyzer))
    if not verify:
        return tuple(f"{rung} was skipped, as asked" for rung, _, _ in rungs)
    return tuple(f"{rung} was not run: {name} is not installed" for rung, name, found in rungs if not found())


def _unparsable(changes: Sequence[PlannedChange], project: Project) -> Culprit | None:
    """The first change after which nix no longer accepts a file that it accepted before."""
    final: dict[str, bytes] = {}
    for change in changes:
        final.update({path: data for path, data in change.after.items() if path.endswith(".nix")})
    for path, problem in (check.nix_problems(final) or {}).items():
        original = project.texts.get(path)
        if original is not None and check.nix_problems({path: original}):
            continue
        for change in changes:
            if path in change.after and check.nix_problems({path: change.after[path]}):
                return Culprit(change, problem.message)
    return None


def _complained_of(changes: Sequence[PlannedChange], before: Tree, after: Tree) -> Culprit | None:
    """The last change of a unit of which systemd says something that it did not say before."""
    if not _of_units(changes) or systemd.analyzer() is None:
        return None
    touched = {path for change in changes for path in change.after}
    names = {change.change.subject.name for change in changes}
    there, old = _units(before, touched, names)
    found, units = _units(after, touched, names)
    if {key[1:3] for key in there} - {key[1:3] for key in found}:  # a unit has a new name: look at all
        there, old = _units(before, touched, None)
        found, units = _units(after, touched, None)
    texts = {unit.text for unit in old.values()}
    hidden = there - old.keys()  # what was wrong with them before is not known
    new = [(at, unit) for at, unit in units.items() if unit.text not in texts and at not in hidden]
    complaints = systemd.complaints([unit for _, unit in new])
    if not complaints:
        return None
    known = {complaint.text for complaint in systemd.complaints(list(old.values())) or ()}
    for complaint in complaints:
        (_, file, name, _), unit = new[complaint.unit]
        if complaint.text not in known:
            named = [change for change in changes if change.change.subject.name == name]
            here = [change for change in changes if file in change.after]
            return Culprit((named or here or list(changes))[-1], f"{unit.name}: {complaint.text}")
    return None


def _of_units(changes: Sequence[PlannedChange]) -> bool:
    """Whether changes are about services or timers, so that there are unit files to look at."""
    return any(change.change.subject.kind in {kind.name for kind in _UNITS} for change in changes)


def _units(
    tree: Tree, files: set[str], names: Collection[str] | None
) -> tuple[set[Key], dict[Key, UnitFile]]:
    """The services and timers of some files, of some names only, and the unit files of those in sight."""
    there: set[Key] = set()
    units: dict[Key, UnitFile] = {}
    for kind in _UNITS:
        blocks = [block for block in objects(tree, kind, names) if block.file in files]
        for key, block in zip(keys(kind, ((b.file, b.name) for b in blocks)), blocks, strict=True):
            there.add(key)
            unit = rendered(block)
            if unit is not None:
                units[key] = unit
    return there, units
