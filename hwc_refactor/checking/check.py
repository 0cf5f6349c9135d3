"""The check ladder: what is proven of a text before it is shown or written.

A rung that cannot run is reported as not run, never as passed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hwc_refactor.model import Problem
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import SyntaxProblem, parse

CHUNK = 1000
"""So many files go into one call of nix."""
_AT = re.compile(r"\s+at (/.+):(\d+):(\d+):$")


def syntax_problem(path: str, data: bytes) -> str | None:
    """The first rung: what the parser of its language has against a text, None when it parses.

    Nix and shell scripts are parsed by tree-sitter, Python programs by Python itself, without running them.
    """
    if path.endswith(".nix"):
        return complaint(parse(Source(path, data)).problem)
    if path.endswith(".py"):
        import ast

        try:
            ast.parse(data, path)
        except (SyntaxError, ValueError) as error:
            return f"line {getattr(error, 'lineno', 1)}: {error.args[0]}"
    if path.endswith((".sh", ".bash")):
        from hwc_refactor.nix.shell import parses

        return None if parses(data) else "it no longer parses as a shell script"
    return None


def complaint(problem: SyntaxProblem | None) -> str | None:
    """A syntax error of a Nix file in words."""
    return None if problem is None else f"line {problem.line}: {problem.message}"


def nix_parser() -> str | None:
    """The path of `nix-instantiate`, None when it is not installed."""
    return shutil.which("nix-instantiate")


def nix_problems(texts: Mapping[str, bytes]) -> dict[str, Problem] | None:
    """The second rung: what `nix-instantiate --parse` has against texts, by path.

    Parsing finds what a grammar cannot: attributes defined twice and names that nothing binds. Nothing is
    evaluated. All files go into one call; it ends at the first that it does not accept, and another call
    goes on behind that.

    Returns:
        The complaints by path, empty when there are none; None when nix is not installed.
    """
    program = nix_parser()
    if program is None:
        return None
    found: dict[str, Problem] = {}
    with tempfile.TemporaryDirectory(prefix="hwc-refactor-") as folder:
        places = {Path(folder, f"{index}.nix"): path for index, path in enumerate(texts)}
        for place, path in places.items():
            place.write_bytes(texts[path])
        for start in range(0, len(places), CHUNK):
            waiting = list(places)[start : start + CHUNK]
            while waiting and (complaint := _complaint(program, waiting)) is not None:
                place = complaint.place
                found[places[place]] = Problem(
                    places[place],
                    complaint.line,
                    complaint.column,
                    complaint.text.replace(f" at {place}:", " at "),
                )
                waiting = waiting[waiting.index(place) + 1 :]
    return found


class _Complaint(Struct, frozen=True):
    place: Path
    line: int
    column: int
    text: str


def _complaint(program: str, places: Sequence[Path]) -> _Complaint | None:
    """What the parser says against the first file that it does not accept, None when it accepts all."""
    done = subprocess.run(
        [program, "--store", "dummy://", "--parse", *map(str, places)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", "NO_COLOR": "1"},
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    first = lines[0] if lines else "no reason given"
    text = next((line for line in lines if line.startswith("error")), first).removeprefix("error: ")
    for line in lines:
        match = _AT.match(line)
        if match is not None and Path(match[1]) in places:
            return _Complaint(Path(match[1]), int(match[2]), int(match[3]), text)
    if len(places) == 1:
        return _Complaint(places[0], 1, 1, text)
    half = len(places) // 2
    return _complaint(program, places[:half]) or _complaint(program, places[half:])
