"""`.ci/run` runs the README's own test command, says what pytest says, and ends as it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from example import REPOSITORY

SCRIPT = REPOSITORY / ".ci" / "run"
TOOLS = ("git", "nix-instantiate", "systemd-analyze", "python3")
COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"


def run(root: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a root with a README of these lines, where every tool it asks for is there."""
    (root / ".ci").mkdir()
    shutil.copy(SCRIPT, root / ".ci" / "run")
    (root / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tools = root / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "CI": "true"}
    return subprocess.run(
        ["bash", ".ci/run"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_it_can_be_started() -> None:
    assert os.access(SCRIPT, os.X_OK)


@pytest.mark.parametrize("lead", ["", "    ", "$ ", "    $ "])
@pytest.mark.parametrize("code", [0, 1])
def test_it_runs_the_command_of_the_readme(lead: str, code: int, tmp_path: Path) -> None:
    command = f"echo collecting; echo '3 passed in 0.1s'; exit {code} # .venv/bin/pytest"
    done = run(tmp_path, "# tool", "", "    tool apply --diff 3", "", lead + command, "", "pytest is good")
    assert done.returncode == code
    assert done.stdout.splitlines() == ["collecting", "3 passed in 0.1s"]
    assert done.stderr == f"ci: {command}\n"


def test_it_waits_for_no_input(tmp_path: Path) -> None:
    done = run(tmp_path, "cat; read -r line || echo end; : .venv/bin/pytest")
    assert done.stdout == "end\n"


def test_it_needs_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, "no command here")
    assert done.returncode == 2
    assert "README.md has no command" in done.stderr


def test_readme_has_the_command_once() -> None:
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line.strip().removeprefix("$ ") for line in lines if ".venv/bin/pytest" in line] == [COMMAND]
