"""What a rule of the host can say about a directory that a service makes: its path, and to whom it belongs.

Such a rule stands beside the whole definition of services, where names are not in sight that the definition binds.
"""

from __future__ import annotations

from hwc_refactor.nix.scope import attrpath_of, bound_outside
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.units.booleans import switched
from hwc_refactor.nixos.users.named import user_named


def in_sight(block: Block, expr: Expr) -> bool:
    """Whether an expression means the same beside the definition of a service as where it stands."""
    around = _definition(block)
    return around is None or (expr.file is block.slots[0].expr.file and bound_outside(expr, around))


def owner(block: Block) -> tuple[str, str] | None:
    """The user and the group that own what a service makes, as text within a Nix string; `-` for root.

    None where the rule of a host cannot name them.
    """
    if switched(block, "serviceConfig", "DynamicUser"):
        return "-", "-"
    user, group = _account(block, "User"), _account(block, "Group")
    return None if user is None or group is None else (user, group)


def _account(block: Block, directive: str) -> str | None:
    slots = block.get("serviceConfig", directive)
    if not slots:
        return "-"
    name = (
        user_named(block.tree, slots[0].expr) if len(slots) == 1 else block.text("serviceConfig", directive)
    )
    if name is not None:
        return None if "%" in name else "-" if name in ("root", "0") else name
    if len(slots) != 1 or block.extra(slots[0]) or not in_sight(block, slots[0].expr):
        return None
    value = block.tree.resolver.value(slots[0].expr)
    return slots[0].expr.text[1:-1] if isinstance(value, Str) else "${" + slots[0].expr.text + "}"


def _definition(block: Block) -> Node | None:
    """The binding that defines units, `systemd = …;` or `systemd.services.x = …;`; None when none is in sight."""
    slot = block.slots[0]
    for around in slot.expr.file.chain(slot.expr.node.start_byte, slot.expr.node.end_byte):
        if around.type == "binding":
            names = [attr_name(slot.expr.file, part) for part in attrpath_of(around)]
            if block.kind.first in names[:2]:
                return around
    return None
