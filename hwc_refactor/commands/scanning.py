"""How `hwc-refactor scan` is carried out: the settings, the audit, the report, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from hwc_refactor.commands.shared import (
    Common,
    Progress,
    colour,
    columns,
    command_line,
    deliver,
    demand_writable,
    listed,
    prefix_in_work_tree,
    program,
    put,
    save,
    tell,
    told,
)

if TYPE_CHECKING:
    from hwc_refactor.commands.answers import Shown
    from hwc_refactor.findings import Audit
    from hwc_refactor.overrides import Overrides
    from hwc_refactor.project import Project
    from hwc_refactor.settings import Settings

#: Options that `apply` does not need to show the changes of what was found.
_SHOWING = (
    *("format_", "output", "fail_on", "write_baseline"),
    *("quiet", "verbose", "no_color", "no_cache", "jobs"),
)
#: Forms of a report that hold none of the text of a change: these may be kept for a next time.
_KEPT = ("text", "json", "github")


class Request(Struct, frozen=True):
    """The command line of `scan`, read."""

    context: click.Context
    common: Common
    paths: Sequence[Path]
    only: Sequence[str]
    codemods: Sequence[str]
    format: str
    output: Path | None
    fail_on: str | None
    baseline: Path | None
    write_baseline: Path | None
    cache: bool
    jobs: int | None
    overrides: Overrides


def run(request: Request) -> int:
    """Carry the command out; the exit code."""
    from hwc_refactor.commands.answers import answered
    from hwc_refactor.overrides import load_settings

    demand_writable(request.output)
    demand_writable(request.write_baseline)
    root = request.common.find_root(request.paths)
    settings = load_settings(root, request.common.config, request.overrides)
    known = b"" if request.baseline is None else request.baseline.read_bytes()
    if settings.disable and not request.common.quiet:
        from hwc_refactor.report import summary

        tell(summary.switched_off(name for name in request.codemods if name in settings.disable))
    listing = listed(request.common, root, request.paths, settings)
    options = (request.format, request.fail_on, request.only, request.codemods, listing.scope, settings)
    prefix = prefix_in_work_tree(root)
    shown = answered(
        listing,
        (
            repr((options, known, _page(request), columns(sys.stderr), colour(sys.stderr))),
            prefix,
            _next(request),
        ),
        lambda project: _work(request, project, settings, known),
        keep=request.cache and request.write_baseline is None and request.format in _KEPT,
    )
    put(shown.before)
    deliver(shown.report, request.output)
    if not request.common.quiet:
        put(shown.after)
    return shown.code


def _work(request: Request, project: Project, settings: Settings, known: bytes) -> Shown:
    """Audit a configuration, and say what is shown of it."""
    from hwc_refactor import baseline
    from hwc_refactor.audit import audit
    from hwc_refactor.commands.answers import Shown
    from hwc_refactor.commands.names import unmet_globs
    from hwc_refactor.registry import codemods
    from hwc_refactor.report import scan_text, summary
    from hwc_refactor.selection import ORDER, Selection, steps
    from hwc_refactor.suppression_rules import with_suppression_findings

    entries = baseline.loads(known, str(request.baseline)) if request.baseline is not None else ()
    asked = steps(Selection(codemods=tuple(request.codemods), everything=not request.codemods), settings)
    progress = Progress(quiet=request.common.quiet)
    request.context.meta["hwc_refactor.progress"] = progress
    try:
        found = audit(project, asked, settings, only=request.only, progress=progress, jobs=request.jobs)
    finally:
        progress.done()
    met = (finding.subject.name for finding in found.findings)
    strangers = told(unmet_globs(request.only, met, project)) if request.only else ""
    if request.write_baseline is not None:
        save(request.write_baseline, baseline.dumps(found.findings))
    found, unmet = baseline.without_known(found, entries)
    found = with_suppression_findings(
        found,
        {step.codemod.id for step in asked if step.generic},
        {*ORDER, *codemods()},
        whole=not (request.codemods or request.only or request.paths),
        entries=unmet,
        baseline=str(request.baseline),
    )
    return Shown(
        _report(request, project, found),
        told(summary.problems(found.problems)),
        strangers + told(scan_text.closing(found, _next(request))),
        _code(request, found),
    )


def _code(request: Request, found: Audit) -> int:
    from hwc_refactor.model import Severity

    if found.problems:
        return 2
    if request.fail_on is None:
        return 0
    bound = Severity[request.fail_on.upper()]
    return 1 if any(finding.severity >= bound for finding in found.findings) else 0


def _page(request: Request) -> tuple[bool, int | None]:
    """Whether the report has colours, and how wide it is."""
    if request.output is not None:
        return False, None
    return colour(sys.stdout), columns(sys.stdout)


def _report(request: Request, project: Project, found: Audit) -> bytes:
    if request.format == "text":
        from hwc_refactor.report import scan_text
        from hwc_refactor.report.lines import render

        coloured, width = _page(request)
        text = render(scan_text.report(found), colour=coloured, width=width)
        return text.encode("utf-8", "backslashreplace")
    if request.format == "json":
        from hwc_refactor.report import jsonout

        return jsonout.dumps(jsonout.scan(found))
    from hwc_refactor.report.formats import rendered
    from hwc_refactor.report.sheet import of_audit

    command = command_line(request.context, (*_SHOWING, "root", "config"))
    prefix = prefix_in_work_tree(project.root)
    return rendered(of_audit(found, project.data, command, prefix), request.format)


def _next(request: Request) -> str:
    """The command that shows what would be changed."""
    more = ["--dry-run"] if request.codemods else ["--all", "--dry-run"]
    return f"{program()} {command_line(request.context, _SHOWING, name='apply', more=more)}"
