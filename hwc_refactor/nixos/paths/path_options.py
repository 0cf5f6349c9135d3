"""Which option of a configuration stands for a path of the host, so that nobody has to spell it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from hwc_refactor.nixos.options import declarations, full_name, settings
from hwc_refactor.nixos.tree import Tree


def option_for(tree: Tree, path: str, own: Mapping[str, str]) -> tuple[str, str] | None:
    """The option for a path, or for a folder that it lies in.

    Args:
        tree: the snapshot.
        path: an absolute path; what is open of it begins with `$` and stands at its end.
        own: options that the user names for paths: `{"/mnt/media": "config.hwc.paths.media"}`.

    Returns:
        The path that the option stands for and the option, `config.hwc.paths.media`. None when there is none,
        or what it stands for is not certain: it is declared twice, or something sets it.
    """
    known = posixpath.normpath(path.split("$")[0].split("%")[0])
    while known.count("/") > 1 or (known.count("/") == 1 and known != "/"):
        if known in own:
            return known, own[known]
        option = _declared(tree, known)
        if option is not None:
            return known, option
        known = posixpath.dirname(known)
    return None


def _declared(tree: Tree, path: str) -> str | None:
    """The one option of a set called `paths` whose default is a path, when nothing sets it."""
    key = ("path-option", path)
    if key not in tree.memo:
        found = {name for name in _named(tree, path) if not settings(tree, name)}
        tree.memo[key] = "config." + ".".join(found.pop()) if len(found) == 1 else None
    option = tree.memo[key]
    return option if isinstance(option, str) else None


def _named(tree: Tree, path: str) -> set[tuple[str, ...]]:
    needle = f'"{path}"'.encode()
    found: set[tuple[str, ...]] = set()
    for name in tree.holding(needle):
        data = tree.data(name) or b""
        file = tree.sound(name) if b"paths" in data and b"options" in data else None
        offset = data.find(needle) if file is not None else -1
        while file is not None and offset >= 0:
            names = full_name(tree, file, file.chain(offset, offset + len(needle))) or ()
            if "options" in names:
                option = tuple(part for part in names[names.index("options") + 1 :] if part != "default")
                declared = declarations(tree, option) if "paths" in option[:-1] else []
                if len(declared) == 1 and tree.resolver.literal(declared[0].default) == path:
                    found.add(option)
            offset = data.find(needle, offset + 1)
    return found
