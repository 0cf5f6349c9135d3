"""The command line: which commands there are, and how a run ends. Everything else lies behind it."""

from __future__ import annotations

import sys
from collections import UserDict
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from hwc_refactor import __version__
from hwc_refactor.commands.shared import Failure, common_options
from hwc_refactor.streams import BROKEN_PIPE, drop_output

__all__ = ["cli", "run"]

NAME = "hwc-refactor"
INTERRUPTED = 130

_EPILOG = """\b
Examples:
  hwc-refactor list                       what there is, and how much of it is found here
  hwc-refactor scan                       everything that is found, and what would be done about it
  hwc-refactor explain 3                  what diff 3 is about
  hwc-refactor apply --diff 3 --dry-run   show what it would change
  hwc-refactor apply --diff 3             change it
  hwc-refactor verify --against HEAD      check the tree, and compare it with the last commit
  hwc-refactor undo                       take it back

\b
Completion of commands and options in the shell:
  bash  eval "$(_HWC_REFACTOR_COMPLETE=bash_source hwc-refactor)"
  zsh   eval "$(_HWC_REFACTOR_COMPLETE=zsh_source hwc-refactor)"
  fish  _HWC_REFACTOR_COMPLETE=fish_source hwc-refactor | source

\b
Exit codes:
  0 done, also when there is nothing to do; 1 changes pending (--check), findings (--fail-on),
  a check that failed (verify); 2 wrong usage or unusable input; 130 interrupted
"""


class Commands(UserDict[str, Any]):
    """The commands by their names; made of the module and the name in it of each: only what is called is loaded."""

    def __getitem__(self, name: str) -> click.Command:
        """Load a command."""
        module, known_as = self.data[name]
        command = getattr(import_module(f"hwc_refactor.commands.{module}"), known_as)
        assert isinstance(command, click.Command)
        return command


_COMMANDS = Commands(
    {
        "list": ("catalog", "list_"),
        "explain": ("catalog", "explain"),
        "scan": ("scan", "scan"),
        "apply": ("apply", "apply"),
        "verify": ("verify", "verify"),
        "undo": ("undo", "undo"),
    }
)


class Program(click.Group):
    """The command group; every way in which a command can end leads to an exit code and no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises becomes a message."""
        try:
            ctx.exit(super().invoke(ctx) or 0)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (click.Abort, KeyboardInterrupt):
            print("\ninterrupted", file=sys.stderr)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            drop_output()
            ctx.exit(BROKEN_PIPE)
        except Exception as error:
            raise Failure(_words(error, ctx)) from error


def _words(error: Exception, context: click.Context) -> str:
    """What a user is told about an exception."""
    from hwc_refactor.selection import SelectionError
    from hwc_refactor.settings import SettingsError
    from hwc_refactor.storage.git import GitError
    from hwc_refactor.storage.state import Locked, StateError, WriteRefused

    if isinstance(error, (SelectionError, SettingsError, Locked, StateError, WriteRefused)):
        return str(error)
    if isinstance(error, GitError):
        return f"git: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return _fault(error, context)


def _fault(error: Exception, context: click.Context) -> str:
    """A fault of the tool in one sentence; with --verbose the traceback goes before it."""
    last = getattr(context.meta.get("hwc_refactor.progress"), "last", "")
    while_ = f" during {last}" if last else ""
    verbose = context.meta.get("hwc_refactor.verbose")
    if verbose:
        import traceback

        traceback.print_exception(error)
    more = "" if verbose else "; --verbose shows where"
    text = " ".join(str(error).split())
    return f"a fault of the tool{while_}, please report it: {type(error).__name__}: {text}{more}"


@click.group(
    NAME,
    cls=Program,
    commands=_COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
@common_options
def cli(**_: object) -> None:
    """Codemods that make NixOS configurations safe and maintainable.

    Shows every change before it is made, refuses where it is not sure and says why, and takes back what it
    did.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(list(arguments), prog_name=NAME, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
