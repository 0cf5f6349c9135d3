"""The shared modules, evaluated: every option, every correction to the proposal, assertions and warnings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from example import REPOSITORY
from nixeval import LIBS, NIX, EvaluationError, needs_nix

from hwc_refactor.shipped import shipped_modules

MODULES = REPOSITORY / "codemods" / "modules"
SHIPPED = Path(__file__).with_name("nix") / "shipped.nix"

LIMITS = ["--memory=2g", "--memory-swap=4g", "--cpus=1", "--pids-limit=200"]
NO_NEW_PRIVILEGES = "--security-opt=no-new-privileges:true"
MEDIA = "--network=media-network"


@cache
def evaluated(
    text: str, lib: str | None, *, current: bool = True, modules: Path = MODULES
) -> Mapping[str, Any]:
    """What a configuration comes to; its text stands between the braces of a module."""
    assert NIX is not None
    command = [NIX, "--store", "dummy://", "--eval", "--strict", "--json", str(SHIPPED)]
    command += ["--argstr", "shipped", str(modules), "--arg", "current", "true" if current else "false"]
    command += ["--arg", "modules", f"[ ({{ config, lib, pkgs, ... }}: {{ {text} }}) ]"]
    if lib is not None:
        command += ["--arg", "lib", f'import (/. + "{Path(lib).resolve()}/lib")']
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EvaluationError(done.stderr)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def app(text: str = "", image: str = 'image = "ghcr.io/me/app"; imageTag = "1.2";') -> str:
    """A container called app."""
    return f"services.hwc.container.app = {{ enable = true; {image} {text} }};"


def test_shipped_texts_are_the_files() -> None:
    assert list(shipped_modules()) == [
        "modules/services/hwc-container.nix",
        "modules/services/hwc-monitor.nix",
    ]
    for path, text in shipped_modules().items():
        assert text == (MODULES / Path(path).name).read_bytes()


@needs_nix
@pytest.mark.parametrize("lib", LIBS)
def test_documented_defaults(lib: str | None) -> None:
    found = evaluated(app(), lib)["containers"]["app"]
    assert found["image"] == "ghcr.io/me/app:1.2"
    assert found["extraOptions"] == [MEDIA, NO_NEW_PRIVILEGES, *LIMITS]
    assert found["environment"] == {"PUID": "1000", "PGID": "1000"}
    assert found["autoStart"] is True
