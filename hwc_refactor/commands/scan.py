"""`hwc-refactor scan`: the audit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwc_refactor.commands.shared import (
    JOBS_HELP,
    READABLE,
    REPORTS,
    WRITABLE,
    Common,
    Failure,
    Progress,
    colour,
    columns,
    command_line,
    common_options,
    complete_codemod,
    deliver,
    demand_writable,
    overrides,
    prefix_in_work_tree,
    program,
    put,
    save,
    settings_options,
    told,
)

if TYPE_CHECKING:
    from hwc_refactor.commands.answers import Shown
    from hwc_refactor.findings import Audit
    from hwc_refactor.project import Project
    from hwc_refactor.settings import Overrides, Settings

__all__ = ["scan"]

_EPILOG = """\b
Examples:
  hwc-refactor scan                                everything that is found under the root
  hwc-refactor scan hosts/server --only 'web*'     only these files and names
  hwc-refactor scan --fail-on high                 exit 1 when something is high or critical
  hwc-refactor scan --format sarif --output scan.sarif
  hwc-refactor scan --write-baseline known.json    from now on tell only what is new:
  hwc-refactor scan --baseline known.json --fail-on low

\b
To leave a finding as it is, put a comment directly above it or at the end of its line:
  # hwc-refactor: ignore[pin-image] the vendor ships one tag only

\b
Exit codes:
  0 done, 1 findings at or above --fail-on, 2 wrong usage or unusable input
"""
#: Options that `apply` does not need to show the changes of what was found.
_SHOWING = (
    *("format_", "output", "fail_on", "write_baseline"),
    *("quiet", "verbose", "no_color", "no_cache", "jobs"),
)
#: Forms of a report that hold none of the text of a change: these may be kept for a next time.
_KEPT = ("text", "json", "github")
SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Request:
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


@click.command(
    "scan", epilog=_EPILOG, short_help="Audit only: everything that is found, and what could be done."
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--only",
    metavar="NAME",
    multiple=True,
    help="Only services or containers of this name; globs. Repeatable.",
)
@click.option(
    "--codemod",
    "codemods",
    metavar="ID",
    multiple=True,
    help="Only what this codemod finds. Repeatable.",
    shell_complete=complete_codemod,
)
@click.option("--format", "format_", type=REPORTS, default="text", show_default=True)
@click.option(
    "--output", type=WRITABLE, metavar="FILE", help="Write the report there instead of standard output."
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    metavar="SEVERITY",
    help="Exit 1 when a finding is at or above it: low, medium, high, critical.",
)
@click.option(
    "--baseline", type=READABLE, metavar="FILE", help="Leave out the findings that this file knows."
)
@click.option(
    "--write-baseline", type=WRITABLE, metavar="FILE", help="Write the findings there, for --baseline."
)
@click.option(
    "--no-cache", is_flag=True, help="Do the work, also when nothing has changed since the last time."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help=JOBS_HELP)
@settings_options
@common_options
@click.pass_context
def scan(context: click.Context, /, **given: Any) -> int:
    """Find what is wrong, and tell what the tool would do about it: a change, or why it would leave it.

    Nothing is written. PATHs narrow the audit to objects in these files or folders.
    """
    return run(
        Request(
            context,
            Common.of(context),
            given["paths"],
            given["only"],
            given["codemods"],
            given["format_"],
            given["output"],
            given["fail_on"],
            given["baseline"],
            given["write_baseline"],
            not given["no_cache"],
            given["jobs"],
            overrides(given),
        )
    )


def run(request: Request) -> int:
    """Carry the command out; the exit code."""
    from hwc_refactor.commands.answers import answered
    from hwc_refactor.project import list_project
    from hwc_refactor.settings import load_settings

    demand_writable(request.output)
    demand_writable(request.write_baseline)
    root = request.common.find_root(request.paths)
    settings = load_settings(root, request.common.config, request.overrides)
    known = b"" if request.baseline is None else request.baseline.read_bytes()
    try:
        listing = list_project(root, request.paths, settings)
    except ValueError as error:
        raise Failure(str(error)) from error
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
        told(scan_text.closing(found, _next(request))),
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
