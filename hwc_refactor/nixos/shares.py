"""Dividing the objects of a tree between processes that each look into a part of its files.

A process tells of the definitions in its files as `Sighting`s, plain values. Over all of them it is seen
which objects there are, in which order, and who gets which; whoever gets one is told which further files
hold definitions of it. So each process makes its objects exactly as `objects` would make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from hwc_refactor.nixos.objects import (
    Block,
    Identity,
    Key,
    Kind,
    block_of,
    found_in,
    groups,
    keys,
    objects_in,
)
from hwc_refactor.nixos.tree import Tree

PIECES = 8
"""So many stretches of neighbouring files each process gets: enough to even out, few enough to stay together."""


class Sighting(Struct, frozen=True):
    """Definitions of one object in one file.

    Attributes:
        path: the file they were found through.
        identity: the object.
        name: what it is called.
        named: whether its name is known.
        own: whether they make it, rather than add to it.
    """

    path: str
    identity: Identity
    name: str
    named: bool
    own: bool


class Share(Struct, frozen=True):
    """The objects of one kind that one process gets.

    Attributes:
        paths: the files to look into, in the order of the tree.
        places: for each object its place among all of its kind.
    """

    paths: tuple[str, ...]
    places: Mapping[Key, int]


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
                seen.append(Sighting(path, one, block.name, block.named, block.own))
    return seen


class _Outline(Struct):
    """One object, as the sightings tell of it.

    Attributes:
        part: the process that saw its first definition.
        name: what it is called; that of an object whose name is open may be cut short.
        paths: the files that hold definitions of it.
    """

    part: int
    name: str
    named: bool
    own: bool = False
    paths: set[str] = set()


def assign(tree: Tree, kind: Kind, seen: Sequence[Sequence[Sighting]]) -> list[Share]:
    """Who gets which objects, after what each process has seen: whoever saw the first definition."""
    place = {path: number for number, path in enumerate(tree.holding(kind.word.encode()))}
    outlines = _outlines(seen, place)
    makers = {name for (_, name, _), one in outlines.items() if one.named and one.own}
    adding = {one for one, it in outlines.items() if it.named and not it.own and one[1] in makers}
    adders: dict[str, set[str]] = {}
    for one in adding:
        adders.setdefault(one[1], set()).update(outlines[one].paths)
    objects = [one for one in outlines if one not in adding]
    alike: dict[tuple[str, str], set[str]] = {}
    for one in objects:
        alike.setdefault((one[0], outlines[one].name), set()).update(outlines[one].paths)
    files: list[set[str]] = [set() for _ in seen]
    places: list[dict[Key, int]] = [{} for _ in seen]
    named = keys(kind, ((one[0], outlines[one].name) for one in objects))
    for number, (one, key) in enumerate(zip(objects, named, strict=True)):
        it = outlines[one]
        files[it.part] |= alike[one[0], it.name]
        if it.named and it.own:
            files[it.part] |= adders.get(one[1], set())
        places[it.part][key] = number
    return [
        Share(tuple(sorted(paths, key=place.__getitem__)), given)
        for paths, given in zip(files, places, strict=True)
    ]


def _outlines(seen: Sequence[Sequence[Sighting]], place: Mapping[str, int]) -> dict[Identity, _Outline]:
    """The objects there are, in the order of their first definitions."""
    rows = [(place[one.path], part, one) for part, found in enumerate(seen) for one in found]
    found: dict[Identity, _Outline] = {}
    for _, part, one in sorted(rows, key=itemgetter(0)):
        outline = found.setdefault(one.identity, _Outline(part, one.name, one.named))
        outline.own = outline.own or one.own
        outline.paths.add(one.path)
    return found


def shared_out(tree: Tree, kind: Kind, share: Share) -> list[tuple[int, Key, Block]]:
    """The objects of a share, each with its place among all of its kind, and its key."""
    blocks = objects_in(tree, kind, share.paths)
    found = zip(keys(kind, ((block.file, block.name) for block in blocks)), blocks, strict=True)
    return [(share.places[key], key, block) for key, block in found if key in share.places]
