"""Command lines of systemd units: their prefixes and their arguments, quotes resolved.

The rules: systemd.service(5), "COMMAND LINES"; systemd.syntax(7), "QUOTING".
"""

from __future__ import annotations

import re

from msgspec import Struct

from hwc_refactor.nix.shell import Body

_PREFIXES = b"@-:+!|"
_HOLE = re.compile(rb"__nix(\d+)__")
_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
    b'"': b'"',
    b"'": b"'",
    b"s": b" ",
}


class Argument(Struct, frozen=True, eq=False):
    """One argument of a command line.

    Attributes:
        data: its text as the program gets it: quotes and escapes resolved, `$$` as `$` and `%%` as `%`;
            other specifiers and variables as they are written, interpolations as `__nixN__`.
        start, end: its byte range in the line's text, quotes and all.
        inside: where `data` stands in the line's text; None when it is not the very same bytes.
    """

    data: bytes
    start: int
    end: int
    inside: int | None

    @property
    def text(self) -> str:
        """The text."""
        return self.data.decode(errors="replace")

    @property
    def hole(self) -> int | None:
        """The number of the interpolation that it begins with."""
        match = _HOLE.match(self.data)
        return None if match is None else int(match[1])

    @property
    def behind_hole(self) -> str:
        """What follows that interpolation."""
        return _HOLE.sub(b"", self.data, count=1).decode(errors="replace")

    @property
    def literal(self) -> str | None:
        """The text when no interpolation, variable or specifier leaves anything of it open, else None."""
        return None if _HOLE.search(self.data) or b"$" in self.data or b"%" in self.data else self.text


class CommandLine(Struct, frozen=True, eq=False):
    """A command line.

    Attributes:
        body: the text it is written in.
        prefixes: the special characters before the program: `-`, `+`, `!`, `@`, `:`.
        arguments: the program and its arguments.
    """

    body: Body
    prefixes: str
    arguments: tuple[Argument, ...]


def command_line(body: Body) -> CommandLine | None:
    """Read a command line; None when its quotes do not match or it holds several commands."""
    data = body.data
    at, end = 0, len(data)
    while at < end and data[at] in b" \t\n":
        at += 1
    first = at
    while at < end and data[at] in _PREFIXES:
        at += 1
    prefixes = data[first:at].decode()
    arguments: list[Argument] = []
    while True:
        while at < end and data[at] in b" \t\n\r":
            at += 1
        if at >= end:
            break
        argument = _argument(data, at)
        if argument is None or argument.data == b";":
            return None
        arguments.append(argument)
        at = argument.end
    return CommandLine(body, prefixes, tuple(arguments)) if arguments else None


def _argument(data: bytes, start: int) -> Argument | None:
    at, end, quote = start, len(data), 0
    text = bytearray()
    exact = True
    while at < end:
        byte = data[at]
        if not quote and byte in b" \t\n\r":
            break
        if byte == quote and quote:
            quote = 0
        elif not quote and byte in b"'\"":
            quote = byte
        elif byte == 0x5C:
            found = _ESCAPES.get(data[at + 1 : at + 2])
            text += found if found is not None else data[at : at + 2]
            exact = False
            at += 1
        elif data[at : at + 2] in (b"$$", b"%%"):
            text.append(byte)
            exact = False
            at += 1
        else:
            text.append(byte)
        at += 1
    if quote:
        return None
    inside = start + (1 if data[start : start + 1] in (b"'", b'"') else 0)
    if not exact or data[inside : inside + len(text)] != bytes(text):
        return Argument(bytes(text), start, at, None)
    return Argument(bytes(text), start, at, inside)


def inner_body(line: CommandLine, argument: Argument) -> Body:
    """The text of an argument as a body of its own: the script behind `bash -c`."""
    body = line.body
    if body.offset is None or argument.inside is None:
        return Body(argument.data, body.path, body.holes, body.string, body.mapped, None)
    return Body(argument.data, body.path, body.holes, body.string, body.mapped, body.offset + argument.inside)
