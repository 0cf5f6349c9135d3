"""The way from the lines of a later text back to those of the original."""

from __future__ import annotations

import random

import pytest

from hwc_refactor.nix.differences import OriginalLines, regions

LINES = [b"a\n", b"b\n", b"c\n", b"\n", b"d"]


def origin(original: bytes, later: bytes, offset: int) -> int:
    """The same told from the stretches of bytes that differ."""
    shift = 0
    for start, end, text in regions(original, later):
        if start + shift > offset:
            break
        if offset < start + shift + len(text):
            return original.count(b"\n", 0, start) + 1
        shift += len(text) - (end - start)
    return original.count(b"\n", 0, max(offset - shift, 0)) + 1


@pytest.mark.parametrize("seed", range(20))
def test_every_line_of_a_later_text_comes_from_one_of_the_original(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        original, later = (b"".join(chance.choices(LINES, k=chance.randrange(9))) for _ in range(2))
        lines = OriginalLines(original, later)
        starts = [0, *(at + 1 for at, byte in enumerate(later) if byte == 0x0A)]
        assert [lines[number] for number in range(1, len(starts) + 1)] == [
            origin(original, later, start) for start in starts
        ]


def test_a_new_line_stands_where_it_came_in_and_others_keep_theirs() -> None:
    lines = OriginalLines(b"one\ntwo\nthree\nfour\n", b"one\nnew\nnewer\nthree\nfour\nlast\n")
    assert [lines[number] for number in range(1, 8)] == [1, 2, 2, 3, 4, 5, 5]
