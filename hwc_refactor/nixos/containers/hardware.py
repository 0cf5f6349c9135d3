"""Hardware that a comment beside the privileges of a container speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nixos.containers.container import Container


@cache
def hardware() -> Mapping[str, tuple[str, ...]]:
    """The words for hardware, each with prefixes of the devices that it can be (data/hardware.toml)."""
    import tomllib

    text = files("hwc_refactor.nixos").joinpath("data/hardware.toml").read_text(encoding="utf-8")
    return {str(word): tuple(prefixes) for word, prefixes in tomllib.loads(text)["words"].items()}


def meant_devices(container: Container) -> Iterator[tuple[str, str]]:
    """What the privileges are there for by their comments and is not passed by name: word and comment."""
    for comment in _comments(container):
        for word in re.findall(r"[a-z]+", comment.lower().replace("-", "")):
            prefixes = hardware().get(word) or hardware().get(word.removesuffix("s"))
            if prefixes is not None and not _passes(container, word, prefixes):
                yield word, comment


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
