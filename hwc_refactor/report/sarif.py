"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/

Rules come from the manuals of the codemods; a change is a fix, as replacements of the files as they are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from hwc_refactor import __version__
from hwc_refactor.codemod import FINDS, HEADINGS, Rule
from hwc_refactor.findings import Finding, Suppressed
from hwc_refactor.model import Problem, Severity
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.source import Source
from hwc_refactor.registry import codemods
from hwc_refactor.report.escape import visible
from hwc_refactor.report.sheet import Card, Sheet

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
BASE = "%SRCROOT%"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
#: The scores by which GitHub sorts into critical, high, medium and low (its documentation of SARIF support).
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}


def log(sheet: Sheet) -> dict[str, Any]:
    """A log with one run."""
    rules = list(sheet.rules.values())
    index = {rule.id: number for number, rule in enumerate(rules)}
    results = [_result(sheet, card, index) for card in sheet.cards]
    results += [_result(sheet, Card(one.finding), index, one) for one in sheet.suppressed]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "hwc-refactor",
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {BASE: {"description": {"text": "The top of the work tree."}}},
                "invocations": [
                    {
                        "executionSuccessful": not sheet.problems,
                        "toolExecutionNotifications": [_notification(sheet, p) for p in sheet.problems],
                    }
                ],
                "results": results,
            }
        ],
    }


# -- rules ---------------------------------------------------------------------------------------------


def _rule(rule: Rule) -> dict[str, Any]:
    id_ = rule.id.partition("/")[0]
    codemod = codemods().get(id_)
    found: dict[str, Any] = {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in re.split("[-/]", rule.id)),
        "shortDescription": {"text": rule.text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["security", "nixos"], "security-severity": _SCORES[rule.severity]},
    }
    if codemod is not None:
        sections = codemod.manual.sections
        told = [heading for heading in (*HEADINGS, FINDS) if heading in sections]
        told.sort(key=list(sections).index)
        found["fullDescription"] = {"text": codemod.manual.summary}
        found["help"] = {
            "text": "\n\n".join(f"{heading}\n{sections[heading]}" for heading in told),
            "markdown": "\n\n".join(_markdown(heading, sections[heading]) for heading in told),
        }
    return found


def _markdown(heading: str, text: str) -> str:
    if heading in ("Before", "After"):
        return f"**{heading}**\n\n```nix\n{text}\n```"
    if heading in ("When it refuses", FINDS):
        text = re.sub(r"(?m)^(?=\S)", "- ", text)
    return f"**{heading}**\n\n{text}"


# -- results -------------------------------------------------------------------------------------------


def _result(
    sheet: Sheet, card: Card, index: Mapping[str, int], suppressed: Suppressed | None = None
) -> dict[str, Any]:
    finding = card.finding
    outcome = f"It can be changed: {finding.title}." if not finding.code else f"It is left: {finding.reason}"
    message = f"{finding.subject}: {finding.message} {outcome}"
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "kind": "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": visible(message)},
        "locations": [_location(sheet, finding)],
        "partialFingerprints": {"finding/v1": finding.fingerprint},
        "properties": {
            "severity": finding.severity.label,
            "action": finding.action,
            **({"code": finding.code} if finding.code else {}),
        },
    }
    shown = card.fixable and not _touched(finding) & sheet.files_with_secrets
    changes = list(_artifact_changes(sheet, finding)) if shown else []
    if changes:
        found["fixes"] = [{"description": {"text": visible(finding.title)}, "artifactChanges": changes}]
    if suppressed is not None:
        kind = "inSource" if suppressed.kind == "comment" else "external"
        why = {"justification": visible(suppressed.reason)} if suppressed.reason else {}
        found["suppressions"] = [{"kind": kind, **why}]
    return found


def _location(sheet: Sheet, finding: Finding) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(sheet, finding.file),
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endLine": finding.end_line,
            },
        },
        "logicalLocations": [
            {
                "name": visible(finding.subject.name),
                "fullyQualifiedName": visible(str(finding.subject)),
                "kind": "object",
            }
        ],
    }


def _artifact(sheet: Sheet, file: str) -> dict[str, Any]:
    return {"uri": quote(sheet.path(file).encode(errors="surrogateescape")), "uriBaseId": BASE}


def _notification(sheet: Sheet, problem: Problem) -> dict[str, Any]:
    found: dict[str, Any] = {"level": "error", "message": {"text": visible(problem.message)}}
    if problem.file:
        region = {"startLine": problem.line, "startColumn": problem.column}
        place = {"artifactLocation": _artifact(sheet, problem.file), "region": region}
        found["locations"] = [{"physicalLocation": place}]
    return found


# -- fixes ---------------------------------------------------------------------------------------------


def _touched(finding: Finding) -> set[str]:
    """The files that a fix would quote lines of."""
    return {edit.span.file for edit in finding.edits}


def _artifact_changes(sheet: Sheet, finding: Finding) -> Iterator[dict[str, Any]]:
    files: dict[str, list[Edit]] = {}
    for edit in finding.edits:
        files.setdefault(edit.span.file, []).append(edit)
    for path, edits in files.items():
        source = Source(path, sheet.texts(path) or b"")
        edits.sort()
        yield _change(sheet, path, [_replacement(source, edit) for edit in edits])
    for new in finding.new_files:
        nothing = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
        inserted = {"deletedRegion": nothing, "insertedContent": _content(new.data)}
        yield _change(sheet, new.path, [inserted])


def _change(sheet: Sheet, path: str, replacements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"artifactLocation": _artifact(sheet, path), "replacements": replacements}


def _replacement(source: Source, edit: Edit) -> dict[str, Any]:
    (line, column), (end_line, end_column) = (
        source.line_column(offset) for offset in (edit.span.start, edit.span.end)
    )
    region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    return {"deletedRegion": region, **({"insertedContent": _content(edit.text)} if edit.text else {})}


def _content(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"binary": base64.b64encode(data).decode("ascii")}
