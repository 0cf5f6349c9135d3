"""Services that one expression makes, and that are changed where that stands: all of them, or none."""

from __future__ import annotations

import re

from msgspec import Struct

from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.bodies import Family, family_of, listed, ties
from hwc_refactor.nixos.surveys import Survey, surveyed
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

TIES = ties(SERVICE)
"""What has to be known of all services to tell which of them are made alike."""


class _Added(Struct, frozen=True):
    """Settings that are given to a service made elsewhere: its name, and the directives."""

    name: str
    directives: tuple[str, ...]


def _added(block: Block) -> _Added | None:
    if block.own or not block.get("serviceConfig"):
        return None
    return _Added(block.name, tuple(block.names("serviceConfig")))


SETTINGS = Survey("settings added to a service", SERVICE, _added)
"""What has to be known of all services to tell whether one that is made for an element has settings elsewhere."""


def made_alike(block: Block, *, for_each: bool = False) -> Family | None:
    """The services that one expression makes, and nothing else, where not all of them can be changed alone.

    Args:
        block: one of them.
        for_each: whether it may make them for each element of something that is not in sight: what holds for
            all of them is then what is in sight, with what an element is left open.
    """
    if block.many and not for_each:
        return None
    family = family_of(block, TIES)
    if any(one.many and _has_settings_elsewhere(one) for one in family.blocks):
        return None
    made = [slot.expr for body in family.bodies for slot in body.slots]
    ends = [block.tree.resolver.value(expr).at for expr in made]  # behind a `let`, too
    bodies = {_spot(at) for at in (*made, *ends) if at is not None}
    for one in family.blocks:
        values = [one.tree.resolver.value(slot.expr).at for slot in one.slots]
        spots = {_spot(at) for at in (*values, *(slot.expr for slot in one.slots)) if at is not None}
        if not one.own or not spots & bodies:
            return None
    if all(_has_place(one) for one in family.blocks):
        return None
    alike = family.stranger is None and len(family.bodies) == 1 and family.bodies[0] not in family.blocks
    return family if alike else None


_HOLE = re.compile(r"\$\{[^{}]*\}")


def _has_settings_elsewhere(block: Block) -> bool:
    """Whether something else gives settings to a service that may be one of those made for each element."""
    parts = _HOLE.split(block.name)
    wanted = re.compile(".+".join(re.escape(part) for part in parts))
    anything = not any(parts)
    return any("${" in part for part in parts) or any(
        isinstance(one, _Added)
        and wanted.fullmatch(one.name) is not None
        and not (anything and _BESIDE.isdisjoint(one.directives))
        for one in surveyed(block.tree, SETTINGS)
    )


_BESIDE = frozenset(
    {
        *(
            "User",
            "Group",
            "DynamicUser",
            "SupplementaryGroups",
            "AmbientCapabilities",
            "CapabilityBoundingSet",
        ),
        *(
            "StateDirectory",
            "CacheDirectory",
            "LogsDirectory",
            "RuntimeDirectory",
            "ReadWritePaths",
            "BindPaths",
        ),
        *("DeviceAllow", "Restart", "Type"),
    }
)
"""Settings that go with those of one function or not, where it may make a service of any name."""


def tell_together(draft: Draft, block: Block, family: Family) -> None:
    """Name the services that change with one, and say that they do."""
    draft.together(one for one in family.blocks if one is not block and one.name != block.name)
    names = listed([one.name for one in family.blocks])
    draft.note(f"One expression makes {names}: it gets what is right for all of them.")
    if any(one.many for one in family.blocks):
        draft.review(
            "They are made for each element of something that is not in sight: look at what is given to them."
        )


def _has_place(block: Block) -> bool:
    """Whether settings can be written for a service alone."""
    try:
        placing.home(block.tree, block, ("serviceConfig",))
    except NoPlace:
        return False
    return True


def _spot(expr: Expr) -> tuple[str, int]:
    return expr.file.source.path, expr.node.start_byte
