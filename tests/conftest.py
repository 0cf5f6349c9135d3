"""Fixtures that several test modules use: the program itself, called in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from homeserver import HERE, commit

from hwc_refactor.__main__ import main


@dataclass(frozen=True)
class Done:
    """How a call of the program ended."""

    code: int
    out: bytes
    err: str


Call = Callable[..., Done]


@pytest.fixture
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the user's own state, colours and git settings."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "nobody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def call(quiet_place: None, capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Runs the program in this process; what it prints as standard output and standard error."""

    def run(*arguments: str | Path) -> Done:
        capfdbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Done(code, out, err.decode())

    return run


@pytest.fixture
def home(quiet_place: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example in a git repository of its own; the current directory."""
    root = tmp_path / "home"
    shutil.copytree(HERE / "examples" / "homeserver", root)
    commit(root)
    monkeypatch.chdir(root)
    return root
