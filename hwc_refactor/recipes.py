"""The documented diffs as data: which codemods run on which object, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from msgspec import Struct

from hwc_refactor.model import Severity
from hwc_refactor.parts import RECIPES, package


class RecipePass(Struct, frozen=True):
    """One step of a documented diff.

    Attributes:
        codemod: which codemod.
        file: the documented file, relative to the root; tried first.
        kind, name: the object it is about, looked for by name where the file is elsewhere. File and name
            are empty for a batch: all objects of the kind.
        optional: whether the diff does without the object when a configuration has none of this name.
        parameters: what the diff prescribes beside the codemod's own rules.
        becomes: the name that the diff gives the object; None when it keeps its own.
    """

    codemod: str
    file: str
    kind: str
    name: str
    optional: bool
    parameters: Mapping[str, object]
    becomes: str | None = None

    @property
    def batch(self) -> bool:
        """Whether it is about all objects of its kind."""
        return not self.name


class Recipe(Struct, frozen=True):
    """One documented diff."""

    diff: int
    title: str
    severity: Severity
    why: str
    benefits: tuple[str, ...]
    passes: tuple[RecipePass, ...]


@cache
def recipes() -> Mapping[int, Recipe]:
    """The documented diffs by number."""
    import tomllib

    found: dict[int, Recipe] = {}
    for entry in sorted(files(package(RECIPES)).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            recipe = _recipe(tomllib.loads(entry.read_text(encoding="utf-8")))
            found[recipe.diff] = recipe
    return found


def recorded(recipe: Recipe) -> str:
    """What a documented diff changes in the example, as a unified diff of one file: the documented one if it can."""
    whole = (files(package(RECIPES)) / f"diff{recipe.diff}.patch").read_text(encoding="utf-8")
    parts = [HEAD + part for part in whole.split(HEAD)[1:]]
    documented = [step.file for step in recipe.passes if step.file]
    ours = [part for path in documented for part in parts if part.startswith(f"{HEAD}a/{path} ")]
    return next((part for part in (*ours, *parts) if "\n--- /dev/null\n" not in part), "").rstrip("\n")


HEAD = "diff --git "
"""What the part of each file begins with."""


def _recipe(data: Mapping[str, object]) -> Recipe:
    passes = data["pass"]
    benefits = data["benefits"]
    diff = data["diff"]
    assert isinstance(passes, list)
    assert isinstance(benefits, list)
    assert isinstance(diff, int)
    return Recipe(
        diff,
        str(data["title"]),
        Severity[str(data["severity"]).upper()],
        str(data["why"]),
        tuple(str(benefit) for benefit in benefits),
        tuple(
            RecipePass(
                str(step["codemod"]),
                str(step.get("file", "")),
                str(step["kind"]),
                str(step.get("name", "")),
                bool(step.get("optional", False)),
                step.get("parameters", {}),
                step.get("becomes"),
            )
            for step in passes
        ),
    )
