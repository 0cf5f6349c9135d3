"""`hwc-refactor verify`: checks the tree as it stands, or against a commit."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from hwc_refactor.commands.shared import (
    READABLE,
    REPORT,
    Common,
    Failure,
    colour,
    columns,
    common_options,
    demand_writable,
    listed,
    save,
    tell,
)

if TYPE_CHECKING:
    from hwc_refactor.checking.evaluation import Flake
    from hwc_refactor.checking.verification import Verification
    from hwc_refactor.checking.verifying import State, Units
    from hwc_refactor.project import Project
    from hwc_refactor.settings import Settings

__all__ = ["verify"]

_EPILOG = """\b
Examples:
  hwc-refactor verify                            syntax, nix' parser, unit files, exposure
  hwc-refactor verify --against HEAD~3           only what is worse than it was there
  hwc-refactor verify --against main --flake .#server
                                                 the real unit files, field by field
  hwc-refactor verify --flake .#server --build   and whether the system builds
  hwc-refactor verify --format json > verify.json

\b
Nothing of the configuration is evaluated unless --flake, --eval or --build asks for it.

\b
Exit codes:
  0 all that ran passed, 1 a check failed, 2 wrong usage, or a file that cannot be read or parsed
"""


class Request(Struct, frozen=True):
    """The command line of `verify`, read.

    Attributes:
        against: a revision, and the hash of its commit.
    """

    common: Common
    root: Path
    flake: Flake | None
    eval: Path | None
    build: bool
    against: tuple[str, str] | None


@click.command("verify", epilog=_EPILOG, short_help="Check the tree as it stands, or against a commit.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--against", metavar="REV", help="Compare with this commit; only what is worse now counts.")
@click.option("--flake", metavar="REF", help="Evaluate this host of a flake, as in .#server.")
@click.option(
    "--eval", "eval_", type=READABLE, metavar="FILE", help="Evaluate this configuration.nix with <nixpkgs>."
)
@click.option("--build", is_flag=True, help="Build the host of --flake with nixos-rebuild.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--output", type=REPORT, metavar="FILE", help="Write the report there instead of standard output."
)
@common_options
@click.pass_context
def verify(context: click.Context, /, **given: Any) -> int:
    """Check the configuration: syntax, nix' own parser, unit files in systemd's eyes, exposure.

    PATHs narrow the checks to these files or folders. A check that cannot run says so and is never counted as
    passed.
    """
    from hwc_refactor.checking.evaluation import Flake
    from hwc_refactor.storage import git

    if given["build"] and given["flake"] is None:
        raise click.UsageError("--build needs --flake, which says what to build.", context)
    if given["flake"] is not None and given["eval_"] is not None:
        raise click.UsageError("--flake and --eval are two ways to evaluate; give one.", context)
    common = Common.of(context)
    demand_writable(given["output"])
    root = common.find_root(given["paths"])
    try:
        flake = None if given["flake"] is None else Flake.of(given["flake"], root)
        revision = given["against"]
        against = None if revision is None else (revision, git.resolve(root, revision))
    except (ValueError, git.GitError) as error:
        raise Failure(str(error)) from error
    request = Request(common, root, flake, given["eval_"], given["build"], against)
    found = _verify(request, given["paths"])
    _show(request, found, json=given["format_"] == "json", output=given["output"])
    if found.problems:
        return 2
    return 1 if found.failed else 0


def _verify(request: Request, paths: tuple[Path, ...]) -> Verification:
    from hwc_refactor.checking import verifying
    from hwc_refactor.checking.verification import Verification
    from hwc_refactor.checking.verifying import State
    from hwc_refactor.nixos.tree import Tree
    from hwc_refactor.overrides import load_settings

    settings = load_settings(request.root, request.common.config)
    project = listed(request.common, request.root, paths, settings).read()
    now = State.of(Tree(project.texts, companions=project.companion), project)
    before = _before(request, project, settings)
    said = None if before is None else verifying.announced_between(now, before)
    exposure, services = verifying.exposures(now, before)
    syntax, broken = verifying.syntax(project)
    rungs = [syntax, verifying.parser(project, before), verifying.units(now, before), exposure]
    with ExitStack() as stack:
        real = _real(request, stack)
        if real is not None:
            rungs.append(verifying.evaluation(*real, said))
    if request.build and request.flake is not None:
        rungs.append(verifying.build(request.flake.build))
    touched = () if said is None else said.units
    return Verification(
        str(request.root),
        None if request.against is None else request.against[0],
        tuple(rungs),
        services,
        touched,
        _host(request),
        (*project.problems, *broken),
    )


def _before(request: Request, project: Project, settings: Settings) -> State | None:
    """The configuration at the commit, read from git."""
    from hwc_refactor.checking.verifying import State
    from hwc_refactor.nixos.tree import Tree
    from hwc_refactor.project import committed_project
    from hwc_refactor.storage import git

    if request.against is None:
        return None
    texts = git.texts_at(request.root, request.against[1], ".nix")
    old = committed_project(request.root, texts, project.scope, settings)
    return State.of(Tree(old.texts), old)


def _real(request: Request, stack: ExitStack) -> tuple[Units, Units | None] | None:
    """How to come to the real unit files, now and at the commit."""
    from hwc_refactor.checking.evaluation import file_units
    from hwc_refactor.storage import git

    flake, file, against = request.flake, request.eval, request.against
    if flake is not None:
        if against is None:
            return flake.units, None
        top = git.work_tree(flake.folder)
        if top is None:
            raise Failure(f"{flake.folder} lies in no git work tree, so --against cannot be evaluated")
        return flake.units, lambda: flake.units_at(top, against[1])
    if file is None:
        return None
    if against is None:
        return lambda: file_units(file.resolve()), None
    if not file.resolve().is_relative_to(request.root):
        raise Failure(f"{file} lies outside of the root {request.root}, so --against cannot be evaluated")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="hwc-refactor-")))
    for name, data in git.texts_at(request.root, against[1], "").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    inside = file.resolve().relative_to(request.root)
    return lambda: file_units(file.resolve()), lambda: file_units(folder / inside)


def _host(request: Request) -> str | None:
    """The flake reference for commands that are to be typed at the root."""
    if request.flake is not None:
        folder = request.flake.folder
        inside = folder.relative_to(request.root) if folder.is_relative_to(request.root) else folder
        return f"{inside}#{request.flake.host}"
    return ".#HOST" if (request.root / "flake.nix").is_file() else None


def _show(request: Request, found: Verification, *, json: bool, output: Path | None) -> None:
    """The report on standard output or in a file, the count on standard error."""
    from hwc_refactor.report import plain, summary, verify_text
    from hwc_refactor.report.lines import render

    tell(summary.problems(found.problems))
    if json:
        from hwc_refactor.report import jsonout

        data = jsonout.dumps(jsonout.verify(found))
    else:
        on_terminal = output is None
        text = render(
            verify_text.report(found, everything=request.common.verbose),
            colour=on_terminal and colour(sys.stdout),
            width=columns(sys.stdout) if on_terminal else None,
        )
        data = text.encode("utf-8", "backslashreplace")
    if output is not None:
        save(output, data)
    else:
        plain.emit(data)
    if not request.common.quiet:
        tell(verify_text.closing(found))
