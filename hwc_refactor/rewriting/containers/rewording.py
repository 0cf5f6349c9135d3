"""A container on its way into the words of the shared module: which places are its own, and what goes from them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comment_text, comments_about, comments_of
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr, Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.profiles import Profile
from hwc_refactor.nixos.containers.terms import Terms
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.covering import hides
from hwc_refactor.rewriting.draft import Draft


class Wishes(Struct, frozen=True):
    """What the user or a documented diff wants beside the rules.

    Attributes:
        pin: the tag that the image gets instead of a floating one.
        keep_limits: whether what was not limited stays so.
        limits: limits by the name of their flag, in place of the documented ones.
        profile: what is known of the image.
        secrets: names of secrets that it gets.
        heading: a comment above it.
    """

    pin: str | None = None
    keep_limits: bool = False
    limits: Mapping[str, str] = {}
    profile: Profile | None = None
    secrets: tuple[str, ...] = ()
    heading: str = ""


class Rewording(Struct, eq=False, dict=True):
    """A container on its way into the words of the shared module.

    Attributes:
        draft: the change in the making.
        tree: the snapshot.
        block: the container, or the function that makes some, read once.
        makers: the containers that it comes to.
        wishes: what is wanted beside the rules.
        moved: the texts of comments that stand elsewhere now.
        gone: definitions that are said otherwise now.
    """

    draft: Draft
    tree: Tree
    block: Block
    makers: Sequence[Container]
    wishes: Wishes
    moved: list[str] = []
    gone: list[Slot] = []

    @cached_property
    def home(self) -> placing.Home:
        """The set in which its attributes stand."""
        return placing.home(self.tree, self.block, ())

    def own(self, expr: Expr) -> bool:
        """Whether an expression is written for this container alone."""
        return placing.not_own(self.tree, self.block, expr) is None

    def single(self, *path: str) -> Slot | None:
        """The one definition of an attribute, where it is written out for this container alone."""
        slots = self.block.get(*path)
        if len(slots) != 1 or slots[0].rest or not slots[0].certain or slots[0].modifiers:
            return None
        slot = slots[0]
        written = slot.binding is not None and slot.binding.type == "binding"
        return slot if written and self.own(slot.expr) else None

    def alike(self, name: str, slot: Slot) -> bool:
        """Whether a definition is the only one that each of the containers has of an attribute."""
        return all([one.binding for one in each.block.get(name)] == [slot.binding] for each in self.makers)

    def hides(self, name: str) -> bool:
        """Whether its definition of an attribute hides another one, which would be back without it."""
        return hides(self.block, name)

    def ours(self, binding: Node) -> bool:
        """Whether a binding is one of its own."""
        return any(slot.binding == binding for slot in self.block.slots)

    def take(self, slot: Slot) -> None:
        """Take a definition out."""
        assert slot.binding is not None
        self.lose(self.draft.take_binding(slot.expr.file, slot.binding))

    def empty(self, name: str, slot: Slot) -> None:
        """Take a list out; where it hides another one, an empty list stays in its place."""
        if self.hides(name):
            assert slot.binding is not None
            self.draft.replace_value(slot.expr.file, slot.binding, "[ ]")
        else:
            self.take(slot)

    def lose(self, comments: Sequence[str]) -> None:
        """Tell the comments that went, but for those that stand elsewhere now."""
        for text in comments:
            plain = text.strip("#/* \n")
            if not any(plain == moved.strip("#/* \n") for moved in self.moved):
                self.draft.note(f"The comment '{text.lstrip('# ')}' went with what it described.")

    def snippet(self, text: str, terms: Terms, term: str, lead: Sequence[str] = ()) -> Snippet:
        """A binding with the comments of the flags that it says."""
        above, behind = list(lead), list[str]()
        for flag in (flag for flag, said in terms.taken if said == term):
            for item in flag.items:
                if item.holder is None or not self.own(item.expr):
                    continue
                file = item.expr.file
                stays = _is_left(terms, item.holder)
                comments = (comments_about if stays else comments_of)(file, item.expr.node)
                above += [comment_text(file, node) for node in comments.leading]
                behind += [comment_text(file, node) for node in comments.behind]
        if len(behind) > 1:
            above, behind = [*above, *behind], []
        self.moved += [*above, *behind]
        return Snippet(text, tuple(above), behind[0] if behind else "")


def _is_left(terms: Terms, listed: Expr) -> bool:
    """Whether a list of flags keeps some of them."""
    taken = {
        item.expr.node
        for flag, _ in terms.taken
        for item in flag.items
        if item.holder is not None and item.holder.node == listed.node
    }
    return any(node.type != "comment" and node not in taken for node in listed.node.named_children)


def airy(file: ParsedFile, items: Sequence[Node]) -> bool:
    """Whether blank lines part the bindings of a set."""
    data = file.source.data
    gaps = (data[upper.end_byte : lower.start_byte] for upper, lower in itertools.pairwise(items))
    return any(
        line.count(b"\n") > 1 and b"\n\n" in line.replace(b"\r", b"").replace(b" ", b"") for line in gaps
    )


def lead_of(file: ParsedFile, binding: Node) -> str:
    """The part of an attribute path before its last component, with the dot."""
    path = attrpath_of(binding)
    return file.source.data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")


def led(lead: str, snippet: Snippet) -> Snippet:
    """A binding with the beginning of its attribute path."""
    return replace(snippet, text=lead + snippet.text) if lead else snippet
