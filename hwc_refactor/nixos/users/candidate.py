"""Services that might get a user of their own, and what keeps one from it: one predicate for each reason.

A predicate is handed a `Candidate` and answers with an `Obstacle` or None. What is not known is an obstacle.
The facts about dynamic users: systemd.exec(5), DynamicUser=.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from hwc_refactor.nix.values import Attrs, Branch, ListValue, Ref, Scalar, Slot, Str
from hwc_refactor.nixos.arguments import expanded
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.obstacles import Obstacle
from hwc_refactor.nixos.options import settled
from hwc_refactor.nixos.scripts.doings import Facts, Ran
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.users.accounts import accounts
from hwc_refactor.nixos.users.inventory import ROOT, UNKNOWN, USER, runs_as
from hwc_refactor.nixos.users.named import user_named
from hwc_refactor.nixos.wrappers import unwrapped

PERSON = "person"
"""The service runs as the account of somebody who logs in."""

_ENCLOSING = {
    "ProtectSystem": "strict",
    "ProtectHome": True,
    "ProtectKernelTunables": True,
    "ProtectControlGroups": True,
    "PrivateDevices": True,
    "PrivateTmp": True,
    "NoNewPrivileges": True,
}
_OPENINGS = (
    "ReadWritePaths",
    "BindPaths",
    "StateDirectory",
    "CacheDirectory",
    "LogsDirectory",
    "RuntimeDirectory",
)


class Candidate(Struct, frozen=True, eq=False, dict=True):
    """A service that might get a user of its own.

    Attributes:
        block: the service.
        runs_as: `root`, or `person` for a login user.
        user: the name of that user.
    """

    block: Block
    runs_as: str
    user: str

    @cached_property
    def facts(self) -> Facts:
        """What it does."""
        return facts(self.block)

    @cached_property
    def ran(self) -> tuple[Ran, ...]:
        """The commands that run with the rights of its user; those behind a `+` keep the rights of root."""
        return tuple(ran for ran in self.facts.ran if "+" not in ran.program.prefixes)

    @cached_property
    def enclosed(self) -> bool:
        """Whether its own sandbox keeps it from all that root may do, save to read what only root may."""
        return (
            not self.block.get("path")
            and not any(self.block.get("serviceConfig", name) for name in _OPENINGS)
            and all(self._is(name, value) for name, value in _ENCLOSING.items())
            and all(word == "" for word in self._texts("CapabilityBoundingSet") or ["?"])
        )

    def _slots(self, name: str) -> tuple[Slot, ...]:
        own = self.block.get("serviceConfig", name)
        return own or tuple(slot for view in given_settings(self.block) for slot in view.slots.get(name, ()))

    def _is(self, name: str, wanted: object) -> bool:
        found = [self.block.tree.resolver.value(slot.expr) for slot in self._slots(name) if not slot.rest]
        return len(found) == 1 and wanted == (
            found[0].value if isinstance(found[0], Scalar) else getattr(found[0], "literal", None)
        )

    def _texts(self, name: str) -> list[str] | None:
        slots = self._slots(name)
        value = self.block.tree.resolver.value(slots[0].expr) if len(slots) == 1 else None
        if isinstance(value, ListValue):
            return [self.block.tree.resolver.literal(item.expr) or "" for item in value.items]
        return None if not isinstance(value, Str) or value.literal is None else [value.literal]

    def is_enclosed(self, ran: Ran) -> bool:
        """Whether what is not known of a command does not matter: a program of a package in a closed sandbox."""
        return self.enclosed and ran.script is None and bool(ran.executable.package)

    def setting(self, name: str) -> Slot | None:
        """The first definition of a directive."""
        return next((slot for slot in self.block.get("serviceConfig", name) if not slot.rest), None)


Predicate = Callable[[Candidate], Obstacle | None]


def candidate(block: Block, *, whoever: bool = False) -> Candidate | None:
    """A service that runs as root or as a person, as far as that is in sight; None for any other.

    Args:
        block: the service.
        whoever: whether every user that is said counts as a person: a documented diff is about the service.
    """
    who = runs_as(block)
    if who == ROOT:
        return Candidate(block, ROOT, "root")
    if who not in (USER, UNKNOWN):
        return None
    slots = [slot for slot in block.get("serviceConfig", "User") if not slot.rest]
    if not slots:
        return _by_default(block)
    user = _user(block, slots[0])
    if user is None and any(_may_be_root(block, slot) for slot in slots):
        return Candidate(block, UNKNOWN, "root")
    if user in ("root", "0"):
        certain = len(slots) == 1 and slots[0].doubt is None and _whenever_it_runs(block, slots[0])
        return Candidate(block, ROOT if certain else UNKNOWN, "root")
    known = None if user is None else accounts(block.tree).get(user)
    if user is not None and (whoever or (known is not None and known.person)):
        return Candidate(block, PERSON, user)
    return (
        None if any(_whenever_it_runs(block, slot) for slot in slots) else Candidate(block, UNKNOWN, "root")
    )


def _by_default(block: Block) -> Candidate | None:
    """A service of which nothing in sight says as whom it runs."""
    doubts = block.doubts("serviceConfig")
    if not doubts:
        return None
    if len(given := given_settings(block)) == len(doubts):
        names = {name for view in given for name in view.slots}
        return None if names & {"User", "DynamicUser"} else Candidate(block, ROOT, "root")
    return Candidate(block, UNKNOWN, "root")


def given_settings(block: Block) -> tuple[Attrs, ...]:
    """The sets in its `serviceConfig` that modules are handed as arguments, and that are in sight there."""
    found = (
        expanded(block.tree, doubt.at) for doubt in block.doubts("serviceConfig") if doubt.at is not None
    )
    return tuple(view for view in found if view is not None)


def _user(block: Block, slot: Slot) -> str | None:
    """The user that a definition names, also as the default of an option that nothing sets."""
    inner = unwrapped(block.tree, slot.expr).expr
    named = user_named(block.tree, inner)
    value = block.tree.resolver.value(inner)
    if named is None and isinstance(value, Ref) and value.path[0] == "config":
        default = settled(block.tree, value.path[1:])
        return None if default is None else user_named(block.tree, default)
    return named


def _may_be_root(block: Block, slot: Slot) -> bool:
    """Whether a definition chooses between users of which one is root."""
    waiting = [slot.expr]
    while waiting:
        value = block.tree.resolver.value(unwrapped(block.tree, waiting.pop()).expr)
        if isinstance(value, Branch):
            waiting += [value.then, value.otherwise]
        elif isinstance(value, Str) and value.literal in ("root", "0"):
            return True
    return False


def _whenever_it_runs(block: Block, slot: Slot) -> bool:
    """Whether a definition counts whenever that of what it runs does."""
    runs = [one for path in block.kind.own for one in block.get(*path) if not one.rest]
    around = unwrapped(block.tree, slot.expr).conditions
    said = {condition.text for condition in (*slot.conditions, *around)}
    return bool(runs) and all(said <= {condition.text for condition in one.conditions} for one in runs)


T = TypeVar("T")


def obstacles(one: T, predicates: Sequence[Callable[[T], Obstacle | None]]) -> Iterator[Obstacle]:
    """The reasons that hold, of each predicate the first."""
    for ask in predicates:
        found = ask(one)
        if found is not None:
            yield found
