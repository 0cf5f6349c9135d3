"""What a health check runs, as the script of the shared module, which is stricter than systemd's."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix import build
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import STRING_TYPES
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Expr, Gap, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.checks import Check
from hwc_refactor.nixos.scripts.programs import Program
from hwc_refactor.nixos.scripts.strictness import bears_errexit
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.loops.unlooping import Replacement, indentation, newline, unlooped
from hwc_refactor.rewriting.module_words import CannotSay

GIVEN = frozenset(
    {"PATH", "HOME", "PWD", "SHELL", "USER", "LOGNAME", "INVOCATION_ID", "HOSTNAME", "UID", "EUID", "BASHPID"}
)
"""Variables that bash and systemd give to every script (systemd.exec(5), Environment Variables; bash manual)."""


def script_words(draft: Draft, block: Block, check: Check, program: Program) -> list[Snippet]:
    """What a health check runs, as the module's `script`; empty where the service has one already.

    Raises:
        CannotSay: when its program cannot be started from a script.
        NoPlace: when its script serves other services too.
    """
    loop = check.loop
    script = loop.script if loop is not None else program.script
    edits: tuple[Replacement, ...] = ()
    nodes: Sequence[Node] = () if script is None else script.root.named_children
    if loop is not None:
        nodes = (*(step.node for step in loop.before), *loop.work)
        placing.demand_own(block.tree, block, loop.script.at)
        found = unlooped(block, loop)
        edits = found.edits
        for text in found.comments:
            draft.note(f"The comment '{text}' went with what it described.")
    if program.option == ("script",):
        if script is None:
            raise CannotSay("script-not-in-sight", "Its script is not written in the tree.", program.at)
        _rewrite(draft, block, script, _laxer(block, script, program, nodes, edits))
        return []
    inline = _inline(block, program)
    if inline is not None and script is not None and script.at.node == inline.node:
        return _moved(draft, block, script, _laxer(block, script, program, nodes, edits), inline)
    if edits and script is not None:
        _rewrite(draft, block, script, edits)
    return [Snippet(f"script = {_started(program)};")]


def _rewrite(draft: Draft, block: Block, script: Script, edits: tuple[Replacement, ...]) -> None:
    if edits:
        placing.demand_own(block.tree, block, script.at)
        draft.rewrite_script(script, edits)


def _inline(block: Block, program: Program) -> Expr | None:
    """The text of a script that a builder is given on the spot: `pkgs.writeShellScript "x" ''…''`."""
    value = block.tree.resolver.value(program.slot.expr)
    if isinstance(value, Str) and len(value.parts) == 1 and isinstance(value.parts[0], Gap):
        value = value.parts[0].value
    if not isinstance(value, Call) or not value.name.startswith("writeShellScript") or len(value.args) != 2:
        return None
    text = value.args[1]
    within = program.slot.binding is not None and (
        program.slot.binding.start_byte <= text.node.start_byte < program.slot.binding.end_byte
    )
    return text if within and text.node.type in STRING_TYPES else None


def _moved(
    draft: Draft, block: Block, script: Script, edits: tuple[Replacement, ...], text: Expr
) -> list[Snippet]:
    """The script stands in an option of its own now, instead of in ExecStart."""
    _rewrite(draft, block, script, edits)
    current = draft.now(text.file)
    node = draft.here(text.file, text.node)
    margin = current.source.indent(node.start_byte)
    text_now = current.text(node).replace(b"\r\n", b"\n")
    moved = build.reindent(text_now, margin, b"").decode(errors="replace")
    return [Snippet(f"script = {moved};")]


def _started(program: Program) -> str:
    """A script that starts the program of an Exec line."""
    at = program.slot.expr
    if program.prefixes or (
        program.line is not None and any(b"%" in a.data or b"$" in a.data for a in program.line.arguments)
    ):
        raise CannotSay("script-not-in-sight", "Its command line is no plain one for a shell.", at)
    if at.node.type in STRING_TYPES:
        line = program.line
        if line is None or any(a.inside is not None and a.start != a.inside for a in line.arguments):
            raise CannotSay("script-not-in-sight", "Its command line is no plain one for a shell.", at)
        return at.text
    return '"${' + at.text + '}"'


def _laxer(
    block: Block, script: Script, program: Program, nodes: Sequence[Node], edits: tuple[Replacement, ...]
) -> tuple[Replacement, ...]:
    """The edits, and what takes back of the module's `set -euo pipefail` what the script does not bear."""
    options = [
        word.text for command in script.commands if command.program == "set" for word in command.arguments
    ]
    flags = [option.lstrip("-") for option in options if option.startswith("-")]
    off: list[str] = []
    strict = program.strict or any("e" in flag for flag in flags) or "errexit" in options
    if not strict and not bears_errexit(script, nodes):
        off.append("+e")
    unset = {name for name in script.expanded() - script.assigned() if name.isalnum() or name.isidentifier()}
    unset -= {*block.names("environment"), *GIVEN}
    if unset and not any("u" in flag for flag in flags) and "nounset" not in options:
        off.append("+u")
    if any(True for _ in script.nodes("pipeline")) and "pipefail" not in options:
        off.append("+o pipefail")
    if not off:
        return edits
    statements = [node for node in script.root.named_children if node.type != "comment"]
    at = statements[0].start_byte if statements else 0
    text = f"set {' '.join(off)}{newline(script)}{indentation(script, at)}"
    first = next((edit for edit in edits if edit[0] == at), None)
    if first is None:
        return ((at, at, text), *edits)
    return tuple((s, e, text + t) if (s, e, t) == first else (s, e, t) for s, e, t in edits)
