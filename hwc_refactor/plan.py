"""The plan: codemods run one after another, each on the text the last one left.

Within one pass all objects are proposed for on one snapshot. Changes whose edits meet cannot both be made
on it: the later one is proposed again on the text that the first one left, where it sees what it did. Some
codemods can do without: they propose each change in a file upon those before it (see `turns`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.checking import ladder
from hwc_refactor.checking.exposing import exposed
from hwc_refactor.codemod import Outcome
from hwc_refactor.composing import compose
from hwc_refactor.model import Applicability, Change, Plan, PlannedChange, Problem, Refusal
from hwc_refactor.nixos.objects import Key
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.patch import file_changes, patch, validate
from hwc_refactor.project import Project
from hwc_refactor.proposing import Answer, Asking, Said, fingerprint
from hwc_refactor.selection import Selection, Step, steps
from hwc_refactor.settings import Settings
from hwc_refactor.workers import Progress, Workers, working

__all__ = ["make_plan"]

MAX_ROUNDS = 12
SMALL = 2 * 1024 * 1024
"""Bytes of a configuration that are parsed in about a tenth of a second, be they of interest or not."""


class _Run(Struct):
    """The state of a run between passes."""

    tree: Tree
    asking: Asking
    workers: Workers
    without: frozenset[str]
    safe_only: bool
    baseline: frozenset[str]
    changes: list[PlannedChange] = []
    refusals: dict[tuple[object, ...], Refusal] = {}
    problems: list[Problem] = []
    suppressed: dict[tuple[object, ...], Refusal] = {}

    def refuse(self, refusal: Refusal) -> None:
        key = (refusal.codemod, refusal.subject, refusal.file, refusal.line, refusal.code)
        self.refusals.setdefault(key, refusal)

    def settle(self, change: Change) -> None:
        """Forget what an earlier pass of a codemod refused about an object that it changes now."""
        about = (change.codemod, change.subject, change.file)
        self.refusals = {key: one for key, one in self.refusals.items() if key[:3] != about}


def make_plan(
    project: Project,
    selection: Selection,
    settings: Settings,
    *,
    progress: Progress | None = None,
    without: frozenset[str] = frozenset(),
    safe_only: bool = False,
    verify: bool = True,
    baseline: frozenset[str] = frozenset(),
    jobs: int | None = 1,
) -> Plan:
    """What the selection would do to a configuration.

    Args:
        project: the configuration.
        selection: what to run.
        settings: the user's configuration.
        progress: told the codemod, how many objects are done and how many there are.
        without: ids of changes that are not wanted.
        safe_only: leave out changes that need a look.
        verify: climb the check ladder beyond the syntax tree, which is always checked.
        baseline: fingerprints of findings that stay as they are.
        jobs: how many processes to use; None for as many as there is work for.

    Raises:
        SelectionError: when what is selected does not exist, here or at all.
    """
    first = Tree(project.texts, companions=project.companion)
    asking = Asking(project, settings, selection.only, in_turn=True)
    wanted = steps(selection, settings)
    plain = [step for step in wanted if step.target is None]
    questions = [asking.question(step) for step in plain]
    with working(first, questions, jobs, progress, project.companions) as workers:
        run = _Run(first, asking, workers, without, safe_only, baseline)
        numbers = iter(range(len(plain)))
        for step in wanted:
            _pass(run, step, next(numbers) if step.target is None else None)
        for path in project.scope:
            if path in project.texts:  # a file that the user names is read, whatever it holds
                run.tree.sound(path)
        broken = workers.problems(everywhere=_reads_all(selection, project))
    culprit = ladder.culprit(run.changes, project, first, run.tree) if verify else None
    if culprit is not None:
        rest = make_plan(
            project,
            selection,
            settings,
            progress=progress,
            without=without | {culprit.change.id},
            safe_only=safe_only,
            verify=verify,
            baseline=baseline,
            jobs=jobs,
        )
        left = tuple(one for one in rest.refusals if not _is_of(one, culprit.change.change))
        return replace(rest, refusals=left, problems=(*rest.problems, culprit.problem))
    run.problems += (*project.problems, *broken)
    touched = sorted({path for change in run.changes for path in change.files})
    before = {path: project.data(path) for path in touched}
    after = {path: data for path in touched if (data := run.tree.data(path)) is not None}
    if verify and after:
        validate(patch(file_changes(before, after)))
    return Plan(
        str(project.root),
        tuple(run.changes),
        tuple(sorted(run.refusals.values(), key=lambda r: (r.file, r.line, r.codemod, r.code))),
        tuple(sorted({*run.problems}, key=lambda p: (p.file, p.line, p.column, p.message))),
        before,
        after,
        ladder.not_run(run.changes, verify=verify),
        tuple(run.suppressed.values()),
    )


def _reads_all(selection: Selection, project: Project) -> bool:
    """Whether files that cannot matter are parsed as well, only to tell which of them are broken."""
    wide = selection.everything or bool(selection.phases)
    return wide or sum(map(len, project.texts.values())) <= SMALL


# -- one pass ------------------------------------------------------------------------------------------


def _pass(run: _Run, step: Step, number: int | None) -> None:
    """Run one codemod; `number` is that of its question, None for one with a target."""
    waiting: set[Key] | None = None
    refused: dict[Key, list[Refusal]] = {}  # what was said last: lines move when a change is proposed again
    for _ in range(MAX_ROUNDS):
        proposed: list[tuple[Key, Change]] = []
        for answer in _answers(run, step, number, waiting):
            key = answer.key
            refused[key] = []
            for said in answer.said:
                if isinstance(said.outcome, Problem):
                    run.problems.append(said.outcome)
                elif _suppressed(run, step, said.outcome, said):
                    continue
                elif isinstance(said.outcome, Refusal):
                    refused[key].append(said.outcome)
                else:
                    change = replace(said.outcome, diff=step.diff)
                    obstacle = _unwanted(run, key, change)
                    if obstacle is None:
                        proposed.append((key, change))
                    else:
                        refused[key].append(obstacle)
        proposed = [pair for pair in proposed if not _held_back(run, pair, refused)]
        if proposed and step.codemod.ground is not None:
            proposed = _grounded(run, step, proposed, _names(waiting))
        waiting = _accept(run, proposed)
        if not waiting:
            break
    else:
        for key in sorted(waiting or ()):
            run.problems.append(
                Problem(key[1], 1, 1, f"{step.codemod.id}: the changes of {key[0]} {key[2]} keep clashing")
            )
    for refusals in refused.values():
        for refusal in refusals:
            run.refuse(refusal)


def _answers(run: _Run, step: Step, number: int | None, waiting: set[Key] | None) -> Iterator[Answer]:
    """What a codemod says on the present snapshot: of everything, or of what waits for it."""
    if waiting is not None or number is None:
        for answer in run.asking.answers(step, run.tree, _names(waiting)):
            if waiting is None or answer.key in waiting:
                yield answer
        return
    strays: list[Answer] = []
    (answers,) = run.workers.answers([number], lambda: strays.extend(run.asking.strays(step, run.tree)))
    yield from answers
    yield from strays


def _names(waiting: set[Key] | None) -> set[str] | None:
    """The names of objects that wait, None where none do."""
    return None if waiting is None else {name for _, _, name, _ in waiting}


def _suppressed(run: _Run, step: Step, outcome: Outcome, said: Said) -> bool:
    """Whether the user has decided to leave what a codemod found as it is; it is noted then."""
    rule = step.codemod.rule(outcome.found.rule).id
    if not said.by and (not run.baseline or fingerprint(rule, said.name) not in run.baseline):
        return False
    reason = said.by[0].reason if said.by else "the baseline knows it"
    left = Refusal(
        outcome.codemod, outcome.subject, outcome.file, outcome.line, "suppressed", reason, step.diff
    )
    run.suppressed.setdefault((left.codemod, *said.name), left)
    return True


def _grounded(
    run: _Run, step: Step, proposed: list[tuple[Key, Change]], names: set[str] | None
) -> list[tuple[Key, Change]]:
    """The proposed changes behind the one that they all build on; refused where that cannot be made."""
    ground = run.asking.ground(step, run.tree, names)
    if isinstance(ground, Problem):
        run.problems.append(ground)
        return []
    first: list[tuple[Key, Change]] = []
    left_out = False
    if ground.change is not None:
        key = (ground.change.subject.kind, ground.change.file, ground.change.subject.name, 0)
        change = replace(ground.change, diff=step.diff)
        obstacle = _unwanted(run, key, change)
        left_out = obstacle is not None
        if obstacle is not None:
            run.refuse(obstacle)
        else:
            first.append((key, change))
    standing: list[tuple[Key, Change]] = []
    for key, change in proposed:
        lacking = ground.lacking.get(key[1:3])
        if lacking is not None:
            run.refuse(_refused(change, lacking.code, lacking.reason))
        elif left_out:
            run.refuse(_refused(change, "not-wanted", "It needs a module that was left out."))
        else:
            standing.append((key, change))
    return [*first, *standing] if standing else []


def _held_back(run: _Run, pair: tuple[Key, Change], refused: dict[Key, list[Refusal]]) -> bool:
    """Whether a change is about an object, among others, that the user has decided to leave; it is refused then."""
    key, change = pair
    left = {(name[0], name[1], name[3]) for name in run.suppressed}
    for subject in change.also:
        if (change.codemod, subject.kind, subject.name) in left:
            reason = f"It is made together with {subject.name}, which is to be left as it is."
            refused[key].append(_refused(change, "not-wanted", reason))
            return True
    return False


def _is_of(refusal: Refusal, change: Change) -> bool:
    """Whether a refusal says that a change was not wanted; of one that was withdrawn the error tells."""
    about = (refusal.codemod, refusal.subject, refusal.file, refusal.diff)
    return refusal.code == "not-wanted" and about == (
        change.codemod,
        change.subject,
        change.file,
        change.diff,
    )


def _refused(change: Change, code: str, reason: str) -> Refusal:
    return Refusal(change.codemod, change.subject, change.file, change.line, code, reason, change.diff)


def _accept(run: _Run, proposed: Sequence[tuple[Key, Change]]) -> set[Key]:
    """Make all proposed changes that do not meet; the keys of those that have to wait."""
    snapshot, composed = run.tree, compose(run.tree, proposed)
    run.problems += (ladder.withdrawn(*pair) for pair in composed.withdrawn)
    if composed.texts:
        run.tree = snapshot.replaced(composed.texts, composed.parsed)
        run.workers.replace(composed.texts, run.tree)
    made: list[PlannedChange] = []
    for one in composed.made:
        run.settle(one.change)
        made.append(PlannedChange(_id(one.key, one.change), one.change, one.before, one.after))
    run.changes += exposed(snapshot, run.tree, made)
    return composed.waiting


def _unwanted(run: _Run, key: Key, change: Change) -> Refusal | None:
    if _id(key, change) in run.without:
        code, reason = "not-wanted", "the change was not wanted in this run"
    elif run.safe_only and change.applicability is not Applicability.SAFE:
        code, reason = "needs-review", "the change needs a look, and only safe ones were asked for"
    else:
        return None
    return Refusal(change.codemod, change.subject, change.file, change.line, code, reason, change.diff)


def _id(key: Key, change: Change) -> str:
    """The id of a change: that of its object, or of all objects that are made together, whoever proposes it.

    What a documented diff does to an object is another change than what the codemod does to it afterwards.
    """
    parts = [str(part) for part in key]
    if change.also:
        parts = sorted({str(subject) for subject in (change.subject, *change.also)})
    if change.diff is not None:
        parts.append(f"diff {change.diff}")
    whole = "\0".join((change.codemod, *parts)).encode(errors="surrogateescape")
    return hashlib.sha256(whole).hexdigest()[:12]
