"""What the commands share: common options, where output goes, and errors for users."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from msgspec import Struct

from hwc_refactor.report.escape import visible
from hwc_refactor.report.lines import Line, paint, render

if TYPE_CHECKING:
    from hwc_refactor.overrides import Overrides
    from hwc_refactor.project import Listing
    from hwc_refactor.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
JOBS_HELP = "Processes to use. [default: one for each processor, where there is work for them]"
REPORTS = click.Choice(["text", "json", "sarif", "github", "html"])


class Writable(click.Path):
    """A file to write to. Where `-` is told, it is standard output, or no file at all."""

    def __init__(self, *, dash: bool = False) -> None:
        """Make the type.

        Args:
            dash: whether `-` may stand for standard output, which is what an option says that is not given.
        """
        super().__init__(dir_okay=False, path_type=Path)
        self._dash = dash

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; None for standard output."""
        if str(value) == "-":
            if self._dash:
                return None
            self.fail("'-' is no file here; give the name of one.", param, ctx)
        return super().convert(value, param, ctx)


WRITABLE = Writable()
REPORT = Writable(dash=True)


class Failure(click.ClickException):
    """An error that ends the run: one message on standard error, exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message; what it quotes from files is made harmless."""
        text = "\n".join(visible(line) for line in self.format_message().splitlines())
        print(f"{paint('error:', 'error', colour=colour(sys.stderr))} {text}", file=file or sys.stderr)


def common_options(command: F) -> F:
    """Options that stand before or behind the name of a command."""
    for option in reversed(
        (
            click.option(
                "--root", type=FOLDER, help="The configuration. [default: the git work tree around here]"
            ),
            click.option(
                "--config", type=READABLE, help="Settings file. [default: hwc-refactor.toml at the root]"
            ),
            click.option(
                "-q", "--quiet", is_flag=True, help="No summary and no progress; errors still show."
            ),
            click.option(
                "-v",
                "--verbose",
                is_flag=True,
                help="Tell more, also why; show where a fault of the tool is.",
            ),
            click.option("--no-color", is_flag=True, help="No colours; the variable NO_COLOR does the same."),
        )
    ):
        command = option(command)
    return command


def settings_options(command: F) -> F:
    """Options that go before the settings file."""
    for option in reversed(
        (
            click.option(
                "--pin",
                "pins",
                metavar="NAME=TAG",
                multiple=True,
                help="Version of a container's image. Repeatable.",
            ),
            click.option(
                "--pins",
                "pin_files",
                type=READABLE,
                metavar="FILE",
                multiple=True,
                help="A file of such versions: lines of NAME=TAG, or TOML.",
            ),
            click.option(
                "--profile",
                "profile_files",
                type=READABLE,
                metavar="FILE",
                multiple=True,
                help="A TOML file with [[image]] profiles: what images need. Repeatable.",
            ),
            click.option(
                "--level", type=click.Choice(["documented", "strict"]), help="How far hardening goes."
            ),
            click.option(
                "--timer-style",
                type=click.Choice(["documented", "faithful"]),
                help="Form of timers made from loops.",
            ),
            click.option("--module-import", metavar="FILE", help="The file that imports new modules."),
            click.option(
                "--keep-limits", is_flag=True, help="Give containers no limits that they did not have."
            ),
        )
    ):
        command = option(command)
    return command


def overrides(given: Mapping[str, Any]) -> Overrides:
    """What these options say."""
    from hwc_refactor.overrides import Overrides

    return Overrides(
        given["level"],
        given["timer_style"],
        given["pins"],
        given["pin_files"],
        given["profile_files"],
        given["module_import"],
        given["keep_limits"],
    )


class Common(Struct, frozen=True):
    """The common options of a run, from both sides of the command's name."""

    root: Path | None
    config: Path | None
    quiet: bool
    verbose: bool

    @classmethod
    def of(cls, context: click.Context) -> Common:
        """Read them; those behind the command's name win."""
        outer = context.parent.params if context.parent is not None else {}
        given = {
            name: context.params.get(name) or outer.get(name)
            for name in ("root", "config", "quiet", "verbose")
        }
        context.meta["hwc_refactor.verbose"] = bool(given["verbose"])
        return cls(given["root"], given["config"], bool(given["quiet"]), bool(given["verbose"]))

    def find_root(self, paths: Sequence[Path] = ()) -> Path:
        """The root: as told, else as the settings file says, else the work tree around here or the paths.

        Raises:
            Failure: when the paths belong to different roots, or leave the one around here by a link.
            SettingsError: when the settings file cannot be used.
        """
        from hwc_refactor.settings import FILE_NAME

        if self.root is not None:
            return self.root.resolve()
        top = self._work_tree(paths) if self.config is None else self.config.resolve().parent
        file = self.config or top / FILE_NAME
        if not file.is_file():
            return self._work_tree(paths)
        from hwc_refactor.overrides import root_named_by

        return root_named_by(file) or self._work_tree(paths)

    def _work_tree(self, paths: Sequence[Path]) -> Path:
        from hwc_refactor.project import find_root

        here = find_root(Path.cwd())
        there = [path.resolve() for path in paths if path.exists()]
        if all(path.is_relative_to(here) for path in there):
            return here
        for path in paths:
            if Path(os.path.abspath(path)).is_relative_to(here) and not path.resolve().is_relative_to(here):
                raise Failure(f"{path} leads outside of the root {here} through a symbolic link")
        roots = {find_root(path) for path in there}
        if len(roots) > 1:
            raise Failure(
                f"the paths belong to different roots: {', '.join(sorted(map(str, roots)))}; use --root"
            )
        return roots.pop()


def colour(stream: IO[Any]) -> bool:
    """Whether a stream wants colours."""
    context = click.get_current_context(silent=True)
    while context is not None:
        if context.params.get("no_color"):
            return False
        context = context.parent
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def is_terminal(stream: IO[Any]) -> bool:
    """Whether a stream is a terminal."""
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def columns(stream: IO[Any]) -> int | None:
    """The width of a terminal, by COLUMNS or the terminal itself; None for anything else."""
    if not is_terminal(stream):
        return None
    from shutil import get_terminal_size

    return max(get_terminal_size((80, 24)).columns, 20)


def tell(lines: Iterable[Line]) -> None:
    """Write lines to standard error."""
    put(told(lines))


def told(lines: Iterable[Line]) -> str:
    """Lines as they are written to standard error."""
    return render(lines, colour=colour(sys.stderr), width=columns(sys.stderr))


def put(text: str) -> None:
    """Write a text to standard error, behind what is on standard output so far."""
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


def listed(common: Common, root: Path, paths: Sequence[Path], settings: Settings) -> Listing:
    """The files of a configuration; what looks like one of them and cannot be read is told.

    Raises:
        Failure: when one of the paths is not there, or not below the root.
    """
    from hwc_refactor.project import list_project
    from hwc_refactor.report import summary

    try:
        listing = list_project(root, paths, settings)
    except ValueError as error:
        raise Failure(str(error)) from error
    if not common.quiet:
        tell(summary.unread(listing.unread))
        tell(summary.idle(str(root), listing.idle, bool(listing.paths)))
    return listing


def demand_writable(path: Path | None) -> None:
    """See, before anything is done, that a report can be written to a file.

    Raises:
        Failure: when its folder is missing or not ours, or it would take the place of a file of a configuration.
    """
    if path is not None and path.suffix == ".nix" and path.exists():
        raise Failure(f"{path} is a Nix file, and no report is written over one; give another name")
    if path is not None and not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
        raise Failure(f"{path} cannot be written")


def prefix_in_work_tree(root: Path) -> str:
    """Where a root lies below the top of its git work tree; empty at the top."""
    from hwc_refactor.project import find_root

    prefix = root.resolve().relative_to(find_root(root).resolve()).as_posix()
    return "" if prefix == "." else prefix


def deliver(data: bytes, output: Path | None) -> None:
    """A report, to standard output or a file, byte for byte."""
    from hwc_refactor.report import plain

    if output is not None:
        save(output, data)
    else:
        plain.emit(data)


def save(path: Path, data: bytes) -> None:
    """Write a report to a file.

    Raises:
        Failure: when that is not possible.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


def program() -> str:
    """The program as it has to be typed: by its path where it was called by one that is not searched."""
    from shutil import which

    typed = sys.argv[0]
    if os.path.basename(typed) != "hwc-refactor" or os.sep not in typed:
        return "hwc-refactor"
    found = which("hwc-refactor")
    searched = found is not None and os.path.realpath(found) == os.path.realpath(typed)
    return "hwc-refactor" if searched else shlex.quote(typed)


def command_line(
    context: click.Context, leave_out: Iterable[str] = (), *, name: str = "", more: Sequence[str] = ()
) -> str:
    """The command as it was typed, without the program, ready to be typed again.

    Args:
        context: that of the command.
        leave_out: names of parameters that are not wanted.
        name: another command that is given the same.
        more: what else it is given.
    """
    left_out = tuple(leave_out)
    outer = () if context.parent is None else _typed(context.parent, left_out)
    return shlex.join([*outer, name or context.command.name or "", *_typed(context, left_out), *more])


def complete_codemod(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of codemods, for the shell."""
    from hwc_refactor.selection import ORDER

    return [CompletionItem(name) for name in ORDER if name.startswith(incomplete)]


def _typed(context: click.Context, leave_out: Sequence[str]) -> Iterable[str]:
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in leave_out or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params.get(name)
        values = value if isinstance(value, (list, tuple)) else (value,)
        if isinstance(parameter, click.Option):
            flag = max(parameter.opts, key=len)
            yield from (flag,) if parameter.is_flag else (word for v in values for word in (flag, str(v)))
        else:
            yield from map(str, values)


class Progress:
    """A line that tells how far a run is; on terminals only, and only when the run takes a while."""

    def __init__(self, *, quiet: bool) -> None:
        """Begin; nothing is shown for the first moment."""
        self._on = not quiet and is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._next = time.monotonic() + 0.5
        self._shown = False
        self.last = ""

    def __call__(self, codemod: str, done: int, total: int) -> None:
        """Tell: this codemod, so many objects done of so many."""
        self.last = codemod
        if self._on and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._shown = True
            sys.stderr.write(f"\r\x1b[K{visible(codemod)} {done}/{total}")
            sys.stderr.flush()

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            self._shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
