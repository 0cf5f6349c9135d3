"""What is asked of every object of a kind to judge a single one: worked out once for a whole tree.

The answers are plain values. So they can be gathered by several processes, of which none has to look at
all objects.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hwc_refactor.nixos.block import Block, Kind
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree


class Survey(Struct, frozen=True):
    """A question to all objects of a kind.

    Attributes:
        name: what tells it from others.
        kind: the kind.
        ask: gives a plain value.
    """

    name: str
    kind: Kind
    ask: Callable[[Block], object]


def surveyed(tree: Tree, survey: Survey) -> tuple[object, ...]:
    """The answers of all objects, in their order."""
    known = tree.memo.get(("survey", survey.name))
    if not isinstance(known, tuple):
        known = tuple(survey.ask(block) for block in objects(tree, survey.kind))
        learn(tree, survey, known)
    return known


def learn(tree: Tree, survey: Survey, answers: tuple[object, ...]) -> None:
    """Take over answers that were gathered elsewhere."""
    tree.memo["survey", survey.name] = answers
