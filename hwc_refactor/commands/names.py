"""Names on the command line that nothing here has: most likely a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from hwc_refactor.near import nearest
from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER, HWC_MONITOR, SERVICE, USER_SERVICE
from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.project import Project
from hwc_refactor.report.lines import Line


def unmet_pins(pins: Sequence[str], project: Project) -> Iterator[Line]:
    """A warning for each `NAME=TAG` whose name is neither that of a container nor of an image."""
    names = _images(project) if pins else set()
    for pin in pins:
        name = pin.rpartition("=")[0]
        if name not in names:
            yield _warning(f"--pin {pin}: there is no container or image '{name}' here", name, names)


def unmet_globs(only: Sequence[str], seen: Iterable[str], project: Project) -> Iterator[Line]:
    """A warning for each glob of `--only` that is the name of no service or container.

    Args:
        only: the globs.
        seen: names that were met anyway; what fits one of these is not looked for.
        project: where to look for the others.
    """
    met = frozenset(seen)
    left = [glob for glob in only if not _fits(glob, met)]
    names = _objects(project) if left else set()
    for glob in left:
        if not _fits(glob, names):
            yield _warning(f"--only {glob}: there is no service or container '{glob}' here", glob, names)


def _fits(glob: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in names)


def _warning(text: str, name: str, names: Iterable[str]) -> Line:
    near = nearest(name, names)
    meant = f"; did you mean '{near}'?" if near else ""
    return Line(f"warning: {text}{meant}", "warning", wrap=False)


def _objects(project: Project) -> set[str]:
    tree = Tree(project.texts, companions=project.companion)
    kinds = (SERVICE, USER_SERVICE, CONTAINER, HWC_CONTAINER, HWC_MONITOR)
    return {block.name for kind in kinds for block in objects(tree, kind)}


def _images(project: Project) -> set[str]:
    tree = Tree(project.texts, companions=project.companion)
    found: set[str] = set()
    for block in (*objects(tree, CONTAINER), *objects(tree, HWC_CONTAINER)):
        image = container_of(block).image
        found |= {block.name} if image is None else {block.name, image.repository, image.plain}
    return found
