"""The audit: what every codemod finds on the text as it is, and what it would do about it.

Nothing is rewritten here: each codemod is asked about each object on one and the same snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from hwc_refactor.codemod import Codemod, Outcome
from hwc_refactor.findings import Audit, Finding, Suppressed, Tally, rank
from hwc_refactor.model import Change, Problem
from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER, SERVICE, USER_SERVICE, Block, Kind
from hwc_refactor.nixos.objects import Key
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.users.inventory import Inventory, Service, Unit, container, service, user_service
from hwc_refactor.project import Project
from hwc_refactor.proposing import Answer, Asking, Said, fault, fingerprint
from hwc_refactor.selection import SelectionError, Step
from hwc_refactor.settings import Settings
from hwc_refactor.suppressions import Suppression, suppressions
from hwc_refactor.unread import ENCRYPTED
from hwc_refactor.workers import Progress, Question, working


def audit(
    project: Project,
    steps: Sequence[Step],
    settings: Settings,
    *,
    only: Sequence[str] = (),
    progress: Progress | None = None,
    jobs: int | None = 1,
) -> Audit:
    """Ask codemods about the objects of a configuration.

    Args:
        project: the configuration.
        steps: the codemods, and on what.
        settings: the user's configuration.
        only: globs of object names; empty for all.
        progress: told the codemod, how many objects are done and how many there are.
        jobs: how many processes to use; None for as many as there is work for.
    """
    tree = Tree(project.texts, companions=project.companion)
    run = _Run(suppressions(tree, settings))
    asking = Asking(project, settings, tuple(only), grounded=True)
    plain = [step for step in steps if step.target is None]
    questions = [*map(asking.question, plain), *(_counting(asking, *each) for each in _COUNTED)]
    with working(tree, questions, jobs, progress, project.companions) as workers:
        outside: list[list[Answer]] = []

        def meanwhile() -> None:
            outside.extend(asking.strays(step, tree) for step in plain)

        answers = workers.answers(range(len(questions)), meanwhile)
        broken = workers.problems(everywhere=True)
    *answered, services, containers, shared, user_services = answers
    for counted in (services, containers, shared, user_services):
        broken += [one for one in counted if isinstance(one, Problem)]
        counted[:] = [one for one in counted if not isinstance(one, Problem)]
    given = iter(zip(answered, outside, strict=True))
    for step in steps:
        if step.target is None:
            run.step(step, *next(given))
        else:
            run.documented(step, asking, tree)
    problems = {*project.problems, *run.problems, *broken}
    return Audit(
        str(project.root),
        tuple(sorted(run.findings, key=rank)),
        tuple(run.suppressed),
        tuple(
            (one, frozenset(run.used.get(one, ())))
            for one in run.known
            if one.ignore is not None or project.covers(one.file)
        ),
        tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.message))),
        Inventory(tuple(services), (*containers, *shared), tuple(user_services)),
        tuple(run.tallies),
        sum(map(project.covers, project.texts)),
        sum(data.startswith(ENCRYPTED) for path, data in project.texts.items() if project.covers(path)),
    )


_COUNTED: tuple[tuple[Kind, Callable[[Block], Service | Unit]], ...] = (
    (SERVICE, service),
    (CONTAINER, container),
    (HWC_CONTAINER, container),
    (USER_SERVICE, user_service),
)


def _counting(asking: Asking, kind: Kind, say: Callable[[Block], Service | Unit]) -> Question:
    """What the inventory says of the objects of a kind that the tree makes."""

    def ask(_: Tree, __: Key, block: Block) -> Service | Unit | Problem | None:
        try:
            return say(block) if block.own and asking.wants(block) else None
        except Exception as error:
            return fault("the inventory", error, block)

    return Question(kind, "inventory", ask)


class _Run(Struct):
    """The state of an audit between steps."""

    known: tuple[Suppression, ...]
    findings: list[Finding] = []
    suppressed: list[Suppressed] = []
    used: dict[Suppression, set[str]] = {}
    problems: list[Problem] = []
    tallies: list[Tally] = []
    told: set[tuple[str, Key]] = set()

    def documented(self, step: Step, asking: Asking, tree: Tree) -> None:
        """Ask about the object of a documented diff."""
        try:
            self.step(step, asking.answers(step, tree), ())
        except SelectionError:  # it is not in this configuration
            self.tallies.append(Tally(step.codemod.id, step.diff, step.at_home, step.generic))

    def step(self, step: Step, answers: Sequence[Answer], strays: Sequence[Answer]) -> None:
        """Note what a codemod says of its objects, and of what is outside of all.

        Args:
            step: the codemod.
            answers, strays: what it says.
        """
        changes: set[Key] = set()
        refusals: set[Key] = set()
        for answer in (*answers, *strays):
            for said in answer.said:
                outcome = said.outcome
                if isinstance(outcome, Problem):
                    self.problems.append(outcome)
                    continue
                if self.take(step, outcome, said):
                    (changes if isinstance(outcome, Change) else refusals).add(answer.key)
        looked = frozenset(answer.key for answer in answers if answer.own)
        self.tallies.append(
            Tally(
                step.codemod.id,
                step.diff,
                step.at_home,
                step.generic,
                looked,
                frozenset(changes),
                frozenset(refusals),
            )
        )

    def take(self, step: Step, outcome: Outcome, said: Said) -> bool:
        """Note an outcome; whether it counts as a finding.

        What a documented diff and its codemod on everything find in one object is one finding: the first.
        """
        again = (step.codemod.id, said.name) in self.told
        self.told.add((step.codemod.id, said.name))
        finding = _finding(step, outcome, said)
        for reason in said.by:
            self.used.setdefault(reason, set()).add(outcome.codemod)
        if again:
            return not said.by
        if said.by:
            kind = "settings" if said.by[0].ignore is not None else "comment"
            self.suppressed.append(Suppressed(finding, kind, said.by[0].reason))
        else:
            self.findings.append(finding)
        return not said.by


def _finding(step: Step, outcome: Outcome, said: Said) -> Finding:
    """An outcome as an audit tells it."""
    rule = step.codemod.rule(outcome.found.rule)
    change = outcome if isinstance(outcome, Change) else None
    return Finding(
        step.codemod.id,
        rule.id,
        rule.severity,
        *said.place,
        outcome.subject,
        _message(outcome, step.codemod),
        fingerprint(rule.id, said.name),
        *("", "") if isinstance(outcome, Change) else (outcome.code, outcome.reason),
        "" if change is None else change.title,
        () if change is None else change.notes,
        () if change is None else change.edits,
        () if change is None else change.new_files,
        step.diff,
    )


def _message(outcome: Outcome, codemod: Codemod) -> str:
    if outcome.found.message:
        return outcome.found.message
    if isinstance(outcome, Change) and not outcome.found.rule:
        return outcome.why
    return codemod.rule(outcome.found.rule).text
