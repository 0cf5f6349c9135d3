"""Patches, judged by the real `git apply`."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwc_refactor.nix.differences import split_lines
from hwc_refactor.patch import FileChange, PatchError, patch, unified, validate

LINES = st.sampled_from(
    [
        b"a\n", b"b\n", b"c\r\n", b"c\n", b"\n", b"\r\n", b"  };\n", b"-- x\n", b"++ y\n", b"-\n", b"+\n",
        b"\\ No newline at end of file\n", b"@@ -1 +1 @@\n", b"diff --git a/x b/x\n", b"lone\rcr\n",
        b"nul\0byte\n", b"\xff\xfe\n", b"form\x0cfeed\n", "\u2028sep\x85\n".encode(), b"trailing \t\n",
    ]
)  # fmt: skip
ENDS = st.sampled_from([b"", b"", b"no newline", b"\r", b"a", b" "])
PATHS = ["x", "a b/c d", "x b/y", 'q"\\\t\n', "é/\udcff", " lead", "trail ", "x b/x b/x"]
NAMES = st.text(st.sampled_from("ab \t\n\r\"\\'é\udcff\x01\x7f~-#*[\u2028"), min_size=1, max_size=6)


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    environment = os.environ | {
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        ["git", "-C", folder, *arguments], input=stdin, capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lay(folder: Path, contents: dict[str, bytes | None]) -> None:
    for path, content in contents.items():
        if content is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)


def taken(folder: Path) -> dict[str, bytes]:
    return {
        str((Path(top) / name).relative_to(folder)): (Path(top) / name).read_bytes()
        for top, _, names in os.walk(folder)
        for name in names
    }


def judge(folder: Path, changes: list[FileChange]) -> None:
    """`git apply` must lead from before to after and, in reverse, back."""
    folder.mkdir()
    lay(folder, {change.path: change.before for change in changes})
    text = patch(changes)
    validate(text)
    if not text:
        return
    git(folder, "apply", "--whitespace=nowarn", stdin=text)
    assert taken(folder) == {change.path: change.after for change in changes if change.after is not None}
    git(folder, "apply", "--whitespace=nowarn", "--reverse", stdin=text)
    assert taken(folder) == {change.path: change.before for change in changes if change.before is not None}


@st.composite
def contents(draw: st.DrawFn) -> tuple[bytes | None, bytes | None]:
    lines = draw(st.lists(LINES, max_size=30))
    if draw(st.booleans()):
        fresh = draw(st.lists(LINES, max_size=30))
    else:
        fresh = list(lines)
        for _ in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, len(fresh)))
            fresh[start : start + draw(st.integers(0, 3))] = draw(st.lists(LINES, max_size=3))
    old, new = b"".join(lines) + draw(ENDS), b"".join(fresh) + draw(ENDS)
    kind = draw(st.sampled_from(["change", "change", "change", "new", "removed"]))
    return (None if kind == "new" else old), (None if kind == "removed" else new)


@st.composite
def change_sets(draw: st.DrawFn) -> list[FileChange]:
    changes = []
    for number, (before, after) in enumerate(draw(st.lists(contents(), min_size=1, max_size=8))):
        # The number keeps paths apart, also as files and directories.
        path = f"{draw(NAMES)}{number}{draw(NAMES)}"
        if draw(st.booleans()):
            path = f"{path}/{draw(NAMES)}"
        changes.append(FileChange(path, before, after))
    return changes


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sets=st.lists(change_sets(), min_size=1, max_size=2))
def test_git_apply_agrees(tmp_path_factory: pytest.TempPathFactory, sets: list[list[FileChange]]) -> None:
    folder = tmp_path_factory.mktemp("judge")
    for number, changes in enumerate(sets):
        judge(folder / str(number), changes)


@settings(max_examples=300, deadline=None)
@given(old=st.lists(LINES, max_size=60), new=st.lists(LINES, max_size=60), context=st.integers(0, 4))
def test_hunks_hold_what_they_announce(old: list[bytes], new: list[bytes], context: int) -> None:
    validate(unified(FileChange("x", b"".join(old), b"".join(new)), context))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b""),
        (b"", None),
        (None, b"a"),
        (b"a", b""),
        (b"", b"\n"),
        (b"a\n", b"a"),
        (b"a", b"a\n"),
        (b"a\r\nb\r\n", b"a\nb\r\n"),
        (b"a\rb\rc", b"a\rb\rd"),
        (b"\0\xff\n", b"\0\xfe\n"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_small_cases(tmp_path: Path, path: str, before: bytes | None, after: bytes | None) -> None:
    judge(tmp_path / "judge", [FileChange(path, before, after)])


def test_same_bytes_as_git(tmp_path: Path) -> None:
    """Headers, quoting and hunks are those of `git diff`, but for its index lines."""
    names = ["a b", "p/q", 't\tq"x\\', "é", "\udcff", "\x7f\x01\x1b", "\a\b\v\f\r\n", "d é/f", "it's", "[*]?"]
    old = b"".join(b"%d\n" % number for number in range(30))
    new = old.replace(b"\n7\n", b"\nseven\r\n").replace(b"\n25\n", b"\n") + b"end"
    changes = [FileChange(name, old, new) for name in names]
    changes += [
        FileChange("gone", b"a\n", None),
        FileChange("new", None, b"b"),
        FileChange("void", None, b""),
    ]
    changes += [FileChange("emptied", b"a\n", b""), FileChange("gone too", b"", None)]
    git(tmp_path, "init", "--quiet")
    lay(tmp_path, {change.path: change.before for change in changes})
    git(tmp_path, "add", "--all")
    for change in changes:
        if change.after is None:
            (tmp_path / change.path).unlink()
    lay(tmp_path, {change.path: change.after for change in changes})
    git(tmp_path, "add", "--intent-to-add", "new", "void")
    told = split_lines(git(tmp_path, "diff", "--no-color", "--no-renames", "--diff-algorithm=patience"))
    # Git adds to a hunk header the last line before it that starts with a letter.
    told = [line[: line.index(b" @@") + 3] + b"\n" if line.startswith(b"@@ ") else line for line in told]
    assert patch(changes) == b"".join(line for line in told if not line.startswith(b"index "))


def test_no_change() -> None:
    assert unified(FileChange("x", b"a", b"a")) == b""
    assert unified(FileChange("x", None, None)) == b""
    assert patch([]) == b""
    validate(b"")


def test_mode_of_new_and_removed_files(tmp_path: Path) -> None:
    text = patch([FileChange("run", None, b"#!\n", 0o100755)])
    assert b"new file mode 100755\n" in text
    git(tmp_path, "apply", stdin=text)
    assert os.access(tmp_path / "run", os.X_OK)
    assert b"deleted file mode 100755\n" in patch([FileChange("run", b"#!\n", None, 0o100755)])


def test_sorted_by_bytes_of_the_path() -> None:
    text = patch([FileChange(name, b"", b"x\n") for name in ("é", "z", "a/b", "a.b")])
    heads = [line for line in text.split(b"\n") if line.startswith(b"diff")]
    assert [head.split(b" ")[2] for head in heads] == [b"a/a.b", b"a/a/b", b"a/z", b'"a/\\303\\251"']


@pytest.mark.parametrize("period", [1, 7, 40, 1500, 5000])
def test_far_apart_edits_stay_far_apart(period: int) -> None:
    old = [b"line %d\n" % (number * number % period) for number in range(5000)]
    new = list(old)
    for place in range(50, 5000, 100):
        new[place] = b"edited\n"
    text = unified(FileChange("x", b"".join(old), b"".join(new)))
    validate(text)
    if period > 100:
        assert text.count(b"\n@@ ") == 50
        assert text.count(b"\n-") == 51  # with the header


@pytest.mark.parametrize(
    "broken",
    [
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n-b\n+c\n",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b",
        b"--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\n",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n*b\n",
        b"@@ -1 +1 @@\n-a\n+b\n",
        b"words\n",
    ],
)
def test_validate_refuses(broken: bytes) -> None:
    with pytest.raises(PatchError):
        validate(broken)


def test_split_lines_ends_lines_at_lf_only() -> None:
    assert split_lines(b"a\rb\x0c\x85\r\n\nc") == [b"a\rb\x0c\x85\r\n", b"\n", b"c"]
    assert split_lines(b"") == []
    assert split_lines(b"\n") == [b"\n"]
