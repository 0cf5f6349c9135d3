"""What `apply` does: read, plan, ask, show, write."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click
from msgspec import Struct

from hwc_refactor.commands.shared import (
    Common,
    Failure,
    Progress,
    colour,
    columns,
    command_line,
    deliver,
    demand_writable,
    is_terminal,
    listed,
    prefix_in_work_tree,
    program,
    save,
    tell,
)
from hwc_refactor.model import Plan
from hwc_refactor.overrides import Overrides
from hwc_refactor.project import Project
from hwc_refactor.report import summary
from hwc_refactor.report.lines import Line
from hwc_refactor.report.result import Mode, Result
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

#: Options that are not part of the command which makes what was shown, or of what an undo names.
_SHOWING = (
    "dry_run",
    "check",
    "format_",
    "output",
    "diff_output",
    "quiet",
    "verbose",
    "no_color",
    "no_cache",
    "jobs",
)


class Request(Struct, frozen=True):
    """The command line of `apply`, read."""

    context: click.Context
    common: Common
    selection: Selection
    overrides: Overrides
    paths: Sequence[Path]
    dry_run: bool
    check: bool
    interactive: bool
    safe_only: bool
    allow_dirty: bool
    commit: bool
    verify: bool
    format: str
    output: Path | None
    diff_output: Path | None
    jobs: int | None
    baseline: Path | None

    @property
    def mode(self) -> Mode:
        """What was asked for."""
        return Mode.DRY_RUN if self.dry_run else Mode.CHECK if self.check else Mode.APPLY

    @property
    def name(self) -> str:
        """The run in a few words, as an undo names it."""
        return command_line(self.context, (*_SHOWING, "root", "config"))


def run(request: Request) -> int:
    """Carry the command out; the exit code."""
    from hwc_refactor.overrides import load_settings

    if request.interactive and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise Failure("--interactive asks on a terminal, and this is none")
    demand_writable(request.output)
    demand_writable(request.diff_output)
    root = request.common.find_root(request.paths)
    settings = load_settings(root, request.common.config, request.overrides)
    _settle(root, request.mode)
    if settings.disable and not request.common.quiet:
        from hwc_refactor.selection import switched_off

        tell(summary.switched_off(switched_off(request.selection, settings)))
    project = listed(request.common, root, request.paths, settings).read()
    if request.overrides.pins and not request.common.quiet:
        from hwc_refactor.commands.names import unmet_pins

        tell(unmet_pins(request.overrides.pins, project))
    plan = _plan(request, project, settings)
    if request.selection.only and not request.common.quiet:
        from hwc_refactor.commands.names import unmet_globs

        tell(unmet_globs(request.selection.only, _named(plan), project))
    tell(summary.problems(plan.problems))
    if request.diff_output is not None:
        from hwc_refactor.report import plain

        save(request.diff_output, plain.diff(plan))
    result = _result(request, root, plan)
    if request.mode is Mode.APPLY and plan.changes:
        from hwc_refactor.commands.writing import write

        result = write(root, result, request.name, commit=request.commit, allow_dirty=request.allow_dirty)
    _show(request, project, result)
    if plan.problems or result.left:
        return 2
    return 1 if request.check and plan.changes else 0


def _settle(root: Path, mode: Mode) -> None:
    """Finish or take back what a run that was cut off left, before anything is read."""
    from hwc_refactor.storage.state import StateError, locate

    if mode is Mode.APPLY:
        from hwc_refactor.commands.writing import recovered
        from hwc_refactor.storage import write

        tell(recovered(write.recover(root)))
        return
    with suppress(StateError):  # what only looks must not fail for want of a place to write to
        if locate(root).journal.exists():
            message = "an earlier run was cut off while it wrote; the next apply puts that right"
            tell([Line(f"warning: {message}", "warning")])


def _plan(request: Request, project: Project, settings: Settings) -> Plan:
    from hwc_refactor.plan import make_plan

    progress = Progress(quiet=request.common.quiet)
    request.context.meta["hwc_refactor.progress"] = progress
    known: frozenset[str] = frozenset()
    if request.baseline is not None:
        from hwc_refactor.baseline import fingerprints

        known = fingerprints(request.baseline)

    def replan(without: frozenset[str]) -> Plan:
        try:
            return make_plan(
                project,
                request.selection,
                settings,
                progress=progress,
                without=without,
                safe_only=request.safe_only,
                verify=request.verify,
                baseline=known,
                jobs=request.jobs,
            )
        finally:
            progress.done()

    plan = replan(frozenset())
    if request.interactive:
        from hwc_refactor.commands.interactive import Asker, choose
        from hwc_refactor.commands.writing import demand_clean

        if request.mode is Mode.APPLY and not request.allow_dirty:
            demand_clean(_dirty_files(project.root, plan), commit=request.commit)
        plan = choose(plan, replan, Asker())
    return plan


def _named(plan: Plan) -> Iterator[str]:
    """The names of what the plan has something to say of."""
    yield from (planned.change.subject.name for planned in plan.changes)
    yield from (refusal.subject.name for refusal in (*plan.refusals, *plan.suppressed))


def _result(request: Request, root: Path, plan: Plan) -> Result:
    from hwc_refactor.registry import codemods
    from hwc_refactor.storage.git import GitError

    dirty: tuple[str, ...] = ()
    if not request.allow_dirty:
        try:
            dirty = _dirty_files(root, plan)
        except GitError:
            if request.mode is Mode.APPLY:
                raise
    used = dict.fromkeys([planned.change.codemod for planned in plan.changes])
    used |= dict.fromkeys(refusal.codemod for refusal in plan.refusals)
    return Result(
        plan,
        request.mode,
        f"{program()} {command_line(request.context, _SHOWING)}",
        {name: codemods()[name].severity for name in used},
        dirty,
        only=request.selection.only,
        prefix=_prefix(request, root),
        batches=frozenset(name for name in used if codemods()[name].ground is not None),
    )


def _dirty_files(root: Path, plan: Plan) -> tuple[str, ...]:
    """The touched files whose present state no commit holds. Raises GitError."""
    from hwc_refactor.storage import git

    return tuple(git.dirty(root, [path for path in sorted(plan.after) if plan.before[path] is not None]))


def _prefix(request: Request, root: Path) -> str:
    """What git has to be told when it is to apply the diff: from below the top it would skip it in silence."""
    piped = request.dry_run and request.format == "text" and not is_terminal(sys.stdout)
    return prefix_in_work_tree(root) if piped or request.diff_output is not None else ""


def _show(request: Request, project: Project, result: Result) -> None:
    """The result on standard output or in a file, the summary on standard error."""
    quiet, verbose = request.common.quiet, request.common.verbose
    if request.format != "text":
        deliver(_document(request, project, result), request.output)
    elif request.output is not None:
        save(request.output, _report(result))
    elif request.dry_run:
        _print_dry_run(result, quiet=quiet)
    if not quiet:
        tell(summary.closing(result, details=verbose))


def _document(request: Request, project: Project, result: Result) -> bytes:
    """The report for machines and browsers."""
    if request.format == "json":
        from hwc_refactor.report import jsonout

        return jsonout.dumps(jsonout.run(result.plan))
    from hwc_refactor.report.formats import rendered
    from hwc_refactor.report.sheet import of_plan

    prefix = prefix_in_work_tree(project.root)
    return rendered(of_plan(result.plan, project.data, request.name, prefix), request.format)


def _print_dry_run(result: Result, *, quiet: bool) -> None:
    from hwc_refactor.report import plain

    if not is_terminal(sys.stdout):
        plain.emit(plain.diff(result.plan))
        return
    from hwc_refactor.report import text

    out = text.console(sys.stdout, colour=colour(sys.stdout), width=columns(sys.stdout))
    if quiet:
        text.print_diff(out, plain.diff(result.plan))
    else:
        text.print_changes(out, result)


def _report(result: Result) -> bytes:
    """The report for people, without colours, for a file."""
    from io import StringIO

    from hwc_refactor.report import text
    from hwc_refactor.report.lines import render

    page = StringIO()
    text.print_changes(text.console(page, colour=False, width=100), result)
    page.write(render(summary.problems(result.plan.problems), colour=False, width=None))
    page.write(render(summary.closing(result, details=False), colour=False, width=100))
    return page.getvalue().encode("utf-8", "backslashreplace")
