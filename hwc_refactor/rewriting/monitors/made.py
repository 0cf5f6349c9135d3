"""Health checks that one function makes: they go together, by an edit of the function."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.syntax import Node, ParsedFile, within
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.bodies import Family, family_of, ties
from hwc_refactor.nixos.loops.checks import Check, check_of
from hwc_refactor.nixos.loops.search import service_loop
from hwc_refactor.rewriting.placing import NoPlace, in_called_function
from hwc_refactor.rewriting.relocating import is_divisible, option_path

TIES = ties(SERVICE, is_divisible)


class Made(Struct, frozen=True, eq=False):
    """Health checks that one function makes.

    Attributes:
        body: what the function gives, read once, with its parameters as names.
        check: the check that this is.
        members: the services that it comes to.
        checks: the checks that they are, in the same order.
        whole: those of them that move with everything that their places define.
    """

    body: Block
    check: Check
    members: tuple[Block, ...]
    checks: tuple[Check, ...]
    whole: tuple[Block, ...]

    def timers(self) -> Iterator[tuple[ParsedFile, Node]]:
        """The definitions of their timers, each once.

        Raises:
            NoPlace: when one stands elsewhere than in the function, or counts under conditions of its own.
        """
        seen: set[tuple[str, int]] = set()
        around = _function(self.body.slots[0].expr)
        for member, check in zip(self.members, self.checks, strict=True):
            for slot in () if check.timer is None else check.timer.slots:
                file, node, binding = slot.expr.file, slot.expr.node, slot.binding
                inside = file is self.body.slots[0].expr.file and within(node, around)
                if not inside or binding is None or binding.type != "binding" or slot.rest:
                    raise NoPlace("its timer is made elsewhere than the check")
                assert check.timer is not None
                if [c.text for c in check.timer.conditions] != [c.text for c in member.conditions]:
                    raise NoPlace("its timer counts under other conditions")
                if (file.source.path, binding.start_byte) not in seen:
                    seen.add((file.source.path, binding.start_byte))
                    yield file, binding


def is_made(block: Block) -> bool:
    """Whether a function that is called gives a service, or something of it."""
    view = block.view.slots.values()
    holders = (slot.holder for slots in view for slot in slots if slot.holder is not None)
    return any(in_called_function(at.env) for at in (*(slot.expr for slot in block.slots), *holders))


def made_with(block: Block, monitors: Sequence[str]) -> Made | None:
    """What a function makes together with a check; None where it is not all in sight, or not all checks.

    What the checks need has to be the same for all of them, for it is written once.
    """
    family: Family = family_of(block, TIES)
    if family.stranger is not None or family.overlaid is not None or len(family.bodies) != 1:
        return None
    if family.bodies[0] in family.blocks or not all(map(_is_named, family.blocks)):
        return None
    found = [check_of(member, monitors) for member in family.blocks]
    checks = [check for check in found if check is not None]
    if len(checks) < len(found) or not all(member.own for member in family.blocks):
        return None
    body = replace(family.bodies[0], conditions=(), anchors=block.anchors)
    check = Check(service_loop(body), checks[0].timer, (), _root(checks), checks[0].settings)
    if any(_outline(one) != _outline(check) for one in checks):
        return None
    return Made(body, check, family.blocks, tuple(checks), family.whole)


def _root(checks: Sequence[Check]) -> tuple[str, ...]:
    """What all of them need root for; of paths that differ by their parameters, the folder they share."""
    first, *others = (set(check.root) for check in checks)
    same = tuple(one for one in checks[0].root if all(one in other for other in others))
    if same or not first:
        return same
    return (posixpath.commonpath([path for check in checks for path in check.root if path.startswith("/")]),)


def _outline(check: Check) -> tuple[bool, Mapping[str, str], bool, bool]:
    """What has to be the same of all: whether it needs root, its settings, and what repeats it."""
    return bool(check.root), dict(check.settings), check.loop is None, check.timer is None


def _is_named(block: Block) -> bool:
    """Whether the paths of its definitions end with its name, so that nothing else goes with it."""
    source = option_path(block)
    return all(
        anchor.node.type == "binding" and len(attrpath_of(anchor.node)) == len(source) + 1
        for anchor in block.anchors
    )


def _function(expr: Expr) -> Node:
    """The innermost function around an expression."""
    chain = expr.file.chain(expr.node.start_byte, expr.node.end_byte)
    around = chain[: chain.index(expr.node)]
    return next((node for node in reversed(around) if node.type == "function_expression"), expr.node)
