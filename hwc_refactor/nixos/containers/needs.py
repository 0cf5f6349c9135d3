"""What a container still has to be given once its privileges are gone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.hardware import Mounted
from hwc_refactor.nixos.containers.profiles import Profile

LIMITS = ("memory", "memory-swap", "cpus", "pids-limit")
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Needs(Struct, frozen=True):
    """What is missing.

    Attributes:
        capabilities: bare names.
        devices: `host:container` pairs.
        flags: other flags that the image's documentation asks for (sysctls, security options).
        kernel_modules: to be loaded on the host.
        host_sysctls: kernel settings that a container on the host's network cannot have of its own.
        security: the no-new-privileges flag where it holds, else empty.
        notes: what a person must know.
    """

    capabilities: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    kernel_modules: tuple[str, ...] = ()
    host_sysctls: Mapping[str, str] | None = None
    security: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def with_devices(self, mounted: Sequence[Mounted]) -> Needs:
        """The same with devices that have been mounted as volumes."""
        named = {device.partition(":")[0] for device in self.devices}
        more = tuple(f"{one.host}:{one.inside}" for one in mounted if one.host not in named)
        return replace(self, devices=(*self.devices, *more))


@cache
def _capabilities() -> Mapping[str, Mapping[str, str]]:
    return table("capabilities.toml")


def broad_capabilities() -> Mapping[str, str]:
    """The capabilities that reach beyond a container, with what each allows (data/capabilities.toml)."""
    return _capabilities()["broad"]


def instead_of() -> Mapping[str, str]:
    """Broad capabilities that do a part of what one of the default set does, each with that one."""
    return _capabilities()["instead_of"]


def given_by() -> Mapping[str, str]:
    """The options that give capabilities to containers that NixOS' module does not make, each with its source."""
    return _capabilities()["given_by"]


@cache
def capability_names() -> frozenset[str]:
    """The names of all capabilities, without `CAP_`."""
    return frozenset(_capabilities()["all"]["names"].split())


def beyond(container: Container, profile: Profile | None) -> tuple[str, ...]:
    """The broad capabilities that are added although the image is not known to need them."""
    if not container.capabilities:
        return ()
    allowed = set() if profile is None else {*profile.capabilities, *profile.optional_capabilities}
    return tuple(name for name in sorted(container.capabilities - allowed) if name in broad_capabilities())


def needs_of(
    container: Container,
    profile: Profile,
    *,
    dropped: bool,
    backend: str,
    capabilities: tuple[str, ...] | None = None,
) -> Needs:
    """What the container lacks of what its image needs.

    Args:
        container: the container.
        profile: the needs of its image.
        dropped: whether `--privileged` or all capabilities go; only then the backend's own lack counts.
        backend: `podman` or `docker`.
        capabilities: what a documented diff prescribes instead of the profile's.
    """
    notes: list[str] = []
    wanted = profile.capabilities if capabilities is None else capabilities
    if backend == "podman" and profile.podman_capabilities:
        more = tuple(name for name in profile.podman_capabilities if name not in wanted)
        if capabilities is None and dropped:
            wanted = (*wanted, *more)
        elif more:
            notes.append(
                f"With podman, whose default set is smaller than Docker's, the image may also want"
                f" {' and '.join(more)}; add it when the log complains."
            )
    held = container.capabilities - {"ALL"}
    passed = {device.rstrip("/") for device in container.devices}
    devices = tuple(f"{device}:{device}" for device in profile.devices if device not in passed)
    flags = [f"--security-opt={opt}" for opt in profile.security_opts if not container.has_security(opt)]
    host_sysctls: dict[str, str] = {}
    for name, value in (profile.sysctls or {}).items():
        if any((flag.value or "").startswith(f"{name}=") for flag in container.flags_named("--sysctl")):
            continue
        if container.host_network:
            host_sysctls[name] = value
        else:
            flags.append(f"--sysctl={name}={value}")
    if profile.requires:
        present = {flag.name for flag in container.flags}
        missing = [flag for flag in profile.requires if flag.partition("=")[0] not in present]
        if missing:
            notes.append(f"The documentation of the image also asks for {', '.join(missing)}.")
    security: tuple[str, ...] = ()
    if not container.says_no_new_privileges:
        if profile.no_new_privileges:
            security = ("--security-opt=no-new-privileges:true",)
        elif profile.no_new_privileges_why:
            notes.append(f"no-new-privileges is left off: {profile.no_new_privileges_why.rstrip('.')}.")
    if profile.note:
        notes.append(profile.note)
    return Needs(
        tuple(name for name in wanted if name not in held),
        devices,
        tuple(flags),
        profile.kernel_modules if dropped or "SYS_MODULE" in held else (),
        host_sysctls,
        security,
        tuple(notes),
    )


def limits_to_add(container: Container, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """The limit flags to add: what is wanted and not there; a limit that is there stays as it is.

    `--memory-swap` is the sum of memory and swap, so podman and docker refuse one below `--memory`
    (podman-run(1)): it is left out where a memory limit that is there would exceed it, or is not known.
    """
    present = container.limits
    missing = {name: wanted[name] for name in LIMITS if name in wanted and name not in present}
    swap = missing.get("memory-swap")
    if swap is not None:
        memory = size(present["memory"] or "") if "memory" in present else size(missing.get("memory", "0"))
        total = size(swap)
        if memory is None or total is None or (total >= 0 and total < memory):
            del missing["memory-swap"]
    return tuple(f"--{name}={value}" for name, value in missing.items())


def size(text: str) -> int | None:
    """A size in bytes, `512m` or `-1`; None when it is not known."""
    match = re.fullmatch(r"(-?\d+)([bkmg]?)b?", text.strip().lower())
    return None if match is None else int(match[1]) * _UNITS[match[2]]
