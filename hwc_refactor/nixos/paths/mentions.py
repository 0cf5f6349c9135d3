"""Who else in the tree names a path: mounts, persistence, tmpfiles rules, other services.

A mention in a `let` or in the default of an option counts for the places that read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.options import readers

Kind = Literal["mount", "persistence", "tmpfiles", "account", "other"]

_KINDS: dict[str, Kind] = {
    "fileSystems": "mount",
    "swapDevices": "mount",
    "mounts": "mount",
    "automounts": "mount",
    "persistence": "persistence",
    "preservation": "persistence",
    "impermanence": "persistence",
    "persist": "persistence",
    "persistDirs": "persistence",
    "tmpfiles": "tmpfiles",
    "users": "account",
}
"""Names in an attribute path that tell what a mention is for (NixOS options; impermanence, preservation)."""

_TEXT_ONLY = frozenset({"description", "example", "defaultText", "longDescription", "message"})
_WORD = re.compile(rb"[\w.-]")
MAX_HOPS = 6


class Mention(Struct, frozen=True, eq=False):
    """One place that names a path.

    Attributes:
        kind: what for.
        file, line: where; the line counts from 1.
        names: the attribute names that lead there.
    """

    kind: Kind
    file: str
    line: int
    names: tuple[str, ...]


def mentions(block: Block, path: str) -> tuple[Mention, ...]:
    """The places outside of an object that name a path, or something below it."""
    found: list[Mention] = []
    for name in block.tree.holding(path.encode()):
        file = block.tree.sound(name)
        if file is None:
            continue
        for start in _occurrences(file.source.data, path.encode()):
            found += _at(block, file, start, start + len(path), 0)
    return tuple({(one.file, one.line): one for one in found}.values())


def kept_by_module(block: Block, directory: str) -> bool:
    """Whether a module of NixOS that the tree sets up has the name that a directory begins with."""
    name = directory.split("/")[0]
    if name == block.name:
        return False
    return any(
        any(block.tree.holding(f"{kind}.{name}{end}".encode()) for end in (".", " ="))
        and not block.tree.holding(f"options.{kind}.{name}".encode())  # options of the tree's own
        for kind in ("services", "programs", "virtualisation")
    )


def _occurrences(data: bytes, needle: bytes) -> Iterator[int]:
    offset = data.find(needle)
    while offset >= 0:
        end = offset + len(needle)
        if not _WORD.match(data[offset - 1 : offset]) and not _WORD.match(data[end : end + 1]):
            yield offset
        offset = data.find(needle, end)


def _at(block: Block, file: ParsedFile, start: int, end: int, hops: int) -> Iterator[Mention]:
    chain = file.chain(start, end)
    if any(node.type == "comment" for node in chain) or within(block, file, chain[-1]):
        return
    names = names_to(file, chain)
    if names and names[-1] in _TEXT_ONLY:
        return
    bound = _bound(file, chain)
    if bound is not None and hops < MAX_HOPS:
        yield from _uses(block, file, *bound, hops)
    elif "options" in names and names[-1] == "default" and hops < MAX_HOPS:
        yield from _read(block, names[names.index("options") + 1 : -1], hops)
    else:
        kind: Kind = next((_KINDS[name] for name in names if name in _KINDS), "other")
        yield Mention(kind, file.source.path, file.source.line(start), tuple(names))


def _uses(block: Block, file: ParsedFile, name: str, binding: Node, hops: int) -> Iterator[Mention]:
    for offset in block.tree.words(file.source.path, name.encode()):
        if binding.start_byte <= offset < binding.end_byte:
            continue
        chain = file.chain(offset, offset + len(name))
        inherited = chain[-2].type == "inherited_attrs" and chain[-3].type == "inherit"
        if chain[-1].type == "identifier" and (chain[-2].type == "variable_expression" or inherited):
            yield from _at(block, file, offset, offset + len(name), hops + 1)


def _read(block: Block, option: Sequence[str], hops: int) -> Iterator[Mention]:
    for read in readers(block.tree, option):
        yield from _at(block, read.file, read.node.start_byte, read.node.end_byte, hops + 1)


def within(block: Block, file: ParsedFile, node: Node) -> bool:
    """Whether a node stands in the object's own definitions."""
    return any(
        slot.expr.file.source.path == file.source.path
        and slot.expr.node.start_byte <= node.start_byte
        and node.end_byte <= slot.expr.node.end_byte
        for slot in (*block.slots, *block.elsewhere)
    )


def names_to(file: ParsedFile, chain: Sequence[Node]) -> list[str]:
    """The attribute names that lead to the end of a chain, `?` for a computed one."""
    return [
        attr_name(file, part) or "?" for node in chain if node.type == "binding" for part in attrpath_of(node)
    ]


def _bound(file: ParsedFile, chain: Sequence[Node]) -> tuple[str, Node] | None:
    """The name that the innermost binding of a `let` around a place gives, and that binding."""
    for position in range(len(chain) - 1, 1, -1):
        if chain[position].type == "binding" and chain[position - 2].type == "let_expression":
            path = attrpath_of(chain[position])
            name = attr_name(file, path[0])
            return None if name is None else (name, chain[position])
    return None
