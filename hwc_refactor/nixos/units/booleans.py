"""Directives that are on or off: the words that systemd takes for that (systemd.syntax(7), "boolean arguments")."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.values import Scalar, Str
from hwc_refactor.nixos.block import Block

TRUE = frozenset(("1", "yes", "y", "true", "t", "on"))
FALSE = frozenset(("0", "no", "n", "false", "f", "off"))


def boolean(values: Sequence[str]) -> bool | None:
    """What systemd takes a directive for, given values in order; None when none of them is a boolean."""
    for value in reversed(values):
        if value.lower() in TRUE:
            return True
        if value.lower() in FALSE:
            return False
    return None


def switched(block: Block, *path: str) -> bool | None:
    """Whether a directive of a unit is on or off, as a boolean of Nix or in a word; None when neither is known."""
    match block.value(*path):
        case Scalar(value=bool() as truth):
            return truth
        case Str(literal=str() as word):
            return boolean((word,))
        case _:
            return None
