"""`hwc-refactor scan`: the options of the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwc_refactor.commands.scanning import Request, run
from hwc_refactor.commands.shared import (
    JOBS_HELP,
    READABLE,
    REPORT,
    REPORTS,
    WRITABLE,
    Common,
    common_options,
    complete_codemod,
    overrides,
    settings_options,
)

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
SEVERITIES = ("low", "medium", "high", "critical")


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
    "--output", type=REPORT, metavar="FILE", help="Write the report there instead of standard output."
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
