"""What the index of names says is what a search through all files finds."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from hwc_refactor.nixos import tree as trees
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.words import ALIKE, WordIndex, is_word, pieces_of

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
        beside = tuple(path for path in slow.naming(needle) if b"web" in before[path])
        assert quick.naming_beside(needle, b"web") == slow.naming_beside(needle, b"web") == beside
    after = {**before, **change}
    moved, anew = quick.replaced(dict(change)), Tree(after)
    for needle in needles:
        assert sorted(moved.naming(needle)) == sorted(anew.naming(needle))
        assert moved.naming_beside(needle, b"web") == anew.naming_beside(needle, b"web")
        assert sorted(moved.holding(needle)) == sorted(anew.holding(needle))


def test_a_name_has_an_end_where_the_needle_shows_it() -> None:
    assert pieces_of(b"web.service") == [b"web ", b" service"]
    assert pieces_of(b'"web.service"') == [b" web ", b" service "]
    assert pieces_of(b"/var/lib/we") == [b" var ", b" lib ", b" we"]
    assert pieces_of(b"web") == [b"web"]
    assert pieces_of(b" = ") == []
    assert is_word(b"web-1'")
    assert not is_word(b"web.x")
    assert not is_word(b"")


def test_a_piece_that_many_names_hold_does_not_tell() -> None:
    index = WordIndex({f"{n}.nix": b"name-%d" % n for n in range(ALIKE + 1)})
    assert index.narrowed([b"name-"]) is None
    assert index.narrowed([b"e-77"]) == {"77.nix"}
    assert index.narrowed([b"name-", b" name-77 "]) == ["77.nix"]


def test_what_is_known_of_a_part_of_a_name_narrows_the_search_and_changes_no_answer() -> None:
    texts = {
        "a.nix": b"{ oci-containers.backend = 1; }",
        "b.nix": b"{ containers = 2; backend = 3; }",
        "c.nix": b"{ backend = 4; }",
        "d.nix": b"{ oci-containers = 5; backends = 6; }",
    }
    asked = (b"oci-containers", b"containers", b"backend")
    for order in permutations(asked):
        tree = Tree(texts)
        found = {needle: tree.holding(needle) for needle in order}
        assert found == {needle: tuple(p for p in texts if needle in texts[p]) for needle in asked}
        for words in permutations((b"oci-containers", b"backend")):
            assert Tree(texts).naming_all(words) == tree.naming_all(words) == {"a.nix"}
        assert tree.naming_among(b"backend", found[b"oci-containers"]) == {"a.nix"}
