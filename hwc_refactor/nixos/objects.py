"""NixOS objects are found: the definitions of one, in a file or several, are put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.block import Block, Kind, in_common
from hwc_refactor.nixos.discover import Found, definitions, definitions_in, definitions_key
from hwc_refactor.nixos.tree import MANY, Tree


def objects(tree: Tree, kind: Kind, names: Iterable[str] | None = None) -> list[Block]:
    """The objects of a kind in the tree, in the order of files and lines.

    Definitions in one file are merged by name. A definition elsewhere that makes no object of its own is
    attached to the objects of its name: a name alone is no identity, two hosts may both have it.

    Args:
        tree: the files.
        kind: which kind.
        names: only objects of these names, when given.
    """
    wanted = None if names is None else frozenset(names)
    sites = _sites(tree, kind)
    if wanted is not None and sites is not None:
        at = [file for file, site in sites.items() if not wanted.isdisjoint(site.names)]
        return [block for block in objects_at(tree, kind, at) if block.name in wanted]
    if wanted is not None and _few(tree, kind):
        found = definitions(tree, kind.parent, kind.word, kind.below, wanted)
        return _made(tree, kind, (one for one in found if name_of(one) in wanted))
    known = tree.memo.get(("objects", kind))
    if not isinstance(known, list):
        if sites is None:
            known = _made(tree, kind, definitions(tree, kind.parent, kind.word, kind.below))
        else:
            known = objects_at(tree, kind, sites)
        tree.memo["objects", kind] = known
    if wanted is None:
        return list(known)
    if len(wanted) == 1:
        return list(_named(tree, kind, known).get(min(wanted), ()))
    return [block for block in known if block.name in wanted]


def _named(tree: Tree, kind: Kind, blocks: Sequence[Block]) -> Mapping[str, list[Block]]:
    """The objects of a kind by name."""

    def by_name() -> Mapping[str, list[Block]]:
        found: dict[str, list[Block]] = {}
        for block in blocks:
            found.setdefault(block.name, []).append(block)
        return found

    return tree.remember(("objects by name", kind), tree, by_name)


def _few(tree: Tree, kind: Kind) -> bool:
    """Whether so little was asked by name that to look into the files of one name is less than into all."""
    key = ("asked by name", kind)
    before = tree.memo.get(key)
    times = tree.memo[key] = before + 1 if isinstance(before, int) else 1
    return times < MANY and ("objects", kind) not in tree.memo


class Site(Struct, frozen=True):
    """The objects of one kind that stand in one file.

    Attributes:
        paths: the files that hold definitions of them, in the order of the tree.
        files: the files in which these definitions have their values.
        places: for each of them its place among all objects of its kind.
    """

    paths: tuple[str, ...]
    files: frozenset[str]
    places: Mapping[Key, int]

    @property
    def names(self) -> Iterator[str]:
        """What they are called."""
        return (name for _, _, name, _ in self.places)


def learn_sites(tree: Tree, kind: Kind, sites: Mapping[str, Site]) -> None:
    """Take over where all objects of a kind stand, so that none of them is looked for beyond the files named."""
    tree.memo["sites", kind] = sites


def _sites(tree: Tree, kind: Kind) -> dict[str, Site] | None:
    known = tree.memo.get(("sites", kind))
    return known if isinstance(known, dict) else None


def objects_at(tree: Tree, kind: Kind, files: Iterable[str]) -> list[Block]:
    """The objects of a kind that stand in some files, in the order of all."""
    return [block for _, _, block in rows_at(tree, kind, files)]


def objects_with(tree: Tree, kind: Kind, file: str) -> list[Block]:
    """The objects of a kind of which a definition has its value in a file, in the order of all."""
    sites = _sites(tree, kind)
    if sites is not None:
        near = objects_at(tree, kind, (home for home, site in sites.items() if file in site.files))
        return [block for block in near if file in _files_of(block)]
    known = tree.remember(("objects with", kind.name), tree, lambda: _by_files(objects(tree, kind)))
    return list(known.get(file, ()))


def _by_files(blocks: Sequence[Block]) -> Mapping[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in blocks:
        for file in _files_of(block):
            found.setdefault(file, []).append(block)
    return found


def _files_of(block: Block) -> set[str]:
    return {slot.expr.file.source.path for slot in block.slots}


Row = tuple[int, "Key", Block]
"""An object with its place among all of its kind, and its key."""


def rows_at(tree: Tree, kind: Kind, files: Iterable[str]) -> list[Row]:
    """The objects of a kind that stand in some files, with their places and keys: each of them made once."""
    sites = _sites(tree, kind)
    if sites is None:
        known = tree.remember(("rows", kind.name), tree, lambda: _by_file(kind, objects(tree, kind)))
        return sorted((row for file in files for row in known.get(file, ())), key=itemgetter(0))
    found: list[Row] = []
    for file in files:
        site = sites.get(file)
        if site is not None:
            found += tree.remember(("rows", kind.name, file), tree, partial(_made_at, tree, kind, file, site))
    return sorted(found, key=itemgetter(0))


def forget(tree: Tree, kind: Kind) -> None:
    """Let go of the objects of a kind that were made where they stand; they are made again where asked for."""
    tree.forget("rows", kind.name)
    for known in tree.local.values():
        known.pop(definitions_key(kind.parent, kind.word, kind.below), None)


def _by_file(kind: Kind, blocks: Sequence[Block]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    named = keys(kind, ((block.file, block.name) for block in blocks))
    for place, (key, block) in enumerate(zip(named, blocks, strict=True)):
        found.setdefault(block.file, []).append((place, key, block))
    return found


def _made_at(tree: Tree, kind: Kind, file: str, site: Site) -> list[Row]:
    """The objects of a site, from the definitions that make them and those that may add to them."""
    names = frozenset(site.names)
    found = (one for path in site.paths for one in found_in(tree, kind, path))
    blocks = [
        block
        for block in _made(tree, kind, (one for one in found if name_of(one) in names))
        if block.file == file
    ]
    named = keys(kind, ((block.file, block.name) for block in blocks))
    rows = zip(named, blocks, strict=True)
    return [(site.places[key], key, block) for key, block in rows if key in site.places]


def found_in(tree: Tree, kind: Kind, path: str) -> tuple[Found, ...]:
    """The definitions of objects of a kind that one file holds."""
    return definitions_in(tree, path, kind.parent, kind.word, kind.below)


Identity = tuple[str, str, tuple[int, ...]]
"""What definitions of one object have in common: its file, its name, and its calls when that is open."""


def identity(found: Found) -> Identity:
    """Which object a definition belongs to."""
    home = found.calls[0].file.source.path if found.calls else found.slot.expr.file.source.path
    calls = () if isinstance(found.name, str) else tuple(call.node.start_byte for call in found.calls)
    return home, found.name if isinstance(found.name, str) else found.name.text, calls


def name_of(found: Found) -> str:
    """The name of what a definition is about; as an attribute path would have it, shortened, when that is open."""
    if isinstance(found.name, str):
        return found.name
    line = " ".join(found.name.text.split())
    if found.name.node.type == "string_expression":
        line = line[1:-1]
    elif found.name is not found.slot.expr and found.name.node.type in _VALUES:
        line = f"${{{line}}}"
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


_VALUES = frozenset({"variable_expression", "select_expression", "identifier"})
"""Expressions of names outside of attribute paths: `lib.nameValuePair name …`."""

LONGEST = 60
"""The most characters of an expression that stands for the name of an object."""


def groups(definitions: Iterable[Found]) -> dict[Identity, list[Found]]:
    """Definitions by the object that they belong to."""
    found: dict[Identity, list[Found]] = {}
    for definition in definitions:
        found.setdefault(identity(definition), []).append(definition)
    return found


def _made(tree: Tree, kind: Kind, definitions: Iterable[Found]) -> list[Block]:
    return list(_joined([block_of(tree, kind, group) for group in groups(definitions).values()]))


def block_of(tree: Tree, kind: Kind, group: Sequence[Found]) -> Block:
    """The object that definitions which belong together make."""
    calls = next((found.calls for found in group if found.calls), ())
    assumed = tuple(dict.fromkeys(text for found in group for text in found.assumed))
    named = isinstance(group[0].name, str)
    slots = [found.slot for found in group]
    shared = in_common([slot.conditions for slot in slots])
    rest = tuple(replace(slot, conditions=slot.conditions[len(shared) :]) for slot in slots)
    anchors = {found.anchor.span: found.anchor for found in group if found.anchor is not None}
    return Block(
        tree, kind, name_of(group[0]), named, rest, calls, shared, (), assumed, tuple(anchors.values())
    )


def _joined(blocks: list[Block]) -> Iterator[Block]:
    makers = {block.name for block in blocks if block.named and block.own}
    extra: dict[str, list[Slot]] = {}
    for block in blocks:
        if block.named and not block.own and block.name in makers:
            extra.setdefault(block.name, []).extend(block.slots)
    for block in blocks:
        if block.named and block.own and block.name in extra:
            yield replace(block, elsewhere=tuple(extra[block.name]))
        elif not (block.named and not block.own and block.name in makers):
            yield block


Key = tuple[str, str, str, int]
"""What tells an object from others on every text: kind, file, name, and its number among equals."""


def keys(kind: Kind, places: Iterable[tuple[str, str]]) -> list[Key]:
    """The keys of objects, in their order, by file and name."""
    seen: Counter[tuple[str, str]] = Counter()
    found: list[Key] = []
    for file, name in places:
        found.append((kind.name, file, name, seen[file, name]))
        seen[file, name] += 1
    return found
