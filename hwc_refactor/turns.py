"""Changes of one file that are proposed each upon those before it, where their edits would meet.

Everything is still read from the snapshot. What is edited is the text that the changes before have left, so
that the later ones need not wait for the next snapshot.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.model import Change
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.objects import Key
from hwc_refactor.nixos.tree import Tree

LONGEST = 32
"""So many changes are built upon each other; it takes longer each time."""


class Turn(Struct, frozen=True):
    """Changes in one file, and all that they do to it.

    Attributes:
        file: the file.
        keys: the objects that they are about.
        edits: what they do together, as edits of the snapshot.
        over: whether what was proposed upon them could not be made there, and no more is built upon them.
    """

    file: str
    keys: tuple[Key, ...] = ()
    edits: tuple[Edit, ...] = ()
    over: bool = False

    def bears(self, change: Change) -> Change:
        """A change that was proposed on what these have left, as one that is built upon them."""
        return replace(change, upon=self.keys) if self._own(change) else change

    def followed_by(self, key: Key, change: Change) -> Turn:
        """These changes and one that is built upon them."""
        own = self._own(change)
        if not own:
            return self
        keys = (*self.keys, key)
        return Turn(self.file, keys, own, over=len(keys) == LONGEST)

    def _own(self, change: Change) -> tuple[Edit, ...]:
        return tuple(edit for edit in change.edits if edit.span.file == self.file)


def takes_turns(block: Block) -> bool:
    """Whether an object stands in one file and is made there by nothing but itself.

    All such objects of a file are asked in one process, in their order.
    """
    return not block.calls and not block.assumed and block.files == {block.file}


def turns(tree: Tree, name: str) -> dict[str, Turn]:
    """The turns that were taken on a snapshot, by file; `name` tells these turns from others."""
    known = tree.memo.setdefault(("turns", name), {})
    return cast("dict[str, Turn]", known)
