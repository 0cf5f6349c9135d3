"""What the user asked for, turned into the steps of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from hwc_refactor.codemod import Codemod
from hwc_refactor.recipes import RecipePass, recipes
from hwc_refactor.registry import codemods
from hwc_refactor.settings import Settings

ORDER = (
    "unprivileged-container",
    "pin-image",
    "container-module",
    "monitor-module",
    "loop-to-timer",
    "env-secrets-to-load-credential",
    "root-to-dynamic-user",
    "state-directories",
    "restart-policy",
    "harden-service",
)
"""All codemods in the order in which they run: what others build on comes first, hardening last."""

PHASES: Mapping[int, tuple[tuple[int, ...], tuple[str, ...]]] = {
    1: ((3, 2, 4), ()),
    2: ((5, 6), ()),
    3: ((1,), ("state-directories", "restart-policy", "harden-service")),
}
"""The priority plan: for each phase its diffs, in order, and the codemods that run on everything."""


class SelectionError(Exception):
    """What was asked for cannot be done; the message is for the user. The exit code is 2."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run.

    Attributes:
        diffs: numbers of documented diffs.
        codemods: ids of codemods, to run on everything they find.
        phases: numbers of phases of the priority plan.
        everything: all codemods but those that run on request.
        only: globs of object names; empty for all.
    """

    diffs: tuple[int, ...] = ()
    codemods: tuple[str, ...] = ()
    phases: tuple[int, ...] = ()
    everything: bool = False
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One codemod over all objects, or over the object of a documented diff."""

    codemod: Codemod
    target: RecipePass | None = None
    diff: int | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


def steps(selection: Selection, settings: Settings) -> list[Step]:
    """The steps of a run, in their order.

    Raises:
        SelectionError: when a diff, phase or codemod does not exist or is not in this release.
    """
    diffs = list(selection.diffs)
    wanted = {_known(name) for name in selection.codemods}
    if selection.everything:
        wanted |= {
            name for name, known in codemods().items() if not (known.only_in_diffs or known.on_request)
        }
    for phase in selection.phases:
        if phase not in PHASES:
            raise SelectionError(f"there is no phase {phase}; the plan has phases 1, 2 and 3")
        phase_diffs, phase_codemods = PHASES[phase]
        missing = [f"diff {n}" for n in phase_diffs if n not in recipes()]
        missing += [name for name in phase_codemods if name not in codemods()]
        if missing:
            raise SelectionError(
                f"phase {phase} needs {', '.join(missing)}, which this release does not have yet;"
                " 'hwc-refactor list' shows what it has"
            )
        diffs += phase_diffs
        wanted |= set(phase_codemods)
    found = list(_diff_steps(diffs))
    found += [Step(codemods()[name]) for name in ORDER if name in wanted]
    return [step for step in found if step.codemod.id not in settings.disable]


def _diff_steps(diffs: list[int]) -> Iterator[Step]:
    for number in dict.fromkeys(diffs):
        recipe = recipes().get(number)
        if recipe is None:
            if 1 <= number <= 6:
                raise SelectionError(
                    f"diff {number} is not in this release yet; 'hwc-refactor list' shows what it has"
                )
            raise SelectionError(f"there is no diff {number}; the documented diffs are 1 to 6")
        for target in recipe.passes:
            one = None if target.batch else target
            yield Step(codemods()[target.codemod], one, number, target.parameters)


def _known(name: str) -> str:
    if name in codemods():
        if codemods()[name].only_in_diffs:
            raise SelectionError(
                f"{name} runs as part of the documented diffs in this release;"
                f" 'hwc-refactor explain {name}' says in which"
            )
        return name
    if name in ORDER:
        raise SelectionError(
            f"the codemod {name} is not in this release yet; 'hwc-refactor list' shows what it has"
        )
    near = get_close_matches(name, ORDER, 1)
    hint = f"; did you mean {near[0]}?" if near else "; 'hwc-refactor list' shows all of them"
    raise SelectionError(f"there is no codemod '{name}'{hint}")
