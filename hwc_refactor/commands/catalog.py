"""`hwc-refactor list` and `hwc-refactor explain`: what there is, and the manual of each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

import click
from click.shell_completion import CompletionItem

from hwc_refactor.commands.shared import (
    Common,
    Failure,
    Progress,
    colour,
    columns,
    common_options,
    is_terminal,
    tell,
)
from hwc_refactor.model import Problem

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
    """List the six documented diffs and all codemods, and count the places that each finds under the root."""
    from hwc_refactor.catalog import codemod_entries, diff_entries
    from hwc_refactor.report import listing, plain, summary

    common = Common.of(context)
    root = common.find_root()
    found: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()
    counted = (
        common.root is not None or (root / ".git").exists() or any((root / mark).exists() for mark in _MARKS)
    )
    if counted:
        found, problems = _count(context, common, root)
    page = listing.Listing(str(root) if counted else None, diff_entries(), codemod_entries(), found)
    tell(summary.problems(problems))
    if format_ == "json":
        plain.emit(listing.as_json(page))
    else:
        listing.print_listing(page, _stdout(), colour=colour(sys.stdout), width=columns(sys.stdout))
    return 2 if problems else 0


def _count(
    context: click.Context, common: Common, root: Path
) -> tuple[Mapping[str, int], tuple[Problem, ...]]:
    """Places by id of a codemod and by number of a diff; and the files that cannot be used."""
    from hwc_refactor.plan import make_plan
    from hwc_refactor.project import read_project
    from hwc_refactor.recipes import recipes
    from hwc_refactor.registry import codemods
    from hwc_refactor.selection import Selection, SelectionError
    from hwc_refactor.settings import load_settings

    settings = load_settings(root, common.config)
    progress = Progress(quiet=common.quiet)
    context.meta["hwc_refactor.progress"] = progress
    project = read_project(root, (), settings)
    try:
        plan = make_plan(project, Selection(everything=True), settings, progress=progress)
        found = {name: 0 for name, codemod in codemods().items() if not codemod.only_in_diffs}
        ids = [planned.change.codemod for planned in plan.changes] + [
            refusal.codemod for refusal in plan.refusals
        ]
        found |= Counter(ids)
        for number in recipes():
            try:
                part = make_plan(project, Selection(diffs=(number,)), settings, progress=progress)
            except SelectionError:
                found[str(number)] = 0
            else:
                found[str(number)] = len(part.changes) + len(part.refusals)
    finally:
        progress.done()
    return found, plan.problems


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
    from hwc_refactor.catalog import codemod_names, names
    from hwc_refactor.recipes import recipes
    from hwc_refactor.registry import codemods
    from hwc_refactor.report import manual, plain

    word = id_.lower().removeprefix("diff").strip(" -")
    if word.isdecimal() and int(word) in recipes():
        page = manual.of_diff(recipes()[int(word)])
    elif id_ in codemods():
        page = manual.of_codemod(codemods()[id_])
    elif word in names():
        kind = "codemod" if word in codemod_names() else "diff"
        raise Failure(f"the {kind} {word} is not in this release yet; 'hwc-refactor list' shows what it has")
    else:
        near = get_close_matches(id_.replace("_", "-").lower(), names(), 1)
        hint = f"did you mean {near[0]}?" if near else "'hwc-refactor list' shows all of them"
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
