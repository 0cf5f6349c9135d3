"""What every insertion and removal keeps, over random sets, lists and formals in random layouts."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import WORDS, load, outer_box, sample

from hwc_refactor.nix.build import (
    Snippet,
    insert_bindings,
    insert_elements,
    insert_formal,
    nest_binding,
    reindent,
    remove_binding,
    remove_elements,
    replace_value,
)
from hwc_refactor.nix.comments import comments_inside, comments_of, is_disabled
from hwc_refactor.nix.edits import Edit, apply_edits
from hwc_refactor.nix.syntax import Node, ParsedFile


def done(file: ParsedFile, edits: Sequence[Edit]) -> ParsedFile:
    return load(apply_edits(file.source.data, edits))


def assert_left_alone(edits: Sequence[Edit], items: Sequence[Node]) -> None:
    """No edit holds a byte of an item, so whoever has a node of it can follow it."""
    for item in items:
        assert all(edit.span.end <= item.start_byte or item.end_byte <= edit.span.start for edit in edits)


def texts(file: ParsedFile, nodes: tuple[Node, ...]) -> list[bytes]:
    return [file.text(node).rstrip(b"\r") for node in nodes]


def about(file: ParsedFile, item: Node) -> list[bytes]:
    """The comments about an item: lines above it that are switched off stay when another one goes, and join it."""
    own = comments_of(file, item)
    off = [place for place, comment in enumerate(own.leading) if is_disabled(file, comment)]
    return texts(file, own.all[max(off, default=-1) + 1 :])


def comment_texts(file: ParsedFile) -> Counter[bytes]:
    return Counter(texts(file, comments_inside(file, file.root)))


def assert_neat(old: bytes, new: bytes) -> None:
    """No line of the new text ends in blanks that the old one did not have, line ends are of one kind."""
    known = {line.rstrip(b"\r") for line in old.split(b"\n")}
    for line in new.split(b"\n"):
        line = line.rstrip(b"\r")
        assert line == line.rstrip() or line in known or line.lstrip() in {k.lstrip() for k in known}
    if b"\r\n" in old:
        assert b"\n" not in new.replace(b"\r\n", b"")
    assert old.endswith(b"\n") == new.endswith(b"\n")


SNIPPETS = (
    Snippet("fresh = 1;"),
    Snippet('fresh = "x";', above=("because",)),
    Snippet("fresh = { a = 1; };", behind="so"),
    Snippet("fresh.x = {\n  a = ''\n    text\n      deep\n  '';\n};", blank=True),
    Snippet("fresh = [\n  1\n];", above=("one", "# two"), blank_below=True),
    Snippet(f'fresh = "{"long " * 20}";'),
)
ROOM = settings(max_examples=250, deadline=None, derandomize=True)


@ROOM
@given(st.randoms(use_true_random=False), st.sampled_from(("end", "after", "before")))
def test_insert_bindings(rng: Random, side: str) -> None:
    made = sample(rng, "set")
    file = load(made.data)
    box = outer_box(file)
    snippet = rng.choice(SNIPPETS)
    anchor = rng.choice(box.items) if box.items and side != "end" else None
    edits = insert_bindings(
        file,
        box.node,
        [snippet],
        after=anchor if side == "after" else None,
        before=anchor if side == "before" else None,
    )
    after = done(file, edits)
    assert_left_alone(edits, box.items)
    box_after = outer_box(after)
    names = [text for text in texts(after, box_after.items) if text.startswith(b"fresh")]
    assert len(names) == 1
    assert [text for text in texts(after, box_after.items) if text not in names] == texts(file, box.items)
    assert comment_texts(file) <= comment_texts(after)
    assert_neat(made.data, after.source.data)
    for item in box.items:
        twin = next(t for t in box_after.items if after.text(t) == file.text(item))
        assert texts(file, comments_of(file, item).all) == texts(after, comments_of(after, twin).all)

    fresh = next(item for item in box_after.items if after.text(item) in names)
    place = list(box_after.items).index(fresh)
    if anchor is not None:
        neighbour = box_after.items[place - 1 if side == "after" else place + 1]
        assert after.text(neighbour) == file.text(anchor)
    else:
        assert place == len(box_after.items) - 1
    if made.regular and not (snippet.blank or snippet.blank_below) and box.one_line == box_after.one_line:
        back = done(after, remove_binding(after, fresh).edits)
        assert back.source.data == made.data


@ROOM
@given(st.randoms(use_true_random=False), st.booleans())
def test_remove_bindings(rng: Random, with_comments: bool) -> None:
    made = sample(rng, "set")
    file = load(made.data)
    box = outer_box(file)
    if not box.items:
        return
    item = rng.choice(box.items)
    built = remove_binding(file, item, with_comments=with_comments)
    after = done(file, built.edits)
    left = [other for other in box.items if other != item]
    assert texts(after, outer_box(after).items) == texts(file, tuple(left))
    for other, twin in zip(left, outer_box(after).items, strict=True):
        if with_comments:
            assert about(after, twin) == about(file, other)
    dropped = Counter(text.encode() for text in built.dropped)
    clean = Counter({text.rstrip(): count for text, count in comment_texts(file).items()})
    kept = Counter({text.rstrip(): count for text, count in comment_texts(after).items()})
    assert kept + dropped == clean
    assert_neat(made.data, after.source.data)
    assert blank_runs(after.source.data) <= max(blank_runs(made.data), 1)


def blank_runs(data: bytes) -> int:
    """The greatest number of blank lines in a row."""
    runs = re.findall(rb"\n(?:[ \t\r]*\n)+", data)
    return max((run.count(b"\n") - 1 for run in runs), default=0)


@ROOM
@given(st.randoms(use_true_random=False), st.sampled_from(("end", "after", "before")))
def test_insert_elements(rng: Random, side: str) -> None:
    made = sample(rng, "list")
    file = load(made.data)
    box = outer_box(file)
    snippet = rng.choice(
        (
            Snippet('"fresh"'),
            Snippet('"fresh" "two"'),
            Snippet('{\n  a = "fresh";\n}'),
            Snippet('"fresh"', above=("why",), behind="so"),
        )
    )
    anchor = rng.choice(box.items) if box.items and side != "end" else None
    edits = insert_elements(
        file,
        box.node,
        [snippet],
        after=anchor if side == "after" else None,
        before=anchor if side == "before" else None,
    )
    after = done(file, edits)
    assert_left_alone(edits, box.items)
    box_after = outer_box(after)
    fresh = [n for n in box_after.items if b'"fresh"' in after.text(n) or after.text(n) == b'"two"']
    assert [after.text(n) for n in box_after.items if n not in fresh] == texts(file, box.items)
    assert comment_texts(file) <= comment_texts(after)
    assert_neat(made.data, after.source.data)
    for item, twin in zip(box.items, [n for n in box_after.items if n not in fresh], strict=True):
        assert texts(after, comments_of(after, twin).all) == texts(file, comments_of(file, item).all)
    if made.regular and box.one_line == box_after.one_line:
        assert done(after, remove_elements(after, box_after.node, fresh).edits).source.data == made.data


@ROOM
@given(st.randoms(use_true_random=False))
def test_remove_elements(rng: Random) -> None:
    made = sample(rng, "list")
    file = load(made.data)
    box = outer_box(file)
    gone = [item for item in box.items if rng.random() < 0.5]
    if not gone:
        return
    built = remove_elements(file, box.node, gone)
    after = done(file, built.edits)
    left = tuple(item for item in box.items if item not in gone)
    assert texts(after, outer_box(after).items) == texts(file, left)
    for item, twin in zip(left, outer_box(after).items, strict=True):
        assert about(after, twin) == about(file, item)
    before = Counter({text.rstrip(): count for text, count in comment_texts(file).items()})
    kept = Counter({text.rstrip(): count for text, count in comment_texts(after).items()})
    assert kept + Counter(text.encode() for text in built.dropped) == before
    assert_neat(made.data, after.source.data)


@ROOM
@given(st.randoms(use_true_random=False))
def test_insert_formal(rng: Random) -> None:
    """The names, their defaults and all comments stay; the style of the commas too."""
    names = ["lib", "config ? 1", "options ? { a = 1; }", "utils"][: rng.randrange(5)]
    names += ["..."] if rng.random() < 0.6 or not names else []
    style = rng.choice(("flat", "trailing", "leading", "last comma", "mixed"))
    notes = [rng.choice(("", "", f" # {rng.choice(WORDS)}", " /* x */")) for _ in names]
    if style == "flat":
        text = "{ " + ", ".join(names) + " }"
    elif style == "leading":
        text = "{ " + "\n, ".join(a + b for a, b in zip(names, notes, strict=True)) + "\n}"
    elif style == "mixed":
        text = "{ " + rng.choice((",\n  ", ", ")).join(names) + rng.choice(("\n}", " }"))
    else:
        last = "," if style == "last comma" and names[-1] != "..." else ""
        commas = [","] * (len(names) - 1) + [last]
        above = [rng.choice(("", "", "  # above\n")) for _ in names]
        rows = zip(above, names, commas, notes, strict=True)
        text = "{\n" + "".join(f"{a}  {n}{c}{t}\n" for a, n, c, t in rows) + "}"
    data = (text + ": 1\n").replace("\n", rng.choice(("\n", "\n", "\r\n"))).encode()
    file = load(data)
    formals = file.root.named_children[0].child_by_field_name("formals")
    assert formals is not None
    after = done(file, (insert_formal(file, formals, "pkgs"),))
    assert_neat(data, after.source.data)
    assert comment_texts(after) == comment_texts(file)
    old = Counter(re.findall(rb"[^,\s{}]+", data))
    assert Counter(re.findall(rb"[^,\s{}]+", after.source.data)) == old + Counter([b"pkgs"])
    for line in after.source.data.splitlines():
        assert line.strip() != b"pkgs," or style != "leading"
    if style in ("trailing", "leading", "last comma"):
        assert len(after.source.data.splitlines()) == len(data.splitlines()) + 1


evaluator = shutil.which("nix-instantiate")


def evaluate(directory: Path, files: list[bytes]) -> list[object]:
    """The values of Nix files, in one run; None where one does not evaluate."""
    for number, data in enumerate(files):
        (directory / f"{number}.nix").write_bytes(data)
    expression = f"map (n: import (./. + ''/${{toString n}}.nix'')) (builtins.genList (n: n) {len(files)})"
    (directory / "all.nix").write_text(expression)
    assert evaluator is not None
    command = [evaluator, "--eval", "--strict", "--json", "--readonly-mode", str(directory / "all.nix")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    values: list[object] = json.loads(run.stdout)
    return values


@pytest.mark.skipif(evaluator is None, reason="nix-instantiate is not installed")
def test_values_stay(tmp_path: Path) -> None:
    """Nix itself sees just the change that was asked for, and no other value moves."""
    rng = Random(7)
    files: list[bytes] = []
    expected: list[tuple[int, int, str, object]] = []
    for _ in range(250):
        kind = rng.choice(("set", "list"))
        file = load(sample(rng, kind).data)
        box = outer_box(file)
        files.append(file.source.data)
        before = len(files) - 1
        item = rng.choice(box.items) if box.items else None
        long = "fresh = {\n  text = ''\n    a\n      b\n\n    c\n  '';\n};"
        if kind == "list":
            edits = insert_elements(file, box.node, ['"fresh"'], before=item)
            expected.append((before, len(files), "element", box.items.index(item) if item else 0))
        elif item is None or rng.random() < 0.4:
            edits = insert_bindings(file, box.node, [long], after=item)
            expected.append((before, len(files), "binding", {"text": "a\n  b\n\nc\n"}))
        elif rng.random() < 0.5 and b"." in file.text(item).split(b"=")[0]:
            edits = nest_binding(file, item, 1, ["fresh = 1;"])
            name = file.text(item).split(b".")[0].decode()
            expected.append((before, len(files), "nested", name))
        else:
            edits = [replace_value(file, item, "{\n  v = ''\n    x\n     y\n  '';\n}")]
            expected.append((before, len(files), "value", file.text(item).split(b" ")[0].decode()))
        files.append(apply_edits(file.source.data, edits))
    values = evaluate(tmp_path, files)
    for before, after, what, detail in expected:
        old, new = values[before], values[after]
        assert isinstance(old, dict)
        crlf = b"\r" in files[after]
        if what == "element":
            old["outer"].insert(detail, "fresh")
        elif what == "binding":
            old["outer"]["fresh"] = new["outer"]["fresh"] if crlf else detail  # type: ignore[index]
        elif what == "nested":
            old["outer"][detail]["fresh"] = 1
        else:
            *path, last = str(detail).split(".")
            place = old["outer"]
            for name in path:
                place = place[name]
            place[last] = {"v": "x\n y\n"}
            if crlf:
                continue
        assert new == old, files[after].decode()


CODE = (
    "{\n  a = 1;\n\n  # note\n  b = [\n    2\n  ];\n}",
    "''\n  one\n    two\n \n  three\n''",
    "''\n  one ${\n    toString 1\n  } x\n  ''${y}\n  ''",
    "''\none\n  two\n  ''",
    '"a\n b ${toString\n  1}"',
    "''first\n  second\n''",
    "let\n  s = ''\n    ${\"in\n side\"}\n      end'';\nin\n[ s ]",
    "[ 1 2 ] /* long\n  comment */",
    "''\n\n      \n    x\n        \n  ''",
    "''\n  \n''",
)


def test_reindent_moves_lines_and_keeps_values(tmp_path: Path) -> None:
    moved = [reindent(code.encode(), b"", step) for code in CODE for step in (b"  ", b"    ", b"\t")]
    back = [reindent(reindent(code.encode(), b"", b"    "), b"    ", b"") for code in CODE]
    for code, text in zip(CODE, back, strict=True):
        assert text.split() == code.encode().split()
    if evaluator is None:
        pytest.skip("nix-instantiate is not installed")
    old = evaluate(tmp_path, [code.encode() for code in CODE])
    assert evaluate(tmp_path, moved) == [value for value in old for _ in range(3)]
    assert evaluate(tmp_path, back) == old
