"""What is said of a container's unit beside the container, and what of it the shared module says of itself."""

from __future__ import annotations

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Slot
from hwc_refactor.nixos.containers.container import backend
from hwc_refactor.nixos.objects import SERVICE, Block, objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting.draft import Draft

ALWAYS = frozenset({"network-online.target", "agenix.service"})
"""What the unit of a container of the module is ordered behind, and wants."""
BEHIND = {'"media"': "init-media-network.service", '"vpn"': "{}-gluetun.service"}
"""What it is ordered behind by its network, too; `{}` stands for the backend."""


def drop_said(draft: Draft, tree: Tree, container: Block, network: str | None) -> None:
    """Take out what stands beside a container of its unit's order and the module says as well.

    Only a definition that stands in the same set as the container, and so counts whenever it does, and all of
    whose elements the module brings. Everything else stays.

    Args:
        draft: the change in the making.
        tree: the snapshot.
        container: the container.
        network: its `networkMode`, as Nix source.
    """
    runs = backend(tree)
    name = f"{runs}-{container.name}"
    if not any(name.encode() in (tree.data(anchor.file.source.path) or b"") for anchor in container.anchors):
        return
    behind = BEHIND.get(network or "", "").format(runs)
    brought = {"after": ALWAYS | {behind}, "wants": ALWAYS}
    around = {_around(anchor) for anchor in container.anchors}
    for unit in objects(tree, SERVICE, (name,)):
        if unit.own:
            continue
        if not {_around(anchor) for anchor in unit.anchors} <= around:
            continue
        for name, words in brought.items():
            for slot in unit.get(name):
                if _is_said(tree, slot, words):
                    _take(draft, unit, slot)


def _is_said(tree: Tree, slot: Slot, words: frozenset[str]) -> bool:
    if slot.rest or not slot.certain or slot.modifiers or slot.binding is None:
        return False
    items = tree.resolver.items(slot.expr)
    plain = slot.binding.type == "binding" and slot.expr.node.type == "list_expression"
    return plain and all(
        not item.unknown and not item.conditions and tree.resolver.literal(item.expr) in words
        for item in items
    )


def _take(draft: Draft, unit: Block, slot: Slot) -> None:
    assert slot.binding is not None
    file = slot.expr.file
    draft.drop_binding(file, slot.binding)
    for whole in unit.slots:
        is_set = not whole.rest and whole.expr.node.type == "attrset_expression" and whole.binding is not None
        if (
            is_set
            and whole.expr.file is file
            and slot.holder is not None
            and slot.holder.node == whole.expr.node
        ):
            if not draft.here(file, whole.expr.node).named_child_count:
                assert whole.binding is not None
                draft.drop_binding(file, whole.binding)


def _around(anchor: Expr) -> tuple[str, int]:
    """The set at the level of a module that an anchor stands in: above `virtualisation`, or `systemd`."""
    file, node = anchor.file, anchor.node
    chain = file.chain(node.start_byte, node.end_byte)
    place = chain.index(node)
    first = {"virtualisation", "systemd"}
    if not first & _names(anchor, node) and place >= 3 and chain[place - 3].type == "binding":
        place -= 3
    return file.source.path, chain[place - 2].start_byte


def _names(anchor: Expr, binding: Node) -> set[str | None]:
    return {attr_name(anchor.file, part) for part in attrpath_of(binding)}
