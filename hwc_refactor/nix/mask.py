"""What Nix knows and the released grammar does not, masked by other bytes of the same length.

That is the trailing comma of `{ lib, pkgs, }:`, the pipe operators `|>` and `<|`, `inherit (x);` without
names, and a `'` in an indented string that stands between an interpolation, an escape or the opening
quotes and the next interpolation, as in `''${a}'${b}''`.
"""

import re

from msgspec import Struct

_COMMENT = rb"#[^\n]*+|/\*(?>.*?\*/)"
_TOKEN = re.compile(
    rb"(?P<skip>"
    + _COMMENT
    + rb"|[A-Za-z][A-Za-z0-9+.-]*:[\w%/?:@&=+$,.!~*'-]+"  # an address without quotes may hold ' , and /*
    + rb")|''|\"|\$\{|[{}]|\|>|<\||,|\binherit\s*(?:\([^()\"'#{}]*\)\s*)?;|[A-Za-z_][\w'-]*",
    re.DOTALL,
)
_QUOTED = re.compile(rb"\\.|\$\$|\$\{|\"", re.DOTALL)
_INDENTED = re.compile(rb"'''|''\$|''\\.|\$\$|'(?=\$\{)|\$\{|''", re.DOTALL)
_CLOSES = re.compile(rb"(?:\s|" + _COMMENT + rb")*+\}", re.DOTALL)


class Masked(Struct, frozen=True):
    """Bytes for the grammar.

    Attributes:
        data: the masked bytes, as long as the original ones.
        pipes: byte offsets of the pipe operators among what was masked.
        commas: byte offsets of the commas among it.
    """

    data: bytes
    pipes: tuple[int, ...] = ()
    commas: tuple[int, ...] = ()


def mask(data: bytes) -> Masked:
    """Masks what the grammar does not know, where it stands outside of strings and comments."""
    out = bytearray(data)
    pipes: list[int] = []
    commas: list[int] = []
    stack = [b"{"]
    position = 0
    while True:
        context = stack[-1]
        pattern = _QUOTED if context == b'"' else _INDENTED if context == b"''" else _TOKEN
        found = pattern.search(data, position)
        if found is None:
            return Masked(bytes(out), tuple(pipes), tuple(commas))
        token = found[0]
        start, position = found.span()
        if token == b"${":
            stack.append(b"{")
        elif context != b"{":
            if token == context:
                stack.pop()
            elif token == b"'":
                out[start] = ord("_")
        elif found["skip"] is not None:
            continue
        elif token in (b'"', b"''", b"{"):
            stack.append(token)
        elif token == b"}":
            if len(stack) > 1:
                stack.pop()
        elif token in (b"|>", b"<|"):
            out[start:position] = b"//"
            pipes.append(start)
        elif token == b",":
            if _CLOSES.match(data, position):
                out[start] = ord(" ")
                commas.append(start)
        elif token.endswith(b";"):
            out[start:position] = re.sub(rb"[^\r\n]", b" ", token)
