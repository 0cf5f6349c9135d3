"""The catalogue of sandboxing directives, and what it says of one service.

The facts stand in `data/hardening.toml`, each with its source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Scalar
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.paths.writable import can_be_named, common
from hwc_refactor.nixos.sandbox.bounding import bounding
from hwc_refactor.nixos.sandbox.trait import Trait, confined
from hwc_refactor.nixos.sandbox.traits import traits
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.units.booleans import switched

Level = Literal["documented", "strict"]
OutOfSight = Literal["never", "no-root", "review"]


class Directive(Struct, frozen=True):
    """One directive of the catalogue.

    Attributes:
        name: as systemd spells it.
        value: Nix source text; empty where it is worked out for each service.
        level: from which level on it is written: `documented`, `strict`; `proven` for those that come with the
            documented baseline where nothing that a service runs could miss them; `recipe` for those that only
            a documented diff asks for.
        does, breaks: what it does and what it takes away, in words for the user.
        against: the traits that speak against it.
        out_of_sight: what it is for a program whose needs are not known.
        implied_by: settings that bring it along.
        no_new_privileges: whether it brings NoNewPrivileges along for a user without CAP_SYS_ADMIN.
        mounts: whether it gives the unit a mount namespace of its own.
        since: the version of systemd that brought it, 0 when that is not known.
        source: where that is said.
    """

    name: str
    value: str
    level: str
    does: str
    breaks: str
    against: frozenset[str]
    out_of_sight: OutOfSight
    implied_by: tuple[str, ...]
    no_new_privileges: bool
    mounts: bool
    since: int
    source: str


@cache
def directives() -> Mapping[str, Directive]:
    """The directives by name, in the order in which they are written."""
    return {
        name: Directive(
            name,
            entry.get("value", ""),
            entry["level"],
            entry["does"],
            entry["breaks"],
            frozenset(entry.get("against", ())),
            entry.get("out-of-sight", "never"),
            tuple(entry.get("implied-by", ())),
            entry.get("no-new-privileges", False),
            entry.get("mounts", False),
            entry.get("since", 0),
            entry["source"],
        )
        for name, entry in table("hardening.toml").items()
    }


def sandboxing() -> Iterator[str]:
    """The names of the directives that sandbox."""
    return (name for name, directive in directives().items() if directive.level != "recipe")


class Verdict(Struct, frozen=True):
    """What the catalogue says of one directive for one service.

    Attributes:
        directive: which one.
        settings: what to write: names and values (Nix source text); empty when it is left out.
        reason: why it is written, or what speaks against it, in words for the user.
        review: whether somebody should look, since something the service runs is not known.
        there: whether the service has it already, or something that brings it along.
        weaker: the value that is there, when it is weaker than what the catalogue has.
    """

    directive: Directive
    settings: tuple[tuple[str, str], ...]
    reason: str
    review: bool = False
    there: bool = False
    weaker: str = ""


def verdicts(
    block: Block, level: Level, names: Collection[str] | None = None, along: Sequence[Block] = ()
) -> list[Verdict]:
    """What the catalogue says of a service, directive by directive.

    Args:
        block: the service.
        level: how far it goes.
        names: only these directives, whatever their level, when given: a documented diff asks for them. Those
            that another setting brings along are written out then, and a program that is not in sight gets
            them in full, for somebody to look at.
        along: services for which the same will hold, since one expression makes them all.
    """
    levels = {"documented", "proven"} if level == "documented" else {"documented", "proven", "strict"}
    wanted = [d for d in directives().values() if (d.level in levels if names is None else d.name in names)]
    blocks = (block, *along)
    known = {name: trait for one in reversed(blocks) for name, trait in traits(one).items()}
    found = [_verdict(blocks, known, directive, asked=names is not None) for directive in wanted]
    return _with_baseline(found) if names is None and level == "documented" else found


def _with_baseline(found: Sequence[Verdict]) -> list[Verdict]:
    """The baseline with what is proven beside it; a service that has the baseline already is left as it is."""
    baseline = [verdict for verdict in found if verdict.directive.level == "documented"]
    if not any(verdict.settings for verdict in baseline):
        return baseline
    return [verdict for verdict in found if verdict in baseline or not verdict.review]


def _verdict(
    blocks: Sequence[Block], known: Mapping[str, Trait], directive: Directive, *, asked: bool
) -> Verdict:
    present = [block for block in blocks if there(block, directive.name)]
    if len(present) == len(blocks):
        weaker = _weaker(blocks[0], directive)
        return Verdict(directive, (), "it is set already", there=True, weaker=weaker)
    if present:
        return Verdict(directive, (), f"it is set for {present[0].name} by itself")
    if not asked and all(
        any(switched(block, "serviceConfig", name) for name in directive.implied_by) for block in blocks
    ):
        bringing = next(name for name in directive.implied_by if switched(blocks[0], "serviceConfig", name))
        return Verdict(directive, (), f"{bringing} brings it along", there=True)
    speaking = set(directive.against)
    if directive.no_new_privileges and "static-user" in known:
        speaking.add("user")
    against = next((known[name] for name in sorted(speaking) if name in known), None)
    if against is not None:
        return Verdict(directive, (), str(against))
    settings, reason = _settings(blocks, directive, known)
    opaque = known.get("opaque")
    if opaque is None or not settings:
        return Verdict(directive, settings, reason)
    if (directive.out_of_sight == "never" and not asked) or "root-user" in known:
        return Verdict(directive, (), str(opaque))
    if asked and directive.value:
        return Verdict(directive, ((directive.name, directive.value),), reason, review=True)
    if directive.out_of_sight == "no-root" and "capabilities" not in known:
        return Verdict(directive, settings, "it runs without root's rights, and only root could miss it")
    return Verdict(directive, settings, directive.does, review=True)


def there(block: Block, name: str) -> bool | None:
    """Whether a service has a setting: in its own definitions or in those that other files add; else None."""
    if block.get("serviceConfig", name):
        return True
    for slot in block.elsewhere:
        view = block.tree.resolver.step((slot,))
        below = None if view is None else view.slots.get("serviceConfig")
        inner = None if below is None else block.tree.resolver.step(below)
        if inner is not None and name in inner.slots:
            return True
    return None


def temporary(block: Block, writes: Sequence[Verdict]) -> tuple[str, ...]:
    """The system's places for temporary files, where a service keeps using them.

    `ProtectSystem=strict` makes them read-only like everything else, and what a program puts there is seldom
    in sight: bash writes here-documents there, sort what it has no memory for (systemd.exec(5), ProtectSystem=).

    Args:
        block: the service.
        writes: what is written for it.
    """
    if any(verdict.directive.name == "PrivateTmp" for verdict in writes):
        return ()
    if block.text("serviceConfig", "PrivateTmp") == "disconnected" or any(
        switched(block, "serviceConfig", name) for name in ("PrivateTmp", "DynamicUser")
    ):
        return ()
    return ("-/tmp", "-/var/tmp") if "early" in traits(block) else ("/tmp", "/var/tmp")


def _temporary(block: Block, known: Mapping[str, Trait]) -> tuple[str, ...]:
    """Those of a service that has or gets no /tmp of its own, which goes by what is known of it."""
    private = directives()["PrivateTmp"]
    kept = there(block, private.name) or any(name in known for name in private.against)
    return temporary(block, ()) if kept else ()


def _weaker(block: Block, directive: Directive) -> str:
    """The value that is there when it is plainly weaker than what the catalogue has."""
    value = block.value("serviceConfig", directive.name)
    text = block.text("serviceConfig", directive.name)
    if isinstance(value, Scalar) and value.value is False:
        return "false"
    if directive.name == "ProtectSystem" and (text in ("full", "no", "false") or isinstance(value, Scalar)):
        return text or "true"
    if directive.name == "ProtectHome" and text in ("read-only", "tmpfs"):
        return text if text == "read-only" else ""
    return ""


def _settings(
    blocks: Sequence[Block], directive: Directive, known: Mapping[str, Trait]
) -> tuple[tuple[tuple[str, str], ...], str]:
    """What to write for a directive, and why."""
    reason = directive.does
    match directive.name:
        case "RestrictAddressFamilies":
            families = _families(known)
            return ((directive.name, _list(families)),), f"it uses no sockets but {', '.join(families)}"
        case "CapabilityBoundingSet":
            bound = bounding(blocks)
            if bound.names is None:
                return (), bound.reason
            return ((directive.name, _list(bound.names) if bound.names else '""'),), bound.reason
        case "IPAddressDeny":
            if "network" not in known:
                return ((directive.name, directive.value),), "it uses no network"
            return (
                ("IPAddressAllow", '"localhost"'),
                (directive.name, directive.value),
            ), "it speaks to its own host alone"
        case "SystemCallFilter":
            return _system_calls(known)
        case "ProtectSystem" if common(blocks) is None:
            return (), "where it writes depends on which of them it is"
        case "ProtectSystem" if not all(can_be_named(block, _temporary(block, known)) for block in blocks):
            return (), "its ReadWritePaths lack a place that it writes to"
        case "ProtectSystem" if "opaque" in known:
            return ((directive.name, '"full"'),), "the program itself and its settings are read-only"
    return ((directive.name, directive.value),), reason


def _families(known: Mapping[str, Trait]) -> list[str]:
    families = ["AF_UNIX"]
    open_ = bool(known.keys() & {"opaque", "code"})
    if open_ or known.keys() & {"network", "raw-network"}:
        families += ["AF_INET", "AF_INET6"]
    if open_ or "netlink" in known:
        families.append("AF_NETLINK")
    if "raw-network" in known:
        families.append("AF_PACKET")
    return families


_PRIVILEGED = frozenset({"owner", "root", "user", "writes-unknown", "netlink", "raw-network"})
"""What calls that only root needs are made for; ip(8) and ping(8) give capabilities up, and end where they may not
(iproute2's lib/utils.c, drop_cap; iputils' ping.c)."""

_PRIVILEGED_OF_ROOT = frozenset({"files", "home", "devices", "tunables", "peer", "dbus", "realtime"})
"""The same for root: programs with settings of their own may change owners, or become another user."""


_CALLS = {
    "modules": ("@module",),
    "clock": ("@clock",),
    "reboot": ("@reboot",),
    "kernel-log": ("syslog",),
    "hostname": ("sethostname", "setdomainname"),
    "raw-io": ("@raw-io",),
}
"""What some needs are as system calls that ordinary services do without (systemd-analyze syscall-filter)."""


def _system_calls(known: Mapping[str, Trait]) -> tuple[tuple[tuple[str, str], ...], str]:
    calls = [call for need, calls in _CALLS.items() if need in known for call in calls]
    groups = ["@system-service", *calls]
    privileged = _PRIVILEGED | (_PRIVILEGED_OF_ROOT if "root-user" in known else frozenset())
    if not calls and not known.keys() & privileged:
        groups.append("~@privileged")
    if "realtime" not in known:
        groups.append("~@resources")
    if "opaque" in known:
        groups = groups[:1]
    settings = (("SystemCallFilter", _list(groups)), ("SystemCallErrorNumber", '"EPERM"'))
    return settings, "it is an ordinary service: other system calls fail with EPERM"


def _list(texts: Collection[str]) -> str:
    return f"[ {' '.join(quote(text) for text in texts)} ]"


def facts_in_sight(block: Block) -> bool:
    """Whether all that a service runs is known."""
    known = facts(block)
    return "opaque" not in traits(block) and any(True for _ in confined(known))
