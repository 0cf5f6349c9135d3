"""The reports: JSON by its keys, text on a terminal, questions, and names that want to be obeyed."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hwc_refactor.commands.interactive import Answer, choose
from hwc_refactor.commands.writing import joined, message
from hwc_refactor.model import (
    Applicability,
    Change,
    Plan,
    PlannedChange,
    Problem,
    Refusal,
    Severity,
    Subject,
)
from hwc_refactor.overrides import load_settings
from hwc_refactor.patch import FileChange
from hwc_refactor.registry import codemods
from hwc_refactor.report import jsonout, plain, summary, text
from hwc_refactor.report.escape import shown, visible
from hwc_refactor.report.lines import Line, render
from hwc_refactor.report.result import Mode, Result
from hwc_refactor.storage.records import Record

HERE = Path(__file__).resolve().parent.parent
EVIL = "\x1b]0;owned\x07\x1b[2J[red]x[/red]\u202e\r\n"


def planned(name: str, before: bytes | None = b"a\n", after: bytes = b"b\n", **more: str) -> PlannedChange:
    path = more.get("file", f"{name}.nix")
    change = Change(
        codemod="pin-image",
        subject=Subject("container", name),
        file=path,
        line=3,
        title=more.get("title", f"pin {name}"),
        why=more.get("why", "It floats."),
        notes=(more.get("note", "Look it up."),),
        applicability=Applicability.REVIEW,
        edits=(),
        diff=3,
    )
    return PlannedChange(name, change, {path: before}, {path: after})


def plan_of(
    *changes: PlannedChange, refusals: Sequence[Refusal] = (), problems: Sequence[Problem] = ()
) -> Plan:
    before: dict[str, bytes | None] = {}
    after: dict[str, bytes] = {}
    for change in changes:
        before |= {path: data for path, data in change.before.items() if path not in before}
        after |= change.after
    return Plan("/root", tuple(changes), tuple(refusals), tuple(problems), before, after)


def refusal(code: str = "image-unknown", reason: str = "Nobody knows.") -> Refusal:
    return Refusal("pin-image", Subject("container", "y"), "y.nix", 7, code, reason)


def closing(plan: Plan, mode: Mode, **more: object) -> str:
    result = replace(Result(plan, mode, "hwc-refactor apply --all"), **more)
    return render(summary.closing(result, details=False), colour=False, width=None)


# -- JSON -------------------------------------------------------------------------------------------


def test_the_keys_of_json_are_those_promised() -> None:
    problem = Problem("z.nix", 1, 2, "broken")
    plan = plan_of(planned("x"), planned("new", None), refusals=[refusal()], problems=[problem])
    found = json.loads(jsonout.dumps(jsonout.run(plan)))
    assert list(found) == ["version", "root", "changes", "refusals", "files", "errors"]
    assert found["version"] == 1
    assert found["changes"][0] == {
        "id": "x",
        "codemod": "pin-image",
        "diff": 3,
        "applicability": "review",
        "file": "x.nix",
        "line": 3,
        "object": {"kind": "container", "name": "x"},
        "title": "pin x",
        "why": "It floats.",
        "notes": ["Look it up."],
        "details": [],
        "files": ["x.nix"],
        "patch": plan.changes[0].patch.decode(),
        "exposure": None,
    }
    assert found["refusals"] == [
        {
            "codemod": "pin-image",
            "file": "y.nix",
            "line": 7,
            "object": {"kind": "container", "name": "y"},
            "code": "image-unknown",
            "reason": "Nobody knows.",
        }
    ]
    assert [(file["path"], file["new"]) for file in found["files"]] == [("new.nix", True), ("x.nix", False)]
    assert "".join(file["patch"] for file in found["files"]).encode() == plain.diff(plan)
    assert found["errors"] == [{"file": "z.nix", "line": 1, "column": 2, "message": "broken"}]


def test_json_is_ascii_and_keeps_broken_bytes() -> None:
    data = jsonout.dumps(jsonout.run(plan_of(planned("x", b"\xff\r\n", b"\x1b\xe9\r\n", title=EVIL))))
    assert data.isascii()
    assert b"\x1b" not in data
    sent = json.loads(data)["files"][0]["patch"].encode("utf-8", "surrogateescape")
    assert b"-\xff\r\n+\x1b\xe9\r\n" in sent


# -- what a terminal may see ------------------------------------------------------------------------


def test_nothing_from_a_file_is_obeyed() -> None:
    change = planned("x", EVIL.encode(), b"b\xff\x9b\n", file=f"{EVIL}.nix", title=EVIL, why=EVIL, note=EVIL)
    plan = plan_of(change, refusals=[refusal(reason=EVIL)], problems=[Problem(EVIL, 1, 1, EVIL)])
    page = StringIO()
    out = text.console(page, colour=False, width=80)
    text.print_changes(out, Result(plan, Mode.DRY_RUN, "again", {"pin-image": Severity.MEDIUM}))
    seen = page.getvalue() + closing(plan, Mode.APPLY)
    seen += render(summary.problems(plan.problems), colour=False, width=80)
    assert not {"\x1b", "\x07", "\r", "\u202e", "\x9b", "\udcff"} & set(seen)
    assert "[red]x[/red]" in seen
    assert "\\x1b]0;owned\\x07" in seen
    assert "\\xff" in seen
    assert "\x1b" not in message(change)
    assert message(change).count("\n\n") == 4


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_visible_text_is_printable(wild: str) -> None:
    seen = visible(wild)
    assert "\n" not in seen
    assert "\x1b" not in seen
    seen.encode("utf-8")


@given(st.binary())
def test_shown_bytes_are_printable(wild: bytes) -> None:
    assert all(char == "\t" or char >= " " for char in shown(wild))


# -- the summary ------------------------------------------------------------------------------------


def test_the_end_of_a_dry_run() -> None:
    end = closing(
        plan_of(planned("x"), planned("new", None), refusals=[refusal()]), Mode.DRY_RUN, dirty=("x.nix",)
    )
    assert "Would change\n  pin x\n    container x, x.nix:3 (pin-image, diff 3; needs a look)\n" in end
    assert "A new.nix  +1 -0" in end
    assert "M x.nix  +1 -1" in end
    assert "container y, y.nix:7 (pin-image: image-unknown)\n    Nobody knows.\n" in end
    assert "2 changes to make in 2 files, 1 refused, nothing was written." in end
    assert "add --allow-dirty:\n  x.nix\n" in end
    assert end.endswith("To make these changes: hwc-refactor apply --all\n")


def test_the_end_of_an_apply_tells_what_a_person_must_still_do() -> None:
    end = closing(plan_of(planned("x")), Mode.APPLY, left=("x.nix",), commits=("1" * 40, "2" * 40))
    assert "- Look it up." in end
    assert "x.nix was changed by somebody else just now and was left alone" in end
    assert "git revert --no-edit 1111111111^..2222222222" in end
    assert "To take it back: " in end


def test_what_the_user_left_out_is_not_counted_as_refused() -> None:
    end = closing(plan_of(refusals=[refusal("not-wanted"), refusal(), refusal("needs-review")]), Mode.DRY_RUN)
    assert "Refused\n" in end
    assert "Left out as you said\n" in end
    assert "Left out by --safe-only" in end
    assert "Nothing to change, 1 refused." in end


def test_lines_of_a_diff_that_look_like_heads_are_counted() -> None:
    changed = plan_of(planned("x", b"-- a\n", b"++ b\n"))
    assert list(summary.file_counts(changed)) == [("M", "x.nix", 1, 1)]


def test_lines_are_broken_at_words_and_paths_never() -> None:
    lines = [Line("word " * 10, indent=2, bullet="- "), Line("a-path/" * 10, wrap=False)]
    first, *_, last = render(lines, colour=False, width=30).splitlines()
    assert first == "  - word word word word word"
    assert last == "a-path/" * 10
    assert render([Line("x", "error")], colour=True, width=None) == "\x1b[1;31mx\x1b[0m\n"


# -- questions --------------------------------------------------------------------------------------


def ask_with(answers: str, seen: list[str]) -> object:
    remaining = iter(answers)

    def ask(change: PlannedChange, number: int, total: int) -> Answer:
        seen.append(f"{change.id} {number}/{total}")
        return Answer(next(remaining))

    return ask


@pytest.mark.parametrize(
    ("answers", "kept", "asked"),
    [
        ("yyy", "abc", ["a 1/3", "b 2/3", "c 3/3"]),
        ("yny", "ac", ["a 1/3", "b 2/3", "c 3/3"]),
        ("na", "bc", ["a 1/3", "b 2/3"]),
        ("yq", "a", ["a 1/3", "b 2/3"]),
        ("q", "", ["a 1/3"]),
    ],
)
def test_the_answers_decide(answers: str, kept: str, asked: list[str]) -> None:
    def replan(without: frozenset[str]) -> Plan:
        return plan_of(*(planned(name) for name in "abc" if name not in without))

    seen: list[str] = []
    plan = choose(replan(frozenset()), replan, ask_with(answers, seen))  # type: ignore[arg-type]
    assert "".join(change.id for change in plan.changes) == kept
    assert seen == asked


def test_quit_leaves_out_what_comes_only_then() -> None:
    def replan(without: frozenset[str]) -> Plan:
        names = [name for name in "ab" if name not in without] or ["c" if "c" not in without else ""]
        return plan_of(*(planned(name) for name in names if name))

    assert choose(replan(frozenset()), replan, lambda *_: Answer.QUIT).changes == ()


def test_records_of_one_run_become_one() -> None:
    first = Record("run", "t", (FileChange("a", b"1", b"2"), FileChange("new/b", None, b"1")), ("new",))
    second = Record("run", "t", (FileChange("a", b"2", b"3"), FileChange("c", b"1", b"2")))
    one = joined(first, second)
    assert one.changes == (
        FileChange("a", b"1", b"3"),
        FileChange("c", b"1", b"2"),
        FileChange("new/b", None, b"1"),
    )
    assert one.directories == ("new",)


# -- a real terminal --------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    shutil.copytree(HERE / "examples" / "homeserver", root)
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "start"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    return root


def on_terminal(home: Path, *arguments: str, typed: str = "", **more: str) -> str:
    """What somebody sees who runs the program in a terminal of 100 columns; both streams go there."""
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environment = {
        **known,
        "TERM": "xterm-256color",
        "COLUMNS": "100",
        "PYTHONPATH": str(HERE),
        "XDG_STATE_HOME": str(home.parent / "state"),
        **more,
    }
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hwc_refactor", *arguments]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=home, env=environment
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux, when the other end is closed
                break
            if not part:
                break
            seen += part
        assert process.wait() == 0
    os.close(ours)
    # how far a run is shows only where it takes its time
    return re.sub(r"\r\x1b\[K(?:[a-z-]+ \d+/\d+)?", "", seen.decode().replace("\r\n", "\n"))


def test_a_dry_run_on_a_terminal_tells_each_change(home: Path) -> None:
    seen = on_terminal(home, "apply", "--diff", "3", "--dry-run")
    assert "\x1b[32m+" in seen
    plain_text = on_terminal(home, "apply", "--diff", "3", "--dry-run", NO_COLOR="1")
    assert "\x1b[3" not in plain_text
    assert plain_text == on_terminal(home, "--no-color", "apply", "--diff", "3", "--dry-run")
    for words in (
        "1/3  run gluetun without --privileged\n",
        "  domains/server/containers/gluetun/parts/config.nix:37  container gluetun",
        "  unprivileged-container, diff 3, severity critical, needs a look",
        "  Why    A privileged container holds",
        "  To do  - ",
        '+        "--memory=512m"\n',
        "3 changes to make in 2 files, nothing was written.\n",
        "To make these changes: hwc-refactor apply --diff 3\n",
    ):
        assert words in plain_text
    told = [line for line in plain_text.splitlines() if not line.startswith(("diff ", "+", "-", " ", "@"))]
    assert max(map(len, told)) <= 100
    assert on_terminal(home, "--no-color", "apply", "--diff", "3", "--dry-run", "-q").startswith(
        "diff --git "
    )


def test_questions_on_a_terminal(home: Path) -> None:
    seen = on_terminal(
        home, "apply", "--diff", "3", "--interactive", "--no-color", typed="?\nwhy\nx\ny\nn\nq\n"
    )
    assert seen.count("Make this change [y,n,a,q,w,?]? ") == 6
    assert seen.count("q  leave out this change and all that follow") == 2
    assert seen.count(codemods()["unprivileged-container"].manual.sections["Why"].split("\n")[0]) == 1
    assert "1 change made in 1 file." in seen
    assert "Left out as you said" in seen
    changed = subprocess.run(
        ["git", "diff", "--name-only"], cwd=home, capture_output=True, text=True, check=True
    )
    assert changed.stdout == "domains/server/containers/gluetun/parts/config.nix\n"


def test_an_audit_on_a_terminal_has_colours_and_fits(home: Path) -> None:
    shown = on_terminal(home, "scan", "--no-cache")
    assert "\x1b[1;31mCRITICAL" in shown
    assert "\x1b[32mrun gluetun without --privileged" in shown
    plain_text = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert "\x1b" not in plain_text
    assert "services run as root" in plain_text
    quiet = on_terminal(home, "scan", "--no-cache", "--no-color")
    assert "\x1b" not in quiet


def test_the_manual_and_the_list_on_a_terminal(home: Path) -> None:
    assert "\x1b[1mWhat it does\x1b[0m" in on_terminal(home, "explain", "pin-image")
    listed = on_terminal(home, "list", "--no-color", COLUMNS="90")
    assert max(map(len, listed.splitlines()[:-1])) <= 90


def test_a_report_in_a_file_is_for_people(home: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "hwc_refactor",
        "apply",
        "--diff",
        "3",
        "--dry-run",
        "--output",
        "../report.txt",
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "XDG_STATE_HOME": str(home.parent / "state")}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, check=True)
    report = (home.parent / "report.txt").read_text(encoding="utf-8")
    assert done.stdout == b""
    assert "1/3  run gluetun without --privileged\n" in report
    assert "3 changes to make in 2 files" in report
    assert "\x1b" not in report


# -- the front page ---------------------------------------------------------------------------------


def test_the_settings_of_the_readme_are_read(tmp_path: Path) -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    (tmp_path / "hwc-refactor.toml").write_text(
        readme.split("```toml\n")[1].split("```")[0], encoding="utf-8"
    )
    found = load_settings(tmp_path)
    assert found.limits_for("jellyfin") == {"pids-limit": "200", "memory": "4g", "cpus": "2.5"}
    assert found.pin_for("radarr") == "5.14.0"
    assert len(found.profiles) == 1


def test_the_links_of_the_readme_lead_somewhere() -> None:
    for page in (HERE / "README.md", HERE / "docs" / "dependencies.md"):
        text_of_page = page.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"|`(hwc_refactor/[\w/.]+)`", text_of_page)
        for link in ("".join(groups) for groups in links):
            folder = HERE if link.startswith("hwc_refactor/") else page.parent
            assert (folder / link).exists(), link
