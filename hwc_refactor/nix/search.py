"""Nodes of some types anywhere in a tree: tree-sitter looks for them, so that no other node has to be made."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from tree_sitter import Node, Parser, Query, QueryCursor


class Search:
    """A search for nodes of some types."""

    def __init__(self, parser: Callable[[], Parser], *types: str) -> None:
        """Search trees of the language that a parser reads."""
        self._parser = parser
        self._types = types

    @cached_property
    def _query(self) -> Query:
        language = self._parser().language
        assert language is not None
        return Query(language, " ".join(f"({name}) @{name}" for name in self._types))

    def by_type(self, node: Node) -> dict[str, list[Node]]:
        """The nodes within a node, itself included, by their types; of each type in the order of the text."""
        found = QueryCursor(self._query).captures(node)
        for nodes in found.values():
            nodes.sort(key=place)
        return found

    def within(self, node: Node) -> list[Node]:
        """The same of all types in one list, in the order of the text: one before those that it holds."""
        found = self.by_type(node)
        if len(found) < 2:
            return next(iter(found.values()), [])
        return sorted((one for nodes in found.values() for one in nodes), key=place)


def place(node: Node) -> tuple[int, int]:
    """What nodes are sorted by."""
    return node.start_byte, -node.end_byte
