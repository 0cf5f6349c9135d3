"""Whether the loop of a service may become a timer: all reasons against it, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nixos import loop_obstacles as script
from hwc_refactor.nixos import loop_units as unit
from hwc_refactor.nixos.loop_obstacles import Obstacle, Predicate
from hwc_refactor.nixos.loops import Loop
from hwc_refactor.nixos.objects import Block

OBSTACLES: tuple[Predicate, ...] = (
    unit.name,
    script.beside,
    script.driven_by_events,
    script.waits_for_condition,
    unit.timer,
    unit.kind,
    unit.open_definition,
    script.inside,
    script.not_in_sight,
    script.starts_jobs,
    script.cleans_up,
    unit.cleans_up,
    script.exit_is_the_signal,
    script.only_sleeps,
    script.carries_state,
    script.opened_once,
    unit.own_tmp,
    script.sleeps_more_than_once,
    script.may_skip_sleep,
    script.interval_unknown,
    script.interval_too_short,
    script.waits_before,
    script.setup_has_effects,
    script.keeps_a_process,
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
