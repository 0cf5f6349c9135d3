"""Findings about suppressions themselves: those that nothing needs, that give no reason, or name nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from hwc_refactor.baseline import Entry
from hwc_refactor.codemod import Rule
from hwc_refactor.findings import Audit, Finding, rank
from hwc_refactor.model import Severity, Subject
from hwc_refactor.near import nearest
from hwc_refactor.proposing import fingerprint
from hwc_refactor.suppressions import Suppression

NAME = "suppressions"
"""What stands where findings of codemods have the id of their codemod."""
RULES = {
    word: Rule(f"{NAME}/{word}", Severity.LOW, text)
    for word, text in {
        "unused": "Nothing is found any more that this suppression is about.",
        "no-reason": "This suppression does not say why.",
        "unknown-codemod": "This suppression names a codemod that does not exist.",
        "nothing-beside": "This suppression stands beside nothing.",
    }.items()
}


def with_suppression_findings(
    audit: Audit,
    ran: Collection[str],
    known: Collection[str],
    *,
    whole: bool,
    entries: Iterable[Entry] = (),
    baseline: str = "",
) -> Audit:
    """The audit with what is wrong with its suppressions.

    Args:
        audit: the audit.
        ran: ids of the codemods that were asked.
        known: ids of all codemods there are, disabled ones included.
        whole: whether all codemods were asked about all objects: only then can it be said that nothing
            needs an entry of the settings file or of a baseline.
        entries: entries of a baseline that nothing was found for.
        baseline: the name of that file.
    """
    found: list[Finding] = []
    for suppression, used in audit.suppressions:
        found += _about(suppression, used, ran, known, whole)
    for entry in entries if whole else ():
        about = f"{entry.rule} of {entry.object} in {entry.file}"
        message = f"The baseline knows {about}, which is not found any more."
        subject = Subject("baseline", entry.fingerprint)
        advice = "Write the baseline anew with --write-baseline."
        found.append(_finding("unused", message, advice, subject, baseline, entry.line))
    numbered = _numbered(found)
    return replace(audit, findings=tuple(sorted((*audit.findings, *numbered), key=rank)))


def _about(
    suppression: Suppression, used: frozenset[str], ran: Collection[str], known: Collection[str], whole: bool
) -> Iterator[Finding]:
    subject = Subject("suppression", suppression.label)
    place = (suppression.file, suppression.line, suppression.column)
    strangers = [name for name in suppression.codemods if name != "*" and name not in known]
    if not suppression.codemods:
        advice = "Name the codemods in brackets: ignore[pin-image], or ignore[*] for all."
        yield _finding("unknown-codemod", "This suppression names no codemod.", advice, subject, *place)
    for name in strangers:
        near = nearest(name, known)
        hint = f"Did you mean {near}?" if near else "'hwc-refactor list' shows all of them."
        message = f"This suppression names the codemod '{name}', which does not exist."
        yield _finding("unknown-codemod", message, hint, subject, *place)
    if suppression.ignore is None and suppression.target is None:
        advice = "Put it directly above what it is about, or at the end of its line."
        yield _finding("nothing-beside", RULES["nothing-beside"].text, advice, subject, *place)
        return
    if not suppression.reason:
        advice = "Say in a few words behind it why this stays as it is."
        if suppression.ignore is not None:
            advice = "Add a 'reason' to the table."
        yield _finding("no-reason", RULES["no-reason"].text, advice, subject, *place)
    if suppression.ignore is not None and not whole:
        return
    for name in suppression.codemods:
        needed = bool(used) if name == "*" else name in used
        asked = whole if name == "*" else name in ran
        if asked and not needed:
            message = f"Nothing is found here any more that 'ignore[{name}]' is about."
            yield _finding("unused", message, "Take it away.", subject, *place)


def _finding(
    word: str, message: str, advice: str, subject: Subject, file: str, line: int, column: int = 1
) -> Finding:
    rule = RULES[word]
    return Finding(NAME, rule.id, rule.severity, file, line, column, line, subject, message, "", word, advice)


def _numbered(findings: Iterable[Finding]) -> Iterator[Finding]:
    """With fingerprints: equal findings of one file are told apart by their order."""
    seen: dict[tuple[str, str, str, str], int] = {}
    for finding in findings:
        name = (finding.rule, finding.subject.kind, finding.file, finding.subject.name)
        number = seen[name] = seen.get(name, -1) + 1
        yield replace(finding, fingerprint=fingerprint(name[0], (*name[1:], number)))
