"""Real unit files, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

Fields = Mapping[tuple[str, str], tuple[str, ...]]
"""The values of each directive, by section and name."""

FOLLOWING = frozenset({"X-Restart-Triggers", "X-Reload-Triggers"})
"""Fields that only say that a file changed which the unit reads (nixpkgs, nixos/lib/systemd-lib.nix)."""
_SOURCE = re.compile(r"/nix/store/[0-9a-z]{32}-source(?![\w.+-])")
"""The copy of a whole flake: its name changes with every file of it (nix flake, "source")."""


class Difference(Struct, frozen=True, order=True):
    """A field of a unit file that differs between two states; an empty section is the unit itself.

    Attributes:
        how: `added`, `removed` or `changed`. The values are not kept: they may be secret.
    """

    unit: str
    section: str
    name: str
    how: str

    def __str__(self) -> str:
        """`[Service] User changed`."""
        return f"[{self.section}] {self.name} {self.how}" if self.section else f"it was {self.how}"


def fields(text: str) -> Fields:
    """The fields of a unit file (systemd.syntax(7)): comments and empty lines fall away, continued lines are joined."""
    found: dict[tuple[str, str], list[str]] = {}
    section = ""
    for line in _joined(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if equals:
            found.setdefault((section, name.strip()), []).append(value.strip())
    return {key: tuple(values) for key, values in found.items()}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """Every field in which the unit files of two states differ, by unit.

    What only follows from a change elsewhere is left out: triggers, and where the copy of a flake lies.
    """
    found: list[Difference] = []
    for unit in sorted({*before, *after}):
        if unit not in before or unit not in after:
            found.append(Difference(unit, "", "", "removed" if unit in before else "added"))
            continue
        old, new = (fields(_SOURCE.sub("/nix/store/source", text[unit])) for text in (before, after))
        for section, name in sorted({*old, *new}):
            if name in FOLLOWING:
                continue
            values = old.get((section, name)), new.get((section, name))
            if values[0] != values[1]:
                how = "added" if values[0] is None else "removed" if values[1] is None else "changed"
                found.append(Difference(unit, section, name, how))
    return found


def _joined(text: str) -> Iterator[str]:
    waiting = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(("#", ";")) or (not line and not waiting):
            continue
        if line.endswith("\\"):
            waiting += line[:-1] + " "
            continue
        yield waiting + line
        waiting = ""
    if waiting:
        yield waiting
