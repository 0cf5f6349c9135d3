"""What an audit finds, as plain values: it can be kept, sent to another process, and shown in any form."""

from __future__ import annotations

from msgspec import Struct, field

from hwc_refactor.model import NewFile, Problem, Severity, Subject
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nixos.objects import Key
from hwc_refactor.nixos.users.inventory import Inventory
from hwc_refactor.suppressions import Suppression


class Finding(Struct, frozen=True):
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


class Suppressed(Struct, frozen=True):
    """A finding that the user has decided to leave.

    Attributes:
        kind: `comment`, `settings` or `baseline`.
        reason: why, in the user's words.
    """

    finding: Finding
    kind: str
    reason: str


class Tally(Struct, frozen=True):
    """What one step looked at.

    Attributes:
        codemod, diff, at_home, generic: the step.
        looked: the objects that it was asked about and that are made in the tree.
        changes, refusals: those among them, and others, with such an outcome.
    """

    codemod: str
    diff: int | None
    at_home: bool
    generic: bool
    looked: frozenset[Key] = frozenset()
    changes: frozenset[Key] = frozenset()
    refusals: frozenset[Key] = frozenset()


class Audit(Struct, frozen=True):
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
        files: how many files it is about.
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


def rank(finding: Finding) -> tuple[object, ...]:
    """What findings are sorted by: the gravest first, then by place."""
    return (-finding.severity, finding.file, finding.line, finding.column, finding.codemod, finding.subject)
