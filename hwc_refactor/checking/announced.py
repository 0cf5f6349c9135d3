"""Which parts of unit files a change of the sources announces.

What the sources of a unit say before and after is set side by side. A directive is announced where they give
it another value, or where it depends on something that is not in sight and the unit's definition changed.
Of a unit that is made from a container or by a module, all is announced when that definition changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER, SERVICE, TIMER, Block, Kind
from hwc_refactor.nixos.containers.container import backend
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.render import UnitFile, rendered
from hwc_refactor.nixos.units.standins import unit_data

_UNITS = (SERVICE, TIMER)
_MADE: Mapping[Kind, tuple[str, ...]] = {
    CONTAINER: ("{backend}-{}.service",),
    HWC_CONTAINER: ("{backend}-{}.service",),
    Kind("hwc-monitor", "services", "hwc", ("monitor",)): ("hwc-monitor-{}.service", "hwc-monitor-{}.timer"),
}
"""The units that other objects become (nixpkgs, virtualisation/oci-containers.nix; the modules of diffs 5 and 6)."""
_COMMANDS = frozenset(unit_data()["stand-ins"]["command"]["directives"].split())


class Announced(Struct):
    """What the sources announce.

    Attributes:
        whole: units of which everything may change.
        lines: of other units, the directives that may change.
        defined: the units that have a definition in sight.
        unnamed: whether a definition changed that makes units whose names are not in sight.
    """

    whole: set[str] = set()
    lines: dict[str, set[str]] = {}
    defined: set[str] = set()
    unnamed: bool = False

    def covers(self, unit: str, directive: str) -> bool:
        """Whether a directive of a unit may change."""
        if unit in self.whole or directive in self.lines.get(unit, ()):
            return True
        return self.unnamed and unit not in self.defined

    @property
    def units(self) -> tuple[str, ...]:
        """The units of which something is announced."""
        return tuple(sorted({*self.whole, *(unit for unit, names in self.lines.items() if names)}))


def announced(before: Tree, after: Tree) -> Announced:
    """What the sources of two states of a configuration announce of its units."""
    found = Announced()
    for kind, patterns in _MADE.items():
        for name, old, new in _pairs(before, after, kind, found):
            units = {
                pattern.format(name, backend=backend(tree))
                for pattern in patterns
                for tree in (before, after)
            }
            if any(block.get("secrets") for block in (*old, *new)):  # of a shared container
                units.add(f"{name}-secrets.service")
            found.defined.update(units)
            if _sources(old) != _sources(new):
                found.whole.update(units)
    for kind in _UNITS:
        for name, old, new in _pairs(before, after, kind, found):
            unit = f"{name}.{kind.name}"
            found.defined.add(unit)
            directives = _differing(old, new)
            if directives is None:
                found.whole.add(unit)
            else:
                found.lines.setdefault(unit, set()).update(directives)
            if kind is SERVICE and _starts(old) != _starts(new):
                found.whole.add(f"{name}.timer")
    return found


def _pairs(
    before: Tree, after: Tree, kind: Kind, found: Announced
) -> Iterator[tuple[str, list[Block], list[Block]]]:
    """The objects of a kind by name, before and after; what has no name is only looked at for changes."""
    old, new = _by_name(before, kind), _by_name(after, kind)
    found.unnamed |= _sources(old.pop("", [])) != _sources(new.pop("", []))
    for name in sorted({*old, *new}):
        yield name, old.get(name, []), new.get(name, [])


def _differing(old: list[Block], new: list[Block]) -> set[str] | None:
    """The directives that differ between definitions of one unit; None when all of it may."""
    if len(old) != 1 or len(new) != 1:
        return None if _sources(old) != _sources(new) else set()
    before, after = rendered(old[0]), rendered(new[0])
    same_source = _sources(old) == _sources(new)
    if before is None or after is None:
        return set() if same_source else None
    found = {name for name in _names(before, after) if _values(before, name) != _values(after, name)}
    if not same_source:
        found |= before.unknown | after.unknown | _COMMANDS | {"Environment"}
    return found


def _names(*units: UnitFile) -> Iterator[str]:
    for unit in units:
        for lines in unit.sections.values():
            yield from (name for name, _ in lines)


def _values(unit: UnitFile, name: str) -> list[tuple[str, str]]:
    return [(section, value) for section in unit.sections for value in unit.setting(section, name)]


def _starts(blocks: list[Block]) -> list[str]:
    return [slot.expr.text for block in blocks for slot in block.get("startAt")]


def _by_name(tree: Tree, kind: Kind) -> dict[str, list[Block]]:
    """The objects of a kind; those without a known name under the empty one."""
    found: dict[str, list[Block]] = {}
    for block in objects(tree, kind):
        found.setdefault(block.name if block.named else "", []).append(block)
    return found


def _sources(blocks: list[Block]) -> list[str]:
    """The text of definitions, wherever they stand."""
    return sorted(slot.expr.text for block in blocks for slot in (*block.slots, *block.elsewhere)) + sorted(
        call.text for block in blocks for call in block.calls
    )
