"""The traits that a service has by its own settings: its user, groups, devices, variables and homes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.values import Scalar, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.sandbox.trait import IN_A_HOME, OPEN_HOME, Trait
from hwc_refactor.nixos.scripts.doings import Facts
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.units.booleans import switched
from hwc_refactor.nixos.units.early import comes_early
from hwc_refactor.nixos.users.named import is_person, may_be_root, user_named
from hwc_refactor.nixos.wrappers import unwrapped


def may_have_home(block: Block, known: Facts) -> bool:
    """Whether the variable HOME may be set for a service.

    systemd sets it where User= is there (systemd.exec(5), Environment Variables in Spawned Processes); NixOS sets
    it for no service. Without, a program that goes by it alone finds no home directory.
    """
    config = ("User", "DynamicUser", "PAMName", "EnvironmentFile", "PassEnvironment", "SetLoginEnvironment")
    if any(block.get("serviceConfig", name) for name in config) or block.doubts("environment"):
        return True
    given = [block.tree.resolver.value(item.expr) for item in block.items("serviceConfig", "Environment")]
    if block.elsewhere or any(not isinstance(value, Str) for value in given):
        return True
    if any(block.tree.holding(word) for word in (b"globalEnvironment", b"DefaultEnvironment")):
        return True
    told = [script.body.data for _, script in known.scripts]
    told += [program.line.body.data for program in known.programs if program.line is not None]
    return any(name == "HOME" for name, _ in environment(block)) or any(
        re.search(rb"\bHOME\b", text) for text in told
    )


def configured(block: Block) -> Iterator[tuple[str, Trait]]:
    """What its settings say."""
    yield from _user(block)
    line = block.line
    for name in ("AmbientCapabilities", "PermissionsStartOnly", "PAMName", "TTYPath"):
        if block.get("serviceConfig", name):
            kind = "capabilities" if name == "AmbientCapabilities" else "user"
            yield kind, Trait(f"sets {name}", line)
    user = bool(block.get("serviceConfig", "User")) or bool(switched(block, "serviceConfig", "DynamicUser"))
    for program in programs(block):
        if user and program.prefixes.count("!") == 1:
            yield "user", Trait("runs a part with root's rights ('!')", program.at.line)
        for body in (one.body for one in (program.line, program.script) if one is not None):
            if _WRAPPERS in body.data or any(_WRAPPER_DIR in hole.text for hole in body.holes):
                yield "user", Trait("runs a program that gains rights (/run/wrappers)", program.at.line)
    if any((text or "").startswith("/run/wrappers") for text in block.texts("path")) or any(
        _WRAPPER_DIR in item.expr.text for item in block.items("path")
    ):
        yield "user", Trait("may run programs that gain rights (/run/wrappers)", line)
    for name in ("DeviceAllow", "BindPaths"):
        if block.get("serviceConfig", name):
            yield "devices", Trait(f"sets {name}", line)
    groups = {
        block.tree.resolver.literal(item.expr) for item in block.items("serviceConfig", "SupplementaryGroups")
    }
    group = block.text("serviceConfig", "Group")
    for name in sorted({name for name in (*groups, group) if name in DEVICE_GROUPS}):
        yield "devices", Trait(f"is in the group {name}, which owns devices", line)
    gains = block.value("serviceConfig", "NoNewPrivileges")
    if isinstance(gains, Scalar) and gains.value is False:
        yield "user", Trait("sets NoNewPrivileges to false", line)
    if comes_early(block):
        yield "early", Trait("may be started before /tmp is set up", line)
    if block.get("serviceConfig", "BusName"):
        yield "dbus", Trait("owns a name on D-Bus", line)
    for slot in block.get("unitConfig", "RequiresMountsFor"):
        if IN_A_HOME.search(slot.expr.text) or OPEN_HOME.search(slot.expr.text):
            yield "home", Trait("needs a home directory to be mounted", slot.expr.line)
    directory = block.value("serviceConfig", "WorkingDirectory")
    for text in (directory.shown.removeprefix("-"),) if isinstance(directory, Str) else ():
        if text.startswith(("/home/", "/root", "~")) or OPEN_HOME.match(text):
            yield "home", Trait("works in a home directory", line)
    for name, text in environment(block):
        if IN_A_HOME.search(text):
            yield "home", Trait(f"is given a place in a home directory ({name})", line)
        if name in _DISPLAYS:
            yield "home", Trait(f"speaks to a display ({name}), whose keys lie in a home directory", line)
            yield "shares-tmp", Trait(f"speaks to a display ({name}), whose sockets lie in /tmp", line)
    for slot in block.get("serviceConfig", "ExecStart"):
        value = block.tree.resolver.value(slot.expr)
        if isinstance(value, Str) and IN_A_HOME.search(value.shown):
            yield "home", Trait("is given a place in a home directory", slot.expr.line)


_DISPLAYS = frozenset({"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY"})
"""Variables that name a display (X(7), DISPLAY NAMES, ACCESS CONTROL; Xserver(1): sockets in /tmp/.X11-unix)."""


def environment(block: Block) -> Iterator[tuple[str, str]]:
    """The variables of a service and their values, as text: in `environment` and in `Environment=`."""
    for name in block.names("environment"):
        value = block.value("environment", name)
        yield name, value.shown if isinstance(value, Str) else ""
    whole = block.value("serviceConfig", "Environment")
    values = [block.tree.resolver.value(item.expr) for item in block.items("serviceConfig", "Environment")]
    for each in (whole, *values):
        for word in each.shown.split() if isinstance(each, Str) else ():
            name, _, text = word.strip("\"'").partition("=")
            yield name, text


_WRAPPERS = b"/run/wrappers/"
"""Where NixOS puts programs that are setuid, setgid or have capabilities (security.wrappers)."""

_WRAPPER_DIR = "security.wrapperDir"
"""The option that holds that place."""

DEVICE_GROUPS = frozenset(
    "video render audio dialout disk input kvm lp tape cdrom plugdev i2c gpio uucp tty kmem tss".split()
)
"""Groups that own device files (nixos/modules/config/users-groups.nix; systemd's rules for udev)."""


def confined_by_nixos(block: Block) -> bool:
    """Whether a service may be confined by NixOS: `confinement.enable`, unless it is plainly off."""
    if not block.get("confinement", "enable"):
        return False
    value = block.value("confinement", "enable")
    return not (isinstance(value, Scalar) and value.value is False)


def is_root(block: Block) -> bool:
    """Whether it may run as root."""
    return any(name == "root-user" for name, _ in _user(block))


def _user(block: Block) -> Iterator[tuple[str, Trait]]:
    if bool(switched(block, "serviceConfig", "DynamicUser")):
        return
    slots = block.get("serviceConfig", "User")
    if not slots:
        yield "root-user", Trait("runs as root, as nothing else is said", block.line)
        return
    user = block.text("serviceConfig", "User") or user_named(block.tree, slots[0].expr)
    if user in ("root", "0"):
        yield "root-user", Trait("runs as root", slots[0].expr.line)
        return
    if user is not None and "%" in user:
        yield "root-user", Trait(f"runs as {user}, which may be root", slots[0].expr.line)
    if any(may_be_root(block.tree, slot.expr) for slot in slots):
        yield "root-user", Trait("runs as a user that something sets to root", slots[0].expr.line)
    if all(block.extra(slot) or unwrapped(block.tree, slot.expr).conditions for slot in slots):
        yield "root-user", Trait("runs as root where no condition gives it a user", slots[0].expr.line)
    yield "static-user", Trait(f"runs as {user or 'a user'}", slots[0].expr.line)
    if user is not None and login_user(block, user):
        yield "home", Trait(f"runs as the login user {user}", slots[0].expr.line)
    if user is None and any(is_person(block.tree, slot.expr) for slot in slots):
        yield "home", Trait("runs as a login user", slots[0].expr.line)


def login_user(block: Block, user: str) -> bool:
    """Whether an account of the tree is a person's: `users.users.NAME.isNormalUser = true`."""
    needle = user.encode()
    return any(needle in (block.tree.data(path) or b"") for path in block.tree.holding(b"isNormalUser"))
