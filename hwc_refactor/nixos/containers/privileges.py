"""What keeps a container from losing its privileges: one predicate for each reason, in the order they are told."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.hardware import meant_devices, mounted_devices
from hwc_refactor.nixos.containers.images import Image
from hwc_refactor.nixos.containers.needs import beyond, instead_of
from hwc_refactor.nixos.containers.profiles import Profile
from hwc_refactor.nixos.obstacles import Obstacle

_HARMLESS = ("/dev/shm", "/dev/log", "/dev/null")
"""Devices that any container may have as a volume."""


def obstacles(container: Container, image: Image | None, profile: Profile | None) -> Iterator[Obstacle]:
    """The reasons against it.

    Args:
        container: a container with privileges, or with more capabilities than its image asks for.
        image: its image; None where it is not in sight.
        profile: what its image needs without; None where that is not known.
    """
    yield from _decided_by_option(container)
    if image is None or not image.known:
        reason = "Its image cannot be told from the tree, so neither can what it needs."
        yield Obstacle("image-not-in-sight", reason)
        return
    if profile is None:
        yield _unknown(image)
        return
    yield from _privileges_needed(image, profile)
    yield from _stand_ins(container, profile)
    if container.privileged:
        yield from _devices_by_volume(container, profile)
        yield from _devices_not_named(container, profile)


def _decided_by_option(container: Container) -> Iterator[Obstacle]:
    for flag in container.privileged_flags:
        if flag.conditions:
            text = flag.conditions[-1].text
            reason = f"Whether it is privileged depends on '{text}', which is set elsewhere."
            yield Obstacle("set-by-option", reason, flag.items[0].expr)
    for slot in container.privileged_option:
        if not container.says_privileged(slot):
            text = slot.expr.text if not slot.conditions else slot.conditions[-1].text
            yield Obstacle("set-by-option", f"Whether it is privileged depends on '{text}'.", slot.expr)


def _unknown(image: Image) -> Obstacle:
    return Obstacle(
        "image-unknown",
        f"What {image.repository} needs without privileges is not known: look for capabilities and devices in"
        " its documentation and give them as an [[image]] profile in hwc-refactor.toml or with --profile.",
    )


def _privileges_needed(image: Image, profile: Profile) -> Iterator[Obstacle]:
    if profile.privileged_required:
        why = profile.privileged_why or "its documentation demands privileges."
        yield Obstacle("privileged-required", f"{image.repository} needs them: {why}")
    if profile.undecidable:
        yield Obstacle("needs-image-knowledge", profile.undecidable)


def _stand_ins(container: Container, profile: Profile) -> Iterator[Obstacle]:
    for name in beyond(container, profile):
        whole = instead_of().get(name)
        if whole is not None and container.drops(whole):
            reason = f"{name} does a part of what {whole} did, which is dropped: the program inside may live by it."
            yield Obstacle("needs-image-knowledge", reason)


def _devices_by_volume(container: Container, profile: Profile) -> Iterator[Obstacle]:
    movable = {device.item.expr.node for device in mounted_devices(container, profile)}
    for path, _, at in container.volumes():
        if path.startswith("/dev") and path not in _HARMLESS and at.node not in movable:
            yield Obstacle(
                "device-by-volume",
                f"{path} is passed as a volume, which works for privileged containers only;"
                " pass each device by name with --device first.",
                at,
            )


def _devices_not_named(container: Container, profile: Profile) -> Iterator[Obstacle]:
    named = bool(mounted_devices(container, profile)) or container.passes_device(profile)
    if (profile.optional_devices or profile.needs_device) and not named:
        yield Obstacle(
            "device-not-named",
            f"The privileges may be how it reaches its hardware: name the devices it uses (such as"
            f" {', '.join(profile.optional_devices[:3]) or '--device'}) first.",
        )
    for word, comment in meant_devices(container):
        yield Obstacle(
            "device-not-named",
            f"The comment '{comment}' says that it is privileged for the sake of hardware ({word}) that is not passed"
            " by name: name that device first.",
        )
