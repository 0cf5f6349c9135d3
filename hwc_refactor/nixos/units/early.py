"""Services that are started before the system has set up its places for temporary files."""

from __future__ import annotations

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.units.booleans import switched
from hwc_refactor.nixos.units.standins import unit_data


def comes_early(block: Block) -> bool:
    """Whether a service may be started before systemd-tmpfiles-setup.service has run.

    A directory for temporary files of its own orders a service behind that unit (systemd.exec(5), PrivateTmp=),
    which would be a cycle for one that others before it wait for. Services come behind it by default
    (systemd.service(5), "Default Dependencies").
    """
    if not block.get("unitConfig", "DefaultDependencies") or switched(
        block, "unitConfig", "DefaultDependencies"
    ):
        return False
    return not set(unit_data()["late"]["units"].split()) & set(block.texts("after"))
