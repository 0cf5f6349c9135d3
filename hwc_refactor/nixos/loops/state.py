"""Loops whose rounds know something from before, which is lost with the process."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.shell_flow import carried
from hwc_refactor.nix.shell_walk import Reached, reached
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.loop import Loop, setup
from hwc_refactor.nixos.loops.looping import names
from hwc_refactor.nixos.loops.obstacles import Obstacle, obstacle_at
from hwc_refactor.nixos.scripts.executables import executable_of


def carries_state(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """What a round knows from the one before it is lost with the process."""
    for found in carried(loop.script, (*loop.condition, *loop.statements)):
        yield obstacle_at(
            loop.script,
            found.read,
            "loop-carries-state",
            f"A round reads '{found.name}', which the one before it has set (line {loop.script.line(found.set)})",
        )
        return
    for at in reached(loop.script, loop.round):
        command = loop.script.command(at.node) if at.node.type == "command" else None
        if command is None or at.apart:
            continue
        first = command.arguments[0].text if command.arguments else ""
        relative = bool(first) and not first.startswith(("/", "$", "~", "__nix", "-"))
        if (command.name.text in ("cd", "pushd") and relative) or command.name.text in ("eval", "popd"):
            yield obstacle_at(
                loop.script,
                at.node,
                "loop-carries-state",
                f"A round changes the state of the shell with '{command.name.text}', which the next one has",
            )
            return
    yield from _moment(block, loop)


def _moment(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A value that belongs to the moment before the loop began."""
    used = {
        loop.script.source(at.node)
        for at in reached(loop.script, (*loop.condition, *loop.statements))
        if at.node.type == "variable_name"
    }
    for step in setup(loop):
        for at in reached(step.script, [step.node]):
            name = at.node.child_by_field_name("name") if at.node.type == "variable_assignment" else None
            if name is None or step.script.source(name) not in used:
                continue
            for below in reached(step.script, at.node.named_children):
                if _is_moment(block, step.script, below):
                    yield obstacle_at(
                        step.script,
                        step.node,
                        "loop-carries-state",
                        f"Its rounds use '{step.script.source(name)}', which belongs to the moment in which"
                        " the loop began",
                    )
                    return


def _is_moment(block: Block, script: Script, at: Reached) -> bool:
    if at.node.type == "variable_name":
        return script.source(at.node) in names("moment", "variables")
    command = script.command(at.node) if at.node.type == "command" else None
    if command is None:
        return False
    return executable_of(block.tree, command.name.text, script.holes()).name in names("moment")
