"""What a service leaves in /tmp for later: for its next run, or for whoever looks there.

A /tmp of its own is emptied whenever a service stops, and nobody else sees it (systemd.exec(5), PrivateTmp=). Under a
timer it is emptied after every run: an address that is compared with the last one always looks new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.paths.directories import normal
from hwc_refactor.nixos.paths.places import is_temporary
from hwc_refactor.nixos.paths.reach import Reached, reached
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.words import TEMPLATED, Place

_FIXED = re.compile(r"/[\w./+:@-]+")
"""A path without an open part."""
_NAMED_ONLY = frozenset({"a variable", "flock"})
"""What does not look at what a file holds: a lock says nothing once its process is gone (flock(1))."""


def carried(block: Block) -> Iterator[Reached]:
    """The files in /tmp that a service looks at before it writes them, or only ever adds to."""
    paths: dict[tuple[Script, str], list[tuple[int, bool, Reached]]] = {}
    for path in reached(block):
        place = path.place
        if place is None or place.script is None or place.node is None:
            continue
        if is_temporary(path.text) and not any(part in path.text for part in (TEMPLATED, "$(")):
            fresh = path.writes and place.node.start_byte not in _added(place.script)
            paths.setdefault((place.script, path.text), []).append((place.node.start_byte, fresh, path))
    for uses in paths.values():
        uses.sort(key=lambda use: use[0])
        first = next((use for use in uses if use[2].by not in _NAMED_ONLY), None)
        if any(path.writes for _, _, path in uses) and first is not None and not first[1]:
            if len(uses) > 1 or first[2].by == ">":
                yield first[2]


_LEAVES = frozenset({">", "tee", "touch", "cp", "install"})
"""What writes a file for somebody: other commands may make one that they read, or remove, themselves."""


def left(block: Block) -> Iterator[Reached]:
    """The files in /tmp that a service writes and never names again: they are for whoever looks there.

    What a script writes where it asks for locks is a lock.
    """
    locking = {ran.script for ran in facts(block).ran if ran.name == "flock"}
    everything = reached(block)
    for path in everything:
        place, text = path.place, normal(path.text)
        if place is None or place.script is None or place.script in locking or path.by not in _LEAVES:
            continue
        if not path.writes or not is_temporary(text) or not _FIXED.fullmatch(text):
            continue
        others = (normal(other.text) for other in everything if not _is_same(other.place, place))
        if not any(
            f"{text}/".startswith(f"{other}/") or f"{other}/".startswith(f"{text}/") for other in others
        ):
            yield path


def _is_same(one: Place | None, other: Place) -> bool:
    """Whether two places are one word."""
    return one is not None and (one.script, one.node) == (other.script, other.node)


def _added(script: Script) -> frozenset[int]:
    """Where the targets of `>>` begin."""
    return frozenset(target.start_byte for target in script.redirected(">>", "&>>"))
