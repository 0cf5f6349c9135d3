"""The report of an audit for people: findings by severity, then what the configuration looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from hwc_refactor.findings import Audit, Finding
from hwc_refactor.model import Severity
from hwc_refactor.nixos.users.inventory import Service
from hwc_refactor.report.figures import Figures, Share, figures, most_exposed
from hwc_refactor.report.lines import Line
from hwc_refactor.report.summary import number

_STYLES = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "link",
}


def report(audit: Audit) -> Iterator[Line]:
    """All of it."""
    for severity, group in groupby(audit.findings, lambda finding: finding.severity):
        yield from _severity(severity, list(group))
    yield from _standing(figures(audit))
    yield from _exposure(most_exposed(audit))


def closing(audit: Audit, next_: str) -> Iterator[Line]:
    """What stands at the end: the count, and what to type next."""
    counts = figures(audit)
    parts = [number(counts.findings, "finding") if counts.findings else "Nothing found"]
    if counts.findings:
        parts += [f"{count} {label}" for label, count in counts.by_severity.items() if count]
        parts.append(f"{counts.changes} can be changed")
        parts.append(f"{counts.refusals} left with a reason")
    if counts.suppressed:
        parts.append(f"{counts.suppressed} suppressed")
    if audit.problems:
        parts.append(number(len(audit.problems), "error"))
    yield Line(f"{', '.join(parts)}.", "bold", wrap=False)
    if counts.changes:
        yield Line(f"To see the changes: {next_}", "link", wrap=False)


def _severity(severity: Severity, findings: Sequence[Finding]) -> Iterator[Line]:
    yield Line(f"{severity.label.upper()}  {number(len(findings), 'finding')}", _STYLES[severity])
    groups: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, {}).setdefault(finding.message, []).append(finding)
    for rule, messages in groups.items():
        yield Line(rule, "bold", 2)
        for message, found in messages.items():
            yield Line(message, "dim", 4)
            for finding in found:
                yield from _finding(finding)
    yield Line("")


def _finding(finding: Finding) -> Iterator[Line]:
    yield Line(f"{finding.file}:{finding.line}  {finding.subject}", indent=4, wrap=False)
    if finding.action == "change":
        yield Line(finding.title, "good", 6, bullet="can be changed: ")
    else:
        yield Line(finding.reason, "warning", 6, bullet=f"left ({finding.code}): ")


def _standing(counts: Figures) -> Iterator[Line]:
    there = [number(counts.services, "service"), number(counts.containers, "container")]
    if counts.user_services:
        there.insert(1, number(counts.user_services, "user service"))
    yield Line(f"{', '.join(there)} in {number(counts.files, 'file')}", "bold")
    if counts.locked:
        yield Line(f"{number(counts.locked, 'file')} locked by git-crypt could not be read", "warning", 2)
    for what, share in counts.shares:
        if share.of:
            yield Line(f"{_share(share)} {what}", indent=2)


def _share(share: Share) -> str:
    percent = "-" if share.share is None else f"{share.share:.0%}"
    return f"{share.count:>4} of {share.of:<4} {percent:>5} "


def _exposure(services: Sequence[Service]) -> Iterator[Line]:
    if services:
        yield Line("")
        yield Line("Exposure of services at the most, from 0 to 10", "bold")
    for service in services:
        exposure = service.exposure or 0.0
        style = "error" if exposure >= 9 else "warning" if exposure >= 5 else "good"
        yield Line(f"{exposure:>6.1f}  {service.name}  {service.file}:{service.line}", style, wrap=False)
