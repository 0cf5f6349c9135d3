"""Loops whose sleeps make no interval of a timer: none, several, one that may be skipped, unknown or too short."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hwc_refactor.nix.shell_walk import leavings, reached
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.intervals import delay, interval
from hwc_refactor.nixos.loops.loop import Loop, sleep_of
from hwc_refactor.nixos.loops.obstacles import Obstacle, obstacle_at

SHORTEST = Decimal(3)
"""The shortest interval in seconds that the limit on starts (5 in 10 s; systemd-system.conf(5)) lets pass."""


def only_sleeps(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """There is nothing that a timer could start."""
    if not loop.round:
        yield obstacle_at(
            loop.script,
            loop.node,
            "loop-is-meant",
            "It does nothing but sleep, which keeps the service active",
        )


def sleeps_more_than_once(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """Two sleeps in every round, or one between two halves of the work."""
    if len(loop.sleeps) > 1:
        yield obstacle_at(
            loop.script,
            loop.sleeps[1],
            "loop-sleeps-more-than-once",
            f"Every round sleeps {len(loop.sleeps)} times; a timer has one interval",
        )
    elif len(loop.sleeps) == 1 and loop.form != "sleeping":
        at = loop.statements.index(loop.sleeps[0])
        if 0 < at < len(loop.statements) - 1:
            yield obstacle_at(
                loop.script,
                loop.sleeps[0],
                "loop-sleeps-more-than-once",
                "It sleeps between two halves of a round, neither at its beginning nor at its end",
            )


def may_skip_sleep(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """A round that goes to the next one without a pause."""
    if loop.sleeps_first:
        return
    for leaving in leavings(loop.script, loop.work):
        if leaving.how == "continue":
            yield obstacle_at(
                loop.script, leaving.node, "loop-may-skip-sleep", "A round may skip its sleep with 'continue'"
            )
            return


def interval_unknown(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """How long it sleeps is only known when it runs."""
    if not loop.sleeps:
        below = [
            at.node
            for at in reached(loop.script, loop.statements)
            if at.node.type == "command" and sleep_of(loop.script, at.node) is not None
        ]
        if below:
            yield obstacle_at(
                loop.script,
                below[0],
                "interval-unknown",
                "It sleeps only in some cases, or within a function",
            )
        else:
            yield obstacle_at(
                loop.script,
                loop.node,
                "loop-driven-by-events",
                "It never sleeps, so its rounds wait for something else than time",
            )
        return
    if interval(block, loop) is None:
        text = loop.script.as_written(" ".join(loop.script.source(loop.sleeps[0]).split()))
        yield obstacle_at(
            loop.script,
            loop.sleeps[0],
            "interval-unknown",
            f"How long '{text}' takes is only known when it runs",
        )
        return
    last = loop.before[-1] if loop.before else None
    if last is not None and last.script is not loop.script:
        last = None
    slept = last is not None and sleep_of(last.script, last.node) is not None
    if last is not None and slept and (delay(block, loop) is None or loop.sleeps_first):
        yield obstacle_at(
            last.script,
            last.node,
            "interval-unknown",
            "How long it waits before its first round cannot be said for a timer",
        )


def interval_too_short(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A unit that is started so often runs into the limit on starts."""
    found = interval(block, loop)
    if found is None or found.seconds is None or found.seconds >= SHORTEST:
        return
    if found.seconds < 1:
        yield obstacle_at(
            loop.script,
            loop.sleeps[0],
            "interval-below-one-second",
            "It sleeps for less than a second; starting a unit as often costs more than the loop does",
        )
    else:
        yield obstacle_at(
            loop.script,
            loop.sleeps[0],
            "interval-hits-start-limit",
            f"It sleeps {found.shown}; systemd refuses to start a unit more than five times in ten seconds",
        )
