"""The audit: what every codemod finds on the text as it is, and what it would do about it.

Nothing is rewritten here: each codemod is asked about each object on one and the same snapshot. An audit is
made of plain values, so that it can be kept, sent to another process, and shown in any form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hwc_refactor.codemod import Codemod, Context, Outcome
from hwc_refactor.groundwork import NoGround
from hwc_refactor.model import Change, NewFile, Problem, Refusal, Severity, Subject
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nixos.inventory import Inventory, inventory
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.project import Project
from hwc_refactor.proposing import Key, fingerprint, propose, strays, targets, wanted
from hwc_refactor.selection import SelectionError, Step
from hwc_refactor.settings import Settings
from hwc_refactor.suppressions import Suppression, suppressing, suppressions
from hwc_refactor.unread import ENCRYPTED, Unread, problems_of

Progress = Callable[[str, int, int], None]
READ = (b"systemd", b"oci-containers")
"""Names in files that are read anyhow."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what the tool would do about it.

    Attributes:
        codemod, rule: who finds it, and as what.
        file, line, column, end_line: where it stands, from 1; columns in characters.
        message: what is wrong.
        code, reason: why it is left as it is; empty where it would be changed.
        title: the change in one line; empty where it is refused.
        fingerprint: tells it from others, wherever its lines move to.
        edits, new_files: the change.
        diff: number of the documented diff that was asked about.
    """

    codemod: str
    rule: str
    severity: Severity
    file: str
    line: int
    column: int
    end_line: int
    subject: Subject
    message: str
    fingerprint: str
    code: str = ""
    reason: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    new_files: tuple[NewFile, ...] = ()
    diff: int | None = None

    @property
    def action(self) -> str:
        """`change` or `refuse`."""
        return "refuse" if self.code else "change"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that the user has decided to leave.

    Attributes:
        kind: `comment`, `settings` or `baseline`.
        reason: why, in the user's words.
    """

    finding: Finding
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What one step looked at.

    Attributes:
        codemod, diff, at_home: the step.
        looked: the objects that it was asked about and that are made in the tree.
        changes, refusals: those among them, and others, with such an outcome.
    """

    codemod: str
    diff: int | None
    at_home: bool
    looked: frozenset[Key] = frozenset()
    changes: frozenset[Key] = frozenset()
    refusals: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Audit:
    """The outcome of an audit.

    Attributes:
        root: absolute path of the root, for reports.
        findings: the gravest first, then by file and line.
        suppressed: those that the user has decided to leave.
        suppressions: all such decisions that hold for what was looked at, each with the codemods that it
            kept from a finding.
        problems: files that cannot be used, and faults of the tool.
        inventory: the services and containers there are, with the rights they run with.
        tallies: what each step looked at.
        files: how many files were read.
        locked: how many of them git-crypt has locked; nothing can be said about those.
    """

    root: str
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...] = ()
    suppressions: tuple[tuple[Suppression, frozenset[str]], ...] = ()
    problems: tuple[Problem, ...] = ()
    inventory: Inventory = field(default_factory=Inventory)
    tallies: tuple[Tally, ...] = ()
    files: int = 0
    locked: int = 0


def audit(
    project: Project,
    steps: Sequence[Step],
    settings: Settings,
    *,
    only: Sequence[str] = (),
    progress: Progress | None = None,
) -> Audit:
    """Ask codemods about the objects of a configuration.

    Args:
        project: the configuration.
        steps: the codemods, and on what.
        settings: the user's configuration.
        only: globs of object names; empty for all.
        progress: told the codemod, how many objects are done and how many there are.
    """
    locked = {path for path, data in project.texts.items() if data.startswith(ENCRYPTED)}
    unread = Unread(
        {
            path: data
            for path, data in project.texts.items()
            if path not in locked and not any(word in data for word in READ)
        }
    )
    tree = Tree(project.texts, companions=project.companion)
    run = _Run(tree, project, settings, tuple(only), suppressions(tree, settings))
    for step in steps:
        run.step(step, progress)
    problems = {*project.problems, *run.problems, *problems_of(tree.parsed_files), *unread.problems()}
    return Audit(
        str(project.root),
        tuple(sorted(run.findings, key=rank)),
        tuple(run.suppressed),
        tuple(
            (one, frozenset(run.used.get(one, ())))
            for one in run.known
            if one.ignore is not None or project.covers(one.file)
        ),
        tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column))),
        inventory(tree, lambda block: wanted(project, only, block)),
        tuple(run.tallies),
        len(project.texts),
        len(locked),
    )


def rank(finding: Finding) -> tuple[object, ...]:
    """What findings are sorted by: the gravest first, then by place."""
    return (-finding.severity, finding.file, finding.line, finding.column, finding.codemod, finding.subject)


@dataclass(slots=True)
class _Run:
    """The state of an audit between steps."""

    tree: Tree
    project: Project
    settings: Settings
    only: tuple[str, ...]
    known: tuple[Suppression, ...]
    findings: list[Finding] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    used: dict[Suppression, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    told: set[tuple[str, Key]] = field(default_factory=set)

    def step(self, step: Step, progress: Progress | None) -> None:
        """Ask one codemod about its objects."""
        try:
            found = targets(self.tree, self.project, step)
        except SelectionError:  # a documented diff whose object is not in this configuration
            self.tallies.append(Tally(step.codemod.id, step.diff, step.at_home))
            return
        asked = {key: block for key, block in found.items() if wanted(self.project, self.only, block)}
        context = Context(self.tree, self.settings, step.codemod.id, step.parameters, step.diff)
        said: list[tuple[Key, Key, Outcome, Block | None]] = []
        for number, (key, block) in enumerate(asked.items()):
            if progress is not None:
                progress(step.codemod.id, number, len(asked))
            for name, outcome in propose(step.codemod, key, block, context):
                if isinstance(outcome, Problem):
                    self.problems.append(outcome)
                else:
                    said.append((key, name, outcome, block))
        blocks = list(found.values())
        obstacle = self.obstacle(step, context, blocks) if said else None
        if obstacle is not None:
            said = [(key, name, _without_ground(one, obstacle), block) for key, name, one, block in said]
        if not self.only:
            strays_ = strays(self.tree, self.project, step, self.settings, blocks)
            said += [(key, key, outcome, None) for key, outcome in strays_]
        changes: set[Key] = set()
        refusals: set[Key] = set()
        for key, name, outcome, of in said:
            if self.take(step, outcome, name, of):
                (changes if isinstance(outcome, Change) else refusals).add(key)
        looked = frozenset(key for key, block in asked.items() if block.own)
        self.tallies.append(
            Tally(step.codemod.id, step.diff, step.at_home, looked, frozenset(changes), frozenset(refusals))
        )

    def obstacle(self, step: Step, context: Context, blocks: Sequence[Block]) -> NoGround | None:
        """Why the change that all others of a step build on cannot be made, if it cannot."""
        ground = None if step.codemod.ground is None else step.codemod.ground(context, blocks)
        return ground if isinstance(ground, NoGround) else None

    def take(self, step: Step, outcome: Outcome, key: Key, block: Block | None) -> bool:
        """Note an outcome; whether it counts as a finding.

        What a documented diff and its codemod on everything find in one object is one finding: the first.
        """
        again = (step.codemod.id, key) in self.told
        self.told.add((step.codemod.id, key))
        finding = self.finding(step, outcome, key, block)
        reasons = suppressing(self.known, outcome, block)
        for reason in reasons:
            self.used.setdefault(reason, set()).add(outcome.codemod)
        if again:
            return not reasons
        if reasons:
            kind = "settings" if reasons[0].ignore is not None else "comment"
            self.suppressed.append(Suppressed(finding, kind, reasons[0].reason))
        else:
            self.findings.append(finding)
        return not reasons

    def finding(self, step: Step, outcome: Outcome, key: Key, block: Block | None) -> Finding:
        """An outcome as an audit tells it."""
        rule = step.codemod.rule(outcome.found.rule)
        file, line, column, end_line = _place(self.tree, outcome, block)
        change = outcome if isinstance(outcome, Change) else None
        return Finding(
            step.codemod.id,
            rule.id,
            rule.severity,
            file,
            line,
            column,
            end_line,
            outcome.subject,
            _message(outcome, step.codemod),
            fingerprint(rule.id, key),
            *("", "") if isinstance(outcome, Change) else (outcome.code, outcome.reason),
            "" if change is None else change.title,
            () if change is None else change.notes,
            () if change is None else change.edits,
            () if change is None else change.new_files,
            step.diff,
        )


def _without_ground(outcome: Outcome, obstacle: NoGround) -> Outcome:
    """A change that cannot be made for want of what it builds on, as a refusal."""
    if isinstance(outcome, Refusal):
        return outcome
    return Refusal(
        outcome.codemod,
        outcome.subject,
        outcome.file,
        outcome.line,
        obstacle.code,
        obstacle.reason,
        outcome.diff,
        outcome.found,
    )


def _message(outcome: Outcome, codemod: Codemod) -> str:
    if outcome.found.message:
        return outcome.found.message
    if isinstance(outcome, Change) and not outcome.found.rule:
        return outcome.why
    return codemod.rule(outcome.found.rule).text


def _place(tree: Tree, outcome: Outcome, block: Block | None) -> tuple[str, int, int, int]:
    """File, line, column and last line of what was found."""
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
