"""Editing a container's `extraOptions`: flags go into the list they belong to, in its own layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwc_refactor import placing
from hwc_refactor.draft import Draft
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comments_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Item
from hwc_refactor.nixos.flags import Flag
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree

_SIMPLE = frozenset(
    {"variable_expression", "select_expression", "list_expression", "parenthesized_expression"}
)


@dataclass(frozen=True, slots=True)
class Group:
    """Flags that are added together, with the comment above them (empty for none)."""

    flags: tuple[str, ...]
    heading: str = ""


class FlagList:
    """The list literal of an object's `extraOptions` that new flags go into."""

    def __init__(self, tree: Tree, block: Block, draft: Draft, prefer: Expr | None = None) -> None:
        """Find the list; `prefer` is the list a flag is taken out of."""
        self._tree = tree
        self._block = block
        self._draft = draft
        self.holder = self._find(prefer)

    def _find(self, prefer: Expr | None) -> Expr | None:
        holders = [] if prefer is None else [prefer]
        holders += [i.holder for i in self._block.items("extraOptions") if i.holder and not i.conditions]
        for slot in self._block.get("extraOptions"):
            if not slot.rest and not slot.conditions and slot.expr.node.type == "list_expression":
                holders.append(slot.expr)
        for holder in holders:
            if holder.node.type == "list_expression" and not placing.not_own(self._tree, self._block, holder):
                return holder
        return None

    @property
    def lines(self) -> bool:
        """Whether the list is written over several lines."""
        if self.holder is None:
            return True
        return b"\n" in self.holder.file.text(self.holder.node)

    def add(self, group: Group, *, after: Item | None = None, before: Item | None = None) -> None:
        """Add flags behind or before an element of the same list, else at its end."""
        if not group.flags:
            return
        headed = bool(group.heading) and self.lines
        snippets = [
            Snippet(quote(flag), above=(group.heading,) if headed and not n else (), blank=headed and not n)
            for n, flag in enumerate(group.flags)
        ]
        if self.holder is None:
            self._write_list(group)
            return
        node = self.holder.node
        self._draft.insert(
            self.holder.file,
            node,
            snippets,
            after=after.expr.node if after and self.has(after) else None,
            before=before.expr.node
            if before and self.has(before) and not (after and self.has(after))
            else None,
        )

    def has(self, item: Item) -> bool:
        """Whether an element stands in this list."""
        return self.holder is not None and item.holder is not None and item.holder.node == self.holder.node

    def remove(self, flags: Sequence[Flag], *, in_place: str = "") -> None:
        """Take flags out of the lists they stand in.

        Args:
            flags: the flags.
            in_place: a comment to leave where the first one stood, when that has a line of its own.
        """
        by_list: dict[int, tuple[Expr, list[Node]]] = {}
        for flag in flags:
            for item in flag.items:
                if item.holder is None or item.holder.node.type != "list_expression":
                    raise placing.NoPlace("it is put in by an expression, not by a list that can be edited")
                placing.demand_own(self._tree, self._block, item.expr)
                _, nodes = by_list.setdefault(item.holder.node.id, (item.holder, []))
                nodes.append(item.expr.node)
        for holder, nodes in by_list.values():
            rest = nodes
            if in_place and len(nodes) == 1 and self._leave_comment(holder, nodes[0], in_place):
                rest = nodes[1:]
            if rest:
                self._draft.remove_elements(holder.file, holder.node, rest)

    def _leave_comment(self, holder: Expr, node: Node, text: str) -> bool:
        source = holder.file.source
        line = source.data[source.line_start(node.start_byte) : source.line_end(node.end_byte)]
        if line.strip() != holder.file.text(node):
            return False
        self._draft.replace_text(holder.file, node, f"# {text}")
        return True

    def head(self, first: Flag | None, comment: str, *, blank: bool = True) -> None:
        """Put a comment above a flag that has none and begins its line."""
        if first is None or not comment:
            return
        item = first.items[0]
        if self.has(item) and self.lines and not comments_of(item.expr.file, item.expr.node).leading:
            self._draft.head(item.expr.file, item.expr.node, comment, blank=blank)

    def _write_list(self, group: Group) -> None:
        """There is no list yet: give the option one, or append one to what it is."""
        text = _list_text(group)
        slots = [slot for slot in self._block.get("extraOptions") if not slot.rest and not slot.conditions]
        if slots and slots[0].binding is not None:
            old = slots[0].expr
            placing.demand_own(self._tree, self._block, old)
            left = old.text if old.node.type in _SIMPLE else f"({old.text})"
            self._draft.replace_value(old.file, slots[0].binding, f"{left} ++ {text}")
        else:
            self._draft.add(self._block, (), [f"extraOptions = {text};"])


def _list_text(group: Group) -> str:
    if len(group.flags) == 1:
        return f"[ {quote(group.flags[0])} ]"
    return "\n".join(("[", *(f"  {quote(flag)}" for flag in group.flags), "]"))
