"""Services that one expression makes, and that are changed where that stands: all of them, or none."""

from __future__ import annotations

from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.bodies import Family, family_of, listed, ties
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

TIES = ties(SERVICE)
"""What has to be known of all services to tell which of them are made alike."""


def made_alike(block: Block) -> Family | None:
    """The services that one expression makes, and nothing else, where not all of them can be changed alone."""
    if block.many:  # what each of them is given is not in sight
        return None
    family = family_of(block, TIES)
    bodies = {_spot(slot.expr) for body in family.bodies for slot in body.slots}
    for one in family.blocks:
        values = [one.tree.resolver.value(slot.expr).at for slot in one.slots]
        spots = {_spot(at) for at in (*values, *(slot.expr for slot in one.slots)) if at is not None}
        if not one.own or not spots & bodies:
            return None
    if all(_has_place(one) for one in family.blocks):
        return None
    alike = family.stranger is None and len(family.bodies) == 1 and family.bodies[0] not in family.blocks
    return family if alike else None


def tell_together(draft: Draft, block: Block, family: Family) -> None:
    """Name the services that change with one, and say that they do."""
    draft.together(one for one in family.blocks if one is not block and one.name != block.name)
    names = listed([one.name for one in family.blocks])
    draft.note(f"One expression makes {names}: it gets what is right for all of them.")


def _has_place(block: Block) -> bool:
    """Whether settings can be written for a service alone."""
    try:
        placing.home(block.tree, block, ("serviceConfig",))
    except NoPlace:
        return False
    return True


def _spot(expr: Expr) -> tuple[str, int]:
    return expr.file.source.path, expr.node.start_byte
