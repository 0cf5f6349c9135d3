"""Services that are started before the system has set up its places for temporary files."""

from __future__ import annotations

from hwc_refactor.nix.values import Scalar, Str
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.units.standins import unit_data


def comes_early(block: Block) -> bool:
    """Whether a service may be started before systemd-tmpfiles-setup.service has run.

    A directory for temporary files of its own orders a service behind that unit (systemd.exec(5), PrivateTmp=),
    which would be a cycle for one that others before it wait for. Services come behind it by default
    (systemd.service(5), "Default Dependencies").
    """
    if not block.get("unitConfig", "DefaultDependencies"):
        return False
    value = block.value("unitConfig", "DefaultDependencies")
    by_default = (isinstance(value, Scalar) and value.value is True) or (
        isinstance(value, Str) and (value.literal or "").lower() in ("yes", "true", "on", "1")
    )
    return not by_default and not set(unit_data()["late"]["units"].split()) & set(block.texts("after"))
