"""The git edge, against real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from hwc_refactor.storage.git import GitError, commit, dirty, work_tree

ODD = ["a b", 'q"\\', "tab\tnew\nline", "é", "\udcff", "-x", ":(top)y", "*"]


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text('[user]\nname = A\nemail = a@example.org\n[protocol "file"]\nallow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return os.fsdecode(done.stdout)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with one commit of `kept` and `sub/kept`."""
    top = tmp_path / "tree"
    (top / "sub").mkdir(parents=True)
    git(top, "init", "--quiet")
    for name in ("kept", "sub/kept"):
        (top / name).write_text("old\n")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message=first")
    return top


def test_work_tree(tree: Path, tmp_path: Path) -> None:
    assert work_tree(tree) == tree
    assert work_tree(tree / "sub") == tree
    assert work_tree(tree / "sub" / "kept") == tree
    assert work_tree(tree / "not" / "there") == tree
    assert work_tree(tree / ".git") is None
    assert work_tree(tmp_path) is None
    (tmp_path / "link").symlink_to(tree / "sub")
    assert work_tree(tmp_path / "link") == tree


def test_work_tree_with_an_odd_name(tmp_path: Path) -> None:
    top = tmp_path / "odd \n\udcff\n"
    top.mkdir()
    git(top, "init", "--quiet")
    assert work_tree(top) == top
    (top / "x").touch()
    assert dirty(top, ["x"]) == ["x"]


def test_no_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "kept").write_text("new\n")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert work_tree(tree) is None
    assert dirty(tree, ["kept"]) == []
    with pytest.raises(GitError):
        commit(tree, ["kept"], "x")


def test_not_a_work_tree(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert dirty(tmp_path, ["x"]) == []


def test_dirty(tree: Path) -> None:
    (tree / ".gitignore").write_text("ignored\nhidden/\n")
    for name in ("ignored", "hidden/a", "fresh/a", "staged", "intended", "both"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("x\n")
    git(tree, "add", "staged", "both")
    git(tree, "add", "--intent-to-add", "intended")
    git(tree, "commit", "--quiet", "--message=second", "both")
    (tree / "both").write_text("staged\n")
    git(tree, "add", "both")
    (tree / "both").write_text("x\n")
    unsafe = ["ignored", "hidden/a", "fresh/a", "staged", "intended", "both"]
    assert dirty(tree, ["kept", *unsafe, "sub/kept", "missing"]) == unsafe
    (tree / "sub/kept").write_text("new\n")
    assert dirty(tree, ["kept", "sub/kept"]) == ["sub/kept"]
    assert dirty(tree / "sub", ["kept"]) == ["kept"]
    (tree / "kept").unlink()
    assert dirty(tree, ["kept"]) == []


def test_dirty_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "tree")
    (tmp_path / "tree" / "x").touch()
    git(tmp_path / "tree", "add", "x")
    assert dirty(tmp_path / "tree", ["x"]) == ["x"]


def test_overlooked_files_are_dirty(tree: Path) -> None:
    git(tree, "update-index", "--assume-unchanged", "kept")
    git(tree, "update-index", "--skip-worktree", "sub/kept")
    assert dirty(tree, ["kept", "sub/kept"]) == ["kept", "sub/kept"]


def test_odd_names(tree: Path) -> None:
    for name in ODD:
        (tree / "sub" / name).write_text("x\n")
    assert dirty(tree / "sub", ODD) == ODD
    commit(tree / "sub", ODD, "odd")
    assert dirty(tree / "sub", ODD) == []
    for name in ODD[::2]:
        (tree / "sub" / name).write_text("new\n")
    assert dirty(tree / "sub", ODD) == ODD[::2]


def test_many_paths(tree: Path) -> None:
    names = [f"many/{number}" for number in range(450)]
    (tree / "many").mkdir()
    for name in names:
        (tree / name).touch()
    commit(tree, names, "many")
    (tree / names[401]).write_text("x")
    assert dirty(tree, names) == [names[401]]


def test_symbolic_links_count_as_their_targets(tree: Path) -> None:
    (tree / "link").symlink_to("kept")
    (tree / "folder").symlink_to("sub")
    assert dirty(tree, ["link", "folder/kept"]) == []
    (tree / "kept").write_text("new\n")
    (tree / "sub" / "kept").write_text("new\n")
    assert dirty(tree, ["link", "folder/kept"]) == ["link", "folder/kept"]


def test_submodule_and_inner_repository(tree: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    git(tmp_path, "init", "--quiet", "outer")
    git(outer, "submodule", "--quiet", "add", str(tree), "module")
    git(outer, "commit", "--quiet", "--message=module")
    git(outer, "init", "--quiet", "inner")
    (outer / "inner" / "x").touch()
    assert work_tree(outer / "module") == outer / "module"
    assert dirty(outer, ["module/kept", "inner/x"]) == ["inner/x"]
    (outer / "module" / "kept").write_text("new\n")
    assert dirty(outer, ["module/kept"]) == ["module/kept"]
    with pytest.raises(GitError):
        commit(outer, ["module/kept"], "not here")


def test_settings_and_environment_change_nothing(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in (
        "status.short=true", "status.branch=true", "status.relativePaths=true", "color.ui=always",
        "status.showUntrackedFiles=no", "core.quotePath=true", "color.status=always", "status.showStash=true",
    ):  # fmt: skip
        git(tree, "config", *setting.split("="))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_ICASE_PATHSPECS", "1")
    (tree / "sub" / "é").touch()
    (tree / "sub" / "kept").write_text("new\n")
    assert work_tree(tree) == tree
    assert dirty(tree / "sub", ["é", "kept"]) == ["é", "kept"]
    assert dirty(tree, ["kept"]) == []


def test_runs_no_program_of_the_repository(tree: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{proof}'\n")
    program.chmod(0o755)
    for hook in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "reference-transaction",
                 "post-index-change"):  # fmt: skip
        (tree / ".git" / "hooks" / hook).write_text(program.read_text())
        (tree / ".git" / "hooks" / hook).chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(program))
    git(tree, "config", "core.editor", str(program))
    proof.unlink(missing_ok=True)
    (tree / "kept").write_text("new\n")
    assert dirty(tree, ["kept"]) == ["kept"]
    commit(tree, ["kept"], "x")
    assert not proof.exists()


def test_reads_do_not_touch_the_index(tree: Path) -> None:
    index = tree / ".git" / "index"
    before = index.read_bytes()
    os.utime(tree / "kept", (1, 1))
    assert dirty(tree, ["kept"]) == []
    assert index.read_bytes() == before


def test_commit_takes_exactly_the_paths(tree: Path) -> None:
    for name in ("kept", "sub/kept", "staged", "loose", "sub/new"):
        (tree / name).write_text("new\n")
    git(tree, "add", "staged", "kept")
    first = git(tree, "rev-parse", "HEAD").strip()
    made = commit(tree / "sub", ["kept", "new"], "# title\n\nbody\n")
    assert made == git(tree, "rev-parse", "HEAD").strip()
    assert git(tree, "rev-parse", "HEAD^").strip() == first
    assert git(tree, "log", "-1", "--format=%B").strip() == "# title\n\nbody"
    assert git(tree, "show", "--format=", "--name-status").split() == ["M", "sub/kept", "A", "sub/new"]
    assert git(tree, "diff", "--cached", "--name-only").split() == ["kept", "staged"]
    assert git(tree, "ls-files", "--others").split() == ["loose"]


def test_commit_takes_names_literally(tree: Path) -> None:
    for name in ("kept", "*", ":(top)sub"):
        (tree / name).write_text("new\n")
    (tree / "sub" / "kept").write_text("new\n")
    commit(tree, ["*", ":(top)sub"], "literally")
    assert sorted(git(tree, "show", "--format=", "--name-only").split()) == ["*", ":(top)sub"]
    assert dirty(tree, ["kept", "*", ":(top)sub", "sub/kept"]) == ["kept", "sub/kept"]


def test_links_which_lead_nowhere(tree: Path, tmp_path: Path) -> None:
    (tree / "loop").symlink_to("loop")
    (tree / "dangling").symlink_to("nothing")
    (tree / "outside").symlink_to(tmp_path / "file")
    (tmp_path / "file").touch()
    assert dirty(tree, ["loop", "dangling", "outside"]) == []
    with pytest.raises(GitError, match="outside of the work tree"):
        commit(tree, ["outside"], "x")


def test_commit_of_a_removal(tree: Path) -> None:
    (tree / "kept").unlink()
    git(tree, "rm", "--quiet", "sub/kept")
    commit(tree, ["kept", "sub/kept"], "gone")
    assert git(tree, "ls-tree", "-r", "HEAD") == ""


def test_commit_as_the_first_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "tree")
    (tmp_path / "tree" / "x").touch()
    assert commit(tmp_path / "tree", ["x"], "first") == git(tmp_path / "tree", "rev-parse", "HEAD").strip()


def test_failed_commit_leaves_the_index(tree: Path) -> None:
    (tree / ".gitignore").write_text("ignored\n")
    (tree / "ignored").touch()
    (tree / "new").touch()
    before = git(tree, "status", "--porcelain")
    with pytest.raises(GitError):
        commit(tree, ["kept"], "nothing changed")
    with pytest.raises(GitError, match="ignored"):
        commit(tree, ["new", "ignored"], "no")
    with pytest.raises(GitError):
        commit(tree, ["new"], "")
    with pytest.raises(GitError):
        commit(tree, [], "no")
    assert git(tree, "status", "--porcelain") == before
