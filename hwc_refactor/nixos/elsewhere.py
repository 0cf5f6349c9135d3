"""What an open value may be by what the tree says of it elsewhere: an option's default, what something sets it to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hwc_refactor.nix.values import Call, Gap, Ref, Str, Value
from hwc_refactor.nixos.options import declarations, settings
from hwc_refactor.nixos.tree import Tree

MAX_DEPTH = 3
_COMMON = frozenset({"user", "name", "username", "owner", "path", "dir", "file", "type", "value", "url"})
"""Names that many sets have, with another meaning each."""
_GIVEN = re.compile(rb"\s*=[^;={}\"]*\"([^\"\n]*)\"\s*;")
"""What follows a name that gets a text."""


def texts(tree: Tree, value: Value, depth: int = 0) -> Iterator[str]:
    """The texts that a value may be, open parts as `${…}`: itself, where it is one, and those said elsewhere."""
    match value:
        case Str():
            yield value.shown
            for part in value.parts[:1]:
                if isinstance(part, Gap) and depth < MAX_DEPTH:
                    yield from texts(tree, part.value, depth + 1)
        case Call(name="escapeShellArg" | "toString", args=(given,)):
            yield from texts(tree, tree.resolver.value(given), depth)
        case Ref(path=("config", *option)) if option:
            if depth < MAX_DEPTH:
                key = ("texts of an option", depth, *option)
                yield from tree.remember(key, tree, lambda: tuple(_of_option(tree, option, depth)))
        case Ref(path=(_, *_, name)) if len(value.path) > 1 and name not in _COMMON:
            yield from _attributes(tree, name)


def _of_option(tree: Tree, option: Sequence[str], depth: int) -> Iterator[str]:
    """The texts that an option may have: by default, or where something sets it."""
    defaults = [one.default for one in declarations(tree, option) if one.default is not None]
    for expr in (*defaults, *(one.expr for one in settings(tree, option))):
        yield from texts(tree, tree.resolver.value(expr), depth + 1)


def _attributes(tree: Tree, name: str) -> Sequence[str]:
    """The texts that stand in the tree for an attribute of some set: `{ upgradeUser = "root"; }`."""
    key = ("attributes-elsewhere", name)
    known = tree.memo.get(key)
    if not isinstance(known, tuple):
        word = name.encode()
        known = tuple(text for path in tree.naming(word) for text in _said(tree, path, word))
        tree.memo[key] = known
    return known


def _said(tree: Tree, path: str, word: bytes) -> Iterator[str]:
    data, end = tree.data(path) or b"", 0
    for offset in tree.words(path, word):
        match = _GIVEN.match(data, offset + len(word))
        if match is not None and offset >= end and data[offset - 1 : offset] != b".":
            yield match[1].decode(errors="replace")
            end = match.end()
