"""`hwc-refactor undo`: the last apply of a root is taken back, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hwc_refactor.commands.shared import Common, Failure, common_options, tell
from hwc_refactor.report.lines import Line

if TYPE_CHECKING:
    from hwc_refactor.storage.undo import Summary

__all__ = ["undo"]

_EPILOG = """\b
Examples:
  hwc-refactor undo             take back the last apply of the configuration around here
  hwc-refactor undo --dry-run   say what that would take back
"""


@click.command("undo", epilog=_EPILOG, short_help="Take back the last apply, whole.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken back, write nothing.")
@common_options
@click.pass_context
def undo(context: click.Context, /, dry_run: bool, **_: object) -> int:
    """Take back what the last apply of this configuration wrote, byte for byte.

    Nothing is done when one of its files was changed since. Run it again to take back the apply before.
    """
    from hwc_refactor.commands.writing import recovered
    from hwc_refactor.storage import undo as undoing

    common = Common.of(context)
    root = common.find_root()
    try:
        report = undoing.foreseen(root) if dry_run else undoing.undo(root)
    except undoing.NothingToUndo:
        tell([Line(f"There is nothing to undo in {root}.")])
        return 0
    except undoing.UndoRefused as error:
        pairs = zip(error.paths, error.reasons or ["was changed since"] * len(error.paths), strict=True)
        listed = "\n".join(
            f"  {path} {reason.replace(' since it was read', ' since')}" for path, reason in pairs
        )
        raise Failure(
            f"nothing {'would be' if dry_run else 'was'} taken back, for files are not as the last apply left"
            f" them; put them back as it left them, then run this again:\n{listed}"
        ) from error
    tell(recovered(report.recovered))
    if report.undone is not None and not common.quiet:
        tell(_summary(report.undone, dry_run=dry_run, already=report.already))
    for path in report.left:
        tell([Line(f"error: {path} was changed by somebody else just now and was left alone", "error")])
    return 2 if report.left else 0


def _summary(last: Summary, *, dry_run: bool, already: bool) -> list[Line]:
    run = f"'{last.description}' of {last.time:%Y-%m-%d %H:%M} UTC"
    if already:
        text = f"Taken back already: {run}. All its files are as they were before it."
        return [Line(text, "bold", wrap=False)]
    verb = "Would take back" if dry_run else "Took back"
    return [
        Line(f"{verb} {run}", "bold", wrap=False),
        *(Line(path, indent=2, wrap=False) for path in last.paths),
    ]
