"""JSON for scripts, CI and editors; the keys are a promise."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import asdict

from hwc_refactor.checking.verification import Verification
from hwc_refactor.findings import Audit, Finding
from hwc_refactor.model import Plan, PlannedChange, Problem, Refusal, Subject
from hwc_refactor.patch import unified
from hwc_refactor.report.figures import Figures, Share, figures, most_exposed

VERSION = 1


def run(plan: Plan) -> dict[str, Any]:
    """A run of `apply`."""
    return {
        "version": VERSION,
        "root": plan.root,
        "changes": [_change(change) for change in plan.changes],
        "refusals": [_refusal(refusal) for refusal in plan.refusals],
        "files": [
            {"path": file.path, "new": file.before is None, "patch": _text(unified(file))}
            for file in plan.file_changes
        ],
        "errors": [_problem(problem) for problem in plan.problems],
    }


def scan(audit: Audit) -> dict[str, Any]:
    """An audit."""
    return {
        "version": VERSION,
        "root": audit.root,
        "findings": [_finding(finding) for finding in audit.findings],
        "errors": [_problem(problem) for problem in audit.problems],
        "summary": {
            **_figures(figures(audit)),
            "exposure": [
                {"file": at.file, "line": at.line, "service": at.name, "exposure": at.exposure}
                for at in most_exposed(audit)
            ],
        },
    }


def verify(found: Verification) -> dict[str, Any]:
    """A run of `verify`."""
    return {
        "version": VERSION,
        "root": found.root,
        "against": found.against,
        "passed": not found.failed,
        "rungs": [
            {
                "name": rung.name,
                "outcome": str(rung.outcome),
                "detail": rung.detail,
                "faults": [
                    {
                        "file": fault.file or None,
                        "line": fault.line or None,
                        "column": fault.column or None,
                        "unit": fault.unit or None,
                        "message": fault.message,
                    }
                    for fault in rung.faults
                ],
            }
            for rung in found.rungs
        ],
        "exposure": [asdict(one) for one in found.exposure],
        "touched": list(found.touched),
        "commands": list(found.commands),
        "errors": [_problem(problem) for problem in found.problems],
    }


def dumps(value: dict[str, Any]) -> bytes:
    """A JSON document in pure ASCII, so that no terminal and no reader trips over it.

    A byte that is not UTF-8 is the lone surrogate of its value (`\\\\udc80` and up), as Python's
    `surrogateescape` reads it back.
    """
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "codemod": finding.codemod,
        "rule": finding.rule,
        "severity": finding.severity.label,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "object": _subject(finding.subject),
        "message": finding.message,
        "action": finding.action,
        "reason": finding.reason or None,
    }


def _figures(counts: Figures) -> dict[str, Any]:
    return {
        "files": counts.files,
        "files_locked": counts.locked,
        "services": counts.services,
        "user_services": counts.user_services,
        "containers": counts.containers,
        "findings": counts.findings,
        "changes": counts.changes,
        "refusals": counts.refusals,
        "suppressed": counts.suppressed,
        "by_codemod": dict(counts.by_codemod),
        "by_severity": dict(counts.by_severity),
        "services_as_root": _share(counts.root),
        "services_without_hardening": _share(counts.unhardened),
        "containers_privileged": _share(counts.privileged),
        "with_secrets_in_sight": _share(counts.secrets),
    }


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.count, "of": share.of, "share": share.share}


def _change(planned: PlannedChange) -> dict[str, Any]:
    change = planned.change
    return {
        "id": planned.id,
        "codemod": change.codemod,
        "diff": change.diff,
        "applicability": str(change.applicability),
        "file": change.file,
        "line": change.line,
        "object": _subject(change.subject),
        "title": change.title,
        "why": change.why,
        "notes": list(change.notes),
        "details": list(change.details),
        "files": list(planned.files),
        "patch": _text(planned.patch),
        "exposure": None if planned.exposure is None else asdict(planned.exposure),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "codemod": refusal.codemod,
        "file": refusal.file,
        "line": refusal.line,
        "object": _subject(refusal.subject),
        "code": refusal.code,
        "reason": refusal.reason,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }


def _subject(subject: Subject) -> dict[str, str]:
    return {"kind": subject.kind, "name": subject.name}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
