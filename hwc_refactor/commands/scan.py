"""`hwc-refactor scan`: the audit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwc_refactor.commands.shared import (
    READABLE,
    WRITABLE,
    Common,
    Failure,
    Progress,
    colour,
    columns,
    command_line,
    common_options,
    complete_codemod,
    demand_writable,
    program,
    save,
    tell,
)

if TYPE_CHECKING:
    from hwc_refactor.audit import Audit

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
    *("quiet", "verbose", "no_color"),
)
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
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
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
        )
    )


def run(request: Request) -> int:
    """Carry the command out; the exit code."""
    from hwc_refactor import baseline
    from hwc_refactor.audit import audit
    from hwc_refactor.model import Severity
    from hwc_refactor.project import read_project
    from hwc_refactor.registry import codemods
    from hwc_refactor.report import summary
    from hwc_refactor.selection import ORDER, Selection, steps
    from hwc_refactor.settings import load_settings
    from hwc_refactor.suppression_rules import with_suppression_findings

    demand_writable(request.output)
    demand_writable(request.write_baseline)
    root = request.common.find_root(request.paths)
    settings = load_settings(root, request.common.config)
    entries: tuple[baseline.Entry, ...] = ()
    if request.baseline is not None:
        entries = baseline.loads(request.baseline.read_bytes(), str(request.baseline))
    asked = steps(Selection(codemods=tuple(request.codemods), everything=not request.codemods), settings)
    progress = Progress(quiet=request.common.quiet)
    request.context.meta["hwc_refactor.progress"] = progress
    try:
        project = read_project(root, request.paths, settings)
        found = audit(project, asked, settings, only=request.only, progress=progress)
    except ValueError as error:
        raise Failure(str(error)) from error
    finally:
        progress.done()
    if request.write_baseline is not None:
        save(request.write_baseline, baseline.dumps(found.findings))
    found, unmet = baseline.without_known(found, entries)
    found = with_suppression_findings(
        found,
        {step.codemod.id for step in asked},
        {*ORDER, *codemods()},
        whole=not (request.codemods or request.only or request.paths),
        entries=unmet,
        baseline=str(request.baseline),
    )
    tell(summary.problems(found.problems))
    _show(request, found)
    if found.problems:
        return 2
    if request.fail_on is None:
        return 0
    bound = Severity[request.fail_on.upper()]
    return 1 if any(finding.severity >= bound for finding in found.findings) else 0


def _show(request: Request, found: Audit) -> None:
    """The report on standard output or in a file, the count on standard error."""
    from hwc_refactor.report import jsonout, plain, scan_text
    from hwc_refactor.report.lines import render

    if request.format == "json":
        data = jsonout.dumps(jsonout.scan(found))
    else:
        on_terminal = request.output is None
        text = render(
            scan_text.report(found),
            colour=on_terminal and colour(sys.stdout),
            width=columns(sys.stdout) if on_terminal else None,
        )
        data = text.encode("utf-8", "backslashreplace")
    if request.output is not None:
        save(request.output, data)
    else:
        plain.emit(data)
    if not request.common.quiet:
        tell(scan_text.closing(found, _next(request)))


def _next(request: Request) -> str:
    """The command that shows what would be changed."""
    more = ["--dry-run"] if request.codemods else ["--all", "--dry-run"]
    return f"{program()} {command_line(request.context, _SHOWING, name='apply', more=more)}"
