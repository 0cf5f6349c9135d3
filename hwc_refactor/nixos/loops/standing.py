"""Loops that stand where a timer cannot take them from: out of sight, beside a process, under a condition."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.shell_walk import reached
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.loop import Loop, Step
from hwc_refactor.nixos.loops.obstacles import Obstacle, obstacle_at, shortened
from hwc_refactor.nixos.scripts.pieces import hidden


def not_in_sight(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """The script cannot be edited, or a part of it is not written in the tree."""
    script = loop.script
    if script.body.string is None and script.body.offset is not None:
        yield obstacle_at(
            loop.script,
            loop.node,
            "script-not-in-sight",
            f"The loop stands in {script.body.path}, a file of its own that other programs may run too",
        )
    elif not script.body.editable:
        yield obstacle_at(
            loop.script,
            loop.node,
            "script-not-in-sight",
            "Its script is put together from several strings, or escaped in a command line",
        )
    for step in (*(Step(script, node) for node in loop.round), *loop.before):
        for at in reached(step.script, [step.node]):
            if hidden(block.tree, step.script, at.node):
                text = step.script.holes()[_hole(step.script, at.node)].text
                yield obstacle_at(
                    step.script,
                    at.node,
                    "script-not-in-sight",
                    f"A part of its script is an expression whose text is not in sight, {shortened(text)}",
                )
                return


def beside(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It runs beside another process, or only in some cases."""
    if loop.where == "background":
        yield obstacle_at(
            loop.script,
            loop.background or loop.node,
            "loop-starts-background-job",
            "The loop itself runs in the background, beside another process of the service",
        )
    elif loop.where == "beside":
        yield obstacle_at(
            loop.script,
            loop.node,
            "unit-type-conflict",
            "The loop runs in ExecStartPost, beside the main process of the service",
        )


def inside(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It is not what the script comes to in every case."""
    if loop.where == "inside":
        yield obstacle_at(
            loop.script,
            loop.node,
            "loop-under-a-condition",
            "The script comes to the loop only in some cases, or does something else as well",
        )
    if loop.where == "nested":
        reason = "The loop is that of a shell which the script starts, not of the script itself"
        yield obstacle_at(loop.script, loop.node, "loop-under-a-condition", reason)


def _hole(script: Script, node: Node) -> int:
    command = script.command(node)
    assert command is not None
    return command.name.hole or 0
