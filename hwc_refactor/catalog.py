"""The documented diffs and codemods by name, for lists and messages."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.model import Severity
from hwc_refactor.recipes import Recipe, recipes
from hwc_refactor.registry import codemods
from hwc_refactor.selection import ORDER


class Entry(Struct, frozen=True):
    """A documented diff or a codemod as a list shows it.

    Attributes:
        id: what to type: the number of a diff, the name of a codemod.
        what: what it changes.
        severity: how bad it is what it removes.
        applicability: what its changes promise: `safe`, `review`, `safe or review`.
        documented_as: the documented diffs or phase it belongs to; for a diff, its codemods.
    """

    id: str
    what: str
    severity: Severity
    applicability: str
    documented_as: str


def diff_entries() -> list[Entry]:
    """The six documented diffs."""
    return [_of_diff(recipe) for recipe in recipes().values()]


def codemod_entries() -> list[Entry]:
    """All codemods, in the order in which they run."""
    found = (codemods()[name] for name in ORDER)
    return [
        Entry(one.id, one.manual.summary, one.severity, one.applicability, one.documented_as) for one in found
    ]


def names() -> tuple[str, ...]:
    """What `explain` takes: the numbers of the diffs and the names of the codemods."""
    return (*map(str, recipes()), *ORDER)


def _of_diff(recipe: Recipe) -> Entry:
    used = list(dict.fromkeys(step.codemod for step in recipe.passes))
    promises = {codemods()[name].applicability for name in used}
    weakest = next((word for word in ("review", "safe or review") if word in promises), "safe")
    return Entry(str(recipe.diff), recipe.title, recipe.severity, weakest, ", ".join(used))
