"""Loops whose end means something: what they waited for is there, the service has failed, or something cleans up."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.shell_walk import leavings
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.obstacles import Obstacle, obstacle_at


def waits_for_condition(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It ends when something has come true, and what waits for it goes on."""
    if loop.form == "waiting":
        yield obstacle_at(
            loop.script,
            loop.node,
            "loop-waits-for-condition",
            "The loop ends when its condition says so, and the service goes on or is done",
        )
    for leaving in leavings(loop.script, loop.round):
        ends = leaving.how == "exit" and leaving.argument in ("", "0")
        if leaving.how in ("break", "return", "exec") or ends:
            yield obstacle_at(
                loop.script,
                leaving.node,
                "loop-waits-for-condition",
                f"A round may leave the loop with '{leaving.how}', so it does not go on for ever",
            )
            return


def exit_is_the_signal(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It leaves with an error, and the failed unit is what somebody looks at."""
    for leaving in leavings(loop.script, loop.round):
        if leaving.how == "exit" and leaving.argument not in ("", "0"):
            yield obstacle_at(
                loop.script,
                leaving.node,
                "exit-is-the-signal",
                f"A round may end the service with 'exit {leaving.argument}', and that it has ended is the"
                " message; a timer would try again",
            )
            return


def exit_is_told(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """It leaves with an error for good, or something acts on that."""
    restart = [slot.expr for slot in block.get("serviceConfig", "Restart") if not slot.rest]
    restarts = len(restart) == 1 and block.tree.resolver.literal(restart[0]) in ("always", "on-failure")
    acted = block.get("onFailure") or block.get("serviceConfig", "RestartMode")
    if not restarts or acted:
        yield from exit_is_the_signal(block, loop)


def cleans_up(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """Something runs when the loop ends: after every tick, with a timer."""
    for command in loop.script.commands:
        if command.name.text == "trap" and not any(w.text in ("-p", "-l") for w in command.arguments):
            yield obstacle_at(
                loop.script, command.node, "loop-cleans-up", "A trap runs when the service ends"
            )
            return
    for step in loop.after:
        yield obstacle_at(
            step.script,
            step.node,
            "loop-cleans-up",
            "After the loop the script goes on; with a timer that would run after every round",
        )
        return
