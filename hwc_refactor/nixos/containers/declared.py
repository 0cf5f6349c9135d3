"""A container that is declared with the shared module, read as one of NixOS' own."""

from __future__ import annotations

from functools import cached_property

from hwc_refactor.nix.values import Expr, Gap, Scalar, Slot, Str, Text
from hwc_refactor.nixos.block import HWC_CONTAINER, Block
from hwc_refactor.nixos.containers.container import Container, ImageSource
from hwc_refactor.nixos.containers.images import plain_value
from hwc_refactor.nixos.containers.plain_values import is_false
from hwc_refactor.nixos.containers.terms import RESOURCES


class Declared(Container, frozen=True, dict=True):
    """A reading of `services.hwc.container.<name>`: what the module has a word for is not given by a flag."""

    @cached_property
    def privileged_option(self) -> tuple[Slot, ...]:
        """What is passed on as `settings.privileged`."""
        return self.switches("settings", "privileged")

    @cached_property
    def limits(self) -> dict[str, str | None]:
        """The limits that are said, by the names of their flags; what the module adds of itself is not said."""
        said = super().limits
        for flag, name in RESOURCES.items():
            if self.block.get("resources", name):
                value = self.block.value("resources", name)
                said[flag] = value.literal if isinstance(value, Str) else None
        return said

    @property
    def allows_new_privileges(self) -> tuple[Slot, ...]:
        """Where it is said, once and for all cases, that its programs may gain privileges."""
        slots = self.block.get("noNewPrivileges")
        return slots if len(slots) == 1 and is_false(self.block, slots[0].expr) else ()

    @property
    def says_no_new_privileges(self) -> bool:
        """The module sees to it, unless it is told not to."""
        return not self.allows_new_privileges

    @property
    def gpu(self) -> bool:
        """Whether a GPU is passed, or may be."""
        slots = self.block.get("gpu", "enable")
        return super().gpu or any(not is_false(self.block, slot.expr) for slot in slots)

    @property
    def host_network(self) -> bool:
        """Whether it shares the host's network."""
        return self.block.text("networkMode") == "host" or super().host_network

    def volumes(self) -> list[tuple[str, str, Expr]]:
        """Its volumes, the paired ones by the path of the host."""
        found = super().volumes()
        for name in self.block.names("volumes"):
            for slot in self.block.get("volumes", name):
                value = self.block.tree.resolver.value(slot.expr)
                if isinstance(value, Str):
                    parts = value.shown.split(":")
                    found.append((parts[0], parts[2] if len(parts) > 2 else "", slot.expr))
        return found

    @cached_property
    def image_source(self) -> ImageSource | None:
        """Where its image comes from, with the tag that stands beside it."""
        source = super().image_source
        slots = self.block.get("imageTag")
        if source is None or not slots:
            return source
        resolver = self.block.tree.resolver
        value = plain_value(resolver, slots[0].expr)
        if len(slots) == 1 and isinstance(value, Scalar) and value.value is None:
            return source
        at, image = slots[0].expr, source.slot.expr
        known = (Gap(resolver.value(image), image),) if source.value is None else source.value.parts
        tag = value.parts if len(slots) == 1 and isinstance(value, Str) else (Gap(value, at),)
        whole = Str((*known, Text(":", at), *tag), image)
        return ImageSource(source.slot, whole, source.option, source.declared)


def container_of(block: Block) -> Container:
    """A reading of a container in whichever way it is declared."""
    return Declared(block) if block.kind is HWC_CONTAINER else Container(block)
