"""Services of NixOS to which a configuration only adds lines.

A script of a unit that a module of NixOS makes is joined with that of the module (nixpkgs, lib/types.nix, lines):
what the unit is allowed is said there, and would be said twice.
"""

from __future__ import annotations

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.options import declarations, settings

_ADDED = frozenset({"script", "preStart", "postStart", "preStop", "postStop", "environment", "path"})
"""What is said of a unit that is made elsewhere: nothing of what starts it, what it is, or when it runs."""


def module_of(block: Block) -> str | None:
    """The service of NixOS that makes a unit to which only lines are added; None for a unit of its own."""
    if not _ADDED.issuperset(block.names()):
        return None
    parts = block.name.split("-")
    names = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if _is_enabled(block, name)), None)


def _is_enabled(block: Block, name: str) -> bool:
    """Whether the configuration sets whether a service runs that it does not declare itself."""
    option = ("services", name, "enable")
    return bool(settings(block.tree, option)) and not declarations(block.tree, option)
