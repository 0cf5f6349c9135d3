"""Programs of a unit that load credentials of their own, as long as the unit has none.

Which programs do: `data/secrets.toml`, `own-credentials`.
"""

from __future__ import annotations

import re

from hwc_refactor.nix.values import Call, Expr, Ref
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.secrets.programs import OwnCredentials, own_credentials
from hwc_refactor.nixos.secrets.uses import written_scripts
from hwc_refactor.nixos.tree import Tree

_LOADING = (
    "LoadCredential",
    "LoadCredentialEncrypted",
    "SetCredential",
    "SetCredentialEncrypted",
    "ImportCredential",
)
"""Directives that give a unit a folder of credentials: systemd.exec(5), CREDENTIALS."""


def keeper(block: Block) -> str:
    """The program of a service that would miss its credentials in a unit with others; empty for none."""
    if any(block.get("serviceConfig", directive) for directive in _LOADING):
        return ""
    return next((one.program for one in own_credentials() if _runs(block, one)), "")


def _runs(block: Block, known: OwnCredentials) -> bool:
    named = re.compile(rb"(?<![\w-])" + re.escape(known.program.encode()) + rb"(?![\w-])")
    for _, script in written_scripts(block):
        if named.search(script.body.data):
            return True
        for hole in script.body.holes:
            if _package(block.tree, hole)[1 : 1 + len(known.option)] == known.option:
                return True
    return False


def _package(tree: Tree, expr: Expr) -> tuple[str, ...]:
    """The package that an expression names, itself or by `getExe` and its like."""
    match tree.resolver.value(expr):
        case Ref(path=path):
            return path
        case Call(name="getExe" | "getExe'" | "getBin", args=(package, *_)):
            return _package(tree, package)
    return ()
