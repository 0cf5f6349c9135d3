"""How a change moves the exposure of the service that it is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from hwc_refactor.model import Exposure, PlannedChange
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.sandbox.exposure import exposure
from hwc_refactor.nixos.tree import Tree

Place = tuple[str, str]
"""What finds a service again on another text: file and name."""


def exposed(before: Tree, after: Tree, changes: Sequence[PlannedChange]) -> list[PlannedChange]:
    """Changes that were made together, with the exposure of their services before and after.

    A service that was given a new name is the one that is there now and was not before, in a file of the
    change. No figure is given where a service cannot be found again, or too little of it is in sight.
    """
    about = [planned.change for planned in changes if planned.change.subject.kind == SERVICE.name]
    if not about:
        return list(changes)
    names = {change.subject.name for change in about}
    old, new = _services(before, names), _services(after, names)
    if any((change.file, change.subject.name) not in new for change in about):  # a name is new: look at all
        old, new = _services(before), _services(after)
    return [replace(planned, exposure=_of(planned, old, new)) for planned in changes]


def _of(planned: PlannedChange, old: Mapping[Place, Block], new: Mapping[Place, Block]) -> Exposure | None:
    change = planned.change
    place = (change.file, change.subject.name)
    if change.subject.kind != SERVICE.name or place not in old:
        return None
    found = new.get(place)
    if found is None:
        others = [block for at, block in new.items() if at not in old and at[0] in planned.after]
        found = others[0] if len(others) == 1 else None
    figures = exposure(old[place]), None if found is None else exposure(found)
    return None if figures[0] is None or figures[1] is None else Exposure(figures[0], figures[1])


def _services(tree: Tree, names: Collection[str] | None = None) -> dict[Place, Block]:
    """The services of a tree that can be told apart by file and name."""
    found: dict[Place, Block] = {}
    twice: set[Place] = set()
    for block in objects(tree, SERVICE, names):
        place = (block.file, block.name)
        twice |= {place} & found.keys()
        found[place] = block
    return {place: block for place, block in found.items() if place not in twice}
