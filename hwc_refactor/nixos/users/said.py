"""Why a service cannot be given a user of its own: what the configuration says about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.comments import comment_text, comments_inside, comments_of
from hwc_refactor.nix.values import ListValue, Scalar, Slot, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.obstacles import Obstacle
from hwc_refactor.nixos.paths.mentions import names_to
from hwc_refactor.nixos.sandbox.configured import confined_by_nixos
from hwc_refactor.nixos.units.early import comes_early
from hwc_refactor.nixos.users.accounts import accounts
from hwc_refactor.nixos.users.candidate import Candidate, Predicate
from hwc_refactor.nixos.users.inventory import ROOT, UNKNOWN
from hwc_refactor.nixos.wrappers import FORCING, unwrapped

_LEADS = re.compile(rb"[\"}\s]*[.=#/]")
"""What may follow a name in the attribute path of a binding."""
_SAYS_ROOT = re.compile(
    r"""(?ix) \b(?:as|needs?|needed|requires?|be|is|by|only|stays?|keeps?|under|user|want) \s+ (?:the\s+)? root \b
    | \b root(?:'s)? \s+ (?:privileges?|access|rights|only|because|since|for|so|stays?|is|needed|required|to|here) \b
    | \b (?:privileged|privileges|setuid|superuser|CAP_[A-Z_]+) \b"""
)
_SAYS_OTHERWISE = re.compile(
    r"(?i)\b(?:non|not|no|without|drop\w*|instead of|rather than)[ -]?(?:\w+ )?(?:root|privileged?|privileges)"
    r"|rootless|unprivileged"
)
_DENIED = re.compile(r"(?i)\b(?:no|not|non|without|never)[ -](?:\w+ )?(?:setuid|suid|superuser)\b")
"""What a comment says it is not; the rest of it may still say that it is root."""
_SESSION = ("PAMName", "TTYPath", "Delegate", "RootDirectory", "RootImage", "PermissionsStartOnly")
_BIND = "CAP_NET_BIND_SERVICE"


def user_not_in_sight(one: Candidate) -> Obstacle | None:
    """As whom it runs is decided by something that cannot be seen."""
    if one.runs_as != UNKNOWN:
        return None
    slot = one.setting("User")
    if slot is not None:
        when = slot.conditions[-1].text if slot.conditions else slot.expr.text
        return Obstacle("user-not-in-sight", f"Whether it runs as root depends on '{when}'.", slot.expr)
    doubt = one.block.doubts("serviceConfig")[0]
    text = doubt.at.text.split("\n")[0] if doubt.at is not None else "an expression"
    return Obstacle(
        "user-not-in-sight",
        f"A part of its settings is not in sight ('{text}'), so neither is as whom it runs.",
        doubt.at,
    )


def root_is_meant(one: Candidate) -> Obstacle | None:
    """Somebody has decided that it is root, and says so."""
    for name in ("User", "DynamicUser"):
        for slot in one.block.get("serviceConfig", name):
            if forced := _forced(one, slot):
                return Obstacle("root-is-meant", f"{name} is set with {forced}: that is meant.", slot.expr)
    by_hand = one.setting("DynamicUser")
    if by_hand is not None:
        return Obstacle("root-is-meant", "'DynamicUser' is set by hand: that is meant.", by_hand.expr)
    for program in one.facts.programs:
        if program.directive == "ExecStart" and "+" in program.prefixes:
            return Obstacle("root-is-meant", "A '+' before its command keeps the rights of root.", program.at)
    for text in _comments(one.block):
        if (
            one.runs_as == ROOT
            and _SAYS_ROOT.search(_DENIED.sub("", text))
            and not _SAYS_OTHERWISE.search(text)
        ):
            return Obstacle("root-is-meant", f"A comment says why: '{_short(text)}'.", one.block.place)
    for name in _SESSION:
        asked = one.setting(name)
        if asked is not None and not _is_false(one, asked):
            return Obstacle("root-is-meant", f"{name} asks for the rights of root.", asked.expr)
    if comes_early(one.block):
        return Obstacle(
            "root-is-meant",
            "It may be started before the system is set up, which a user of its own has to wait for.",
            one.block.place,
        )
    if confined_by_nixos(one.block):
        return Obstacle(
            "root-is-meant", "It is confined by NixOS, which may not go with DynamicUser.", one.block.place
        )
    return None


def _forced(one: Candidate, slot: Slot) -> str | None:
    around = unwrapped(one.block.tree, slot.expr)
    return next((name for name in (*slot.modifiers, *around.modifiers) if name in FORCING), None)


def _is_false(one: Candidate, slot: Slot) -> bool:
    value = one.block.tree.resolver.value(slot.expr)
    return isinstance(value, Scalar) and value.value in (False, None)


def _comments(block: Block) -> Iterator[str]:
    """The comments above a service and in its settings, without those that stand in its scripts."""
    for slot in block.slots:
        file = slot.expr.file
        if slot.binding is not None and slot.binding.parent is not None:
            for node in comments_of(file, slot.binding).all:
                yield comment_text(file, node)
        for node in comments_inside(file, slot.expr.node):
            yield comment_text(file, node)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 80 else words[:77].rsplit(" ", 1)[0] + " …"


def upstream_unit(one: Candidate) -> Obstacle | None:
    """A module of NixOS makes it too: what it needs is decided there."""
    for path in (("serviceConfig", "ExecStart"), ("script",), ("serviceConfig", "User")):
        for slot in one.block.get(*path):
            if _forced(one, slot):
                return Obstacle(
                    "upstream-unit",
                    f"{path[-1]} overrides a unit that is made elsewhere, which may rely on the user.",
                    slot.expr,
                )
    start = one.setting("ExecStart")
    tree = one.block.tree
    value = None if start is None else tree.resolver.value(unwrapped(tree, start.expr).expr)
    if isinstance(value, ListValue) and value.items and start is not None:
        if one.block.tree.resolver.literal(value.items[0].expr) == "":
            return Obstacle(
                "upstream-unit", "It overrides the command of a unit that is made elsewhere.", start.expr
            )
    enabled = _enabled_module(one.block)
    if enabled is not None:
        return Obstacle("upstream-unit", f"'{enabled}' makes a unit of this name as well.", one.block.place)
    return None


def _enabled_module(block: Block) -> str | None:
    """The option of a NixOS module that makes a unit of this name, when the tree sets it and does not declare it."""
    name = block.name.split("@")[0]
    found: str | None = None
    for names in _named(block, name):
        for kind in ("services", "programs", "virtualisation"):
            if kind in names[:-1] and name == names[names.index(kind) + 1]:
                above = names[: names.index(kind)]
                if "options" in above:
                    return None
                if "systemd" not in above and "user" not in above:
                    found = found or f"{kind}.{name}"
    return found


def _named(block: Block, name: str) -> Iterator[list[str]]:
    """The attribute paths in the tree that hold a name."""
    for path in block.tree.naming(name.encode()):
        data = block.tree.data(path) or b""
        offsets = [at for at in block.tree.words(path, name.encode()) if _LEADS.match(data, at + len(name))]
        file = block.tree.sound(path) if offsets else None
        if file is None:
            continue
        for offset in offsets:
            chain = file.chain(offset, offset + len(name))
            position = next((n for n in range(len(chain) - 1, 0, -1) if chain[n].type == "attrpath"), None)
            if position is not None and chain[position - 1].type == "binding":
                yield names_to(file, chain[:position])


def dbus_name(one: Candidate) -> Obstacle | None:
    """A policy of the bus names the user that may own a name."""
    for name in ("BusName",):
        if (slot := one.setting(name)) is not None:
            return Obstacle(
                "dbus-name", "It owns a name on D-Bus, which a policy allows to its user.", slot.expr
            )
    if one.block.text("serviceConfig", "Type") == "dbus":
        return Obstacle(
            "dbus-name", "It owns a name on D-Bus, which a policy allows to its user.", one.block.place
        )
    for ran in one.ran:
        if "dbus" in ran.needs and "units" not in ran.needs:
            return Obstacle(
                "dbus-name",
                f"It asks other services over D-Bus with {ran.name} (line {ran.line}), which decide by user.",
                ran.program.at,
            )
    return None


_FILES = frozenset({"CAP_DAC_OVERRIDE", "CAP_FOWNER"})
"""What a bounding set leaves root so that it can read and write files of all owners (capabilities(7)).

That is no need of its own: which files it reads and writes is looked at by themselves.
"""


def capabilities_given(one: Candidate) -> Obstacle | None:
    """It is given capabilities that it has as root and would not have otherwise."""
    for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
        for slot in one.block.get("serviceConfig", name):
            given = _words(one, slot)
            if given is None or any(word.startswith("~") for word in given):
                continue
            bound = _FILES if name == "CapabilityBoundingSet" else frozenset[str]()
            kept = [word for word in given if word not in ("", _BIND) and word not in bound]
            if kept:
                return Obstacle(
                    "capabilities-given",
                    f"{name} gives it {', '.join(kept)}, which it holds as root alone.",
                    slot.expr,
                )
    return None


def _words(one: Candidate, slot: Slot) -> list[str] | None:
    value = one.block.tree.resolver.value(slot.expr)
    if isinstance(value, Str) and value.literal is not None:
        return value.literal.split()
    if isinstance(value, ListValue):
        texts = [one.block.tree.resolver.literal(item.expr) for item in value.items]
        return [word for text in texts if text is not None for word in text.split()]
    return None


def user_exists(one: Candidate) -> Obstacle | None:
    """A static user of the unit's name would be taken instead of a dynamic one."""
    name = one.block.name
    if name in accounts(one.block.tree) and name != one.user:
        return Obstacle(
            "user-exists",
            f"There is a user '{name}' already: give it with User= instead of a dynamic one.",
            one.block.place,
        )
    return None


MEANT: tuple[Predicate, ...] = (
    root_is_meant,
    upstream_unit,
    user_not_in_sight,
    dbus_name,
    capabilities_given,
    user_exists,
)
"""What the configuration says."""
