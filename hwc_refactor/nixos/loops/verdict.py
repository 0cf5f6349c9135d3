"""Whether the loop of a service may become a timer: all reasons against it, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops import endings, setup, standing, state, times, unit, work
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.obstacles import Obstacle, Predicate

OBSTACLES: tuple[Predicate, ...] = (
    unit.name,
    standing.beside,
    work.driven_by_events,
    endings.waits_for_condition,
    unit.home_manager,
    unit.timer,
    unit.kind,
    unit.open_definition,
    standing.inside,
    standing.not_in_sight,
    work.starts_jobs,
    endings.cleans_up,
    unit.cleans_up,
    endings.exit_is_the_signal,
    times.only_sleeps,
    state.carries_state,
    setup.opened_once,
    unit.own_tmp,
    times.sleeps_more_than_once,
    times.may_skip_sleep,
    times.interval_unknown,
    times.interval_too_short,
    setup.waits_before,
    setup.setup_has_effects,
    work.keeps_a_process,
    unit.starts_with_effects,
    unit.elsewhere,
    unit.disabled,
    unit.meant,
    unit.used_elsewhere,
)
"""The predicates, those first that say most about what kind of service it is."""


def obstacles(block: Block, loop: Loop, *, besides: tuple[Predicate, ...] = ()) -> Iterator[Obstacle]:
    """Why the loop of a service must not become a timer, the clearest reason first; none where it may.

    Args:
        block: the service.
        loop: its loop.
        besides: predicates that do not count.
    """
    for predicate in OBSTACLES:
        if predicate not in besides:
            yield from predicate(block, loop)
