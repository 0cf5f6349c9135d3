"""Which modules a module reads: the path literals of its `imports`, and of a flake's `modules`."""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.tree import Tree

LISTS = (b"imports", b"modules")


class ModuleImport(Struct, frozen=True, eq=False):
    """One path in a list of modules.

    Attributes:
        file: the file that imports.
        binding: the binding of the list, `imports = [ … ];`.
        path: the node of the path literal.
        target: the file it means, relative to the root; None when that is not there.
    """

    file: ParsedFile
    binding: Node
    path: Node
    target: str | None


def module_imports(tree: Tree, path: str) -> list[ModuleImport]:
    """The modules that a file lists, in order."""
    key = ("module-imports", path)
    known = tree.memo.get(key)
    if not isinstance(known, list):
        known = tree.memo[key] = _module_imports(tree, path)
    return list(known)


def _module_imports(tree: Tree, path: str) -> list[ModuleImport]:
    file = tree.sound(path)
    if file is None:
        return []
    found: list[ModuleImport] = []
    for word in LISTS:
        for offset in tree.words(path, word):
            chain = file.chain(offset, offset + len(word))
            if len(chain) < 3 or chain[-2].type != "attrpath" or chain[-3].type != "binding":
                continue
            binding = chain[-3]
            if attr_name(file, attrpath_of(binding)[-1]) != word.decode():
                continue
            value = binding.child_by_field_name("expression")
            found += [
                ModuleImport(file, binding, node, tree.target(path, file.text(node).decode(errors="replace")))
                for node in _paths(value)
            ]
    return sorted(found, key=lambda item: item.path.start_byte)


def imported_by(tree: Tree, path: str) -> list[ModuleImport]:
    """The places that list a file as a module."""
    return [item for other in tree.referring(path) for item in _by_target(tree, other).get(path, ())]


def _by_target(tree: Tree, path: str) -> dict[str | None, list[ModuleImport]]:
    """The modules that a file lists, by the file that is meant."""
    key = ("module-imports by target", path)
    known = tree.memo.get(key)
    if known is None:
        found: dict[str | None, list[ModuleImport]] = {}
        for item in module_imports(tree, path):
            found.setdefault(item.target, []).append(item)
        known = tree.memo[key] = found
    return cast("dict[str | None, list[ModuleImport]]", known)


def _paths(value: Node | None) -> list[Node]:
    """The path literals that stand directly in a list, through `++`, `optionals` and parentheses."""
    if value is None:
        return []
    if value.type == "path_expression":
        return [value]
    if value.type in ("attrset_expression", "rec_attrset_expression", "function_expression"):
        return []
    return [found for child in value.named_children for found in _paths(child)]
