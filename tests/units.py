"""Unit files as NixOS writes them, from evaluated services, and what systemd says of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")

Service = Mapping[str, Any]
_UNIT = {
    "after": "After",
    "before": "Before",
    "bindsTo": "BindsTo",
    "description": "Description",
    "partOf": "PartOf",
    "requires": "Requires",
    "wants": "Wants",
}
_IMPLIED = ("sysinit.target", "basic.target", "shutdown.target", "time-set.target", "time-sync.target")


def render(service: Service, program: Path) -> str:
    """The text of a service's unit file; `program` is what it starts when it has a script."""
    unit = {key: service[name] for name, key in _UNIT.items() if service.get(name)}
    settings = dict(service["serviceConfig"])
    environment = {name: value for name, value in service["environment"].items() if value is not None}
    settings["Environment"] = [f'"{name}={value}"' for name, value in sorted(environment.items())]
    if service["script"]:
        settings["ExecStart"] = str(program)
    lines = ["[Unit]", *_lines(unit, joined=True), "", "[Service]", *_lines(settings, joined=False)]
    return "\n".join(lines) + "\n"


def _lines(settings: Mapping[str, Any], *, joined: bool) -> Iterator[str]:
    for name, value in sorted(settings.items()):
        if isinstance(value, list) and joined:
            yield f"{name}={' '.join(value)}"
            continue
        for item in value if isinstance(value, list) else [value]:
            yield f"{name}={str(item).lower() if isinstance(item, bool) else item}"


def write_unit(folder: Path, name: str, service: Service) -> Path:
    """Write a service's unit file and its script, beside the targets that every unit refers to."""
    folder.mkdir(parents=True, exist_ok=True)
    for target in _IMPLIED:
        (folder / target).write_text(f"[Unit]\nDescription={target}\n", encoding="utf-8")
    program = folder / f"unit-script-{name}-start"
    program.write_text(f"#!/bin/sh\nset -e\n\n{service['script']}", encoding="utf-8")
    program.chmod(0o755)
    unit = folder / f"{name}.service"
    unit.write_text(render(service, program), encoding="utf-8")
    return unit


def write_timer(folder: Path, name: str, timer: Mapping[str, Any]) -> Path:
    """Write the unit file of a timer, beside the service that it starts."""
    unit = folder / f"{name}.timer"
    lines = ["[Unit]", f"Description={timer['description']}", "", "[Timer]"]
    lines += _lines(timer["timerConfig"], joined=False)
    unit.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return unit


def complaints(unit: Path) -> str:
    """What `systemd-analyze verify` has against a unit file; an unknown key alone does not change its exit code."""
    done = analyze(unit.parent, ["verify", str(unit)])
    return done.stdout + done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


def exposure(unit: Path) -> float:
    """How exposed `systemd-analyze security` finds a unit: 0 (best) to 10."""
    done = analyze(unit.parent, ["security", "--offline=true", "--no-pager", str(unit)])
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    return float(found[1])


def analyze(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze where it sees the units of one folder and none of this machine."""
    assert ANALYZE is not None
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": str(folder), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [ANALYZE, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
