"""`hwc-refactor apply`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

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

__all__ = ["apply"]

_EPILOG = """\b
Examples:
  hwc-refactor apply --diff 3 --dry-run            show what diff 3 would change
  hwc-refactor apply --diff 3                      change it
  hwc-refactor apply --all --dry-run > all.patch   the same as a patch for 'git apply'
  hwc-refactor apply --all --check                 exit 1 when there is something to change
  hwc-refactor apply --codemod pin-image --pin radarr=5.14.0 --only radarr
  hwc-refactor apply --all --interactive           be asked about each change
  hwc-refactor undo                                take the last apply back

\b
Exit codes:
  0 done, 1 changes pending (--check), 2 wrong usage or unusable input
"""


@click.command(
    "apply", epilog=_EPILOG, short_help="Rewrite; with --dry-run print the diff and write nothing."
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--diff",
    "diffs",
    type=click.IntRange(1, 6),
    metavar="N",
    multiple=True,
    help="A documented diff, 1 to 6. Repeatable.",
)
@click.option(
    "--codemod",
    "codemods",
    metavar="ID",
    multiple=True,
    help="A codemod by its id. Repeatable.",
    shell_complete=complete_codemod,
)
@click.option(
    "--phase",
    "phases",
    type=click.IntRange(1, 3),
    metavar="N",
    multiple=True,
    help="A phase of the priority plan, 1 to 3. Repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="Everything: all phases, one after another.")
@click.option(
    "--only",
    metavar="NAME",
    multiple=True,
    help="Only services or containers of this name; globs. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print the diff, write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if anything would change.")
@click.option("-i", "--interactive", is_flag=True, help="Ask about each change: yes, no, all, quit, why.")
@click.option("--safe-only", is_flag=True, help="Leave out changes that need a look.")
@click.option("--allow-dirty", is_flag=True, help="Write to files with uncommitted changes, too.")
@click.option("--no-verify", is_flag=True, help="Skip the checks beyond the syntax tree.")
@click.option(
    "--no-cache", is_flag=True, help="Read everything anew; what is kept of a scan is never used here."
)
@click.option("--commit", is_flag=True, help="Make one git commit for each change.")
@click.option("--diff-output", type=WRITABLE, metavar="FILE", help="Also write the unified diff there.")
@click.option("--format", "format_", type=REPORTS, default="text", show_default=True)
@click.option(
    "--output", type=REPORT, metavar="FILE", help="Write the report there instead of standard output."
)
@click.option(
    "--baseline", type=READABLE, metavar="FILE", help="Leave what this file of 'scan' knows as it is."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help=JOBS_HELP)
@settings_options
@common_options
@click.pass_context
def apply(context: click.Context, /, **given: Any) -> int:
    """Rewrite what SELECTION names: --diff, --codemod, --phase or --all.

    PATHs narrow the run to objects in these files or folders. On a terminal, --dry-run shows each change
    with its reason; in a pipe it prints the plain diff.
    """
    from hwc_refactor.commands.run import Request, run
    from hwc_refactor.selection import Selection

    selection = Selection(
        given["diffs"], given["codemods"], given["phases"], given["everything"], given["only"]
    )
    if not (selection.diffs or selection.codemods or selection.phases or selection.everything):
        raise click.UsageError(
            "say what to apply: --diff N, --codemod ID, --phase N or --all.\n"
            "For example: hwc-refactor apply --diff 3 --dry-run   ('hwc-refactor list' shows what there is)",
            context,
        )
    _check(context, given)
    request = Request(
        context,
        Common.of(context),
        selection,
        overrides(given),
        given["paths"],
        dry_run=given["dry_run"],
        check=given["check"],
        interactive=given["interactive"],
        safe_only=given["safe_only"],
        allow_dirty=given["allow_dirty"],
        commit=given["commit"],
        verify=not given["no_verify"],
        format=given["format_"],
        output=given["output"],
        diff_output=given["diff_output"],
        jobs=given["jobs"],
        baseline=given["baseline"],
    )
    return run(request)


def _check(context: click.Context, given: dict[str, Any]) -> None:
    """Combinations that mean nothing."""
    shown = given["dry_run"] or given["check"]
    if given["commit"] and shown:
        raise click.UsageError("--commit writes; leave out --dry-run and --check.", context)
    if given["commit"] and given["allow_dirty"]:
        raise click.UsageError("--commit needs clean files; leave out --allow-dirty.", context)
    if given["interactive"] and given["check"]:
        raise click.UsageError("--check asks nothing; leave out --interactive.", context)
