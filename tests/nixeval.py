"""Evaluates configurations for the tests: with the small lib in `nix/`, and with nixpkgs' where it is named.

`HWC_NIXPKGS_LIB` names a folder that holds nixpkgs' `lib/`; without it the tests that compare with it skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

Facts = Mapping[str, Any]
"""What a configuration comes to; see `nix/facts.nix`."""

FACTS = Path(__file__).with_name("nix") / "facts.nix"
NIX = shutil.which("nix-instantiate")
NIXPKGS_LIB = os.environ.get("HWC_NIXPKGS_LIB")
ABSENT = "(absent)"

needs_nix = pytest.mark.skipif(NIX is None, reason="nix-instantiate is not installed")
LIBS = (
    pytest.param(None, id="own-lib", marks=needs_nix),
    pytest.param(
        NIXPKGS_LIB,
        id="nixpkgs-lib",
        marks=[needs_nix, pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")],
    ),
)
"""Parameters for a test that holds with either lib: the folder of nixpkgs' lib, or None for our own."""


class EvaluationError(Exception):
    """Nix refused; the message is its own."""


def facts(root: Path, lib: str | None, *modules: str) -> Facts:
    """Evaluate modules, given as Nix expressions in which `root` is the folder.

    Raises:
        EvaluationError: when they do not evaluate.
    """
    assert NIX is not None
    command = [NIX, "--store", "dummy://", "--eval", "--strict", "--json", str(FACTS)]
    command += ["--argstr", "root", str(root)]
    command += ["--arg", "modules", f"root: [ {' '.join(f'({module})' for module in modules)} ]"]
    if lib is not None:
        command += ["--arg", "lib", f'import (/. + "{Path(lib).resolve()}/lib")']
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EvaluationError(done.stderr)
    found: Facts = json.loads(done.stdout)
    return found


def differences(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    """What differs between two values, by path; a list counts as one value."""
    return dict(_differences(before, after, ""))


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            below = f"{path}.{name}" if path else name
            yield from _differences(before.get(name, ABSENT), after.get(name, ABSENT), below)
    elif before != after:
        yield path, (before, after)
