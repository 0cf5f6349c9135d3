"""Hardware that a privileged container has without --device: mounted, or for no more than its privileges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct

from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nix.values import Item
from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.profiles import Profile


@cache
def hardware() -> Mapping[str, tuple[str, ...]]:
    """The words for hardware, each with prefixes of the devices that it can be (data/hardware.toml)."""
    return {str(word): tuple(prefixes) for word, prefixes in table("hardware.toml")["words"].items()}


def meant_devices(container: Container) -> Iterator[tuple[str, str]]:
    """What the privileges are there for by their comments and is not passed by name: word and comment."""
    for comment in _comments(container):
        for word in re.findall(r"[a-z]+", comment.lower().replace("-", "")):
            prefixes = hardware().get(word) or hardware().get(word.removesuffix("s"))
            if prefixes is not None and not _passes(container, word, prefixes):
                yield word, comment


class Mounted(Struct, frozen=True, eq=False):
    """A device that is mounted as a volume, which works for privileged containers only.

    Attributes:
        item: the element of `volumes`.
        host, inside: its path on the host, and in the container.
    """

    item: Item
    host: str
    inside: str


def mounted_devices(container: Container, profile: Profile) -> list[Mounted]:
    """The mounted devices that can be passed by name as well: its image takes them so, and each is written out.

    No directories of links, such as /dev/serial/by-id: what is passed by name is the device itself.
    """
    taken = (*profile.devices, *profile.optional_devices)
    resolver = container.block.tree.resolver
    found: list[Mounted] = []
    for item in container.block.items("volumes"):
        text = None if item.unknown or item.conditions else resolver.literal(item.expr)
        host, _, rest = (text or "").partition(":")
        inside, _, options = rest.partition(":")
        known = host.startswith("/dev/") and host.startswith(tuple(taken)) and options in ("", "rw")
        if known and inside and _LINKS.fullmatch(host) is None and item.holder is not None:
            if item.expr.node.parent == item.holder.node:
                found.append(Mounted(item, host, inside))
    return found


_LINKS = re.compile(r"/dev/(?:serial|v4l|disk)(?:/by-[a-z]+)?/?")


def _passes(container: Container, word: str, prefixes: tuple[str, ...]) -> bool:
    gpu = container.gpu and word.removesuffix("s") in ("gpu", "nvidia")
    return gpu or any(device.startswith(prefixes) for device in container.devices)


def _comments(container: Container) -> Iterator[str]:
    for flag in container.privileged_flags:
        expr = flag.items[0].expr
        for comment in comments_of(expr.file, expr.node).all:
            yield comment_text(expr.file, comment).lstrip("# ")
    for slot in container.privileged_option:
        if slot.binding is not None:
            for comment in comments_of(slot.expr.file, slot.binding).all:
                yield comment_text(slot.expr.file, comment).lstrip("# ")
