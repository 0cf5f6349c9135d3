"""Edits inside strings: the decoded text changes as asked, whatever stands around, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwc_refactor.nix.edits import apply_edits
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.string_edits import interpolate, rewrite, rewrite_all
from hwc_refactor.nix.strings import STRING_TYPES, MappedText, NixString, decode
from hwc_refactor.nix.syntax import ParsedFile, parse

BEFORE, AFTER = "{ a = ", ";\n  b = 1; # left alone\n}\n"
PIECES = ("a", "$", "{", "}", "'", '"', "\\", " ", "  ", "\n", "\n  ", "\n    x", "\t", "é", "${n}", "x\n")
INSIDE = (*PIECES, "''$", "'''", "''\\n", "''\\ ", "$${", '\\"', "\\n", "\\${")


def opened(string: str) -> tuple[ParsedFile, NixString, MappedText] | None:
    """A file with a string, its text with each interpolation as `<>`; None when that is no file of Nix."""
    file = parse(Source("a.nix", f"{BEFORE}{string}{AFTER}".encode()))
    if file.problem is not None:
        return None
    chain = file.chain(len(BEFORE.encode()), len(BEFORE.encode()) + len(string.encode()))
    node = next((node for node in chain if node.type in STRING_TYPES), None)
    if node is None or file.text(node) != string.encode():
        return None
    found = decode(file, node)
    return file, found, found.render(lambda index, hole: "<>")


def text_after(data: bytes) -> bytes:
    """The text of the string in a file after an edit; everything around it is as it was."""
    start, end = BEFORE.encode(), AFTER.encode()
    assert data.startswith(start)
    assert data.endswith(end)
    again = opened(data[len(start) : -len(end)].decode())
    assert again is not None
    return again[2].data


strings = st.one_of(
    st.lists(st.sampled_from(INSIDE)).map(lambda pieces: f"''{''.join(pieces)}''"),
    st.lists(st.sampled_from(INSIDE)).map(lambda pieces: f"''\n    {''.join(pieces)}\n  ''"),
    st.lists(st.sampled_from(INSIDE)).map(lambda pieces: f'"{"".join(pieces)}"'),
)
texts = st.lists(st.sampled_from([piece for piece in PIECES if piece != "${n}"]), max_size=5).map("".join)


@settings(deadline=None, max_examples=400)
@given(strings, st.integers(0), st.integers(0), texts)
def test_a_range_becomes_what_is_asked(string: str, first: int, second: int, text: str) -> None:
    found = opened(string)
    if found is None:
        return
    file, node, mapped = found
    places = [len(mapped.data.decode()[:count].encode()) for count in range(len(mapped.data.decode()) + 1)]
    start, end = sorted((places[first % len(places)], places[second % len(places)]))
    edit = rewrite(file, node, mapped, start, end, text)
    holes = [
        (low, high)
        for piece, low, high in zip(mapped.pieces, mapped.offsets, mapped.offsets[1:], strict=False)
        if piece.kind == "hole"
    ]
    if any(low < start < high or low < end < high for low, high in holes):
        assert edit is None, "an interpolation is cut in two"
        return
    assert edit is not None
    wanted = mapped.data[:start] + text.encode() + mapped.data[end:]
    assert text_after(apply_edits(file.source.data, (edit,))) == wanted


@pytest.mark.parametrize(
    ("string", "old", "new", "expected"),
    [
        ('"a b"', "b", 'c"\\', '"a c\\"\\\\"'),
        ('"a b"', "b", "${c}", '"a \\${c}"'),
        ('"$ab"', "a", "{", '"\\${b"'),
        ('"a b"', "b", "c\nd", '"a c\\nd"'),
        ('"a\nb"', "b", "c\nd", '"a\nc\nd"'),
        ("''a b''", "b", "${c}", "''a ''${c}''"),
        ("''$ab''", "a", "{", "''''${b''"),
        ("''a b''", "b", "''", "''a '''''"),
        ("''\n  a\n    b\n''", "a\n", "", "''\n  ''\\  b\n''"),
        ("''\n  a\n  b\n''", "b", "c\nd", "''\n  a\n  c\n  d\n''"),
        ("''\n  a\n  b\n''", "a\n", "", "''\n  b\n''"),
        ("''\n  a\n''", "a", "  b\n  c", "''\n  ''\\  b\n    c\n''"),
    ],
)
def test_examples(string: str, old: str, new: str, expected: str) -> None:
    found = opened(string)
    assert found is not None
    file, node, mapped = found
    start = mapped.data.index(old.encode())
    edit = rewrite(file, node, mapped, start, start + len(old.encode()), new)
    assert edit is not None
    wanted = mapped.data.replace(old.encode(), new.encode(), 1)
    data = apply_edits(file.source.data, (edit,))
    assert text_after(data) == wanted
    assert data.decode() == f"{BEFORE}{expected}{AFTER}"


def test_several_ranges_at_once() -> None:
    found = opened("''\n  one ${n}\n  two\n''")
    assert found is not None
    file, node, mapped = found
    ranges = [(mapped.data.index(word), mapped.data.index(word) + len(word)) for word in (b"one", b"two")]
    edits = rewrite_all(file, node, mapped, [(*ranges[0], "1\n1"), (*ranges[1], "2")])
    assert edits is not None
    assert text_after(apply_edits(file.source.data, edits)) == b"1\n1 <>\n2\n"
    assert rewrite_all(file, node, mapped, [(*ranges[1], "2"), (*ranges[0], "1")]) is None


def test_a_range_becomes_an_interpolation() -> None:
    found = opened('"see /srv/data now"')
    assert found is not None
    file, node, mapped = found
    start = mapped.data.index(b"/srv/data")
    edit = interpolate(file, node, mapped, start, start + 9, "cfg.folder")
    assert edit is not None
    data = apply_edits(file.source.data, (edit,))
    assert data.decode() == f'{BEFORE}"see ${{cfg.folder}} now"{AFTER}'


def test_half_an_escape_becomes_no_interpolation() -> None:
    found = opened('"a\\"b"')
    assert found is not None
    file, node, mapped = found
    whole = interpolate(file, node, mapped, 1, 2, "n")
    assert whole is not None
    assert text_after(apply_edits(file.source.data, (whole,))) == b"a<>b"
    assert interpolate(file, node, mapped, 0, len(mapped.data) + 1, "n") is None
