"""The rights that a service keeps when it no longer runs as root: groups, capabilities."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nixos.scripts.ports import FIRST_FREE_PORT, listened
from hwc_refactor.nixos.users.candidate import Candidate


class Rights(Struct, frozen=True):
    """What a service keeps.

    Attributes:
        groups: supplementary groups.
        capabilities: ambient capabilities.
        notes: what is to be said about them.
    """

    groups: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rights_of(one: Candidate) -> Rights:
    """What a service needs beyond what everybody may."""
    groups: dict[str, None] = {}
    capabilities: dict[str, None] = {}
    notes: list[str] = []
    for ran in one.ran:
        if ran.effective is not None:
            groups.update(dict.fromkeys(ran.effective.groups))
        if "raw-network" in ran.needs:
            capabilities["CAP_NET_RAW"] = None
        if "listens" in ran.needs:
            ports = listened(one.block.tree, ran)
            if any(port is not None and port < FIRST_FREE_PORT for port in ports):
                capabilities["CAP_NET_BIND_SERVICE"] = None
            elif None in ports or "low-port" in ran.needs:
                capabilities["CAP_NET_BIND_SERVICE"] = None
                notes.append(
                    f"The port that {ran.name} listens on is not in sight: above 1023 it needs no"
                    " AmbientCapabilities."
                )
    if groups:
        notes.append(f"It becomes a member of {', '.join(groups)} for what it reads there.")
    return Rights(tuple(groups), tuple(capabilities), tuple(notes))
