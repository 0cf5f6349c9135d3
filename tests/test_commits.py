"""One commit for each change, and the ways back: undo, and the revert of any single commit."""

from __future__ import annotations

import random
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Call
from example import EXAMPLE

from hwc_refactor.checking.check import nix_problems, syntax_problem

SELECTIONS = [("--all",), ("--diff", "3"), ("--diff", "5"), ("--diff", "3", "--diff", "5")]


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def texts(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def demand_parse(root: Path) -> None:
    """See that every Nix file of a tree parses."""
    found = {path: data for path, data in texts(root).items() if path.endswith(".nix")}
    assert [path for path, data in found.items() if syntax_problem(path, data)] == []
    assert not nix_problems(found)


@pytest.fixture
def home(quiet_place: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example in a repository of its own; the current directory."""
    root = tmp_path / "home"
    shutil.copytree(EXAMPLE, root)
    git(tmp_path, "init", "--quiet", str(root))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=start")
    monkeypatch.chdir(root)
    return root


def commits(root: Path, call: Call, selection: Sequence[str]) -> list[str]:
    """Apply and commit; the new commits, oldest first."""
    start = git(root, "rev-parse", "HEAD")
    done = call("apply", *selection, "--commit", "--quiet")
    assert done.code == 0, done.err
    return git(root, "rev-list", "--reverse", f"{start}..HEAD").split()


def reverted(root: Path, commit: str) -> bool:
    """Revert a commit; False, and nothing is done, where later ones changed the same lines."""
    done = subprocess.run(
        ["git", "revert", "--no-edit", commit], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        assert "could not revert" in done.stderr
        git(root, "revert", "--abort")
    return done.returncode == 0


@pytest.mark.parametrize("selection", SELECTIONS, ids=" ".join)
def test_every_commit_parses_and_touches_what_it_names(
    home: Path, call: Call, selection: tuple[str, ...]
) -> None:
    made = commits(home, call, selection)
    assert made
    assert git(home, "status", "--porcelain") == ""
    for commit in made:
        git(home, "checkout", "--quiet", "--detach", commit)
        demand_parse(home)


@pytest.mark.parametrize("selection", SELECTIONS, ids=" ".join)
def test_any_single_commit_can_be_reverted(home: Path, call: Call, selection: tuple[str, ...]) -> None:
    made = commits(home, call, selection)
    tip = git(home, "rev-parse", "HEAD")
    done = 0
    for commit in made:
        git(home, "reset", "--quiet", "--hard", tip)
        if reverted(home, commit):
            demand_parse(home)
            done += 1
    assert done >= max(1, len(made) // 2)


@pytest.mark.parametrize("seed", range(4))
def test_commits_can_be_reverted_in_any_order(home: Path, call: Call, seed: int) -> None:
    made = commits(home, call, ("--all",))
    start = git(home, "rev-parse", f"{made[0]}^")
    random.Random(seed).shuffle(made)
    kept: list[str] = []
    for commit in made:
        if not reverted(home, commit):
            kept.append(commit)
        demand_parse(home)
    for _ in range(len(kept)):  # those that others stood on
        kept = [commit for commit in kept if not reverted(home, commit)]
        demand_parse(home)
    assert kept == []
    assert git(home, "diff", start) == ""


def test_commits_from_the_last_to_the_first_give_the_start_back(home: Path, call: Call) -> None:
    before = texts(home)
    for commit in reversed(commits(home, call, ("--all",))):
        assert reverted(home, commit)
    assert texts(home) == before


def test_undo_takes_all_commits_of_a_run_back(home: Path, call: Call) -> None:
    before = texts(home)
    made = commits(home, call, ("--all",))
    assert call("undo").code == 0
    assert texts(home) == before
    assert git(home, "rev-parse", "HEAD") == made[-1]


def test_a_message_says_what_why_and_how_to_take_it_back(home: Path, call: Call) -> None:
    made = commits(home, call, ("--diff", "3"))
    messages = [git(home, "show", "--no-patch", "--format=%B", commit) for commit in made]
    assert [message.splitlines()[0] for message in messages] == [
        "gluetun: run gluetun without --privileged",
        "gluetun: pin qmcgaw/gluetun to v3.39.1",
        "gluetun-env-setup: sandbox gluetun-env-setup",
    ]
    assert "Exposure by systemd-analyze security: 9.6 -> 8.3." in messages[-1]
    assert all("\n\nTo do or to know:\n- " in message for message in messages)
    for commit, message in zip(made, messages, strict=True):
        (line,) = [line for line in message.splitlines() if line.startswith("To take it back: ")]
        words = shlex.split(line.removeprefix("To take it back: "))
        assert words[:3] == ["git", "revert", "--no-edit"]
        assert git(home, "rev-parse", words[3]) == commit
    subprocess.run(words, cwd=home, check=True, capture_output=True)
    demand_parse(home)
