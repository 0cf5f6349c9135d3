"""Editing a container's `extraOptions`: flags go into the list they belong to, in its own layout."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comments_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Item
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.flags import Flag
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft

_SIMPLE = frozenset(
    {"variable_expression", "select_expression", "list_expression", "parenthesized_expression"}
)


class Group(Struct, frozen=True):
    """Flags that are added together, with the comment above them (empty for none)."""

    flags: tuple[str, ...]
    heading: str = ""


class FlagList:
    """The list literal of an object's `extraOptions` that new flags go into."""

    def __init__(self, tree: Tree, block: Block, draft: Draft, gone: Sequence[Flag] = ()) -> None:
        """Find the list: where the first of the flags stands that will be removed, else the first one.

        From a list on one line those flags go at once, so that what comes in their place finds room; a
        list over several lines keeps its layout better when they go last (see `remove`).
        """
        self._tree = tree
        self._block = block
        self._draft = draft
        self._removed: list[Node] = []
        self._new: list[Group] = []
        self.holder = self._find(gone[0].items[0].holder if gone and not gone[0].conditions else None)
        self.remove([flag for flag in gone if all(_on_one_line(item.holder) for item in flag.items)])

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

    def add(self, *groups: Group, after: Item | None = None, before: Item | None = None) -> None:
        """Add flags behind or before an element of the same list, else at its end."""
        filled = [group for group in groups if group.flags]
        if self.holder is None:
            self._new += filled
            return
        snippets = [
            Snippet(quote(flag), above=(group.heading,), blank=True)
            if group.heading and self.lines and not number
            else Snippet(quote(flag))
            for group in filled
            for number, flag in enumerate(group.flags)
        ]
        behind = self._kept(after, backwards=True)
        ahead = None if behind is not None else self._kept(before)
        if snippets:
            self._draft.insert(self.holder.file, self.holder.node, snippets, after=behind, before=ahead)

    def has(self, item: Item) -> bool:
        """Whether an element stands in this list."""
        return self.holder is not None and item.holder is not None and item.holder.node == self.holder.node

    def _kept(self, item: Item | None, *, backwards: bool = False) -> Node | None:
        """An element of this list, or where it is gone the next one that is still there."""
        if item is None or self.holder is None or not self.has(item):
            return None
        elements = [node for node in self.holder.node.named_children if node.type != "comment"]
        place = elements.index(item.expr.node)
        near = reversed(elements[: place + 1]) if backwards else iter(elements[place:])
        return next((node for node in near if node not in self._removed), None)

    def remove(self, flags: Sequence[Flag], *, in_place: str = "") -> None:
        """Take flags out of the lists they stand in, unless they are gone already.

        Args:
            flags: the flags.
            in_place: a comment to leave where the first one stood, when that has a line of its own.
        """
        by_list: dict[int, tuple[Expr, list[Node]]] = {}
        for flag in flags:
            for item in flag.items:
                if item.holder is None or item.holder.node.type != "list_expression":
                    raise placing.NoPlace("it is put in by an expression, not by a list that can be edited")
                if item.expr.node in self._removed:
                    continue
                placing.demand_own(self._tree, self._block, item.expr)
                self._removed.append(item.expr.node)
                _, nodes = by_list.setdefault(item.holder.node.id, (item.holder, []))
                nodes.append(item.expr.node)
        for holder, nodes in by_list.values():
            rest = nodes
            if in_place and len(nodes) == 1 and self._leave_comment(holder, nodes[0], in_place):
                rest = nodes[1:]
            if rest:
                self._draft.remove_elements(holder.file, holder.node, rest)

    def set_value(self, flag: Flag, value: str) -> None:
        """Give a flag another value, in the one or two elements that it is written in."""
        item = flag.items[-1]
        placing.demand_own(self._tree, self._block, item.expr)
        text = value if len(flag.items) > 1 else f"{flag.name}={value}"
        self._draft.replace_text(item.expr.file, item.expr.node, quote(text))

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

    def finish(self) -> None:
        """Where there was no list yet: give the option one, or append one to what it is."""
        if not self._new:
            return
        text = _list_text(self._new)
        slots = [slot for slot in self._block.get("extraOptions") if not slot.rest and not slot.conditions]
        if slots and slots[0].binding is not None:
            old = slots[0].expr
            placing.demand_own(self._tree, self._block, old)
            left = old.text if old.node.type in _SIMPLE else f"({old.text})"
            self._draft.replace_value(old.file, slots[0].binding, f"{left} ++ {text}")
        else:
            self._draft.add(self._block, (), [f"extraOptions = {text};"])


def _on_one_line(holder: Expr | None) -> bool:
    return holder is not None and holder.node.type == "list_expression" and "\n" not in holder.text


def _list_text(groups: Sequence[Group]) -> str:
    flags = [flag for group in groups for flag in group.flags]
    if len(flags) == 1:
        return f"[ {quote(flags[0])} ]"
    lines: list[str] = []
    for group in groups:
        if group.heading:
            lines += ["", f"  # {group.heading}"] if lines else [f"  # {group.heading}"]
        lines += [f"  {quote(flag)}" for flag in group.flags]
    return "\n".join(("[", *lines, "]"))
