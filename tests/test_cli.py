"""The command line: wrong usage, faults, interrupts; list, explain, help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Call
from homeserver import GLUETUN, HERE, OPTIONS, tree

from hwc_refactor import __version__, plan
from hwc_refactor.recipes import recipes
from hwc_refactor.registry import codemods

# -- wrong usage, faults, interrupts ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apply"], "hwc-refactor apply --diff 3 --dry-run"),
        (["apply", "--diff", "9"], "1<=x<=6"),
        (["apply", "--phase", "4"], "1<=x<=3"),
        (["apply", "--codemod", "pin-imag"], "did you mean pin-image?"),
        (["apply", "--all", "--pin", "x"], "NAME=TAG"),
        (["apply", "--all", "--check", "--interactive"], "--interactive"),
        (["apply", "--all", "--interactive"], "terminal"),
        (["apply", "--all", "--output", "/nowhere/report"], "/nowhere/report cannot be written"),
        (["explain", "unpriviliged-container"], "did you mean unprivileged-container?"),
        (["explain", "loop"], "did you mean loop-to-timer?"),
        (["explain", "timer_to_loop"], "did you mean loop-to-timer?"),
        (["explain", "docker"], "'hwc-refactor list' shows all of them"),
        (["apply", "--all", "--check", "--diff-output", "-"], "'-' is no file here"),
        (["scan", "--write-baseline", "-"], "'-' is no file here"),
        (["explain", "7"], "there is no codemod or diff '7'"),
        (["undo", "--all"], "No such option"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_way_out(
    home: Path, call: Call, arguments: list[str], words: str
) -> None:
    before = tree(home)
    done = call(*arguments)
    assert (done.code, done.out, tree(home)) == (2, b"", before)
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_wrong_settings_file_ends_with_2(home: Path, call: Call) -> None:
    (home / "hwc-refactor.toml").write_text("levle = 'strict'\n")
    done = call("apply", "--all", "--dry-run")
    assert (done.code, done.out) == (2, b"")
    assert "hwc-refactor.toml:1: unknown key 'levle'; did you mean 'level'?" in done.err


def test_a_fault_of_the_tool_is_one_sentence(home: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, progress: Callable[[str, int, int], None], **__: Any) -> Any:
        progress("pin-image", 0, 1)
        raise KeyError("\x1b[31mboom")

    monkeypatch.setattr(plan, "make_plan", fail)
    done = call("apply", "--all", "--dry-run")
    assert (done.code, done.out) == (2, b"")
    assert done.err.count("\n") == 1
    assert "a fault of the tool during pin-image, please report it: KeyError" in done.err
    assert "\x1b" not in done.err
    assert "Traceback" in call("apply", "--all", "--dry-run", "--verbose").err


def test_interrupted_is_130_and_nothing_is_written(
    home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    before = tree(home)
    monkeypatch.setattr(plan, "make_plan", interrupt)
    done = call("apply", "--all")
    assert (done.code, done.out, tree(home)) == (130, b"", before)
    assert done.err == "\ninterrupted\n"


def test_a_run_that_was_cut_off_is_put_right_by_the_next_one(home: Path, call: Call) -> None:
    before = tree(home)
    program = (
        "import os; from hwc_refactor.storage import write; from hwc_refactor.__main__ import main; real = write.write;"
        "fault = lambda step: os._exit(9) if step == 'replace options.nix' else None;"
        "write.write = lambda root, changes, description: real(root, changes, description=description, fault=fault);"
        "main(['apply', '--diff', '3'])"
    ).replace("options.nix", GLUETUN)
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 9
    half = tree(home)
    assert half[OPTIONS] != before[OPTIONS]
    assert half[GLUETUN] == before[GLUETUN]
    shown = call("apply", "--diff", "3", "--dry-run")
    assert "warning: an earlier run was cut off while it wrote" in shown.err
    assert tree(home) == half
    finished = call("apply", "--diff", "3")
    assert finished.code == 0
    assert "'apply --diff 3' had been cut off while it wrote; it is finished now" in finished.err
    assert "Nothing to change." in finished.err
    assert call("undo").code == 0
    assert tree(home) == before


def test_a_closed_pipe_is_no_news(home: Path) -> None:
    command = [sys.executable, "-m", "hwc_refactor", "apply", "--diff", "3", "--dry-run", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_what_a_dry_run_needs_is_no_place_to_write_to(
    home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "inside"))
    assert call("apply", "--diff", "3", "--dry-run").code == 0
    refused = call("apply", "--diff", "3")
    assert refused.code == 2
    assert "XDG_STATE_HOME" in refused.err


# -- list, explain, help ----------------------------------------------------------------------------


def test_list_shows_all_of_it_and_counts(home: Path, call: Call) -> None:
    found = json.loads(call("list", "--format", "json").out)
    assert [entry["id"] for entry in found["diffs"]] == [1, 2, 3, 4, 5, 6]
    assert len(found["codemods"]) == 10
    by_id = {entry["id"]: entry for key in ("diffs", "codemods") for entry in found[key]}
    assert by_id[3]["severity"] == "critical"
    assert by_id[3]["found"] == 3
    assert by_id["unprivileged-container"]["found"] == 3
    text = call("list")
    assert text.code == 0
    for name in by_id:
        assert str(name).encode() in text.out


def test_list_does_not_search_a_folder_that_is_no_configuration(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path / "notes")
    found = json.loads(call("list", "--format", "json").out)
    assert found["root"] is None
    assert {entry["found"] for entry in found["codemods"]} == {None}


def test_explain_prints_the_manual(call: Call) -> None:
    text = call("explain", "unprivileged-container").out.decode()
    for heading in (
        "What it does",
        "Why",
        "Before",
        "After",
        "When it refuses",
        "What a person must still do",
        "Sources",
    ):
        assert f"\n{heading}\n" in text
    assert "privileged-required" in text
    page = json.loads(call("explain", "diff-3", "--format", "json").out)
    assert (page["kind"], page["id"], page["severity"]) == ("diff", 3, "critical")


@pytest.mark.parametrize("number", sorted(recipes()))
def test_explain_tells_of_a_diff_what_it_tells_of_codemods(call: Call, number: int) -> None:
    sections = json.loads(call("explain", str(number), "--format", "json").out)["sections"]
    for heading in ("Why", "What it does", "When it refuses", "What a person must still do", "Sources"):
        assert sections[heading].strip()
    recipe = recipes()[number]
    for step in recipe.passes:
        assert (
            codemods()[step.codemod].manual.sections["When it refuses"].split(":")[0]
            in sections["When it refuses"]
        )
    example = sections["Before and after"]
    assert example.startswith("diff --git a/domains/")
    assert {"-", "+"} <= {line[:1] for line in example.splitlines()[3:]}


@pytest.mark.parametrize("command", [[], ["apply"], ["list"], ["explain"], ["undo"]])
def test_help_has_examples(call: Call, command: list[str]) -> None:
    done = call(*command, "--help")
    assert done.code == 0
    assert b"Examples:" in done.out


def test_version_needs_no_library() -> None:
    program = (
        "import sys; from hwc_refactor.__main__ import main; main(['--version']);"
        "sys.exit(any(name in sys.modules for name in ('click', 'rich', 'tree_sitter', 'json')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=HERE, check=True)
    assert done.stdout.decode() == f"hwc-refactor {__version__}\n"


def test_a_piped_run_needs_no_rich(home: Path) -> None:
    program = (
        "import sys; from hwc_refactor.__main__ import main;"
        "code = main(['apply', '--diff', '3', '--dry-run', '-q']); sys.exit(code or 'rich' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=True)


def test_the_shell_completes_names() -> None:
    def complete(words: str) -> str:
        more = {
            "_HWC_REFACTOR_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        environment = {**os.environ, **more}
        command = [sys.executable, "-m", "hwc_refactor"]
        return subprocess.run(
            command, capture_output=True, env=environment, cwd=HERE, text=True, check=False
        ).stdout

    assert "plain,apply" in complete("hwc-refactor a")
    assert "plain,unprivileged-container" in complete("hwc-refactor explain unp")
    assert "plain,pin-image" in complete("hwc-refactor apply --codemod p")


def test_a_command_loads_no_other_one() -> None:
    code = (
        "import sys; from hwc_refactor.cli import run; run(['scan', '--help']);"
        "print([name for name in sys.modules if name.startswith('hwc_refactor.commands.')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = shown.splitlines()[-1]
    assert "commands.scan'" in loaded
    assert not any(f"commands.{other}'" in loaded for other in ("apply", "catalog", "undo", "verify"))


def test_a_name_that_is_no_command_is_met_with_the_nearest_one(call: Call) -> None:
    assert "'scan'" in call("skan").err
