"""What is said of a container's unit beside the container, and what of it the shared module says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hwc_refactor.nix.scope import attrpath_of, same_meaning
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Condition, Expr, Slot
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.containers.container import Container, backend
from hwc_refactor.nixos.containers.network_terms import MODES
from hwc_refactor.nixos.containers.terms import Terms
from hwc_refactor.nixos.discover import may_define
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting.draft import Draft

ALWAYS = frozenset({"network-online.target", "agenix.service"})
"""What the unit of a container of the module is ordered behind, and wants."""
BEHIND = {"media": "init-media-network.service", "vpn": "{}-gluetun.service"}
"""What it is ordered behind by its network, too; `{}` stands for the backend."""


def drop_said(draft: Draft, tree: Tree, makers: Sequence[Container], terms: Terms) -> None:
    """Take out what stands beside containers of their units' order and the module says as well.

    Only a definition that stands in the same set as the container, and so counts whenever it does, and all of
    whose elements the module brings in just the cases in which they are there. Everything else stays. What a
    function says for several containers goes where that holds for each of them.

    Args:
        draft: the change in the making.
        tree: the snapshot.
        makers: the containers that are declared by one expression.
        terms: what their flags come to.
    """
    runs = backend(tree)
    found: dict[tuple[str, int], list[tuple[Block, Slot, bool]]] = {}
    for maker in makers:
        for unit, slot, name in _beside(tree, maker.block, f"{runs}-{maker.block.name}"):
            said = _is_said(tree, slot, _brought(maker, terms, runs) if name == "after" else _ALWAYS)
            found.setdefault((slot.expr.file.source.path, slot.expr.node.start_byte), []).append(
                (unit, slot, said)
            )
    for uses in found.values():
        if all(said for _, _, said in uses):
            unit, slot, _ = uses[0]
            _take(draft, unit, slot)


def _beside(tree: Tree, container: Block, name: str) -> Iterator[tuple[Block, Slot, str]]:
    """What is said of the order of a container's unit in the set that the container stands in."""
    around = {_around(anchor) for anchor in container.anchors}
    files = {anchor.file.source.path for anchor in container.anchors}
    if not any(may_define(tree, path, SERVICE.word, name) for path in files):
        return
    for unit in objects(tree, SERVICE, (name,)):
        if not unit.own and {_around(anchor) for anchor in unit.anchors} <= around:
            for option in ("after", "wants"):
                for slot in unit.get(option):
                    yield unit, slot, option


_Brought = Mapping[str, Sequence[Sequence[Condition]]]
"""Units that the module brings, each with the cases in which it does: what holds in a case."""
_ALWAYS: _Brought = dict.fromkeys(ALWAYS, ((),))


def _brought(maker: Container, terms: Terms, runs: str) -> _Brought:
    """What the unit of a container is ordered behind, by the network that its flags name."""
    said: dict[str, list[Sequence[Condition]]] = {}
    for flag in maker.flags_named("--network") if terms.network is not None else ():
        unit = BEHIND.get(MODES.get(flag.value or "", ""))
        if unit is not None and flag.literal:
            said.setdefault(unit.format(runs), []).append(flag.conditions)
    return {**_ALWAYS, **said}


def _is_said(tree: Tree, slot: Slot, brought: _Brought) -> bool:
    """Whether all elements of a list are brought whenever they are in it."""
    if slot.rest or not slot.certain or slot.modifiers:
        return False
    if slot.binding is None or slot.binding.type != "binding":
        return False
    return all(
        item.unknown is None
        and any(
            all(_among(needed, item.conditions) for needed in case)
            for case in brought.get(tree.resolver.literal(item.expr) or "", ())
        )
        for item in tree.resolver.items(slot.expr)
    )


def _among(needed: Condition, given: Sequence[Condition]) -> bool:
    """Whether a condition is one of some others: it says the same there."""
    text, holds = _plain(needed)
    return any(
        _plain(one) == (text, holds)
        and one.expr.file is needed.expr.file
        and same_meaning(needed.expr, one.expr.env)
        for one in given
    )


def _plain(condition: Condition) -> tuple[str, bool]:
    """A condition as text and whether it holds, with `a != b` and `!a` as the contrary of `a == b` and `a`."""
    node, file, holds = _bare(condition.expr.node), condition.expr.file, condition.holds
    operator = node.child_by_field_name("operator")
    argument = node.child_by_field_name("argument")
    if (
        node.type == "unary_expression"
        and operator is not None
        and operator.type == "!"
        and argument is not None
    ):
        return _words(file.text(_bare(argument))), not holds
    if operator is not None and operator.type in ("==", "!="):
        left, right = (node.child_by_field_name(side) for side in ("left", "right"))
        assert left is not None
        assert right is not None
        return f"{_words(file.text(left))} == {_words(file.text(right))}", holds == (operator.type == "==")
    return _words(file.text(node)), holds


def _bare(node: Node) -> Node:
    """An expression without the parentheses around it."""
    while (
        node.type == "parenthesized_expression"
        and (inner := node.child_by_field_name("expression")) is not None
    ):
        node = inner
    return node


def _words(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").split())


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
