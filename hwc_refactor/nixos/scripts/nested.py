"""Scripts within a script: what a shell is told to run between single quotes, `sudo -u x bash -c '…'`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Body, Command, Script
from hwc_refactor.nixos.scripts.executables import SHELLS

_DASH_C = re.compile(r"-[a-z]*c\Z|--command\Z")
_LOGINS = frozenset({"su", "runuser"})
"""Programs that take a command for the shell of another user: su(1), runuser(1)."""


class Nested(Struct, frozen=True, eq=False):
    """A script within a script.

    Attributes:
        script: it, as a range of the same text.
        start, end: the range of the text that holds it, quotes and all.
        starter: the program that starts its shell; empty where the script around it does so itself.
    """

    script: Script
    start: int
    end: int
    starter: str


def nested_scripts(script: Script) -> Iterator[Nested]:
    """The scripts that a script has shells run."""
    data, body = script.body.data, script.body
    for command in script.commands:
        number = _option(command)
        if number is None or number + 1 >= len(command.arguments):
            continue
        text = command.arguments[number + 1]
        if data[text.start : text.start + 1] != b"'" or b"'" in data[text.start + 1 : text.end - 1]:
            continue
        start, end = text.start + 1, text.end - 1
        offset = None if body.offset is None else body.offset + start
        inner = Script(
            script.at, Body(data[start:end], body.path, body.holes, body.string, body.mapped, offset)
        )
        starter = "" if command.program in SHELLS else command.program
        yield Nested(inner, text.start, text.end, starter)


def _option(command: Command) -> int | None:
    """The number of the argument behind which a shell is given a script."""
    shell = command.program in SHELLS | _LOGINS
    for number, word in enumerate(command.arguments):
        if shell and _DASH_C.match(word.text):
            return number
        shell = shell or word.text.rsplit("/", 1)[-1] in SHELLS
    return None
