"""Which services and containers a configuration makes, and the rights they run with as far as it says."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nix.values import Scalar
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.sandbox.exposure import exposure
from hwc_refactor.nixos.sandbox.hardening import sandboxing
from hwc_refactor.nixos.units.booleans import switched
from hwc_refactor.nixos.users.named import user_named
from hwc_refactor.nixos.wrappers import unwrapped

ROOT, DYNAMIC, USER, UNKNOWN = "root", "dynamic", "user", "unknown"
"""As whom a service runs. Without `User=` the manager of the system runs it as root, systemd.exec(5)."""


class Service(Struct, frozen=True):
    """A system service that the configuration makes.

    Attributes:
        runs_as: `root`, `dynamic`, `user`, or `unknown` where that is not in sight.
        hardened: whether it has any sandboxing directive; None where that is not in sight.
        exposure: how exposed it is at the most, from 0 to 10; None where too little is in sight.
    """

    name: str
    file: str
    line: int
    runs_as: str
    hardened: bool | None
    exposure: float | None


class Unit(Struct, frozen=True):
    """A container or user service that the configuration makes; `privileged` is for containers."""

    name: str
    file: str
    line: int
    privileged: bool = False


class Inventory(Struct, frozen=True):
    """What a configuration makes, in the order of files and lines."""

    services: tuple[Service, ...] = ()
    containers: tuple[Unit, ...] = ()
    user_services: tuple[Unit, ...] = ()


def service(block: Block) -> Service:
    """What is said of a service."""
    return Service(block.name, block.file, block.line, runs_as(block), hardened(block), exposure(block))


def container(block: Block) -> Unit:
    """What is said of a container."""
    return Unit(block.name, block.file, block.line, Container(block).privileged)


def user_service(block: Block) -> Unit:
    """What is said of a user service."""
    return Unit(block.name, block.file, block.line)


def runs_as(block: Block) -> str:
    """As whom a service runs."""
    dynamic = block.value("serviceConfig", "DynamicUser")
    if switched(block, "serviceConfig", "DynamicUser"):
        return DYNAMIC
    if block.get("serviceConfig", "User"):
        user = _said(block, "User")
        return UNKNOWN if user is None else ROOT if user in ("root", "0") else USER
    open_ = dynamic is not None and not isinstance(dynamic, Scalar)
    return UNKNOWN if open_ or block.doubts("serviceConfig") else ROOT


def _said(block: Block, name: str) -> str | None:
    """The user that a directive is set to, once and whatever holds, `mkDefault` and the like taken off."""
    slots = [slot for slot in block.get("serviceConfig", name) if not slot.rest]
    if len(slots) != 1 or slots[0].conditions:
        return None
    inner = unwrapped(block.tree, slots[0].expr)
    return None if inner.conditions else user_named(block.tree, inner.expr)


def hardened(block: Block) -> bool | None:
    """Whether a service has any of the sandboxing directives of the catalogue."""
    if set(sandboxing()) & set(block.names("serviceConfig")):
        return True
    return None if block.doubts("serviceConfig") else False
