"""`hwc-refactor list` and `hwc-refactor explain`: what there is, and the manual of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from msgspec.structs import replace

from hwc_refactor.commands.shared import (
    Common,
    Failure,
    Progress,
    colour,
    columns,
    common_options,
    is_terminal,
    listed,
    tell,
)
from hwc_refactor.model import Problem
from hwc_refactor.near import nearest

if TYPE_CHECKING:
    from hwc_refactor.findings import Audit

__all__ = ["explain", "list_"]

_FORMAT = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
#: What tells that a folder without git is a configuration.
_MARKS = ("hwc-refactor.toml", "flake.nix", "configuration.nix", "default.nix")
_LIST_EPILOG = """\b
Examples:
  hwc-refactor list                    what there is, and how many places each finds here
  hwc-refactor list --root ~/nixos --format json
"""
_EXPLAIN_EPILOG = """\b
Examples:
  hwc-refactor explain 3
  hwc-refactor explain unprivileged-container
"""


@click.command("list", epilog=_LIST_EPILOG, short_help="The documented diffs and all codemods.")
@_FORMAT
@common_options
@click.pass_context
def list_(context: click.Context, /, format_: str, **_: object) -> int:
    """List the documented diffs, the codemods and the phases of the plan.

    In a configuration it also counts the places that each finds, and tells how far each phase is.
    """
    from hwc_refactor.catalog import codemod_entries, diff_entries
    from hwc_refactor.report import listing, plain, summary
    from hwc_refactor.selection import PHASES
    from hwc_refactor.standing import phase_states, places

    common = Common.of(context)
    root = common.find_root()
    counted = (
        common.root is not None or (root / ".git").exists() or any((root / mark).exists() for mark in _MARKS)
    )
    page = listing.Listing(None, diff_entries(), codemod_entries(), PHASES)
    problems: tuple[Problem, ...] = ()
    if counted:
        found = _audit(context, common, root)
        problems = found.problems
        page = replace(page, root=str(root), found=places(found.tallies), states=phase_states(found.tallies))
    tell(summary.problems(problems))
    if format_ == "json":
        plain.emit(listing.as_json(page))
    else:
        listing.print_listing(page, _stdout(), colour=colour(sys.stdout), width=columns(sys.stdout))
    return 2 if problems else 0


def _audit(context: click.Context, common: Common, root: Path) -> Audit:
    """What is found of everything."""
    from hwc_refactor.audit import audit
    from hwc_refactor.overrides import load_settings
    from hwc_refactor.standing import counting_steps

    settings = load_settings(root, common.config)
    progress = Progress(quiet=common.quiet)
    context.meta["hwc_refactor.progress"] = progress
    try:
        project = listed(common, root, (), settings).read()
        return audit(project, counting_steps(settings), settings, progress=progress, jobs=None)
    finally:
        progress.done()


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from hwc_refactor.catalog import names

    return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


@click.command("explain", epilog=_EXPLAIN_EPILOG, short_help="The manual of a codemod or documented diff.")
@click.argument("id_", metavar="ID", shell_complete=_complete)
@_FORMAT
@common_options
@click.pass_context
def explain(context: click.Context, /, id_: str, format_: str, **_: object) -> int:
    """Explain a codemod, by its id, or a documented diff, by its number.

    Why it is there, what it writes, when it refuses, and what a person must still do.
    """
    from hwc_refactor.catalog import names
    from hwc_refactor.recipes import recipes, recorded
    from hwc_refactor.registry import codemods
    from hwc_refactor.report import manual, plain

    word = id_.lower().removeprefix("diff").strip(" -")
    if word.isdecimal() and int(word) in recipes():
        recipe = recipes()[int(word)]
        page = manual.of_diff(recipe, recorded(recipe), codemods())
    elif id_ in codemods():
        page = manual.of_codemod(codemods()[id_])
    else:
        near = nearest(id_, names())
        hint = f"did you mean {near}?" if near else "'hwc-refactor list' shows all of them"
        raise Failure(f"there is no codemod or diff '{id_}'; {hint}")
    if format_ == "json":
        plain.emit(manual.as_json(page))
    else:
        manual.print_page(
            page,
            _stdout(),
            colour=colour(sys.stdout),
            width=columns(sys.stdout),
            fancy=is_terminal(sys.stdout),
        )
    return 0


def _stdout() -> IO[Any]:
    return sys.stdout
