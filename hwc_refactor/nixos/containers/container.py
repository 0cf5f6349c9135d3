"""What a container is given: image, privileges, capabilities, devices, limits, by option or by flag."""

from __future__ import annotations

import re
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.values import Expr, Gap, Item, Ref, Scalar, Slot, Str, Text
from hwc_refactor.nixos.block import CONTAINER, Block
from hwc_refactor.nixos.containers.flags import Flag, capability, read_flags
from hwc_refactor.nixos.containers.images import GAP, Image, gaps_of, image_of, parse_image, plain_value
from hwc_refactor.nixos.containers.profiles import Profile
from hwc_refactor.nixos.discover import definitions
from hwc_refactor.nixos.options import OptionDeclaration, declarations
from hwc_refactor.nixos.tree import Tree


class ImageSource(Struct, frozen=True):
    """Where a container's image comes from.

    Attributes:
        slot: the definition of `image`.
        value: the string it amounts to, an option's default included; None when it is not known.
        option: the path of the option it is read from, None when it is written out.
        declared: the declarations of that option in the tree.
    """

    slot: Slot
    value: Str | None
    option: tuple[str, ...] | None = None
    declared: tuple[OptionDeclaration, ...] = ()

    @property
    def image(self) -> Image | None:
        """The reference, None when it is not known."""
        return None if self.value is None else image_of(self.value)


class Container(Struct, frozen=True, dict=True):
    """A reading of a container block."""

    block: Block

    @cached_property
    def _read(self) -> tuple[list[Flag], list[Item]]:
        return read_flags(self.block.tree.resolver, self.block.items("extraOptions"))

    @property
    def flags(self) -> list[Flag]:
        """The flags in `extraOptions` (and `preRunExtraOptions` never matters here), in order."""
        return self._read[0]

    @property
    def unread(self) -> list[Item]:
        """Elements of `extraOptions` that cannot be read."""
        return self._read[1]

    def flags_named(self, *names: str) -> list[Flag]:
        """The flags of these names."""
        return [flag for flag in self.flags if flag.name in names]

    @cached_property
    def privileged_option(self) -> tuple[Slot, ...]:
        """The definitions of the option `privileged` that switch it on, or may."""
        return self.switches("privileged")

    def switches(self, *path: str) -> tuple[Slot, ...]:
        """The definitions of an option that switch it on, or may."""
        resolver = self.block.tree.resolver
        return tuple(
            slot
            for slot in self.block.get(*path)
            if not slot.rest and not _is_scalar(plain_value(resolver, slot.expr), False)
        )

    @property
    def privileged_flags(self) -> list[Flag]:
        """The `--privileged` flags that switch it on."""
        return [flag for flag in self.flags_named("--privileged") if flag.on]

    @property
    def privileged(self) -> bool:
        """Whether it is privileged, or may be."""
        return bool(self.privileged_flags or self.privileged_option)

    @cached_property
    def elsewhere(self) -> Container | None:
        """What files add to it that do not make it."""
        if not self.block.elsewhere:
            return None
        return replace(self, block=replace(self.block, slots=self.block.elsewhere, elsewhere=()))

    def says_privileged(self, slot: Slot) -> bool:
        """Whether a definition of `privileged` is a plain, unconditional `true`."""
        return not slot.conditions and _is_scalar(plain_value(self.block.tree.resolver, slot.expr), True)

    def passes_device(self, profile: Profile) -> bool:
        """Whether hardware that an image may use is passed by name."""
        return self.gpu or any(
            device.startswith(prefix) for device in self.devices for prefix in profile.optional_devices
        )

    @property
    def typed(self) -> bool:
        """Whether capabilities, devices or privileges are given by options rather than by flags."""
        return any(self.block.get(name) for name in ("capabilities", "devices", "privileged"))

    @cached_property
    def capability_flags(self) -> list[tuple[Flag, tuple[str, ...]]]:
        """The `--cap-add` flags with the capabilities each one adds."""
        return [
            (flag, tuple(capability(name) for name in flag.value.split(",") if name.strip()))
            for flag in self.flags_named("--cap-add")
            if flag.value is not None and flag.literal
        ]

    @cached_property
    def capability_options(self) -> dict[str, Slot]:
        """The capabilities that the option `capabilities` adds, each with its definition."""
        return self._capability_options(True)

    def drops(self, name: str) -> bool:
        """Whether a capability of the default set is taken away, by its own name or with all of them."""
        flags = self.flags_named("--cap-drop")
        gone = {capability(each) for flag in flags for each in (flag.value or "").split(",")}
        gone.update(self._capability_options(False))
        return name not in self.capabilities and not gone.isdisjoint((name, "ALL"))

    def _capability_options(self, given: bool) -> dict[str, Slot]:
        """What the option `capabilities` says of them, those that it adds or those that it drops."""
        resolver = self.block.tree.resolver
        slots = self.block.get("capabilities")
        view = resolver.step(slots) if slots else None
        if view is None:
            return {}
        return {
            capability(name): found[0]
            for name, found in view.slots.items()
            if _is_scalar(plain_value(resolver, found[0].expr), given)
        }

    @property
    def capabilities(self) -> set[str]:
        """All capabilities that are added."""
        return {name for _, names in self.capability_flags for name in names} | set(self.capability_options)

    @cached_property
    def devices(self) -> set[str]:
        """The host's devices that are passed by name, and CDI devices; open pieces as `${…}`."""
        shown = {flag.value.split(":")[0] for flag in self.flags_named("--device") if flag.value is not None}
        for item in self.block.items("devices"):
            value = None if item.unknown else self.block.tree.resolver.value(item.expr)
            if isinstance(value, Str):
                shown.add(value.shown.split(":")[0])
        return shown

    @cached_property
    def limits(self) -> dict[str, str | None]:
        """The limits it has, by the names of their flags without dashes; None where one is not known."""
        return {flag.name.removeprefix("--"): flag.value for flag in self.flags}

    @property
    def says_no_new_privileges(self) -> bool:
        """Whether it is said that its programs may not gain privileges, or that they may."""
        return self.has_security("no-new-privileges")

    def has_security(self, option: str) -> bool:
        """Whether a security option is given, be it with another value."""
        head = re.split(r"[=:]", option)[0]
        return any((flag.value or "").startswith(head) for flag in self.flags_named("--security-opt"))

    @property
    def gpu(self) -> bool:
        """Whether a GPU is passed by `--gpus`, by CDI or by the runtime of NVIDIA."""
        by_runtime = any(flag.value == "nvidia" for flag in self.flags_named("--runtime"))
        cdi = any(device.startswith(("nvidia.com/gpu", "amd.com/gpu")) for device in self.devices)
        return bool(self.flags_named("--gpus")) or by_runtime or cdi

    def volumes(self) -> list[tuple[str, str, Expr]]:
        """Host path, options behind the second colon, and place of each volume whose text is known."""
        found: list[tuple[str, str, Expr]] = []
        for item in self.block.items("volumes"):
            value = None if item.unknown else self.block.tree.resolver.value(item.expr)
            if isinstance(value, Str):
                parts = value.shown.split(":")
                found.append((parts[0], parts[2] if len(parts) > 2 else "", item.expr))
        for flag in self.flags_named("--volume", "--mount"):
            parts = (flag.value or "").split(":")
            found.append((parts[0], parts[2] if len(parts) > 2 else "", flag.items[0].expr))
        return found

    @property
    def host_network(self) -> bool:
        """Whether the container shares the host's network."""
        return any(flag.value == "host" for flag in self.flags_named("--network"))

    @cached_property
    def image_source(self) -> ImageSource | None:
        """Where the image comes from, None when no definition of it is in sight."""
        slots = [slot for slot in self.block.get("image") if not slot.rest]
        if len(slots) != 1:
            return None
        resolver = self.block.tree.resolver
        value = plain_value(resolver, slots[0].expr)
        if isinstance(value, Str) and len(value.parts) == 1 and isinstance(value.parts[0], Gap):
            value = value.parts[0].value
        if isinstance(value, Str):
            return ImageSource(slots[0], value)
        if isinstance(value, Ref) and value.path[0] == "config" and len(value.path) > 1:
            option = value.path[1:]
            declared = tuple(declarations(self.block.tree, option))
            return ImageSource(slots[0], self._default(option), option, declared)
        return ImageSource(slots[0], None)

    @cached_property
    def image(self) -> Image | None:
        """Its image, with the defaults of the options that it is put together from; None when it is not known."""
        source = self.image_source
        if source is None or source.value is None:
            return None
        return parse_image("".join(map(self._part, source.value.parts)))

    @property
    def tag_option(self) -> tuple[str, ...] | None:
        """The option that is the tag of its image, and nothing else; None where there is none."""
        value = None if self.image_source is None else self.image_source.value
        if value is None or image_of(value).tag != GAP:
            return None
        return _option(gaps_of(value)[-1])

    def _part(self, part: Text | Gap) -> str:
        option = None if isinstance(part, Text) else _option(part)
        default = None if option is None else self._default(option)
        return part.text if isinstance(part, Text) else (default and default.literal) or GAP

    def _default(self, option: tuple[str, ...]) -> Str | None:
        """The default of an option that is declared once, where it is a string."""
        declared = declarations(self.block.tree, option)
        default = declared[0].default if len(declared) == 1 else None
        value = None if default is None else self.block.tree.resolver.value(default)
        return value if isinstance(value, Str) else None


def _option(gap: Gap) -> tuple[str, ...] | None:
    """The option of the configuration that stands in a string."""
    value = gap.value
    return value.path[1:] if isinstance(value, Ref) and value.path[0] == "config" and value.path[1:] else None


def backend(tree: Tree) -> str:
    """The container backend of the configuration: `docker` where that is all it says, else `podman`.

    Since stateVersion 22.05 NixOS defaults to podman (virtualisation.oci-containers.backend).
    """
    known = tree.memo.get("backend")
    if not isinstance(known, str):
        found = definitions(tree, CONTAINER.parent, CONTAINER.word, (), ("backend",))
        values = [plain_value(tree.resolver, each.slot.expr) for each in found if each.name == "backend"]
        said = {value.literal if isinstance(value, Str) else None for value in values}
        known = tree.memo["backend"] = "docker" if said == {"docker"} else "podman"
    return known


def _is_scalar(value: object, wanted: bool) -> bool:
    return isinstance(value, Scalar) and value.value is wanted
