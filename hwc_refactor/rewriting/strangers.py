"""Modules of the configuration that declare what a shared module does, but not as it does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import parse
from hwc_refactor.nixos.option_types import option_types
from hwc_refactor.nixos.options import declarations
from hwc_refactor.nixos.tree import Tree


def reason(tree: Tree, option: str, name: str, text: bytes, present: str | None) -> str | None:
    """Why a shared module cannot be used in a configuration; None where no other one stands in the way.

    Args:
        tree: the configuration.
        option: what the module declares, `services.hwc.container`.
        name: the name of its file.
        text: the module as it is shipped.
        present: the file that is taken to be the module; None where there is none.
    """
    if present is not None and tree.data(present) == text:
        return None
    key = ("stranger", option, present)
    (found,) = tree.remember(key, tree, lambda: (_reason(tree, option, name, text, present),))
    return found


def _reason(tree: Tree, option: str, name: str, text: bytes, present: str | None) -> str | None:
    declared = declarations(tree, option.split(".")) if present is None else []
    path = declared[0].file.source.path if declared else present
    if path is None:
        return None
    file = tree.sound(path)
    theirs: Mapping[tuple[str, ...], str] = {} if file is None else option_types(file)
    other = [".".join(one) for one, kind in _shipped(text).items() if theirs.get(one) != kind]
    if present is not None and not other:
        return None
    if not other:
        return f"{path} declares {option} in a file of another name: call it {name}, for by that it is known."
    shown = f"{', '.join(other[:3])}{' and more' if len(other) > 3 else ''}"
    return (
        f"{path} declares {option}, but not as the module of this tool does ({shown}): take it out, and that one"
        " is added in its place."
    )


@cache
def _shipped(text: bytes) -> Mapping[tuple[str, ...], str]:
    return option_types(parse(Source("module.nix", text)))
