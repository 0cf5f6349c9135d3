"""What a loop does once, and a timer would do before every round: setting up, waiting, opening files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.shell_walk import reached
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.loop import Loop, setup, sleep_of
from hwc_refactor.nixos.loops.looping import names
from hwc_refactor.nixos.loops.obstacles import Obstacle, obstacle_at, shortened
from hwc_refactor.nixos.scripts.commands import knowledge
from hwc_refactor.nixos.scripts.executables import executable_of
from hwc_refactor.nixos.scripts.pieces import piece


def waits_before(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It waits once before its first round."""
    for step in setup(loop):
        for at in reached(step.script, [step.node]):
            if at.node.type == "command" and sleep_of(step.script, at.node) is not None:
                yield obstacle_at(
                    step.script,
                    at.node,
                    "loop-waits-for-condition",
                    "Before its first round it waits; with a timer it would wait before every run",
                )
                return


def setup_has_effects(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """What runs once today would run before every round."""
    for step in setup(loop):
        found = lasting(block, step.script, [step.node])
        if found is not None:
            yield obstacle_at(
                step.script,
                found[0],
                "setup-has-effects",
                f"Before the loop it {found[1]}; with a timer it would do that before every round",
            )
            return


def lasting(block: Block, script: Script, nodes: Iterable[Node]) -> tuple[Node, str] | None:
    """What in a stretch of script does harm when it runs again and again: the place, and what it does."""
    for at in reached(script, nodes):
        below = piece(block.tree, script, at.node)
        if below is not None:
            found = lasting(block, below, below.root.named_children)
            if found is not None:
                return at.node, found[1]
            continue
        if at.node.type == "file_redirect" and any(
            c.type in (">", ">>", "&>", ">|") for c in at.node.children
        ):
            target = at.node.child_by_field_name("destination")
            text = "" if target is None else script.source(target).strip("\"'")
            owner = at.node.parent
            held = owner is not None and script.source(owner).startswith("exec")
            if not text.startswith(("/dev/null", "/dev/std", "&")) and not held and not text.isdigit():
                return at.node, "writes a file"
            if held and _empties(script, at.node):
                return at.node, f"empties {text}"
        command = script.command(at.node) if at.node.type == "command" else None
        if command is None or command.name.text in script.functions:
            continue
        name = executable_of(block.tree, command.name.text, script.holes()).name or command.program
        known = knowledge(name)
        harmless = name in names("again") or (known is not None and known.plain)
        if not harmless and not (at.apart and known is not None and not known.writes):
            return at.node, f"runs '{name}'"
    return None


def opened_once(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A file that all rounds write into one after the other would begin anew with every round."""
    node = loop.node
    while node != loop.around and node.parent is not None:
        around = node.parent
        for beside in around.named_children:
            if beside == node or beside.type == "comment":
                continue
            if beside.type == "file_redirect":
                found = _empties(loop.script, beside)
            else:
                found = lasting(block, loop.script, [beside]) is not None
            if found:
                text = " ".join(loop.script.source(beside).split())
                yield obstacle_at(
                    loop.script,
                    beside,
                    "loop-carries-state",
                    f"All its rounds write into '{shortened(text)}', which a timer would begin anew with every round",
                )
                return
        node = around


def _empties(script: Script, redirect: Node) -> bool:
    """Whether a redirection begins its file anew."""
    target = redirect.child_by_field_name("destination")
    text = "" if target is None else script.source(target).strip("\"'")
    opens = any(child.type in (">", "&>", ">|") for child in redirect.children)
    return opens and not text.startswith(("/dev/", "&", ">(")) and not text.isdigit() and text != "-"
