"""What tree-sitter finds by the types of nodes is what a walk over the tree finds, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hwc_refactor.nix.search import Search
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, parse, parser

EXAMPLES = sorted(Path(__file__).parent.parent.joinpath("examples").rglob("*.nix"))
TYPES = ("binding_set", "list_expression", "comment", "select_expression", "string_expression")


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.named_children:
        yield from walk(child)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_search_finds_what_a_walk_finds(path: Path) -> None:
    root = parse(Source(path.name, path.read_bytes())).root
    search = Search(parser, *TYPES)
    for start in (root, *root.named_children, *(node for node in walk(root) if node.type == "binding_set")):
        walked = [node for node in walk(start) if node.type in TYPES]
        assert search.within(start) == walked
        for kind, nodes in search.by_type(start).items():
            assert nodes == [node for node in walked if node.type == kind]


def test_a_node_that_holds_another_of_its_type_comes_first() -> None:
    root = parse(Source("x.nix", b"[ 1 [ 2 ] [ [ ] ] ]")).root
    found = Search(parser, "list_expression").within(root)
    assert [(node.start_byte, node.end_byte) for node in found] == [(0, 19), (4, 9), (10, 17), (12, 15)]
    assert Search(parser, "comment").within(root) == []
