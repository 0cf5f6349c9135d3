"""Names that mean the same everywhere: of `builtins`, of nixpkgs' `lib`, of the module system's wrappers."""

from __future__ import annotations

GLOBALS = frozenset(
    """
    builtins abort baseNameOf derivation derivationStrict dirOf fetchGit fetchMercurial fetchTarball
    fetchTree fromTOML import isNull map placeholder removeAttrs scopedImport throw toString
    """.split()
)
"""The names that Nix binds everywhere (nix.dev/manual, "Built-in Functions")."""

MODIFIERS = {
    "mkForce": 1,
    "mkDefault": 1,
    "mkOptionDefault": 1,
    "mkImageMediaOverride": 1,
    "mkVMOverride": 1,
    "mkOverride": 2,
    "mkBefore": 1,
    "mkAfter": 1,
    "mkOrder": 2,
}
"""Wrappers of the module system around one value, with their number of arguments."""

PLAIN_NAMES = frozenset(
    """
    types mkOption mkEnableOption mkPackageOption mkIf mkMerge literalExpression literalMD mdDoc
    getExe getExe' getBin makeBinPath concatStrings concatMapStrings concatMapStringsSep
    mapAttrsToList filterAttrs attrNames attrValues hasAttr hasPrefix hasSuffix removePrefix
    removeSuffix splitString toLower toUpper escapeShellArg escapeShellArgs any all filter elem head
    tail last length foldl foldl' foldr flip id const pipe generators mkRemovedOptionModule
    mkRenamedOptionModule mkAliasOptionModule nixosSystem recursiveUpdate optionalString
    versionAtLeast versionOlder warn assertMsg range
    """.split()
)


PARTS = frozenset("attrsets customisation fixedPoints lists meta modules options strings trivial".split())
"""The parts of `lib` that its functions can also be selected from (nixpkgs, lib/default.nix)."""


def is_library(path: tuple[str, ...]) -> bool:
    """Whether a name is one of `lib` or `builtins`: `lib.mkIf`, `pkgs.lib.lists.map`, `builtins.map`.

    What somebody has put below a `lib` of their own (`config.lib.x`, `lib.mine.x`) is not.
    """
    if len(path) < 2 or path[0] in ("builtins", "config"):
        return path[0] == "builtins" and len(path) == 2
    below = path[path.index("lib") + 1 :] if "lib" in path else ()
    return len(below) == 1 or (len(below) == 2 and below[0] in PARTS)
