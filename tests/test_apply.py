"""What apply promises, through the real command line, in a git repository of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Call
from homeserver import BROKEN, GLUETUN, HERE, OPTIONS, commit, git, tree

from hwc_refactor import plan


@pytest.mark.parametrize(
    "selection", [("--diff", "3"), ("--all",), ("--codemod", "pin-image", "--pin", "radarr=5.14.0")]
)
def test_the_printed_diff_is_what_apply_writes(
    home: Path, call: Call, tmp_path: Path, selection: tuple[str, ...]
) -> None:
    before = tree(home)
    shown = call("apply", *selection, "--dry-run")
    assert (shown.code, tree(home)) == (0, before)
    (tmp_path / "printed.patch").write_bytes(shown.out)
    git(home, "apply", tmp_path / "printed.patch")
    by_git = tree(home)
    assert by_git != before
    git(home, "checkout", "--quiet", ".")
    git(home, "clean", "--quiet", "--force", "-d")

    made = call("apply", *selection, "--diff-output", tmp_path / "saved.patch")
    assert (made.code, made.out, tree(home)) == (0, b"", by_git)
    assert (tmp_path / "saved.patch").read_bytes() == shown.out
    assert "To take it back: hwc-refactor undo" in made.err

    again = call("apply", *selection, "--dry-run")
    assert (again.code, again.out) == (0, b"")
    assert "Nothing to change" in again.err


def test_a_diff_prints_nothing_but_the_diff(home: Path, call: Call) -> None:
    shown = call("apply", "--diff", "3", "--dry-run")
    assert shown.out.startswith(b"diff --git a/")
    assert b"\x1b" not in shown.out
    assert "3 changes to make in 2 files, nothing was written." in shown.err
    assert "To make these changes: hwc-refactor apply --diff 3\n" in shown.err
    silent = call("apply", "--diff", "3", "--dry-run", "--quiet")
    assert (silent.out, silent.err) == (shown.out, "")


def test_line_endings_and_broken_utf8_survive(home: Path, call: Call, tmp_path: Path) -> None:
    path = home / GLUETUN
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b"VPN gateway", b"VPN \xe9 gateway"))
    git(home, "-c", "core.autocrlf=false", "commit", "--quiet", "--all", "--message=crlf")
    shown = call("apply", "--codemod", "unprivileged-container", "--only", "gluetun", "--dry-run")
    (tmp_path / "printed.patch").write_bytes(shown.out)
    git(home, "apply", tmp_path / "printed.patch")
    by_git = tree(home)
    git(home, "checkout", "--quiet", ".")
    call("apply", "--codemod", "unprivileged-container", "--only", "gluetun")
    assert tree(home) == by_git
    assert b"\xe9" in by_git[GLUETUN]
    assert by_git[GLUETUN].count(b"\n") == by_git[GLUETUN].count(b"\r\n")


def test_undo_gives_every_byte_back(home: Path, call: Call) -> None:
    before = tree(home)
    call("apply", "--diff", "3")
    told = call("undo", "--dry-run")
    assert "Would take back 'apply --diff 3'" in told.err
    assert tree(home) != before
    undone = call("undo")
    assert (undone.code, undone.out, tree(home)) == (0, b"", before)
    nothing = call("undo")
    assert nothing.code == 0
    assert "nothing to undo" in nothing.err


def test_undo_refuses_where_a_file_was_changed_since(home: Path, call: Call) -> None:
    call("apply", "--diff", "3")
    (home / OPTIONS).write_bytes((home / OPTIONS).read_bytes() + b"# mine\n")
    now = tree(home)
    refused = call("undo")
    assert (refused.code, tree(home)) == (2, now)
    assert OPTIONS in refused.err


def test_undo_says_what_it_would_do(home: Path, call: Call) -> None:
    assert "nothing to undo" in call("undo", "--dry-run").err
    call("apply", "--diff", "3")
    now = tree(home)
    assert call("undo", "--dry-run").err.startswith("Would take back 'apply --diff 3' of ")
    (home / OPTIONS).write_bytes((home / OPTIONS).read_bytes() + b"# mine\n")
    refused = call("undo", "--dry-run")
    assert refused.code == 2
    assert f"  {OPTIONS} was changed since" in refused.err
    git(home, "stash")
    done = call("undo")
    assert (done.code, done.err.startswith("Taken back already: 'apply --diff 3' of ")) == (0, True)
    assert "nothing to undo" in call("undo").err
    assert now != tree(home)


def test_uncommitted_changes_are_not_written_over(home: Path, call: Call) -> None:
    (home / OPTIONS).write_bytes((home / OPTIONS).read_bytes() + b"# mine\n")
    now = tree(home)
    assert "--allow-dirty" in call("apply", "--diff", "3", "--dry-run").err
    refused = call("apply", "--diff", "3")
    assert (refused.code, refused.out, tree(home)) == (2, b"", now)
    assert OPTIONS in refused.err
    assert "--allow-dirty" in refused.err
    assert GLUETUN not in refused.err
    assert call("apply", "--diff", "3", "--allow-dirty").code == 0
    assert tree(home) != now


def test_the_next_command_can_be_typed_as_it_stands(
    home: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "hwc-refactor").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "hwc-refactor").chmod(0o755)
    monkeypatch.setattr(sys, "argv", ["../bin/hwc-refactor"])
    told = call("apply", "--diff", "3", "--check", "--verbose", "domains")
    assert "To make these changes: ../bin/hwc-refactor apply domains --diff 3\n" in told.err
    assert "To take it back: ../bin/hwc-refactor undo\n" in call("apply", "--diff", "3").err
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    call("undo")
    assert "To take it back: hwc-refactor undo\n" in call("apply", "--diff", "3").err


def test_commits_want_clean_files_and_say_so(home: Path, call: Call) -> None:
    (home / OPTIONS).write_bytes((home / OPTIONS).read_bytes() + b"# mine\n")
    refused = call("apply", "--diff", "3", "--commit")
    assert refused.code == 2
    assert "commit or stash them:\n" in refused.err
    assert "--allow-dirty" not in refused.err


def test_changes_in_other_files_do_not_matter(home: Path, call: Call) -> None:
    (home / "flake.nix").write_bytes((home / "flake.nix").read_bytes() + b"# mine\n")
    assert call("apply", "--diff", "3").code == 0


def test_a_file_that_changed_since_it_was_read_is_not_written(
    home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = plan.make_plan

    def slow(*arguments: Any, **named: Any) -> Any:
        made = real(*arguments, **named)
        (home / OPTIONS).write_bytes((home / OPTIONS).read_bytes() + b"# meanwhile\n")
        return made

    monkeypatch.setattr(plan, "make_plan", slow)
    before = tree(home)
    refused = call("apply", "--diff", "3", "--allow-dirty")
    assert refused.code == 2
    assert f"{OPTIONS} was changed since it was read" in refused.err
    assert tree(home)[GLUETUN] == before[GLUETUN]


def test_check_exits_with_1_while_there_is_something_to_do(home: Path, call: Call) -> None:
    before = tree(home)
    pending = call("apply", "--diff", "3", "--check")
    assert (pending.code, pending.out, tree(home)) == (1, b"", before)
    call("apply", "--diff", "3")
    assert call("apply", "--diff", "3", "--check").code == 0
    with_diff = call("apply", "--all", "--check", "--dry-run")
    assert with_diff.code == 1
    assert with_diff.out.startswith(b"diff --git")


def test_a_version_for_nobody_is_told(home: Path, call: Call) -> None:
    def told(*pins: str) -> str:
        given = [word for pin in pins for word in ("--pin", pin)]
        return call("apply", "--codemod", "pin-image", "--check", *given).err

    assert "--pin radar=5.14.0: there is no container or image 'radar' here; did you mean 'radarr'?" in told(
        "radar=5.14.0"
    )
    assert "warning" not in told(
        "radarr=5.14.0", "lscr.io/linuxserver/radarr=5.14.0", "qmcgaw/gluetun=v3.39.1"
    )


@pytest.mark.parametrize("command", [("apply", "--all", "--check"), ("scan",)], ids=lambda one: one[0])
def test_a_name_that_nothing_has_is_told(home: Path, call: Call, command: tuple[str, ...]) -> None:
    assert (
        "warning: --only gluetum: there is no service or container 'gluetum' here; did you mean 'gluetun'?"
        in call(*command, "--only", "gluetum", "--only", "glue*").err
    )
    assert "warning" not in call(*command, "--only", "gluetun", "--only", "*-db-dump").err
    assert call(*command, "--only", "gluetum", "--quiet").err == ""


def test_only_narrows_by_name_with_globs(home: Path, call: Call) -> None:
    def objects(*only: str) -> set[str]:
        named = [word for name in only for word in ("--only", name)]
        found = json.loads(call("apply", "--all", "--dry-run", "--format", "json", *named).out)
        listed = (entry["object"] for key in ("changes", "refusals") for entry in found[key])
        return {each["name"] for each in listed if each["kind"] != "module"}

    assert {"frigate", "gluetun", "ci-runner"} <= objects()
    assert objects("frig*") == {"frigate"}
    assert objects("frig*", "ci-?unner") == {"frigate", "ci-runner"}
    nobody = call("apply", "--all", "--check", "--only", "nobody")
    assert nobody.code == 0
    assert "Nothing to change among objects named nobody." in nobody.err


def test_paths_narrow_too(home: Path, call: Call, tmp_path: Path) -> None:
    found = call("apply", "domains/server/containers/frigate", "--all", "--dry-run", "--format", "json")
    objects = [change["object"] for change in json.loads(found.out)["changes"]]
    assert {each["name"] for each in objects if each["kind"] != "module"} == {"frigate"}
    outside = call("apply", "--all", "--dry-run", "--root", home, tmp_path)
    assert outside.code == 2
    assert "outside" in outside.err
    assert call("apply", "--all", "--dry-run", "nowhere.nix").code == 2


def test_the_root_is_that_of_the_paths_when_they_are_elsewhere(
    home: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    found = call("apply", "--diff", "3", "--dry-run", "--format", "json", home / "domains")
    assert json.loads(found.out)["root"] == str(home)
    assert call("--root", str(home), "apply", "--diff", "3", "--check").code == 1
    assert call("apply", "--diff", "3", "--check", "--root", home).code == 1
    made = call("apply", "--diff", "3", "--root", home)
    assert f"hwc-refactor undo --root {home}" in made.err


def test_a_path_that_leaves_the_root_by_a_link_is_refused(home: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.nix").write_bytes((home / GLUETUN).read_bytes())
    (home / "link").symlink_to(tmp_path / "elsewhere")
    for path in ("link", "link/x.nix", home / "link"):
        made = call("apply", "--all", "--allow-dirty", path)
        assert (made.code, made.out) == (2, b"")
        assert "leads outside of the root" in made.err
    assert tree(tmp_path / "elsewhere") == {"x.nix": (home / GLUETUN).read_bytes()}


def test_a_path_or_root_that_holds_nothing_is_told(home: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (home / "hwc-refactor.toml").write_text(f'exclude = ["{OPTIONS}"]\n')
    for command in (("scan",), ("apply", "--all", "--check")):
        told = call(*command, "README.md", OPTIONS, "hosts").err
        assert "README.md: warning: there is no .nix file to read here" in told
        assert f"{OPTIONS}: warning: there is no .nix file to read here" in told
        assert "hosts: " not in told
        assert "no .nix file to read below" in call(*command, "--root", tmp_path / "empty").err
        assert "to read" not in call(*command, "README.md", "--quiet").err


def test_a_codemod_that_the_settings_switch_off_is_told_when_it_is_asked_for(home: Path, call: Call) -> None:
    (home / "hwc-refactor.toml").write_text('disable = ["pin-image"]\n')
    said = "warning: pin-image was not run: 'disable' in the settings file names it"
    assert said in call("apply", "--codemod", "pin-image", "--check").err
    assert said in call("apply", "--diff", "3", "--check").err
    assert said in call("scan", "--codemod", "pin-image").err
    assert said not in call("apply", "--phase", "1", "--check").err
    assert said not in call("apply", "--codemod", "harden-service", "--check").err


def test_safe_only_leaves_out_what_needs_a_look_and_says_so(home: Path, call: Call) -> None:
    made = call("apply", "--diff", "3", "--safe-only")
    assert made.code == 0
    assert "Left out by --safe-only" in made.err
    assert "(pin-image: needs-review)" in made.err
    assert b"--privileged" in (home / GLUETUN).read_bytes()


def test_a_broken_file_is_told_with_its_place_and_stops_nobody(home: Path, call: Call) -> None:
    (home / "broken.nix").write_text(BROKEN)
    commit(home)
    made = call("apply", "--all")
    assert made.code == 2
    assert "broken.nix:2:12: error: " in made.err
    assert "1 error" in made.err
    assert b"--privileged" not in (home / GLUETUN).read_bytes().replace(b"not privileged", b"")
    assert (home / "broken.nix").read_text() == BROKEN
    errors = json.loads(call("apply", "--all", "--check", "--format", "json").out)["errors"]
    assert [(error["file"], error["line"], error["column"]) for error in errors] == [("broken.nix", 2, 12)]


def test_a_broken_file_that_holds_nothing_is_told_by_every_selection(home: Path, call: Call) -> None:
    (home / "plain.nix").write_text("{\n  a = ;\n}\n")
    for selection in (("--codemod", "pin-image"), ("--diff", "3"), ("--phase", "2"), ("--all",)):
        made = call("apply", *selection, "--check", "--format", "json")
        assert made.code == 2
        errors = json.loads(made.out)["errors"]
        assert [(error["file"], error["line"], error["column"]) for error in errors] == [("plain.nix", 2, 6)]


def test_in_a_large_tree_only_what_is_of_interest_is_parsed(
    home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SMALL", 1)
    (home / "plain.nix").write_text("{\n  a = ;\n}\n")
    assert call("apply", "--codemod", "pin-image", "--dry-run").code == 0
    assert call("apply", "--codemod", "pin-image", "--dry-run", "plain.nix").code == 2
    assert call("apply", "--all", "--dry-run").code == 2


def test_every_change_has_an_id_of_its_own(home: Path, call: Call) -> None:
    changes = json.loads(call("apply", "--all", "--dry-run", "--format", "json").out)["changes"]
    ids = [change["id"] for change in changes]
    assert len(set(ids)) == len(ids)
    again = json.loads(call("apply", "--diff", "2", "--dry-run", "--format", "json").out)["changes"]
    assert {change["id"] for change in again} == {change["id"] for change in changes if change["diff"] == 2}


def test_documented_diffs_run_in_the_order_of_the_plan(home: Path, call: Call) -> None:
    given = [word for number in (1, 5, 6, 4, 3, 2) for word in ("--diff", str(number))]
    planned = [word for number in (3, 2, 4, 5, 6, 1) for word in ("--diff", str(number))]
    made = call("apply", *given, "--dry-run")
    assert made.code == 0
    assert made.out == call("apply", *planned, "--dry-run").out


def test_a_diff_whose_object_is_not_there_says_what_it_looked_for(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    missing = call("apply", "--diff", "3", "--dry-run", "--root", tmp_path / "empty")
    assert (missing.code, missing.out) == (2, b"")
    assert "gluetun" in missing.err
    assert GLUETUN in missing.err


def test_a_diff_whose_file_is_broken_says_where(call: Call, tmp_path: Path) -> None:
    place = tmp_path / "broken" / GLUETUN
    place.parent.mkdir(parents=True)
    place.write_text(BROKEN)
    missing = call("apply", "--diff", "3", "--dry-run", "--root", tmp_path / "broken")
    assert (missing.code, missing.out) == (2, b"")
    assert f"{GLUETUN}:2:12: error: " in missing.err


def test_commit_makes_one_commit_for_each_change(home: Path, call: Call) -> None:
    before = tree(home)
    made = call("apply", "--diff", "3", "--commit")
    assert made.code == 0
    subjects = git(home, "log", "--format=%s", "--reverse").splitlines()[1:]
    assert subjects[0] == "gluetun: run gluetun without --privileged"
    assert len(subjects) == 3
    assert git(home, "status", "--porcelain") == ""
    assert call("undo").code == 0
    assert tree(home) == before
    assert call("apply", "--diff", "3", "--commit", "--dry-run").code == 2


def test_commit_takes_a_change_back_when_git_refuses(
    home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(home)
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "")
    refused = call("apply", "--diff", "3", "--commit")
    assert (refused.code, tree(home)) == (2, before)
    assert "0 of 3 changes are committed" in refused.err


def test_commit_needs_git(call: Call, tmp_path: Path) -> None:
    shutil.copytree(HERE / "examples" / "homeserver", tmp_path / "bare")
    before = tree(tmp_path / "bare")
    refused = call("apply", "--diff", "3", "--commit", "--root", tmp_path / "bare")
    assert (refused.code, tree(tmp_path / "bare")) == (2, before)
    assert "git work tree" in refused.err
    assert call("apply", "--diff", "3", "--root", tmp_path / "bare").code == 0


def test_below_the_top_of_a_work_tree_the_patch_says_where_it_belongs(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    shutil.copytree(HERE / "examples" / "homeserver", top / "my nixos")
    commit(top)
    monkeypatch.chdir(top)
    shown = call("apply", "--diff", "3", "--dry-run", "--root", "my nixos")
    assert "git apply --directory='my nixos'" in shown.err
    (tmp_path / "printed.patch").write_bytes(shown.out)
    git(top, "apply", "--directory=my nixos", tmp_path / "printed.patch")
    by_git = tree(top)
    git(top, "checkout", "--quiet", ".")
    call("apply", "--diff", "3", "--root", "my nixos")
    assert tree(top) == by_git
