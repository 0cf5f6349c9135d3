"""Endless loops with a sleep that are no loops of a shell: of Python programs, and of watch(1)."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.executables import executable_value
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import Program
from hwc_refactor.nixos.scripts.python_loops import sleeping_loop
from hwc_refactor.nixos.tree import Tree


class ForeignLoop(Struct, frozen=True):
    """A loop in another language than that of shells.

    Attributes:
        program: the program of the service that is in it.
        reason: one sentence for the user.
    """

    program: Program
    reason: str


def foreign_loop(block: Block) -> ForeignLoop | None:
    """The loop in which the main process of a service spends its life, when that is no shell."""
    for ran in facts(block).ran:
        if ran.program.directive != "ExecStart":
            continue
        if ran.name == "watch" and ran.words:
            reason = (
                "Its loop is that of watch, which starts a command again and again and shows what it prints."
            )
            return ForeignLoop(ran.program, reason)
        line = sleeping_loop(_text(block.tree, ran))
        if line is not None:
            reason = f"Its loop stands in a Python program (line {line} of it), which is not rewritten."
            return ForeignLoop(ran.program, reason)
    return None


def _text(tree: Tree, ran: Ran) -> bytes:
    """The text of a Python program that runs, as far as it is in sight."""
    file = ran.executable.file
    if file is not None:
        return file.data if (file.interpreter or "").startswith("python") else b""
    word = next((word for word in ran.words if not word.text.startswith("-")), None)
    if word is None or not word.refs or not ran.name.startswith("python"):
        return b""
    file = executable_value(tree, word.refs[0], word.text.rsplit("}", 1)[-1]).file
    return b"" if file is None else file.data
