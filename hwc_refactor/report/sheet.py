"""What reports for machines and pages are made from: an audit and a plan, seen alike."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.codemod import Rule
from hwc_refactor.findings import Audit, Finding, Suppressed
from hwc_refactor.model import Applicability, Plan, PlannedChange, Problem, Refusal
from hwc_refactor.nixos.users.inventory import Service
from hwc_refactor.proposing import fingerprint
from hwc_refactor.registry import codemods
from hwc_refactor.report.figures import SECRETS, Figures, figures, most_exposed
from hwc_refactor.report.original import column_of, original_edits
from hwc_refactor.suppression_rules import RULES

Texts = Callable[[str], bytes | None]
"""The bytes of a file of the configuration as it was read, None when there is none."""


class Card(Struct, frozen=True):
    """A finding, with what a page shows of its change.

    Attributes:
        why, patch, review: of the change; empty and False where there is none, or it was not worked out.
        fixable: whether the finding's edits are the whole change of the files as they are.
    """

    finding: Finding
    why: str = ""
    patch: bytes = b""
    review: bool = False
    fixable: bool = True


class Sheet(Struct, frozen=True):
    """What a report shows.

    Attributes:
        root: the configuration.
        command: what was asked, for a heading.
        cards: the findings.
        suppressed: those that the user has decided to leave.
        problems: errors.
        texts: the files as they were read.
        prefix: where the root lies in its git work tree; empty at its top.
        figures: counts and shares, of an audit.
        services: those whose exposure is known, the most exposed first, of an audit.
    """

    root: str
    command: str
    cards: tuple[Card, ...]
    suppressed: tuple[Suppressed, ...]
    problems: tuple[Problem, ...]
    texts: Texts
    prefix: str = ""
    figures: Figures | None = None
    services: tuple[Service, ...] = ()

    @property
    def rules(self) -> Mapping[str, Rule]:
        """All rules there are, by id: those of the codemods, in their order, and those about suppressions."""
        listed = [rule for codemod in codemods().values() for rule in codemod.rules]
        return {rule.id: rule for rule in (*listed, *RULES.values())}

    @property
    def files_with_secrets(self) -> frozenset[str]:
        """The files in which a secret is in sight."""
        findings = (*(card.finding for card in self.cards), *(one.finding for one in self.suppressed))
        return frozenset(finding.file for finding in findings if finding.codemod == SECRETS)

    def path(self, file: str) -> str:
        """The path of a file from the top of its work tree."""
        return posixpath.normpath(posixpath.join(self.prefix, file)) if file else file


def of_audit(audit: Audit, texts: Texts, command: str, prefix: str = "") -> Sheet:
    """An audit."""
    cards = tuple(Card(finding) for finding in audit.findings)
    return Sheet(
        audit.root,
        command,
        cards,
        audit.suppressed,
        audit.problems,
        texts,
        prefix,
        figures(audit),
        tuple(most_exposed(audit)),
    )


def of_plan(plan: Plan, texts: Texts, command: str, prefix: str = "") -> Sheet:
    """A plan: its changes in their order, then what is refused."""
    cards = tuple(_numbered(_cards(plan, texts)))
    left = tuple(
        Suppressed(_refused(refusal, texts), "settings", refusal.reason) for refusal in plan.suppressed
    )
    return Sheet(plan.root, command, cards, left, plan.problems, texts, prefix)


def _cards(plan: Plan, texts: Texts) -> Iterator[Card]:
    for planned in plan.changes:
        yield _changed(planned, texts)
    for refusal in plan.refusals:
        yield Card(_refused(refusal, texts))


def _changed(planned: PlannedChange, texts: Texts) -> Card:
    change = planned.change
    codemod = codemods()[change.codemod]
    rule = codemod.rule(change.found.rule)
    edits = {
        path: original_edits(texts(path), planned.before[path], planned.after[path], path)
        for path in planned.files
        if planned.before[path] is not None
    }
    whole = all(found is not None for found in edits.values())
    line = change.line
    finding = Finding(
        codemod.id,
        rule.id,
        rule.severity,
        change.file,
        line,
        column_of(texts(change.file) or b"", line),
        line,
        change.subject,
        change.found.message or change.why,
        "",
        title=change.title,
        notes=change.notes,
        edits=tuple(edit for found in edits.values() for edit in found or ()) if whole else (),
        new_files=change.new_files,
        diff=change.diff,
    )
    review = change.applicability is Applicability.REVIEW
    return Card(finding, change.why, planned.patch, review, whole)


def _refused(refusal: Refusal, texts: Texts) -> Finding:
    codemod = codemods()[refusal.codemod]
    rule = codemod.rule(refusal.found.rule)
    return Finding(
        codemod.id,
        rule.id,
        rule.severity,
        refusal.file,
        refusal.line,
        1,
        refusal.line,
        refusal.subject,
        refusal.found.message or rule.text,
        "",
        refusal.code,
        refusal.reason,
        diff=refusal.diff,
    )


def _numbered(cards: Iterator[Card]) -> Iterator[Card]:
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for card in cards:
        finding = card.finding
        name = (finding.rule, finding.subject.kind, finding.file, finding.subject.name)
        mark = fingerprint(name[0], (*name[1:], seen[name]))
        seen[name] += 1
        yield replace(card, finding=replace(finding, fingerprint=mark))
