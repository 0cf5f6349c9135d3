"""The check ladder: what is proven of a text before it is shown or written.

A rung that cannot run is reported as not run, never as passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import parse


def syntax_problem(path: str, data: bytes) -> str | None:
    """The first rung: what the parser of its language has against a text, None when it parses.

    Nix and shell scripts are parsed by tree-sitter, Python programs by Python itself, without running them.
    """
    if path.endswith(".nix"):
        problem = parse(Source(path, data)).problem
        return None if problem is None else f"line {problem.line}: {problem.message}"
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


def nix_parser() -> str | None:
    """The path of `nix-instantiate`, None when it is not installed."""
    return shutil.which("nix-instantiate")


def nix_problems(texts: Mapping[str, bytes]) -> dict[str, str] | None:
    """The second rung: what `nix-instantiate --parse` has against texts, by path.

    Parsing finds what a grammar cannot: attributes defined twice and names that nothing binds. Nothing is
    evaluated. All files go into one call; only when it fails they are looked at one by one.

    Returns:
        The complaints by path, empty when there are none; None when nix is not installed.
    """
    program = nix_parser()
    if program is None:
        return None
    if not texts:
        return {}
    with tempfile.TemporaryDirectory(prefix="hwc-refactor-") as folder:
        places = {path: Path(folder, f"{index}.nix") for index, path in enumerate(texts)}
        for path, place in places.items():
            place.write_bytes(texts[path])
        if _run(program, list(places.values())) is None:
            return {}
        complaints = {path: _run(program, [place]) for path, place in places.items()}
    return {path: text for path, text in complaints.items() if text is not None}


def _run(program: str, places: Sequence[Path]) -> str | None:
    """What the parser says against files, None when it accepts all of them."""
    environment = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1"}
    done = subprocess.run(
        [program, "--store", "dummy://", "--parse", *map(str, places)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return next(
        (line for line in lines if line.startswith("error")), lines[0] if lines else "no reason given"
    )
