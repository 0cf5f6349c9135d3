"""Options that modules of the tree declare for all containers, beside those of NixOS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.tree import Tree

OPTION = ("virtualisation", "oci-containers", "containers")


def declared_options(tree: Tree) -> frozenset[str]:
    """The names of what `options.virtualisation.oci-containers.containers` declares anew; empty without such."""
    known = tree.memo.get("options of containers")
    if not isinstance(known, frozenset):
        known = tree.memo["options of containers"] = frozenset(_declared(tree))
    return known


def _declared(tree: Tree) -> Iterator[str]:
    for path in tree.holding(OPTION[1].encode()):
        data = tree.data(path) or b""
        file = tree.sound(path) if b"options" in data and b"submodule" in data else None
        for offset in () if file is None else tree.words(path, OPTION[1].encode()):
            assert file is not None
            binding = _declaration(file, file.chain(offset, offset + len(OPTION[1])))
            if binding is not None:
                yield from _options(file, binding)


def _declaration(file: ParsedFile, chain: Sequence[Node]) -> Node | None:
    """The binding that declares the option, when a chain of nodes leads to its path."""
    bindings = [node for node in chain if node.type == "binding"]
    names = [name for node in bindings for name in _names(file, node)]
    return bindings[-1] if names[:1] == ["options"] and tuple(names[1:]) == OPTION else None


def _options(file: ParsedFile, node: Node) -> Iterator[str]:
    """The first names of all that is declared below `options` within a node."""
    for child in node.named_children:
        if child.type != "binding":
            yield from _options(file, child)
            continue
        names, value = _names(file, child), child.child_by_field_name("expression")
        if names[:1] != ["options"] or value is None:
            yield from _options(file, child)
        elif len(names) > 1:
            yield names[1] or ""
        elif value.type == "attrset_expression":
            yield from (_names(file, one)[0] or "" for one in bindings_of(value) if one.type == "binding")


def _names(file: ParsedFile, binding: Node) -> list[str | None]:
    return [attr_name(file, part) for part in attrpath_of(binding)]
