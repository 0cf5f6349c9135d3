"""Limits and privileges of a container that the shared module declares, in the words of the module."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nixos.containers.declared import Declared
from hwc_refactor.nixos.containers.terms import RESOURCES, limit_source
from hwc_refactor.rewriting.draft import Draft


def bound(draft: Draft, container: Declared, limits: Sequence[str], heading: str = "") -> None:
    """Say limits, given as flags, below `resources`.

    Memory and swap together may not be less than the memory, so the module's own sum does not stay beside
    another memory.
    """
    values = {RESOURCES[name]: limit_source(name, value) for name, value in map(_parted, limits)}
    if "memory" in values and "memorySwap" not in values and "memory-swap" not in container.limits:
        values["memorySwap"] = "null"
    bindings = [Snippet(f"{name} = {values[name]};") for name in RESOURCES.values() if name in values]
    block = container.block
    if not bindings:
        return
    if block.get("resources"):
        draft.add(block, ("resources",), bindings)
    elif len(bindings) == 1:
        draft.add(block, (), [Snippet(f"resources.{bindings[0].text}", (heading,) if heading else ())])
    else:
        lines = "\n".join(("resources = {", *(f"  {binding.text}" for binding in bindings), "};"))
        draft.add(block, (), [Snippet(lines, (heading,) if heading else ())])


def forbid_new_privileges(draft: Draft, container: Declared) -> None:
    """Leave it to the module to keep the container's programs from gaining privileges."""
    for slot in container.allows_new_privileges:
        draft.remove_binding(container.block, slot)


def _parted(flag: str) -> tuple[str, str]:
    name, _, value = flag.removeprefix("--").partition("=")
    return name, value
