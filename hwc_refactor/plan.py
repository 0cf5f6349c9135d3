"""The plan: codemods run one after another, each on the text the last one left.

Within one pass all objects are proposed for on one snapshot. Changes whose edits meet cannot both be made
on it: the later one is proposed again on the text that the first one left, where it sees what it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hwc_refactor import check, ladder
from hwc_refactor.codemod import Context, Outcome
from hwc_refactor.exposing import exposed
from hwc_refactor.model import Applicability, Change, Plan, PlannedChange, Problem, Refusal
from hwc_refactor.nix.edits import Edit, apply_edits
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.patch import FileChange, patch, validate
from hwc_refactor.project import Project
from hwc_refactor.proposing import Key, fingerprint, propose, strays, targets, wanted
from hwc_refactor.selection import Selection, Step, steps
from hwc_refactor.settings import Settings
from hwc_refactor.suppressions import suppressing, suppressions

__all__ = ["make_plan"]

MAX_ROUNDS = 12
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class _Run:
    """The state of a run between passes."""

    tree: Tree
    settings: Settings
    baseline: frozenset[str]
    changes: list[PlannedChange] = field(default_factory=list)
    refusals: dict[tuple[object, ...], Refusal] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    suppressed: dict[tuple[object, ...], Refusal] = field(default_factory=dict)

    def refuse(self, refusal: Refusal) -> None:
        key = (refusal.codemod, refusal.subject, refusal.file, refusal.line, refusal.code)
        self.refusals.setdefault(key, refusal)


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

    Raises:
        SelectionError: when what is selected does not exist, here or at all.
    """
    first = Tree(project.texts, companions=project.companion)
    run = _Run(first, settings, baseline)
    run.problems += project.problems
    for step in steps(selection, settings):
        _pass(run, project, step, selection, settings, progress, without, safe_only)
    for path in project.scope:
        if path in project.texts:  # a file that the user names is read, whatever it holds
            run.tree.sound(path)
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
        )
        return replace(rest, problems=(*rest.problems, culprit.problem))
    for file in run.tree.parsed_files:
        if file.problem is not None:
            problem = file.problem
            run.problems.append(Problem(file.source.path, problem.line, problem.column, problem.message))
    touched = sorted({path for change in run.changes for path in change.files})
    before = {path: project.data(path) for path in touched}
    after = {path: data for path in touched if (data := run.tree.data(path)) is not None}
    if verify and after:
        validate(patch(file_changes(before, after)))
    return Plan(
        str(project.root),
        tuple(run.changes),
        tuple(sorted(run.refusals.values(), key=lambda r: (r.file, r.line, r.codemod, r.code))),
        tuple(sorted(run.problems, key=lambda p: (p.file, p.line, p.column))),
        before,
        after,
        ladder.not_run(run.changes, verify=verify),
        tuple(run.suppressed.values()),
    )


# -- one pass ------------------------------------------------------------------------------------------


def _pass(
    run: _Run,
    project: Project,
    step: Step,
    selection: Selection,
    settings: Settings,
    progress: Progress | None,
    without: frozenset[str],
    safe_only: bool,
) -> None:
    waiting: set[Key] | None = None
    everything: Sequence[Block] = ()
    refused: dict[Key, list[Refusal]] = {}  # what was said last: lines move when a change is proposed again
    for round_number in range(MAX_ROUNDS):
        context = Context(run.tree, settings, step.codemod.id, step.parameters, step.diff)
        names = None if waiting is None else {name for _, _, name, _ in waiting}
        found = targets(run.tree, project, step, names)
        if round_number == 0:
            everything = list(found.values())
        asked = {
            key: block
            for key, block in found.items()
            if (waiting is None or key in waiting) and wanted(project, selection.only, block)
        }
        proposed: list[tuple[Key, Change]] = []
        for number, (key, block) in enumerate(asked.items()):
            if progress is not None:
                progress(step.codemod.id, number, len(asked))
            refused[key] = []
            for name, outcome in propose(step.codemod, key, block, context):
                if isinstance(outcome, Problem):
                    run.problems.append(outcome)
                elif _suppressed(run, step, outcome, name, block):
                    continue
                elif isinstance(outcome, Refusal):
                    refused[key].append(outcome)
                else:
                    obstacle = _unwanted(_id(key, outcome), outcome, without, safe_only)
                    if obstacle is None:
                        proposed.append((key, replace(outcome, diff=step.diff)))
                    else:
                        refused[key].append(obstacle)
        if proposed and step.codemod.ground is not None:
            proposed = _grounded(run, step, context, found, proposed, without, safe_only)
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
    if not selection.only:
        for key, refusal in strays(run.tree, project, step, settings, everything):
            if not _suppressed(run, step, refusal, key, None):
                run.refuse(refusal)


def _suppressed(run: _Run, step: Step, outcome: Outcome, key: Key, block: Block | None) -> bool:
    """Whether the user has decided to leave what a codemod found as it is; it is noted then."""
    by = suppressing(suppressions(run.tree, run.settings), outcome, block)
    if not by and fingerprint(step.codemod.rule(outcome.found.rule).id, key) not in run.baseline:
        return False
    reason = by[0].reason if by else "the baseline knows it"
    left = Refusal(
        outcome.codemod, outcome.subject, outcome.file, outcome.line, "suppressed", reason, step.diff
    )
    run.suppressed.setdefault((left.codemod, *key), left)
    return True


def _grounded(
    run: _Run,
    step: Step,
    context: Context,
    found: Mapping[Key, Block],
    proposed: list[tuple[Key, Change]],
    without: frozenset[str],
    safe_only: bool,
) -> list[tuple[Key, Change]]:
    """The proposed changes behind the one that they all build on; refused where that cannot be made."""
    assert step.codemod.ground is not None
    ground = step.codemod.ground(context, list(found.values()))
    if ground is None:
        return proposed
    if isinstance(ground, Change):
        key = (ground.subject.kind, ground.file, ground.subject.name, 0)
        obstacle = _unwanted(_id(key, ground), ground, without, safe_only)
        if obstacle is None:
            return [(key, replace(ground, diff=step.diff)), *proposed]
        run.refuse(obstacle)
        code, reason = "not-wanted", f"It needs the {ground.subject}, which was left out."
    else:
        code, reason = ground.code, ground.reason
    for _, change in proposed:
        run.refuse(Refusal(change.codemod, change.subject, change.file, change.line, code, reason, step.diff))
    return []


def _accept(run: _Run, proposed: Sequence[tuple[Key, Change]]) -> set[Key]:
    """Make all proposed changes that do not meet; the keys of those that have to wait."""
    taken: list[Edit] = []
    new_files: set[str] = set()
    accepted: list[tuple[Key, Change]] = []
    waiting: set[Key] = set()
    for key, change in proposed:
        meets = any(edit.span.meets(other.span) for edit in change.edits for other in taken)
        if meets or any(new.path in new_files for new in change.new_files):
            waiting.add(key)
            continue
        taken += change.edits
        new_files |= {new.path for new in change.new_files}
        accepted.append((key, change))
    snapshot = run.tree
    edits: dict[str, list[Edit]] = {}
    texts: dict[str, bytes | None] = {}
    made: list[PlannedChange] = []
    for key, change in accepted:
        before: dict[str, bytes | None] = {}
        after: dict[str, bytes] = {}
        for path in sorted({edit.span.file for edit in change.edits}):
            data = snapshot.data(path)
            assert data is not None
            before[path] = texts.get(path, data)
            trial = [*edits.get(path, ()), *(edit for edit in change.edits if edit.span.file == path)]
            after[path] = apply_edits(data, trial)
        for new in change.new_files:
            before[new.path], after[new.path] = snapshot.data(new.path), new.data
        complaint = next(
            (text for path in after if (text := check.syntax_problem(path, after[path])) is not None), None
        )
        if complaint is not None:
            run.problems.append(ladder.withdrawn(change, complaint))
            continue
        for edit in change.edits:
            edits.setdefault(edit.span.file, []).append(edit)
        texts.update(after)
        files = (FileChange(path, before[path], after[path]) for path in after)
        made.append(PlannedChange(_id(key, change), change, patch(files), before, after))
    if texts:
        run.tree = snapshot.replaced(texts)
    run.changes += exposed(snapshot, run.tree, made)
    return waiting


def _unwanted(id_: str, change: Change, without: frozenset[str], safe_only: bool) -> Refusal | None:
    if id_ in without:
        code, reason = "not-wanted", "the change was not wanted in this run"
    elif safe_only and change.applicability is not Applicability.SAFE:
        code, reason = "needs-review", "the change needs a look, and only safe ones were asked for"
    else:
        return None
    return Refusal(change.codemod, change.subject, change.file, change.line, code, reason, change.diff)


def _id(key: Key, change: Change) -> str:
    return hashlib.sha256("\0".join((change.codemod, *map(str, key))).encode()).hexdigest()[:12]


def file_changes(before: Mapping[str, bytes | None], after: Mapping[str, bytes]) -> list[FileChange]:
    """The touched files of a plan as whole replacements, to be shown or written."""
    return [FileChange(path, before[path], data) for path, data in after.items()]
