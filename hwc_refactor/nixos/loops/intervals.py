"""How long a loop sleeps, and how systemd writes such a time.

The units of `sleep`: coreutils manual, "sleep invocation". Those of systemd: systemd.time(7), "Parsing time spans".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from hwc_refactor.nix.shell import Piece, Script, Word
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Scalar, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.loop import Loop, sleep_of

_SPAN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)\Z")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_PRODUCT = re.compile(r"\$\(\(\s*\d+(?:\s*\*\s*\d+)*\s*\)\)\Z")


class Interval(Struct, frozen=True, eq=False):
    """The time that a loop sleeps.

    Attributes:
        seconds: how long, in seconds; None when the Nix expression decides.
        parts: known text and Nix expressions that make it up; empty for a plain time.
    """

    seconds: Decimal | None
    parts: tuple[str | Expr, ...] = ()

    @property
    def nix(self) -> str:
        """It as a Nix string, as systemd reads it."""
        if not self.parts and self.seconds is not None:
            return f'"{span(self.seconds)}"'
        if len(self.parts) == 1 and isinstance(self.parts[0], Expr):
            return self.parts[0].text
        return '"' + "".join(p if isinstance(p, str) else "${" + p.text + "}" for p in self.parts) + '"'

    @property
    def shown(self) -> str:
        """It in words for the user."""
        return self.nix.strip('"')

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """The Nix expressions in it."""
        return tuple(part for part in self.parts if isinstance(part, Expr))


def span(seconds: Decimal) -> str:
    """A time as systemd writes it: `1min 30s`."""
    if seconds != int(seconds):
        return f"{int(seconds * 1000)}ms"
    rest, found = int(seconds), []
    for name, size in _UNITS:
        count, rest = divmod(rest, size)
        found += [f"{count}{name}"] if count else []
    return " ".join(found) or "0s"


def interval_of(block: Block, script: Script, node: Node) -> Interval | None:
    """How long a sleep takes; None when only the running script knows."""
    command = sleep_of(script, node)
    if command is None or not command.arguments:
        return None
    found = [_time(block, script, word) for word in command.arguments]
    if len(found) == 1:
        return found[0]
    seconds = [one.seconds for one in found if one is not None and one.seconds is not None]
    return Interval(sum(seconds, Decimal(0))) if len(seconds) == len(found) else None


def _time(block: Block, script: Script, word: Word, depth: int = 0) -> Interval | None:
    if len(word.pieces) == 1 and depth < 4:
        piece = word.pieces[0]
        text = script.source(piece.node)
        if piece.kind == "open" and _PRODUCT.match(text):
            product = Decimal(1)
            for number in re.findall(r"\d+", text):
                product *= int(number)
            return Interval(product)
        name, default = _variable(script, piece)
        if name is not None:
            if name in script.constants:
                return _time(block, script, script.constants[name], depth + 1)
            if name in script.assigned():
                return None
            return _from_environment(block, name, default)
    return _from_pieces(block, script, word.pieces)


def _from_pieces(block: Block, script: Script, pieces: Sequence[Piece]) -> Interval | None:
    parts: list[str | Expr] = []
    for piece in pieces:
        if piece.kind == "text":
            parts.append(piece.text)
        elif piece.kind == "hole":
            parts.append(script.body.holes[piece.hole])
        elif piece.kind == "variable" and piece.text in script.constants:
            below = _from_pieces(block, script, script.constants[piece.text].pieces)
            if below is None:
                return None
            parts += below.parts or (str(below.seconds),)
        else:
            return None
    return _interval(block, parts)


def _interval(block: Block, parts: Sequence[str | Expr]) -> Interval | None:
    text = ""
    for part in parts:
        known = part if isinstance(part, str) else _known(block, part)
        if known is None:
            return Interval(None, tuple(parts))
        text += known
    seconds = _seconds(text)
    if seconds is None:
        return None
    return Interval(seconds, tuple(parts) if any(isinstance(p, Expr) for p in parts) else ())


def _known(block: Block, expr: Expr) -> str | None:
    value = block.tree.resolver.value(expr)
    if isinstance(value, Str):
        return value.literal
    if isinstance(value, Scalar) and isinstance(value.value, int | float):
        return str(value.value)
    return None


def _seconds(text: str) -> Decimal | None:
    match = _SPAN.match(text.strip())
    return None if match is None else Decimal(match[1]) * _SECONDS[match[2]]


def _variable(script: Script, piece: Piece) -> tuple[str | None, str | None]:
    """The variable that a word consists of, and its default: `${X:-60}`."""
    if piece.kind == "variable":
        return piece.text, None
    if piece.kind == "open" and piece.node.type == "expansion":
        inner = piece.node.named_children
        operators = [child.type for child in piece.node.children if not child.is_named]
        if len(inner) == 2 and inner[0].type == "variable_name" and operators[1:2] in ([":-"], ["-"]):
            return script.source(inner[0]), script.source(inner[1])
    return None, None


def _from_environment(block: Block, name: str, default: str | None) -> Interval | None:
    """What a variable that the script does not set has from the unit."""
    slots = [slot for slot in block.get("environment", name) if not slot.rest]
    if len(slots) == 1 and not slots[0].conditions:
        return _interval(block, [slots[0].expr])
    files = block.get("serviceConfig", "EnvironmentFile") or block.get("serviceConfig", "Environment")
    unknown = slots or files or block.doubts("environment") or default is None
    seconds = None if unknown or default is None else _seconds(default)
    return None if seconds is None else Interval(seconds)


def interval(block: Block, loop: Loop) -> Interval | None:
    """How long the loop sleeps between its rounds."""
    return interval_of(block, loop.script, loop.sleeps[0]) if loop.sleeps else None


def delay(block: Block, loop: Loop) -> Interval | None:
    """How long it sleeps once before its first round."""
    last = loop.before[-1] if loop.before else None
    if last is None or last.script is not loop.script:
        return None
    return interval_of(block, last.script, last.node)
