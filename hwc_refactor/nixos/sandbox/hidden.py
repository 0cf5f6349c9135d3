"""What a service would miss where a sandbox hides something: places that it judges by what it sees, files in /tmp.

A hidden place looks empty. A program that looks at what is there takes that for the truth: a link into a home looks
broken, a tree that is copied or counted as a whole lacks a part. And a file that a service leaves in /tmp for people
or others is nowhere to be found when its /tmp is its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.paths.carried import carried
from hwc_refactor.nixos.scripts.doings import Facts, Ran, Use
from hwc_refactor.nixos.scripts.words import TEMPLATED

OWN_ROOTS = ("/tmp/", "/var/tmp/")
"""What a service has for itself under PrivateTmp."""

_STRAIGHT = re.compile(r"(?:/var)?/tmp/[^/]+\Z")

_FOLLOWING = frozenset({"-L", "-H", "-follow", "-xtype"})
"""Options of find that look at what a link leads to (findutils manual, Symbolic Links)."""

_TO_THE_END = re.compile(r"-[a-z]*e[a-z]*\Z|--canonicalize-existing\Z")
"""Options of readlink and realpath with which what a link leads to has to be there (coreutils manual)."""

_LINK = re.compile(rb"(?:\[|\btest)\s[^\]\n;]*-[Lh]\s")
_THERE = re.compile(rb"(?:\[|\btest)\s[^\]\n;]*-[edfs]\s")
_WALKERS = frozenset("find fd du tree rsync cp rg grep tar restic borg kopia duplicity rclone".split())


def judging(known: Facts, ran: Sequence[Ran]) -> Iterator[tuple[str, int]]:
    """What a service looks at to judge by it, wherever that lies: why, in words for the user, and the line."""
    for one in ran:
        texts = [word.text for word in one.words]
        if one.name == "find" and _FOLLOWING.intersection(texts):
            yield "follows links wherever they lead (find)", one.line
        if one.name in ("readlink", "realpath") and any(map(_TO_THE_END.match, texts)):
            yield f"asks whether what a link leads to is there ({one.name})", one.line
        if one.name in _WALKERS and "/" in texts:
            yield f"looks at the whole file system ({one.name})", one.line
    for program, script in known.scripts:
        if "+" not in program.prefixes and _LINK.search(script.body.data) and _THERE.search(script.body.data):
            yield "asks whether what a link leads to is there (test -L)", script.at.line


def counting(ran: Sequence[Ran]) -> Iterator[tuple[str, int]]:
    """What looks at all file systems, and misses one that is mounted on a hidden place (df(1)): why, and the line."""
    for one in ran:
        if one.name == "df" and not one.operands:
            yield "looks at all file systems (df)", one.line


def handed_over(
    block: Block, known: Facts, ran: Sequence[Ran], written: Sequence[Use]
) -> Iterator[tuple[str, int]]:
    """Paths in /tmp that others have to do with: why, in words for the user, and the line."""
    named = [(word.text, one.line) for one in ran for word in one.words]
    named += [(use.place.text, use.line) for use in (*known.reads, *written)]
    for text, line in named:
        for root in OWN_ROOTS:
            at = text.find(root)
            path = re.split(r"[\s;:,'\"$*]", text[at:])[0] if at >= 0 else ""
            if len(path) > len(root) and _named_elsewhere(block, known, path):
                yield f"names {path}, which stands elsewhere too", line
            elif len(path) > len(root) and not _comes_from_it(written, path, root):
                yield f"names {path}, which it does not make itself", line
    for name in block.names("environment"):
        path = block.text("environment", name) or ""
        own = any(use.place.text.startswith((f"${name}", f"${{{name}")) for use in written)
        if path.startswith(OWN_ROOTS) and (not own or _named_elsewhere(block, known, path, besides=1)):
            yield f"is given {path} ({name}), which it does not make itself", block.line
    lasting = [use for use in written if TEMPLATED not in use.place.text]
    for use in lasting:
        path = use.place.text
        if (
            _STRAIGHT.match(path)
            and use.place.known
            and not use.made
            and not _looked_at(path, known, ran, written)
        ):
            yield f"leaves {path}, which nothing of it reads", use.line
    for path in carried(block):
        yield f"looks at {path.text}, which an earlier run may have left", path.line


def _comes_from_it(written: Sequence[Use], path: str, root: str) -> bool:
    """Whether a service makes a path in /tmp itself: the file, and the folder that it lies in."""
    folder = root + path[len(root) :].split("/", 1)[0]
    made = [use.place.text for use in written if use.made or not use.place.text.startswith(folder + "/")]
    return any(text.startswith(folder) for text in made)


def _named_elsewhere(block: Block, known: Facts, path: str, besides: int = 0) -> bool:
    needle = path.encode()
    places = [(name, (block.tree.data(name) or b"").count(needle)) for name in block.tree.holding(needle)]
    own = sum(script.body.data.count(needle) for _, script in known.scripts)
    return sum(count for _, count in places) > own + besides


def _looked_at(path: str, known: Facts, ran: Sequence[Ran], written: Sequence[Use]) -> bool:
    """Whether a service does more with a path than to write or remove it."""
    words = sum(word.text.count(path) for one in ran for word in one.words)
    by_commands = sum(use.place.text == path for use in written if use.how != ">")
    return words > by_commands or any(path in use.place.text for use in known.reads)
