"""Dividing the objects of a tree between processes that each look into a part of its files.

A process tells of the definitions in its files as `Sighting`s, plain values. Over all of them it is seen
which objects there are, in which order, and in which file each of them stands: whoever has that file gets it.
All are told which files hold definitions of the objects of a file, its `Site`. So each process makes its
objects, and any others that it has to look at, exactly as `objects` would make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from hwc_refactor.nixos.block import Kind
from hwc_refactor.nixos.objects import Identity, Key, Site, block_of, found_in, groups, keys
from hwc_refactor.nixos.tree import Tree

PIECES = 32
"""So many stretches of neighbouring files each process gets: enough to even out, few enough to stay together."""


class Sighting(Struct, frozen=True):
    """Definitions of one object in one file.

    Attributes:
        path: the file they were found through.
        identity: the object.
        name: what it is called.
        named: whether its name is known.
        own: whether they make it, rather than add to it.
        files: where they have their values.
    """

    path: str
    identity: Identity
    name: str
    named: bool
    own: bool
    files: frozenset[str]


def divide(tree: Tree, words: Iterable[bytes], parts: int) -> list[list[str]]:
    """The files of a tree in as many parts, by the bytes of those that hold one of some words."""
    telling = {path for word in words for path in tree.holding(word)}
    sizes = {path: len(tree.data(path) or b"") + 1 if path in telling else 0 for path in tree.paths}
    piece = sum(sizes.values()) / (parts * PIECES) or 1
    divided: list[list[str]] = [[] for _ in range(parts)]
    done = 0
    for path, size in sizes.items():
        divided[int(done / piece) % parts].append(path)
        done += size
    return divided


def sightings(tree: Tree, kind: Kind, paths: Iterable[str]) -> list[Sighting]:
    """What some files define of a kind, in their order."""
    word = kind.word.encode()
    seen: list[Sighting] = []
    for path in paths:
        if word in (tree.data(path) or b""):
            for one, group in groups(found_in(tree, kind, path)).items():
                block = block_of(tree, kind, group)
                files = frozenset(slot.expr.file.source.path for slot in block.slots)
                seen.append(Sighting(path, one, block.name, block.named, block.own, files))
    return seen


class _Outline(Struct):
    """One object, as the sightings tell of it.

    Attributes:
        name: what it is called; that of an object whose name is open may be cut short.
        paths: the files that hold definitions of it.
        files: where these have their values.
    """

    name: str
    named: bool
    own: bool = False
    paths: set[str] = set()
    files: set[str] = set()


def sites(tree: Tree, kind: Kind, seen: Iterable[Sighting]) -> dict[str, Site]:
    """Where all objects stand, by file, after what was seen in all files."""
    place = {path: number for number, path in enumerate(tree.holding(kind.word.encode()))}
    outlines = _outlines(seen, place)
    makers = {name for (_, name, _), one in outlines.items() if one.named and one.own}
    adding = {one for one, it in outlines.items() if it.named and not it.own and one[1] in makers}
    adders: dict[str, set[str]] = {}
    for one in adding:
        adders.setdefault(one[1], set()).update(outlines[one].paths)
    objects = [one for one in outlines if one not in adding]
    paths: dict[str, set[str]] = {}
    files: dict[str, set[str]] = {}
    places: dict[str, dict[Key, int]] = {}
    named = keys(kind, ((one[0], outlines[one].name) for one in objects))
    for number, (one, key) in enumerate(zip(objects, named, strict=True)):
        it = outlines[one]
        holding = paths.setdefault(one[0], set())
        holding |= it.paths
        if it.named and it.own:
            holding |= adders.get(one[1], set())
        files.setdefault(one[0], set()).update(it.files)
        places.setdefault(one[0], {})[key] = number
    return {
        file: Site(tuple(sorted(paths[file], key=place.__getitem__)), frozenset(files[file]), places[file])
        for file in paths
    }


def _outlines(seen: Iterable[Sighting], place: Mapping[str, int]) -> dict[Identity, _Outline]:
    """The objects there are, in the order of their first definitions."""
    found: dict[Identity, _Outline] = {}
    for one in sorted(seen, key=lambda sighting: place[sighting.path]):
        outline = found.setdefault(one.identity, _Outline(one.name, one.named))
        outline.own = outline.own or one.own
        outline.paths.add(one.path)
        outline.files |= one.files
    return found
