"""What a step looks at, and what its codemod says of each object."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.codemod import Codemod, Context, Foundation, Outcome
from hwc_refactor.model import Change, Problem, Refusal
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.objects import Key, keys, objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.project import Project, hindrance
from hwc_refactor.recipes import RecipePass
from hwc_refactor.rewriting.groundwork import Ground, NoGround
from hwc_refactor.selection import SelectionError, Step
from hwc_refactor.settings import Settings
from hwc_refactor.suppressions import Suppression, suppressing
from hwc_refactor.turns import Turn, takes_turns, turns
from hwc_refactor.unread import problems_of
from hwc_refactor.workers import Question

TOO_DEEP = "What it is made of nests too deeply to be followed."

Place = tuple[str, int, int, int]
"""Where something stands: file, line, column and last line; all but the file from 1."""


class Said(Struct, frozen=True):
    """One thing that a codemod says of an object, or of something outside of all.

    Attributes:
        name: what tells it from all others: the key of the object, for further refusals with their code.
        outcome: the change or refusal; a problem where the codemod has a fault.
        place: where it stands that a change or refusal is about.
        by: the decisions of the user to leave that as it is.
    """

    name: Key
    outcome: Outcome | Problem
    place: Place
    by: tuple[Suppression, ...] = ()


class Answer(Struct, frozen=True):
    """What a codemod says of one object, or of something outside of all, in plain values.

    Attributes:
        key: the object.
        own: whether the tree makes it.
        said: nothing where there is nothing to find.
    """

    key: Key
    own: bool
    said: tuple[Said, ...]

    @property
    def change(self) -> Change | None:
        """The change, where it says nothing else, and nobody has decided against it."""
        match self.said:
            case (Said(outcome=Change() as change, by=()),):
                return change
        return None


class Asking(Struct, frozen=True):
    """What steps are asked with.

    Attributes:
        project: the configuration; its scope narrows the objects.
        settings: the user's configuration.
        only: globs of object names; empty for all.
        in_turn: whether changes of one file may be built upon each other.
        grounded: whether a change that cannot be made for want of what it builds on is told as a refusal.
    """

    project: Project
    settings: Settings
    only: tuple[str, ...] = ()
    in_turn: bool = False
    grounded: bool = False

    def wants(self, block: Block) -> bool:
        """Whether an object is among those that the user named, by path and by name."""
        named = not self.only or any(fnmatchcase(block.name, pattern) for pattern in self.only)
        return named and self.project.covers(block.file)

    def context(self, step: Step, tree: Tree, turn: Turn | None = None) -> Context:
        """What the codemod of a step may know beside the object."""
        upon = () if turn is None else turn.edits
        return Context(tree, self.settings, step.codemod.id, step.parameters, step.diff, upon=upon)

    def objects(self, step: Step, tree: Tree, names: Iterable[str] | None = None) -> list[Block]:
        """All the objects of a step, be they among those that the user named or not."""
        return list(targets(tree, self.project, step, names).values())

    def question(self, step: Step) -> Question:
        """A step without a target as a question to every object of its kind."""
        return Question(step.kind, step.codemod.id, partial(self._ask, step), step.codemod.surveys)

    def _ask(self, step: Step, tree: Tree, key: Key, block: Block) -> Answer | None:
        if not self.wants(block):
            return None
        if not (self.in_turn and step.codemod.in_turn and takes_turns(block)):
            return self.answer(step, tree, key, block)
        known = turns(tree, f"{step.codemod.id} {step.diff}")
        turn = known.get(block.file, Turn(block.file))
        if turn.over:
            return self.answer(step, tree, key, block)
        answer = self.answer(step, tree, key, block, turn)
        change = answer.change
        if change is not None:
            known[block.file] = turn.followed_by(key, change)
            return replace(answer, said=(replace(answer.said[0], outcome=turn.bears(change)),))
        if turn.keys:
            answer = self.answer(step, tree, key, block)
            known[block.file] = replace(turn, over=answer.change is not None)
        return answer

    def answer(self, step: Step, tree: Tree, key: Key, block: Block, turn: Turn | None = None) -> Answer:
        """What the codemod of a step says of an object; with changes before it upon what they have left."""
        said = propose(step.codemod, key, block, self.context(step, tree, turn))
        if self.grounded:
            said = tuple((name, self._grounded(step, tree, block, outcome)) for name, outcome in said)
        return Answer(key, block.own, tuple(self._said(tree, name, outcome, block) for name, outcome in said))

    def answers(self, step: Step, tree: Tree, names: Iterable[str] | None = None) -> list[Answer]:
        """What it says of all its objects; only those of some names, when given.

        Raises:
            SelectionError: when a documented diff is about an object that is not there.
        """
        found = targets(tree, self.project, step, names)
        asked = ((key, block) for key, block in found.items() if self.wants(block))
        return [self.answer(step, tree, key, block) for key, block in asked]

    def strays(self, step: Step, tree: Tree) -> list[Answer]:
        """What it finds outside of every object."""
        if (
            step.codemod.strays is None
            or step.target is not None
            or self.only
            or step.kind is not step.codemod.kind
        ):
            return []
        seen: Counter[tuple[str, str, str]] = Counter()
        found: list[Answer] = []
        context, blocks = Context(tree, self.settings, step.codemod.id), objects(tree, step.kind)
        try:
            refusals = list(step.codemod.strays(context, blocks))
        except Exception as error:
            key = (f"stray {step.kind.name}", "", step.codemod.id, 0)
            problem = fault(step.codemod.id, error)
            return [Answer(key, False, (self._said(tree, key, problem, None),))]
        for refusal in refusals:
            if self.project.covers(refusal.file):
                name = (f"stray {refusal.subject.kind}", refusal.file, refusal.subject.name)
                key = (*name, seen[name])
                found.append(Answer(key, False, (self._said(tree, key, refusal, None),)))
                seen[name] += 1
        return found

    def ground(self, step: Step, tree: Tree, names: Iterable[str] | None = None) -> Ground | Problem:
        """What has to be done before the changes of a step can be made; a problem where the codemod has a fault."""
        blocks = self.objects(step, tree, names)
        if step.codemod.ground is None or not blocks:
            return Ground()
        try:
            found = step.codemod.ground.lay(self.context(step, tree), blocks)
        except Exception as error:
            return fault(step.codemod.id, error)
        for new in () if found.change is None else found.change.new_files:
            reason = hindrance(self.project.root, new.path, self.settings.exclude)
            if reason is not None:
                taken = NoGround("module-path-taken", reason)
                return Ground(None, {(block.file, block.name): taken for block in blocks})
        return found

    def _grounded(
        self, step: Step, tree: Tree, block: Block, outcome: Outcome | Problem
    ) -> Outcome | Problem:
        """An outcome as it stands: a change that cannot be made for want of what it builds on is a refusal."""
        if step.codemod.ground is None or not isinstance(outcome, Change):
            return outcome
        try:
            obstacle = self._lacks(step.codemod.ground, self.context(step, tree), block)
        except Exception as error:
            return fault(step.codemod.id, error)
        return outcome if obstacle is None else _without(outcome, obstacle)

    def _lacks(self, ground: Foundation, context: Context, block: Block) -> NoGround | None:
        obstacle, new = ground.lacks(context, block), ground.adds(context)
        if obstacle is not None or new is None:
            return obstacle
        reason = hindrance(self.project.root, new, self.settings.exclude)
        return None if reason is None else NoGround("module-path-taken", reason)

    def _said(self, tree: Tree, name: Key, outcome: Outcome | Problem, block: Block | None) -> Said:
        if isinstance(outcome, Problem):
            return Said(name, outcome, (outcome.file, outcome.line, outcome.column, outcome.line))
        by = suppressing(tree, self.settings, outcome, block)
        return Said(name, outcome, place_of(tree, outcome, block), by)


def targets(tree: Tree, project: Project, step: Step, names: Iterable[str] | None = None) -> dict[Key, Block]:
    """The objects of a step, by key; only those of some names, when given.

    Raises:
        SelectionError: when a documented diff is about an object that is not there.
    """
    target = step.target
    if target is None:
        blocks = objects(tree, step.kind, names)
    else:
        blocks = _named(tree, step, target, target.name)
        for kind in () if blocks else step.codemod.also:  # declared in another way already
            blocks += _named(tree, replace(step, other=kind), target, target.name)
        if not blocks and target.becomes is not None:  # done already
            blocks = _named(tree, step, target, target.becomes)
        if not blocks and not (target.optional or step.at_home):
            raise SelectionError(
                f"diff {step.diff} is about the {target.kind} '{target.name}' in {target.file}: no"
                f" {target.kind} of this name is defined there or anywhere else under {project.root}"
                f"{_unreadable(tree, target)}"
            )
    named = keys(step.kind, ((block.file, block.name) for block in blocks))
    return dict(zip(named, blocks, strict=True))


def _unreadable(tree: Tree, target: RecipePass) -> str:
    """The files in which the object of a documented diff may be, but which cannot be parsed; a line for each."""
    if target.file in tree.paths:
        tree.sound(target.file)
    broken = [*problems_of(tree.parsed_files)]
    lines = [f"{one.file}:{one.line}:{one.column}: error: {one.message}" for one in broken]
    return "".join(f"\n{line}" for line in lines) if lines else ""


def _named(tree: Tree, step: Step, target: RecipePass, name: str) -> list[Block]:
    """The objects of a name: those in the documented file, else those that are made anywhere."""
    blocks = objects(tree, step.kind, (name,))
    documented = [block for block in blocks if block.file == target.file]
    return documented or ([] if step.at_home else [block for block in blocks if block.own])


def propose(
    codemod: Codemod, key: Key, block: Block, context: Context
) -> tuple[tuple[Key, Outcome | Problem], ...]:
    """What a codemod says of an object; a fault in it is a problem by name and stops nobody else.

    What nests too deeply to be followed is no fault: it is refused.

    Returns:
        Each outcome with what tells it from others: the key of the object, for further refusals with their code.
    """
    try:
        said = codemod.propose(block, context)
    except RecursionError:
        said = context.refuse(block, "nested-too-deeply", TOO_DEEP)
    except Exception as error:
        return ((key, fault(codemod.id, error, block)),)
    if said is None:
        return ()
    outcomes = (said,) if isinstance(said, Change | Refusal) else tuple(said)
    kind, file, name, ordinal = key
    return tuple(
        ((kind, file, f"{name} {one.code}", ordinal) if number and isinstance(one, Refusal) else key, one)
        for number, one in enumerate(outcomes)
    )


def _without(change: Change, obstacle: NoGround) -> Refusal:
    return Refusal(
        change.codemod,
        change.subject,
        change.file,
        change.line,
        obstacle.code,
        obstacle.reason,
        change.diff,
        change.found,
    )


def fault(who: str, error: Exception, block: Block | None = None) -> Problem:
    """What a user is told of a part of the tool that raised an exception, be it about an object or about all."""
    about = "" if block is None else f" on {block.kind.shown} {block.name}"
    place = ("", 1, 1) if block is None else (block.file, *block.place.file.source.line_column(block.offset))
    message = f"{who} failed{about} ({type(error).__name__}: {error}); this is a fault of the tool"
    return Problem(*place, message)


def place_of(tree: Tree, outcome: Outcome, block: Block | None) -> Place:
    """Where something stands that was found; `block` is its object, where it has one."""
    span = outcome.found.span
    if span is not None:
        source = tree.file(span.file).source
        line, column = source.line_column(span.start)
        return span.file, line, column, source.line_column(max(span.start, span.end - 1))[0]
    if block is None or block.file != outcome.file or block.line != outcome.line:
        return outcome.file, outcome.line, 1, outcome.line
    source = block.place.file.source
    line, column = source.line_column(block.offset)
    return block.file, line, column, source.line_column(max(block.offset, block.end - 1))[0]


def fingerprint(rule: str, key: Key) -> str:
    """What tells a finding from all others, without the line it stands on: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join((rule, *map(str, key))).encode(errors="surrogateescape")).hexdigest()[:16]
