"""The documented diffs on the example: the patches that are kept, and that the objects are found anywhere.

`UPDATE_PATCHES=1 pytest -n 0 tests/test_recipes.py` writes the patches anew.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from example import EXAMPLE, REPOSITORY, copy_example, example_plan, patch_of, plan_for, texts, write_after

from hwc_refactor.patch import validate
from hwc_refactor.recipes import recipes
from hwc_refactor.selection import ORDER, SelectionError

DIFFS = (1, 2, 3, 4, 5, 6)
REFUSED = {6: {("gpu-monitor", "does-more-than-check")}}
"""What a batch finds in the example and rightly leaves: a service that is called a monitor and writes a log."""
ABOUT_ONE = [
    diff for diff in DIFFS if any(not step.batch and not step.optional for step in recipes()[diff].passes)
]
"""The diffs that are about an object which has to be there."""


def documented_files(diff: int) -> list[str]:
    """The files that a diff names."""
    return sorted({step.file for step in recipes()[diff].passes if not step.batch})


def relocated(data: bytes, path: str, target: str) -> bytes:
    """The text of a file that has moved: its relative path literals lead where they led before."""

    def led(found: re.Match[bytes]) -> bytes:
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[0].decode()))
        return posixpath.relpath(meant, posixpath.dirname(target)).encode()

    return re.sub(rb"(?<![\w./])(?:\.\./)+[\w./-]+", led, data)


def git_apply(root: Path, patch: Path, *options: str) -> None:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent), "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", "apply", *options, str(patch)], cwd=root, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_recipe_names_codemods_that_exist() -> None:
    assert {step.codemod for recipe in recipes().values() for step in recipe.passes} <= set(ORDER)


@pytest.mark.parametrize("diff", DIFFS)
def test_example_has_the_documented_files(diff: int) -> None:
    for path in documented_files(diff):
        assert (EXAMPLE / path).is_file(), path


@pytest.mark.parametrize("diff", DIFFS)
def test_patch_is_kept(diff: int) -> None:
    kept = REPOSITORY / "patches" / f"diff{diff}.patch"
    found = patch_of(example_plan(diff))
    validate(found)
    if os.environ.get("UPDATE_PATCHES"):
        kept.write_bytes(found)
    assert kept.read_bytes() == found


@pytest.mark.parametrize("diff", DIFFS)
def test_nothing_is_refused_or_goes_wrong(diff: int) -> None:
    plan = example_plan(diff)
    assert {(one.subject.name, one.code) for one in plan.refusals} == REFUSED.get(diff, set())
    assert plan.problems == ()
    assert {change.change.diff for change in plan.changes} == {diff}


@pytest.mark.parametrize("diff", DIFFS)
def test_git_applies_the_patch(diff: int, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    git_apply(root, REPOSITORY / "patches" / f"diff{diff}.patch")
    assert texts(root) == {**texts(EXAMPLE), **example_plan(diff).after}


@pytest.mark.parametrize("diff", DIFFS)
def test_git_applies_the_changes_one_by_one(diff: int, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    for change in example_plan(diff).changes:
        one = tmp_path / "one.patch"
        one.write_bytes(change.patch)
        git_apply(root, one)
        assert {path: (root / path).read_bytes() for path in change.after} == change.after
    assert texts(root) == {**texts(EXAMPLE), **example_plan(diff).after}


@pytest.mark.parametrize("diff", DIFFS)
def test_git_takes_the_patch_back(diff: int, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    write_after(root, example_plan(diff))
    git_apply(root, REPOSITORY / "patches" / f"diff{diff}.patch", "--reverse")
    assert texts(root) == texts(EXAMPLE)


@pytest.mark.parametrize("diff", DIFFS)
def test_second_run_changes_nothing(diff: int, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    write_after(root, example_plan(diff))
    again = plan_for(root, diff)
    assert patch_of(again) == b""
    assert (again.changes, again.problems) == ((), ())
    assert {(one.subject.name, one.code) for one in again.refusals} == REFUSED.get(diff, set())


@pytest.mark.parametrize("diff", ABOUT_ONE)
@pytest.mark.parametrize("place", ["", "modules/of my own/"], ids=["renamed", "moved"])
def test_object_is_found_where_its_file_is_not(diff: int, place: str, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    moved: dict[str, str] = {}
    for number, path in enumerate(documented_files(diff)):
        target = f"{place or path.rpartition('/')[0] + '/'}renamed-{number}.nix"
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / path, root / target)
        (root / target).write_bytes(relocated((root / target).read_bytes(), path, target))
        moved[path] = target
    plan = plan_for(root, diff)
    expected = example_plan(diff)
    assert dict(plan.after) == {
        moved.get(path, path): relocated(data, path, moved.get(path, path))
        for path, data in expected.after.items()
    }
    assert plan.problems == ()
    assert [change.change.title for change in plan.changes] == [
        change.change.title for change in expected.changes
    ]


@pytest.mark.parametrize("diff", ABOUT_ONE)
def test_root_without_the_object(diff: int, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    for path in documented_files(diff):
        (root / path).unlink()
    with pytest.raises(SelectionError) as caught:
        plan_for(root, diff)
    first = recipes()[diff].passes[0]
    for word in (f"diff {diff}", first.kind, f"'{first.name}'", first.file, str(root)):
        assert word in str(caught.value)


@pytest.mark.parametrize("diff", [0, 7])
def test_diff_that_never_was(diff: int, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match=f"there is no diff {diff}; the documented diffs are 1 to 6"):
        plan_for(tmp_path, diff)
