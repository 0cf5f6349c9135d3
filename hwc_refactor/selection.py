"""What the user asked for, turned into the steps of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.codemod import Codemod
from hwc_refactor.near import nearest
from hwc_refactor.nixos.block import Kind
from hwc_refactor.recipes import Recipe, RecipePass, recipes
from hwc_refactor.registry import codemods
from hwc_refactor.settings import Settings


class Phase(Struct, frozen=True):
    """A phase of the priority plan: first its documented diffs, then its codemods on everything.

    Attributes:
        diffs: numbers of documented diffs, in order.
        codemods: ids, in the order in which they run.
    """

    title: str
    diffs: tuple[int, ...]
    codemods: tuple[str, ...]


PHASES: Mapping[int, Phase] = {
    1: Phase(
        "Critical security",
        (3, 2, 4),
        (
            "unprivileged-container",
            "pin-image",
            "env-secrets-to-load-credential",
            "root-to-dynamic-user",
        ),
    ),
    2: Phase("Standardization", (5, 6), ("container-module", "monitor-module")),
    3: Phase("Refinement", (1,), ("loop-to-timer", "state-directories", "restart-policy", "harden-service")),
}
"""The priority plan. All of it is what `--all` runs, phase by phase."""

ORDER = tuple(name for phase in PHASES.values() for name in phase.codemods)
"""All codemods in the order in which they run: what others build on comes first, hardening last."""

DIFF_ORDER = tuple(number for phase in PHASES.values() for number in phase.diffs)
"""All documented diffs in the order in which they run: what is critical comes before containers are moved."""


class SelectionError(Exception):
    """What was asked for cannot be done; the message is for the user. The exit code is 2."""


class Selection(Struct, frozen=True):
    """What to run.

    Attributes:
        diffs: numbers of documented diffs.
        codemods: ids of codemods, to run on everything they find.
        phases: numbers of phases of the priority plan.
        everything: all phases of the plan.
        only: globs of object names; empty for all.
    """

    diffs: tuple[int, ...] = ()
    codemods: tuple[str, ...] = ()
    phases: tuple[int, ...] = ()
    everything: bool = False
    only: tuple[str, ...] = ()


class Step(Struct, frozen=True):
    """One codemod over all objects, or over the object of a documented diff.

    Attributes:
        at_home: whether the object counts only where the documented file holds it; then it may be missing.
        other: the kind of objects it is about, where that is not the first one of its codemod.
    """

    codemod: Codemod
    target: RecipePass | None = None
    diff: int | None = None
    parameters: Mapping[str, object] = {}
    at_home: bool = False
    other: Kind | None = None

    @property
    def kind(self) -> Kind:
        """The kind of objects it is about."""
        return self.other or self.codemod.kind

    @property
    def generic(self) -> bool:
        """Whether it is a codemod on everything, without the values of a documented diff."""
        return self.target is None and not self.parameters


def steps(selection: Selection, settings: Settings) -> list[Step]:
    """The steps of a run, in their order: documented diffs, phases, codemods; those of each as in the plan.

    Within a phase, and in a run of everything, a documented diff is about the documented configuration
    alone: a service of the same name elsewhere is no reason to give it the values of that document.

    Raises:
        SelectionError: when a diff, phase or codemod does not exist.
    """
    for number in selection.diffs:
        _recipe(number)
    found = list(_diff_steps(number for number in DIFF_ORDER if number in selection.diffs))
    wanted = {_known(name) for name in selection.codemods}
    for number in sorted({*selection.phases, *(PHASES if selection.everything else ())}):
        found += _phase_steps(number)
    found += [Step(codemods()[name]) for name in ORDER if name in wanted]
    kept = once(step for step in found if step.codemod.id not in settings.disable)
    return [one for step in kept for one in _kinds(step)]


def switched_off(selection: Selection, settings: Settings) -> tuple[str, ...]:
    """The codemods that were asked for by name, or by the number of a diff, and that the settings do not let run."""
    asked = {*selection.codemods, *(step.codemod.id for step in _diff_steps(selection.diffs))}
    return tuple(name for name in ORDER if name in asked.intersection(settings.disable))


def once(found: Iterable[Step]) -> list[Step]:
    """Steps, each codemod on everything the first time alone: a second time it would find the same."""
    kept: list[Step] = []
    seen: set[tuple[str, str]] = set()
    for step in found:
        if not step.generic or (step.codemod.id, step.kind.name) not in seen:
            kept.append(step)
        if step.generic:
            seen.add((step.codemod.id, step.kind.name))
    return kept


def _kinds(step: Step) -> Iterator[Step]:
    """A step for each kind of objects that its codemod is handed; a documented one is about one object."""
    yield step
    if step.target is None:
        for kind in step.codemod.also:
            yield replace(step, other=kind)


def _phase_steps(number: int) -> Iterator[Step]:
    """The steps of a phase. Raises SelectionError."""
    if number not in PHASES:
        raise SelectionError(f"there is no phase {number}; the plan has phases 1, 2 and 3")
    for step in _diff_steps(PHASES[number].diffs):
        yield replace(step, at_home=True)
    for name in PHASES[number].codemods:
        yield Step(codemods()[name])


def _diff_steps(diffs: Iterable[int]) -> Iterator[Step]:
    for number in diffs:
        for target in _recipe(number).passes:
            one = None if target.batch else target
            yield Step(codemods()[target.codemod], one, number, target.parameters)


def _recipe(number: int) -> Recipe:
    """A documented diff. Raises SelectionError."""
    if number not in recipes():
        raise SelectionError(f"there is no diff {number}; the documented diffs are 1 to 6")
    return recipes()[number]


def _known(name: str) -> str:
    if name in codemods():
        return name
    near = nearest(name, ORDER)
    hint = f"; did you mean {near}?" if near else "; 'hwc-refactor list' shows all of them"
    raise SelectionError(f"there is no codemod '{name}'{hint}")
