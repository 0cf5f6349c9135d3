"""The standard streams: there whatever the shell has left of them, and never a reason for a traceback."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable

__all__ = ["BROKEN_PIPE", "drop_output", "guarded", "leave", "ready"]

#: As a shell reports a program that a closed pipe ended; git ends so, too.
BROKEN_PIPE = 141
UNUSABLE = 2


def ready() -> None:
    """Open what the shell has closed.

    Else the next file to be opened would take its number, and with it all that is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def guarded(run: Callable[[], int]) -> int:
    """Run the program to the last byte of what it prints; the exit code.

    Args:
        run: gives the exit code.
    """
    try:
        code = run()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        drop_output()
        return BROKEN_PIPE
    except OSError as error:
        drop_output()
        print(f"error: {error.filename or 'standard output'}: {error.strerror or error}", file=sys.stderr)
        return UNUSABLE


def leave(code: int) -> None:
    """End the process, and leave what it holds to the system.

    To take thousands of files and trees apart value by value takes a tenth of a run over them.
    """
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def drop_output() -> None:
    """Let go of what cannot be written; the interpreter must not complain about that when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
