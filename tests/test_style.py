"""The checkers that the project keeps to: ruff's rules and layout, and mypy's types."""

from __future__ import annotations

import subprocess
import sys

from example import REPOSITORY


def run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_rules() -> None:
    run("ruff", "check", "--quiet", ".")


def test_layout() -> None:
    run("ruff", "format", "--check", "--quiet", ".")


def test_types() -> None:
    run("mypy", "--no-error-summary")
