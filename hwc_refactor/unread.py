"""Files that no codemod had to read: they are only parsed, to tell those with a syntax error.

One that holds nothing but comments is none of them: nothing can be missed in there.

That takes about as long as an audit of large trees, and has nothing to do with it: it is done beside it, in
a process of its own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from hwc_refactor.model import Problem
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import ParsedFile, parse

ENCRYPTED = b"\0GITCRYPT\0"
"""What a file begins with that git-crypt has locked: not a fault of it, and nothing can be said about it."""
FEW = 300
"""So many files are parsed sooner than a process is begun (some 20 ms)."""


def problems_of(files: Iterable[ParsedFile]) -> list[Problem]:
    """The syntax errors of files, one for each."""
    return [
        Problem(file.source.path, file.problem.line, file.problem.column, file.problem.message)
        for file in files
        if file.problem is not None
    ]


class Unread:
    """Looks at files while something else is done."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        """Begin."""
        self._texts = texts
        self._process: ForkProcess | None = None
        if len(texts) > FEW and "fork" in multiprocessing.get_all_start_methods():
            here, there = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.get_context("fork").Process(
                target=_send, args=(texts, there), daemon=True
            )
            with suppress(OSError):  # no room for a process: it is done here
                process.start()
                self._process, self._answer = process, here
            there.close()

    def problems(self) -> list[Problem]:
        """The syntax errors found."""
        if self._process is not None:
            with suppress(EOFError, OSError):  # it was ended from outside: it is done here
                found: list[Problem] = self._answer.recv()
                self._process.join()
                return found
        return _problems(self._texts)


def _send(texts: Mapping[str, bytes], answer: Connection) -> None:
    answer.send(_problems(texts))


def _problems(texts: Mapping[str, bytes]) -> list[Problem]:
    files = (parse(Source(path, data)) for path, data in texts.items())
    return problems_of(file for file in files if file.problem is not None and not file.problem.empty)
