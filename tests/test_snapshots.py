"""What a snapshot keeps from the one before it is what a snapshot made anew would find."""

from __future__ import annotations

import gc

import pytest

from hwc_refactor.nix.scope import root_env
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos import tree as trees
from hwc_refactor.nixos.block import CONTAINER
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree

PLAIN = b'{ virtualisation.oci-containers.containers.web.image = "nginx:1"; }\n'
IMPORTED = b"{ virtualisation.oci-containers.containers = import ./boxes.nix; }\n"
COMPUTED = b'{ virtualisation.oci-containers.containers = import (./. + "/boxes.nix"); }\n'
BOXES = b'{ db.image = "postgres:16"; }\n'
HELPER = b"{ image, ... }: { virtualisation.oci-containers.containers.web.image = image; }\n"
CALL = b'{ imports = [ (import ./helper.nix { image = "nginx:1"; }) ]; }\n'

CHANGES: dict[str, tuple[dict[str, bytes], dict[str, bytes | None]]] = {
    "the file itself": (
        {"a.nix": PLAIN, "b.nix": IMPORTED},
        {"a.nix": PLAIN.replace(b"web", b"www")},
    ),
    "a file that it reads": (
        {"a.nix": PLAIN, "b.nix": IMPORTED, "boxes.nix": BOXES},
        {"boxes.nix": BOXES.replace(b"16", b"17")},
    ),
    "a file that it reads by a path put together": (
        {"b.nix": COMPUTED, "boxes.nix": BOXES},
        {"boxes.nix": BOXES.replace(b"db", b"data")},
    ),
    "a file that it misses is added": ({"b.nix": IMPORTED}, {"boxes.nix": BOXES}),
    "a folder that it misses is added": (
        {"b.nix": IMPORTED.replace(b"./boxes.nix", b"./boxes")},
        {"boxes/default.nix": BOXES},
    ),
    "a file that it reads goes": ({"b.nix": IMPORTED, "boxes.nix": BOXES}, {"boxes.nix": None}),
    "the argument of a call": (
        {"a.nix": CALL, "helper.nix": HELPER},
        {"a.nix": CALL.replace(b"nginx:1", b"nginx:2")},
    ),
    "a further call": (
        {"a.nix": CALL, "helper.nix": HELPER},
        {"b.nix": CALL.replace(b"nginx:1", b"caddy:2")},
    ),
    "the last call": ({"a.nix": CALL, "helper.nix": HELPER}, {"a.nix": b"{ }\n"}),
    "a file far away": (
        {"a.nix": CALL, "helper.nix": HELPER, "b.nix": IMPORTED, "boxes.nix": BOXES, "c.nix": PLAIN},
        {"c.nix": PLAIN.replace(b"nginx", b"caddy")},
    ),
}


def _shown(tree: Tree) -> list[object]:
    return [
        (b.file, b.line, b.name, b.text("image"), tuple(s.expr.span for s in b.get("image")))
        for b in objects(tree, CONTAINER)
    ]


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_seen_wherever_it_matters(case: str) -> None:
    before, change = CHANGES[case]
    tree = Tree(before)
    old = _shown(tree)
    merged: dict[str, bytes | None] = {**before, **change}
    fresh = Tree({path: data for path, data in sorted(merged.items()) if data is not None})
    assert _shown(tree.replaced(change)) == _shown(fresh)
    assert _shown(fresh) != old
    assert _shown(tree) == old


def test_a_file_that_no_change_reaches_is_not_parsed_again() -> None:
    before, change = CHANGES["a file far away"]
    tree = Tree(before)
    objects(tree, CONTAINER)
    after = tree.replaced(change)
    kept = {path for path in before if after.file(path) is tree.file(path)}
    assert kept == set(before) - set(change)


@pytest.mark.parametrize("many", [False, True], ids=["searched", "indexed"])
def test_names_are_found_where_they_are_by_now(many: bool) -> None:
    texts: dict[str, bytes] = {"a.nix": b"{ x.image = 1; }", "b.nix": b"{ x.y = images; }", "d.nix": b"image"}
    words = (b"image", b"x", b"y", b"images", b"new")
    tree = Tree(texts)
    for step in ({"b.nix": b"{ x.image = y; }"}, {"a.nix": None, "c.nix": b"new"}, {"a.nix": b"x image"}):
        for word in (*words, *(b"other%d" % number for number in range(30 if many else 0))):
            tree.naming(word)
        tree = tree.replaced(step)
        anew = Tree({path: data for path in tree.paths if (data := tree.data(path)) is not None})
        assert [tree.naming(word) for word in words] == [anew.naming(word) for word in words]
        for pair in ((b"image", b"x"), (b"x", b"y"), (b"new", b"x")):
            assert tree.naming_all(pair) == set(anew.naming(pair[0])) & set(anew.naming(pair[1]))


def test_trees_that_nothing_refers_to_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MANY_TREES", 3)
    texts = {"a.nix": PLAIN, "b.nix": BOXES, "c.nix": b"{ broken", "d.nix": CALL}
    tree = Tree(texts)
    (block,) = objects(tree, CONTAINER)
    held = block.place.file
    in_circles = tree.sound("b.nix")
    assert in_circles is not None
    tree.resolver.attrs(Expr(in_circles, in_circles.root.named_children[0], root_env(in_circles)))
    del in_circles
    tree.let_go(gc.collect)
    assert {file.source.path for file in tree.parsed_files} == {"a.nix", "b.nix"}, "too few to look for any"
    assert [tree.file(path).problem is None for path in texts] == [True, True, False, True]
    tree.let_go(gc.collect)
    assert {file.source.path for file in tree.parsed_files} == {"a.nix", "c.nix"}
    assert tree.file("a.nix") is held
    assert [tree.is_sound(path) for path in texts] == [True, True, False, True]
    assert tree.file("b.nix").text(tree.file("b.nix").root) == BOXES
    assert objects(tree, CONTAINER) == [block]
