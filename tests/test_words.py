"""What the index of names says is what a search through all files finds."""

from __future__ import annotations

import random

import pytest

from hwc_refactor.nixos import tree as trees
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.words import is_word, whole_words

PIECES = [
    b"web",
    b"web-1",
    b"a'",
    b".service",
    b"/var/lib/",
    b'"',
    b" ",
    b"\n",
    b"=",
    b"\xc3\xa4",
    b"_x",
    b"9",
]


def texts(chance: random.Random) -> dict[str, bytes]:
    return {f"{n:02}.nix": b"".join(chance.choices(PIECES, k=chance.randrange(30))) for n in range(40)}


@pytest.mark.parametrize("seed", range(10))
def test_an_index_finds_what_a_search_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    before = texts(chance)
    needles = [b"".join(chance.choices(PIECES, k=chance.randrange(1, 4))) for _ in range(60)]
    change = dict(chance.sample(sorted(texts(chance).items()), 5))
    monkeypatch.setattr(trees, "MANY", 10**9)
    slow = Tree(before)
    monkeypatch.setattr(trees, "MANY", 0)
    quick = Tree(before)
    for needle in needles:
        expected = tuple(path for path, data in before.items() if needle in data)
        assert quick.holding(needle) == slow.holding(needle) == expected
        assert quick.naming(needle) == slow.naming(needle)
    after = {**before, **change}
    moved, anew = quick.replaced(dict(change)), Tree(after)
    for needle in needles:
        assert sorted(moved.naming(needle)) == sorted(anew.naming(needle))
        assert sorted(moved.holding(needle)) == sorted(anew.holding(needle))


def test_only_names_that_end_within_a_needle_have_to_stand_whole() -> None:
    assert whole_words(b"web.service") == []
    assert whole_words(b'"web.service"') == [b"web", b"service"]
    assert whole_words(b"/var/lib/we") == [b"var", b"lib"]
    assert is_word(b"web-1'")
    assert not is_word(b"web.x")
    assert not is_word(b"")
