"""Containers that a service starts itself, with `docker run` or `podman run` in its script or command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.containers.strays import Stray
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree

if TYPE_CHECKING:
    from hwc_refactor.nixos.scripts.doings import Ran

FLAG = b"--privileged"
_IN_SHELL = re.compile(rb"[\s'\\]--privileged\b")
_ENGINES = ("docker", "podman", "nerdctl")
"""Programs that take `run` and `create` with the flags of docker-run(1)."""
_STARTING = ("run", "create")


def started_privileged(tree: Tree) -> Iterator[Stray]:
    """Each container that a service of the tree starts with all privileges."""
    shells = {path for path in tree.holding(FLAG) if _IN_SHELL.search(tree.data(path) or b"")}
    if not shells:
        return
    from hwc_refactor.nixos.scripts.facts import facts

    for block in objects(tree, SERVICE):
        if tree.linked(block.files).isdisjoint(shells):
            continue
        for ran in facts(block).ran:
            if starts_privileged(ran):
                path = ran.program.at.file.source.path if ran.script is None else ran.script.body.path
                why = (
                    f"'{block.name}' starts a container with '{ran.name} run --privileged': declare it below"
                    " virtualisation.oci-containers, or give it what it needs by name, with --cap-add and --device."
                )
                yield Stray(block.name, path, ran.line, why, kind="service")


def starts_privileged(ran: Ran) -> bool:
    """Whether a command starts a container with all privileges."""
    words = [place.text for place in ran.words]
    verb = next((place for place, word in enumerate(words) if word in _STARTING), len(words))
    return ran.name in _ENGINES and any(
        word in ("--privileged", "--privileged=true") for word in words[verb:]
    )
