"""What a run finds in /tmp as the run before it left it: a file that it looks at, or adds to, before it makes it anew.

A /tmp of its own is emptied whenever a service stops (systemd.exec(5), PrivateTmp=). Under a timer that is after every
run: an address that is compared with the last one always looks new.
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.paths.places import is_temporary
from hwc_refactor.nixos.paths.reach import Reached, reached
from hwc_refactor.nixos.scripts.words import TEMPLATED

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
        if any(path.writes for _, _, path in uses) and len(uses) > 1:
            first = next((use for use in uses if use[2].by not in _NAMED_ONLY), None)
            if first is not None and not first[1]:
                yield first[2]


def _added(script: Script) -> frozenset[int]:
    """Where the targets of `>>` begin."""
    return frozenset(target.start_byte for target in script.redirected(">>", "&>>"))
