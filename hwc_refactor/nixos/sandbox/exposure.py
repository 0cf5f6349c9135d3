"""How exposed a service is, worked out as `systemd-analyze security` does, without a process.

The figure runs from 0 (nothing left to take away) to 10. Weights and rules stand in `data/exposure.toml`
and `data/syscalls.toml`; a test holds the outcome against systemd itself. What is not known of a service
is counted as the worst that it can be, so the figure is an upper bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.units.booleans import FALSE, TRUE, boolean
from hwc_refactor.nixos.units.render import UnitFile, rendered

Settings = Mapping[str, Sequence[str]]
_MORE = """
    CapabilityBoundingSet RestrictNamespaces RestrictAddressFamilies SystemCallFilter DynamicUser RootImage
    IPAddressAllow IPIngressFilterPath IPEgressFilterPath DefaultDependencies
""".split()
"""Directives that count beside those which the table names by themselves."""
_UNPRIVILEGED_ONLY = ("SupplementaryGroups", "RemoveIPC")


def exposure(block: Block) -> float | None:
    """The exposure of a service at the most, from 0 to 10; None when too little of it is in sight.

    A user that is not known counts as root. Where more than that is open, no figure is given.
    """
    unit = rendered(block) if block.kind is SERVICE else None
    if unit is None or unit.unknown & _weighed():
        return None
    return unit_exposure(unit)


def unit_exposure(unit: UnitFile) -> float:
    """The exposure of a rendered unit at the most."""
    early = boolean(unit.setting("Unit", "DefaultDependencies")) is False
    service: dict[str, list[str]] = {}
    for name, value in unit.section("Service"):
        service.setdefault(name, []).append(value.replace("\\\n", " ").strip())
    return score(service, early=early, unknown=unit.unknown)


def score(service: Settings, *, early: bool = False, unknown: Collection[str] = ()) -> float:
    """The exposure of a `[Service]` section.

    Args:
        service: the values given to each directive, in order.
        early: whether the unit has no default dependencies.
        unknown: directives that are set to something that is not known.
    """
    weights, costs = 0, 0
    privileged = _runs_as_root(service, unknown)
    for part in _parts(service, frozenset(unknown), privileged):
        if (early and part.directive in _data()["early"]["exempt"]) or (
            privileged and part.directive in _UNPRIVILEGED_ONLY
        ):
            continue
        weights += part.weight
        costs += -(-part.badness * part.weight // part.range)
    return -(-costs * 100 // weights) / 10


class _Part(NamedTuple):
    """One thing that is weighed: how bad it is, out of `range`."""

    directive: str
    weight: int
    badness: int
    range: int = 1


def _parts(service: Settings, unknown: frozenset[str], privileged: bool) -> Iterable[_Part]:
    """Everything that is weighed: what a service does badly, and what that counts."""
    data, others = _data(), _data()["others"]
    dynamic = "DynamicUser" not in unknown and boolean(service.get("DynamicUser", ())) is True
    given = {name: values for name, values in service.items() if name not in unknown}
    flags = {name for name, values in given.items() if boolean(values)}
    if dynamic:
        flags.update(data["dynamic-user"]["flags"])
    for name, weight in data["flags"].items():
        yield _Part(name, weight, name not in flags)
    choices = {name: _choice(name, given.get(name, ())) for name in data["choices"]}
    if dynamic:
        choices.update(data["dynamic-user"]["choices"])
        for name, instead in data["dynamic-user"]["instead"].items():
            choices[name] = instead.get(choices[name], choices[name])
    for name, rule in data["choices"].items():
        certain = name not in unknown or (dynamic and name in data["dynamic-user"]["choices"])
        worst = rule["values"][choices[name]] if certain else max(rule["values"].values())
        if rule["weight"]:
            yield _Part(name, rule["weight"], worst, rule["range"])
    bounding = _capabilities(given.get("CapabilityBoundingSet", ()), full=True)
    bounding -= {
        f"CAP_{word}" for name in data["takes"].keys() & flags for word in data["takes"][name].split()
    }
    for group, weight in data["capabilities"].items():
        held = any(f"CAP_{word}" in bounding for word in group.split())
        yield _Part("CapabilityBoundingSet", weight, held)
    allowed = _namespaces(given.get("RestrictNamespaces", ()))
    for name, weight in data["namespaces"].items():
        yield _Part("RestrictNamespaces", weight, name in allowed)
    yield from _families(given.get("RestrictAddressFamilies", ()))
    yield from _calls(given.get("SystemCallFilter", ()))
    architectures = _listed(given.get("SystemCallArchitectures", ()), _ARCHITECTURES)
    native = 10 if not architectures else 0 if architectures == {"native"} else 8
    yield _Part("SystemCallArchitectures", others["SystemCallArchitectures"], native, 10)
    yield _Part("User", others["User"], _user(given, dynamic, privileged), 10)
    groups = _listed(given.get("SupplementaryGroups", ())) or "SupplementaryGroups" in unknown
    yield _Part("SupplementaryGroups", others["SupplementaryGroups"], bool(groups))
    yield _Part("RemoveIPC", others["RemoveIPC"], "RemoveIPC" not in flags)
    rooted = any(_last(given, name) not in ("", "/") for name in ("RootDirectory", "RootImage"))
    yield _Part("RootDirectory", others["RootDirectory"], not rooted)
    delegates = [value for value in given.get("Delegate", ()) if value.lower() not in FALSE]
    delegated = "Delegate" in unknown or bool(delegates and _last(given, "Delegate").lower() not in FALSE)
    yield _Part("Delegate", others["Delegate"], delegated)
    yield _Part("UMask", others["UMask"], 10 if "UMask" in unknown else _umask(given.get("UMask", ())), 10)
    yield _Part("IPAddressDeny", others["IPAddressDeny"], _addresses(given, unknown), 10)
    closed = choices["DevicePolicy"] != "auto" and "DevicePolicy" not in unknown
    devices = _devices(given, flags, closed) or "DeviceAllow" in unknown
    open_ = 10 if not (closed or "PrivateDevices" in flags) else 5 if devices else 0
    yield _Part("DeviceAllow", others["DeviceAllow"], open_, 10)
    ambient = _capabilities(given.get("AmbientCapabilities", ()), full=False)
    ambient_held = bool(ambient) or "AmbientCapabilities" in unknown
    yield _Part("AmbientCapabilities", others["AmbientCapabilities"], ambient_held)


def _runs_as_root(service: Settings, unknown: Collection[str]) -> bool:
    if "User" in unknown or _last(service, "User") in ("0", "root"):
        return True
    dynamic = "DynamicUser" not in unknown and boolean(service.get("DynamicUser", ())) is True
    return not dynamic and not _last(service, "User")


def _user(service: Settings, dynamic: bool, privileged: bool) -> int:
    if privileged:
        return 10
    return 9 if _last(service, "User") == "nobody" else 0


def _last(service: Settings, name: str) -> str:
    values = service.get(name, ())
    return values[-1] if values else ""


def _choice(name: str, values: Sequence[str]) -> str:
    """The value that counts: the last that is one."""
    rule = _data()["choices"][name]
    for value in reversed(values):
        if value in rule["values"]:
            return str(value)
        word = "yes" if value.lower() in TRUE else "no" if value.lower() in FALSE else ""
        if word in rule["values"]:
            return word
    return str(rule["default"])


def _words(value: str) -> list[str]:
    return [word.strip("\"'") for word in value.split()]


def _listed(values: Sequence[str], known: Collection[str] | None = None) -> set[str]:
    """The words of a list directive; an empty value forgets what came before."""
    found: set[str] = set()
    for value in values:
        if not value:
            found.clear()
        found.update(word for word in _words(value) if known is None or word in known)
    return found


def _capabilities(values: Sequence[str], *, full: bool) -> frozenset[str]:
    """The set of capabilities that a directive amounts to; `full`: it begins with all of them."""
    everything = _all_capabilities()
    initial: frozenset[str] = everything if full else frozenset()
    held = initial
    for value in values:
        inverted, text = value.startswith("~"), value.removeprefix("~")
        named = everything.intersection(word.upper() for word in _words(text))
        if not named or held == initial:
            held = everything - named if inverted else named
        else:
            held = held - named if inverted else held | named
    return held


@cache
def _all_capabilities() -> frozenset[str]:
    return frozenset(f"CAP_{word}" for group in _data()["capabilities"] for word in group.split())


def _namespaces(values: Sequence[str]) -> set[str]:
    """The kinds of namespaces that a service may make."""
    everything = set(_data()["namespaces"])
    allowed: set[str] | None = None
    for value in values:
        if not value:
            allowed = None
        elif value.lower() in TRUE:
            allowed = set()
        elif value.lower() in FALSE:
            allowed = set(everything)
        else:
            inverted, named = value.startswith("~"), set(_words(value.removeprefix("~")))
            if not named <= everything:
                continue
            if allowed is None:
                allowed = everything - named if inverted else named
            else:
                allowed = allowed - named if inverted else allowed | named
    return everything if allowed is None else allowed


def _families(values: Sequence[str]) -> Iterable[_Part]:
    listed: set[str] = set()
    allow_list, begun = False, False
    for value in values:
        if not value or value == "none":
            listed, allow_list, begun = set(), value == "none", False
            continue
        inverted, named = value.startswith("~"), set(_words(value.removeprefix("~")))
        if not begun:
            begun, allow_list = True, not inverted
        listed = listed | named if inverted != allow_list else listed - named
    rules = _data()["families"]
    known = {name for rule in rules.values() for name in rule["names"].split()}
    for rule in rules.values():
        hit = bool(listed & set(rule["names"].split())) if rule["names"] else bool(listed - known)
        # On a list of what is allowed a family that is not named is out; on one of what is not, it is in.
        yield _Part("RestrictAddressFamilies", rule["weight"], hit is allow_list)


def _calls(values: Sequence[str]) -> Iterable[_Part]:
    groups = _groups()
    listed: dict[str, bool] = {}
    allow_list, begun = False, False
    for value in values:
        if not value:
            listed, allow_list, begun = {}, False, False
            continue
        inverted, text = value.startswith("~"), value.removeprefix("~")
        if not begun:
            begun, allow_list = True, not inverted
            if allow_list:
                listed.update(dict.fromkeys(groups["default"], False))
        for word in text.split():
            name, _, action = word.partition(":")
            if action and not inverted:
                continue
            calls = groups.get(name[1:], frozenset()) if name.startswith("@") else frozenset((name,))
            if inverted is not allow_list or (inverted and action):
                listed.update(dict.fromkeys(calls, bool(action)))
            else:
                for call in calls:
                    listed.pop(call, None)
    passed = {call for call, fails in listed.items() if not (allow_list and fails)}
    for group, weight in _data()["calls"].items():
        calls = groups[group]
        if not allow_list and not passed:
            badness = 10
        elif allow_list:
            badness = 9 if calls & passed else 0
        else:
            badness = 0 if calls <= passed else 10
        yield _Part("SystemCallFilter", weight, badness, 10)


_ARCHITECTURES = frozenset(
    """
    native x86 x86-64 x32 arm arm64 mips mips64 mips64-n32 mips-le mips64-le mips64-le-n32 parisc parisc64 ppc
    ppc64 ppc64-le riscv64 s390 s390x
    """.split()
)
"""The names that SystemCallArchitectures= knows (systemd.exec(5))."""


def _umask(values: Sequence[str]) -> int:
    """How much others may do with new files (systemd.exec(5), UMask=: 0022 where nothing is said)."""
    mask = 0o022
    for value in values:
        if value and set(value) <= set("01234567"):
            mask = int(value, 8)
    for bit, badness in ((0o002, 10), (0o004, 5), (0o020, 2), (0o040, 1)):
        if not mask & bit:
            return badness
    return 0


def _addresses(service: Settings, unknown: Collection[str]) -> int:
    if any(_last(service, name) for name in ("IPIngressFilterPath", "IPEgressFilterPath")):
        return 0
    denied = _listed(service.get("IPAddressDeny", ()))
    if not ("any" in denied or {"0.0.0.0/0", "::/0"} <= denied):
        return 10
    allowed = _listed(service.get("IPAddressAllow", ()))
    if "IPAddressAllow" in unknown or not all(map(_is_local, allowed)):
        return 5
    return 2 if allowed else 0


def _is_local(word: str) -> bool:
    from ipaddress import ip_network

    if word == "localhost":
        return True
    try:
        return ip_network(word, strict=False).network_address.is_loopback
    except ValueError:
        return False


def _devices(service: Settings, flags: set[str], closed: bool) -> bool:
    """Whether more devices than the harmless ones can be reached under a closed policy."""
    if _listed(service.get("DeviceAllow", ())):
        return True
    if not closed and "PrivateDevices" not in flags:
        return False
    return (
        "ProtectClock" in flags
        or bool(_last(service, "RootImage") or _last(service, "MountImages"))
        or bool(_last(service, "LoadCredentialEncrypted") or _last(service, "SetCredentialEncrypted"))
    )


@cache
def _weighed() -> frozenset[str]:
    """The directives that the exposure depends on, save those that say who the service runs as."""
    data = _data()
    named = {*data["flags"], *data["choices"], *data["others"], *_MORE}
    return frozenset(named - {"User", "SupplementaryGroups"})


@cache
def _data() -> dict[str, Any]:
    return table("exposure.toml")


@cache
def _groups() -> Mapping[str, frozenset[str]]:
    """System calls by the name of their group, groups within groups resolved."""
    plain = {name: text.split() for name, text in table("syscalls.toml").items()}
    found: dict[str, frozenset[str]] = {}

    def flat(name: str) -> frozenset[str]:
        if name not in found:
            words = plain[name]
            below = [flat(word[1:]) for word in words if word.startswith("@")]
            found[name] = frozenset(word for word in words if not word.startswith("@")).union(*below)
        return found[name]

    groups = {name: flat(name) for name in plain}
    return {**groups, "known": frozenset[str]().union(*groups.values())}
