"""The programs that the tree itself writes, where a service or a script finds them by their bare name.

systemd.nix of NixOS puts the packages of `path` on the search path of a unit, in their order, before its own;
writeShellApplication puts its `runtimeInputs` before all others (nixpkgs manual, "Trivial build helpers").
"""

from __future__ import annotations

from collections.abc import Iterable

from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.executables import WrittenFile, file_of
from hwc_refactor.nixos.tree import Tree

Written = dict[str, WrittenFile]


def on_path(block: Block) -> Written:
    """The programs of the tree on the search path of a service, by name."""
    return written(block.tree, (item.expr for item in block.items("path")))


def written(tree: Tree, packages: Iterable[Expr]) -> Written:
    """The programs that packages bring, by name, as far as the tree writes them."""
    found: Written = {}
    for package in packages:
        file = file_of(tree, tree.resolver.value(package))
        if file is not None and file.name is not None and file.builder.endswith(("Bin", "Application")):
            found.setdefault(file.name, file)
    return found
