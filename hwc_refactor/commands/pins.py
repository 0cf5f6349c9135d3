"""Versions that the command line names, and for which there is nothing: most likely a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.objects import CONTAINER, HWC_CONTAINER, objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.project import Project
from hwc_refactor.report.lines import Line


def unmet(pins: Sequence[str], project: Project) -> Iterator[Line]:
    """A warning for each `NAME=TAG` whose name is neither that of a container nor of an image."""
    names = _names(project) if pins else set()
    for pin in pins:
        name = pin.rpartition("=")[0]
        if name not in names:
            near = get_close_matches(name, sorted(names), 1)
            meant = f"; did you mean '{near[0]}'?" if near else ""
            text = f"warning: --pin {pin}: there is no container or image '{name}' here{meant}"
            yield Line(text, "warning", wrap=False)


def _names(project: Project) -> set[str]:
    tree = Tree(project.texts, companions=project.companion)
    found: set[str] = set()
    for block in (*objects(tree, CONTAINER), *objects(tree, HWC_CONTAINER)):
        image = container_of(block).image
        found |= {block.name} if image is None else {block.name, image.repository, image.plain}
    return found
