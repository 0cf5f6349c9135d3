"""Annotations for GitHub's workflows: commands on standard output, one line each.

Escapes as GitHub's own toolkit has them: `%`, CR and LF in messages, `:` and `,` in properties, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hwc_refactor.findings import Finding
from hwc_refactor.model import Problem, Severity
from hwc_refactor.report.escape import visible
from hwc_refactor.report.sheet import Sheet

_COMMANDS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
}
_MESSAGE: Mapping[str, str] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY: Mapping[str, str] = {**_MESSAGE, ":": "%3A", ",": "%2C"}


def workflow_commands(sheet: Sheet) -> bytes:
    """All of them: errors first, then findings."""
    lines = [*_errors(sheet), *(_finding(sheet, card.finding) for card in sheet.cards)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _errors(sheet: Sheet) -> Iterator[str]:
    for problem in sheet.problems:
        place = _place(sheet, problem) if problem.file else {}
        yield _command("error", {**place, "title": "hwc-refactor"}, problem.message)


def _place(sheet: Sheet, problem: Problem) -> dict[str, str]:
    return {"file": sheet.path(problem.file), "line": str(problem.line), "col": str(problem.column)}


def _finding(sheet: Sheet, finding: Finding) -> str:
    properties = {
        "file": sheet.path(finding.file),
        "line": str(finding.line),
        "endLine": str(finding.end_line),
        "col": str(finding.column),
        "title": f"{finding.rule} ({finding.severity.label})",
    }
    outcome = finding.reason if finding.code else f"hwc-refactor can change it: {finding.title}."
    return _command(
        _COMMANDS[finding.severity], properties, f"{finding.subject}: {finding.message}\n{outcome}"
    )


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    listed = ",".join(f"{key}={_escaped(value, _PROPERTY)}" for key, value in properties.items())
    return f"::{name} {listed}::{_escaped(message, _MESSAGE)}"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(char, char) for char in visible(text, keep="\n"))
