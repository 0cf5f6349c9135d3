"""Which comments belong to which item."""

import pytest

from hwc_refactor.nix.build_box import box_of
from hwc_refactor.nix.comments import comment_text, comments_inside, comments_of
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, ParsedFile, parse


def load(text: str) -> ParsedFile:
    file = parse(Source("t.nix", text.encode()))
    assert file.problem is None
    return file


def box_node(file: ParsedFile) -> Node:
    """The outermost set, list, let or formals."""
    stack = [file.root]
    kinds = ("attrset_expression", "rec_attrset_expression", "let_expression", "list_expression", "formals")
    while stack:
        node = stack.pop()
        if node.type in kinds:
            return node
        stack.extend(reversed(node.children))
    raise AssertionError("no box")


def owned(text: str) -> list[tuple[list[str], str | None, list[str]]]:
    """For each item: the texts above it, the one behind it, and what goes on with that."""
    file = load(text)
    rows = []
    for item in box_of(file, box_node(file)).items:
        found = comments_of(file, item)
        behind = comment_text(file, found.trailing) if found.trailing else None
        above = [comment_text(file, c) for c in found.leading]
        rows.append((above, behind, [comment_text(file, c) for c in found.continued]))
    return rows


CASES = {
    "first binding: its comment is a child of the set": (
        "{\n  # one\n  # two\n  a = 1;\n}",
        [(["one", "two"], None, [])],
    ),
    "later bindings: their comments are children of the binding set": (
        "{\n  a = 1; # of a\n  # of b\n  b = 2; # also b\n}",
        [([], "of a", []), (["of b"], "also b", [])],
    ),
    "a banner behind a blank line is nobody's": (
        "{\n  # ---- part ----\n\n  a = 1;\n\n  # ---- next ----\n\n  # of b\n  b = 2;\n}",
        [([], None, []), (["of b"], None, [])],
    ),
    "a comment behind the bracket is nobody's": (
        "{ # about the set\n  a = 1;\n}",
        [([], None, [])],
    ),
    "a comment between bracket and item on one line": (
        "{ /* about a */ a = 1; b = 2; /* about b */ }",
        [(["about a"], None, []), ([], "about b", [])],
    ),
    "a comment at the end on its own line is nobody's": (
        "{\n  a = 1;\n  # b = 2;\n}",
        [([], None, [])],
    ),
    "block comments": (
        "{\n  /* of a,\n     in full */\n  a = 1; /* behind */\n  /* x */ /* y */ b = 2;\n}",
        [(["of a,\n     in full"], "behind", []), (["x", "y"], None, [])],
    ),
    "several behind one item": (
        "{\n  a = 1; /* x */ /* y */ # z\n  b = 2;\n}",
        [([], "x", ["y", "z"]), ([], None, [])],
    ),
    "a trailing comment that goes on below, in its column": (
        "{\n  a = 1; # long\n         # and longer\n  # of b\n  b = 2;\n}",
        [([], "long", ["and longer"]), (["of b"], None, [])],
    ),
    "behind a value of several lines": (
        "{\n  a = {\n    x = 1; # inner\n  }; # outer\n}",
        [([], "outer", [])],
    ),
    "inherit": (
        "{\n  # of the names\n  inherit (lib) mkIf; # for short\n}",
        [(["of the names"], "for short", [])],
    ),
    "inherit without names is not in the tree, its comment is not the neighbour's": (
        "{\n  a = 1; inherit (lib); # of inherit\n}",
        [([], None, [])],
    ),
    "let": (
        "let\n  # of a\n  a = 1; # behind\nin\na",
        [(["of a"], "behind", [])],
    ),
    "list elements, several on a line": (
        '[\n  # of the pair\n  "--cap-add" "X" # behind X\n  "y"\n]',
        [(["of the pair"], None, []), ([], "behind X", []), ([], None, [])],
    ),
    "formals, comma behind": (
        "{\n  # of lib\n  lib, # behind lib\n  # of pkgs\n  pkgs ? 1 # behind pkgs\n, ... }: 1",
        [(["of lib"], "behind lib", []), (["of pkgs"], "behind pkgs", []), ([], None, [])],
    ),
    "formals, comma in front": (
        "{ lib # behind lib\n  # of pkgs\n, pkgs # behind pkgs\n, ...\n}: 1",
        [([], "behind lib", []), (["of pkgs"], "behind pkgs", []), ([], None, [])],
    ),
    "formals, a comma at the end": (
        "{\n  lib,\n  pkgs, # behind pkgs\n}: 1",
        [([], None, []), ([], "behind pkgs", [])],
    ),
    "carriage returns": (
        "{\r\n  # of a\r\n  a = 1; # behind\r\n\r\n  # of b\r\n  b = 1;\r\n}\r\n",
        [(["of a"], "behind", []), (["of b"], None, [])],
    ),
    "no line end at all": ("{ a = 1; /* x */ }", [([], "x", [])]),
}


@pytest.mark.parametrize("name", CASES)
def test_comments_of(name: str) -> None:
    text, expected = CASES[name]
    assert owned(text) == expected


def test_a_node_that_is_no_item_has_no_comments() -> None:
    file = load("# top\n{ a = 1; }")
    assert comments_of(file, file.root).all == ()
    assert comments_of(file, file.root.named_children[-1]).all == ()


def test_comments_inside() -> None:
    file = load("{\n  # a\n  x = [ /* b */ 1 ]; # c\n  s = '' # no ${/* d */ y} '';\n}")
    found = comments_inside(file, file.root)
    assert [comment_text(file, comment) for comment in found] == ["a", "b", "c", "d"]
