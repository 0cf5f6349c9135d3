"""What stands in a unit file for values that are not known: something that no verdict can depend on.

Which directive takes what stands in `data/units.toml`, with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hwc_refactor.nix.values import Scalar, Str, Text, Value
from hwc_refactor.nixos.catalogue import table

PROGRAM = "/bin/sh"
"""The program that stands for every command: it is on every system that has unit files."""
WORD = "unknown"


def plain(value: Value) -> str | None:
    """The text that NixOS writes for a value when all of it is known (nixpkgs, systemd-lib.nix, toOption)."""
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
            return value.literal
        case _:
            return None


def stand_in(directive: str, value: Value) -> str | None:
    """A value of a directive with stand-ins for what is not known; None when it has to be left out."""
    kind = _kinds().get(directive)
    return None if kind is None else _filled(kind, value)


def words(value: Value) -> str:
    """A text with a word in each of its gaps."""
    return _filled(unit_data()["stand-ins"]["word"], value)


def _filled(kind: Mapping[str, str], value: Value) -> str:
    start = kind.get("start")
    if (
        not isinstance(value, Str)
        or start is None
        or not any(isinstance(p, Text) and p.text for p in value.parts)
    ):
        return kind["whole"]
    text = ""
    for part in value.parts:
        if isinstance(part, Text):
            text += part.text
        elif text.endswith(":"):
            text += kind.get("behind", start)
        else:
            text += start if _word(text) in _PREFIXES else WORD
    return text


def is_command(directive: str) -> bool:
    """Whether a directive holds a command line."""
    return _kinds().get(directive) is unit_data()["stand-ins"]["command"]


def command(line: str) -> str:
    """A command line with a program that exists: which one it is and whether it is there, is not asked."""
    stripped = line.lstrip()
    if not stripped:
        return ""
    start = len(stripped) - len(stripped.lstrip("@-:+!|"))
    program = stripped[start:].split(maxsplit=1)[0] if stripped[start:] else ""
    rest = stripped[start + len(program) :].rstrip()
    if program.startswith(("/", WORD)) or "/" not in program:
        program = PROGRAM
    return f"{stripped[:start]}{program}{rest}"


_PREFIXES = frozenset(("", "-", "+", "-+", "+-", "!", "!!", "@", ":", "|", '"', "'"))
"""What may stand before a path or command (systemd.exec(5), systemd.service(5))."""


def _word(text: str) -> str:
    """The word that a text ends with; empty behind white space."""
    found = text.split()
    return "" if not found or text[-1].isspace() else found[-1]


@cache
def unit_data() -> Mapping[str, Any]:
    """What is known of unit files."""
    return table("units.toml")


@cache
def _kinds() -> Mapping[str, Mapping[str, str]]:
    """For each directive, what stands in for its values."""
    return {
        directive: kind
        for kind in unit_data()["stand-ins"].values()
        for directive in kind["directives"].split()
    }
