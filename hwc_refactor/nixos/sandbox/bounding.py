"""Which capabilities a service needs at the most: what its `CapabilityBoundingSet` has to hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache

from msgspec import Struct

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.sandbox.trait import Trait, confined, writes
from hwc_refactor.nixos.sandbox.traits import traits
from hwc_refactor.nixos.scripts.doings import Facts, Ran
from hwc_refactor.nixos.scripts.facts import facts

_OF_TRAITS = {
    "root-user": ("CAP_DAC_OVERRIDE", "CAP_FOWNER"),
    "owner": ("CAP_CHOWN", "CAP_FSETID"),
    "setgid": ("CAP_FSETID",),
    "kernel-log": ("CAP_SYSLOG",),
    "raw-network": ("CAP_NET_RAW",),
    "low-port": ("CAP_NET_BIND_SERVICE",),
    "processes": ("CAP_KILL", "CAP_SYS_PTRACE"),
    "realtime": ("CAP_SYS_NICE",),
    "clock": ("CAP_SYS_TIME",),
    "hostname": ("CAP_SYS_ADMIN",),
}
"""What some needs of a service of root are as capabilities (capabilities(7))."""

_KERNEL = ("/sys/", "/proc/")


class Bounding(Struct, frozen=True):
    """The capabilities that a service needs.

    Attributes:
        names: them, `CAP_CHOWN`; None when it may be any.
        reason: why these, or why any, in words for the user.
    """

    names: tuple[str, ...] | None
    reason: str


def bounding(blocks: Sequence[Block]) -> Bounding:
    """The capabilities that services need which one expression makes, at the most."""
    found = [_of(block, traits(block)) for block in blocks]
    if (open_ := next((one for one in found if one.names is None), None)) is not None:
        return open_
    first = max(found, key=lambda one: len(one.names or ()))
    return Bounding(tuple(dict.fromkeys(name for one in found for name in one.names or ())), first.reason)


def _of(block: Block, known: Mapping[str, Trait]) -> Bounding:
    if block.get("serviceConfig", "AmbientCapabilities"):
        given = _given(block)
        if "root-user" not in known or given.names is None:
            return given
        return Bounding(None, "it runs as root, and is given capabilities beside that")
    if "root-user" not in known:
        return Bounding((), "it runs without root's rights and needs no capability")
    asked = dict.fromkeys(name for need, names in _OF_TRAITS.items() if need in known for name in names)
    for what, names in _asked(facts(block)):
        if names is None:
            return Bounding(None, str(what))
        asked.update(dict.fromkeys(names))
    return Bounding(tuple(asked), "as root it reads and writes files of all owners; it needs no more")


def _given(block: Block) -> Bounding:
    """The capabilities of a service that is given some."""
    items = block.items("serviceConfig", "AmbientCapabilities")
    known = [text for item in items if (text := block.tree.resolver.literal(item.expr))]
    single = block.text("serviceConfig", "AmbientCapabilities")
    names = known or (single.split() if single else [])
    if not names or len(names) < len(items):
        return Bounding(None, "the capabilities it is given are not in sight")
    return Bounding(tuple(names), f"it is given {', '.join(names)} and needs no more")


def _asked(known: Facts) -> Iterator[tuple[Trait, tuple[str, ...] | None]]:
    """What a service of root does with more of root's rights, and the capabilities it takes; None for any."""
    for ran in confined(known):
        effective = ran.effective
        if effective is None or not effective.needs & {"root", "tunables"} or "account" in effective.needs:
            continue
        yield Trait(f"{effective.why or 'needs root'} ({ran.name})", ran.line), _named(ran)
    for use in writes(known):
        if use.place.text.startswith(_KERNEL):
            yield Trait(f"writes to {use.place.text}", use.line), kernel_capabilities(use.place.text)


def _named(ran: Ran) -> tuple[str, ...] | None:
    """The capabilities that a command takes; None where it may be any."""
    effective = ran.effective
    if effective is None or not effective.capabilities:
        return None
    open_ = any(word.text in effective.open_with for word in ran.words)
    return None if open_ else effective.capabilities


def kernel_capabilities(path: str) -> tuple[str, ...] | None:
    """The capabilities that writing a file of the kernel takes beside root's account; None for any."""
    return next((names for pattern, names in _places().items() if fnmatchcase(path, pattern)), None)


@cache
def _places() -> Mapping[str, tuple[str, ...]]:
    return {
        name: tuple(entry["capabilities"].split())
        for entry in table("kernel.toml")["group"]
        for name in entry["names"].split()
    }
