"""Lines at the head of a script: before its first statement, behind those that set options of the shell."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.shell import Script
from hwc_refactor.nixos.block import Block
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft


def prepend(draft: Draft, block: Block, script: Script, lines: Sequence[str]) -> None:
    """Put lines at the head of a script of a service.

    Raises:
        NoPlace: when the script serves other services too.
    """
    placing.demand_own(block.tree, block, script.at)
    start = _first_statement(script)
    indent = _indent(script.body.data, start)
    newline = "\r\n" if b"\r\n" in script.body.data else "\n"
    draft.rewrite_script(script, [(start, start, "".join(f"{line}{newline}{indent}" for line in lines))])


def _first_statement(script: Script) -> int:
    """The offset of the first statement that does more than set options of the shell, or of its comments."""
    above: int | None = None
    for node in script.root.named_children:
        if node.type == "comment":
            if above is None and not script.source(node).startswith("#!"):
                above = node.start_byte
            continue
        command = script.command(node) if node.type == "command" else None
        if command is None or command.program != "set":
            return node.start_byte if above is None else above
        above = None
    return len(script.body.data)


def _indent(data: bytes, offset: int) -> str:
    line = data[data.rfind(b"\n", 0, offset) + 1 : offset]
    return line.decode() if not line.strip() else ""
