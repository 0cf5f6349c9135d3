"""JSON for scripts, CI and editors; the keys are a promise."""

from __future__ import annotations

import json
from typing import Any

from hwc_refactor.model import Plan, PlannedChange, Problem, Refusal, Subject
from hwc_refactor.patch import unified
from hwc_refactor.report.result import file_changes

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
            for file in file_changes(plan)
        ],
        "errors": [_problem(problem) for problem in plan.problems],
    }


def dumps(value: dict[str, Any]) -> bytes:
    """A JSON document in pure ASCII, so that no terminal and no reader trips over it.

    A byte that is not UTF-8 is the lone surrogate of its value (`\\\\udc80` and up), as Python's
    `surrogateescape` reads it back.
    """
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


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
        "files": list(planned.files),
        "patch": _text(planned.patch),
        "exposure": None,
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
