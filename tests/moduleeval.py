"""Evaluates configurations that use the shared modules: what they set, their assertions and warnings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from example import REPOSITORY
from nixeval import NIX, EvaluationError

MODULES = REPOSITORY / "codemods" / "modules"
SHIPPED = Path(__file__).with_name("nix") / "shipped.nix"


@cache
def evaluated(text: str, lib: str | None, *, current: bool = True) -> Mapping[str, Any]:
    """What a configuration comes to; its text stands between the braces of a module.

    Args:
        text: bindings.
        lib: the folder of nixpkgs' lib, or None for the small one.
        current: whether oci-containers has the options of a current release, or those of 2022 alone.

    Raises:
        EvaluationError: when it does not evaluate.
    """
    assert NIX is not None
    command = [NIX, "--store", "dummy://", "--eval", "--strict", "--json", str(SHIPPED)]
    command += ["--argstr", "shipped", str(MODULES), "--arg", "current", "true" if current else "false"]
    command += ["--arg", "modules", f"[ ({{ config, lib, pkgs, ... }}: {{ {text} }}) ]"]
    if lib is not None:
        command += ["--arg", "lib", f'import (/. + "{Path(lib).resolve()}/lib")']
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EvaluationError(done.stderr)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found
