"""What a step looks at, and what its codemod says of each object."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from hwc_refactor.codemod import Codemod, Context, Outcome
from hwc_refactor.model import Change, Problem, Refusal
from hwc_refactor.nixos.objects import Block, objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.project import Project
from hwc_refactor.selection import SelectionError, Step
from hwc_refactor.settings import Settings

Key = tuple[str, str, str, int]
"""What tells an object from others on every text: kind, file, name, and its number among equals."""


def targets(tree: Tree, project: Project, step: Step, names: Iterable[str] | None = None) -> dict[Key, Block]:
    """The objects of a step, by key; only those of some names, when given.

    Raises:
        SelectionError: when a documented diff is about an object that is not there.
    """
    target = step.target
    if target is not None:
        names = (target.name,)
    blocks = objects(tree, step.codemod.kind, names)
    if target is not None:
        documented = [block for block in blocks if block.file == target.file]
        elsewhere = [] if step.at_home else [block for block in blocks if block.own]
        blocks = documented or elsewhere
        if not blocks and not (target.optional or step.at_home):
            raise SelectionError(
                f"diff {step.diff} is about the {target.kind} '{target.name}' in {target.file}: there is"
                f" neither that file nor another definition of this {target.kind} under {project.root}"
            )
    found: dict[Key, Block] = {}
    for block in blocks:
        ordinal = 0
        while (key := (block.kind.name, block.file, block.name, ordinal)) in found:
            ordinal += 1
        found[key] = block
    return found


def wanted(project: Project, only: Sequence[str], block: Block) -> bool:
    """Whether an object is among those that the user named, by path and by name."""
    return project.covers(block.file) and (
        not only or any(fnmatchcase(block.name, pattern) for pattern in only)
    )


def propose(
    codemod: Codemod, key: Key, block: Block, context: Context
) -> tuple[tuple[Key, Outcome | Problem], ...]:
    """What a codemod says of an object; a fault in it is a problem by name and stops nobody else.

    Returns:
        Each outcome with what tells it from others: the key of the object, for further refusals with their code.
    """
    try:
        said = codemod.propose(block, context)
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
        line, column = block.place.file.source.line_column(block.offset)
        message = (
            f"{codemod.id} failed on {block.kind.name} {block.name} ({fault}); this is a fault of the tool"
        )
        return ((key, Problem(block.file, line, column, message)),)
    if said is None:
        return ()
    outcomes = (said,) if isinstance(said, Change | Refusal) else tuple(said)
    kind, file, name, ordinal = key
    return tuple(
        ((kind, file, f"{name} {one.code}", ordinal) if number and isinstance(one, Refusal) else key, one)
        for number, one in enumerate(outcomes)
    )


def strays(
    tree: Tree, project: Project, step: Step, settings: Settings, blocks: Sequence[Block]
) -> Iterator[tuple[Key, Refusal]]:
    """What a codemod finds outside of every object; `blocks` are the objects that it was asked about."""
    if step.codemod.strays is None or step.target is not None:
        return
    seen: Counter[tuple[str, str, str]] = Counter()
    for refusal in step.codemod.strays(Context(tree, settings, step.codemod.id), blocks):
        if project.covers(refusal.file):
            name = (f"stray {refusal.subject.kind}", refusal.file, refusal.subject.name)
            yield (*name, seen[name]), refusal
            seen[name] += 1


def fingerprint(rule: str, key: Key) -> str:
    """What tells a finding from all others, without the line it stands on: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join((rule, *map(str, key))).encode(errors="surrogateescape")).hexdigest()[:16]
