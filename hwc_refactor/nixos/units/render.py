"""The unit file that a service or timer amounts to, as far as static resolution is certain.

Values are written as NixOS writes them (`data/units.toml` says which option becomes which line, and by what
source). What is not known is left out, or something stands in its place that no verdict can depend on: a
program that exists, a path, a word. Either way the directive is named in `UnitFile.unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct

from hwc_refactor.nix.values import (
    Item,
    ListValue,
    Ref,
    Scalar,
    Slot,
    Unknown,
    Value,
)
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.options import settled
from hwc_refactor.nixos.units.priorities import Given, counting, given
from hwc_refactor.nixos.units.standins import (
    PROGRAM,
    WORD,
    command,
    is_command,
    plain,
    stand_in,
    unit_data,
    words,
)

Line = tuple[str, str]


class UnitFile(Struct, frozen=True):
    """A unit file.

    Attributes:
        name: with its suffix, `gpu-monitor.service`.
        sections: lines by section, in the order of the file.
        unknown: directives that are set to something that is not known; left out, or with a stand-in.
    """

    name: str
    sections: Mapping[str, tuple[Line, ...]]
    unknown: frozenset[str]

    def section(self, name: str) -> tuple[Line, ...]:
        """The lines of a section."""
        return self.sections.get(name, ())

    def setting(self, section: str, name: str) -> tuple[str, ...]:
        """The values that a directive is given, in order."""
        return tuple(value for key, value in self.section(section) if key == name)

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join(
            "\n".join((f"[{name}]", *(f"{key}={value}" for key, value in lines), ""))
            for name, lines in self.sections.items()
            if lines or name != "Install"
        )


def rendered(block: Block) -> UnitFile | None:
    """The unit file of a service or timer; None when its settings are not in sight."""
    writer = _Writer(block)
    if not block.own or block.view.open or block.view.dynamic:
        return None
    unit = writer.unit_section()
    if block.kind.name == "timer":
        body = {"Timer": writer.section("timerConfig")}
        suffix = "timer"
        if not _words("triggers", "directives") & ({key for key, _ in body["Timer"]} | writer.unknown):
            return None
    else:
        body = {"Service": writer.service_section()}
        suffix = "service"
    install = writer.names("wantedBy")
    if writer.opaque:
        return None
    sections = {"Unit": unit, **body, "Install": (("WantedBy", install),) if install else ()}
    name = block.name if block.named else WORD
    return UnitFile(f"{name}.{suffix}", sections, frozenset(writer.unknown))


class _Writer:
    """Writes the lines of one object, and keeps account of what is not known."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.resolver = block.tree.resolver
        self.unknown: set[str] = set()
        self.opaque = False  # whether a whole set of directives is out of sight
        self.elsewhere = self.resolver.step(block.elsewhere) if block.elsewhere else None
        self.holds = _starting(block)

    def unit_section(self) -> tuple[Line, ...]:
        """The lines of `[Unit]`."""
        lines: list[Line] = []
        for option, directive in _table("unit").items():
            slots = self.block.get(option)
            if not slots:
                continue
            if option in _words("names", "options"):
                text = self.names(option)
                lines += [(directive, text)] if text else []
            else:
                lines += [(directive, value) for value in self.values(directive, slots, joined=True)]
        given = dict(lines)
        own = self.section("unitConfig")
        return (*own, *((name, value) for name, value in given.items() if name not in dict(own)))

    def service_section(self) -> tuple[Line, ...]:
        """The lines of `[Service]`."""
        return (*self.environment(), *self.section("serviceConfig"), *self.scripts())

    def section(self, option: str) -> tuple[Line, ...]:
        """The directives below an option, one line for each value."""
        slots = self.block.get(option)
        view = self.resolver.step(slots) if slots else None
        if slots and (view is None or view.open or view.dynamic):
            self.opaque = True
            return ()
        lines: list[Line] = []
        for name, definitions in sorted(view.slots.items()) if view is not None else ():
            lines += [(name, value) for value in self.values(name, definitions)]
        if self.elsewhere is not None and (added := self.elsewhere.slots.get(option)):
            more = self.resolver.step(added)
            self.unknown |= set(more.slots) if more is not None else set()
        return tuple(lines)

    def scripts(self) -> Iterator[Line]:
        """The commands that run the shell scripts of the service."""
        for option, directive in _table("scripts").items():
            slots = [slot for slot in self.block.get(option) if not slot.rest]
            if slots and not (len(slots) == 1 and self.resolver.literal(slots[0].expr) == ""):
                yield directive, PROGRAM

    def environment(self) -> Iterator[Line]:
        """The variables of the service."""
        slots = self.block.get("environment")
        view = self.resolver.step(slots) if slots else None
        if slots and (view is None or view.open):
            self.unknown.add("Environment")
        for name, definitions in sorted(view.slots.items()) if view is not None else ():
            values = counting(self.resolver, definitions, self.holds)
            value = values[0] if values and len(values) == 1 else Unknown("it is defined in several ways")
            if isinstance(value, Scalar) and value.value is None:
                continue
            text = plain(value)
            if text is None:
                self.unknown.add("Environment")
                text = words(value)
            yield "Environment", json.dumps(f"{name}={text}", ensure_ascii=False)

    def names(self, option: str) -> str:
        """A list of unit names as words; names that are not known are left out."""
        found: list[str] = []
        for item in self.block.items(option):
            name = self.resolver.literal(item.expr) if self.there(item) else None
            if name is None:
                self.unknown.add(_table("unit").get(option, "WantedBy"))
            else:
                found.append(name)
        return " ".join(dict.fromkeys(found))

    def values(self, directive: str, slots: Sequence[Slot], *, joined: bool = False) -> list[str]:
        """What a directive is given, line by line."""
        defined = counting(self.resolver, slots, self.holds)
        if defined is None:
            self.unknown.add(directive)
            text = stand_in(directive, Unknown("it depends on more than is in sight"))
            return [] if text is None else [text]
        values = list(self.flattened(directive, defined))
        known = [value for value in values if not isinstance(value, Unknown)]
        if len(known) < len(values):  # a stretch of elements that may be none
            self.unknown.add(directive)
        texts = [self.written(directive, value) for value in known or values[:1]]
        lines = [text for text in texts if text is not None]
        return [" ".join(lines)] if joined and lines else lines

    def flattened(self, directive: str, values: Iterable[Value]) -> Iterator[Value]:
        for value in values:
            if not isinstance(value, ListValue):
                yield self.settled(value)
                continue
            for item in value.items:
                if self.there(item):
                    yield from self.flattened(directive, [self.resolver.value(item.expr)])
                else:
                    yield item.unknown or Unknown("it depends on a condition", item.expr)

    def settled(self, value: Value) -> Value:
        """A value; for an option of the tree that nothing sets, its default."""
        if not isinstance(value, Ref) or value.binder is not None or value.path[:1] != ("config",):
            return value
        default = settled(self.block.tree, value.path[1:])
        return value if default is None else self.resolver.value(default)

    def there(self, item: Item) -> bool:
        """Whether an element of a list is known to be there whenever the unit is."""
        return item.unknown is None and given(item.conditions) <= self.holds

    def written(self, directive: str, value: Value) -> str | None:
        """The text of one value, with stand-ins for what is not known; None when it is left out."""
        text = plain(value)
        if text is None:
            text = stand_in(directive, value)
            if not is_command(directive):
                self.unknown.add(directive)
        return command(text) if text is not None and is_command(directive) else text


def _starting(block: Block) -> Given:
    """The conditions under which the unit is there: those that all of what it starts stands under."""
    own = [slots for path in block.kind.own if (slots := block.get(*path))]
    held = [given(slot.conditions) for found in own or block.view.slots.values() for slot in found]
    return frozenset.intersection(*held) if held else frozenset()


@cache
def _table(name: str) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in unit_data()[name].items()}


@cache
def _words(table: str, key: str) -> frozenset[str]:
    return frozenset(unit_data()[table][key].split())
