"""A reason why a loop must not become a timer, with the sentence a user reads.

The reasons are small predicates: those that the script gives stand in `standing`, `work`, `endings`,
`state`, `setup` and `times`, those of the unit in `unit`, and their order in `verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.loop import Loop


class Obstacle(Struct, frozen=True):
    """Why a loop stays a loop.

    Attributes:
        code: a stable word for the reason.
        text: a sentence for the user, without a place and a full stop.
        path, line: the place it is about.
    """

    code: str
    text: str
    path: str
    line: int

    def reason(self, file: str) -> str:
        """The sentence, for a reader who looks at a file."""
        where = f"line {self.line}" if self.path == file else f"{self.path}, line {self.line}"
        return f"{self.text} ({where})."


Predicate = Callable[[Block, Loop], Iterator[Obstacle]]


def obstacle_at(script: Script, node: Node, code: str, text: str) -> Obstacle:
    """A reason about a node of a script."""
    return Obstacle(code, text, script.body.path, script.line(node))


def shortened(text: str) -> str:
    """A text on one line of at most 60 characters, for a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"
