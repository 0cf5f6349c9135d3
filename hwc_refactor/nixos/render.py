"""The unit file that a service or timer amounts to, as far as static resolution is certain.

Values are written as NixOS writes them (`data/units.toml` says which option becomes which line, and by what
source). What is not known is left out, or something stands in its place that no verdict can depend on: a
program that exists, a path, a word. Either way the directive is named in `UnitFile.unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from hwc_refactor.nix.names import MODIFIERS, is_library
from hwc_refactor.nix.values import (
    Call,
    ListValue,
    Scalar,
    Slot,
    Str,
    Text,
    Unknown,
    Value,
)
from hwc_refactor.nixos.objects import Block

Line = tuple[str, str]
PROGRAM = "/bin/sh"
"""The program that stands for every command: it is on every system that has unit files."""
WORD = "unknown"
PRIORITIES = {"mkForce": 50, "mkDefault": 1000, "mkOptionDefault": 1500, "mkVMOverride": 10}
"""The priorities of definitions; a plain one has 100 (nixpkgs, lib/modules.nix)."""


@dataclass(frozen=True, slots=True)
class UnitFile:
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
            values = self.defined(definitions)
            if values is None or len(values) != 1:
                self.unknown.add("Environment")
                text: str | None = WORD
            elif isinstance(values[0], Scalar) and values[0].value is None:
                continue
            else:
                text = self.written("Environment", values[0])
            if text is not None:
                yield "Environment", json.dumps(f"{name}={text}", ensure_ascii=False)

    def names(self, option: str) -> str:
        """A list of unit names as words; names that are not known are left out."""
        found: list[str] = []
        for item in self.block.items(option):
            name = None if item.unknown or item.conditions else self.resolver.literal(item.expr)
            if name is None:
                self.unknown.add(_table("unit").get(option, "WantedBy"))
            else:
                found.append(name)
        return " ".join(dict.fromkeys(found))

    def values(self, directive: str, slots: Sequence[Slot], *, joined: bool = False) -> list[str]:
        """What a directive is given, line by line."""
        defined = self.defined(slots)
        if defined is None:
            self.unknown.add(directive)
            return [PROGRAM] if directive in _words("stand-ins", "commands") else []
        lines: list[str] = []
        for value in self.flattened(directive, defined):
            text = self.written(directive, value)
            if text is not None:
                lines.append(text)
        return [" ".join(lines)] if joined and lines else lines

    def defined(self, slots: Sequence[Slot]) -> list[Value] | None:
        """The values that count among several definitions; None when that is not certain."""
        ranked: list[tuple[int, Value]] = []
        for slot in slots:
            if slot.rest or not slot.certain:
                return None
            priority = 100
            for modifier in slot.modifiers:
                priority = PRIORITIES.get(modifier, priority)
            unwrapped = self.unwrapped(self.resolver.value(slot.expr), priority)
            if unwrapped is None:
                return None
            ranked += unwrapped
        first = min((priority for priority, _ in ranked), default=100)
        values = [value for priority, value in ranked if priority == first]
        if len(values) > 1 and not any(isinstance(value, ListValue) for value in values):
            texts = {_plain(value) for value in values}
            return values[:1] if len(texts) == 1 and None not in texts else None
        return values

    def unwrapped(self, value: Value, priority: int) -> list[tuple[int, Value]] | None:
        """A value without what the module system puts around it, with its priority; empty when it does not count."""
        while isinstance(value, Call) and is_library(value.function):
            if value.name == "mkIf" and len(value.args) == 2:
                truth = self.resolver.truth(value.args[0])
                if truth is None:
                    return None
                if not truth:
                    return []
            elif value.name not in MODIFIERS or len(value.args) != MODIFIERS[value.name]:
                break
            elif value.name == "mkOverride":
                level = self.resolver.value(value.args[0])
                if not isinstance(level, Scalar) or not isinstance(level.value, int):
                    return None
                priority = level.value
            else:
                priority = PRIORITIES.get(value.name, priority)
            value = self.resolver.value(value.args[-1])
        return [(priority, value)]

    def flattened(self, directive: str, values: Iterable[Value]) -> Iterator[Value]:
        for value in values:
            if not isinstance(value, ListValue):
                yield value
                continue
            for item in value.items:
                if item.unknown or item.conditions:
                    yield item.unknown or Unknown("it depends on a condition", item.expr)
                else:
                    yield from self.flattened(directive, [self.resolver.value(item.expr)])

    def written(self, directive: str, value: Value) -> str | None:
        """The text of one value, with stand-ins for what is not known; None when it is left out."""
        plain = _plain(value)
        if directive in _words("stand-ins", "commands"):
            return _command(plain if plain is not None else _filled(value, WORD))
        if plain is not None:
            return plain
        self.unknown.add(directive)
        if directive in _words("stand-ins", "paths"):
            return _filled(value, f"/{WORD}")
        return _filled(value, WORD) if directive in _words("stand-ins", "words") else None


def _plain(value: Value) -> str | None:
    """The text that a value becomes when all of it is known."""
    match value:
        case Scalar(value=bool() as truth):
            return "true" if truth else "false"
        case Scalar(value=None):
            return ""
        case Scalar(value=float() as number):
            return f"{number:f}"
        case Scalar(value=number):
            return str(number)
        case Str():
            return None if value.literal is None else " ".join(value.literal.split("\n"))
        case _:
            return None


def _filled(value: Value, stand_in: str) -> str:
    """A value with a stand-in for each gap: the given one where a word begins, a plain word elsewhere."""
    if not isinstance(value, Str):
        return stand_in
    text = ""
    for part in value.parts:
        if isinstance(part, Text):
            text += part.text
        else:
            text += stand_in if not text or text[-1] in " \t\n:=+-!@" else WORD
    return " ".join(text.split("\n"))


def _command(text: str) -> str:
    """A command line with a program that exists: which one it is and whether it is there, is not the question."""
    stripped = text.lstrip()
    if not stripped:
        return ""
    start = len(stripped) - len(stripped.lstrip("@-:+!"))
    program, _, rest = stripped[start:].partition(" ")
    if program.startswith(("/", WORD)) or "/" not in program:
        program = PROGRAM
    return f"{stripped[:start]}{program} {rest}".rstrip()


@cache
def _table(name: str) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in _data()[name].items()}


@cache
def _words(table: str, key: str) -> frozenset[str]:
    return frozenset(_data()[table][key].split())


@cache
def _data() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(files("hwc_refactor.nixos").joinpath("data/units.toml").read_text(encoding="utf-8"))
